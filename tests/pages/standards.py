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


AXE = """async name => {
    const root = name ? document.querySelector(name) : document.body
    const kinds = new Map()
    for (const one of [root, ...root.querySelectorAll("*")]) {
        if (![...one.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue
        let kind = ""
        for (let place = one; place; place = place.parentElement) {
            const style = getComputedStyle(place)
            kind += [place.tagName, place.getAttribute("class"), style.color, style.opacity,
                style.backgroundColor, style.backgroundImage, style.fontSize, style.fontWeight,
                style.display, style.visibility, style.position].join() + "|"
        }
        if (!kinds.has(kind)) kinds.set(kind, one)
    }
    const resultTypes = ["violations"]
    const rest = await axe.run(name || document, {
        resultTypes, rules: {"color-contrast": {enabled: false}},
    })
    const contrast = await axe.run({include: [...kinds.values()]}, {
        resultTypes, runOnly: ["color-contrast"],
    })
    return [...rest.violations, ...contrast.violations]
}"""
"""axe on a page or an element of it; contrast, which takes it longest, on one text of each kind."""


def violations(page: Page, where: str = "") -> list[str]:
    """What axe finds in the element of a selector, or in the page; each with the element."""
    found = page.evaluate(AXE, where)
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


def ids_of_valid(html: str) -> list[str]:
    """The ids of a page, of which none may be there twice; it has to be valid HTML."""
    html5lib.HTMLParser(strict=True).parse(html)
    ids = re.findall(r'\sid="([^"]*)"', html)
    assert sorted(set(ids)) == sorted(ids)
    return ids
