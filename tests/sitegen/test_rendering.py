"""A page shows what stands in the Markdown and the recordings, and each of its links leads."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from small_course import Course

from sitegen.parse.config import BUILT_IN
from sitegen.render.body import page_url

COMPONENTS = sorted(
    path.stem
    for path in (BUILT_IN / "templates" / "components").glob("*.html")
    if path.stem != "only"  # its title is the name of a profile
)


class Anchors(HTMLParser):
    """The ids and the links of a page, and whether its elements are closed in their order."""

    EMPTY = frozenset(("area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if name in ("href", "src") and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def assert_sound(course) -> dict[str, Anchors]:
    """Every page is well nested, has no id twice and no link that leads nowhere."""
    site = course.root / "site"
    pages = {path.name: Anchors(path.read_text("utf-8")) for path in site.glob("*.html")}
    for name, page in pages.items():
        assert page.open == [], name
        twice = [one for one, count in Counter(page.ids).items() if count > 1]
        assert twice == [], f"{name}: ids given twice"
        for link in page.links:
            if re.match(r"[a-z]+:|data:", link):
                continue
            target, _, anchor = link.partition("#")
            assert (site / (target or name)).is_file(), f"{name}: {link}"
            if anchor:
                assert anchor in pages[target or name].ids, f"{name}: {link}"
    return pages


LESSON = """
    ## First part

    Words with `code`, **strength**, a note[^n], $x^2$ and a [link](two#the-end), one
    [within](#second), one to [a block](#block-show), one to [home](index), one [out](https://example.org).

    [^n]: The note, with `{python} 1 + 1`.

    $$
    y = \\frac{1}{x}
    $$

    ```python {#show title="verify.py" hl=2}
    a = 1
    b = 2
    print(a + b)
    ```

    ```python {#folded fold}
    c = 3
    ```

    ```python {#shown no-run}
    never()
    ```

    ```text
    <not run>
    ```

    ### A section {#second}

    | a | b |
    |--:|---|
    | 1 | `{python} a + b` |

    ![a picture](sub/picture.svg) and [a file](notes.txt).

    ## First part

    ## Theme
    """


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    course = Course(tmp_path_factory.mktemp("built") / "course")
    course.write("lessons/sub/picture.svg", "<svg/>")
    course.write("lessons/notes.txt", "notes")
    course.lesson(LESSON, extra="summary: A *summary*.\n")
    course.lesson("\n## The end\n\nBack to [one](one.html#second).\n", slug="two", order=2)
    course.build()
    return course


def test_every_link_leads_and_every_id_is_given_once(built) -> None:
    pages = assert_sound(built)
    assert {"index.html", "one.html", "two.html"} <= set(pages)
    assert {"first-part", "first-part-2", "second", "block-show"} <= set(pages["one.html"].ids)
    assert {"two.html#the-end", "index.html", "https://example.org"} <= set(pages["one.html"].links)


def test_files_of_a_lesson_go_with_its_page(good) -> None:
    good.write("lessons/sub/picture.svg", "<svg/>")
    good.write("lessons/notes.txt", "notes")
    good.lesson("\n![a picture](sub/picture.svg) and [a file](notes.txt).\n")
    good.build()
    assert (good.root / "site" / "sub" / "picture.svg").read_text() == "<svg/>"
    assert (good.root / "site" / "notes.txt").read_text() == "notes"
    good.edit("lessons/one.md", " and [a file](notes.txt)", "")
    good.build()
    assert not (good.root / "site" / "notes.txt").exists()


def test_a_page_shows_code_output_and_values(built) -> None:
    page = built.page()
    text = re.sub(r"<[^>]+>", "", page)
    assert "a = 1\nb = 2\nprint(a + b)" in text
    assert "<samp>3\n</samp>" in page
    assert 'title="computed: 1 + 1">2</span>' in page, "the inline value of the note"
    assert 'title="computed: a + b">3</span>' in page, "the inline value of the table"
    assert 'class="file">verify.py</span>' in page
    assert len(re.findall(r'class="line hl"', page)) == 1
    assert "not run" in text
    assert "&lt;not run&gt;" in page


def test_formulas_are_mathml_and_ask_for_no_script(built) -> None:
    page = built.page()
    assert page.count("<math") == 2
    assert "<mfrac>" in page
    assert "\\frac" not in page
    assert (built.root / "site" / "static" / "math.woff").read_bytes().startswith(b"wOFF")
    assert "SIL OPEN FONT LICENSE" in (built.root / "site" / "static" / "math-OFL.txt").read_text(
        "utf-8"
    )


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """One lesson with every component that there is, each with all that it may hold."""
    course = Course(tmp_path_factory.mktemp("gallery") / "course")
    body = "\n".join(
        f"""
:::{name} {{#{name}}} Title of *{name}*
Intro of **{name}**.

### Part one {{#{name}-one}}
Text one with $x$ and `{{python}} 40 + {number}`.

```python {{#in-{name}}}
print("block in {name}")
```

---

Text two.

::::aside Inner
- inner of {name}
::::
:::
See [it](#{name}) and [its part](#{name}-one).
"""
        for number, name in enumerate(COMPONENTS)
    )
    course.lesson(body)
    course.build()
    return course


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_shows_all_that_it_holds(gallery, name: str) -> None:
    page = gallery.page()
    number = COMPONENTS.index(name)
    for words in (
        f"<em>{name}</em>",
        f"<strong>{name}</strong>",
        f">{40 + number}</span>",
        f"block in {name}\n</samp>",
        f"inner of {name}",
    ):
        assert words in page, words


def test_components_are_well_nested_and_can_be_linked_to(gallery) -> None:
    (page,) = (page for name, page in assert_sound(gallery).items() if name == "one.html")
    for name in COMPONENTS:
        assert {name, f"{name}-one"} <= set(page.ids)


def test_a_new_component_is_a_new_template_and_no_python(good) -> None:
    good.configure('templates = "theme"')
    good.write(
        "theme/components/mine.html",
        '{# takes: mood #}<section id="{{ id }}" data-mood="{{ attrs.mood }}">'
        "<b>{{ title }}</b>{{ body }}</section>",
    )
    good.lesson(
        "\n:::mine {#m mood=calm} Its title\nIts **body**.\n\n### P {#p}\nMore.\n:::\n\n[p](#p)"
    )
    good.build()
    page = good.page()
    assert '<section id="m" data-mood="calm"><b>Its title</b><p>Its <strong>body</strong>' in page
    assert_sound(good)


def test_a_course_s_own_style_is_laid_over_the_built_in_one(good) -> None:
    good.configure('static = "look"')
    good.write("look/extra.css", "body { color: red }")
    good.write("look/style.css", "body { color: blue }")
    good.build()
    static = good.root / "site" / "static"
    assert (static / "extra.css").read_text() == "body { color: red }"
    assert (static / "style.css").read_text() == "body { color: blue }"


def test_lessons_stand_in_their_order_with_their_neighbours(good) -> None:
    for order, slug in ((3, "c"), (1, "a"), (2, "b")):
        good.lesson("\nText.\n", slug=slug, order=order)
    good.build()
    index = (good.root / "site" / "index.html").read_text("utf-8")
    places = [index.index(f'href="{slug}.html"') for slug in ("a", "b", "c", "good")]
    assert places == sorted(places)
    neighbours = {
        slug: dict(re.findall(r'rel="(prev|next)" href="(\w+).html"', good.page(slug)))
        for slug in ("a", "b", "c", "good")
    }
    assert neighbours == {
        "a": {"next": "b"},
        "b": {"prev": "a", "next": "c"},
        "c": {"prev": "b", "next": "good"},
        "good": {"prev": "c"},
    }


@pytest.mark.parametrize("inner", ["<svg><text>inner</text></svg>", "<svg/>", ""])
def test_the_search_leaves_a_picture_out_whole(good, inner: str) -> None:
    picture = f"<svg><text>first</text>{inner}<text>last</text></svg>"
    good.lesson(
        "\nBefore.\n\n```python {#a hide}\nclass Picture:\n    def _repr_svg_(self):\n"
        f"        return {picture!r}\n\nPicture()\n```\n\nBetween.\n\n"
        "```python {#b hide}\nPicture()\n```\n\nAfter.\n"
    )
    good.build()
    index = (good.root / "site" / "static" / "search-index.js").read_text("utf-8")
    assert '"Before. # Between. # After."' in index  # the signs are links to the blocks


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("two", "two.html"),
        ("two#part", "two.html#part"),
        ("#part", "#part"),
        ("two.html#part", "two.html#part"),
        ("plot.png", "plot.png"),
        ("https://example.org/two", "https://example.org/two"),
    ],
)
def test_a_link_is_written_for_a_browser(written: str, url: str) -> None:
    assert page_url(written) == url
