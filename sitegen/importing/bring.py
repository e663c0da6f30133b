"""Several documents as lessons of a course, with the files that belong to them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from sitegen.course import next_order, taken_slugs
from sitegen.errors import SiteError
from sitegen.files import write_all
from sitegen.importing.bibliography import BIBLIOGRAPHY, Bibliography
from sitegen.importing.document import KINDS, PAGES, Document, slug_of
from sitegen.importing.files import Files, with_packages
from sitegen.importing.nodes import Loss, anchor, words
from sitegen.importing.write import write
from sitegen.parse.config import CONFIG_FILE, Config
from sitegen.parse.lesson import Lesson
from sitegen.parse.parser import is_external, slugify


@dataclass(frozen=True)
class Brought:
    """What was written, and what could not be taken."""

    written: tuple[str, ...]
    losses: tuple[Loss, ...]
    packages: tuple[str, ...] = ()
    """Those that the configuration follows from now on."""

    def kinds(self) -> list[tuple[str, int]]:
        """How much was lost of each kind, the most first."""
        return Counter(loss.kind for loss in self.losses).most_common()


def bring(config: Config, documents: Sequence[Document], lessons: Sequence[Lesson]) -> Brought:
    """Write a lesson of each document after those that there are, or none of them.

    Raises:
        SiteError: one would be called as a lesson or another page is.
    """
    taken = taken_slugs(config, lessons)
    for document in documents:
        if there := taken.get(document.slug):
            raise SiteError(f"{document.path}: there is a {document.slug!r} already: {there}")
    doubled = [slug for slug, n in Counter(one.slug for one in documents).items() if n > 1]
    if doubled:
        both = " and ".join(one.path for one in documents if one.slug == doubled[0])
        raise SiteError(f"{both} would both be {doubled[0]!r}: rename one, or bring one at a time")
    bibliography = Bibliography(config, (path for one in documents for path in one.bibliographies))
    others = Files(config)
    contents: dict[Path, str | bytes] = {}
    losses: list[Loss] = []
    slugs = [lesson.slug for lesson in lessons]
    for number, document in enumerate(documents, start=next_order(lessons)):
        around = _Around(config, document, documents, bibliography, others, slugs)
        others.follow(document)
        body, lost = write(document.nodes, around, document.ids)
        head = _front_matter(document, number)
        notes = "".join(f"{loss.comment}\n" for loss in document.losses)
        contents[config.lessons / f"{document.slug}.md"] = f"{head}\n{notes}{body}"
        losses += [*document.losses, *lost]
    contents |= others.contents
    if text := bibliography.text():
        contents[config.lessons / BIBLIOGRAPHY] = text
    if others.packages:
        contents[config.root / CONFIG_FILE] = with_packages(config, others.packages)
    write_all(contents)
    written = tuple(path.relative_to(config.root).as_posix() for path in contents)
    return Brought(written, tuple(dict.fromkeys(losses)), tuple(others.packages))


def _front_matter(document: Document, order: int) -> str:
    rows = {"title": document.title, "slug": document.slug, "order": order}
    if document.summary:
        rows["summary"] = " ".join(document.summary.split())
    lines = (f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in rows.items())
    return "\n".join(["---", *lines, "---", ""])


@dataclass
class _Around:
    """What the text of one document asks of the others."""

    config: Config
    document: Document
    documents: Sequence[Document]
    bibliography: Bibliography
    files: Files
    lessons: Sequence[str]
    """The slugs of those that there are."""

    def labelled(self, label: str) -> str:
        own = self.document.labels
        if label in own:
            return f"#{own[label]}" if own[label] else self.document.slug
        for other in self.documents:
            if label in other.labels:
                place = other.labels[label]
                return f"{other.slug}#{place}" if place else other.slug
        return ""

    def linked(self, target: str) -> tuple[str, str]:
        page, _, fragment = unquote(target).partition("#")
        document = self._document(page) if page else self.document
        if document:
            place = next(
                (
                    document.labels[name]
                    for name in (anchor(fragment), slugify(fragment.replace("_", "-")))
                    if name in document.labels
                ),
                "",
            )
            own = document is self.document
            lost = f"no section {fragment!r} in {document.path}" if fragment and not place else ""
            link = (f"#{place}" if own else f"{document.slug}#{place}") if place else ""
            return link or ("" if own else document.slug), lost
        stem = slug_of(Path(page).stem)
        if stem in self.lessons and Path(page).suffix in ("", ".html", *PAGES):
            return stem, f"the section {fragment!r} of a lesson is not looked for" * bool(fragment)
        return self._file(page)

    def _document(self, page: str) -> Document | None:
        folder = self.document.source.parent
        ends = ("", *KINDS, "/index.md", "/index.ipynb", "/index.qmd")
        page = re.sub(r"\.html$", "", page).rstrip("/")
        places = {(folder / f"{page}{end}").resolve() for end in ends}
        if page.startswith("/"):
            return next((one for one in self.documents if f"{one.source}".endswith(page)), None)
        return next((one for one in self.documents if one.source in places), None)

    def _file(self, page: str) -> tuple[str, str]:
        path = self.document.source.parent / page
        if path.suffix in PAGES or not path.suffix:
            return "", f"{page!r} is not among what is brought: its words alone stand here"
        if not path.is_file():
            return "", f"no file {page!r}: its words alone stand here"
        return self._beside(page, path.read_bytes())

    def _beside(self, target: str, content: bytes) -> tuple[str, str]:
        name = self.files.beside(self.document, target, content)
        return name, "" if name else f"{target!r} is another file beside the lessons: rename one"

    def pictured(self, target: str) -> tuple[str, str]:
        if target.startswith("attachment:"):
            name = target.partition(":")[2]
            content = self.document.pictures.get(name)
            if content is None:
                return "", f"no picture {name!r} in the notebook"
            return self._beside(f"{self.document.slug}-{name}", content)
        if target.startswith("data:"):
            return target, ""
        if is_external(target):
            said = words(target, 100)
            return "", f"a picture from elsewhere is a link: put it beside the lessons ({said})"
        path = self.document.source.parent / unquote(target)
        if not path.is_file():
            return "", f"no picture {target!r}: its words alone stand here"
        return self._beside(unquote(target), path.read_bytes())

    def substitution(self, name: str) -> str | None:
        return self.document.substitutions.get(name)

    def latex(self, text: str) -> str:
        for name, stands in self.document.macros.items():
            text = stands.join(re.split(rf"{re.escape(name)}(?![A-Za-z])", text))
        return text

    def cites(self, key: str) -> str:
        return self.bibliography.cites(key)

    def nameless(self, place: str) -> str:
        slug, _, name = place.partition("#")
        of = (one for one in self.documents if one.slug == (slug or self.document.slug))
        return next((one.nameless.get(name, "") for one in of), "")
