"""What code reads besides objects: files, folders, the environment, and texts of code.

The interpreter tells of most of it by itself; where it does not, the function that everybody goes
through is stood in for. What a process of its own reads is not seen, and so said.
"""

from __future__ import annotations

import contextlib
import functools
import linecache
import os
import stat as stat_module
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from sitegen.trace.observe.found import Files, Found

_PROCESSES = {"os.fork", "os.forkpty", "os.posix_spawn", "os.system", "os.exec", "subprocess.Popen"}
_OPENS = {"open": "file", "sqlite3.connect": "file", "os.listdir": "folder", "os.scandir": "folder"}
_PUTS = {"os.rename": 2, "os.remove": 1, "os.truncate": 1, "os.link": 2, "os.symlink": 2}
"""What puts files in place or takes them away, with how many paths."""
_LONGEST = 255
"""Bytes in the name of a file, on all systems in use."""
_MACHINERY = {
    *("linecache", "tokenize", "inspect", "importlib._bootstrap_external", "zipimport"),
    *("importlib.metadata", "importlib_metadata", "pkgutil"),
}
"""Modules that look at files on the way to something that is observed otherwise."""


class Outside:
    """Hears of every read while it listens."""

    def __init__(
        self,
        root: Path,
        files: Files,
        found: Found,
        followed: Callable[[str], bool],
        importing: Callable[[], bool],
        is_fixed: Callable[[str], bool],
    ) -> None:
        self.root = root
        self.files = files
        self.found = found
        self.followed = followed
        self.is_fixed = is_fixed
        """Whether a variable of the environment is the same for every execution."""
        self.importing = importing
        """Whether a followed package is being imported."""
        self.of_imports: set[str] = set()
        """What was read while followed packages were imported: it may be in all they hold."""
        self.things: set[str] = set()
        self.hashes: dict[str, str] = {}
        """Of each file that was read, as it was then."""
        self.unseen: set[str] = set()
        self.looked_up: set[tuple[str, str]] = set()
        """What was found by the name that a pickle has of it: a module, and what is in it."""
        self.texts: set[str] = set()
        """The files whose lines were looked at."""
        self.touched_files = False
        """Whether any file of the course or of the lesson's own was looked at."""
        self.listening = False
        self.environment: Mapping[str, str] = {}
        """As the lesson finds it. What cells make of it is a part of the process."""
        self.variables: set[str] = set()
        """All that were asked for so far; they name folders outside the course."""
        self.taken: set[str] = set()
        """All that were taken with all others, as for a process: they count if named."""
        self.copied: set[str] = set()
        """Those of them that the cell took."""
        self._own = threading.local()
        """Of each thread, whether it looks at a file on our behalf."""
        self._lister: tuple[int, int] | None = None
        """The code that the names of all variables were listed for last."""

    def listen(self) -> None:
        """From now on, for as long as this process lasts."""
        sys.addaudithook(self._hear)
        self.environment = dict(os.environ)
        kind: Any = type(os.environ)
        os.environ.__class__ = _watched_environment(kind, self._asked, self._lists)
        os.stat, os.lstat = self._seen(os.stat), self._seen(os.lstat)
        linecache.getlines = self._lines(linecache.getlines)

    def clear(self) -> None:
        """Forget what was read so far."""
        self.things, self.unseen, self.texts = set(), set(), set()
        self.looked_up, self.copied = set(), set()
        self.touched_files, self._lister = False, None

    def _hears(self) -> bool:
        return self.listening or self.importing()

    def _note(self, thing: str) -> None:
        self.things.add(thing)
        if self.importing():
            self.of_imports.add(thing)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._hears():
            return
        if event in _OPENS:
            caller = sys._getframe(1)
            if caller.f_globals.get("__name__") not in _MACHINERY:
                path = arguments[0] if arguments[0] is not None else "."
                self.looked_at(path, _OPENS[event], event != "open" or _reads(*arguments[1:]))
                if event == "open" and _writes(*arguments[1:]):
                    self._written(path)
        elif event in _PUTS:
            for path in arguments[: _PUTS[event]]:
                self._written(path)
        elif event == "pickle.find_class":
            self.looked_up.add((str(arguments[0]), str(arguments[1])))
        elif event in _PROCESSES:
            self.unseen.add("a process of its own")

    def looked_at(self, path: Any, kind: str, reads: bool = True) -> None:
        """Somebody opened a file, or listed a folder, or looked whether there is one."""
        place = _place(path)
        if place is None or getattr(self._own, "looks", False):
            return
        if place.is_relative_to(self.files.temporary):
            self.touched_files = True
            return
        if not all(map(_may_be, place.parts)):
            return  # a text that is asked whether it is a file's name
        name = self._name(place)
        if name and not name.isprintable():
            self.unseen.add("a file whose name has no line of its own")
        elif name:
            self.touched_files = True
            if kind == "folder":
                self._note(f"folder {name}")
            elif reads:
                self._read(place, f"file {name}")

    def _written(self, path: Any) -> None:
        if place := _place(path):
            self.found.written.add(place)

    def _read(self, place: Path, thing: str) -> None:
        """A file was read. What cells made of it is a part of the process, as for variables."""
        self._own.looks = True
        try:
            if not self.found.is_changed(place):
                self.hashes[thing] = self.found.hash(place)
                self._note(thing)
        finally:
            self._own.looks = False

    def _name(self, place: Path) -> str:
        """How a trace names a file; nothing if no lesson has a part in it."""
        if place.is_relative_to(self.root):
            parts = place.relative_to(self.root).parts
            ours = not any(
                p.startswith(".") or p in ("__pycache__", "site-packages") for p in parts
            )
            left_out = any(place.is_relative_to(one) for one in self.files.left_out)
            return "/".join(parts) or "." if ours and not left_out else ""
        for variable in [*sorted(self.variables), *sorted(self.taken - self.variables)]:
            folder = self.environment.get(variable, "")
            if os.path.isabs(folder) and place.is_relative_to(folder):
                return f"${variable}/{place.relative_to(folder).as_posix()}"
        return ""

    def _asked(self, name: str, value: str | None) -> None:
        """Somebody asked for an environment variable; libraries may, of their own accord."""
        frame = sys._getframe(2)
        of_a_cell = value != self.environment.get(name)
        if self._hears() and not (of_a_cell or self.is_fixed(name)) and self._is_ours(frame):
            if frame.f_code.co_name == "__iter__" or _who(frame) == self._lister:
                self.copied.add(name)
                self.taken.add(name)
            else:
                self.variables.add(name)
                self._note(f"environment {name}")

    def of_none(self, thing: str) -> bool:
        """Whether a file or folder lies in a folder that only unnamed variables name."""
        kind, _, rest = thing.partition(" ")
        variable = rest.partition("/")[0].removeprefix("$")
        by_name = kind in ("file", "folder") and rest.startswith("$")
        return by_name and variable not in self.variables

    def _lists(self) -> None:
        """Somebody asked for the names of all variables."""
        self._lister = _who(sys._getframe(2))

    def _is_ours(self, frame: FrameType | None) -> bool:
        """Whether what asks is code of the course, perhaps through the standard library."""
        while frame is not None:
            module = str(frame.f_globals.get("__name__", ""))
            if self.followed(module):
                return True
            if module.partition(".")[0] not in sys.stdlib_module_names:
                return False
            frame = frame.f_back
        return False

    def _seen(self, look: Any) -> Any:
        @functools.wraps(look)
        def stat(path: Any, *args: Any, **options: Any) -> Any:
            if self._hears():
                frame = sys._getframe(1)
                asks = frame.f_globals.get("__name__")
                # Libraries look for folders of their own accord, as when they are imported.
                if asks not in _MACHINERY and (not _is_folder(path) or self._is_ours(frame)):
                    self.looked_at(path, "file")
            return look(path, *args, **options)

        def _is_folder(path: Any) -> bool:
            with contextlib.suppress(OSError, TypeError, ValueError):
                return stat_module.S_ISDIR(look(path).st_mode)
            return False

        for able in (os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks):
            if look in able:
                able.add(stat)
        return stat

    def _lines(self, getlines: Any) -> Any:
        @functools.wraps(getlines)
        def watched(filename: str, module_globals: Any = None) -> Any:
            if self.listening and self._is_ours(sys._getframe(1)):
                self.texts.add(filename)
            return getlines(filename, module_globals)

        return watched


