"""The record in a real browser: sorted, filtered, whole without scripts, and fit for a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page
from sound_course import write_course

from sitegen.cli import main

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the sound course's record."""
    root = tmp_path_factory.mktemp("course")
    write_course(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert main([]) == 0
    return (root / "site" / "record.html").as_uri()


@pytest.fixture
def visit(record: str, browser: Browser) -> Iterator[Visit]:
    pages: list[Page] = []

    def open_page(width: int = 1280, scripts: bool = True) -> Page:
        viewport = {"width": width, "height": 800}
        pages.append(browser.new_page(viewport=viewport, java_script_enabled=scripts))
        pages[-1].goto(record)
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


def names(page: Page) -> list[str]:
    return page.locator(".concept-index tbody tr:visible th").all_inner_texts()


def test_the_concepts_are_sorted_by_a_heading_up_and_down(visit: Visit) -> None:
    page = visit()
    assert names(page) == ["A", "B", "C", "D", "A", "B", "C", "D"]
    page.get_by_role("button", name="Concept").click()
    assert names(page) == ["A", "A", "B", "B", "C", "C", "D", "D"]
    page.get_by_role("button", name="Concept").click()
    assert names(page) == ["D", "D", "C", "C", "B", "B", "A", "A"]
    page.get_by_role("button", name="Depth").click()
    page.get_by_role("button", name="Depth").click()
    assert names(page)[:2] == ["A", "A"]
    assert page.locator("[aria-sort]").count() == 1


def test_the_concepts_are_filtered_by_words_lesson_and_depth(visit: Visit) -> None:
    page = visit()
    page.locator("select[name=lesson]").select_option("Two")
    assert names(page) == ["A", "B", "C", "D"]
    page.locator("select[name=depth]").select_option("introduced")
    assert names(page) == ["B", "C", "D"]
    page.get_by_label("Find").fill("known continues")
    assert names(page) == ["D"]
    assert page.locator(".filters output").inner_text() == "1 of 8"


def test_without_scripts_the_table_is_whole(visit: Visit) -> None:
    page = visit(scripts=False)
    assert len(names(page)) == 8
    assert not page.locator(".filters").is_visible()


def test_on_a_phone_nothing_is_wider_than_the_page(visit: Visit) -> None:
    page = visit(width=360)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.locator(".requirement-graph").bounding_box()["width"] <= 360  # type: ignore[index]


def test_pointing_at_a_lesson_lights_its_requirements(visit: Visit) -> None:
    page = visit()
    page.locator("[data-row=two]").hover()
    assert page.locator(".arc.lit").count() == page.locator(".arc[data-to=two]").count() > 0
