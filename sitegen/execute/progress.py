"""What is said while lessons run: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from sitegen.execute.executor import Event
from sitegen.execute.plan import Plan
from sitegen.parse.lesson import Block

Expected = Mapping[tuple[str, str], float]
"""Seconds that cells took when they ran last, by the slug of the lesson and the id of the cell."""


class Progress:
    """A context manager that is told of events; says nothing if there are none."""

    def __init__(
        self, plans: Sequence[Plan], expected: Expected, at_once: int = 1, verbose: bool = False
    ) -> None:
        self.left = {(plan.lesson.slug, cell.id) for plan in plans for cell in plan.cells}
        self.total = len(self.left)
        self.expected = expected
        self.at_once = max(1, min(at_once, len(plans)))
        self.verbose = verbose
        self.bar: Any = None

    def __enter__(self) -> Progress:
        if self.total and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            self.bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[left]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self.bar.start()
            self.main = self.bar.add_task("executing", total=self.total, left=self.time_left())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar:
            self.bar.stop()

    def __call__(self, event: Event) -> None:
        name = f"{event.lesson.slug}#{event.cell.id}"
        place = (event.lesson.slug, event.cell.id)
        ended = event.result is not None and place in self.left
        self.left -= {place} if ended else set()
        if self.bar:
            if ended:
                self.bar.advance(self.main)
            self.bar.update(self.main, description=name, left=self.time_left())
        elif ended and event.result and (isinstance(event.cell, Block) or self.verbose):
            print(
                f"  {name}  {event.result.seconds:.2f} s{self._rest()}", file=sys.stderr, flush=True
            )

    def time_left(self) -> str:
        """About how long it still takes, as far as earlier runs tell."""
        known = [self.expected[one] for one in self.left if one in self.expected]
        if not known:
            return ""
        seconds = sum(known) / self.at_once
        return "under a minute left" if seconds < 60 else f"about {seconds / 60:.0f} min left"

    def _rest(self) -> str:
        """What to say of a long run on a plain line; of a short one nothing."""
        left = self.time_left()
        return f"  ({len(self.left)} to go, {left})" if left.startswith("about") else ""
