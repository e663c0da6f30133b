"""The files of a course as a lesson finds them; what its cells write is no part of that."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from sitegen.trace.observe.seen import Stamps
from sitegen.trace.verify import file_hash


class Files(Protocol):
    """The files that cells may read or write: of the course, and temporary ones."""

    @property
    def temporary(self) -> Path: ...

    @property
    def left_out(self) -> Collection[Path]:
        """What no cell has a part in."""

    def tells_of(self, path: Path) -> bool:
        """Whether `now` has a file of the course, if there is one at this path."""

    def now(self) -> Stamps:
        """Of each file its size and when it was written."""


class Found:
    """What a lesson found when it began."""

    def __init__(self, root: Path, files: Files) -> None:
        self._root = root
        self._files = files
        self._hashes: dict[Path, tuple[tuple[int, int] | None, str]] = {}
        self.stamps: Stamps = {}
        self.written: set[Path] = set()
        """The files that this process was heard to write, or to put in place or remove."""

    def begin(self) -> None:
        """Note how all is."""
        self.stamps = self._files.now()

    def is_changed(self, place: Path) -> bool:
        """Whether cells wrote a file of the course, or removed it, since the lesson began.

        Of one that was there, who isn't heard is taken for an author who edits it meanwhile.
        """
        if not place.is_relative_to(self._root):
            return False
        known, now = self.stamps.get(str(place)), _stamp(place)
        is_own = self._files.tells_of(place) if known is None else place in self.written
        return known != now and is_own

    def hash(self, place: Path) -> str:
        """Of a file by its content as it is now."""
        now = _stamp(place)
        known = self._hashes.get(place)
        if known is None or known[0] != now:
            known = self._hashes[place] = now, file_hash(place)
        return known[1]


def _stamp(place: Path) -> tuple[int, int] | None:
    try:
        status = os.lstat(place)
    except OSError:
        return None
    folder = stat.S_ISDIR(status.st_mode)
    return (0, 0) if folder else (status.st_size, status.st_mtime_ns)
