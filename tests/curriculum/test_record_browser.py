"""The record in a real browser: sorted, filtered, whole without scripts, and fit for a phone."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from test_rules import SOUND

from sitegen.cli import main

pytestmark = pytest.mark.browser

BROWSER = Path(__file__).parents[1] / "pages" / "browser.py"

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the sound course's record."""
    root = tmp_path_factory.mktemp("course")
    (root / "lessons").mkdir()
    (root / "pyproject.toml").write_text('[tool.lessonsite]\ntitle = "T"\n')
    for name, text in SOUND.items():
        (root / name).write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert main([]) == 0
    return (root / "site" / "record.html").as_uri()


@pytest.fixture(scope="module")
def visit(record: str) -> Iterator[Visit]:
    spec = importlib.util.spec_from_file_location("browser", BROWSER)
    assert spec
    assert spec.loader
    launcher = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(launcher)
    with sync_playwright() as playwright:
        chromium = launcher.launch(playwright)
        if chromium is None:
            pytest.skip("no Chromium on this machine: python tests/pages/browser.py gets one")

        def open_page(width: int = 1280, scripts: bool = True) -> Page:
            page = chromium.new_page(
                viewport={"width": width, "height": 800}, java_script_enabled=scripts
            )
            page.goto(record)
            return page

        yield open_page
        chromium.close()


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
