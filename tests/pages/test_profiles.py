"""Two recordings of one block: one switch for the whole site, and both there without scripts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect
from small_course import Course

pytestmark = pytest.mark.browser

LESSON = """
    ```python {#scale}
    from lib import scale

    print("scale:", scale())
    ```

    ```python {#other}
    from lib import scale

    print("again:", scale())
    ```
    """

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
    course.build()
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", RECORD_GPU], cwd=course.root, env=environment, check=True)
    return course


def address(course: Course, slug: str = "one") -> str:
    return (course.root / "site" / f"{slug}.html").as_uri()


def test_the_larger_scale_is_shown_first(course: Course, visit: Callable) -> None:
    page = visit(address(course)).page
    expect(page.get_by_text("scale: large")).to_be_visible()
    expect(page.get_by_text("scale: small")).to_be_hidden()


def test_one_switch_for_all_outputs_of_the_site(course: Course, visit: Callable) -> None:
    page = visit(address(course)).page
    switch = page.get_by_role("group", name="Outputs from")
    switch.get_by_role("button", name="Laptop").click()
    for text in ("scale: small", "again: small"):
        expect(page.get_by_text(text)).to_be_visible()
    expect(page.get_by_text("large")).to_have_count(2)
    assert not any(one.is_visible() for one in page.get_by_text("large").all())
    page.goto(address(course, "two"))
    expect(page.get_by_text("scale: small")).to_be_visible()
    pressed = switch.get_by_role("button", pressed=True)
    expect(pressed).to_have_text("Laptop")


def test_a_badge_opens_its_output_and_moves_the_switch(course: Course, visit: Callable) -> None:
    page = visit(address(course)).page
    page.locator("#block-other summary", has_text="Laptop").click()
    expect(page.get_by_text("again: small")).to_be_visible()
    expect(page.get_by_text("scale: small")).to_be_visible()
    expect(page.get_by_role("button", pressed=True, name="Laptop")).to_be_visible()


def test_both_are_there_without_scripts(course: Course, visit: Callable) -> None:
    page = visit(address(course), scripts=False).page
    expect(page.get_by_text("scale: large")).to_be_visible()
    page.locator("#block-scale summary", has_text="Laptop").click()
    expect(page.get_by_text("scale: small")).to_be_visible()


def test_a_badge_tells_what_ran_where_and_when(course: Course, visit: Callable) -> None:
    page = visit(address(course), scripts=False).page
    badge = page.locator("#block-scale summary").first
    expect(badge).to_contain_text("GPU")
    expect(badge).to_contain_text("CPU")
    expect(badge).to_contain_text("Python 3.")
    expect(badge).to_contain_text("under 1 s")


def test_an_output_that_no_longer_holds_says_so(course: Course, visit: Callable) -> None:
    course.edit("lib/__init__.py", '"large"', '"huge"')
    course.build()
    page = visit(address(course)).page
    stale = page.locator("#block-scale [data-profile=gpu]")
    expect(stale.locator(".stale")).to_have_text("out of date")
    expect(page.get_by_text("scale: small")).to_be_visible()  # what holds is shown first
