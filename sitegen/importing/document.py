"""Files of other tools as documents: what they consist of, and what can be referred to in them."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sitegen.errors import SiteError, not_utf8
from sitegen.importing import bibliography, markdown, notebook, percent
from sitegen.importing.nodes import (
    Block,
    Cell,
    Component,
    Formula,
    Heading,
    Loss,
    Node,
    Shown,
    walk,
    without_roles,
)
from sitegen.importing.structure import structure
from sitegen.parse.frontmatter import slug_problem
from sitegen.parse.parser import NUMBERED, slugify

PAGES = (".ipynb", ".md", ".qmd", ".markdown")
"""The ends of the names of documents, as others link to them."""
KINDS = (*PAGES, ".py")
"""Those of all files that can be read."""


@dataclass
class Document:
    """A file on its way to a lesson."""

    source: Path
    path: str
    """As messages name it."""
    slug: str
    title: str
    summary: str
    nodes: list[Node]
    losses: list[Loss]
    bibliographies: list[Path] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)
    """Those that a notebook holds."""
    labels: dict[str, str] = field(default_factory=dict)
    """The anchor of each label, empty for the lesson itself."""
    ids: frozenset[str] = frozenset()
    """Those of figures, formulas and the like."""
    substitutions: dict[str, str] = field(default_factory=dict)
    """What stands for names between two pairs of braces."""
    macros: dict[str, str] = field(default_factory=dict)
    """Commands of formulas."""
    nameless: dict[str, str] = field(default_factory=dict)
    """What to call what has an anchor and neither number nor title."""


def read(files: Sequence[Path], tab: str = "") -> list[Document]:
    """The documents in these files; of the frameworks of d2l's tabs, `tab` is kept.

    Raises:
        SiteError: a file can't be read.
    """
    documents = [_document(path, tab) for path in files]
    often = Counter(one.slug for one in documents)
    for document in documents:
        folder = slug_of(document.source.parent.name)
        if often[document.slug] > 1 and folder:
            document.slug = f"{folder}-{document.slug}"
    return documents


def _document(path: Path, tab: str) -> Document:
    name = os.path.relpath(path)
    if path.suffix not in KINDS:
        known = ", ".join(KINDS)
        raise SiteError(f"{name}: a notebook or Markdown of another tool is wanted: {known}")
    try:
        text = path.read_bytes().decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise not_utf8(name, error) from None
    except OSError as error:
        raise SiteError(f"{name}: cannot be read: {error.strerror}") from None
    meta: Any = {}
    losses: list[Loss] = []
    pictures: dict[str, bytes] = {}
    if path.suffix == ".ipynb":
        found = notebook.read(name, text)
        items, pictures = list(found.items), found.attachments
        items, meta, losses = _raw_front_matter(name, items)
        losses = [*losses, *found.losses]
    elif path.suffix == ".py":
        items, front = percent.read(name, text)
        _, meta, losses = markdown.read(name, front)
    else:
        lines, meta, losses = markdown.read(name, text)
        items = list(lines)
    nodes = structure(items, tab, figures=path.suffix == ".qmd", comments=path.suffix == ".md")
    execute = meta.get("execute") if isinstance(meta.get("execute"), dict) else {}
    _apply(nodes, execute or {})
    title, lost = _titled(nodes, str(meta.get("title") or ""))
    losses = [*losses, *lost]
    summary = str(meta.get("description") or meta.get("subtitle") or "")
    title = title or path.stem.replace("-", " ").replace("_", " ").capitalize()
    document = Document(
        path.resolve(), name, _slug(path, title), title, summary, nodes, losses, pictures=pictures
    )
    document.bibliographies = bibliography.files_of(path, meta)
    document.substitutions = markdown.substitutions(meta)
    document.macros = markdown.macros(meta)
    _label(document)
    return document


def _raw_front_matter(name: str, items: list[Any]) -> tuple[list[Any], Any, list[Loss]]:
    """Of a notebook of Quarto, whose first cell is raw YAML."""
    texts = [one.text for one in items[:60] if not isinstance(one, Cell)]
    if len(texts) < 3 or not (texts[0] == "```" and texts[1].strip() == "---"):
        return items, {}, []
    end = next((row for row, text in enumerate(texts[1:], 1) if text == "```"), 0)
    _, meta, losses = markdown.read(name, "\n".join(texts[1:end]))
    return items[end + 1 :], meta, losses


def _slug(path: Path, title: str) -> str:
    stem = path.stem if path.stem.lower() not in ("index", "readme", "_index") else ""
    for text in (stem, title, path.resolve().parent.name):
        slug = slug_of(text)
        if slug and not slug_problem(slug):
            return slug
    return "start"


def slug_of(text: str) -> str:
    """Lower-case words joined by hyphens, as a slug is to be; empty if there are none."""
    return re.sub(r"[^a-z0-9]+", "-", slugify(re.sub(r"[._]", "-", text))).strip("-")


def _apply(nodes: Sequence[Node], execute: Any) -> None:
    """What Quarto's front matter says of all cells."""
    for key, option in {"eval": "no-run", "echo": "hide", "output": "hide-output"}.items():
        if execute.get(key) is False:
            for node in walk(nodes):
                if isinstance(node, Block) and option not in node.options:
                    node.options.append(option)


