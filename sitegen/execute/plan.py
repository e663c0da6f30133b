"""What is to be run of a lesson."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sitegen.parse.lesson import Cell, Lesson


@dataclass(frozen=True)
class Plan:
    """The cells of one lesson that are to be run, in order."""

    lesson: Lesson
    cells: tuple[Cell, ...]
    wanted: frozenset[str] = frozenset()
    """The ids of those whose outputs are asked for; the others rebuild the state they need."""
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By the id of a cell, those that it can't run without."""

    def is_rest_of(self, other: Plan, ran: Sequence[Cell]) -> bool:
        """Whether it comes to what is left of the other one when these cells have ended.

        Wherever in the lesson's text the cells stand.
        """
        ended = {cell.id: replace(cell, line=0) for cell in ran}
        mine, others = (
            (
                plan.lesson.path,
                plan.lesson.slug,
                [replace(cell, line=0) for cell in plan.cells if cell.id not in ended],
                plan.wanted - ended.keys(),
                {cell.id: plan.needs.get(cell.id) for cell in plan.cells if cell.id not in ended},
            )
            for plan in (self, other)
        )
        known = (cell for cell in self.cells if cell.id in ended)
        return (
            mine == others
            and not self.wanted & ended.keys()
            and all(ended[cell.id] == replace(cell, line=0) for cell in known)
        )

    def left_after(self, ran: Sequence[Cell]) -> tuple[Cell, ...] | None:
        """What is to be run where these cells ran already; None if that is no beginning of it."""
        done = {cell.id for cell in ran} - self.wanted
        left = tuple(cell for cell in self.cells if cell.id not in done)
        cells = self.lesson.cells
        first = min((cells.index(cell) for cell in left), default=len(cells))
        return left if set(ran) <= set(cells[:first]) else None
