"""Writes the site: all of it or nothing, only what changed, and nothing that is not its own."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from sitegen.errors import SiteError
from sitegen.files import (
    holds,
    refuse_links,
    remove,
    sweep,
    tree,
    write_all,
    write_if_changed,
)
from sitegen.parse.config import Config
from sitegen.parse.lesson import Lesson
from sitegen.render import mathfont, preview, search
from sitegen.render.renderer import Page

MANIFEST = ".files.json"
"""What the last build wrote, each file with its digest. It says that a folder is the generator's,
and what in it may be replaced and taken away. While a build writes, a file has two digests, of
what it was and of what it will be."""
HOME = "index.html"
"""The page that every whole site has."""


def publish(output: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder `output` hold these files; others that a build wrote are removed.

    Raises:
        SiteError: the folder is another's, a file in its place is, or something can't be written;
            nothing is.
    """
    before = _claim(output, files)
    sweep(output)
    _write(output, files, before)
    for name in sorted(before.keys() - files.keys()):
        _take_away(output / name, before[name])
    _write_manifest(output, _digests(files))


def publish_part(output: Path, files: Mapping[str, bytes]) -> None:
    """Write these files of the site and leave the others as they are; raises as `publish` does."""
    before = _claim(output, files)
    _write(output, files, before)
    _write_manifest(output, before | _digests(files))


def _claim(output: Path, files: Mapping[str, bytes]) -> dict[str, str]:
    """What the last build wrote into a folder; `SiteError` unless all may go there."""
    if output.exists() and not output.is_dir():
        raise SiteError(f"cannot write the site to {_shown(output)}: it is a file")
    # Looked for before the list is read: another build may be about to write both.
    others = next(_visible(output), None)
    there = [name for name, content in files.items() if _is_another(output / name, content)]
    before = _manifest(output)
    if others and before is None:
        raise SiteError(
            f"cannot write the site to {_shown(output)}: it holds {others.relative_to(output)} "
            f"and no {MANIFEST}, so that it is no site of the generator's; name a new folder"
        )
    before = before or {}
    for name in there:
        if name not in before:
            raise SiteError(
                f"cannot write {_shown(output / name)}: no build wrote what is there; move it"
            )
    refuse_links((output / name for name in {**before, **files}), output)
    return before


def _visible(folder: Path) -> Iterator[Path]:
    """The files in a folder that count as somebody's: none that is hidden or in a site below it.

    A site has no hidden files but the list of the others.
    """
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name.startswith("."):
            continue
        if path.is_symlink() or not path.is_dir():
            yield path
        elif _manifest(path) is None:
            yield from _visible(path)


def _is_another(path: Path, content: bytes) -> bool:
    return (path.is_file() or path.is_symlink()) and not holds(path, content)


def _write(output: Path, files: Mapping[str, bytes], before: Mapping[str, str]) -> None:
    """Write what is not there yet, the list of it first: a build may be killed in between."""
    after = _digests(files)
    either = {
        name: " ".join(dict.fromkeys([*before.get(name, "").split(), *after.get(name, "").split()]))
        for name in {**before, **after}
    }
    listed = _text(either).encode("utf-8")
    wanted = {output / name: content for name, content in {MANIFEST: listed, **files}.items()}
    changed = {path: content for path, content in wanted.items() if not holds(path, content)}
    for name, digests in before.items():
        if output / name in changed and _was_edited(output / name, digests):
            print(
                f"warning: {_shown(output / name)} was edited; it is written anew", file=sys.stderr
            )
    write_all(changed)


def _take_away(path: Path, digests: str) -> None:
    """Remove what a build wrote, unless somebody has edited it since."""
    if _was_edited(path, digests):
        said = f"{_shown(path)} is of no use any more, but was edited; it stays"
        print(f"warning: {said}", file=sys.stderr)
    elif not path.is_dir():
        remove(path)


def _was_edited(path: Path, digests: str) -> bool:
    there = path.is_file() or path.is_symlink()
    return there and not _is(path, digests.split())


def _is(path: Path, digests: Sequence[str]) -> bool:
    """Whether there is a file, and no link to one, with one of these digests."""
    return not path.is_symlink() and path.is_file() and _digest(path.read_bytes()) in digests


def intact(output: Path) -> bool:
    """Whether the folder holds just what the last build wrote."""
    digests = _manifest(output) or {}
    return HOME in digests and all(_is(output / name, [digest]) for name, digest in digests.items())


def site_files(config: Config, lessons: tuple[Lesson, ...], pages: list[Page]) -> dict[str, bytes]:
    """Everything that the site consists of, by its path in it."""
    files = {f"static/{name}": path.read_bytes() for name, path in _static(config)}
    made = _manifest(config.output) or {}
    if any("<math" in page.html for page in pages):
        name = f"static/{mathfont.NAME}"
        files[name] = _kept(config.output, name, made) or mathfont.subset()  # always the same
    for lesson in lessons:
        for name in lesson.files:
            files[name] = (config.lessons / name).read_bytes()
    files |= {page.path: page.html.encode("utf-8") for page in pages}
    for page in pages:
        files |= page.files
        for name, card in page.cards.items():
            # It is named by its content.
            files[name] = _kept(config.output, name, made) or preview.png(card)
    found = [section for page in pages for section in page.sections]
    files[search.NAME] = search.index(found).encode("utf-8")
    return files


def _static(config: Config) -> Iterator[tuple[str, Path]]:
    for folder in config.static:
        for path in tree(folder):
            if not path.name.startswith("."):
                yield path.relative_to(folder).as_posix(), path


def _kept(output: Path, name: str, digests: Mapping[str, str]) -> bytes:
    """A file of the last build as that wrote it, empty if it is not there or another by now."""
    path = output / name
    return path.read_bytes() if _is(path, [digests.get(name, "")]) else b""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: _digest(content) for name, content in files.items()}


def _text(digests: Mapping[str, str]) -> str:
    return json.dumps(digests, indent=0, sort_keys=True) + "\n"


def _write_manifest(output: Path, digests: Mapping[str, str]) -> None:
    write_if_changed(output / MANIFEST, _text(digests))


def _manifest(output: Path) -> dict[str, str] | None:
    """What the last build wrote, by the path in the site; None where no list says so."""
    try:
        digests = json.loads((output / MANIFEST).read_text(encoding="utf-8")).items()
        if not all(re.fullmatch("[0-9a-f]{16}( [0-9a-f]{16})*", digest) for _, digest in digests):
            return None
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return None
    # Whoever edited the list must not have other files removed.
    return {name: digest for name, digest in digests if _is_below(PurePosixPath(name))}


def _is_below(path: PurePosixPath) -> bool:
    return not path.is_absolute() and ".." not in path.parts


def _shown(path: Path) -> Path:
    """As it is told to whoever called the command."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
