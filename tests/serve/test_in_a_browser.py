"""An author at work: a browser shows every edit in place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

LESSON = """
    ## First

    Prose.

    :::predict {#guess} How many?
    A question.

    ---

    An answer.
    :::

    ```python {#a}
    from lib import greeting
    print(greeting("reader"))
    ```

    It is `{python} 6 * 7`.

    ## Long

    {words}

    ## Last

    The end.
    """
WORDS = "\n\n    ".join("Some words to scroll past. " * 20 for _ in range(12))


@pytest.fixture
def course(course):
    course.write("lib/__init__.py", "def greeting(name):\n    return 'hello ' + name\n")
    course.lesson(LESSON.replace("{words}", WORDS))
    course.lesson("\nOther prose.\n", slug="two", order=2)
    return course


@pytest.fixture
def page(browser: Browser, course, serve) -> Iterator[Page]:
    serving = serve(course)
    serving.wait_for("hello reader")
    context = browser.new_context(viewport={"width": 1280, "height": 700})
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
    page.goto(f"{serving.url}one.html")
    page.evaluate("window.stays = true")
    yield page
    assert page.complaints == []
    context.close()


def in_place(page: Page) -> bool:
    return bool(page.evaluate("window.stays === true"))


def test_an_edit_of_prose_shows_in_place(page, course) -> None:
    page.locator("#guess summary").click()
    page.locator("#guess textarea").fill("seven")
    page.locator("#last").evaluate("element => element.scrollIntoView({behavior: 'instant'})")
    before = page.locator("#last").bounding_box()["y"]
    course.edit("lessons/one.md", "Prose.", "Edited prose.\n\n" + "More above. " * 200)
    course.edit("lessons/one.md", "The end.", "The new end.")
    expect(page.get_by_text("The new end.")).to_be_visible()
    expect(page.locator(".score")).to_be_visible()  # scripts write it, after the page is renewed
    assert page.evaluate("scrollY") > 1000
    page.wait_for_function(
        "y => Math.abs(document.querySelector('#last').getBoundingClientRect().top - y) < 2",
        arg=before,
    )
    assert page.locator("#guess details").evaluate("fold => fold.open")
    expect(page.locator("#guess textarea")).to_have_value("seven")
    assert in_place(page)


def test_the_page_still_works_after_many_edits(page, course) -> None:
    for number in range(3):
        course.edit("lessons/one.md", "Prose", f"Prose {number}")
        expect(page.get_by_text(f"Prose {number}")).to_be_visible()
    expect(page.locator(".highlight")).to_have_count(1)
    expect(page.locator(".copy")).to_have_count(1)
    theme = page.locator("#theme")
    before = theme.get_attribute("aria-pressed")
    theme.click()
    assert theme.get_attribute("aria-pressed") != before
    page.keyboard.press("/")
    expect(page.locator("dialog.search")).to_be_visible()
    page.keyboard.type("answer")
    expect(page.locator("dialog.search li").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog.search")).to_be_hidden()
    assert in_place(page)


def test_a_block_that_fails_shows_its_error_beside_the_last_output(page, course) -> None:
    course.edit("lessons/one.md", 'greeting("reader")', 'greeting("reader") / 2')
    box = page.locator("#block-a .serve-note.failed")
    expect(box).to_contain_text("lessons/one.md:")
    expect(box).to_contain_text("TypeError")
    result = page.locator("#block-a .result")
    expect(result).to_contain_text("hello reader")
    assert float(result.evaluate("one => getComputedStyle(one).opacity")) < 0.6
    expect(page.locator(".serve-note.top")).to_have_count(0)
    course.edit("lessons/one.md", 'greeting("reader") / 2', 'greeting("author")')
    expect(result).to_contain_text("hello author")
    expect(page.locator(".serve-note")).to_have_count(0)
    assert result.evaluate("one => getComputedStyle(one).opacity") == "1"
    assert in_place(page)


def test_an_inline_value_that_fails_shows_its_error_after_its_paragraph(page, course) -> None:
    course.edit("lessons/one.md", "6 * 7", "6 / 0")
    expect(page.locator("p:has(.value) + .serve-note")).to_contain_text("ZeroDivisionError")
    course.edit("lessons/one.md", "6 / 0", "6 * 8")
    expect(page.locator(".value").first).to_have_text("48")
    expect(page.locator(".serve-note")).to_have_count(0)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("lessons/one.md", "## First", ":::nothing\n## First"),
        ("lessons/one.md", "title:", "title: ["),
        ("lib/__init__.py", "return", "return ("),
        ("pyproject.toml", "title", "tilte"),
    ],
)
def test_what_leaves_no_page_is_told_at_the_top_of_the_last_good_one(
    page, course, name, old, new
) -> None:
    course.edit(name, old, new)
    box = page.locator(".serve-note.top").first  # what follows from it may be told, too
    expect(box).to_contain_text(f"{name}:")
    expect(box).to_be_in_viewport()
    expect(page.get_by_text("hello reader", exact=True)).to_be_visible()
    course.edit(name, new, old)
    expect(page.locator(".serve-note")).to_have_count(0)
    assert in_place(page)


def test_edits_of_library_template_and_style_show_in_place(page, course) -> None:
    course.edit("lib/__init__.py", "hello", "good day")
    expect(page.locator("#block-a .result")).to_contain_text("good day reader")
    course.edit("pyproject.toml", "packages", 'templates = "own"\nstatic = "look"\npackages')
    expect(page.locator(".serve-note").filter(has_text="no folder 'own'")).to_be_visible()
    course.write("own/components/tip.html", "tip")
    course.write("look/style.css", "p { color: rgb(1, 2, 3) }")
    page.locator("p").last.wait_for()
    expect(page.locator("p").last).to_have_css("color", "rgb(1, 2, 3)")
    course.write("look/style.css", "p { color: rgb(3, 2, 1) }")
    expect(page.locator("p").last).to_have_css("color", "rgb(3, 2, 1)")
    course.write("own/404.html", "{% extends 'base.html' %}{% block layout %}Gone{% endblock %}")
    course.edit("lessons/one.md", "The end.", "The very end.")
    expect(page.get_by_text("The very end.")).to_be_attached()
    assert in_place(page)


def test_a_lesson_that_comes_and_goes_is_seen_on_every_page(page, course) -> None:
    course.lesson("\nThird.\n", slug="three", order=3)
    expect(page.locator(".side").get_by_text("Lesson three")).to_be_visible()
    (course.root / "lessons" / "two.md").unlink()
    expect(page.locator(".side").get_by_text("Lesson two")).to_have_count(0)
    assert in_place(page)


def test_the_first_prediction_of_a_page_takes_a_guess_at_once(page, course) -> None:
    page.goto(page.url.replace("one.html", "two.html"))
    expect(page.get_by_text("Other prose.")).to_be_visible()
    asked = ":::predict {#p} How many?\nA question.\n\n---\n\nTwo.\n:::"
    course.edit("lessons/two.md", "Other prose.", asked)
    page.locator("#p textarea").fill("three")
    page.locator("#p .check").click()
    expect(page.locator("#p .verdict")).to_contain_text("three")
