"""Markdown that a block displays: the lessons' own, but nothing in it runs or can be linked to."""

from __future__ import annotations

from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from sitegen.parse.attributes import Attributes, parse_attributes
from sitegen.parse.markdown import make_parser

TOP_LEVEL = 3
"""Of the headings of outputs: below the page's sections, which are of level 2."""


def displayed(text: str) -> list[Token]:
    """Its tokens, as those of a lesson.

    Raises:
        ValueError: a component is not closed, or closed twice.
    """
    tokens = _parser().parse(text.replace("\r\n", "\n"))
    levels = sorted({token.tag for token in tokens if token.type == "heading_open"})
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(TOP_LEVEL + levels.index(token.tag), 6)}"
        if token.type == "math_block_label":
            token.type, token.meta = "math_block", {}
        if token.type == "heading_open":
            token.meta = {"id": ""}
        elif token.type == "fence":
            token.meta = {"language": token.info.strip().partition(" ")[0].partition("{")[0]}
        elif token.type == "component_open":
            given = parse_attributes(token.meta["attributes"])
            token.meta = {"attributes": Attributes("", given.flags, given.values)}
    return tokens


@cache
def _parser() -> MarkdownIt:
    return make_parser()
