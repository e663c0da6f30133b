"""Malformed input: one line that says where, what is wrong and what would be right; exit code 2;
the last good site stays as it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sitegen.cli import main

# What stands in the lesson, the line that is named, and what is said.
BODIES = {
    "an unclosed fence": ("\n```python {#a}\nprint(1)\n", 7, "not closed"),
    "a fence closed by too few signs": ("\n````python\nprint(1)\n```\n", 7, "not closed"),
    "an unclosed container": ("\n:::tip Title\ntext\n", 7, "not closed"),
    "a container closed twice": ("\n:::tip\ntext\n:::\n\n:::\n", 11, ":::"),
    "an unknown option": ("\n```python {#a foldd}\n1\n```\n", 7, "did you mean 'fold'?"),
    "an option without its value": ("\n```python {#a hl}\n1\n```\n", 7, "hl=..."),
    "a flag with a value": ("\n```python {#a fold=yes}\n1\n```\n", 7, "fold"),
    "lines to highlight that are not there": ("\n```python {hl=9}\n1\n```\n", 7, "1 to 1"),
    "lines to highlight that are no lines": ("\n```python {hl=x}\n1\n```\n", 7, "hl=3-5"),
    "a timeout that is no number": ("\n```python {timeout=soon}\n1\n```\n", 7, "timeout=30"),
    "a negative tolerance": ("\n```python {rtol=-1}\n1\n```\n", 7, "positive"),
    "an unknown way to compare": (
        "\n```python {compare=some}\n1\n```\n",
        7,
        "exact, numbers, none",
    ),
    "an unknown profile": ("\n```python {only=tpu}\n1\n```\n", 7, "no such profile"),
    "options that contradict": ("\n```python {no-run needs=gpu}\n1\n```\n", 7, "never executed"),
    "an unclosed brace": ("\n```python {#a fold\n1\n```\n", 7, "}"),
    "an id given twice": ("\n```python {#a}\n1\n```\n\n```python {#a}\n2\n```\n", 11, "line 7"),
    "an id that is a section's": ("\n## Part {#p}\n\n## Part {#p}\n", 9, "duplicate id 'p'"),
    "an id that the page has": ("\n## Part {#main}\n", 7, "every page has"),
    "an unknown component": ("\n:::tipp\ntext\n:::\n", 7, "did you mean 'tip'?"),
    "a solution that is not ended": (
        "\n:::exercise\n```python\n1\n### BEGIN SOLUTION\n2\n```\n:::\n",
        10,
        "end it with '### END SOLUTION'",
    ),
    "an end without a solution": (
        "\n:::exercise\n```python\n### END SOLUTION\n```\n:::\n",
        9,
        "begin with '### BEGIN SOLUTION'",
    ),
    "a solution in a solution": (
        "\n:::exercise\n```python\n### BEGIN SOLUTION\n### BEGIN SOLUTION\n```\n:::\n",
        10,
        "end that first",
    ),
    "an empty solution": (
        "\n:::exercise\n```python\n### BEGIN SOLUTION\n\n### END SOLUTION\n```\n:::\n",
        11,
        "no solution between",
    ),
    "a solution outside of an exercise": (
        "\n```python\n### BEGIN SOLUTION\n1\n### END SOLUTION\n```\n",
        7,
        "outside of a ':::exercise'",
    ),
    "a check outside of an exercise": ("\n```python {check}\n1\n```\n", 7, "a check outside"),
    "an inline value without code": ("\nValue `{python}`.\n", 7, "expression"),
    "a link to no lesson": ("\nSee [it](two#part).\n", 7, "no lesson 'two'"),
    "a link to no section": ("\n## Part\n\nSee [it](#prat).\n", 9, "did you mean 'part'?"),
    "a link to no section of another lesson": (
        "\nSee [it](good#x).\n",
        7,
        "good has no section 'x'",
    ),
    "a link out of the folder": ("\n![it](../pyproject.toml)\n", 7, "not in the lessons' folder"),
    "an absolute link": ("\n[it](/etc/hostname.txt)\n", 7, "not in the lessons' folder"),
    "braces of Quarto": ("\n```{python}\n1\n```\n", 7, "write ```python {#id}"),
    "an id that names no file": ("\n```python {#a.2}\n1\n```\n", 7, "letters, digits"),
    "a component's open brace": ("\n:::tip {#a\ntext\n:::\n", 7, "cannot read ':::tip {#a'"),
    "a NUL byte": ("\ntext \0\n", 7, "NUL"),
    "a link to no file": ("\n![it](picture.png)\n", 7, "picture.png"),
    "a formula with unbalanced braces": ("\nSo $\\frac{1}{2$ it is.\n", 7, "unbalanced braces"),
    "a formula with an unknown command": ("\n$$\n\\nosuch{x}\n$$\n", 8, "\\nosuch"),
    "a source that is not there": ("\n```python {source=lib.f}\n1\n```\n", 7, "'lib.f'"),
    "a source that is no name": ("\n```python {source=f}\n1\n```\n", 7, "dotted name"),
}

FRONT_MATTERS = {
    "none": ("# Title\n", 1, "front matter"),
    "one that does not end": ("---\ntitle: T\n", 1, "not closed"),
    "no YAML": ("---\ntitle: [T\nslug: s\n---\n", 3, "YAML"),
    "a list": ("---\n- title\n---\n", 2, "mapping"),
    "no title": ("---\nslug: s\norder: 1\n---\n", 2, "title"),
    "an unknown key": ("---\ntitle: T\nslug: s\norder: 1\nsumary: x\n---\n", 5, "'summary'"),
    "an order that is no number": ("---\ntitle: T\nslug: s\norder: first\n---\n", 4, "order"),
    "a slug that is no address": ("---\ntitle: T\nslug: A b\norder: 1\n---\n", 3, "slug"),
    "a slug that is the home page's": ("---\ntitle: T\nslug: index\norder: 1\n---\n", 3, "index"),
    "no slug": ("---\ntitle: T\norder: 1\n---\n", 2, "lacks 'slug'"),
    "no order": ("---\ntitle: T\nslug: s\n---\n", 2, "lacks 'order'"),
    "a title that is a number": ("---\ntitle: 3\nslug: s\norder: 1\n---\n", 2, "text in quotes"),
    "an empty title": ("---\ntitle: ''\nslug: s\norder: 1\n---\n", 2, "title is to be a text"),
    "a tab": ("---\ntitle: T\n\tslug: s\norder: 1\n---\n", 3, "YAML"),
    "an alias of itself": ("---\ntitle: &a [*a]\nslug: s\norder: 1\n---\n", 2, "itself"),
    "a key given twice": ("---\ntitle: T\nslug: s\nslug: t\norder: 1\n---\n", 4, "slug"),
    "a slug that is no address, merged in": (
        "---\ntitle: T\norder: 1\n<<: {slug: BAD}\n---\n",
        2,
        "slug 'BAD'",
    ),
    "a notebook that is no file name, merged in": (
        "---\ntitle: T\nslug: s\norder: 1\n<<: {notebook: one}\n---\n",
        2,
        "notebook 'one'",
    ),
    "a preview of no block, merged in": (
        "---\ntitle: T\nslug: s\norder: 1\n<<: {preview: zzz}\n---\n",
        1,
        "no block 'zzz'",
    ),
    "a value that is not what its tag says": (
        "---\ntitle: T\nslug: s\norder: !!bool maybe\n---\n",
        4,
        "cannot read 'maybe' as bool",
    ),
    "a date that is none": (
        "---\ntitle: T\nslug: s\norder: 2001-13-01\n---\n",
        4,
        "cannot read '2001-13-01' as timestamp",
    ),
    "an unknown depth": (
        "---\ntitle: T\nslug: s\norder: 1\nteaches:\n  - concept: C\n    depth: DEEP\n---\n",
        7,
        "DEVELOPED",
    ),
}

CONFIGS = {
    "no title": ("[tool.lessonsite]\n", 1, "title"),
    "an unknown setting": ('[tool.lessonsite]\ntitle = "T"\nlesons = "l"\n', 3, "'lessons'"),
    "no table": ("[project]\nname = 'x'\n", 1, "[tool.lessonsite]"),
    "a wrong type, after another tool's": (
        '[tool.other]\ntitle = "x"\n\n[tool.lessonsite]\ntitle = 3\n',
        5,
        "string",
    ),
    "no TOML": ("[tool.lessonsite]\ntitle = \n", 2, "TOML"),
    "no table of tools": ("tool = 3\n", 1, "[tool.lessonsite]"),
    "lessons elsewhere": (
        '[tool.lessonsite]\ntitle = "T"\nlessons = "/"\n',
        3,
        "is to be inside this one",
    ),
    "lessons above": ('[tool.lessonsite]\ntitle = "T"\nlessons = ".."\n', 3, "inside this one"),
    "a label that is no text": (
        '[tool.lessonsite]\ntitle = "T"\n\n[tool.lessonsite.profiles.gpu]\nlabel = 3\n',
        4,
        'label = "..."',
    ),
    "an unknown setting of a profile": (
        '[tool.lessonsite]\ntitle = "T"\n\n[tool.lessonsite.profiles.gpu]\nname = "x"\n',
        4,
        "nothing else",
    ),
    "packages that are no list": (
        '[tool.lessonsite]\ntitle = "T"\npackages = "lib"\n',
        3,
        "list of strings",
    ),
    "a wrong type": ("[tool.lessonsite]\ntitle = 3\n", 2, "string"),
    "a folder that is not there": ('[tool.lessonsite]\ntitle = "T"\nlessons = "x"\n', 3, "'x'"),
    "a package that is not there": ('[tool.lessonsite]\ntitle = "T"\npackages = ["x"]\n', 3, "x/"),
    **{
        f"a package {name!r}": (
            f'[tool.lessonsite]\ntitle = "T"\npackages = ["{name}"]\n',
            3,
            f"packages: {name!r} is to be the name of a package",
        )
        for name in ("", ".", "../lib", "/tmp")
    },
    "a first cell elsewhere": (
        '[tool.lessonsite]\ntitle = "T"\nnotebook_setup = "/etc/hostname"\n',
        3,
        "in the lessons' folder",
    ),
}


Refused = Callable[..., None]


@pytest.fixture
def refused(good, monkeypatch, capsys) -> Refused:
    """Build, and expect one line that begins with a place and holds some words."""

    def build(place: str, said: str, *arguments: str) -> None:
        before = good.snapshot("site", "lessons")
        monkeypatch.chdir(good.root)
        code = main(arguments)
        printed = capsys.readouterr()
        lines = printed.err.strip().splitlines()
        assert code == 2, printed.err
        assert len(lines) == 1, printed.err
        assert lines[0].startswith(place)
        assert said in lines[0]
        assert printed.out == ""
        assert good.snapshot("site", "lessons") == before

    return build


@pytest.mark.parametrize(("body", "line", "said"), BODIES.values(), ids=BODIES)
def test_a_malformed_lesson_is_refused(good, refused, body: str, line: int, said: str) -> None:
    good.lesson(body)
    refused(f"lessons/one.md:{line}: ", said)


@pytest.mark.parametrize(("text", "line", "said"), FRONT_MATTERS.values(), ids=FRONT_MATTERS)
def test_a_malformed_front_matter_is_refused(
    good, refused, text: str, line: int, said: str
) -> None:
    good.write("lessons/one.md", text)
    refused(f"lessons/one.md:{line}: ", said)


@pytest.mark.parametrize(("text", "line", "said"), CONFIGS.values(), ids=CONFIGS)
def test_a_malformed_configuration_is_refused(
    good, refused, text: str, line: int, said: str
) -> None:
    good.write("pyproject.toml", text)
    refused(f"pyproject.toml:{line}: ", said)


def test_a_lesson_that_is_not_utf8_is_refused(good, refused) -> None:
    (good.root / "lessons" / "one.md").write_bytes(b"---\ntitle: T\nslug: s\n# \xff\n---\n")
    refused("lessons/one.md:4: ", "UTF-8")


@pytest.mark.parametrize("arguments", [[], ["--notebooks"]])
def test_a_first_cell_of_notebooks_that_is_not_utf8_is_refused(
    good, refused, arguments: list[str]
) -> None:
    good.configure('notebook_setup = "b.py"')
    good.edit("lessons/good.md", "order: 9\n", "order: 9\nnotebook: good.ipynb\n")
    good.write("lessons/b.py", "").write_bytes(b"import lib\n# \xff\n")
    refused("lessons/b.py:2: ", "UTF-8", *arguments)


def test_two_lessons_of_one_slug_are_refused(good, refused) -> None:
    good.lesson("", slug="two").rename(good.root / "lessons" / "also.md")
    good.lesson("", slug="two", order=2)
    refused("lessons/two.md:3: ", "also.md")


def test_two_lessons_in_one_place_are_refused(good, refused) -> None:
    good.lesson("", slug="two", order=9)
    refused("lessons/two.md:4: ", "order 9 is that of lessons/good.md too")


def test_a_folder_that_is_named_like_a_lesson_is_refused(good, refused) -> None:
    (good.root / "lessons" / "one.md").mkdir()
    refused("lessons/one.md:1: ", "Is a directory")


def test_a_configuration_that_is_no_file_is_refused(good, refused) -> None:
    (good.root / "pyproject.toml").unlink()
    (good.root / "pyproject.toml").mkdir()
    refused("pyproject.toml", "Is a directory")


def test_a_configuration_that_is_not_utf8_is_refused(good, refused) -> None:
    (good.root / "pyproject.toml").write_bytes(b"[tool.lessonsite]\ntitle = '\xff'\n")
    refused("pyproject.toml:1: ", "UTF-8")


@pytest.mark.parametrize(
    ("template", "place", "said"),
    [
        ("fine\n{% if %}", "theme/components/mine.html:2: ", "Expected an expression"),
        ("fine\n{{ nosuch }}", "theme/components/mine.html:2: ", "'nosuch' is undefined"),
        ("{{ 'a' + 1 }}", "theme/components/mine.html:1: ", "can only concatenate str"),
        ("{{ 1 / 0 }}", "theme/components/mine.html:1: ", "division by zero"),
        ("{% include 'no.html' %}", "theme/components/mine.html:1: ", "'no.html' not found"),
        ("fine\n\udcff", "template components/mine.html:2: ", "not UTF-8"),
        ("{% include 'bytes.html' %}", "template bytes.html:1: ", "not UTF-8"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused(
    good, refused, template: str, place: str, said: str
) -> None:
    good.configure('templates = "theme"')
    good.write("theme/components/mine.html", "").write_bytes(
        template.encode("utf-8", "surrogateescape")
    )
    good.write("theme/bytes.html", "").write_bytes(b"\xff")
    good.lesson("\n:::mine\ntext\n:::\n")
    refused(place, said)


def test_all_mistakes_are_told_at_once(course) -> None:
    course.lesson("\n:::nosuch\n:::\n", slug="one")
    course.lesson("\n```python {nosuch}\n1\n```\n", slug="two", order=2)
    run = course.run()
    assert run.code == 2
    assert [line.partition(": ")[0] for line in run.err.splitlines()] == [
        "lessons/one.md:7",
        "lessons/two.md:7",
    ]


def test_a_folder_without_lessons_is_refused(course) -> None:
    run = course.run()
    assert (run.code, run.err) == (2, "no lessons: lessons/ holds no .md file\n")


def test_a_folder_without_configuration_is_refused(course) -> None:
    (course.root / "pyproject.toml").unlink()
    run = course.run()
    assert run.code == 2
    assert "no pyproject.toml here" in run.err
