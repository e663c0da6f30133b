"""The state of a lesson between two cells, kept by a process at rest.

A worker leaves copies of itself behind. A copy does nothing but fork once more for each job that
it is sent, so that what runs goes on with the state that there was, and the copy still has it.
Where a copy would share with its worker what either could alter for both, such as a thread, a
process, a pipe, or a file that is being written, none is left. One is given up when a file in the
course's folder is no longer what it was; temporary files that came since are removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import Pipe, reduction
from multiprocessing.connection import Connection
from pathlib import Path

from sitegen.execute import keeper
from sitegen.execute.keeper import Desk, Lines
from sitegen.execute.messages import Job, Rested
from sitegen.execute.plan import Plan
from sitegen.execute.process import Process
from sitegen.parse.lesson import Cell

MOST = 40
"""Snapshots of one lesson: each is a process."""


class Snapshots:
    """As the generator sees them: by lesson, the state of which cells can be gone on from."""

    def __init__(self) -> None:
        self._by_lesson: dict[str, dict[tuple[Cell, ...], Connection]] = {}

    def receive(self, slug: str, message: Rested, home: Connection) -> None:
        """Take what comes through a worker's pipe after it said that there is a snapshot."""
        try:
            control = Connection(reduction.recv_handle(home))
        except RuntimeError:  # no more files may be open
            return
        known = self._by_lesson.setdefault(slug, {})
        if message.ran in known:
            known[message.ran].close()
        known[message.ran] = control

    def go_on(
        self, plan: Plan, job: Job, away: Connection
    ) -> tuple[Process, tuple[Cell, ...]] | None:
        """A process that does the job with the state of as many cells as can be, and these."""
        known = self._by_lesson.get(plan.lesson.slug, {})
        for ran in sorted(known, key=len, reverse=True):
            if not set(ran) <= set(plan.lesson.cells):
                known.pop(ran).close()  # a cell of it is another by now
                continue
            if not plan.goes_on_from(ran):
                continue
            try:
                known[ran].send(replace(job, ran=ran))
                reduction.send_handle(known[ran], away.fileno(), 0)
                known[ran].recv()
                return Process(known[ran]), ran
            except (EOFError, OSError):  # it has ended, or can't be gone on from any more
                known.pop(ran).close()
        return None

    def drop(self, but: Collection[str] = ()) -> None:
        """Let all processes at rest end, but those of these lessons."""
        for slug in self._by_lesson.keys() - set(but):
            for control in self._by_lesson.pop(slug).values():
                control.close()


Stamps = Mapping[str, tuple[int, int]]
"""Of each file its size and when it was written."""


@dataclass(frozen=True)
class Files:
    """What blocks may have read or written: temporary files, and those of the course."""

    temporary: Path
    course: Path
    left_out: frozenset[Path]
    """What the generator writes itself, and what it knows of."""

    def now(self) -> Stamps:
        left_out = frozenset(map(str, self.left_out))
        return {**_stamps(str(self.course), left_out), **_stamps(str(self.temporary))}

    def tells_of(self, path: Path) -> bool:
        """Whether `now` has a file of the course, if there is one at this path."""
        within = path.relative_to(self.course)
        if any(part.startswith(_HIDDEN) or part.endswith("~") for part in within.parts):
            return False
        folders = [self.course / one for one in within.parents if one.parts]
        return not any(
            one in self.left_out or one.is_symlink() or (one / "pyvenv.cfg").exists()
            for one in folders
        )

    def taken_back(self, before: Stamps) -> bool:
        """Remove the temporary files that came since; whether all is then as it was."""
        for path in map(Path, _stamps(str(self.temporary)).keys() - before.keys()):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return self.now() == before


