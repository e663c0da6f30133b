"""Defects that were seen once, each as the rule that it broke."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from sitegen.parse.parser import read_lesson

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted(path.stem for path in (ROOT / "lessons").glob("*.md"))
SIZE = "e => parseFloat(getComputedStyle(e).fontSize)"


def at(site: Path, name: str) -> str:
    return (site / f"{name}.html").as_uri()


@pytest.mark.parametrize("width", [320, 360, 480])
def test_the_header_keeps_its_buttons_and_its_title_in_two_lines(
    width: int, site: Path, visit: Callable
) -> None:
    page = visit(at(site, "building-nanogpt"), width).page
    for name in ("Search", "Dark theme"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box
        assert box["width"] >= 24
        assert box["x"] + box["width"] <= width
    title = page.locator(".site-title span").bounding_box()
    assert title
    assert title["height"] < 60
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_code_and_what_it_prints_have_one_size_that_can_be_read(
    site: Path, visit: Callable
) -> None:
    page = visit(at(site, "building-nanogpt")).page
    code = page.locator("pre > code").evaluate_all(f"all => all.map({SIZE})")
    printed = page.locator("pre > samp").evaluate_all(f"all => all.map({SIZE})")
    assert {*code, *printed} == {13}


def test_a_page_that_is_not_there_is_no_alarm(site: Path, visit: Callable) -> None:
    page = visit(at(site, "404")).page
    colour = "e => getComputedStyle(e).color"
    ink = page.locator("html").evaluate(colour)
    assert page.locator("h1").evaluate(colour) == ink


def test_no_class_means_two_things() -> None:
    sheet = (ROOT / "static" / "style.css").read_text("utf-8")
    body = re.search(r"<body[^>]*>", (ROOT / "templates" / "base.html").read_text("utf-8"))
    assert body
    assert "class" not in body[0]
    assert not re.search(r"[.]missing", sheet)


def test_the_current_entry_of_the_contents_wraps_as_the_others_do(
    site: Path, visit: Callable
) -> None:
    page = visit(at(site, "building-nanogpt") + "#the-architecture").page
    current = page.locator(".side .contents [aria-current]")
    expect(current).to_have_count(1)
    before = current.bounding_box()
    current.evaluate("e => e.removeAttribute('aria-current')")
    after = page.locator(".side .contents a", has_text="The architecture").bounding_box()
    assert before
    assert after
    assert before["height"] == after["height"]


def test_the_milestones_keep_their_place(site: Path, visit: Callable) -> None:
    page = visit(at(site, "pretraining"), 390).page
    slider = page.get_by_role("slider", name="Milestone")
    heights = set()
    for _ in range(7):
        heights.add(page.locator(".milestones").evaluate("e => e.offsetHeight"))
        slider.press("ArrowRight")
    assert len(heights) == 1


def test_a_name_is_not_broken_at_its_hyphen(site: Path, visit: Callable) -> None:
    page = visit(at(site, "building-nanogpt"), 390).page
    words = page.locator(".prose .whole")
    assert words.filter(has_text="GPT-2").count() > 5
    boxes = set(words.evaluate_all("all => all.map(e => e.getClientRects().length)"))
    assert boxes - {0} == {1}  # what another profile shows has none


def test_copy_never_lies_over_code_where_it_is_always_shown(site: Path, browser) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(at(site, "building-nanogpt"))
    over = page.evaluate(
        """() => [...document.querySelectorAll("button.copy")].filter(button => {
            const own = button.getBoundingClientRect();
            if (!own.width) return false;
            const code = button.parentElement.querySelector("code").getBoundingClientRect();
            return own.top < code.bottom && own.bottom > code.top;
        }).length"""
    )
    context.close()
    assert over == 0


@pytest.mark.parametrize("name", LESSONS)
def test_marked_lines_begin_and_end_with_more_than_a_bracket(name: str) -> None:
    for block in read_lesson(ROOT, ROOT / "lessons" / f"{name}.md").blocks:
        lines = block.code.splitlines()
        marked = sorted(block.options.hl)
        for number in marked:
            ends = number + 1 not in marked or number - 1 not in marked
            assert not ends or lines[number - 1].strip(" )]},"), (block.id, number)


def test_each_page_has_a_heading_of_its_own(site: Path) -> None:
    headings = [
        re.findall(r"<h1>(.*?)</h1>", path.read_text("utf-8")) for path in site.glob("*.html")
    ]
    assert all(len(one) == 1 for one in headings)
    assert len({one[0] for one in headings}) == len(headings)


@pytest.mark.parametrize("width", [390, 1280])
def test_previews_can_be_read(width: int, site: Path, visit: Callable) -> None:
    page = visit(at(site, "index"), width).page
    smallest = page.evaluate(
        """() => Math.min(...[...document.querySelectorAll(".card-figure text")].map(text =>
            parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a || 99))"""
    )
    assert smallest >= 7  # what is raised, as in ten to the ninth; words are larger


@pytest.mark.parametrize("name", ["plan", *LESSONS])
def test_no_word_of_a_table_is_broken_on_a_phone(name: str, site: Path, visit: Callable) -> None:
    page = visit(at(site, name), 390).page
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    broken = page.evaluate(
        """() => [...document.querySelectorAll("td")].flatMap(cell => {
            const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), found = [];
            for (let text; (text = texts.nextNode());)
                for (const word of text.data.matchAll(/[A-Za-z]{2,16}/g)) {
                    const range = document.createRange();
                    range.setStart(text, word.index);
                    range.setEnd(text, word.index + word[0].length);
                    const tops = [...range.getClientRects()].map(one => one.top);
                    if (Math.max(...tops) - Math.min(...tops) > 4) found.push(word[0]);
                }
            return found;
        })"""
    )
    assert broken == []


def test_a_choice_with_code_in_it_is_one_sentence(site: Path, visit: Callable) -> None:
    page = visit(at(site, "building-nanogpt"), 390).page
    choice = page.locator("#predict-shapes fieldset label:has(code)").first
    tops = choice.locator("code").evaluate_all("all => all.map(e => e.getClientRects()[0].top)")
    assert len(tops) == 3
    assert max(tops) - min(tops) < 4


def test_the_link_to_a_file_stands_within_its_block(site: Path, visit: Callable) -> None:
    page = visit(at(site, "building-nanogpt"), 390).page
    words = page.locator(".output.file a").first.locator("xpath=..").bounding_box()
    assert words
    assert words["x"] >= 16


@pytest.mark.parametrize("width", [390, 1280])
def test_what_stands_without_a_frame_is_in_line_with_the_text(
    width: int, site: Path, visit: Callable
) -> None:
    page = visit(at(site, "loading-real-weights"), width).page
    table = page.locator("table:has(tr[data-map])").bounding_box()
    text = page.locator(".prose > p").first.bounding_box()
    assert table
    assert text
    assert abs(table["x"] - text["x"]) <= 1


def test_code_beside_code_in_a_box_is_not_cut_off(site: Path, visit: Callable) -> None:
    page = visit(at(site, "pretraining"), 1280).page
    page.locator("#predict-loop summary").first.click()
    cut = page.locator("#predict-loop .compare pre").evaluate_all(
        "all => all.map(one => one.scrollWidth - one.clientWidth)"
    )
    assert cut == [0, 0]


@pytest.mark.parametrize("width", [390, 1280])
def test_a_preview_is_a_part_of_its_card(width: int, site: Path, visit: Callable) -> None:
    page = visit(at(site, "index"), width).page
    page.locator(".card-figure").nth(2).click(force=True)
    expect(page.locator("h1")).to_have_text("Scaling and efficiency")


@pytest.mark.parametrize("name", LESSONS)
def test_a_badge_is_one_line_with_its_details_on_demand(
    name: str, site: Path, visit: Callable
) -> None:
    page = visit(at(site, name), 390).page
    heights = page.locator(".badge > summary:visible").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().height)"
    )
    assert heights
    assert max(heights) <= 32
    badge = page.locator(".badge:visible").first
    badge.locator("summary").click()
    expect(badge.locator("p")).to_be_visible()


@pytest.mark.parametrize("name", LESSONS)
def test_a_printed_lesson_is_short(name: str, site: Path, visit: Callable) -> None:
    page = visit(at(site, name)).page
    pages = re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))
    assert len(pages) <= 44  # all exercises with their hints and solutions


def test_a_caption_changes_nothing_of_what_it_is_of(site: Path, visit: Callable) -> None:
    page = visit(at(site, "building-nanogpt")).page
    figure = page.locator("#fig-architecture")
    names = figure.locator("text[font-family*=mono]")
    families = names.evaluate_all("all => all.map(e => getComputedStyle(e).fontFamily)")
    assert families
    assert all("mono" in family for family in families)
    page.emulate_media(media="print")
    whole, drawing = figure.bounding_box(), figure.locator("svg").bounding_box()
    assert whole
    assert drawing
    assert drawing["y"] + drawing["height"] <= whole["y"] + whole["height"]


def test_every_lesson_says_how_to_run_it(site: Path, visit: Callable) -> None:
    for name in ("index", *LESSONS):
        fold = visit(at(site, name)).page.locator("details.run")
        fold.locator("summary").click()
        expect(fold.get_by_text("make site")).to_be_visible()


def test_the_drawing_beside_the_code_lights_the_class_being_read(
    site: Path, visit: Callable
) -> None:
    page = visit(at(site, "building-nanogpt"), 1440).page
    small = page.locator(".miniature")
    expect(small).not_to_have_class(re.compile("shown"))
    block = page.locator("#block-block-forward")
    block.evaluate("e => scrollTo(0, scrollY + e.getBoundingClientRect().top - 200)")
    expect(small).to_have_class(re.compile("shown"))
    expect(small.locator("p")).to_have_text("Block")
    expect(small.locator(".current").first).to_have_attribute("data-class", "Block")
    assert not small.locator("[id]").count()


def test_parts_of_the_drawing_are_lit_by_keys(site: Path, visit: Callable) -> None:
    page = visit(at(site, "building-nanogpt")).page
    part = page.locator("#block-architecture [data-class=FeedForward]")
    part.focus()
    expect(part).to_have_class(re.compile("lit"))
    assert page.locator(".highlight .lit").count() > 0
