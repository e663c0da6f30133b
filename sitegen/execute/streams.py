"""What a worker prints, on its way to the keeper's pipe: `sys.stdout`, `sys.stderr`, and threads.

Python's streams write to the descriptors, as they do in a script, so that what Python, C and other
processes write keeps its order, and a forked process needs nothing of its own.
"""

from __future__ import annotations

import functools
import io
import os
import re
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from sitegen.execute.keeper import TO_STDERR, TO_STDOUT

Name = Literal["stdout", "stderr"]


class Stream(io.TextIOWrapper):
    """One of Python's streams. What a thread of another block writes to it goes to `late`."""

    def __init__(
        self, name: Name, threads: Threads, late: Callable[[str | None, Name, str], None]
    ) -> None:
        descriptor = 1 if name == "stdout" else 2
        raw: Any = io.FileIO(descriptor, "w", closefd=False)
        super().__init__(raw, "utf-8", "replace", write_through=True)
        self._which = name
        self._threads = threads
        self._late = late
        self._pipe = os.fstat(descriptor).st_ino
        self._process = os.getpid()

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() takes a str, not {type(text).__name__}")
        if os.getpid() == self._process:
            cell = self._threads.cell()
            if cell != self._threads.current:
                self._late(cell, self._which, text)
                return len(text)
        data = text.encode("utf-8", "replace")
        if self._which == "stderr" and os.fstat(2).st_ino == self._pipe:
            data = TO_STDERR + data + TO_STDOUT
        left = memoryview(data)
        while left:
            left = left[os.write(self.fileno(), left) :]
        return len(text)


def parts(written: bytes) -> Iterator[tuple[Name, str]]:
    """What was written, with the stream that Python wrote it to; else it counts as stdout."""
    name: Name = "stdout"
    for part in re.split(b"(%b|%b)" % (TO_STDERR, TO_STDOUT), written):
        if part == TO_STDERR:
            name = "stderr"
        elif part == TO_STDOUT:
            name = "stdout"
        elif part:
            yield name, part.decode("utf-8", "replace")


class Threads:
    """Which cell a thread works for: the one that started it, or that gave its pool the work.

    `current` is the cell that runs.
    """

    def __init__(self) -> None:
        self.current: str | None = None
        self._cells: weakref.WeakKeyDictionary[threading.Thread, str | None]
        self._cells = weakref.WeakKeyDictionary()
        # Python 3.11 tells nobody when a thread starts.
        threading.Thread.start = self._noticed(threading.Thread.start)  # type: ignore[method-assign]
        pool: Any = ThreadPoolExecutor
        pool.submit = self._submitted(pool.submit)

    def _noticed(self, start: Callable[[threading.Thread], None]) -> Any:
        @functools.wraps(start)
        def noticed(thread: threading.Thread) -> None:
            self._cells[thread] = self.cell()
            start(thread)

        return noticed

    def _submitted(self, submit: Callable[..., Any]) -> Any:
        @functools.wraps(submit)
        def submitted(pool: Any, function: Any, /, *arguments: Any, **named: Any) -> Any:
            cell = self.cell()

            def work() -> Any:
                thread = threading.current_thread()
                self._cells[thread] = cell
                try:
                    return function(*arguments, **named)
                finally:
                    self._cells.pop(thread, None)

            return submit(pool, work)

        return submitted

    def cell(self) -> str | None:
        """The one that whoever asks belongs to."""
        me = threading.get_ident()
        if me == threading.main_thread().ident:
            return self.current
        thread = next((one for one in threading.enumerate() if one.ident == me), None)
        return self._cells.get(thread, self.current) if thread else self.current

    def unfinished(self) -> Iterator[tuple[str, str]]:
        """Cell and name of each thread that a script would wait for at its end."""
        for thread, cell in list(self._cells.items()):
            if cell and thread.is_alive() and not thread.daemon:
                yield cell, thread.name
