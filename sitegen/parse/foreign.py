"""Markup of other tools: what it resembles, and what is written here instead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from markdown_it.token import Token

_BLOCK = "write ```python {#id}"
_COMPONENT = "write a component, ':::tip Title' to ':::'"

_FENCES = (
    (r"\{code-cell\}", "a cell of MyST", _BLOCK),
    (r"\{(code|code-block|sourcecode)\}", "code of MyST", "write ```python {no-run}"),
    (r"\{(python|py|ipython)\d?\b", "a cell of Quarto", _BLOCK),
    (r"\{(r|julia|bash|sh|sql|ojs|mermaid|dot)\b", "a cell of Quarto", "write ```{0}, shown alone"),
    (r"\{=\w+\}", "raw text of Pandoc", "write it without the fence"),
    (r"\{[^}]*\.(python|py)\b", "code of Pandoc", _BLOCK),
    (r"\{\.([\w-]+)", "code of Pandoc", "write ```{0}"),
    (r"\{(figure|image)\}", "a figure of MyST", "write ![words for it](file)"),
    (r"\{math\}", "a formula of MyST", "write it between $$ and $$"),
    (r"\{(exercise|solution)[\w-]*\}", "an exercise of MyST", "write ':::exercise Title' to ':::'"),
    (r"\{(toctree|tableofcontents)\}", "contents of MyST", "leave it out: they are made"),
    (r"\{(literal)?include\}", "a file of MyST", "embed code with source=package.module.Name"),
    (r"\{[\w:-]+\}", "a directive of MyST", _COMPONENT),
)
_CONTAINERS = (
    (r":{3,}\s*\{[\w:-]+\}", "a directive of MyST"),
    (r":{3,}\s*\{.*[.#][\w-]+", "a div of Pandoc and Quarto"),
)

_ROLE = re.compile(r"(\{[A-Za-z][\w:+.-]*\}|(?<![\w:]):[a-z][\w:+-]*:)$")
_BRACES = re.compile(r"\{:?\s*(?:[.#][\w-]+|[\w-]+=[^{}\s]+)(?:\s[^{}]*)?\}")
_TARGET = re.compile(r"\([\w.:-]+\)=$")
_TEXTS = (
    (re.compile(r"^(!!!|\?\?\?\+?) ?\S"), "an admonition of MkDocs", _COMPONENT),
    (re.compile(r"^=== [\"“]"), "a tab of MkDocs", "give each its heading"),
    (re.compile(r"^(\.\.|…) [\w:-]+::"), "a directive of reStructuredText", _COMPONENT),
    (re.compile(r"\{\{[<%] .* [%>]\}\}"), "a shortcode", "write what it stands for"),
    (re.compile(r"^\{% .* %\}"), "a tag of Liquid", "write what it stands for"),
    (re.compile(r"(?<![\w@.])@(fig|tbl|eq|sec|lst)-\w"), "a reference of Quarto", "write [](#id)"),
)
_SPANS = ("image", "link_close", "code_inline", "em_close", "strong_close")
"""What attributes in braces may follow."""


def fence(info: str) -> str:
    """What to say of a fence that begins with braces."""
    for pattern, tool, instead in _FENCES:
        if found := re.match(pattern, info):
            name = found[1] if found.groups() else ""
            instead = instead.replace("{0}", name)
            return f"cannot read {info!r}; {instead} (it looks like {tool}, which --import takes)"
    return f"cannot read {info!r}; {_BLOCK}"


def container(line: str) -> str:
    """What to say of a line of colons that opens nothing."""
    unread = f"cannot read {line.strip()!r}; write ':::name {{attributes}} Title'"
    for pattern, tool in _CONTAINERS:
        if re.match(pattern, line):
            return f"{unread} (it looks like {tool}, which --import takes)"
    return unread


def take_out(children: Sequence[Token]) -> Iterator[tuple[Token, str]]:
    """Remove from running text what other tools don't show; yield all that looks like theirs."""
    for index, child in enumerate(children):
        if child.type == "text":
            yield from _in_text(children, index)
    for before, child in pairwise(children):
        if child.type == "code_inline" and before.type == "text":
            found = _ROLE.search(before.content)
            if found:
                before.content = before.content[: found.start()]
                yield child, f"{found[0]!r} before a backtick looks like a role: write a link"
        elif child.type == "text" and before.type in _SPANS:
            found = _BRACES.match(child.content)
            if found:
                child.content = child.content[found.end() :]
                what = "a picture" if before.type == "image" else "this"
                yield child, f"{found[0]!r} looks like attributes, which {what} takes none of"


def _in_text(children: Sequence[Token], index: int) -> Iterator[tuple[Token, str]]:
    child = children[index]
    begins = index == 0 or children[index - 1].type in ("softbreak", "hardbreak")
    ends = index + 1 == len(children) or children[index + 1].type in ("softbreak", "hardbreak")
    if begins and ends and _TARGET.match(child.content):
        yield child, f"{child.content!r} looks like a target of MyST: write ## Title {{#anchor}}"
        child.content = ""
    for pattern, tool, instead in _TEXTS:
        if (found := pattern.search(child.content)) and (begins or "^" not in pattern.pattern):
            yield child, f"{found[0]!r} looks like {tool}: {instead}"
