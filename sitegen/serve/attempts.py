"""What was tried and is not tried again without a reason."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sitegen.errors import BlockError
from sitegen.execute.executor import Execution
from sitegen.execute.plan import Plan
from sitegen.parse.lesson import Cell, Lesson
from sitegen.record.replay import Standing


@dataclass(frozen=True)
class Attempt:
    """An execution that left something to run."""

    fingerprints: tuple[str, ...]
    """Of what was left."""
    lesson: Lesson
    execution: Execution

    def stands(self, fingerprints: tuple[str, ...], lesson: Lesson) -> bool:
        """Whether it would come to the same. An error names lines, so its text has to be too."""
        same = self.execution.error is None or self.lesson.text == lesson.text
        return same and self.fingerprints == fingerprints


@dataclass(frozen=True)
class Attempts:
    """By the slug of the lesson, the last attempt at it; a value, each change gives another."""

    by_slug: Mapping[str, Attempt] = field(default_factory=dict)

    def without_saved(self, saved: Collection[Path], root: Path) -> Attempts:
        """Without those that failed in files that were saved since: they are tried again."""
        return self._those(
            slug
            for slug, one in self.by_slug.items()
            if not (one.execution.error and root / one.lesson.path in saved)
        )

    def still_standing(
        self, plans: Sequence[Plan], found: Mapping[str, Sequence[Standing]]
    ) -> Attempts:
        """Those that would come to the same as these plans now."""
        return self._those(
            plan.lesson.slug
            for plan in plans
            if (attempt := self.by_slug.get(plan.lesson.slug))
            and attempt.stands(_fingerprints(plan, found), plan.lesson)
        )

    def and_this(
        self, plan: Plan, execution: Execution, found: Mapping[str, Sequence[Standing]]
    ) -> Attempts:
        """With an execution that left this plan to run."""
        attempt = Attempt(_fingerprints(plan, found), plan.lesson, execution)
        return Attempts({**self.by_slug, plan.lesson.slug: attempt})

    @property
    def failures(self) -> Iterator[tuple[BlockError, Cell | None]]:
        """The errors, each with the cell that it is of."""
        for one in self.by_slug.values():
            if one.execution.error:
                yield one.execution.error, one.execution.failed

    def _those(self, slugs: Iterator[str]) -> Attempts:
        return Attempts({slug: self.by_slug[slug] for slug in slugs})


def _fingerprints(plan: Plan, found: Mapping[str, Sequence[Standing]]) -> tuple[str, ...]:
    """What the cells of a plan depend on."""
    ids = {cell.id for cell in plan.cells}
    standings = found[plan.lesson.slug]
    return tuple(one.fingerprint.digest for one in standings if one.cell.id in ids)
