"""Files that are written whole, or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import copy2, disk_usage

from safetensors import SafetensorError


class NotWrittenError(OSError):
    """A file could not be written; its message says which, and why."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a path to write to; what is there in the end takes the place of `path` in one step.

    Whatever fails before, `path` stays as it was, and nothing else is left. The folder is made.
    Raises OSError that names `path` where it can't be written.
    """
    path = Path(os.path.realpath(path))  # a link goes on pointing to its file
    part = _beside(path, "tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except (
        NotWrittenError
    ):  # of another file, which is to be written together with this one
        raise
    except (OSError, RuntimeError, SafetensorError) as error:
        # Torch and safetensors tell of a full disk by errors of their own.
        known = isinstance(error, OSError) and error.strerror
        if not known and disk_usage(path.parent).free < 2**20:
            known = os.strerror(errno.ENOSPC)
        reason = known or str(error).partition("\n")[0] or type(error).__name__
        raise NotWrittenError(
            f"cannot write {path}: {reason}; what was there is untouched"
        ) from error
    finally:
        with suppress(OSError):  # where nothing can be written, nothing is left
            part.unlink(missing_ok=True)


@contextmanager
def put_back(path: str | Path) -> Iterator[None]:
    """Whatever fails within, what is at `path` now is there afterwards, or nothing as now.

    For files that belong together, around the `replacing` of all of them.
    """
    path = Path(os.path.realpath(path))
    old, there = _beside(path, "old"), path.exists()
    try:
        if there:
            _keep(path, old)
        yield
    except BaseException:
        with suppress(OSError):  # what can't be put back was not replaced either
            if there:
                os.replace(old, path)
            else:
                path.unlink(missing_ok=True)
        raise
    finally:
        with suppress(OSError):
            old.unlink(missing_ok=True)


def _keep(path: Path, old: Path) -> None:
    """Give what is at `path` another name too, or copy it where it can have but one."""
    try:
        os.link(path, old)
    except OSError:
        copy2(path, old)


def _beside(path: Path, kind: str) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{kind}")


def try_place(path: str | Path, nbytes: int = 0) -> None:
    """Refuse, by OSError, a path that `nbytes` can't be written to; it is left as it is."""
    path = Path(os.path.realpath(path))
    if path.is_dir():
        raise OSError(f"cannot write {path}: it is a folder; name a file in it")
    if path.exists() and not path.is_file():
        raise OSError(f"cannot write {path}: it is no regular file")
    part = _beside(path, "tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(b"\0" * 4096)
        free = disk_usage(path.parent).free
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    if free < nbytes:
        raise OSError(
            f"cannot write {path}: it takes about {nbytes / 1e6:,.1f} MB, and {free / 1e6:,.1f} "
            "are free"
        )


def why_unreadable(error: Exception) -> str:
    """In a few words, why torch could not read a file."""
    first = str(error).partition("\n")[0] or type(error).__name__
    # Its own words are advice on safety, and say nothing of the file.
    if first.startswith("Weights only load"):
        return "not in torch's format"
    return first.partition(" In PyTorch 2.6")[0]
