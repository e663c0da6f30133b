"""A page shows what stands in the Markdown and the recordings, and each of its links leads."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from html.parser import HTMLParser

import pytest
from small_course import Course

from sitegen.parse.config import BUILT_IN
from sitegen.render import body
from sitegen.render.body import page_url
from sitegen.render.glossary import Glossary

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


def test_the_language_of_a_course_is_said_on_every_page(good) -> None:
    good.configure('lang = "ja"')
    good.build()
    for name in ("good", "index", "404"):
        assert '<html lang="ja">' in good.page(name)
    good.edit("pyproject.toml", '"ja"', '"japanese!"')
    run = good.run()
    assert run.code == 2
    assert run.err.startswith("pyproject.toml:2: lang is to be the tag of a language")


def test_a_site_with_an_address_has_a_map(good) -> None:
    good.build()
    assert not (good.root / "site" / "sitemap.xml").exists()
    good.configure('base_url = "https://example.org/a&b/"')
    good.build()
    addresses = {
        location.text
        for location in ET.parse(good.root / "site" / "sitemap.xml").iter()
        if location.tag.endswith("}loc")
    }
    assert addresses == {f"https://example.org/a&b/{name}.html" for name in ("good", "index")}


def test_a_lesson_in_a_folder_is_not_passed_over_in_silence(good) -> None:
    good.write("lessons/sub/more.md", "---\ntitle: More\nslug: more\norder: 2\n---\n")
    good.write("lessons/sub/notes.md", "# Notes, and no lesson\n")
    run = good.build()
    assert "warning: lessons/sub/more.md:1: not built: every lesson lies in lessons/" in run.err
    assert "notes.md" not in run.err


def test_a_table_that_is_none_is_told(good) -> None:
    good.lesson("\n> | $a|b$ | c |\n> |---|---|\n> | 1 | 2 |\n\nno | table\n\n- | -\n")
    run = good.build()
    assert (
        "lessons/one.md:7: a table with 3 cells in its head and 2 in the rule below is shown as "
        "text; a | within a cell is written \\|, in code, too"
    ) in run.err
    assert run.err.count("warning") == 1


def test_code_and_formulas_in_the_description_of_a_picture_are_read_out(good) -> None:
    good.write("lessons/p.png", "")
    good.lesson("\n![The `x` axis of *all* $x^2$,\n[linked](good.md)](p.png)\n")
    good.build()
    assert 'alt="The x axis of all x^2,\nlinked"' in good.page()


def test_a_build_tells_what_of_a_lesson_and_its_outputs_is_not_shown(good) -> None:
    good.lesson(
        """
        | a | b |
        |---|---|
        | `x | y` | 2 |

        ```python {#a}
        %matplotlib inline
        from IPython.display import HTML
        HTML("<b onclick='x()'>x</b>")
        ```
        """
    )
    run = good.build()
    assert "lessons/one.md:9: a row of 3 cells in a table of 2 columns: '2' is not" in run.err
    assert "lessons/one.md:12: '%matplotlib inline' has no effect" in run.err
    assert "lessons/one.md:11: block 'a' shows its output without a handler of events" in run.err
    assert "# %matplotlib inline" in re.sub("<[^>]+>", "", good.page())
    good.edit("lessons/one.md", "%matplotlib inline", "%timeit 1")
    assert "lessons/one.md:12: block 'a' is not Python" in good.run().err


def test_tasks_and_callouts_are_drawn(good) -> None:
    good.lesson(
        """
        - [x] one **thing**
        - [ ] another
        - [z] none

        > [!NOTE]
        > A note with `{python} 1 + 1`.

        > [!warning] Mind *this*
        > - [x] in it

        > [!ODD] stays
        """
    )
    good.build()
    page = good.page()
    assert 'aria-label="done">☑</span> one <strong>thing</strong>' in page
    assert 'aria-label="open">☐</span> another' in page
    assert "[z] none" in page
    assert '<div class="aside" role="note">' in page
    assert ">2</span>" in page
    assert 'class="component warning"' in page
    assert "<strong>Mind <em>this</em></strong>" in page
    assert "<blockquote>\n<p>[!ODD] stays" in page


NOTEBOOK_HABITS = """
```python {#waits}
import asyncio

queue = asyncio.Queue()
async def give(n):
    await asyncio.sleep(0)
    return n

for n in range(2):
    await queue.put(await give(n))
await queue.get()
```

