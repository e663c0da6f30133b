"""What a course cites: `references.yaml` or `references.bib` beside its lessons.

The YAML is that of Pandoc and CSL, a list of entries with `id`, `author`, `issued`, `title` and
so on; the other is BibTeX. A citation `[@key]` reads "(Author Year)", as in both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup, escape

from sitegen.errors import SourceError, not_utf8
from sitegen.parse.citations import Citation

NAMES = ("references.yaml", "references.bib")


@dataclass(frozen=True)
class Reference:
    """One entry, as a page shows it."""

    key: str
    authors: tuple[tuple[str, str], ...] = ()
    """Family and given names; an institution has no given one."""
    year: str = ""
    title: str = ""
    container: str = ""
    """Where it is printed: journal, book or publisher, with volume and pages."""
    url: str = ""

    @property
    def who(self) -> str:
        """How a sentence speaks of those who wrote it: "Vaswani et al."."""
        names = [family for family, _ in self.authors]
        return {0: self.title, 1: "".join(names[:1]), 2: " and ".join(names[:2])}.get(
            len(names), f"{names[0] if names else ''} et al."
        )

    @property
    def short(self) -> str:
        """As a citation says it: "Vaswani et al. 2017"."""
        return f"{self.who} {self.when}"

    @property
    def when(self) -> str:
        """Its year; "n.d." where none is known."""
        return self.year or "n.d."

    def cited(self, citation: Citation) -> str:
        """As this citation says it."""
        return self.when if citation.without_author else self.short

    def parts(self) -> tuple[str, str, str]:
        """Authors and year, title, and where it is found, each ending as a sentence does."""
        names = [f"{given} {family}".strip() for family, given in self.authors]
        who = ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + "".join(names[-1:])
        head = f"{who} ({self.when})." if who else f"({self.when})."
        return head, self.title, f"{self.container}." if self.container else ""

    def html(self) -> Markup:
        """The entry of a bibliography."""
        head, title, container = self.parts()
        shown = Markup("<cite>{}</cite>").format(title)
        if self.url:
            shown = Markup('<a href="{}">{}</a>').format(self.url, shown)
        return Markup(" ").join(part for part in (escape(head), shown + ".", container) if part)

    def markdown(self) -> str:
        """The same for a notebook."""
        head, title, container = self.parts()
        shown = f"[*{title}*]({self.url})" if self.url else f"*{title}*"
        return " ".join(part for part in (head, f"{shown}.", container) if part)


def file_of(folder: Path) -> Path | None:
    """The file of a course's references, None if it has none."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def load(root: Path, folder: Path) -> Mapping[str, Reference]:
    """What can be cited in the lessons of a folder, by its key.

    Raises:
        SourceError: the file is malformed.
    """
    path = file_of(folder)
    if path is None:
        return {}
    name = path.relative_to(root).as_posix()
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(name, error) from None
    found = _from_yaml(name, text) if path.suffix == ".yaml" else from_bibtex(name, text)
    return {one.key: one for one in found}


def shown(keys: Iterable[str], known: Mapping[str, Reference]) -> list[Reference]:
    """The bibliography of a page that cites these keys: by author and year, each once."""
    found = [known[key] for key in dict.fromkeys(keys) if key in known]
    return sorted(found, key=lambda one: (one.short.casefold(), one.title))


def _from_yaml(path: str, text: str) -> Sequence[Reference]:
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise SourceError(path, line, "not valid YAML") from None
    if isinstance(data, dict):
        data = data.get("references")
    if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
        message = "a list of references is wanted, each with id, author, issued and title"
        raise SourceError(path, 1, message)
    lines = [number for number, line in enumerate(text.split("\n"), 1) if re.match(r"\s*- ", line)]
    found = []
    for index, entry in enumerate(data):
        for key in ("id", "title"):
            if not entry.get(key):
                line = lines[min(index, len(lines) - 1)] if lines else 1
                raise SourceError(path, line, f"reference {index + 1} lacks {key!r}")
        found.append(_from_csl(entry))
    return found


def _from_csl(entry: Mapping[str, Any]) -> Reference:
    volume = "".join((str(entry.get("volume", "")), _within(entry.get("issue"))))
    where = (entry.get("container-title") or entry.get("publisher"), volume, entry.get("page"))
    authors = entry.get("author") or entry.get("editor") or ()
    return Reference(
        key=str(entry["id"]),
        authors=tuple(_name(one) for one in ([authors] if isinstance(authors, dict) else authors)),
        year=_year(entry.get("issued")),
        title=str(entry["title"]),
        container=", ".join(str(one) for one in where if one),
        url=_url(entry.get("URL"), entry.get("DOI")),
    )


def _name(one: Any) -> tuple[str, str]:
    if not isinstance(one, dict):
        return str(one), ""
    return str(one.get("family") or one.get("literal") or ""), str(one.get("given") or "")


def _year(issued: Any) -> str:
    if isinstance(issued, dict):
        parts = issued.get("date-parts") or [[issued.get("year", "")]]
        issued = parts[0][0] if parts and parts[0] else ""
    elif isinstance(issued, list):
        issued = issued[0].get("year", "") if issued and isinstance(issued[0], dict) else ""
    found = re.search(r"\d{4}", str(issued or ""))
    return found[0] if found else str(issued or "")


def _within(text: object) -> str:
    return f"({text})" if text else ""


def _url(url: object, doi: object) -> str:
    if doi:
        return str(doi) if str(doi).startswith("http") else f"https://doi.org/{doi}"
    return str(url) if str(url or "").startswith("http") else ""


def from_bibtex(path: str, text: str) -> Sequence[Reference]:
    """The entries of a text of BibTeX; raises `SourceError` as `load` does."""
    from pybtex.database import parse_string
    from pybtex.exceptions import PybtexError
    from pybtex.richtext import Text

    def plain(latex: str) -> str:
        return " ".join(str(Text.from_latex(latex)).split())

    try:
        entries = parse_string(text, "bibtex").entries
    except PybtexError as error:
        line = getattr(error, "lineno", None) or 1
        said = re.sub(r"^syntax error in line \d+: ", "", str(error).split("\n")[0])
        raise SourceError(path, line, f"not valid BibTeX: {said}") from None
    found = []
    for key, entry in entries.items():
        fields = {name.lower(): plain(value) for name, value in entry.fields.items()}
        people = entry.persons.get("author") or entry.persons.get("editor") or ()
        names = ("journal", "booktitle", "publisher", "school", "institution", "howpublished")
        container = next((fields[name] for name in names if fields.get(name)), "")
        volume = fields.get("volume", "") + _within(fields.get("number"))
        pages = fields.get("pages", "").replace("--", "\N{EN DASH}")
        found.append(
            Reference(
                key=key,
                authors=tuple(
                    (
                        plain(" ".join((*one.prelast_names, *one.last_names))),
                        plain(" ".join((*one.first_names, *one.middle_names))),
                    )
                    for one in people
                ),
                year=_year(fields.get("year") or fields.get("date")),
                title=fields.get("title", key),
                container=", ".join(one for one in (container, volume, pages) if one),
                url=_url(fields.get("url"), fields.get("doi")),
            )
        )
    return found
