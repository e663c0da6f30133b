"""Several documents as lessons of a course, with the files that belong to them."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

from sitegen.errors import SiteError, not_utf8
from sitegen.files import write_all
from sitegen.importing import markdown, notebook
from sitegen.importing.nodes import (
    Block,
    Cell,
    Component,
    Formula,
    Heading,
    Loss,
    Node,
    anchor,
    walk,
    words,
)
from sitegen.importing.structure import structure
from sitegen.importing.write import write
from sitegen.parse.config import CONFIG_FILE, Config
from sitegen.parse.frontmatter import slug_problem
from sitegen.parse.parser import NUMBERED, is_external, slugify
from sitegen.render.references import file_of, from_bibtex, load

KINDS = {".ipynb": "notebook", ".md": "Markdown", ".qmd": "Quarto", ".markdown": "Markdown"}
"""What can be brought, by the ends of files' names."""
BIBLIOGRAPHY = "references.bib"
_KEY = re.compile(r"^\s*@(?!string|comment|preamble)\w+\s*\{\s*([^,\s]+)\s*,", re.M | re.I)


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
    anchors: set[str] = field(default_factory=set)
    ids: frozenset[str] = frozenset()
    """Those of figures, formulas and the like."""
    nameless: dict[str, str] = field(default_factory=dict)
    """What to call what has an anchor and neither number nor title."""


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


def read(files: Sequence[Path], tab: str = "") -> list[Document]:
    """The documents in these files; of the frameworks of d2l's tabs, `tab` is kept.

    Raises:
        SiteError: a file can't be read.
    """
    documents = [_document(path, tab) for path in files]
    for slug, number in Counter(one.slug for one in documents).items():
        for document in documents:
            if number > 1 and document.slug == slug:
                document.slug = f"{slugify(document.source.parent.name)}-{slug}"
    return documents


def bring(
    config: Config, documents: Sequence[Document], order: int, taken: Sequence[str]
) -> Brought:
    """Write a lesson of each document, from `order` on, or none of them.

    Raises:
        SiteError: one of these lessons is there already; `taken` are the slugs that there are.
    """
    for document in documents:
        if document.slug in taken or (config.lessons / f"{document.slug}.md").exists():
            there = f"{config.lessons.name}/{document.slug}.md"
            raise SiteError(f"{document.path}: there is a {document.slug!r} already: {there}")
    doubled = [slug for slug, n in Counter(one.slug for one in documents).items() if n > 1]
    if doubled:
        both = " and ".join(one.path for one in documents if one.slug == doubled[0])
        raise SiteError(f"{both} would both be {doubled[0]!r}: rename one, or bring one at a time")
    bibliography = _Bibliography(config, documents)
    others = _Files(config)
    contents: dict[Path, str | bytes] = {}
    losses: list[Loss] = []
    for number, document in enumerate(documents, start=order):
        around = _Around(config, document, documents, bibliography, others, taken)
        body, lost = write(document.nodes, around, document.ids)
        others.follow(document)
        head = _front_matter(document, number)
        notes = "".join(f"{loss.comment}\n" for loss in document.losses)
        contents[config.lessons / f"{document.slug}.md"] = f"{head}\n{notes}{body}"
        losses += [*document.losses, *lost]
    losses += others.losses
    contents |= others.contents
    if text := bibliography.text():
        contents[config.lessons / BIBLIOGRAPHY] = text
    if others.packages:
        contents[config.root / CONFIG_FILE] = with_packages(config, others.packages)
    write_all(contents)
    written = tuple(path.relative_to(config.root).as_posix() for path in contents)
    return Brought(written, tuple(dict.fromkeys(losses)), tuple(others.packages))


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
    else:
        lines, meta, losses = markdown.read(name, text)
        items = list(lines)
    nodes = structure(items, tab, figures=path.suffix == ".qmd")
    execute = meta.get("execute") if isinstance(meta.get("execute"), dict) else {}
    _apply(nodes, execute or {})
    title = _titled(nodes, str(meta.get("title") or ""))
    summary = str(meta.get("description") or meta.get("subtitle") or "")
    title = title or path.stem.replace("-", " ").replace("_", " ").capitalize()
    document = Document(
        path.resolve(), name, _slug(path, title), title, summary, nodes, losses, pictures=pictures
    )
    document.bibliographies = _bibliographies(path, meta)
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
        slug = re.sub(r"[^a-z0-9]+", "-", slugify(re.sub(r"[._]", "-", text))).strip("-")
        if slug and not slug_problem(slug):
            return slug
    return "start"


