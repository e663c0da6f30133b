"""From the units of a lesson to their fingerprints."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sitegen.parse.tokens import Source, short_hash
from sitegen.record.fingerprint.library import Library
from sitegen.record.fingerprint.modules import Key
from sitegen.record.fingerprint.reader import Reader
from sitegen.record.fingerprint.regions import State
from sitegen.record.fingerprint.scope import bound_names, import_targets
from sitegen.record.fingerprint.values import binds_only, changeable_attributes, changes_when_read
from sitegen.record.fingerprint.vocabulary import (
    CHANGES_WHEN_READ,
    READS_FILES,
    READS_LINES,
    READS_SOURCE,
    TELLING,
)

FORMAT = "2"
"""Changes when the same code is to get other fingerprints."""


LINE = "line of block"
"""How a part is named that is where a block stands."""


@dataclass(frozen=True)
class Unit:
    """A piece of a lesson's code that is executed as one."""

    id: str
    code: str
    salt: str = ""
    """What alters the execution besides the code: options, the hashes of resources."""
    may_raise: bool = False
    """Whether it may end before its end, so that what it binds may not get bound."""
    line: int = 0
    """Where its code begins in the lesson; it counts only where line numbers may be read."""


@dataclass(frozen=True)
class Fingerprint:
    """What the outputs of a unit depend on."""

    digest: str
    needs: tuple[str, ...]
    """The earlier units that rebuild the state which the unit starts from, in order."""
    parts: Mapping[str, str] = field(repr=False)
    """A short hash of each thing that the digest was made from, by its name."""


@dataclass(frozen=True)
class _Piece:
    """Statements of a unit that others can depend on without the rest of it.

    An import or a definition is a piece of its own: whoever uses `torch` need not care for what
    else the block does that imports it. So is the expression that a unit ends with. All else in a
    unit depends on what comes before it there, by the random state if by nothing else.
    """

    unit: int
    name: str
    statements: tuple[ast.stmt, ...]
    alone: bool = False


@dataclass(frozen=True)
class _Reading:
    """What is known of a piece once it is read."""

    piece: _Piece
    hash: str
    needs: tuple[int, ...]
    reached: frozenset[Key]
    imports: Mapping[str, str]
    words: frozenset[str]


def fingerprints(units: Sequence[Unit], library: Library, profile: str) -> list[Fingerprint]:
    """The fingerprint of each unit of one lesson, in order.

    Raises LibrarySyntaxError where a module of the library that is reached is not Python.
    """
    sources = [_source(unit) for unit in units]
    trees = [source.tree for source in sources if source]
    names = bound_names(trees) | changeable_attributes(trees)
    readings = _read(units, sources, State(library, names, reads_change=False))
    reached = frozenset[Key]().union(*(reading.reached for reading in readings))
    more = library.states.changeable_attributes(reached) - names
    reads_change = _changes_when_read(readings, sources, library)
    if more or reads_change:
        readings = _read(units, sources, State(library, names | more, reads_change))
    found: list[Fingerprint] = []
    for index in range(len(units)):
        found.append(_fingerprint(units, readings, index, library, profile, found))
    return found


def _source(unit: Unit) -> Source | None:
    """The code of a unit, None if it is not Python."""
    try:
        return Source(unit.code if "\n" in unit.code.strip() else unit.code.strip())
    except (SyntaxError, ValueError):
        return None


def _pieces(index: int, unit: Unit, source: Source | None) -> list[_Piece]:
    """The pieces of a unit, in order; one that may end before its end is a single one."""
    name = f"block {unit.id}"
    body = source.tree.body if source else []
    if unit.may_raise or not body:
        return [_Piece(index, name, tuple(body))]
    pieces: list[_Piece] = []
    for statement in body:
        last = pieces[-1] if pieces else None
        if own := _own_name(statement):
            pieces.append(_Piece(index, f"{own} of {name}", (statement,), alone=True))
        elif statement is body[-1] and isinstance(statement, ast.Expr):
            pieces.append(_Piece(index, f"end of {name}", (statement,)))
        elif last and not last.alone:
            pieces[-1] = replace(last, statements=(*last.statements, statement))
        else:
            part = sum(not piece.alone for piece in pieces) + 1
            label = name if part == 1 else f"{name}, part {part}"
            pieces.append(_Piece(index, label, (statement,)))
    return pieces


