"""The library as it was at a moment, and whether it still is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sitegen.parse.config import Config
from sitegen.parse.followed import followed_files
from sitegen.trace import Program

Times = Mapping[Path, tuple[int, int, int]]
"""When each file was written, be it with the same content."""


class ChangedError(Exception):
    """A file of the library, which it names, was edited meanwhile."""


@dataclass(frozen=True)
class Sight:
    """The library, and when its files were written."""

    config: Config
    program: Program
    times: Times

    @classmethod
    def of(cls, config: Config) -> Sight:
        """What there is now.

        Raises:
            ChangedError: a file went away while it was looked for.
        """
        times = _times(config)  # first, so that what is edited between is seen to be another
        return cls(config, Program(config.root, config.packages), times)

    @property
    def identity(self) -> object:
        """Equal for two sights of the same files with the same content."""
        return self.times, self.program.packages, self.program.digest

    def assure_unchanged(self) -> None:
        """Nothing may be kept that was made while the library was edited.

        Raises:
            ChangedError: it was.
        """
        now = _times(self.config)
        changed = [path for path in {**self.times, **now} if now.get(path) != self.times.get(path)]
        if changed:
            raise ChangedError(min(changed).as_posix())


def _times(config: Config) -> Times:
    found: dict[Path, tuple[int, int, int]] = {}
    for path in followed_files(config.root, config.packages):
        try:
            stat = os.stat(config.root / path)
        except FileNotFoundError:
            raise ChangedError(path.as_posix()) from None
        found[path] = stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size
    return found
