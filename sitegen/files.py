"""Writing that is whole or not at all, and removes only what it wrote itself."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from sitegen.errors import SiteError


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace the file at `path` in one step; `SiteError` if that can't be done.

    A reader, or a build that is killed here, sees the old file or the new one.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
    except OSError as error:
        raise SiteError(f"cannot write {path}: {error.strerror}") from None


def write_if_changed(path: Path, content: str | bytes) -> bool:
    """As `write_atomically`, but leave a file alone that holds just that already."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        if path.read_bytes() == data:
            return False
    except OSError:
        pass
    write_atomically(path, data)
    return True


def remove(path: Path) -> None:
    """Remove a file, and its folder if that leaves it empty."""
    try:
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.parent.rmdir()
    except OSError as error:
        raise SiteError(f"cannot remove {path}: {error.strerror}") from None
