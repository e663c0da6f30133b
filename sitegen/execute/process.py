"""A worker as the generator sees it, through a connection to whoever keeps it."""

from __future__ import annotations

import contextlib
from multiprocessing.connection import Connection

from sitegen.execute.keeper import Ended

PATIENCE = 10
"""Seconds that a process has to end when it was told to."""


class Process:
    """Can be waited for, and ended."""

    def __init__(self, control: Connection) -> None:
        self.control = control
        self.ended: Ended | None = None

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended."""
        if self.ended is None and self.control.poll(timeout):
            try:
                self.ended = self.control.recv()
            except (EOFError, OSError):
                self.ended = Ended()

    def kill(self) -> None:
        """End it, and everything that its blocks started."""
        if self.ended is None:
            with contextlib.suppress(OSError):
                self.control.send("end")
            self.join(PATIENCE)
