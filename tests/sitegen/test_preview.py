"""The picture that a link to a lesson unfurls into, and the figure on the home page."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image

CONFIGURATION = """
    [tool.lessonsite]
    title = "A course"
    base_url = "https://example.org/course"
    """
LESSON = """
    ```python {#figure}
    import matplotlib.pyplot as plt

    plt.plot([1, 3, 2]);
    ```

    ```python {#text}
    print("no figure")
    ```
    """


def test_a_link_to_a_lesson_shows_its_figure(course) -> None:
    course.write("pyproject.toml", CONFIGURATION)
    course.lesson(LESSON, extra="preview: figure\nsummary: What it is about.\n")
    course.build()
    page = course.page()
    url = re.search(r'property="og:image" content="https://example.org/course/([^"]+)"', page)[1]
    picture = Image.open(io.BytesIO((course.root / "site" / url).read_bytes()))
    assert picture.size == (1200, 630)
    for half in ((20, 160, 660, 630), (680, 0, 1160, 630)):  # the title and the figure, not paper
        assert len(picture.convert("RGB").crop(half).getcolors(1 << 24)) > 20
    assert 'property="og:description" content="What it is about."' in page
    assert 'rel="canonical" href="https://example.org/course/one.html"' in page


def test_another_figure_is_another_picture(course) -> None:
    course.write("pyproject.toml", CONFIGURATION)
    course.lesson(LESSON, extra="preview: figure\n")
    course.build()
    (before,) = (course.root / "site" / "static").glob("preview-one-*.png")
    course.edit("lessons/one.md", "[1, 3, 2]", "[3, 1, 2]")
    course.build()
    (after,) = (course.root / "site" / "static").glob("preview-one-*.png")
    assert before.name != after.name


def test_without_an_address_there_is_no_picture_and_yet_the_figure_on_the_home_page(
    course,
) -> None:
    course.lesson(LESSON, extra="preview: figure\n")
    course.build()
    assert "og:image" not in course.page()
    assert not list((course.root / "site" / "static").glob("preview-*"))
    assert "<svg" in course.page("index").partition('class="card-figure"')[2]


def test_a_lesson_whose_preview_draws_nothing_has_none(course) -> None:
    course.write("pyproject.toml", CONFIGURATION)
    course.lesson(LESSON, extra="preview: text\n")
    course.build()
    assert "og:image" not in course.page()
    assert "card-figure" not in course.page("index")


@pytest.mark.parametrize(
    ("drawing", "on_the_home_page", "in_links"),
    [
        ("<svg><g></svg>", False, False),
        ('<svg width="9" height="9"/>', True, False),
        ('<svg viewBox="0 0 0"/>', True, False),
        ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0,0, 10,10"/>', True, True),
    ],
)
def test_a_preview_may_be_what_a_page_shows(
    course, drawing: str, on_the_home_page: bool, in_links: bool
) -> None:
    course.write("pyproject.toml", CONFIGURATION)
    shown = "class Drawing:\n    def _repr_svg_(self):\n        return " + repr(drawing)
    course.lesson(f"\n```python {{#figure}}\n{shown}\nDrawing()\n```\n", extra="preview: figure\n")
    course.build()
    assert ("card-figure" in course.page("index")) == on_the_home_page
    assert ("og:image" in course.page()) == in_links


def test_a_preview_of_no_block_is_refused(course) -> None:
    course.lesson(LESSON, extra="preview: figur\n")
    run = course.run()
    assert run.code == 2
    assert (
        run.err.strip()
        == "lessons/one.md:5: preview: no block 'figur' here; did you mean 'figure'?"
    )
