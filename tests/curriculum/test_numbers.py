"""Numbers in prose: what counts as typed, what accounts for one, and how a course asks for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sound_course import SOUND, write_course

from sitegen import course
from sitegen.build import sound
from sitegen.cli import main
from sitegen.curriculum import AuditError, typed_numbers
from sitegen.errors import SourceError
from sitegen.parse import config

HEAD = "---\ntitle: One\nslug: one\norder: 1\n---\n"
WANTED = 'numbers = "computed"\nallowed_numbers = ["two", "16 bits", "don\'t count to ten"]\n'

TYPED = {
    "digits": ("It took 12 seconds.", ["12"]),
    "digits with signs": (
        "About 4,096, or 1e-5, or 2^16, or 3.5×.",
        ["4,096", "1e-5", "2^16", "3.5×"],
    ),
    "words": ("Three lines, a dozen words, half a page.", ["Three", "dozen", "half"]),
    "a word in a compound": (
        "A forty-line loop, an eight-fold gain.",
        ["forty-line", "eight-fold"],
    ),
    "a number beside a dash": ("It grew—fourfold—and stayed.", ["grew—fourfold—and"]),
    "a value after a formula": ("With $T$ = 4096 tokens.", ["4096"]),
    "what an inline value doesn't cover": ("Some `{python} 1 + 1` of 7 runs.", ["7"]),
    "code in the same sentence": ("The `7` is code and 8 is not.", ["8"]),
    "a heading": ("## The 3 bounds", ["3"]),
    "a component and its title": (":::tip In 5 steps\nDo 6.\n:::", ["5", "6"]),
    "a cell of a table": ("| a | b |\n|---|---|\n| x | 9 |", ["9"]),
    "text of one profile": ("It takes [7 ms]{only=gpu}.", ["7"]),
    "a list": ("1. first\n2. takes 5 s", ["5"]),
    "a link within the site is no source": ("See [above](#x) the 5 runs.\n\n## X", ["5"]),
    "a source of the sentence before": ("It is 4[^a]. And 5.\n\n[^a]: B.", ["5"]),
    "an allowed word in another": ("Twofold, in 32 bits.", ["Twofold", "32"]),
}
ACCOUNTED = {
    "no number": "Some run was longer than the first one, the second or the third.",
    "computed": "It took `{python} 3 * 4` seconds and `12` lines.",
    "a formula": "$2n^3$ operations, and $$C = 6ND$$",
    "cited by a note": "It has 280 billion weights[^a], half of them zero.\n\n[^a]: A 2022, p. 5.",
    "a note after the full stop": "It has 280 billion.[^a] More.\n\n[^a]: A.",
    "cited by a link": "[Hoffmann 2022](https://arxiv.org/abs/2203.15556) trained 400 models.",
    "a name that holds digits": "GPT-2 in bfloat16 on an H100, in UTF-8 or Python-3.11 (A100s).",
    "allowed": "Two lines in 16 bits: don't count to ten.",
    "allowed over two lines": "A number in 16 bits\nand two more.",
    "a note is a source": "Text[^a].\n\n[^a]: Pages 3 to 5.",
    "a block": "```text\n42\n```",
}


def found(root: Path, text: str, setting: str = WANTED) -> list[AuditError]:
    write_course(root, {"lessons/one.md": HEAD + text + "\n"})
    with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(setting)
    loaded = course.load(config.load(root))
    return typed_numbers(loaded.lessons, loaded.config)


@pytest.mark.parametrize(("text", "numbers"), TYPED.values(), ids=TYPED)
def test_a_typed_number_is_found(tmp_path, text, numbers) -> None:
    named = [
        str(one).split("the number ")[1].split(" is typed")[0] for one in found(tmp_path, text)
    ]
    assert named == [repr(number) for number in numbers]


@pytest.mark.parametrize("text", ACCOUNTED.values(), ids=ACCOUNTED)
def test_what_is_accounted_for_is_not(tmp_path, text) -> None:
    assert found(tmp_path, text) == []


def test_a_finding_names_its_line_and_what_would_be_right(tmp_path) -> None:
    (finding,) = found(tmp_path, "A.\n\nTwo lines,\nand in 16 bits,\nand 7 more.")
    assert str(finding) == (
        "lessons/one.md:10: N01 the number '7' is typed; compute it in an inline value, cite its "
        "source in the same sentence, or name it in allowed_numbers"
    )


def test_a_course_that_does_not_ask_is_left_alone(tmp_path) -> None:
    assert found(tmp_path, "It took 12 seconds.", "") == []
    assert found(tmp_path, "It took 12 seconds.", 'numbers = "free"\n') == []


def test_words_are_those_of_the_language_of_the_course(tmp_path) -> None:
    german = WANTED + 'lang = "de"\n'
    assert [one.line for one in found(tmp_path, "Half of 5, two.\n\nThree.", german)] == [6]


def test_a_build_stops_at_it_with_a_curriculum_and_without(tmp_path) -> None:
    text = {"lessons/one.md": HEAD + "In 12 s.\n"}
    sound_text = SOUND["lessons/one.md"].replace("## A\n", "## A\n\nIn 12 s.\n", 1)
    for name, files in (("bare", text), ("taught", {**SOUND, "lessons/one.md": sound_text})):
        root = tmp_path / name
        root.mkdir()
        write_course(root, files)
        sound(course.load(config.load(root)))
        with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(WANTED)
        with pytest.raises(SourceError, match="N01 the number '12'"):
            sound(course.load(config.load(root)))


def test_the_audit_lists_it_without_a_curriculum_too(tmp_path, monkeypatch, capsys) -> None:
    found(tmp_path, "It took 12 seconds, and 13.")
    monkeypatch.chdir(tmp_path)
    assert main(["--audit"]) != 0
    error = capsys.readouterr().err
    assert "one.md:6: N01 the number '12'" in error
    assert "one.md:6: N01 the number '13'" in error


def test_a_setting_that_is_none_is_refused(tmp_path) -> None:
    with pytest.raises(SourceError, match='numbers is to be "free" or "computed", not'):
        found(tmp_path, "A.", 'numbers = "typed"\n')
    with pytest.raises(SourceError, match="allowed_numbers is to be a list of strings"):
        found(tmp_path, "A.", "allowed_numbers = 2\n")


def test_no_number_of_this_courses_is_typed() -> None:
    ours = replace(config.load(Path(__file__).parents[2]), numbers="computed")
    assert typed_numbers(course.load(ours).lessons, ours) == []
