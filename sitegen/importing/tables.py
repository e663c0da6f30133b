"""Tables with their captions, and lists of definitions: lines that are no prose."""

from __future__ import annotations

import re

from sitegen.importing.braces import trailing, unread
from sitegen.importing.nodes import Component, Line, Node, Prose, Shown, anchor

_CAPTION = re.compile(r"^\s*(?:Table)?:\s*(?P<text>\S.*)$")
_DRAWN = re.compile(r"^\s*(?:\+[-=+]{3,}\+|(?:-{2,}|={2,})(?:\s+(?:-{2,}|={2,}))+)\s*$")
"""A line of a table that is drawn, as in Pandoc and reStructuredText."""
_RULE = re.compile(r"^\s*\|?[\s:|-]*-{2,}[\s:|-]*$")
_DEFINED = re.compile(r"^ {0,3}[:~]\s+(?P<text>\S.*)$")


def text(lines: list[Line]) -> Node:
    """A paragraph or a table; one that is drawn is shown as it is."""
    if not (len(lines) > 1 and any(_DRAWN.match(line.text) for line in lines[:2])):
        return Prose(lines[0].place, lines)
    drawn = Shown(lines[0].place, "text", "\n".join(line.text for line in lines))
    drawn.lose("table", "a table that is drawn: write it with |")
    return drawn


def is_table(node: Node) -> bool:
    """Whether something may have the caption of a table."""
    if isinstance(node, Shown):
        return True
    if not isinstance(node, Prose) or not node.lines or "|" not in node.lines[0].text:
        return False
    return any(_RULE.match(line.text) for line in node.lines[1:3])


def caption_of(text: str) -> str:
    """The caption of a table that a line is; empty if it is none."""
    found = _CAPTION.match(text)
    return found["text"] if found else ""


def captioned(caption: str, table: Node) -> Node:
    """A table in the component that captions it."""
    title, given = trailing(caption)
    node = Component(table.place, "table", title, anchor(given.id), children=[table])
    for said in unread(given):
        node.lose("option", f"{said} of a table says nothing here")
    return node


def has_definitions(lines: list[Line]) -> bool:
    """Whether these are terms, each with what it means below."""
    return any(_DEFINED.match(line.text) for line in lines[1:])


def definitions(lines: list[Line]) -> Node:
    """Terms and what they mean, as the items of a list."""
    made: list[Line] = []
    for at, line in enumerate(lines):
        following = lines[at + 1].text if at + 1 < len(lines) else ""
        if found := _DEFINED.match(line.text):
            made.append(Line(f"  {found['text']}", line.place))
        elif _DEFINED.match(following):
            made.append(Line(f"- **{line.text.strip()}**:", line.place))
        else:
            made.append(Line(f"  {line.text.strip()}", line.place))
    node = Prose(lines[0].place, made)
    node.lose("markup", "a list of definitions: a plain list now")
    return node
