"""What was tried and is not tried again without a reason."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sitegen.errors import BlockError
from sitegen.execute.executor import Execution
from sitegen.parse.lesson import Cell, Lesson
from sitegen.record.replay import Standing
from sitegen.trace.cells import code_hash


@dataclass(frozen=True)
class Attempt:
    """An execution that left something to run."""

    left: tuple[str, ...]
    """The cells that do not stand, with their code and what speaks against them."""
    lesson: Lesson
    execution: Execution

    def stands(self, left: tuple[str, ...], lesson: Lesson) -> bool:
        """Whether it would come to the same. An error names lines, so its text has to be too."""
        same = self.execution.error is None or self.lesson.text == lesson.text
        return same and self.left == left


@dataclass(frozen=True)
class Attempts:
    """By the slug of the lesson, the last attempt at it; a value, each change gives another."""

    by_slug: Mapping[str, Attempt] = field(default_factory=dict)

    def without_saved(self, saved: Collection[Path], root: Path) -> Attempts:
        """Without those that failed where files were saved since: they are tried again.

        Be it the lesson, or what no page is made from, such as data.
        """
        data = any(path.suffix not in (".md", ".html", ".css", ".js") for path in saved)
        return self._those(
            slug
            for slug, one in self.by_slug.items()
            if not (one.execution.error and (data or root / one.lesson.path in saved))
        )

    def still_standing(
        self, lessons: Sequence[Lesson], found: Mapping[str, Sequence[Standing]]
    ) -> Attempts:
        """Those that would come to the same with these lessons now."""
        return self._those(
            lesson.slug
            for lesson in lessons
            if (attempt := self.by_slug.get(lesson.slug))
            and attempt.stands(_left(found[lesson.slug]), lesson)
        )

    def and_this(
        self, lesson: Lesson, execution: Execution, found: Mapping[str, Sequence[Standing]]
    ) -> Attempts:
        """With an execution that left something of a lesson to run."""
        attempt = Attempt(_left(found[lesson.slug]), lesson, execution)
        return Attempts({**self.by_slug, lesson.slug: attempt})

    @property
    def failures(self) -> Iterator[tuple[BlockError, Cell | None]]:
        """The errors, each with the cell that it is of."""
        for one in self.by_slug.values():
            if one.execution.error:
                yield one.execution.error, one.execution.failed

    def _those(self, slugs: Iterator[str]) -> Attempts:
        return Attempts({slug: self.by_slug[slug] for slug in slugs})


def _left(found: Sequence[Standing]) -> tuple[str, ...]:
    return tuple(
        f"{one.cell.id} {code_hash(one.cell)} {' '.join(one.changed)}"
        for one in found
        if not one.holds
    )
