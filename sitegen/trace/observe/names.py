"""The names that code of a lesson takes from its namespace, as its bytecode has them."""

from __future__ import annotations

import dis
import inspect
import types
from collections.abc import Collection, Container, Iterator
from dataclasses import dataclass
from itertools import pairwise

_LEAVES = frozenset(
    (
        *("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"),
        *("RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE"),
    )
)
"""Instructions after which the next one is not reached. One that is missing costs precision."""
_INNER = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<lambda>")

ANYTHING = frozenset(
    (
        *("__globals__", "__builtins__", "builtins", "f_globals", "f_locals", "f_back"),
        *("currentframe", "_getframe", "__main__", "import_module", "get_ipython"),
        *("__subclasses__", "get_objects", "get_referrers", "get_type_hints", "get_annotations"),
        *("unittest", "testmod"),
    )
)
"""Words after which code may read any name of its lesson, in ways that nothing tells of."""
_ANYTHING_BY_NAME = frozenset(
    ("globals", "locals", "vars", "dir", "eval", "exec", "__import__", "main")
)
"""Such as are names; as attributes, like the `eval` of a model, they are something else."""
LINES = frozenset(
    (
        *("co_firstlineno", "f_lineno", "tb_lineno", "lineno", "co_lines", "co_positions"),
        *("__code__", "currentframe", "_getframe", "tb_frame", "gi_frame", "cr_frame"),
        *("dis", "cProfile", "faulthandler", "settrace", "setprofile"),
        *("take_snapshot", "get_object_traceback"),
    )
)
"""Words after which code may read where it stands."""
OF_LINES = "profile"
"""A module of Python's own that tells of lines, whose name others have, too."""
DOCS = frozenset(("__doc__", "getdoc", "help", "doctest", "testmod", "pydoc"))
"""Words after which code may read docstrings, which are no part of a function otherwise."""


@dataclass(frozen=True)
class Names:
    """What some code does with the names of its namespace."""

    read: frozenset[str] = frozenset()
    """Those that it may read as they were before it ran."""
    used: frozenset[str] = frozenset()
    """All that it reads, bound by itself or not."""
    bound: frozenset[str] = frozenset()
    surely: frozenset[str] = frozenset()
    """Those that are bound whenever it comes to its end."""
    words: frozenset[str] = frozenset()
    """All names and attributes in it."""
    stored: frozenset[str] = frozenset()
    """The attributes that it binds."""
    anything: bool = False
    """Whether it may read any name there is."""


def names_of(code: types.CodeType, decorated: Collection[str] = ()) -> Names:
    """Of a cell, given its code; functions in it count when they are reached, not here.

    Those that are decorated may be called at once.
    """
    assigned = _assigned_before(code)
    ends = [assigned[one.offset] for one in dis.get_instructions(code) if _ends(one, assigned)]
    read: set[str] = set()
    used: set[str] = set()
    bound: set[str] = set()
    for at, name, does in _uses(code, decorated):
        if does != "bind":
            used.add(name)
        if does == "bind":
            bound.add(name)
        else:
            if does == "delete":
                bound.add(name)
            if name not in assigned.get(at, frozenset()):
                read.add(name)
    return Names(
        read=frozenset(read),
        used=frozenset(used),
        bound=frozenset(bound),
        surely=frozenset.intersection(*ends) if ends else frozenset(),
        words=frozenset(name for part in _running(code, decorated) for name in _words(part)),
        stored=frozenset(attributes_of(code)),
        anything=any(map(_reads_anything, _running(code, decorated))),
    )


def _ends(one: dis.Instruction, reached: Container[int]) -> bool:
    return one.opname in ("RETURN_VALUE", "RETURN_CONST") and one.offset in reached


def _running(code: types.CodeType, decorated: Collection[str]) -> Iterator[types.CodeType]:
    yield code
    for part in code.co_consts:
        if isinstance(part, types.CodeType) and _runs_here(part, decorated):
            yield from _running(part, decorated)


def reads_anything(code: types.CodeType) -> bool:
    """Whether a function, or code inside it, may read any name there is."""
    return any(map(_reads_anything, _all(code)))


def _reads_anything(code: types.CodeType) -> bool:
    names = set(code.co_names)
    return not names.isdisjoint(ANYTHING) or (
        not names.isdisjoint(_ANYTHING_BY_NAME)
        and any(name in _ANYTHING_BY_NAME for _, name, does in _uses(code) if does == "read")
    )


