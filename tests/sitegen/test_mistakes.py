"""Mistakes are told all at once, each once; what looks like another tool's markup is told, too."""

from __future__ import annotations

import pytest
from small_course import Course

from sitegen import course as courses
from sitegen.errors import SiteError, flat
from sitegen.parse import config as configuration
from sitegen.parse import schema
from sitegen.parse.foreign import fence
from sitegen.parse.frontmatter import SCHEMA
from sitegen.parse.parser import examine, parse_lesson

HEAD = "---\ntitle: T\nslug: one\norder: 1\n---\n"


def told(course: Course) -> list[str]:
    """What is said of a course when it is read."""
    try:
        courses.load(configuration.load(course.root))
    except SiteError as error:
        return [str(one) for one in flat([error])]
    return []


def places(lines: list[str]) -> list[str]:
    return [line.partition(": ")[0] for line in lines]


def test_every_stage_tells_all_of_its_mistakes_and_goes_on_to_the_next(course: Course) -> None:
    course.lesson(
        """
        ```{code-cell}
        1
        ```

        ```python {foldd}
        1
        ```

        ![a](https://example.org/a.png) and ![b](https://example.org/b.png)
        and `{py} 1`.

        :::tipp
        $\\nosuch$ and [nowhere](missing.png)
        :::

        ```python {only=tpu}
        1
        ```

        ```python
        never closed
        """,
        extra="lod: BUILD\nload: HARD\n",
    )
    course.lesson("\n[there](one#part) and [here](#nothing).\n", slug="two", order=1)
    course.write("lessons/module.yaml", "titel: M\ngoal: 3\narc: none\n")
    said = told(course)
    assert places(said) == [
        "lessons/module.yaml:1",
        "lessons/module.yaml:2",
        "lessons/module.yaml:3",
        "lessons/one.md:5",
        "lessons/one.md:6",
        "lessons/one.md:9",
        "lessons/one.md:13",
        "lessons/one.md:17",
        "lessons/one.md:17",
        "lessons/one.md:18",
        "lessons/one.md:20",
        "lessons/one.md:21",
        "lessons/one.md:21",
        "lessons/one.md:24",
        "lessons/one.md:28",
        "lessons/two.md:4",
        "lessons/two.md:7",
    ], "\n".join(said)


def test_forty_foreign_fences_give_forty_lines(course: Course) -> None:
    course.lesson("\n```{note}\nx\n```\n" * 40)
    assert places(told(course)) == [f"lessons/one.md:{7 + 4 * number}" for number in range(40)]


CONSEQUENCES = {
    "what closes an unreadable container": ":::{note}\ntext\n:::\n",
    "what closes one within another": ":::tip\n:::{note}\ntext\n:::\n:::\n",
    "a link to a block with a mistake": "```python {#a foldd}\n1\n```\n\n[it](#block-a)\n",
    "a link to the section of one not closed": ":::tip\n## Part {#p}\n\n[it](#p) and [no](#part)\n",
    "a preview of a block with a mistake": "```python {#figure foldd}\n1\n```\n",
}


@pytest.mark.parametrize("body", CONSEQUENCES.values(), ids=CONSEQUENCES)
def test_the_consequences_of_a_mistake_are_not_told(course: Course, body: str) -> None:
    course.lesson(body, extra="preview: figure\n" if "figure" in body else "")
    assert len(told(course)) == 1


def test_a_link_into_a_lesson_that_cannot_be_read_is_no_mistake(course: Course) -> None:
    course.write("lessons/one.md", "no front matter")
    course.lesson("\n[there](one#part)\n", slug="two", order=2)
    assert places(told(course)) == ["lessons/one.md:1"]


def test_all_settings_are_looked_at(course: Course) -> None:
    course.write(
        "pyproject.toml",
        """
        [tool.lessonsite]
        titel = "T"
        packages = "lib"
        lessons = "no"
        preload = 3
        output = 3

        [tool.lessonsite.profiles]
        cpu = 3
        gpu = {size = 1}
        """,
    )
    lines = [one.rpartition(":")[2] for one in places(told(course))]
    assert lines == ["3", "4", "5", "6", "7", "10", "11"]


def test_all_of_the_front_matter_is_looked_at() -> None:
    text = "---\ntitle: 3\nslug: A b\norder: x\nnotebook: y\nteaches:\n  - concpt: C\n---\n"
    _, mistakes = examine("one.md", text)
    assert [mistake.line for mistake in mistakes] == [2, 3, 4, 5, 7]
    assert "teaches.0 lacks 'concept', but has 'concpt' and 'depth'" in mistakes[-1].message


def test_a_misspelt_anchor_of_a_block_is_recognized_and_none_is_listed(course: Course) -> None:
    body = "\n## Block design\n\n```python {#double}\n1\n```\n\n[a](#block-duble)\n"
    course.lesson(body)
    assert "did you mean 'block-double'?" in told(course)[0]
    course.lesson(body.replace("#block-duble", "#xyz"))
    assert told(course)[0].endswith("known are: block-design")


# Other tools.

FENCES = {
    "{code-cell} ipython3": ("MyST", "```python {#id}"),
    "{python}": ("Quarto", "```python {#id}"),
    "{r, echo=FALSE}": ("Quarto", "```r"),
    "{note} Title": ("MyST", ":::tip"),
    "{figure} a.png": ("MyST", "![words for it](file)"),
    "{math}": ("MyST", "$$"),
    "{.python .input}": ("Pandoc", "```python {#id}"),
    "{=html}": ("Pandoc", "without the fence"),
    "{toctree}": ("MyST", "leave it out"),
}


@pytest.mark.parametrize(("info", "said"), FENCES.items(), ids=FENCES)
def test_a_foreign_fence_says_what_it_resembles(info: str, said: tuple[str, str]) -> None:
    message = fence(info)
    assert all(word in message for word in said), message


