"""Malformed input: one line that says where, what is wrong and what would be right; exit code 2;
the last good site stays as it was."""

from __future__ import annotations

import pytest

GOOD = """
    ```python {#a}
    print("good")
    ```
    """

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
    "an unknown component": ("\n:::tipp\ntext\n:::\n", 7, "did you mean 'tip'?"),
    "an inline value without code": ("\nValue `{python}`.\n", 7, "expression"),
    "a link to no lesson": ("\nSee [it](two#part).\n", 7, "no lesson 'two'"),
    "a link to no section": ("\n## Part\n\nSee [it](#prat).\n", 9, "did you mean 'part'?"),
    "a link to no file": ("\n![it](picture.png)\n", 7, "picture.png"),
    "a formula with unbalanced braces": ("\nSo $\\frac{1}{2$ it is.\n", 7, "unbalanced braces"),
    "a formula with an unknown command": ("\n$$\n\\nosuch{x}\n$$\n", 7, "\\nosuch"),
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
    "a key given twice": ("---\ntitle: T\nslug: s\nslug: t\norder: 1\n---\n", 4, "slug"),
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
    "no TOML": ("[tool.lessonsite]\ntitle = \n", 2, "TOML"),
    "a wrong type": ("[tool.lessonsite]\ntitle = 3\n", 2, "string"),
    "a folder that is not there": ('[tool.lessonsite]\ntitle = "T"\nlessons = "x"\n', 3, "'x'"),
    "a package that is not there": ('[tool.lessonsite]\ntitle = "T"\npackages = ["x"]\n', 3, "x/"),
}


@pytest.fixture
def built(course):
    course.lesson(GOOD, slug="good", order=9)
    course.build()
    return course


def assert_refused(course, place: str, said: str) -> None:
    before = course.snapshot("site")
    run = course.run()
    lines = run.err.strip().splitlines()
    assert run.code == 2, run.err
    assert len(lines) == 1
    assert lines[0].startswith(place)
    assert said in lines[0]
    assert course.snapshot("site") == before


@pytest.mark.parametrize(("body", "line", "said"), BODIES.values(), ids=BODIES)
def test_a_malformed_lesson_is_refused(built, body: str, line: int, said: str) -> None:
    built.lesson(body)
    assert_refused(built, f"lessons/one.md:{line}: ", said)


@pytest.mark.parametrize(("text", "line", "said"), FRONT_MATTERS.values(), ids=FRONT_MATTERS)
def test_a_malformed_front_matter_is_refused(built, text: str, line: int, said: str) -> None:
    built.write("lessons/one.md", text)
    assert_refused(built, f"lessons/one.md:{line}: ", said)


@pytest.mark.parametrize(("text", "line", "said"), CONFIGS.values(), ids=CONFIGS)
def test_a_malformed_configuration_is_refused(built, text: str, line: int, said: str) -> None:
    built.write("pyproject.toml", text)
    assert_refused(built, f"pyproject.toml:{line}: ", said)


def test_a_lesson_that_is_not_utf8_is_refused(built) -> None:
    (built.root / "lessons" / "one.md").write_bytes(b"---\ntitle: T\nslug: s\n# \xff\n---\n")
    assert_refused(built, "lessons/one.md:4: ", "UTF-8")


def test_two_lessons_of_one_slug_are_refused(built) -> None:
    built.lesson("", slug="two").rename(built.root / "lessons" / "also.md")
    built.lesson("", slug="two", order=2)
    assert_refused(built, "lessons/two.md:3: ", "also.md")


def test_all_mistakes_are_told_at_once(course) -> None:
    course.lesson("\n:::nosuch\n:::\n", slug="one")
    course.lesson("\n```python {nosuch}\n1\n```\n", slug="two", order=2)
    run = course.run()
    assert run.code == 2
    assert [line.partition(": ")[0] for line in run.err.splitlines()] == [
        "lessons/two.md:7",
        "lessons/one.md:7",
    ]


def test_a_folder_without_lessons_is_refused(course) -> None:
    run = course.run()
    assert (run.code, run.err) == (2, "no lessons: lessons/ holds no .md file\n")


def test_a_folder_without_configuration_is_refused(course) -> None:
    (course.root / "pyproject.toml").unlink()
    run = course.run()
    assert run.code == 2
    assert "no pyproject.toml here" in run.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["on"], "did you mean 'one'?"),
        (["--jobs", "0"], "from 1 on"),
        (["--check", "--sync"], "--check writes nothing"),
        (["--nosuch"], "--nosuch"),
    ],
)
def test_wrong_use_is_refused(course, arguments: list[str], said: str) -> None:
    course.lesson(GOOD)
    run = course.run(*arguments)
    assert run.code == 2
    assert said in run.err
    assert not (course.root / "site").exists()


def test_gpu_without_cuda_is_refused(course) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    course.lesson(GOOD)
    run = course.run("--gpu")
    assert run.code == 2
    assert "CUDA" in run.err
    assert len(run.err.splitlines()) == 1
