"""What a page does for its reader: search, guesses, linked views, keys, quiet and safety."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def lesson(site: Path, slug: str, anchor: str = "") -> str:
    return (site / f"{slug}.html").as_uri() + (f"#{anchor}" if anchor else "")


# Search.


@pytest.fixture
def searching(site: Path, server: str, visit: Callable, request: pytest.FixtureRequest) -> Page:
    """A lesson with the search open; from a folder, where a browser fetches nothing."""
    page = visit(lesson(site, "pretraining")).page
    page.keyboard.press("/")
    expect(page.get_by_role("dialog")).to_be_visible()
    return page


def test_search_finds_a_section_of_another_lesson_by_keys_alone(searching: Page) -> None:
    searching.keyboard.type("swapped view")
    first = searching.get_by_role("dialog").get_by_role("link").first
    expect(first).to_contain_text("Building nanoGPT")
    searching.keyboard.press("Enter")
    searching.wait_for_url("**/building-nanogpt.html#right-shapes-wrong-values")
    expect(searching.locator("#right-shapes-wrong-values")).to_be_in_viewport()


def test_search_says_how_many_sections_it_found(searching: Page) -> None:
    dialog = searching.get_by_role("dialog")
    searching.keyboard.type("clip_grad_norm_")
    expect(dialog.get_by_role("status")).to_contain_text("section")
    assert dialog.locator("mark").first.text_content() == "clip_grad_norm_"
    dialog.get_by_role("searchbox").fill("xyzzy")
    expect(dialog.get_by_role("status")).to_have_text("Nothing found")
    searching.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_nothing_of_the_search_is_loaded_before_it_is_used(site: Path, visit: Callable) -> None:
    visited = visit(lesson(site, "pretraining"))
    assert not [url for url in visited.requests if "search" in url]
    visited.page.get_by_role("button", name="Search").click()
    expect(visited.page.get_by_role("dialog")).to_be_visible()
    assert [url for url in visited.requests if url.endswith("static/search-index.js")]


def test_a_slash_in_a_guess_is_a_slash(site: Path, visit: Callable) -> None:
    page = visit(lesson(site, "building-nanogpt")).page
    guess = page.locator("#predict-loss").get_by_label("Your guess")
    guess.press_sequentially("1/2")
    expect(guess).to_have_value("1/2")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_search_takes_a_misspelt_word_for_the_nearest(searching: Page) -> None:
    dialog = searching.get_by_role("dialog")
    searching.keyboard.type("intialisation")
    expect(dialog.get_by_role("status")).to_contain_text("for “initialization”")
    assert dialog.get_by_role("link").count() > 0


# Guesses.

GUESSES = {
    "exactly": ("124,439,808", "exactly"),
    "in words": ("124.439808 million", "exactly"),
    "a little low": ("about 120M", "3.6 % too low"),
    "far too high": ("1.3 billion", "10 times too high"),
    "below nothing": ("-5", "too low"),
    "no number": ("many", "no number"),
}


@pytest.mark.parametrize(("guess", "verdict"), GUESSES.values(), ids=GUESSES)
def test_a_guess_is_scored_by_how_far_it_was(
    guess: str, verdict: str, site: Path, visit: Callable
) -> None:
    box = visit(lesson(site, "building-nanogpt")).page.locator("#predict-count")
    box.get_by_label("Your guess").fill(guess)
    box.get_by_text("Show me").click()
    expect(box.locator(".verdict")).to_have_text(f"Your guess: {guess} ({verdict})")


# Linked views.


def test_a_row_of_the_mapping_and_its_arrow_light_each_other(site: Path, visit: Callable) -> None:
    page = visit(lesson(site, "loading-real-weights")).page
    weight = "transformer.h.{}.attn.c_attn.weight"
    row, arrow = page.locator(f'tr[data-map="{weight}"]'), page.locator(f'g[data-map="{weight}"]')
    row.hover()
    expect(arrow).to_have_class(re.compile("lit"))
    arrow.locator("text").hover()
    expect(row).to_have_class(re.compile("lit"))
    page.mouse.move(0, 0)
    expect(row).not_to_have_class(re.compile("lit"))


def test_an_arrow_leads_from_a_name_there_to_the_same_weight_here(
    site: Path, visit: Callable
) -> None:
    page = visit(lesson(site, "loading-real-weights")).page
    ends = page.evaluate(
        """() => [...document.querySelectorAll('#block-map-diagram g[data-map]')].map(arrow => {
            const line = arrow.querySelector('path').getBoundingClientRect();
            const near = (x) => [...document.querySelectorAll('#block-map-diagram text[data-map]')]
                .map(text => ({text, box: text.getBoundingClientRect()}))
                .filter(({box}) => x === 'left' ? box.left < line.left : box.right > line.right)
                .map(({text, box}) => ({
                    text,
                    far: Math.abs((box.top + box.bottom - line.top - line.bottom) / 2),
                }))
                .sort((a, b) => a.far - b.far)[0].text;
            const kind = arrow.getAttribute('class');
            const says = arrow.querySelector('text')?.textContent ?? '';
            return [arrow.dataset.map, near('left').dataset.map, near('right').dataset.map,
                    near('left').textContent, near('right').textContent, kind, says];
        })"""
    )
    assert len(ends) > 12
    for weight, left, right, there, here, kind, says in ends:
        assert weight == left == right
        assert weight.endswith(there)
        assert weight.endswith(here)
        assert (says == ".t()") == ("transpose" in kind), weight
    transposed = {end[0].removeprefix("transformer.h.{}.") for end in ends if end[6]}
    assert transposed == {
        f"{part}.weight" for part in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    }


def test_the_slider_shows_one_milestone_and_its_point_on_the_curve(
    site: Path, visit: Callable
) -> None:
    page = visit(lesson(site, "pretraining")).page
    slider = page.get_by_role("slider", name="Milestone")
    stages = page.locator(".milestones > ol > li")
    for step in range(stages.count()):
        if step:
            slider.press("ArrowRight")
        assert [stage.is_visible() for stage in stages.all()].index(True) == step
        lit = page.locator('.milestones g[id*="stage-"].lit')
        expect(lit).to_have_count(1)
        assert (lit.get_attribute("id") or "").endswith(f"stage-{step}")


def test_all_milestones_are_there_without_scripts(site: Path, visit: Callable) -> None:
    page = visit(lesson(site, "pretraining"), scripts=False).page
    stages = page.locator(".milestones > ol > li").all()
    assert len(stages) >= 5
    assert all(stage.is_visible() for stage in stages)


# Keys, and quiet.


def test_the_first_tab_leads_to_the_text(site: Path, visit: Callable) -> None:
    page = visit(lesson(site, "building-nanogpt")).page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the text")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_everything_one_can_use_shows_that_it_has_the_focus(site: Path, visit: Callable) -> None:
    page = visit(lesson(site, "building-nanogpt")).page
    for _ in range(60):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
                const style = getComputedStyle(document.activeElement);
                return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
            }"""
        )
        assert seen, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


