"""What `--serve` prints: what went wrong, once, and a line for each round that did something."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sitegen.errors import say
from sitegen.serve.view import Note, View


class Terminal:
    """Remembers what it said last."""

    def __init__(self) -> None:
        self._said: tuple[Note, ...] = ()

    def tell(self, notes: Sequence[Note]) -> None:
        """Print what is wrong and was not a moment ago."""
        failed = tuple(note for note in notes if note.kind == "failed")
        for note in failed:
            if note not in self._said:
                say(note.message, note.detail)
        self._said = failed

    def report(self, before: View, now: View, executed: Sequence[str], seconds: float) -> None:
        """Print what a round did, if it did anything."""
        renewed = sum(before.digests.get(name) != one for name, one in now.digests.items())
        if not (renewed or executed):
            return
        wrong = sum(note.kind == "failed" for note in now.notes)
        state = f", {wrong} wrong" if wrong else ""
        print(
            f"{time.strftime('%H:%M:%S')}  {len(executed)} executed, {renewed} files renewed"
            f"{state} in {seconds:.2f} s",
            flush=True,
        )
