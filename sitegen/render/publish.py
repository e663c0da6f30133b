"""Writes the site: all of it or nothing, only what changed, and nothing that is not its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from sitegen.errors import SiteError, say
from sitegen.files import (
    holds,
    refuse_links,
    remove,
    sweep,
    tree,
    write_all,
)
from sitegen.manifest import (
    MANIFEST,
    digests_of,
    is_one_of,
    manifest_text,
    read_manifest,
    write_manifest,
)
from sitegen.parse.config import Config
from sitegen.parse.lesson import Lesson
from sitegen.render import mathfont, preview, search
from sitegen.render.renderer import Page


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
    write_manifest(output, digests_of(files))


def publish_part(output: Path, files: Mapping[str, bytes]) -> None:
    """Write these files of the site and leave the others as they are; raises as `publish` does."""
    before = _claim(output, files)
    _write(output, files, before)
    write_manifest(output, before | digests_of(files))


def _claim(output: Path, files: Mapping[str, bytes]) -> dict[str, str]:
    """What the last build wrote into a folder; `SiteError` unless all may go there."""
    if output.exists() and not output.is_dir():
        raise SiteError(f"cannot write the site to {_shown(output)}: it is a file")
    # Looked for before the list is read: another build may be about to write both.
    others = next(_visible(output), None)
    there = [name for name, content in files.items() if _is_another(output / name, content)]
    before = read_manifest(output)
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
        elif read_manifest(path) is None:
            yield from _visible(path)


def _is_another(path: Path, content: bytes) -> bool:
    return (path.is_file() or path.is_symlink()) and not holds(path, content)


def _write(output: Path, files: Mapping[str, bytes], before: Mapping[str, str]) -> None:
    """Write what is not there yet, the list of it first: a build may be killed in between."""
    after = digests_of(files)
    either = {
        name: " ".join(dict.fromkeys([*before.get(name, "").split(), *after.get(name, "").split()]))
        for name in {**before, **after}
    }
    listed = manifest_text(either).encode("utf-8")
    wanted = {output / name: content for name, content in {MANIFEST: listed, **files}.items()}
    changed = {path: content for path, content in wanted.items() if not holds(path, content)}
    for name, digests in before.items():
        if output / name in changed and _was_edited(output / name, digests):
            say(f"warning: {_shown(output / name)} was edited; it is written anew")
    write_all(changed)


def _take_away(path: Path, digests: str) -> None:
    """Remove what a build wrote, unless somebody has edited it since."""
    if _was_edited(path, digests):
        say(f"warning: {_shown(path)} is of no use any more, but was edited; it stays")
    elif not path.is_dir():
        remove(path)


def _was_edited(path: Path, digests: str) -> bool:
    there = path.is_file() or path.is_symlink()
    return there and not is_one_of(path, digests.split())


def site_files(config: Config, lessons: tuple[Lesson, ...], pages: list[Page]) -> dict[str, bytes]:
    """Everything that the site consists of, by its path in it."""
    files = {f"static/{name}": path.read_bytes() for name, path in _static(config)}
    made = read_manifest(config.output) or {}
    if written := mathfont.characters(page.html for page in pages):
        files[f"static/{mathfont.NAME}"] = mathfont.subset(written)
    for lesson in lessons:
        for name in lesson.files:
            files[name] = (config.lessons / name).read_bytes()
    files |= {page.path: page.html.encode("utf-8") for page in pages}
    for page in pages:
        files |= page.files
        for name, card in page.cards.items():
            # It is named by its content.
            files[name] = _kept(config.output, name, made) or preview.png(card)
    if config.base_url:
        files["sitemap.xml"] = _map(config.base_url, pages).encode("utf-8")
    found = [section for page in pages for section in page.sections]
    files[search.NAME] = search.index(found).encode("utf-8")
    return files


def _map(base_url: str, pages: Sequence[Page]) -> str:
    """The addresses of all pages, as search engines ask for them."""
    rows = "".join(
        f"<url><loc>{escape(f'{base_url}/{page.path}', quote=False)}</loc></url>\n"
        for page in pages
        if page.path != "404.html"
    )
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f'{head}\n<urlset xmlns="{space}">\n{rows}</urlset>\n'


def _static(config: Config) -> Iterator[tuple[str, Path]]:
    for folder in config.static:
        for path in tree(folder):
            if not path.name.startswith("."):
                yield path.relative_to(folder).as_posix(), path


def _kept(output: Path, name: str, digests: Mapping[str, str]) -> bytes:
    """A file of the last build as that wrote it, empty if it is not there or another by now."""
    path = output / name
    return path.read_bytes() if is_one_of(path, [digests.get(name, "")]) else b""


def _shown(path: Path) -> Path:
    """As it is told to whoever called the command."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
