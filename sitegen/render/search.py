"""What the search looks through: the text of every lesson, cut at its headings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html.parser import HTMLParser

from sitegen.parse.lesson import Lesson

NAME = "static/search-index.js"

_SKIPPED = re.compile(r"<(svg|math|samp)\b[^>]*+>(?:(?<=/>)|[^<]*+(?:<(?!/?\1\b)[^<]*+)*+</\1>)")
"""What pictures, formulas and programs say; no one looks for that by its words. Of pictures
within each other, the innermost."""

_COLOURED = re.compile(r'<span class="\w{1,3}">([^<]*)</span>')
"""A word of highlighted code: thousands on a page, which cost much of the parser's time."""

_VARIANTS = "</span><span data-profile"
"""Where what one profile says ends and what another says begins: they are no word together."""

Section = tuple[str, str, str, str]
"""Address, lesson, title and text of what stands under one heading."""


def sections(lesson: Lesson, body: str) -> list[Section]:
    """The sections of a lesson, given its text as HTML. What stands first has no title."""
    titles = {heading.id: heading.title for heading in lesson.headings if heading.in_contents}
    cutter = _Cutter(titles)
    found = 1
    while found:
        body, found = _SKIPPED.subn(" ", body)
    body = body.replace(_VARIANTS, _VARIANTS.replace("><", "> <"))
    cutter.feed(_COLOURED.sub(r"\1", body))
    cutter.close()
    page = f"{lesson.slug}.html"
    return [
        (
            f"{page}#{anchor}" if anchor else page,
            lesson.meta.title,
            titles.get(anchor, ""),
            " ".join("".join(words).split()),
        )
        for anchor, words in cutter.found.items()
    ]


def index(found: Iterable[Section]) -> str:
    """The index as a script: from a folder a browser loads scripts, but fetches nothing."""
    rows = json.dumps(list(found), ensure_ascii=False, separators=(",", ":"))
    return f"self.searchIndex = {rows};\n"


class _Cutter(HTMLParser):
    """Gathers text under the heading that stands above it."""

    def __init__(self, headings: Iterable[str]) -> None:
        super().__init__()
        self.headings = frozenset(headings)
        self.words: list[str] = []
        self.found = {"": self.words}
        self.skipping = ""
        self.in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        anchor = attributes.get("id") or ""
        if anchor in self.headings:
            self.words = self.found.setdefault(anchor, [])
            self.in_heading = True
        if not self.skipping and attributes.get("class") == "badge":
            self.skipping = tag  # nothing in it is of the same tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self.skipping:
            self.skipping = ""
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self.in_heading = False
        self.words.append(" " if tag not in ("span", "code", "em", "strong", "a") else "")

    def handle_data(self, data: str) -> None:
        if not (self.skipping or self.in_heading):
            self.words.append(data)