@pytest.mark.parametrize("line", [":::{note}", "::: {.callout-note}", ":::: {#a .column}"])
def test_a_foreign_container_says_what_it_resembles(line: str) -> None:
    with pytest.raises(SiteError, match=r"one.md:6: cannot read .*write ':::name .* looks like"):
        parse_lesson("one.md", f"{HEAD}{line}\ntext\n:::\n")


# What an author brings along, the words of the warning, and what is left of it on the page.
TEXTS = {
    "a role": ("See {ref}`part` there.", "role", "See part there."),
    "a role of another domain": ("See {py:func}`f`.", "role", "See f."),
    "a role of reStructuredText": ("See :numref:`fig`.", "role", "See fig."),
    "a width": ("![x](a.png){width=50%} and on", "attributes", " and on"),
    "attributes of a link": ("[x](#p){.external target=_blank}!", "attributes", "x!"),
    "attributes of code": ("`x`{.python}!", "attributes", "x!"),
    "a target": ("(my-part)=", "target of MyST", ""),
    "an admonition of MkDocs": ('!!! note "A title"', "MkDocs", "!!! note “A title”"),
    "a directive of another markup": (".. note:: text", "reStructuredText", "… note:: text"),
    "a shortcode": ("{{< include a.md >}}", "shortcode", "{{< include a.md >}}"),
    "a cross reference": ("As @fig-one shows.", "reference of Quarto", "As @fig-one shows."),
}


def shown(lesson) -> str:
    tokens = [child for token in lesson.tokens for child in token.children or ()]
    return "".join(one.content for one in tokens if one.type in ("text", "code_inline"))


@pytest.mark.parametrize(("text", "said", "left"), TEXTS.values(), ids=TEXTS)
def test_text_that_looks_like_another_tool_s_is_warned_of(text: str, said: str, left: str) -> None:
    lesson = parse_lesson("one.md", f"{HEAD}\nFirst\n{text}\nlast.\n")
    (warning,) = lesson.warnings
    assert warning.startswith("one.md:8: ")
    assert said in warning
    assert shown(lesson) == f"First{left}last."


PLAIN = [
    "The set {a, b} and {x}.",
    "The set {a} `b` apart.",
    "`{python} 1`{python}",
    "A dict `{'a': 1}` and {'a': 1}.",
    "$x^{2}$`y` and a: `b`, at 10:30: `c`.",
    "Mail a@b.org, the handle @somebody, an array [@].",
    "Wow!!! note that. A line --- (really)=yes",
    "f(x)= `y` {n=1 to 10",
]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_text_is_not(text: str) -> None:
    assert parse_lesson("one.md", f"{HEAD}\n{text}\n").warnings == ()


def test_a_second_title_is_shown_as_a_section(course: Course, capfd) -> None:
    course.lesson("\n# All of it\n\n:::compare\n# One\nx\n# Two\ny\n:::\n")
    run = course.build()
    assert "warning: lessons/one.md:7: '#' is a second title, shown as '##'" in run.err
    assert run.err.count("warning") == 1
    assert course.page().count("<h1") == 1
    assert '<h2 id="all-of-it"' in course.page()


# YAML that is small, and stands for much.


def aliases(wide: int, deep: int) -> str:
    rows = (f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * wide)}]\n" for n in range(1, deep + 1))
    return "a0: &a0 x\n" + "".join(rows)


def merges(wide: int, deep: int) -> str:
    return aliases(wide, deep).replace("x\n", "{k: v}\n").replace("[", "{<<: [").replace("]", "]}")


BOMBS = {
    "aliases nine wide and seven deep": (aliases(9, 7), 7, "more than 100,000 values"),
    "aliases nine wide and forty deep": (aliases(9, 40), 7, "more than 100,000 values"),
    "merged aliases": (merges(9, 7), 6, "more than 100,000 values"),
    "many keys": ("a: {" + ", ".join(f"k{n}: 1" for n in range(60_000)) + "}", 1, "values"),
    "lists in lists": ("a:\n  " + "[" * 40 + "]" * 40, 2, "30 are the most"),
    "lists in lists, very deep": ("a: " + "[" * 100_000 + "]" * 100_000, 1, "nesting|most"),
    "much text": ("a: " + "x" * 1_100_000, 1, "1,000,000 are the most"),
    "a number to the base of sixty": ("order: 1" + ":00" * 100_000, 1, "cannot read '1:00"),
    "a number of many digits": ("order: " + "1" * 900_000, 1, "cannot read '111"),
}


@pytest.mark.parametrize(("text", "line", "said"), BOMBS.values(), ids=BOMBS)
def test_yaml_that_stands_for_more_than_memory_holds_is_refused(
    text: str, line: int, said: str
) -> None:
    with pytest.raises(SiteError, match=f"x.yaml:{line}: .*({said})"):
        schema.read("x.yaml", text, SCHEMA, "front matter")


@pytest.mark.parametrize("value", ["[" * 100_000, "1" * 10_000], ids=["deep", "long"])
def test_a_configuration_that_cannot_be_read_is_told(course: Course, value: str) -> None:
    course.write("pyproject.toml", f'[tool.lessonsite]\ntitle = "T"\nx = {value}\n')
    (said,) = told(course)
    assert said.startswith("pyproject.toml:")
    assert "not valid TOML" in said


def test_aliases_within_reason_are_followed() -> None:
    text = "title: T\nslug: s\norder: 1\nanalogies: &a [x, y]\nmental_models: *a\n"
    data, _ = schema.read("x.yaml", text, SCHEMA, "front matter")
    assert data["mental_models"] == ["x", "y"]