def _own_name(statement: ast.stmt) -> str:
    """The name of what an import or a definition binds, if that is all it does."""
    match statement:
        case ast.Import() | ast.ImportFrom():
            targets = import_targets(statement)
            return "" if "*" in targets else ", ".join(sorted(targets))
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) if binds_only(statement):
            return name
    return ""


def _read(units: Sequence[Unit], sources: Sequence[Source | None], state: State) -> list[_Reading]:
    """What each piece depends on."""
    library = state.library
    readings: list[_Reading] = []
    for number, (unit, source) in enumerate(zip(units, sources, strict=True)):
        before: set[int] = set()
        for piece in _pieces(number, unit, source):
            index = len(readings)
            reader = Reader(state, index)
            reader.read_piece(source, piece.statements, unit.may_raise)
            direct = reader.needs | (set() if piece.alone else before)
            needs = direct.union(*(readings[need].needs for need in direct))
            readings.append(
                _Reading(
                    piece=piece,
                    hash=_hash(unit, source, piece),
                    needs=tuple(sorted(needs)),
                    reached=library.closure(reader.keys),
                    imports=reader.imports,
                    words=TELLING & reader.words,
                )
            )
            # A library's own code may draw random numbers while it is imported.
            if not piece.alone or reader.imports:
                before.add(index)
    return readings


def _hash(unit: Unit, source: Source | None, piece: _Piece) -> str:
    if source is None:
        return short_hash(["text", unit.code, unit.salt])
    tokens = source.tokens(piece.statements)
    if piece.alone:
        return short_hash(tokens)
    shown = str(source.shown in piece.statements)
    return short_hash([*tokens, shown, unit.salt])


def _changes_when_read(
    readings: Sequence[_Reading], sources: Sequence[Source | None], library: Library
) -> bool:
    """Whether somewhere in a lesson a property or an operator may have side effects."""
    reached = frozenset[Key]().union(*(reading.reached for reading in readings))
    words = library.telling_words(reached).union(*(reading.words for reading in readings))
    classes = (
        node
        for source in sources
        if source and "class" in source.text
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
    )
    return (
        bool(words & CHANGES_WHEN_READ)
        or any(map(changes_when_read, classes))
        or library.states.changes_when_read(reached)
    )


def _fingerprint(
    units: Sequence[Unit],
    readings: Sequence[_Reading],
    unit: int,
    library: Library,
    profile: str,
    earlier: Sequence[Fingerprint],
) -> Fingerprint:
    own = [index for index, reading in enumerate(readings) if reading.piece.unit == unit]
    indices = set(own).union(*(readings[index].needs for index in own))
    involved = [readings[index] for index in sorted(indices)]
    reached = frozenset[Key]().union(*(reading.reached for reading in involved))
    words = library.telling_words(reached).union(*(reading.words for reading in involved))
    parts = {"profile": short_hash([profile]), **library.parts(reached)}
    for reading in involved:
        parts.update(reading.imports)
    if words & READS_SOURCE:
        parts.update(library.texts(reached))
        for number in sorted({reading.piece.unit for reading in involved}):
            parts[f"text of block {units[number].id}"] = short_hash([units[number].code])
    if words & READS_LINES:
        for number in sorted({reading.piece.unit for reading in involved}):
            parts[f"{LINE} {units[number].id}"] = short_hash([str(units[number].line)])
    if words & READS_FILES and reached:
        parts.update(library.data_files)
    # Ids stay out: that of an inline value is its place, and says nothing about what it shows.
    code = [reading.hash for reading in involved]
    digest = short_hash([FORMAT, *code, *(text for part in sorted(parts.items()) for text in part)])
    blocks = {reading.piece.name: reading.hash for reading in involved}
    # A unit is run whole, and so needs what any piece of it needs.
    needed = {reading.piece.unit for reading in involved} - {unit}
    ids = {units[number].id for number in needed}.union(*(earlier[n].needs for n in needed))
    needs = tuple(one.id for one in units[:unit] if one.id in ids)
    return Fingerprint(digest, needs, {**blocks, **parts})
