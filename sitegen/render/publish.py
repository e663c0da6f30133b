"""Writes the site: all of it or nothing, only what changed, and nothing that is not its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from sitegen.errors import SiteError
from sitegen.files import holds, remove, sweep, write_all, write_if_changed
from sitegen.parse.config import Config
from sitegen.parse.lesson import Lesson
from sitegen.render import mathfont, preview, search
from sitegen.render.renderer import Page

MANIFEST = ".files.json"
"""What the last build wrote, so that this one takes away what is no longer wanted."""


def publish(output: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder `output` hold these files; others that a build wrote are removed."""
    if output.exists() and not output.is_dir():
        raise SiteError(f"cannot write the site to {output}: it is a file")
    before = _manifest(output).keys()
    sweep(output)
    paths = {output / name: content for name, content in files.items()}
    write_all({path: content for path, content in paths.items() if not holds(path, content)})
    for name in sorted(before - files.keys()):
        remove(output / name)
    _write_manifest(output, {name: _digest(content) for name, content in files.items()})


def publish_part(output: Path, files: Mapping[str, bytes]) -> None:
    """Write these files of the site and leave the others as they are."""
    write_all({output / name: content for name, content in files.items()})
    if digests := _manifest(output):  # without one, the next build writes everything
        digests |= {name: _digest(content) for name, content in files.items()}
        _write_manifest(output, digests)


def intact(output: Path) -> bool:
    """Whether the folder holds just what the last build wrote."""
    digests = _manifest(output)
    return bool(digests) and all(
        path.is_file() and _digest(path.read_bytes()) == digest
        for path, digest in ((output / name, digest) for name, digest in digests.items())
    )


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
    if config.base_url:
        files["sitemap.xml"] = _map(config.base_url, pages).encode("utf-8")
    found = [section for page in pages for section in page.sections]
    files[search.NAME] = search.index(found).encode("utf-8")
    return files


def _map(base_url: str, pages: Sequence[Page]) -> str:
    """The addresses of all pages, as search engines ask for them."""
    rows = "".join(
        f"<url><loc>{escape(f'{base_url}/{page.path}')}</loc></url>\n"
        for page in pages
        if page.path != "404.html"
    )
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f'{head}\n<urlset xmlns="{space}">\n{rows}</urlset>\n'


def _static(config: Config) -> Iterator[tuple[str, Path]]:
    for folder in config.static:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield path.relative_to(folder).as_posix(), path


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _write_manifest(output: Path, digests: Mapping[str, str]) -> None:
    text = json.dumps(digests, indent=0, sort_keys=True)
    write_if_changed(output / MANIFEST, text + "\n")


def _manifest(output: Path) -> dict[str, str]:
    """What the last build wrote, by the path in the site."""
    try:
        digests = json.loads((output / MANIFEST).read_text(encoding="utf-8")).items()
    except (OSError, ValueError, AttributeError):
        return {}
    # Whoever edited the manifest must not have other files removed.
    root = output.resolve()
    return {
        name: digest for name, digest in digests if (output / name).resolve().is_relative_to(root)
    }
