"""Executed HTML made fit to stand inside a page: structure and text, nothing that acts."""

from __future__ import annotations

import re

import nh3

_TAGS = nh3.ALLOWED_TAGS | {"section", "tfoot"}
_ATTRIBUTES = {
    **nh3.ALLOWED_ATTRIBUTES,
    "*": {"class", "title", "lang", "dir", "role", "aria-label", "aria-hidden"},
    "details": {"open"},
}


def sanitized(html: str) -> str:
    """The HTML without scripts, styles, event handlers, forms, frames and foreign content.

    Text, tables, lists, details and images that the page itself holds stay, with their classes
    and `data-` attributes. Ids go: a page has its own.
    """
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_own,
        generic_attribute_prefixes={"data-"},
        url_schemes={"https", "http", "mailto", "data"},
        link_rel="noopener",
    )
    # The corner of a table is no heading of anything.
    return re.sub(r"<th([^>]*)>\s*</th>", r"<td\1></td>", clean)


def _own(_tag: str, attribute: str, value: str) -> str | None:
    """Drop what would load something from elsewhere, and links to documents made up on the spot."""
    if attribute == "src":
        return value if value.startswith("data:image/") else None
    if attribute == "href" and value.lstrip().lower().startswith("data:"):
        return None
    return value
