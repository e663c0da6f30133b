"""From the units of a lesson to their fingerprints."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sitegen.fingerprint.library import Library
from sitegen.fingerprint.modules import Key
from sitegen.fingerprint.reader import Reader
from sitegen.fingerprint.regions import State
from sitegen.fingerprint.scope import bound_names
from sitegen.fingerprint.tokens import Source, short_hash
from sitegen.fingerprint.values import changes_when_read
from sitegen.fingerprint.vocabulary import CHANGES_WHEN_READ, READS_FILES, READS_SOURCE, TELLING

FORMAT = "1"
"""Changes when the same code is to get other fingerprints."""


@dataclass(frozen=True)
class Unit:
    """A piece of a lesson's code that is executed as one."""

    id: str
    code: str
    salt: str = ""
    """What alters the execution besides the code: options, the hashes of resources."""
    may_raise: bool = False
    """Whether it may end before its end, so that what it binds may not get bound."""


@dataclass(frozen=True)
class Fingerprint:
    """What the outputs of a unit depend on."""

    digest: str
    needs: tuple[str, ...]
    """The earlier units that rebuild the state which the unit starts from, in order."""
    parts: Mapping[str, str] = field(repr=False)
    """A short hash of each thing that the digest was made from, by its name."""


@dataclass(frozen=True)
class _Reading:
    """What is known of a unit once it is read."""

    unit: Unit
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
    readings = _read(units, sources, library, reads_change=False)
    if _changes_when_read(readings, sources, library):
        readings = _read(units, sources, library, reads_change=True)
    return [_fingerprint(readings, index, library, profile) for index in range(len(units))]


def _source(unit: Unit) -> Source | None:
    """The code of a unit, None if it is not Python."""
    try:
        return Source(unit.code if "\n" in unit.code.strip() else unit.code.strip())
    except (SyntaxError, ValueError):
        return None


def _read(
    units: Sequence[Unit], sources: Sequence[Source | None], library: Library, reads_change: bool
) -> list[_Reading]:
    """What each unit depends on; with `reads_change`, reading may change what is read."""
    trees = [source.tree for source in sources if source]
    state = State(library, bound_names(trees), reads_change)
    readings: list[_Reading] = []
    for index, (unit, source) in enumerate(zip(units, sources, strict=True)):
        reader = Reader(state, index)
        reader.read_unit(source, unit.may_raise)
        needs = reader.needs.union(*(readings[need].needs for need in reader.needs))
        readings.append(
            _Reading(
                unit=unit,
                hash=_hash(unit, source),
                needs=tuple(sorted(needs)),
                reached=library.closure(reader.keys),
                imports=reader.imports,
                words=TELLING & reader.words,
            )
        )
    return readings


def _hash(unit: Unit, source: Source | None) -> str:
    if source is None:
        return short_hash(["text", unit.code, unit.salt])
    shown = str(source.shown is not None)
    return short_hash([*source.tokens(source.tree.body), shown, unit.salt])


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
    readings: Sequence[_Reading], index: int, library: Library, profile: str
) -> Fingerprint:
    needed = [readings[need] for need in readings[index].needs]
    involved = [*needed, readings[index]]
    reached = frozenset[Key]().union(*(reading.reached for reading in involved))
    words = library.telling_words(reached).union(*(reading.words for reading in involved))
    parts = {"profile": short_hash([profile]), **library.parts(reached)}
    for reading in involved:
        parts.update(reading.imports)
    if words & READS_SOURCE:
        parts.update(library.texts(reached))
        for reading in involved:
            parts[f"text of block {reading.unit.id}"] = short_hash([reading.unit.code])
    if words & READS_FILES and reached:
        parts.update(library.data_files)
    # Ids stay out: that of an inline value is its place, and says nothing about what it shows.
    code = [reading.hash for reading in involved]
    digest = short_hash([FORMAT, *code, *(text for part in sorted(parts.items()) for text in part)])
    blocks = {f"block {reading.unit.id}": reading.hash for reading in involved}
    return Fingerprint(digest, tuple(reading.unit.id for reading in needed), {**blocks, **parts})
