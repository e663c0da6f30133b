"""Writing that is whole or not at all, and removes only what it wrote itself."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from sitegen.errors import SiteError

_TEMPORARY = re.compile(r"\..+\.lessonsite-(\d+)\.tmp")
"""A file that is not finished, with the process that writes it."""


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
            staged[path] = path.with_name(f".{path.name}.lessonsite-{os.getpid()}.tmp")
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
        own = _TEMPORARY.fullmatch(path.name)
        if own and not _is_alive(int(own[1])):
            with contextlib.suppress(OSError):
                path.unlink()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
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
    """Whether there is a file at `path` with just this content; a link to one is none."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        return not path.is_symlink() and path.read_bytes() == data
    except OSError:
        return False


def unseen_folder(folder: Path) -> Path:
    """A folder for what can be made again, made so that git does not see it."""
    if not folder.is_dir():
        with contextlib.suppress(SiteError):
            write_if_changed(folder / ".gitignore", "*\n")
    return folder


def remove(path: Path) -> None:
    """Remove a file, and its folder if that leaves it empty."""
    try:
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.parent.rmdir()
    except OSError as error:
        raise SiteError(f"cannot remove {path}: {error.strerror}") from None


def refuse_links(paths: Iterable[Path], root: Path) -> None:
    """Raise `SiteError` if `root`, or a folder in it that leads to one of the files, is a link.

    What is written or removed through a link lies where nobody looks for it.
    """
    folders = {folder for path in paths for folder in path.parents if folder.is_relative_to(root)}
    for folder in sorted(folders):
        if folder.is_symlink():
            raise SiteError(
                f"cannot write to {folder}: it is a link to {os.readlink(folder)}, and what is "
                "written goes through none; put a folder in its place"
            )


def tree(folder: Path) -> Iterator[Path]:
    """The files in a folder and below, in order; links are followed, but not round in circles."""
    for path in _entries(folder):
        if path.is_file():
            yield path


def links_out(folder: Path, inside: Sequence[Path]) -> Iterator[Path]:
    """The links in a folder and below that lead out of all of the folders `inside`.

    What is hidden in these, as the `.git` of a repository is, counts as out of them.
    """
    for path in _entries(folder, lambda link: _leads_into(link, inside)):
        if path.is_symlink() and not _leads_into(path, inside):
            yield path


def _leads_into(link: Path, folders: Sequence[Path]) -> bool:
    target = Path(os.path.realpath(link))
    return any(
        target.is_relative_to(folder)
        and not any(part.startswith(".") for part in target.relative_to(folder).parts[:-1])
        for folder in folders
    )


def _entries(
    folder: Path, follow: Callable[[Path], bool] = lambda _: True, above: Sequence[str] = ()
) -> Iterator[Path]:
    """What lies in a folder and below, but behind no link that is not to be followed."""
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise SiteError(f"cannot read {folder}: {error.strerror}") from None
    for path in paths:
        yield path
        if path.is_dir() and (not path.is_symlink() or follow(path)):
            yield from _entries(path, follow, (*above, real))
