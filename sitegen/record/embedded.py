"""Code that stands in a lesson and in the library; `--sync` makes the two agree."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sitegen.errors import SourceError
from sitegen.files import write_if_changed
from sitegen.parse.lesson import Block, Lesson
from sitegen.parse.tokens import same_code
from sitegen.record.compare import unified_diff
from sitegen.record.definition import UnknownSymbolError, definition
from sitegen.trace import Program


@dataclass(frozen=True)
class Disagreement:
    """An embedded block that differs from its definition in the library."""

    lesson: Lesson
    block: Block
    source: str
    """The text of the definition."""
    place: str
    """Where in the library it stands."""

    @property
    def message(self) -> str:
        return (
            f"block {self.block.id!r} differs from {self.block.options.source} ({self.place}); "
            "--sync takes the library's text, or change the library"
        )

    @property
    def diff(self) -> str:
        return unified_diff(
            self.block.code,
            self.source,
            f"{self.lesson.path}:{self.block.line}",
            self.place,
        )


def disagreements(lesson: Lesson, program: Program) -> Iterator[Disagreement]:
    """The embedded blocks of a lesson that differ from the library, comments and all.

    Raises:
        SourceError: a block names a definition that is not there.
    """
    for block in lesson.blocks:
        if not block.options.source:
            continue
        try:
            found = definition(program, block.options.source)
        except UnknownSymbolError as error:
            raise SourceError(lesson.path, block.fence_line, str(error)) from None
        if not same_code(block.code, found.source):
            place = f"{_shown(found.path, program.root)}:{found.line}"
            yield Disagreement(lesson, block, found.source.rstrip("\n") + "\n", place)


def synchronize(root: Path, lesson: Lesson, program: Program) -> list[Disagreement]:
    """Write the library's text into the lesson wherever the two differ."""
    found = list(disagreements(lesson, program))
    lines = lesson.text.split("\n")
    # From the last to the first, so that an edit does not move the lines of the next.
    for one in reversed(found):
        first = one.block.line - 1
        code, new = one.block.code, one.source.rstrip("\n").split("\n")
        # In a list or a quotation, what stands before the code stays before it.
        before = lines[first].removesuffix(code.partition("\n")[0]) if code else ""
        lines[first : first + code.count("\n")] = [
            before + line if line else before.rstrip() for line in new
        ]
    if found:
        path = (root / lesson.path).resolve()  # a link within the course stays one
        written = path.read_bytes()
        mark = codecs.BOM_UTF8 if written.startswith(codecs.BOM_UTF8) else b""
        end = "\r\n" if b"\r\n" in written else "\n"
        write_if_changed(path, mark + end.join(lines).encode("utf-8"))
    return found


def _shown(path: Path, root: Path) -> str:
    path = root / path
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
