"""Writes the site: all of it or nothing, only what changed, and nothing that is not its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from sitegen.config import Config
from sitegen.errors import SiteError
from sitegen.files import remove, write_if_changed
from sitegen.lesson import Lesson
from sitegen.render import Page

MANIFEST = ".files.json"
"""What the last build wrote, so that this one takes away what is no longer wanted."""


def publish(output: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder `output` hold these files; others that a build wrote are removed."""
    if output.exists() and not output.is_dir():
        raise SiteError(f"cannot write the site to {output}: it is a file")
    before = _manifest(output)
    for name, content in files.items():
        write_if_changed(output / name, content)
    for name in sorted(before - files.keys()):
        remove(output / name)
    digests = {name: hashlib.sha256(files[name]).hexdigest()[:16] for name in sorted(files)}
    write_if_changed(output / MANIFEST, json.dumps(digests, indent=0) + "\n")


def site_files(config: Config, lessons: tuple[Lesson, ...], pages: list[Page]) -> dict[str, bytes]:
    """Everything that the site consists of, by its path in it."""
    files = {f"static/{name}": path.read_bytes() for name, path in _static(config)}
    for lesson in lessons:
        for name in lesson.files:
            files[name] = (config.lessons / name).read_bytes()
    files |= {page.path: page.html.encode("utf-8") for page in pages}
    return files


def _static(config: Config) -> Iterator[tuple[str, Path]]:
    for folder in config.static:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield path.relative_to(folder).as_posix(), path


def _manifest(output: Path) -> set[str]:
    try:
        names = json.loads((output / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    # Whoever edited the manifest must not have other files removed.
    inside = (name for name in names if (output / name).resolve().is_relative_to(output.resolve()))
    return set(inside)
