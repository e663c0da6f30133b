"""Every page of the course in a real browser: at two widths and in both themes, from a folder
and from a server, with scripts and without."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse

import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted(path.stem for path in (ROOT / "lessons").glob("*.md"))
PAGES = ["index", "plan", "record", "404", *LESSONS]
LOOKS = [  # every two of the four together at least once
    (390, True, True, True),
    (390, False, False, False),
    (1280, True, False, False),
    (1280, False, True, False),
    (1280, False, False, True),
]
NAMED = [
    f"{w}-{'dark' if d else 'light'}-{'js' if s else 'nojs'}-{'server' if h else 'folder'}"
    for w, d, s, h in LOOKS
]


@pytest.mark.parametrize(("width", "dark", "scripts", "served"), LOOKS, ids=NAMED)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_whole(
    name: str,
    width: int,
    dark: bool,
    scripts: bool,
    served: bool,
    site: Path,
    server: str,
    visit: Callable,
) -> None:
    base = server if served else site.as_uri()
    visited = visit(f"{base}/{name}.html", width, dark, scripts)
    assert visited.complaints == []
    assert {urlparse(url).netloc for url in visited.requests} == {urlparse(base).netloc}
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert visited.page.evaluate(overflow) == 0


SHOWN = """() => [...document.querySelectorAll(".block [data-profile] .output")].map(output => ({
    of: [output.closest(".block").id, output.closest("[data-profile]").dataset.profile],
    text: output.querySelector("pre")?.textContent ?? "",
    drawn: !!output.querySelector("svg > title, svg > desc, svg text"),
}))"""
"""The outputs on a page, each with its block and profile."""


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "nojs"])
@pytest.mark.parametrize("name", LESSONS)
def test_every_output_and_value_stands_on_the_page(
    name: str, scripts: bool, site: Path, visit: Callable
) -> None:
    page = visit((site / f"{name}.html").as_uri(), scripts=scripts).page
    found = defaultdict(list)
    for output in page.evaluate(SHOWN):
        found[tuple(output["of"])].append(output)
    for file in sorted((ROOT / "lessons" / "recordings" / name).glob("*/*.json")):
        outputs = json.loads(file.read_text(encoding="utf-8"))["outputs"]
        shown = found[f"block-{file.stem}", file.parent.name]
        for output, seen in zip(outputs, shown, strict=True):
            if output["kind"] in ("stdout", "error"):
                text = "".join(output["data"]["text/plain"])
                assert unsigned(seen["text"]).strip() == unsigned(text).strip(), file
            elif "image/svg+xml" in output["data"]:
                assert seen["drawn"], file
    values = json.loads((ROOT / "lessons/recordings" / name / "cpu.values.json").read_text("utf-8"))
    assert page.locator(".value").count() >= len(values) > 0
    assert page.locator(".unrecorded").count() == 0


def unsigned(text: str) -> str:
    """The text with one sign for all that HTML forbids, and for what stands for it on a page."""
    return re.sub(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u2400-\u2421\ufffd]", "?", text)


MISPLACED = {
    "text that leaves its drawing": """
        () => [...document.querySelectorAll('figure svg')].flatMap(svg => {
            const box = svg.getBoundingClientRect();
            return [...svg.querySelectorAll('text')].filter(text => {
                const own = text.getBoundingClientRect();
                return own.left < box.left - 1 || own.right > box.right + 1
                    || own.top < box.top - 1 || own.bottom > box.bottom + 1;
            }).map(text => text.textContent);
        })""",
    "text too small to be read": """
        () => [...document.querySelectorAll('figure svg text')].filter(text => {
            const {a, b} = text.getScreenCTM();  // of turned text, both
            return parseFloat(getComputedStyle(text).fontSize) * Math.hypot(a, b) < 8;
        }).map(text => text.textContent)""",
    "a column out of sight": """
        () => [...document.querySelectorAll(".output.html, .table")]
            .filter(box => box.scrollWidth > box.clientWidth + 1)
            .map(box => box.closest(".block")?.id ?? box.textContent.slice(0, 40))""",
}


@pytest.mark.parametrize("width", [390, 820, 1280])
@pytest.mark.parametrize("name", LESSONS)
def test_drawings_and_tables_can_be_read_at_every_width(
    name: str, width: int, site: Path, visit: Callable
) -> None:
    page = visit((site / f"{name}.html").as_uri(), width).page
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert {what: page.evaluate(script) for what, script in MISPLACED.items()} == {
        what: [] for what in MISPLACED
    }


def test_labels_in_the_architecture_keep_to_their_boxes(site: Path, visit: Callable) -> None:
    page = visit((site / "building-nanogpt.html").as_uri(), 390).page
    # The drawing with counts stands behind it.
    page.locator("#predict-count .reveal > summary").click()
    drawings = page.locator("[id^=block-architecture] svg")
    assert drawings.count() == 2
    crossing = drawings.evaluate_all(
        """svgs => svgs.flatMap(svg => [...svg.querySelectorAll('rect')].flatMap(rect => {
            const box = rect.getBoundingClientRect();
            return [...svg.querySelectorAll('text')].filter(text => {
                const own = text.getBoundingClientRect();
                const middle = [(own.left + own.right) / 2, (own.top + own.bottom) / 2];
                const within = box.left < middle[0] && middle[0] < box.right
                    && box.top < middle[1] && middle[1] < box.bottom;
                return within && (own.left < box.left - 1 || own.right > box.right + 1);
            }).map(text => text.textContent);
        }))"""
    )
    assert crossing == []


def test_a_class_in_the_code_lights_its_box_in_the_drawing(site: Path, visit: Callable) -> None:
    page = visit((site / "building-nanogpt.html").as_uri()).page
    box = page.locator("#block-architecture [data-class=FeedForward]").first
    before = box.locator("> .boundary").first.evaluate("e => getComputedStyle(e).strokeWidth")
    box.hover()
    page.wait_for_timeout(50)
    after = box.locator("> .boundary").first.evaluate("e => getComputedStyle(e).strokeWidth")
    assert before != after


def test_copied_code_is_the_code_of_the_block(site: Path, visit: Callable) -> None:
    page = visit((site / "building-nanogpt.html").as_uri()).page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#block-verify-head").hover()
    page.locator("#block-verify-head button.copy").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("head = Head(config, config.head_size)\n")
    compile(copied, "copied", "exec")


def test_predictions_open_without_scripts(site: Path, visit: Callable) -> None:
    page = visit((site / "building-nanogpt.html").as_uri(), scripts=False).page
    reveal = page.locator(".predict details.reveal").first
    assert reveal.locator("> div").is_hidden()
    reveal.locator("summary").click()
    assert reveal.locator("> div").is_visible()
