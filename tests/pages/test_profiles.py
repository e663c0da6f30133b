"""Two recordings of one block: one switch for the whole site, and both there without scripts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from small_course import Course

pytestmark = pytest.mark.browser

LESSON = """
    Before [half a sentence of the laptop]{only=cpu}[half a sentence of the GPU]{only=gpu}.

    ```python {#scale}
    from lib import scale

    print("scale:", scale())
    ```

    It is `{python} scale()`, and `{python} 1 + 1` under both.

    :::only gpu
    The whole text for `{python} scale() * 2`.
    :::

    :::only cpu
    The little text for `{python} scale() * 3`.
    :::

    ```python {#same}
    print("both", "say this")
    ```

    ```python {#alone only=gpu}
    print("alone:", scale())
    ```

    ```python {#bare only=cpu hide}
    print("bare:", scale())
    ```
    """
NOTES = """
    ```python {#one}
    print(1)
    ```

    Of all[^all], [of the laptop[^laptop]]{only=cpu}[and again[^all]]{only=gpu}.

    :::only gpu
    Of the GPU[^gpu], again[^both].
    :::

    :::only cpu
    Of both[^both].
    :::

    [^all]: For all.
    [^laptop]: For the laptop.
    [^gpu]: For the GPU.
    [^both]: For both.
    """
LESSON += "".join(f"\n    Paragraph {number}.\n" for number in range(60))

LIBRARY = """
    import os


    def scale():
        return {"cpu": "small", "gpu": "large"}[os.environ["LESSON_PROFILE"]]
    """

# What `--gpu` does after it has seen that there is one; no block here asks for it.
RECORD_GPU = """
from pathlib import Path
from sitegen.parse import config
from sitegen import course
from sitegen.build import Request, build
found = course.load(config.load(Path.cwd()))
build(found, Request(profile="gpu"), found.lessons)
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    course = Course(tmp_path_factory.mktemp("profiles") / "course")
    course.write("lib/__init__.py", LIBRARY)
    course.write(
        "pyproject.toml",
        """
        [tool.lessonsite]
        title = "A course"
        packages = ["lib"]

        [tool.lessonsite.profiles.cpu]
        label = "Laptop"

        [tool.lessonsite.profiles.gpu]
        label = "GPU"
        """,
    )
    course.lesson(LESSON)
    course.lesson(LESSON, slug="two", order=2)
    course.lesson(NOTES, slug="notes", order=3)
    course.build()
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", RECORD_GPU], cwd=course.root, env=environment, check=True)
    return course


def address(course: Course, slug: str = "one") -> str:
    return (course.root / "site" / f"{slug}.html").as_uri()


def choose(page: Page, label: str) -> None:
    page.get_by_role("group", name="Outputs from").get_by_role("button", name=label).click()


OF = {
    "Laptop": [
        "scale: small",
        "It is small,",
        "laptop",
        "little text for smallsmallsmall",
        "bare: small",
    ],
    "GPU": [
        "scale: large",
        "It is large,",
        "of the GPU",
        "whole text for largelarge",
        "alone: large",
    ],
}
SHARED = ["and 2 under both", "both say this"]


def shows(page: Page, label: str) -> None:
    """The page shows what is of one profile, and nothing of the other."""
    text = page.locator(".prose").inner_text()
    for profile, words in OF.items():
        for word in words:
            assert (word in text) == (profile == label), (label, word)
    for word in SHARED:
        assert text.count(word) == 1


def test_a_lesson_leads_with_the_larger_scale_where_all_of_it_is_recorded(
    course: Course, visit: Callable
) -> None:
    shows(visit(address(course)).page, "GPU")


def test_one_switch_for_everything_that_is_remembered(course: Course, visit: Callable) -> None:
    page = visit(address(course)).page
    for label in ("Laptop", "GPU", "Laptop"):
        choose(page, label)
        shows(page, label)
    page.goto(address(course, "two"))
    shows(page, "Laptop")
    pressed = page.get_by_role("group", name="Outputs from").get_by_role("button", pressed=True)
    expect(pressed).to_have_text("Laptop")


def test_a_block_without_code_that_shows_nothing_takes_no_room(
    course: Course, visit: Callable
) -> None:
    page = visit(address(course)).page
    expect(page.locator("#block-bare")).to_have_css("display", "none")
    choose(page, "Laptop")
    expect(page.locator("#block-bare")).to_be_visible()


