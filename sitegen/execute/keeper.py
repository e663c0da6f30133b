"""The process beside a worker: it takes in what is written, and leaves nothing running.

A worker's keeper is its parent. What the worker and its children write past Python's own streams
goes through a pipe to the keeper, which holds the beginning and counts the rest, so that neither
memory nor disk fills up. On Linux whatever a block started becomes the keeper's child at the latest
when its own parent ends, in whichever session it is, and the keeper ends it with the worker. Where
the system has no such adoption, the worker's process group is what is ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import re
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path

KEPT = 4_100_000
"""Bytes of what a block writes: a million characters, however many bytes one takes."""
GRACE, PATIENCE = 0.5, 5.0
"""Seconds that what a block left running has to end by itself, and to end when it is killed."""
LAST_WORDS = 4000
"""Bytes of it that are told when a block ended before its time."""

TO_STDERR, TO_STDOUT = b"\0\1stderr\2\0", b"\0\1stdout\2\0"
"""Before what Python writes to either stream: they share the pipe, for the sake of order."""

_SUBREAPER, _DEATH_SIGNAL = 36, 1  # as <linux/prctl.h> numbers them


class Lines:
    """What a worker and its keeper talk through: a pipe for text, and a desk for requests."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.desk, self.window = Pipe()

    def leave_to_worker(self) -> None:
        os.close(self.writer)
        self.window.close()

    def leave_to_keeper(self) -> Connection:
        """In the worker: let all that is printed go there; the connection for requests."""
        os.close(self.reader)
        self.desk.close()
        for descriptor in (1, 2):
            os.dup2(self.writer, descriptor)
        os.close(self.writer)
        return self.window


@dataclass(frozen=True)
class Ended:
    """How a worker ended."""

    code: int | None = None
    """Negative if it was a signal; None if nobody can tell."""
    waited: bool = False
    """Whether it was waiting for something when it was made to end."""
    said: str = ""
    """The end of what was written and not asked for any more."""


def keep(control: Connection, start: Callable[[Lines], int], spared: Collection[int] = ()) -> None:
    """Start a worker, keep it until it ends or is to be ended, and tell `control` how it ended.

    It is ended by any message, and if nobody is at the other end of `control` any more.
    """
    lines, text, spares = Lines(), _Text(), set(spared)
    pid = start(lines)
    lines.leave_to_worker()
    end = _end_of(pid)
    sources: list[Connection | int] = [lines.reader, lines.desk, control, *end]
    waited = False
    while True:
        ready = wait(sources, timeout=None if end else 0.05)
        if lines.reader in ready and not text.read(lines.reader):
            sources.remove(lines.reader)
        if lines.desk in ready and not _answer(lines, text, spares):
            sources.remove(lines.desk)
        if control in ready:
            with contextlib.suppress(EOFError, OSError):
                control.recv()
            sources.remove(control)
            waited = _waits(pid)
            _kill(pid)
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
    while lines.desk in sources and lines.desk.poll() and _answer(lines, text, spares):
        pass
    end_children(spares)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    text.drain(lines.reader)
    for descriptor in (lines.reader, *end):
        os.close(descriptor)
    lines.desk.close()
    with contextlib.suppress(OSError):
        control.send(Ended(os.waitstatus_to_exitcode(status), waited, text.last_words()))


def _answer(lines: Lines, text: _Text, spares: set[int]) -> bool:
    """Do what a worker asks for; false if it can't ask any more."""
    try:
        request = lines.desk.recv_bytes()
        if request == b"begin":
            text.begin()
            lines.desk.send_bytes(b"")
        elif request == b"take":
            text.drain(lines.reader)
            lines.desk.send_bytes(text.take())
        else:
            spares.add(int(request))
    except (EOFError, OSError):
        return False
    return True


