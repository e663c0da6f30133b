"""What a trace says of the cell itself: its code, where it stands, and what stands above it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache

from sitegen.parse.lesson import Block, Cell, Lesson
from sitegen.parse.tokens import Source, short_hash
from sitegen.trace.text import bound

FORMAT = "1"
"""Changes when the same execution is to get another trace."""


def own(lesson: Lesson, profile: str) -> dict[str, Mapping[str, str]]:
    """For each cell of a lesson, by its id, a hash of each thing that is its own."""
    found: dict[str, Mapping[str, str]] = {}
    above, lines = list[str](), list[str]()
    for cell in lesson.cells:
        code = code_hash(cell)
        lines += [cell.code] if isinstance(cell, Block) else []
        found[cell.id] = {
            "code": code,
            "profile": short_hash([FORMAT, profile]),
            "line": short_hash([str(cell.line)]),
            "above": short_hash(above),
            "lines": short_hash(lines),
        }
        above.append(code)
    return found


@lru_cache(4096)
def code_hash(cell: Cell) -> str:
    """Of the code and all else in the braces of a block that alters what it does."""
    try:
        source = Source(cell.code if "\n" in cell.code.strip() else cell.code.strip())
        tokens = [*source.tokens(source.tree.body), str(source.shown is not None)]
    except (SyntaxError, ValueError):
        tokens = ["text", cell.code]
    if isinstance(cell, Block):
        # The id seeds the random numbers, as does the text of an inline value.
        return short_hash([*tokens, cell.id, cell.options.raises])
    return short_hash([*tokens, "inline", cell.code])


@lru_cache(4096)
def bound_names(cell: Cell) -> frozenset[str]:
    """The names that the code of a cell binds, as far as it says so."""
    tree = _tree(cell)
    return frozenset(name for node in tree.body for name in bound(node)) if tree else frozenset()


@lru_cache(4096)
def mentioned_names(cell: Cell) -> frozenset[str]:
    """All names that the code of a cell reads, be it in a function that it defines."""
    return frozenset(_read(_tree(cell)))


@lru_cache(4096)
def names_in_definitions(cell: Cell) -> frozenset[str]:
    """The names that functions which a cell defines read once they are called."""
    tree = _tree(cell)
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    defined = [node for node in ast.walk(tree) if isinstance(node, inner)] if tree else []
    return frozenset(name for node in defined for name in _read(node))


def _read(tree: ast.AST | None) -> Iterator[str]:
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Name):
            yield node.id


def _tree(cell: Cell) -> ast.Module | None:
    try:
        return ast.parse(cell.code if isinstance(cell, Block) else cell.code.strip())
    except (SyntaxError, ValueError):
        return None