def test_a_prediction_opens_by_keys(site: Path, visit: Callable) -> None:
    page = visit(lesson(site, "building-nanogpt")).page
    page.locator("#predict-same").get_by_label("up to rounding").focus()
    for key in ("Space", "Tab", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#predict-same .reveal > div")).to_be_visible()
    expect(page.locator("#predict-same .verdict")).to_have_text("Right: up to rounding.")


def test_nothing_moves_for_who_asked_for_quiet(site: Path, visit: Callable) -> None:
    page = visit(lesson(site, "building-nanogpt")).page  # visits ask for reduced motion
    moving = page.evaluate(
        """() => [...document.querySelectorAll('*')].filter(element => {
            const style = getComputedStyle(element);
            return style.transitionDuration.split(',').some(time => parseFloat(time) > 0)
                && style.transitionProperty !== 'none' || style.animationName !== 'none';
        }).length + (getComputedStyle(document.documentElement).scrollBehavior === 'smooth')"""
    )
    assert moving == 0


def test_the_line_on_top_grows_as_one_reads(site: Path, visit: Callable) -> None:
    page = visit(lesson(site, "building-nanogpt")).page
    width = "document.querySelector('.read').getBoundingClientRect().width / innerWidth"
    assert page.evaluate(width) == 0
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.wait_for_function(f"{width} > 0.95")


def test_the_contents_name_the_section_being_read(site: Path, visit: Callable) -> None:
    page = visit(lesson(site, "building-nanogpt", "counting-parameters")).page
    current = page.locator(".side .contents [aria-current]")
    expect(current).to_have_text("Count the parameters")


def test_the_theme_is_kept_from_page_to_page(site: Path, visit: Callable) -> None:
    page = visit(lesson(site, "building-nanogpt")).page
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    before = page.evaluate(colour)
    page.get_by_role("button", name="Dark theme").click()
    page.goto(lesson(site, "pretraining"))
    assert page.evaluate(colour) != before
    expect(page.get_by_role("button", name="Dark theme")).to_have_attribute("aria-pressed", "true")


# Safety.

INTRUDERS = {
    "inline script": "<script>document.title = 'taken'</script>",
    "handler": "<img src=x onerror=\"document.title = 'taken'\">",
    "script from elsewhere": "<script src='https://example.org/x.js'></script>",
    "script in a link": "<script src=\"data:text/javascript,document.title='taken'\"></script>",
    "frame": "<iframe src=\"data:text/html,<script>parent.document.title='taken'</script>\">",
}


@pytest.mark.parametrize("intruder", INTRUDERS.values(), ids=INTRUDERS)
def test_the_policy_stops_what_the_sanitizer_would_have_to_miss(
    intruder: str, site: Path, tmp_path: Path, visit: Callable
) -> None:
    html = (site / "index.html").read_text(encoding="utf-8")
    (tmp_path / "index.html").write_text(html.replace("<main", f"{intruder}<main"), "utf-8")
    visited = visit((tmp_path / "index.html").as_uri())
    assert visited.page.title() == "Building & Training GPT"
    assert any("Content Security Policy" in complaint for complaint in visited.complaints)