```python {#same}
print(await queue.get())
planned = asyncio.create_task(asyncio.sleep(0, "last"))
await planned
```

```python {#planned}
later = asyncio.get_event_loop().create_task(give("later"))
```

```python {#awaited}
import decimal
decimal.getcontext().prec = 3
await later
```

```python {#digits}
decimal.Decimal(1) / 3
```

The value is `{python} await give(42)`.

```python {#renewed}
handle = display("begun", display_id=True)
handle.update("done")
```

```python {#cleared}
from IPython.display import clear_output
for n in range(3):
    clear_output(wait=True)
    print("round", n)
```

```python {#picture}
import base64
from IPython.display import Image
Image(base64.b64decode("R0lGODdhAQABAIAAAP///////ywAAAAAAQABAAACAkQBADs="), width=70, alt="dot")
```

```python {#figure}
import matplotlib.pyplot as plt
from matplotlib_inline import backend_inline
plt.subplots(figsize=(2, 1), dpi=200, facecolor="lightyellow")[1].set_facecolor("#222222")
plt.show()
backend_inline.set_matplotlib_formats("svg")
plt.subplots(figsize=(2, 1))
plt.show()
```

```python {#video}
from IPython.display import IFrame, YouTubeVideo
display(YouTubeVideo("abc"))
```
"""


def test_habits_of_notebooks_do_what_they_do_there(course) -> None:
    course.lesson(NOTEBOOK_HABITS)
    course.build()
    page = course.page()
    assert [course.text(name) for name in ("waits", "same")] == ["0", "1\n'last'"]
    assert course.text("awaited") == "'later'"
    assert course.text("digits") == "Decimal('0.333')"
    assert ">42</span>" in page
    assert course.text("renewed") == "'done'"
    assert course.text("cleared") == "round 2\n"
    assert '<img alt="dot" width="70" src="data:image/gif;base64,' in page
    assert "https://www.youtube.com/embed/abc" in page
    chosen, house = (course.recording("figure").with_name(f"figure{n}.svg") for n in ("", ".2"))
    assert "fill: #ffffe0" in chosen.read_text("utf-8")
    assert "fill: #222222" in chosen.read_text("utf-8")
    assert "<date" not in house.read_text("utf-8")
    wide, usual = re.findall(r'<svg width="(\d+)"[^>]*class="figure', page)
    assert int(wide) > 1.8 * int(usual)
    assert course.run("--check").code == 0


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


def test_no_concept_is_looked_for_in_markup() -> None:
    linked = Glossary({"class": "record.html#class", "amp": "record.html#amp"}).linked
    assert linked('<span class="whole">a</span> &amp; b') == '<span class="whole">a</span> &amp; b'
    assert linked("A class.") == 'A <dfn><a href="record.html#class">class</a></dfn>.'


def test_the_script_of_predictions_is_where_they_are(course: Course) -> None:
    script = '<script src="static/predictions.js" defer></script>'
    course.lesson("Text.\n")
    course.build()
    assert script not in course.page() + course.page("index")
    course.lesson("\n:::predict {#p} How many?\n\n---\n\nTwo.\n:::\n", slug="two", order=2)
    course.build()
    assert script not in course.page()
    assert course.page("two").count(script) == course.page("index").count(script) == 1


def test_the_files_of_a_page_are_gathered_once(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered = []
    monkeypatch.setattr(body, "artifacts", lambda slug, results: gathered.append(slug) or {})
    course.lesson("\n:::tip\nText.\n:::\n\n:::tip\nText.\n:::\n")
    course.build()
    assert gathered == ["one"]


def test_a_citation_says_the_same_on_the_page_and_in_the_notebook(course: Course) -> None:
    course.write("lessons/references.yaml", "- id: a\n  title: T\n  author: [{family: Ada}]\n")
    course.lesson("By Ada [-@a].\n", extra="notebook: one.ipynb\n")
    course.build()
    assert '<a class="citation" href="#ref-a">n.d.</a>' in course.page()
    assert "By Ada (n.d.)." in (course.root / "site/notebooks/one.ipynb").read_text("utf-8")
