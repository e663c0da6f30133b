"""What a trace says of the cell itself: its code, where it stands, and what stands above it."""

from __future__ import annotations

from collections.abc import Mapping

from sitegen.parse.lesson import Block, Cell, Lesson
from sitegen.parse.tokens import Source, short_hash

FORMAT = "1"
"""Changes when the same execution is to get another trace."""


def own(lesson: Lesson, profile: str) -> dict[str, Mapping[str, str]]:
    """For each cell of a lesson, by its id, a hash of each thing that is its own."""
    found: dict[str, Mapping[str, str]] = {}
    above: list[str] = []
    for cell in lesson.cells:
        code = code_hash(cell)
        found[cell.id] = {
            "code": code,
            "profile": short_hash([FORMAT, profile]),
            "line": short_hash([str(cell.line)]),
            "above": short_hash(above),
            "text of the lesson": short_hash([lesson.text]),
        }
        above.append(code)
    return found


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
