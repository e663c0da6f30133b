"""Writes the site: all of it or nothing, only what changed, and nothing that is not its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sitegen.errors import SiteError
from sitegen.files import holds, remove, sweep, write_all
from sitegen.manifest import digest_of, read_manifest, write_manifest
from sitegen.parse.config import Config
from sitegen.parse.lesson import Lesson
from sitegen.render import mathfont, preview, search
from sitegen.render.renderer import Page


def publish(output: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder `output` hold these files; others that a build wrote are removed."""
    if output.exists() and not output.is_dir():
        raise SiteError(f"cannot write the site to {output}: it is a file")
    before = read_manifest(output).keys()
    sweep(output)
    paths = {output / name: content for name, content in files.items()}
    write_all({path: content for path, content in paths.items() if not holds(path, content)})
    for name in sorted(before - files.keys()):
        remove(output / name)
    write_manifest(output, {name: digest_of(content) for name, content in files.items()})


def publish_part(output: Path, files: Mapping[str, bytes]) -> None:
    """Write these files of the site and leave the others as they are."""
    write_all({output / name: content for name, content in files.items()})
    if digests := read_manifest(output):  # without one, the next build writes everything
        digests |= {name: digest_of(content) for name, content in files.items()}
        write_manifest(output, digests)


def site_files(config: Config, lessons: tuple[Lesson, ...], pages: list[Page]) -> dict[str, bytes]:
    """Everything that the site consists of, by its path in it."""
    files = {f"static/{name}": path.read_bytes() for name, path in _static(config)}
    if any("<math" in page.html for page in pages):
        name = f"static/{mathfont.NAME}"
        files[name] = _read(config.output / name) or mathfont.subset()  # always the same
    for lesson in lessons:
        for name in lesson.files:
            files[name] = (config.lessons / name).read_bytes()
    files |= {page.path: page.html.encode("utf-8") for page in pages}
    for page in pages:
        files |= page.files
        for name, card in page.cards.items():
            files[name] = _read(config.output / name) or preview.png(card)  # named by its content
    found = [section for page in pages for section in page.sections]
    files[search.NAME] = search.index(found).encode("utf-8")
    return files


def _static(config: Config) -> Iterator[tuple[str, Path]]:
    for folder in config.static:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield path.relative_to(folder).as_posix(), path


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
