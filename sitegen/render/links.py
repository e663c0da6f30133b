"""Links as authors write them: where they lead, and how a browser is told."""

from __future__ import annotations

import re
from urllib.parse import unquote


def page_url(target: str) -> str:
    """A link as an author writes it, `slug#section`, as a browser wants it."""
    found = re.fullmatch(r"([a-z0-9-]+)(#.*)?", target)
    return f"{found[1]}.html{found[2] or ''}" if found else target


def place_of(target: str, slug: str) -> str:
    """Where a link leads that stands in the lesson of this slug: `slug`, or `slug#anchor`."""
    page, sign, anchor = unquote(target).partition("#")
    return f"{page.removesuffix('.html') or slug}{sign}{anchor}"
