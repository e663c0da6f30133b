"""Files that are written whole, or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import disk_usage

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
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
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


def try_place(path: str | Path) -> None:
    """Refuse, by OSError, a path that nothing can be written to; it is left as it is."""
    path = Path(os.path.realpath(path))
    if path.is_dir():
        raise OSError(f"cannot write {path}: it is a folder; name a file in it")
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(b"\0" * 4096)
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def why_unreadable(error: Exception) -> str:
    """In a few words, why torch could not read a file."""
    first = str(error).partition("\n")[0] or type(error).__name__
    # Its own words are advice on safety, and say nothing of the file.
    return (
        "not in torch's format" if first.startswith("Weights only load") else first
    )
