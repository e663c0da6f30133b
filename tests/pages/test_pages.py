"""Every page of the course in a real browser: at two widths and in both themes, from a folder
and from a server, with scripts and without."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse

import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted(path.stem for path in (ROOT / "lessons").glob("*.md"))
PAGES = ["index", "plan", "record", "404", *LESSONS]
LOOKS = [  # every two of the four together at least once
    (390, False, True, False),
    (390, True, False, False),
    (1280, False, False, False),
    (1280, True, True, False),
    (390, False, True, True),
    (1280, True, False, True),
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


@pytest.mark.parametrize("scripts", [True, False], ids=["js", "nojs"])
@pytest.mark.parametrize("name", LESSONS)
def test_every_output_stands_on_the_page(
    name: str, scripts: bool, site: Path, visit: Callable
) -> None:
    page = visit((site / f"{name}.html").as_uri(), scripts=scripts).page
    for file in sorted((ROOT / "lessons" / "recordings" / name).glob("*/*.json")):
        recording = json.loads(file.read_text(encoding="utf-8"))
        result = page.locator(f"#block-{file.stem} [data-profile={file.parent.name}]")
        outputs = recording["outputs"]
        assert result.locator(".output").count() == len(outputs), file
        for output, shown in zip(outputs, result.locator(".output").all(), strict=True):
            if output["kind"] in ("stdout", "error"):
                text = "".join(output["data"]["text/plain"])
                seen = shown.locator("pre").text_content() or ""
                assert unsigned(seen).strip() == unsigned(text).strip(), file
            elif "image/svg+xml" in output["data"]:
                assert shown.locator("svg > title, svg > desc, svg text").count() > 0, file


def unsigned(text: str) -> str:
    """The text with one sign for all that HTML forbids, and for what stands for it on a page."""
    return re.sub(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u2400-\u2421\ufffd]", "?", text)


@pytest.mark.parametrize("name", LESSONS)
def test_inline_values_stand_in_the_prose(name: str, site: Path, visit: Callable) -> None:
    page = visit((site / f"{name}.html").as_uri()).page
    values = json.loads((ROOT / "lessons/recordings" / name / "cpu.values.json").read_text("utf-8"))
    assert page.locator(".value").count() >= len(values) > 0
    assert page.locator(".unrecorded").count() == 0


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", LESSONS)
def test_text_in_drawings_stays_inside_them(
    name: str, width: int, site: Path, visit: Callable
) -> None:
    page = visit((site / f"{name}.html").as_uri(), width).page
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    outside = page.evaluate(
        """() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
            const box = svg.getBoundingClientRect();
            return [...svg.querySelectorAll('text')].filter(text => {
                const own = text.getBoundingClientRect();
                return own.left < box.left - 1 || own.right > box.right + 1
                    || own.top < box.top - 1 || own.bottom > box.bottom + 1;
            }).map(text => text.textContent);
        })"""
    )
    assert outside == []


@pytest.mark.parametrize("name", LESSONS)
def test_text_in_drawings_can_be_read_on_a_phone(name: str, site: Path, visit: Callable) -> None:
    page = visit((site / f"{name}.html").as_uri(), 390).page
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    smallest = page.evaluate(
        """() => Math.min(99, ...[...document.querySelectorAll('figure svg text')].map(text => {
            const {a, b} = text.getScreenCTM();  // of turned text, both
            return parseFloat(getComputedStyle(text).fontSize) * Math.hypot(a, b);
        }))"""
    )
    assert smallest >= 8


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
