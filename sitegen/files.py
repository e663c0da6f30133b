"""Writing that is whole or not at all, and removes only what it wrote itself."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from sitegen.errors import SiteError


def refuse_links(paths, root):
    pass


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace the file at `path` in one step; `SiteError` if that can't be done.

    A reader, or a build that is killed here, sees the old file or the new one.
    """
    write_all({path: content})


def write_all(contents: Mapping[Path, str | bytes]) -> None:
    """Replace several files, none of them unless all can be written; `SiteError` if not."""
    staged: dict[Path, Path] = {}
    path = Path()
    try:
        for path, content in contents.items():
            if path.is_dir():
                raise SiteError(f"cannot write {path}: it is a folder")
            staged[path] = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            _write(staged[path], content.encode("utf-8") if isinstance(content, str) else content)
        for path, temporary in staged.items():
            os.replace(temporary, path)
    except OSError as error:
        raise SiteError(f"cannot write {path}: {error.strerror}") from None
    finally:
        for temporary in staged.values():
            with contextlib.suppress(OSError):
                temporary.unlink()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sweep(folder: Path) -> None:
    """Remove what builds that were killed had not finished writing."""
    for path in folder.rglob(".*.tmp"):
        pid = path.name.split(".")[-2]
        if pid.isdigit() and not _is_alive(int(pid)):
            with contextlib.suppress(OSError):
                path.unlink()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    return True


def write_if_changed(path: Path, content: str | bytes) -> bool:
    """As `write_atomically`, but leave a file alone that holds just that already."""
    if holds(path, content):
        return False
    write_atomically(path, content)
    return True


def holds(path: Path, content: str | bytes) -> bool:
    """Whether there is a file at `path` with just this content."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        return path.read_bytes() == data
    except OSError:
        return False


def remove(path: Path) -> None:
    """Remove a file, and its folder if that leaves it empty."""
    try:
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.parent.rmdir()
    except OSError as error:
        raise SiteError(f"cannot remove {path}: {error.strerror}") from None
