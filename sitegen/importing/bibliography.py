"""The BibTeX files of documents, and what of them the lessons cite."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sitegen.errors import SiteError
from sitegen.parse.config import Config
from sitegen.render.references import file_of, from_bibtex, load

BIBLIOGRAPHY = "references.bib"
_KEY = re.compile(r"^\s*@(?!string|comment|preamble)\w+\s*\{\s*([^,\s]+)\s*,", re.M | re.I)


def files_of(path: Path, meta: Any) -> list[Path]:
    """The BibTeX files of a document: named in it, or nearest above it."""
    named = meta.get("bibliography") or []
    named = [named] if isinstance(named, str) else named
    found = [path.parent / str(name) for name in named]
    if not found:
        folder = path.resolve().parent
        for place in (folder, *list(folder.parents)[:3]):
            found = sorted(place.glob("*.bib")) or sorted(place.glob("*/*.bib"))
            if found:
                break
    return [one for one in found if one.is_file() and one.suffix == ".bib"]


class Bibliography:
    """What the documents can cite, and what they do."""

    def __init__(self, config: Config, files: Iterable[Path]) -> None:
        file = file_of(config.lessons)
        self.own = file.read_text("utf-8") if file and file.suffix == ".bib" else ""
        self.yaml = bool(file and file.suffix != ".bib")
        self.there = load(config.root, config.lessons)
        self.entries: dict[str, str] = {}
        for path in dict.fromkeys(files):
            text = path.read_text("utf-8", errors="replace")
            starts = list(_KEY.finditer(text))
            for found, following in zip(starts, [*starts[1:], None], strict=True):
                end = following.start() if following else len(text)
                self.entries.setdefault(found[1], text[found.start() : end].strip())
        self.used: set[str] = set()

    def cites(self, key: str) -> str:
        """Who wrote it, empty if it can't be cited."""
        if key in self.there:
            return self.there[key].who
        if key not in self.entries or self.yaml:
            return ""
        self.used.add(key)
        try:
            (found,) = from_bibtex(BIBLIOGRAPHY, self.entries[key])
        except (SiteError, ValueError):
            self.used.discard(key)
            return ""
        return found.who

    def text(self) -> str:
        """The file with what is cited, empty if nothing is new in it."""
        new = [self.entries[key] for key in self.entries if key in self.used]
        return "\n\n".join(filter(None, (self.own.strip(), *new))) + "\n" if new else ""
