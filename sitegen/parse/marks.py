"""Marks that others write into Markdown: `- [x]` for tasks, `> [!NOTE]` for callouts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

CALLOUTS = {
    "note": "aside",
    "info": "aside",
    "tip": "tip",
    "hint": "tip",
    "important": "insight",
    "warning": "warning",
    "caution": "warning",
    "danger": "warning",
}
"""The component that draws each kind of callout."""

_CALLOUT = re.compile(r"\[!([A-Za-z]+)\][-+]?[ \t]*([^\n]*)(?:\n|$)")
_TASK = re.compile(r"\[([ xX])\][ \t]+(?=\S)")


def tasks(state: StateCore) -> None:
    """Core rule: a list item that begins with `[ ]` or `[x]` begins with a `task` token."""
    for index in range(2, len(state.tokens)):
        token = state.tokens[index]
        opened = [one.type for one in state.tokens[index - 2 : index]]
        if token.type != "inline" or opened != ["list_item_open", "paragraph_open"]:
            continue
        found = _TASK.match(token.content)
        if found is None:
            continue
        token.content = token.content[found.end() :]
        mark = Token("task", "", 0)
        mark.meta = {"done": found[1] != " "}
        token.meta = {"task": mark}
        state.tokens[index - 2].attrJoin("class", "task")


def begin_tasks(state: StateCore) -> None:
    """Core rule: once the text of a task is parsed, its mark stands before it."""
    for token in state.tokens:
        if token.type == "inline" and "task" in token.meta:
            token.children = [token.meta["task"], *(token.children or ())]


def callouts(state: StateCore) -> None:
    """Core rule: a quotation that begins with `[!NOTE]` is the component for that."""
    tokens: list[Token] = []
    opened: list[Token] = []
    skipped = 0
    for index, token in enumerate(state.tokens):
        if skipped:
            skipped -= 1
            continue
        tokens.append(token)
        if token.type == "blockquote_close":
            quotation = opened.pop()
            if quotation.type == "component_open":
                token.type, token.tag, token.info = "component_close", "", quotation.info
        elif token.type == "blockquote_open":
            opened.append(token)
            paragraph = state.tokens[index + 1 : index + 4]
            found = _CALLOUT.match(paragraph[1].content) if len(paragraph) == 3 else None
            if found and found[1].lower() in CALLOUTS and paragraph[0].type == "paragraph_open":
                token.type, token.tag, token.info = "component_open", "", CALLOUTS[found[1].lower()]
                token.meta = {"attributes": "", "callout": True}
                tokens += _begun(paragraph, found)
                skipped = 3
    state.tokens = tokens


def _begun(paragraph: Sequence[Token], mark: re.Match[str]) -> Iterator[Token]:
    """The title of a callout, and what is left of the paragraph that it begins."""
    opened, inline, closed = paragraph
    first, last = inline.map or (0, 0)
    if title := mark[2].strip():
        yield Token("component_title_open", "", 1, hidden=True)
        yield Token("inline", "", 0, content=title, map=[first, first + 1], children=[])
        yield Token("component_title_close", "", -1, hidden=True)
    if rest := inline.content[mark.end() :]:
        inline.content, inline.map = rest, [min(first + 1, last), last]
        yield from (opened, inline, closed)
