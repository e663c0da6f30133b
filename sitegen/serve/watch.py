"""Notices edits: what changed in the files that a course is made from, and when."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable
from pathlib import Path

from watchfiles import watch

from sitegen.parse.config import CACHE, RECORDINGS, Config

STEP = 5
"""Milliseconds without a further change after which one is told of."""


class Watcher:
    """Collects what changes; a context manager that leaves no thread behind.

    It has a socket that can be read as soon as there is something to take.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._changed: set[Path] = set()
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)
        self._followed: set[tuple[Path, int]] = set()

    def __enter__(self) -> Watcher:
        # A folder and not the files in it: editors replace a file by another of the same name.
        self._root_thread = _Thread(self, [self.root], recursive=False)
        self._thread: _Thread | None = None
        return self

    def __exit__(self, *_: object) -> None:
        for thread in (self._root_thread, self._thread):
            if thread:
                thread.stop()
        self._bell.close()
        self._rope.close()

    def fileno(self) -> int:
        return self._bell.fileno()

    def ring(self) -> None:
        """Make the socket readable, from whatever thread or signal."""
        with contextlib.suppress(OSError):  # it is full, and so readable, or closed
            self._rope.send(b"!")

    def tell(self, changed: Iterable[Path]) -> None:
        with self._lock:
            self._changed.update(changed)
        self.ring()

    def take(self) -> frozenset[Path]:
        """What changed since this was last asked."""
        with self._lock:
            with contextlib.suppress(BlockingIOError):
                while self._bell.recv(4096):
                    pass
            changed, self._changed = frozenset(self._changed), set()
        return changed

    def follow(self, folders: Iterable[Path]) -> None:
        """Watch these folders too, with all that is in them, and no others from now on."""
        # One that was removed and made anew has the same name, and is another.
        found = {(folder, number) for folder in folders if (number := _number(folder))}
        if found == self._followed and self._thread and self._thread.is_alive():
            return
        if self._thread:
            self._thread.stop()
        self._followed = found
        self._thread = _Thread(self, [folder for folder, _ in found], recursive=True)

    def matters(self, path: Path) -> bool:
        """Whether a file is neither written by builds nor kept by an editor for itself."""
        name = path.name
        parts = path.relative_to(self.root).parts if path.is_relative_to(self.root) else path.parts
        return not (
            {RECORDINGS, "__pycache__", CACHE} & set(parts)
            or name.endswith(("~", ".swp", ".swx", ".tmp", ".pyc"))
            or name.startswith(".#")
        )


class _Thread(threading.Thread):
    def __init__(self, watcher: Watcher, folders: Iterable[Path], recursive: bool) -> None:
        super().__init__(daemon=True)
        self.watcher = watcher
        self.folders = list(folders)
        self.recursive = recursive
        self.over = threading.Event()
        self.start()

    def run(self) -> None:
        found = watch(
            *self.folders,
            watch_filter=None,
            step=STEP,
            stop_event=self.over,
            recursive=self.recursive,
            rust_timeout=200,
            yield_on_timeout=True,
        )
        with contextlib.suppress(FileNotFoundError):  # a folder is gone: `follow` begins again
            for number, changes in enumerate(found):
                paths = [path for _, name in changes if self.watcher.matters(path := Path(name))]
                # What changed before the first answer may have gone unseen.
                if paths or number == 0:
                    self.watcher.tell(paths)

    def stop(self) -> None:
        self.over.set()
        self.join()


def _number(folder: Path) -> int:
    """What the file system calls a folder, 0 if there is none."""
    try:
        return folder.stat().st_ino if folder.is_dir() else 0
    except OSError:
        return 0


def folders_of(config: Config) -> list[Path]:
    """Where the files lie that a course is made from."""
    packages = [config.root / package for package in config.packages]
    return [config.lessons, *packages, *config.templates, *config.static]
