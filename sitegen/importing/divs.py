"""Divs of Pandoc and Quarto, `::: {.class #id key=value}`, as nodes."""

from __future__ import annotations

from collections.abc import Sequence

from sitegen.importing.braces import unread
from sitegen.importing.nodes import (
    Component,
    Heading,
    Item,
    Line,
    Loss,
    Node,
    Nothing,
    Place,
    Prose,
    Within,
    anchor,
    left_out,
    named,
    no_label,
    words,
)
from sitegen.importing.parts import joined
from sitegen.parse.attributes import Attributes
from sitegen.parse.marks import CALLOUTS

_CALLOUTS = {
    **CALLOUTS,
    **{f"callout-{name}": component for name, component in CALLOUTS.items()},
    **dict.fromkeys(("aside", "column-margin", "margin"), "aside"),
}
_THEOREMS = {
    "thm": "Theorem",
    "lem": "Lemma",
    "cor": "Corollary",
    "prp": "Proposition",
    "cnj": "Conjecture",
    "def": "Definition",
    "exm": "Example",
    "rem": "Remark",
    "sol": "Solution",
}
_PLAIN = {"content-visible", "incremental", "column-page", "column-body"}


_READ = {
    *("title", "collapse", "name", "layout-ncol", "layout-nrow", "fig-cap", "tbl-cap"),
    *("when-format", "panel-tabset", "columns", "column", "exercise", "solution", "proof"),
    *("content-hidden", "content-visible", *_CALLOUTS),
}
"""Classes and values that say something here."""


def nodes(given: Attributes, lines: Sequence[Item], place: Place, within: Within) -> list[Node]:
    """What a div is in a lesson; of what it says, that which says nothing here is told."""
    found = _nodes(given, lines, place, within)
    if told := unread(given, *_READ, *_PLAIN):
        found = found or [Nothing(place)]
        where = "" if isinstance(found[0], Component) else ": its text stands here"
        said = f"{', '.join(told)} of a div says nothing here{where}"
        found[0].losses.insert(0, Loss(place, "div", said))
    return found


def _nodes(given: Attributes, lines: Sequence[Item], place: Place, within: Within) -> list[Node]:
    classes = list(given.classes)
    children = within(lines)
    kind = given.id.partition("-")[0]
    callout = next((_CALLOUTS[one] for one in classes if one in _CALLOUTS), "")
    if callout:
        return [_callout(given, callout, children, place)]
    if "panel-tabset" in classes:
        return [Component(place, "tabs", "", anchor(given.id), [], children)]
    if kind == "fig" or kind == "tbl":
        return [_captioned(given, kind, children, place)]
    if "layout-ncol" in given.values or "layout-nrow" in given.values:
        return _in_a_row(given, children, place)
    if kind == "exr" or "exercise" in classes:
        title = _title(children)
        return [Component(place, "exercise", title, anchor(given.id), [], children)]
    if "solution" in classes:
        return [Component(place, "solution", "", "", [], children)]
    theorem = _THEOREMS.get(kind) or ("Proof" if "proof" in classes else "")
    if theorem:
        title = _title(children) or given.values.get("name", "")
        title = f"{theorem}: {title}" if title else theorem
        node = Component(place, "statement", title, anchor(given.id), [], children)
        node.lose("div", f"a {theorem.lower()} has that title, and no number")
        return [node]
    if "columns" in classes:
        return [Component(place, "compare", "", anchor(given.id), [], joined(children, "column"))]
    if "column" in classes:
        return [Component(place, "column", "", "", [], children)]
    if "content-hidden" in classes or _of_another_format(given):
        said = f"left out, for another format: {words(_text(lines))!r}"
        return [left_out(place, "div", said)]
    first = children[0] if children else None
    if given.id and first and not named(first, anchor(given.id)):
        children.insert(0, left_out(place, "label", no_label(given.id)))
    return children


def _text(lines: Sequence[Item]) -> str:
    return " ".join(line.text for line in lines if isinstance(line, Line))


def _of_another_format(given: Attributes) -> bool:
    shown_when = given.values.get("when-format", "html")
    return "content-visible" in given.classes and "html" not in shown_when


def _title(children: list[Node]) -> str:
    """The heading that a div begins with, taken out of it."""
    if children and isinstance(children[0], Heading):
        heading = children.pop(0)
        assert isinstance(heading, Heading)
        return heading.text
    return ""


def _callout(given: Attributes, name: str, children: list[Node], place: Place) -> Node:
    title = given.values.get("title") or _title(children)
    node = Component(place, name, title, anchor(given.id), [], children)
    if given.values.get("collapse") == "true":
        node.lose("div", "a callout that was folded is open here")
    return node


def _captioned(given: Attributes, kind: str, children: list[Node], place: Place) -> Node:
    caption = given.values.get("fig-cap") or given.values.get("tbl-cap", "")
    if not caption and len(children) > 1 and isinstance(last := children[-1], Prose):
        caption = " ".join(line.text.strip() for line in last.lines)
        children = children[:-1]
    name = "table" if kind == "tbl" else "figure"
    children = [_inner(child) for child in children]
    return Component(place, name, caption, anchor(given.id), _columns_of(given), children)


def _inner(child: Node) -> Node:
    """A figure within one: its picture, for one caption is enough."""
    if isinstance(child, Component) and child.name == "figure" and not child.id:
        return child.children[0]
    return child


def _columns_of(given: Attributes) -> list[str]:
    columns = given.values.get("layout-ncol", "")
    return [f"layout-ncol={columns}"] if columns else []


def _in_a_row(given: Attributes, children: list[Node], place: Place) -> list[Node]:
    named = [one for one in children if isinstance(one, Component) and one.id]
    if named:  # each has its number, and around them stands nothing that has one
        said = "figures with numbers stood side by side: one below the other here"
        return [left_out(place, "div", said), *children]
    captions = [
        child.title
        for child in children
        if isinstance(child, Component) and child.name == "figure" and child.title
    ]
    inner = [_inner(child) for child in children]
    title = "; ".join(captions)
    columns = _columns_of(given) or [f"layout-ncol={max(len(inner), 1)}"]
    return [Component(place, "figure", title, anchor(given.id), columns, inner)]