class Desk:
    """As a worker sees its keeper."""

    def __init__(self, window: Connection) -> None:
        self.window = window
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Count anew: a block begins."""
        with self._lock:
            self.window.send_bytes(b"begin")
            self.window.recv_bytes()

    def take(self) -> tuple[bytes, int]:
        """What was written since this was last asked, and how many characters there were more."""
        with self._lock:
            self.window.send_bytes(b"take")
            answer = self.window.recv_bytes()
        (left_out,) = struct.unpack_from("q", answer)
        return answer[struct.calcsize("q") :], left_out

    def spare(self, pid: int) -> None:
        """Let a child go on when the worker ends."""
        self.window.send_bytes(str(pid).encode())


class _Text:
    """The beginning of what a block writes, and how many characters are left out."""

    def __init__(self) -> None:
        self.held = bytearray()
        self.left_out = 0
        self.begin()

    def begin(self) -> None:
        self.room = KEPT - len(self.held)
        self.full = False
        self.may_shrink = True

    def take(self) -> bytes:
        taken = struct.pack("q", self.left_out) + self.held
        self.held.clear()
        self.left_out = 0
        return taken

    def read(self, descriptor: int, most: int = 1 << 16) -> int:
        """Take in what can be read; how much that was."""
        data = os.read(descriptor, most)
        if len(data) > self.room and self.may_shrink:
            self._shrink()
        kept = b"" if self.full else data[: self.room]
        self.full = len(kept) < len(data)
        self.held += kept
        self.room -= len(kept)
        self.left_out += _characters(data[len(kept) :])
        return len(data)

    def drain(self, descriptor: int) -> None:
        """Take in what is there already, and not what comes meanwhile."""
        (there,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))
        while there > 0:
            there -= self.read(descriptor, there)

    def _shrink(self) -> None:
        """Leave out what a progress bar has written over itself."""
        before = len(self.held)
        self.held = bytearray(
            re.sub(
                rb"^[^\n]*\r(?=[^\n\r])",
                lambda line: (re.findall(_MARKS, line.group()) or [b""])[-1],
                self.held,
                flags=re.M,
            )
        )
        self.room += before - len(self.held)
        self.may_shrink = self.room > KEPT // 2

    def last_words(self) -> str:
        """The end of what is held; nothing if it was taken."""
        text = re.sub(_MARKS, b"", self.held[-LAST_WORDS:]).decode("utf-8", "replace")
        return text if len(self.held) <= LAST_WORDS else text.partition("\n")[2]


_MARKS = re.compile(b"%b|%b" % (TO_STDERR, TO_STDOUT))


def _characters(data: bytes) -> int:
    """How many there are in UTF-8."""
    return len(data.translate(None, bytes(range(0x80, 0xC0))))


def adopt() -> None:
    """Become the parent of whatever processes below this one lose theirs, if the system can."""
    _prctl(_SUBREAPER, 1)


def end_with_parent() -> None:
    """Let this process be killed when its parent ends, if the system can."""
    _prctl(_DEATH_SIGNAL, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def end_children(spared: Collection[int] = ()) -> None:
    """End the children of this process, and theirs as they become its own, until none is left.

    They are asked first, since what keeps account of shared memory has to give it back.
    """
    began = time.monotonic()
    asked: set[int] = set()
    while (elapsed := time.monotonic() - began) < GRACE + PATIENCE:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        left = _children() - set(spared)
        if not left:
            return
        number = signal.SIGTERM if elapsed < GRACE else signal.SIGKILL
        for pid in left - asked if number == signal.SIGTERM else left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        asked |= left
        time.sleep(0.002)


def _children() -> set[int]:
    """Those of this process, as Linux tells them."""
    me, found = str(os.getpid()), set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if _fields(entry)[1] == me:
                found.add(int(entry.name))
    return found


def _fields(entry: Path) -> list[str]:
    """What the system says of a process or thread after its name: state, parent, and so on."""
    return (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()


def _waits(pid: int) -> bool:
    """Whether no thread of a process computes, looked at a few times."""
    for _ in range(5):
        with contextlib.suppress(OSError):
            threads = list(Path(f"/proc/{pid}/task").iterdir())
            if not threads or any(_fields(thread)[0] == "R" for thread in threads):
                return False
        time.sleep(0.005)
    return True


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _end_of(pid: int) -> list[int]:
    """A descriptor that can be read when a process has ended, if the system has such a thing."""
    try:
        return [os.pidfd_open(pid)]
    except (AttributeError, OSError):
        return []
