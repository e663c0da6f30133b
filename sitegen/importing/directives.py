"""Directives of MyST, whichever fence they stand in, as nodes."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from sitegen.importing import cells
from sitegen.importing.nodes import (
    Cell,
    Component,
    Formula,
    Item,
    Line,
    Node,
    Picture,
    Place,
    Prose,
    Shown,
    Within,
    anchor,
    is_python,
    left_out,
    words,
)
from sitegen.importing.parts import joined
from sitegen.parse.attributes import Attributes
from sitegen.parse.marks import CALLOUTS

_TITLED = ("admonition", "topic", "sidebar", "dropdown", "margin")
"""Admonitions that have their title on their line; of the others their text begins there."""
_ADMONITIONS = {
    **CALLOUTS,
    **dict.fromkeys((*_TITLED, "seealso", "aside", "todo"), "aside"),
    **dict.fromkeys(("attention", "error"), "warning"),
}
"""The component of each admonition."""

_NAMES = {"seealso": "See also", "todo": "To do"}
"""What those are called that say more than that they are remarks."""

_STATEMENTS = frozenset(
    {
        "theorem",
        "lemma",
        "corollary",
        "proposition",
        "definition",
        "axiom",
        "conjecture",
        "remark",
        "assumption",
        "property",
        "observation",
        "algorithm",
        "criterion",
        "example",
        "proof",
    }
)
_MADE = ("toctree", "tableofcontents", "contents", "bibliography", "footbibliography", "index")
"""What is made here by itself, or not at all."""
_OPTION = re.compile(r"\s*:(?P<key>[\w-]+):\s*(?P<value>.*)$")
_CODE = ("code", "code-block", "sourcecode", "parsed-literal", "prompt", "doctest")
_READ = {"label", "name", "alt", "caption", "tags"}
"""Options that are read, of whatever directive."""
_SILENT = {
    "class",
    "number-lines",
    "linenos",
    "enumerated",
    "lineno-start",
    "nonumber",
    "nowrap",
    "header-rows",
    "header",
}


@dataclass
class Directive:
    """A directive as it was written."""

    name: str
    argument: str
    lines: Sequence[Item]
    place: Place
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.written)

    @property
    def written(self) -> list[Line]:
        """Its lines without the cells of a notebook between them."""
        return [line for line in self.lines if isinstance(line, Line)]

    @property
    def label(self) -> str:
        return anchor(str(self.options.get("label") or self.options.get("name") or ""))

    @property
    def has_heads(self) -> bool:
        """Whether a table begins with a row of headings; Markdown has one, and no more."""
        return str(self.options.get("header-rows") or "0").strip() not in ("0", "")


def read(name: str, argument: str, lines: Sequence[Item], place: Place) -> Directive:
    """A directive, its options taken from the head of its lines."""
    options: dict[str, Any] = {}
    first = 0
    texts = [line.text if isinstance(line, Line) else "" for line in lines]
    if texts and texts[0].strip() == "---":
        ends = [number for number, text in enumerate(texts) if text.strip() == "---"]
        if len(ends) > 1:
            text = "\n".join(texts[1 : ends[1]])
            try:
                said = yaml.safe_load(text)
            except yaml.YAMLError:
                said = None
            if said is None or isinstance(said, dict):  # else it is text between two rules
                options, first = said or {}, ends[1] + 1
    else:
        while first < len(texts) and (found := _OPTION.match(texts[first])):
            options[found["key"]] = found["value"].strip()
            first += 1
    return Directive(name.lower(), argument.strip(), lines[first:], place, options)


def nodes(given: Directive, within: Within) -> list[Node]:
    """What a directive is in a lesson; of its options, those that say nothing here are told."""
    found = _nodes(given, within)
    name = given.name
    if name in ("code-cell", "jupyter-execute", "figure", "image") or name in _CODE:
        return found  # these have told it
    for key in given.options:
        if found and key not in _READ | _SILENT:
            said = f"the option {key}={given.options[key]} of {{{name}}} says nothing here"
            found[0].lose("option", words(said, 120))
    return found


def _nodes(given: Directive, within: Within) -> list[Node]:
    name = given.name.removeprefix("prf:").removesuffix("-start")
    if name.endswith("-end"):
        return []
    if name in ("code-cell", "jupyter-execute"):
        return _cell(given)
    if name in _ADMONITIONS:
        return [_admonition(given, within)]
    if name in ("figure", "image"):
        return _figure(given, within)
    if name == "math":
        label = given.label
        latex = "\n".join(filter(None, (given.argument, given.text.strip("\n"))))
        return [Formula(given.place, latex, label)]
    if name in _CODE:
        return [_code(given)]
    if name in ("exercise", "solution"):
        return [_exercise(given, name, within)]
    if name in _STATEMENTS:
        title = name.capitalize() + (f": {given.argument}" if given.argument else "")
        node = Component(given.place, "statement", title, given.label, [], within(given.lines))
        node.lose("directive", f"{{{given.name}}} has that title, and no number")
        return [node]
    if name in _MADE:
        why = "is made for the whole site" if name != "index" else "is made by the search"
        said = f"{{{given.name}}} is left out: what it gives {why}"
        return [left_out(given.place, "directive", said)]
    return _OTHERS.get(name, _unknown)(given, within)


def _cell(given: Directive) -> list[Node]:
    language = (given.argument.split() or ["python"])[0]
    options = dict(given.options)
    tags = options.pop("tags", [])
    if isinstance(tags, str):
        tags = re.findall(r"[\w-]+", tags)
    options = {key: value for key, value in options.items() if key not in _SILENT}
    place = given.lines[0].place if given.lines else given.place
    cell = Cell(given.text + "\n", place, language, tuple(map(str, tags)), options)
    return cells.nodes(cell) if given.text.strip() else []


def _admonition(given: Directive, within: Within) -> Node:
    title, lines = given.argument, list(given.lines)
    if title and given.name not in _TITLED:
        lines, title = [Line(title, given.place), *lines], ""
    kind = _ADMONITIONS[given.name]
    kinds = given.options.get("class", "")
    if given.name == "admonition":
        known = (_ADMONITIONS[one] for one in str(kinds).split() if one in _ADMONITIONS)
        kind = next(known, kind)
    title = title or _NAMES.get(given.name, "")
    node = Component(given.place, kind, title, given.label, [], within(lines))
    if given.name == "dropdown" or "dropdown" in str(kinds).split():
        node.lose("directive", f"{{{given.name}}} was folded, and is open here")
    return node


def _figure(given: Directive, within: Within) -> list[Node]:
    alt = str(given.options.get("alt", ""))
    lost = [key for key in given.options if key not in _READ | _SILENT]
    children = within(given.lines)
    caption = ""
    at = 0 if given.argument else -1  # without a picture of its own, it encloses some
    if given.name == "figure" and children and isinstance(beside := children[at], Prose):
        text = " ".join(line.text.strip() for line in beside.lines)
        if "![" not in text:
            caption = text
            del children[at]
    picture = Picture(given.place, given.argument, alt or words(caption, 200))
    found = [picture, *children] if given.argument else children
    if given.name == "figure":
        found = [Component(given.place, "figure", caption, given.label, [], found)]
    if not found:
        return [left_out(given.place, "directive", f"{{{given.name}}} of no picture is left out")]
    for key in lost:
        said = f"{key}={given.options[key]} of the {given.name} says nothing here"
        found[0].lose("option", said)
    return found


def _figure_of_markdown(given: Directive, within: Within) -> list[Node]:
    """A figure whose picture is written as Markdown; it is called by what stands on its line."""
    options = {"label": given.argument} | given.options
    return _figure(Directive("figure", "", given.lines, given.place, options), within)


def _glossary(given: Directive, within: Within) -> list[Node]:
    """Terms, and what they mean below them, indented or after colons, as a list."""
    made: list[Line] = []
    terms: list[str] = []
    for line in given.written:
        text = line.text.strip()
        if text and not line.text[0].isspace() and not text.startswith(":"):
            terms.append(f"**{text}**")
        elif text:
            start = f"- {', '.join(terms)}: " if terms else "  "
            made.append(Line(start + text.lstrip(": "), line.place))
            terms = []
    node = Prose(given.place, made)
    node.lose(
        "directive",
        f"a glossary: a list now, and {' '.join(terms)} is left out"
        if terms
        else "a glossary: a list now",
    )
    return [node]


def _raw(given: Directive, within: Within) -> list[Node]:
    """What is for HTML is Markdown, too; what is in another language is shown."""
    if given.argument.split()[:1] == ["html"]:
        return within(given.lines)
    language = given.argument if given.name == "raw" else "rst"
    node = Shown(given.place, language, given.text.rstrip("\n") + "\n")
    node.lose("directive", f"{{{given.name}}} is shown as it is")
    return [node]


def _code(given: Directive) -> Node:
    language = given.argument.split()[0] if given.argument else ""
    language = "python" if is_python(language) else language
    heard = _SILENT | {"name", "label"}
    values = {key: str(value) for key, value in given.options.items() if key not in heard}
    about = Attributes(given.label, (), values)
    return cells.shown(given.place, language, given.text.rstrip("\n") + "\n", about)


def _exercise(given: Directive, name: str, within: Within) -> Node:
    children = within(given.lines)
    if name == "solution":
        return Component(given.place, "solution", "", anchor(given.argument), [], children)
    title = given.argument
    return Component(given.place, "exercise", title, given.label, [], children)


def _tabs(given: Directive, within: Within) -> list[Node]:
    children = joined(within(given.lines), "tab")
    return [Component(given.place, "tabs", given.argument, given.label, [], children)]


def _grid(given: Directive, within: Within) -> list[Node]:
    children = joined(within(given.lines), "card")
    return [Component(given.place, "compare", "", given.label, [], children)]


def _part(name: str) -> Callable[[Directive, Within], list[Node]]:
    def part(given: Directive, within: Within) -> list[Node]:
        # A card is cut into its head, body and foot.
        lines = [
            Line("", one.place) if isinstance(one, Line) and one.text.strip() == "^^^" else one
            for one in given.lines
        ]
        return [Component(given.place, name, given.argument, "", [], within(lines))]

    return part


def _rows(given: Directive, rows: Sequence[Sequence[str]], heads: bool) -> list[Node]:
    """A table of Markdown, in a component that captions it."""
    if not rows:
        return []
    width = max(map(len, rows))
    even = [[*row, *[""] * (width - len(row))] for row in rows]
    first = even[0] if heads else [""] * width
    lines = [first, ["---"] * width, *even[1 if heads else 0 :]]
    text = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines]
    prose = Prose(given.place, [Line(line, given.place) for line in text])
    if not given.argument and not given.label:
        return [prose]
    return [Component(given.place, "table", given.argument, given.label, [], [prose])]


def _list_table(given: Directive, within: Within) -> list[Node]:
    rows: list[list[str]] = []
    indents = [len(line.text) - len(line.text.lstrip()) for line in given.written if line.text]
    for line in given.written:
        text = line.text[min(indents, default=0) :]
        if found := re.match(r"[*-]\s+[-*]\s?(.*)$", text):
            rows.append([found[1].strip()])
        elif rows and (found := re.match(r"\s{1,3}[-*]\s?(.*)$", text)):
            rows[-1].append(found[1].strip())
        elif rows and text.strip():
            rows[-1][-1] += " " + text.strip()
    return _rows(given, rows, given.has_heads)


def _csv_table(given: Directive, within: Within) -> list[Node]:
    if "file" in given.options or not given.text.strip():
        return _unknown(given, within)
    rows = list(csv.reader(given.text.strip().split("\n"), skipinitialspace=True))
    heads = given.has_heads
    if header := given.options.get("header"):
        rows, heads = [next(csv.reader([str(header)], skipinitialspace=True)), *rows], True
    return _rows(given, [[cell.strip() for cell in row] for row in rows], heads)


def _table(given: Directive, within: Within) -> list[Node]:
    children = within(given.lines)
    return [Component(given.place, "table", given.argument, given.label, [], children)]


def _diagram(given: Directive, within: Within) -> list[Node]:
    shown = Shown(given.place, given.name, given.text.rstrip("\n") + "\n")
    shown.lose("directive", f"{{{given.name}}} draws a diagram: its source is shown")
    return [shown]


def _quote(given: Directive, within: Within) -> list[Node]:
    return within([Line(f"> {line.text}".rstrip(), line.place) for line in given.written])


def _include(given: Directive, within: Within) -> list[Node]:
    said = words(f"{{{given.name}}} {given.argument}")
    why = f"{said!r}: put its text here, or embed code with source="
    return [left_out(given.place, "directive", why)]


def _embedded(given: Directive, within: Within) -> list[Node]:
    target = given.argument
    if given.name in ("youtube", "youtube-embed"):
        target = f"https://www.youtube.com/watch?v={target}"
    prose = Prose(given.place, [Line(f"[{target}]({target})", given.place)] if target else [])
    prose.lose("directive", f"{{{given.name}}} shows what lies elsewhere: a link now")
    return [prose, *within(given.lines)]


def _plain(given: Directive, within: Within) -> list[Node]:
    return within(given.lines)


def _unknown(given: Directive, within: Within) -> list[Node]:
    children = within(given.lines)
    if given.argument:
        children.insert(0, Prose(given.place, [Line(given.argument, given.place)]))
    what = "its text stands here" if children else "left out"
    said = f"no directive {{{given.name}}} here: {what}"
    return [left_out(given.place, "directive", said), *children]


_OTHERS: dict[str, Callable[[Directive, Within], list[Node]]] = {
    "tab-set": _tabs,
    "tabs": _tabs,
    "tab-item": _part("tab"),
    "tab": _part("tab"),
    "grid": _grid,
    "grid-item": _part("card"),
    "grid-item-card": _part("card"),
    "card": _part("card"),
    "list-table": _list_table,
    "csv-table": _csv_table,
    "table": _table,
    "mermaid": _diagram,
    "graphviz": _diagram,
    "dot": _diagram,
    "epigraph": _quote,
    "pull-quote": _quote,
    "blockquote": _quote,
    "highlights": _quote,
    "figure-md": _figure_of_markdown,
    "glossary": _glossary,
    "raw": _raw,
    "eval-rst": _raw,
    "include": _include,
    "literalinclude": _include,
    "iframe": _embedded,
    "video": _embedded,
    "youtube": _embedded,
    "youtube-embed": _embedded,
    "div": _plain,
    "container": _plain,
}
