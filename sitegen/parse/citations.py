"""Citations: `[@key]`, `[@key, p. 3]`, `[@one; @other]`, as in Pandoc, Quarto and MyST."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markdown_it.rules_inline import StateInline

CITATION = r"\[(?P<cited>-?@[\w:./-]*\w[^\[\]\n]*)\](?![(\[:])"
"""A pair of brackets that begins with a key, and that no target follows: that is a link."""
_CITATION = re.compile(CITATION)
_ITEM = re.compile(r"\s*(?P<bare>-?)@(?P<key>[\w:./-]*\w)(?:,?\s*(?P<place>[^;]*))?$")


@dataclass(frozen=True)
class Citation:
    """One work that is cited."""

    key: str
    place: str = ""
    """Where in it: "p. 3"."""
    without_author: bool = False


def citations(text: str) -> tuple[Citation, ...]:
    """What stands between the brackets; empty if that is no citation."""
    found = [_ITEM.match(part) for part in text.split(";")]
    if not all(found):
        return ()
    return tuple(
        Citation(one["key"], (one["place"] or "").strip(), bool(one["bare"]))
        for one in found
        if one
    )


def citation_rule(state: StateInline, silent: bool) -> bool:
    """Inline rule for a token `citation`, whose `meta` holds what is cited."""
    if not state.src.startswith(("[@", "[-@"), state.pos):
        return False
    found = _CITATION.match(state.src, state.pos)
    cited = citations(found["cited"]) if found else ()
    if found is None or not cited:
        return False
    if not silent:
        token = state.push("citation", "", 0)
        token.content = found[0]
        token.meta = {"cited": cited}
    state.pos = found.end()
    return True