def _place(path: Any) -> Path | None:
    """Where a path leads; nowhere if it is an open file's number, or no path."""
    with contextlib.suppress(TypeError, ValueError, OSError):
        return Path(os.path.abspath(os.fsdecode(path)))
    return None


def _reads(mode: str | None, flags: int) -> bool:
    """Whether what is in a file makes a difference to who opens it so, or to what is left in it."""
    if mode is not None:
        return {"w", "x"}.isdisjoint(mode)
    return not flags & (os.O_TRUNC | os.O_EXCL)


def _writes(mode: str | None, flags: int) -> bool:
    if mode is not None:
        return not {"w", "x", "a", "+"}.isdisjoint(mode)
    return bool(flags & (os.O_WRONLY | os.O_RDWR))


def _may_be(name: str) -> bool:
    """Whether a file can have this name."""
    return len(os.fsencode(name)) <= _LONGEST


def _who(frame: FrameType | None) -> tuple[int, int] | None:
    """The code that does something with a mapping, and where in it."""
    while frame and frame.f_globals.get("__name__") in ("collections.abc", "os"):
        frame = frame.f_back
    return (id(frame), frame.f_lasti) if frame else None


def _watched_environment(
    kind: Any, asked: Callable[[str, str | None], None], lists: Callable[[], None]
) -> Any:
    """The class of `os.environ`, but telling who is asked for."""

    class Watched(kind):
        def __getitem__(self, name: str) -> str:
            value = None
            try:
                value = str(kind.__getitem__(self, name))
                return value
            finally:
                asked(os.fsdecode(name), value)

        def __iter__(self) -> Iterator[str]:
            lists()
            return iter(list(kind.__iter__(self)))

    Watched.__name__ = Watched.__qualname__ = kind.__name__
    Watched.__module__ = kind.__module__
    return Watched