def _apply(nodes: Sequence[Node], execute: Any) -> None:
    """What Quarto's front matter says of all cells."""
    for key, option in {"eval": "no-run", "echo": "hide", "output": "hide-output"}.items():
        if execute.get(key) is False:
            for node in walk(nodes):
                if isinstance(node, Block) and option not in node.options:
                    node.options.append(option)


def _titled(nodes: list[Node], title: str) -> str:
    """The title of a document, its first heading if that is one; the others below that."""
    headings = [node for node in nodes if isinstance(node, Heading)]
    first = headings[0] if headings else None
    if first and first.level == 1 and (not title or _same(first.text, title)):
        title = title or _without_markup(first.text)
        nodes.remove(first)
        headings.remove(first)
        if first.id:
            nodes.insert(0, first)
            first.level = 0
    shift = 2 - min((heading.level for heading in headings), default=2)
    for heading in headings:
        heading.level = max(2, heading.level + shift) if shift > 0 else heading.level
    return title


def _same(one: str, other: str) -> bool:
    return slugify(_without_markup(one)) == slugify(other)


def _without_markup(text: str) -> str:
    text = re.sub(r"\{[\w:]+\}`([^`<]*)[^`]*`", r"\1", text)
    text = re.sub(r"!?\[([^\[\]]*)\]\([^()]*\)", r"\1", text)
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
            document.anchors.add(name)
            document.labels.setdefault(node.id or name, name)
        elif isinstance(node, Component) and node.id:
            document.labels.setdefault(node.id, node.id)
            if node.name not in NUMBERED:
                document.nameless[node.id] = _without_markup(node.title) or node.name
        elif isinstance(node, Block) and node.id:
            document.labels.setdefault(node.id, f"block-{node.id}")
            document.nameless[f"block-{node.id}"] = "this code"
        elif isinstance(node, Formula):
            names = [node.label, *re.findall(r"\\label\{([^{}]*)\}", node.latex)]
            names = [anchor(name) for name in names if name]
            for name in names:
                document.labels.setdefault(name, names[0])
    headings = [node for node in walk(document.nodes) if isinstance(node, Heading)]
    document.ids = frozenset(document.labels.values()) - {
        slugify(_without_markup(node.text)) for node in headings if not node.id
    } | {node.id for node in walk(document.nodes) if isinstance(node, Component) and node.id}


def _front_matter(document: Document, order: int) -> str:
    rows = {"title": document.title, "slug": document.slug, "order": order}
    if document.summary:
        rows["summary"] = " ".join(document.summary.split())
    lines = (f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in rows.items())
    return "\n".join(["---", *lines, "---", ""])


class _Files:
    """The files that go with the lessons: pictures, data, modules."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.contents: dict[Path, str | bytes] = {}
        self.packages: list[str] = []
        self.losses: list[Loss] = []

    def beside(self, document: Document, target: str, content: bytes) -> str:
        """Put a file beside the lessons; returns its name as a link has it."""
        parts = [part for part in PurePosixPath(target).parts if part not in ("..", ".", "/")]
        for name in ("/".join(parts), "/".join((document.slug, *parts))):
            if self._put(self.config.lessons / name, content):
                return quote(name)
        return ""

    def _put(self, path: Path, content: bytes) -> bool:
        """Whether a file may lie there: nothing else does."""
        if path in self.contents:
            return self.contents[path] == content
        if path.exists():
            return path.is_file() and path.read_bytes() == content
        self.contents[path] = content
        return True

    def follow(self, document: Document) -> None:
        """Bring the data that a document's code names, and the modules that it imports."""
        for node in walk(document.nodes):
            if not isinstance(node, Block) or "no-run" in node.options:
                continue
            try:
                tree = ast.parse(node.code)
            except (SyntaxError, ValueError):
                continue
            for name in _named_files(tree):
                self._data(document, node, name)
            for name in _imported(tree):
                self._module(document, node, name)

    def _data(self, document: Document, node: Node, name: str) -> None:
        path = document.source.parent / name
        try:
            there = path.is_file() and path.stat().st_size < 100_000_000
        except (OSError, ValueError):
            return
        if not there:
            return
        home = self.config.root / name
        if ".." in Path(name).parts:
            said = f"data outside of its folder: copy {name!r} into the course, and name it there"
            self.losses.append(Loss(node.place, "data", said))
        elif not self._put(home, path.read_bytes()):
            said = f"{name!r} is another file in the course: rename one"
            self.losses.append(Loss(node.place, "data", said))

    def _module(self, document: Document, node: Node, name: str) -> None:
        folder = document.source.parent
        if name in sys.stdlib_module_names or name in self.packages:
            return
        module, package = folder / f"{name}.py", folder / name
        files = [module] if module.is_file() else []
        if (package / "__init__.py").is_file():
            files = sorted(package.rglob("*.py"))
        for path in files:
            home = self.config.root / path.relative_to(folder)
            if not self._put(home, path.read_bytes()):
                said = f"module {name!r} is another in the course: rename one"
                self.losses.append(Loss(node.place, "module", said))
                return
        if files and name not in self.config.packages:
            self.packages.append(name)


