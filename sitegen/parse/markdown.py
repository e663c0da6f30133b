"""The Markdown dialect: CommonMark and what is not in it.

Tables, footnotes, `$math$`, `$$math$$ (label)`, `[@citations]`, `:::component` containers and
`[spans]{key=value}`.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from mdit_py_plugins.attrs import attrs_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin

from sitegen.parse import foreign
from sitegen.parse.citations import citation_rule
from sitegen.parse.marks import begin_tasks, callouts, tasks

FORMULAS = ("math_inline", "math_inline_double")
"""Tokens of formulas within a paragraph: in the line, and displayed."""

_OPENING = re.compile(r"(:{3,})[ \t]*([A-Za-z][\w-]*)[ \t]*(?:\{([^}\n]*)\})?[ \t]*(.*)$")
_CLOSING = re.compile(r":{3,}[ \t]*$")
_FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})")  # with a backtick more, it is inline code


MISTAKES = "mistakes"
"""The key of the environment under which a parser's caller collects each `MarkdownError`."""


class MarkdownError(ValueError):
    """A container that is not closed, or closed twice; `line` counts from 0."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def make_parser(renderer: type[RendererHTML] = RendererHTML) -> MarkdownIt:
    """The parser of every lesson."""
    parser = MarkdownIt("commonmark", {"typographer": True}, renderer_cls=renderer)
    parser.enable(["table", "strikethrough", "replacements", "smartquotes"])
    parser.use(
        dollarmath_plugin,
        allow_space=False,
        allow_digits=False,
        allow_labels=True,
        double_inline=True,
    )
    parser.use(footnote_plugin)
    parser.use(attrs_plugin, spans=True, after=(), allowed=("only",))
    parser.block.ruler.before(
        "fence",
        "component",
        _component,
        {"alt": ["paragraph", "reference", "blockquote", "list"]},
    )
    parser.inline.ruler.before("link", "citation", citation_rule)
    parser.core.ruler.before("inline", "callout", callouts)
    parser.core.ruler.before("inline", "task", tasks)
    parser.core.ruler.after("inline", "task_mark", begin_tasks)
    return parser


def _component(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Block rule for `:::name {attributes} Title` up to the bare `:::` that closes it.

    A bare `:::` closes the innermost container, as in Pandoc; more colons on the outer one,
    as in MyST, do no harm.
    """
    if state.is_code_block(start):
        return False
    line = _line(state, start)
    if not line.startswith(":::"):
        return False
    if silent:
        return True
    if _CLOSING.match(line):
        state.line = start + 1
        _mistake(state, "':::' closes nothing; remove it, or name a container to open", start)
        return True
    close = _closing_line(state, start, end)
    inside, after = (end, end) if close is None else (close, close + 1)
    opening = _OPENING.match(line)
    if opening is None or opening[4].startswith("{"):
        _mistake(state, foreign.container(line), start)
        _contents(state, start, inside, after)
        return True
    marker, name, attributes, title = opening.groups()
    if close is None:
        _mistake(state, f"container ':::{name}' is not closed; end it with a line ':::'", start)

    token = state.push("component_open", "", 1)
    token.info, token.markup, token.map, token.block = name, marker, [start, after], True
    token.meta = {"attributes": attributes or ""}
    if title.strip():
        state.push("component_title_open", "", 1).hidden = True
        inline = state.push("inline", "", 0)
        inline.content, inline.map, inline.children = title.strip(), [start, start + 1], []
        state.push("component_title_close", "", -1).hidden = True

    _contents(state, start, inside, after)
    token = state.push("component_close", "", -1)
    token.info, token.markup, token.block = name, marker, True
    return True


def _contents(state: StateBlock, start: int, end: int, after: int) -> None:
    """Parse what a container holds, up to the line `end`, and go on at the line `after`."""
    outer, state.lineMax = state.lineMax, end
    parent, state.parentType = state.parentType, "component"
    state.md.block.tokenize(state, start + 1, end)
    state.lineMax, state.parentType, state.line = outer, parent, after


def _mistake(state: StateBlock, message: str, line: int) -> None:
    """Raise a `MarkdownError`, or collect it where the caller does, and go on."""
    error = MarkdownError(line, message)
    if MISTAKES not in state.env:
        raise error
    state.env[MISTAKES].append(error)


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def _closing_line(state: StateBlock, start: int, end: int) -> int | None:
    """The line that closes the container opened on line `start`; code is passed over."""
    depth, fence = 1, ""
    for number in range(start + 1, end):
        line = _line(state, number)
        if fence:
            if line.rstrip().startswith(fence) and not line.rstrip().strip(fence[0]):
                fence = ""
        elif code := _FENCE.match(line):
            fence = code[1]
        elif _CLOSING.match(line):
            depth -= 1
            if depth == 0:
                return number
        elif line.startswith(":::"):
            depth += 1
    return None
