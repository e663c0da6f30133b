"""What every page is held against: accessibility as axe sees it, and HTML."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from importlib import resources

import html5lib
from playwright.sync_api import Browser, Page

UNCOLOURED = "document.querySelectorAll('pre code').forEach(one => one.textContent += '')"
"""Code as plain text, thousands of spans less; for pages whose colours are computed elsewhere."""


@contextlib.contextmanager
def opened_for_axe(browser: Browser, url: str, dark: bool, first: str = "") -> Iterator[Page]:
    """A page with all its folds open and axe in it: light on a desk, or dark on a phone."""
    context = browser.new_context(
        viewport={"width": 390 if dark else 1280, "height": 900},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        bypass_csp=True,  # for axe itself
    )
    page = context.new_page()
    page.goto(url)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    if first:
        page.evaluate(first)
    page.evaluate((resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    yield page
    context.close()


def violations(page: Page, where: str = "document") -> list[str]:
    """What axe finds, each with the element."""
    found = page.evaluate(f"axe.run({where}, {{resultTypes: ['violations']}})")["violations"]
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


def ids_of_valid(html: str) -> list[str]:
    """The ids of a page, of which none may be there twice; it has to be valid HTML."""
    html5lib.HTMLParser(strict=True).parse(html)
    ids = re.findall(r'\sid="([^"]*)"', html)
    assert sorted(set(ids)) == sorted(ids)
    return ids