def test_the_switch_is_reached_by_keyboard_and_stays_in_view(
    course: Course, visit: Callable
) -> None:
    page = visit(address(course), width=390).page
    page.get_by_text("Paragraph 50.").scroll_into_view_if_needed()
    switch = page.get_by_role("group", name="Outputs from")
    expect(switch).to_be_in_viewport()
    switch.get_by_role("button", name="Laptop").press("Enter")
    shows(page, "Laptop")


def test_what_is_read_stays_in_its_place(course: Course, visit: Callable) -> None:
    page = visit(address(course)).page
    read = page.get_by_text("Paragraph 30.")
    page.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
    read.scroll_into_view_if_needed()
    before = read.bounding_box()
    button = page.get_by_role("button", name="Laptop")
    button.dispatch_event("click")  # a click of Playwright's scrolls first
    after = read.bounding_box()
    assert before
    assert after
    assert abs(before["y"] - after["y"]) < 2


def test_without_scripts_the_leading_profile_is_whole_and_the_other_in_folds(
    course: Course, visit: Callable
) -> None:
    page = visit(address(course), scripts=False).page
    text = page.locator(".prose").inner_text()
    assert all(word in text for word in (*OF["GPU"], *SHARED))
    assert "scale: small" not in text
    assert "smallsmallsmall" not in text
    page.locator("#block-scale summary").get_by_text("Laptop", exact=True).first.click()
    expect(page.get_by_text("scale: small")).to_be_visible()


def test_print_shows_what_the_page_shows(course: Course, visit: Callable) -> None:
    page = visit(address(course)).page
    choose(page, "Laptop")
    page.emulate_media(media="print")
    shows(page, "Laptop")
    expect(page.get_by_role("group", name="Outputs from")).to_be_hidden()


def test_a_badge_tells_what_ran_where_and_when(course: Course, visit: Callable) -> None:
    page = visit(address(course)).page
    badge = page.locator("#block-scale .badge:visible")
    for fact in ("GPU", "CPU", "Python 3.", "under 1 s"):
        expect(badge).to_contain_text(fact)


def test_both_variants_are_found_by_the_search(course: Course) -> None:
    index = (course.root / "site" / "static" / "search-index.js").read_text("utf-8")
    assert "whole text for" in index
    assert "little text for" in index
    assert "sentence of the laptop half a sentence of the GPU." in index
    assert re.search(r"It is (small large|large small),", index)


def test_where_a_part_is_missing_the_laptop_leads_and_its_place_says_so(
    course: Course, visit: Callable
) -> None:
    recording = course.recording("scale", "two", "gpu")
    whole = recording.read_text("utf-8")
    recording.unlink()
    course.build()
    try:
        page = visit(address(course, "two")).page
        shows(page, "Laptop")
        choose(page, "GPU")
        expect(page.locator("#block-scale .result:visible")).to_have_text(
            re.compile("Not recorded on the GPU yet")
        )
        expect(page.get_by_text("scale: small")).to_be_hidden()
        expect(page.get_by_text("2 of 3 blocks are not recorded")).to_be_visible()
        alone = page.locator("#block-alone .result:visible")
        expect(alone).to_contain_text("read of block 'scale' above may be another by now")
        expect(page.get_by_text("alone: large")).to_be_visible()
    finally:
        recording.write_text(whole, "utf-8")
        course.build()


def test_an_output_that_no_longer_holds_says_so(course: Course, visit: Callable) -> None:
    course.edit("lib/__init__.py", '"large"', '"huge"')
    course.build()
    page = visit(address(course)).page
    shows(page, "Laptop")  # what holds is shown first
    choose(page, "GPU")
    result = page.locator("#block-scale .result:visible")
    expect(result.locator(".stale")).to_have_text("out of date")
    expect(result).to_contain_text("scale: large")
    expect(result).to_contain_text("Recorded before the last change of lib.scale.")


def test_a_footnote_leads_to_no_hidden_text(course: Course, visit: Callable) -> None:
    page = visit(address(course, "notes")).page
    for label, expected in (("Laptop", ["1", "2", "4"]), ("GPU", ["1", "3", "4"])):
        choose(page, label)
        references = page.locator(".footnote-ref a:visible")
        assert {text[1] for text in references.all_inner_texts()} == set(expected)
        notes = page.locator(".footnote-item:visible")
        assert [one.get_attribute("value") for one in notes.all()] == expected
        links = [*references.all(), *page.locator(".footnote-backref:visible").all()]
        assert len(links) == 2 * references.count()
        for link in links:
            expect(page.locator(f"[id='{(link.get_attribute('href') or '')[1:]}']")).to_be_visible()
