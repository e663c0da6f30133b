"""Components as runs of tokens: where one ends, and the parts that its body consists of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token


@dataclass(frozen=True)
class Part:
    """What stands under a heading or after a `---` line within a component."""

    title: list[Token] = field(default_factory=list)
    id: str = ""
    body: list[Token] = field(default_factory=list)


def parts(tokens: Sequence[Token]) -> list[Part]:
    """The body of a component, cut at its headings and at `---` lines; the intro first."""
    found = [Part()]
    depth, index = 0, 0
    while index < len(tokens):
        token = tokens[index]
        if depth == 0 and token.type == "heading_open":
            if len(found) > 1 and not (found[-1].title or found[-1].body):
                found.pop()  # a `---` before the heading says the same again
            found.append(Part([tokens[index + 1]], token.meta["id"]))
            index += 3
            continue
        if depth == 0 and token.type == "hr":
            found.append(Part())
        else:
            found[-1].body.append(token)
            depth += token.nesting
        index += 1
    return found


def end_of_component(tokens: Sequence[Token], start: int) -> int:
    """The place of the token that closes the component opened at `start`."""
    depth = 0
    for index in range(start, len(tokens)):
        depth += {"component_open": 1, "component_close": -1}.get(tokens[index].type, 0)
        if depth == 0:
            return index
    raise AssertionError("the parser closes every component")


def titled(tokens: Sequence[Token]) -> tuple[Token | None, list[Token]]:
    """The title of a component, if its author gave one, and its body, given what it encloses."""
    if tokens and tokens[0].type == "component_title_open":
        return tokens[1], list(tokens[3:])
    return None, list(tokens)