def _stamps(folder: str, left_out: Collection[str] = ()) -> Stamps:
    """Of each file and folder in a folder, looked at after every cell, and so with no more ado."""
    found: dict[str, tuple[int, int]] = {}
    todo = [folder]
    while todo:
        with contextlib.suppress(FileNotFoundError), os.scandir(todo.pop()) as entries:
            for entry in entries:
                name, path = entry.name, entry.path
                if name.startswith(_HIDDEN) or name.endswith("~") or path in left_out:
                    continue
                with contextlib.suppress(FileNotFoundError):
                    if not entry.is_dir(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        found[path] = status.st_size, status.st_mtime_ns
                    elif not os.path.exists(f"{path}/pyvenv.cfg"):
                        found[path] = 0, 0
                        todo.append(path)
    return found


_HIDDEN = (".", "__pycache__", "node_modules")


class Taker:
    """As a worker sees it: takes a snapshot where that spares work and does no harm."""

    def __init__(self, worth: float, files: Files) -> None:
        self.worth = worth
        self.files = files
        self.unsaved = 0.0
        self.taken = 0
        self.inherited: Set[tuple[int, str]] = _descriptors().items()

    def offer(
        self,
        ran: tuple[Cell, ...],
        seconds: float,
        home: Connection,
        desk: Desk,
        go_on: Callable[[Job, Connection, Desk], None],
    ) -> None:
        """Leave a snapshot after a cell that took so long, unless there is a reason not to."""
        self.unsaved += seconds
        if self.unsaved < self.worth or self.taken == MOST:
            return
        self.unsaved = 0.0
        if not (self._stands_alone(home, desk.window) and _memory_is_plentiful()):
            return
        self.taken += 1
        mine, other = Pipe()
        child = os.fork()
        if child == 0:
            mine.close()
            home.close()
            desk.window.close()
            if os.fork() == 0:  # so that a worker has no children but those of its blocks
                self._rest(other, go_on)
            os._exit(0)
        other.close()
        os.waitpid(child, 0)
        with contextlib.suppress(EOFError, OSError):
            desk.spare(mine.recv())
            home.send(Rested(ran))
            reduction.send_handle(home, mine.fileno(), 0)
        mine.close()

    def _stands_alone(self, *ours: Connection) -> bool:
        """Whether a copy shares nothing with this process that either would alter for both."""
        try:
            threads = len(os.listdir("/proc/self/task"))
            maps = Path("/proc/self/maps").read_text()
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return (
                threads == 1
                and " rw-s " not in maps
                and all(_is_only_read(found) for found in self._opened(*ours))
            )
        except OSError:
            pass  # a system that does not tell
        return False

    def _opened(self, *ours: Connection) -> list[int]:
        """The descriptors that the blocks have opened."""
        known = {connection.fileno() for connection in ours}
        return [
            number
            for number, name in _descriptors().items()
            if number not in known and (number, name) not in self.inherited
        ]

    def _rest(self, control: Connection, go_on: Callable[[Job, Connection, Desk], None]) -> None:
        """Be a snapshot, and the keeper of what goes on from it, until the generator is gone."""
        os.setsid()
        keeper.adopt()
        files = self.files.now()
        _reopen(self._opened(control))
        control.send(os.getpid())
        with contextlib.suppress(EOFError, OSError):
            while True:
                job = control.recv()
                if not isinstance(job, Job):  # to end what has ended by itself meanwhile
                    continue
                home = Connection(reduction.recv_handle(control))
                if not self.files.taken_back(files):
                    break
                keeper.keep(control, partial(self._start, control, job, home, go_on))
        os._exit(0)

    def _start(
        self,
        control: Connection,
        job: Job,
        home: Connection,
        go_on: Callable[[Job, Connection, Desk], None],
        lines: Lines,
    ) -> int:
        """Go on with a job in a copy of this process."""
        opened = self._opened(control, home, lines.desk, lines.window)
        opened = [one for one in opened if one not in (lines.reader, lines.writer)]
        pid = os.fork()
        if pid == 0:
            control.close()
            window = lines.leave_to_keeper()
            keeper.end_with_parent()
            os.setsid()
            _reopen(opened)
            own = _descriptors().items()
            self.inherited = {(number, name) for number, name in own if number not in opened}
            go_on(job, home, Desk(window))
        home.close()
        control.send(None)
        return pid


def _descriptors() -> Mapping[int, str]:
    """The open ones, each with the name of what it is of."""
    found = {}
    with contextlib.suppress(OSError):
        for number in map(int, os.listdir("/proc/self/fd")):
            with contextlib.suppress(OSError):  # the one that the list was read through
                found[number] = os.readlink(f"/proc/self/fd/{number}")
    return found


def _is_only_read(descriptor: int) -> bool:
    """Whether it is of a file that can be opened once more and read from the same place."""
    access = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE
    return access == os.O_RDONLY and stat.S_ISREG(os.fstat(descriptor).st_mode)


def _reopen(descriptors: Iterable[int]) -> None:
    """Give this process places in files of its own: those that it was born with are shared."""
    for descriptor in descriptors:
        own = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY)
        os.lseek(own, os.lseek(descriptor, 0, os.SEEK_CUR), os.SEEK_SET)
        os.dup2(own, descriptor, os.get_inheritable(descriptor))
        os.close(own)


def _memory_is_plentiful() -> bool:
    """Whether more than half of the machine's is free."""
    text = Path("/proc/meminfo").read_text()
    found = dict(line.split(":", 1) for line in text.splitlines())
    total, free = (int(found[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    return free > total / 2
