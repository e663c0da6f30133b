"""What `--serve` does until it is told to end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path

from sitegen.errors import say
from sitegen.serve.loop import Loop
from sitegen.serve.server import Server
from sitegen.serve.view import Screen
from sitegen.serve.watch import Watcher, folders_of

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a supervisor's request, a terminal that was closed."""


def serve(root: Path, port: int, output: str | None, jobs: int, verbose: bool) -> None:
    """Build the course in `root`, serve it and renew it until a signal ends it.

    Raises:
        SiteError: there is no configuration, or the port can't be had.
    """
    screen = Screen()
    with (
        Loop(root, screen, output, jobs, verbose) as loop,
        Server(screen, port) as server,
        Watcher(root) as watcher,
        _until_told(watcher) as told,
    ):
        print(f"serving {server.url}  (Ctrl-C ends it)", flush=True)
        watcher.follow(folders_of(loop.config))
        while True:
            changed = watcher.take()
            if told:  # a signal rings too: one that comes after this wakes whatever waits
                break
            loop.round(changed, watcher)
            watcher.follow(folders_of(loop.config))
            wait([watcher.fileno()])
    say("ended; the last good site stays")


@contextmanager
def _until_told(watcher: Watcher) -> Iterator[list[int]]:
    """A list that is empty until a signal asks for the end."""
    # An exception could come anywhere, even within the tidying up. This is looked at where it fits.
    told: list[int] = []

    def tell(number: int, _: object) -> None:
        told.append(number)
        watcher.ring()

    before = {number: signal.signal(number, tell) for number in ENDS}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