def stored_of(code: types.CodeType) -> set[str]:
    """The names of its module that a function binds, and code inside it."""
    return _arguments(code, "STORE_GLOBAL", "DELETE_GLOBAL")


def texts_of(code: types.CodeType) -> Iterator[str]:
    """All strings in some code and what is inside it."""
    for part in _all(code):
        yield from (one for one in part.co_consts if isinstance(one, str))


def globals_of(code: types.CodeType) -> set[str]:
    """The names that a function may read from its module, and code inside it."""
    return _arguments(
        code, "LOAD_GLOBAL", "LOAD_NAME", "DELETE_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"
    )


def attributes_of(code: types.CodeType) -> set[str]:
    """The attributes that some code, and what is inside it, binds or deletes."""
    return _arguments(code, "STORE_ATTR", "DELETE_ATTR")


def words_of(code: types.CodeType) -> set[str]:
    """All names and attributes in some code and what is inside it."""
    return {name for part in _all(code) for name in _words(part)}


def _words(code: types.CodeType) -> Collection[str]:
    """The names in code by itself, but for the docstring that a class keeps there."""
    keeps = "__doc__" in code.co_names and not any(
        one.argval == "__doc__" and one.opname.startswith("LOAD_")
        for one in dis.get_instructions(code)
    )
    return set(code.co_names) - {"__doc__"} if keeps else code.co_names


def _arguments(code: types.CodeType, *instructions: str) -> set[str]:
    """The names that some instructions have to do with, in code and what is inside it."""
    return {
        one.argval
        for part in _all(code)
        for one in dis.get_instructions(part)
        if one.opname in instructions
    }


def _all(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from _all(part)


def _uses(code: types.CodeType, decorated: Collection[str] = ()) -> Iterator[tuple[int, str, str]]:
    """Each use of a name: the offset of the instruction, the name, and what is done."""
    for one in dis.get_instructions(code):
        if one.opname in ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"):
            yield one.offset, one.argval, "read"
        elif one.opname in ("STORE_NAME", "STORE_GLOBAL"):
            yield one.offset, one.argval, "bind"
        elif one.opname in ("DELETE_NAME", "DELETE_GLOBAL"):
            yield one.offset, one.argval, "delete"
        elif one.opname == "LOAD_CONST" and isinstance(one.argval, types.CodeType):
            inner = one.argval
            for _, name, does in _uses(inner) if _runs_here(inner, decorated) else ():
                if does == "read" or inner.co_flags & inspect.CO_NEWLOCALS:
                    yield one.offset, name, does


def _runs_here(code: types.CodeType, decorated: Collection[str]) -> bool:
    """Whether code inside a cell is no function's of its own, but may run with the cell."""
    inner = code.co_name in _INNER or code.co_name in decorated
    return inner or not code.co_flags & inspect.CO_NEWLOCALS


def _assigned_before(code: types.CodeType) -> dict[int, frozenset[str]]:
    """For each instruction that is reached, the names that were surely bound on the way to it."""
    instructions = list(dis.get_instructions(code))
    following = {one.offset: two.offset for one, two in pairwise(instructions)}
    handlers = [(e.start, e.end, e.target) for e in vars(dis.Bytecode(code))["exception_entries"]]
    by_offset = {one.offset: one for one in instructions}
    jumps = {*dis.hasjrel, *dis.hasjabs}
    known: dict[int, frozenset[str]] = {0: frozenset()}
    todo = [0]
    while todo:
        at = todo.pop()
        one, before = by_offset[at], known[at]
        after = before
        if one.opname in ("STORE_NAME", "STORE_GLOBAL"):
            after = before | {one.argval}
        elif one.opname in ("DELETE_NAME", "DELETE_GLOBAL"):
            after = before - {one.argval}
        edges = [(target, before & after) for start, end, target in handlers if start <= at < end]
        if one.opcode in jumps:
            edges.append((one.argval, after))
        if one.opname not in _LEAVES and at in following:
            edges.append((following[at], after))
        for target, names in edges:
            merged = known[target] & names if target in known else names
            if target not in known or merged != known[target]:
                known[target] = merged
                todo.append(target)
    return known
