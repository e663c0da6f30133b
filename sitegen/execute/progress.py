"""What is said while lessons run: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from sitegen.execute.executor import Event
from sitegen.parse.lesson import Block


class Progress:
    """A context manager that is told of events; says nothing if there are none."""

    def __init__(self, total: int, verbose: bool = False) -> None:
        self.total = total
        self.verbose = verbose
        self.bar: Any = None
        self.tasks: dict[str, Any] = {}

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
                console=Console(stderr=True),
                transient=True,
            )
            self.bar.start()
            self.main = self.bar.add_task("executing", total=self.total)
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
        if self.bar:
            if event.result is None:
                self.bar.update(self.main, description=name)
            else:
                self.bar.advance(self.main)
        elif event.result and (isinstance(event.cell, Block) or self.verbose):
            print(f"  {name}  {event.result.seconds:.2f} s", file=sys.stderr, flush=True)