def _titled(nodes: list[Node], title: str) -> tuple[str, list[Loss]]:
    """The title of a document, its first heading if that is one; the others below that.

    And what the heading lost that is the title now.
    """
    lost: list[Loss] = []
    headings = [node for node in nodes if isinstance(node, Heading)]
    first = headings[0] if headings else None
    if first and first.level == 1 and (not title or _same(first.text, title)):
        title = title or _without_markup(first.text)
        nodes.remove(first)
        headings.remove(first)
        if first.id:
            nodes.insert(0, first)
            first.level = 0
        lost = first.losses
    shift = 2 - min((heading.level for heading in headings), default=2)
    for heading in headings:
        heading.level = max(2, heading.level + shift) if shift > 0 else heading.level
    return title, lost


def _same(one: str, other: str) -> bool:
    return slugify(_without_markup(one)) == slugify(other)


def _without_markup(text: str) -> str:
    text = re.sub(r"!?\[([^\[\]]*)\]\([^()]*\)", r"\1", without_roles(text))
    text = re.sub(r"<[^<>]*>|[*`$]|(?<!\w)_|_(?!\w)", "", text)
    return text.strip()


def _label(document: Document) -> None:
    """Gather what can be referred to."""
    for node in list(document.nodes):
        if isinstance(node, Heading) and node.level == 0:
            document.labels[node.id] = ""
            document.nodes.remove(node)
    for node in walk(document.nodes):
        if isinstance(node, Heading):
            name = node.id or slugify(_without_markup(node.text))
            document.labels.setdefault(name, name)
        elif isinstance(node, Component) and node.id:
            document.labels.setdefault(node.id, node.id)
            if node.name not in NUMBERED:
                document.nameless[node.id] = _without_markup(node.title) or node.name
        elif isinstance(node, (Block, Shown)) and node.id:
            document.labels.setdefault(node.id, f"block-{node.id}")
            if not any(option.startswith("title=") for option in node.options):
                document.nameless[f"block-{node.id}"] = "this code"
        elif isinstance(node, Formula):
            for name in node.labels:
                document.labels.setdefault(name, node.labels[0])
    headings = [node for node in walk(document.nodes) if isinstance(node, Heading)]
    for node in headings:  # which goes by its words, too, where nothing else does
        document.labels.setdefault(slugify(_without_markup(node.text)), node.id)
    document.ids = frozenset(document.labels.values()) - {
        slugify(_without_markup(node.text)) for node in headings if not node.id
    } | {node.id for node in walk(document.nodes) if isinstance(node, Component) and node.id}
