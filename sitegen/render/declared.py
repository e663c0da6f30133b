"""What the template of a component says of itself in its first comment.

    {# What it is for. takes: level, reveal; scripts: sorting.js #}

`takes` names the attributes that an author may give it, whichever part of the template, included
or not, reads them; `scripts` the files in `static` that pages load where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

COMPONENTS = "components"
"""The folder, among the templates, of those of components."""

_COMMENT = re.compile(
    r"\s*\{#[-+]?(?P<about>.*?)(?:\btakes:(?P<takes>[\w\s,-]*?))?"
    r"(?:;?\s*\bscripts:(?P<scripts>[\w\s,./-]*?))?[-+]?#\}",
    re.S,
)


@dataclass(frozen=True)
class Declaration:
    """A component, as its template declares it."""

    path: Path
    about: str = ""
    takes: tuple[str, ...] = ()
    """The attributes that may be given."""
    scripts: tuple[str, ...] = ()
    """What pages load, below `static`."""


def declared(folders: Iterable[Path]) -> dict[str, Declaration]:
    """Every component by its name; the template in the first of the folders counts."""
    found: dict[str, Declaration] = {}
    for folder in folders:
        for path in sorted((folder / COMPONENTS).glob("*.html")):
            if path.stem not in found:
                text = path.read_text(encoding="utf-8", errors="replace")
                found[path.stem] = declaration(path, text)
    return found


def declaration(path: Path, template: str) -> Declaration:
    """What the text of a template declares; without a comment at its beginning, nothing."""
    comment = _COMMENT.match(template)
    if comment is None:
        return Declaration(path)
    names = re.findall(r"[\w-]+", comment["takes"] or "")
    scripts = re.findall(r"[^\s,]+", comment["scripts"] or "")
    about = " ".join(comment["about"].split())
    return Declaration(path, about, tuple(dict.fromkeys(names)), tuple(scripts))


def to_take(names: Iterable[str]) -> str:
    """The comment that declares attributes."""
    return f"{{# takes: {', '.join(names)} #}}"


class Given(dict[str, str]):
    """The attributes that an author gave a component, for its template to read.

    Raises:
        ValueError: the template reads one that it does not declare.
    """

    def __init__(self, values: Mapping[str, str], takes: Iterable[str]) -> None:
        super().__init__(values)
        self._takes = tuple(takes)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(self._declared(name))

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        return super().get(self._declared(name), default)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(self._declared(str(name)))

    def _declared(self, name: str) -> str:
        if name not in self._takes:
            comment = to_take((*self._takes, name))
            raise ValueError(f"attribute {name!r} is read and not declared: begin with {comment}")
        return name