def _named_files(tree: ast.Module) -> Iterator[str]:
    """Strings that may name files: short, on one line, with an ending or a folder."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if 2 < len(text) < 200 and re.fullmatch(r"[\w./ -]*\.\w+", text) and text[0] != "/":
                yield text


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def _bibliographies(path: Path, meta: Any) -> list[Path]:
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


class _Bibliography:
    """What the documents can cite, and what they do."""

    def __init__(self, config: Config, documents: Sequence[Document]) -> None:
        file = file_of(config.lessons)
        self.own = file.read_text("utf-8") if file and file.suffix == ".bib" else ""
        self.yaml = bool(file and file.suffix != ".bib")
        self.there = load(config.root, config.lessons)
        self.entries: dict[str, str] = {}
        for path in dict.fromkeys(one for document in documents for one in document.bibliographies):
            text = path.read_text("utf-8", errors="replace")
            starts = list(_KEY.finditer(text))
            for found, following in zip(starts, [*starts[1:], None], strict=True):
                end = following.start() if following else len(text)
                self.entries.setdefault(found[1], text[found.start() : end].strip())
        self.known = set(self.there)
        self.used: set[str] = set()

    def cites(self, key: str) -> str:
        """Who wrote it, empty if it can't be cited."""
        if key in self.known:
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


@dataclass
class _Around:
    """What the text of one document asks of the others."""

    config: Config
    document: Document
    documents: Sequence[Document]
    bibliography: _Bibliography
    files: _Files
    taken: Sequence[str]

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
                    document.labels.get(name, name)
                    for name in (anchor(fragment), slugify(fragment.replace("_", "-")))
                    if name in document.labels or name in document.anchors
                ),
                "",
            )
            own = document is self.document
            lost = f"no section {fragment!r} in {document.path}" if fragment and not place else ""
            link = (f"#{place}" if own else f"{document.slug}#{place}") if place else ""
            return link or ("" if own else document.slug), lost
        stem = slugify(re.sub(r"[._]", "-", Path(page).stem))
        if stem in self.taken and Path(page).suffix in ("", ".html", *KINDS):
            return stem, f"the section {fragment!r} of a lesson is not looked for" * bool(fragment)
        return self._file(page)

    def _document(self, page: str) -> Document | None:
        folder = self.document.source.parent
        ends = ("", *KINDS, ".ipynb", "/index.md", "/index.ipynb", "/index.qmd")
        page = re.sub(r"\.html$", "", page).rstrip("/")
        places = {(folder / f"{page}{end}").resolve() for end in ends}
        if page.startswith("/"):
            return next((one for one in self.documents if f"{one.source}".endswith(page)), None)
        return next((one for one in self.documents if one.source in places), None)

    def _file(self, page: str) -> tuple[str, str]:
        path = self.document.source.parent / page
        if path.suffix in KINDS or not path.suffix:
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

    def cites(self, key: str) -> str:
        return self.bibliography.cites(key)

    def nameless(self, place: str) -> str:
        slug, _, name = place.partition("#")
        of = (one for one in self.documents if one.slug == (slug or self.document.slug))
        return next((one.nameless.get(name, "") for one in of), "")


def with_packages(config: Config, new: Sequence[str]) -> str:
    """The text of the course's configuration with more packages to follow."""
    text = (config.root / CONFIG_FILE).read_text("utf-8")
    listed = ", ".join(json.dumps(name) for name in (*config.packages, *new))
    table = re.search(r"^[ \t]*\[tool\.lessonsite\][^\n]*\n", text, re.M)
    if table is None:
        said = f"packages = [{listed}]"
        raise SiteError(f"{CONFIG_FILE}: say {said} under [tool.lessonsite], and try again")
    start = table.end()
    end = re.compile(r"^[ \t]*\[", re.M).search(text, start)
    body = text[start : end.start() if end else len(text)]
    line = f"packages = [{listed}]\n"
    changed, count = re.subn(r"^packages[ \t]*=[ \t]*\[[^\]]*\][^\n]*\n?", line, body, flags=re.M)
    changed = changed if count else line + body
    return text[:start] + changed + text[start + len(body) :]
