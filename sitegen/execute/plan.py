"""What is to be run of a lesson, cell after cell."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sitegen.parse.lesson import Cell, Lesson
from sitegen.trace import Trace


@dataclass(frozen=True)
class Order:
    """A cell that a worker is to run."""

    cell: Cell
    given: Trace | None = None
    """Its recorded trace, of one that is run only to have again what it left then."""


class Plan(Protocol):
    """Says what a worker is to run next, given what it has run."""

    @property
    def lesson(self) -> Lesson: ...

    @property
    def cells(self) -> Sequence[Cell]:
        """What is going to be run, as far as that is known beforehand."""

    def next(self, ran: Sequence[Cell], lacking: Collection[str]) -> Order | None:
        """The next cell; `lacking` are the ids of those that this machine can't run."""

    def goes_on_from(self, ran: Sequence[Cell]) -> bool:
        """Whether a process in which just these cells have run is a good one to begin with."""

    def takes_up(self, ran: Sequence[Cell], current: Cell | None) -> bool:
        """Whether what a process has run so far, and runs now, is a beginning of this."""


@dataclass(frozen=True)
class Straight:
    """Runs all that it was given, in order."""

    lesson: Lesson
    cells: tuple[Cell, ...]
    needs: Mapping[str, Collection[str]] = field(default_factory=dict)
    """By the id of a cell, those that it can't run without."""

    def next(self, ran: Sequence[Cell], lacking: Collection[str]) -> Order | None:
        done, out = {cell.id for cell in ran}, set(lacking)
        for cell in self.cells:
            if cell.id not in out and out.intersection(self.needs.get(cell.id, ())):
                out.add(cell.id)
            if cell.id not in done | out:
                return Order(cell)
        return None

    def goes_on_from(self, ran: Sequence[Cell]) -> bool:
        return tuple(ran) == self.cells[: len(ran)]

    def takes_up(self, ran: Sequence[Cell], current: Cell | None) -> bool:
        return False
