"""Files and command lines spoilt at random: one clear line, the right exit code, nothing lost.

The files are spoilt as people and disks spoil them: cut short, lines lost, doubled or in another
order, a sign too many or too few, another encoding.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from pathlib import Path

import pytest
from how_many import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_course import Course

from sitegen.cli import main

LESSON = """
    ## A section {#section}

    Text with *emphasis*, $x^2$, [a link](#section), [another](two) and a note.[^note]

    [^note]: The note.

    :::predict {#question guess=number} A question
    How many?

    ---

    Many.
    :::

    :::compare
    #### One
    First.

    #### Other
    - {nested: true}

    :::tip
    Inside.
    :::
    :::

    ```python {#code no-run title="a file.py" hl=1-2}
    value = 1
    value
    ```

    ```yaml
    key: [1, 2]
    ```

    | a | b |
    |---|---|
    | 1 | 2 |

    $$
    \\frac{a}{b}
    $$
    """


def front(section: str, concept: str, used: str) -> str:
    """Front matter that the audit has nothing to say against, but for the concepts."""
    wrong = f"why: It is not, shown_wrong_in: {section}"
    return f"""\
summary: What it is about.
load: BUILD
{concept}
misconceptions:
  - {{claim: All sorts are slow, {wrong}}}
  - {{claim: All sorts are fast, {wrong}}}
  - {{claim: Nothing is sorted, {wrong}}}
modalities: {{verbal: {section}, visual: {section}, symbolic: {section}}}
examples:
  - {{what: One, kind: positive, section: {section}}}
  - {{what: Two, kind: positive, section: {section}}}
  - {{what: Not this, kind: negative, section: {section}}}
scope: {{is: [sorting], is_not: [{{what: searching, to: {used}}}]}}
"""


TEACHES = """\
teaches:
  - {concept: Sorting, depth: DEVELOPED, notes: with care, section: section, used_in: [question]}
requires:
  - {concept: Lists, depth: INTRODUCED, source: before}"""
REQUIRES = """\
requires:
  - {concept: Sorting, depth: INTRODUCED, source: one}"""
PRIOR = """\
sources:
  - {slug: before, title: Before}
concepts:
  - {concept: Lists, depth: DEVELOPED, source: before}
"""
FILES = ["lessons/one.md", "pyproject.toml", "lessons/prior.yaml", "lessons/module.yaml"]
SIGNS = [*"\"'`{}[]():#-|$*\\\n\t=,&!%@~^<>", ":::", "```", "---", "$$", "\0", "\ufeff", "é", "𝔸"]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course of two lessons that is built without executing anything."""
    course = Course(tmp_path_factory.mktemp("sound") / "course")
    course.lesson(LESSON, extra=front("section", TEACHES, "two"))
    course.lesson("\nText.\n\n## End\n", slug="two", order=2, extra=front("end", REQUIRES, "one"))
    course.write("lessons/prior.yaml", PRIOR)
    course.write(
        "lessons/module.yaml",
        """
        title: A module
        goal: To sort.
        arc:
          - {lesson: one, step: Sort, story: It begins., position: First., load: Little.}
          - {lesson: two, step: Use, story: It ends., position: Last., load: Little.}
        """,
    )
    course.build()
    return course


@st.composite
def spoilt(draw: st.DrawFn, text: str) -> bytes:
    """The text after one to three accidents, as the bytes of a file."""
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(text)))
        lines = text.split("\n")
        row = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["cut", "drop", "insert", "lose", "double", "move", "indent"])):
            case "cut":
                text = text[:place]
            case "drop":
                text = text[:place] + text[place + draw(st.integers(1, 12)) :]
            case "insert":
                text = text[:place] + draw(st.sampled_from(SIGNS)) + text[place:]
            case "lose":
                text = "\n".join(lines[:row] + lines[row + 1 :])
            case "double":
                text = "\n".join(lines[: row + 1] + lines[row:])
            case "move":
                other = draw(st.integers(0, len(lines) - 1))
                lines[row], lines[other] = lines[other], lines[row]
                text = "\n".join(lines)
            case "indent":
                lines[row] = draw(st.sampled_from(["  ", "\t", "> "])) + lines[row]
                text = "\n".join(lines)
    return text.encode(draw(st.sampled_from(["utf-8"] * 9 + ["utf-16"])))


def call(folder: Path, *arguments: str) -> tuple[int, str]:
    """The exit code of a command, and what it says of errors."""
    said = io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stderr(said),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        try:
            code = main(arguments)
        except SystemExit as end:  # argparse
            code = int(end.code or 0)
    return code, said.getvalue()


relaxed = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("file", FILES)
@given(data=st.data())
@settings(relaxed, max_examples=examples(25))
def test_a_spoilt_file_is_named_and_the_site_stays(
    file: str, data: st.DataObject, sound: Course, tmp_path: Path
) -> None:
    folder = tmp_path / "course"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sound.root, folder)
    before = {path: path.read_bytes() for path in (folder / "site").rglob("*") if path.is_file()}
    content = data.draw(spoilt((folder / file).read_text(encoding="utf-8")))
    (folder / file).write_bytes(content)
    code, said = call(folder)
    assert code in (0, 1, 2), said
    if code == 0:
        return
    place = re.escape(file) + r":\d+: "
    assert re.match(rf"{place}|lessons/\w+\.md:\d+: |no |cannot ", said), said
    assert "Traceback" not in said
    assert all(path.read_bytes() == text for path, text in before.items())


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Course:
    course = Course(tmp_path_factory.mktemp("recorded") / "course")
    course.lesson(
        "\n```python {#a}\nimport matplotlib.pyplot as plt\n\nx = 1\nprint(x)\nplt.plot([x])\n```\n"
        "\nIt is `{python} x`.\n"
    )
    course.build()
    return course


@pytest.mark.parametrize("name", ["cpu/a.json", "cpu/a.svg", "cpu.values.json"])
@given(data=st.data())
@settings(relaxed, max_examples=examples(12))
def test_a_spoilt_recording_is_no_recording_but_never_a_crash(
    name: str, data: st.DataObject, recorded: Course
) -> None:
    from sitegen import course
    from sitegen.parse import config
    from sitegen.schedule import Evidence, stand

    path = next((recorded.root / "lessons/recordings/one").glob(name.replace("a.svg", "a*.svg")))
    whole = path.read_text(encoding="utf-8")
    path.write_bytes(data.draw(spoilt(whole)))
    try:
        found = course.load(config.load(recorded.root))
        for standing in stand(found, Evidence.of(found.config))["one"]["cpu"]:
            assert standing.recording is None or not standing.damage
    finally:
        path.write_text(whole, encoding="utf-8")


OPTIONS = ["--check", "--audit", "--sync", "--fresh", "--out", "--jobs", "--report", "-v", "--gpu"]
WORDS = ["one", "two", "three", "", "0", "-1", "1", "x/y.md", "lessons/one.md", "-", "--", "site"]


@given(arguments=st.lists(st.sampled_from(OPTIONS + WORDS), max_size=5))
@settings(relaxed, max_examples=examples(25))
def test_any_command_line_is_understood_or_refused(arguments: list[str], sound: Course) -> None:
    before = sound.snapshot("lessons", "lib")
    code, said = call(sound.root, *arguments)
    assert code in (0, 1, 2)
    assert "Traceback" not in said
    assert code == 0 or said.strip()
    assert sound.snapshot("lessons", "lib") == before
