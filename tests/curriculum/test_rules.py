"""The audit: a sound course passes, and for each rule one that breaks it fails with its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from sound_course import FIRST, SOUND, write_course

from sitegen import course
from sitegen.curriculum import RULES, AuditError, audit
from sitegen.parse import config
from sitegen.reference import curriculum_rules

# The rule, the file, what is replaced in it by what, the line that is named (with its file where
# that is another), and what is said.
BROKEN = {
    "what nobody taught is required": (
        "C01", "one.md", "concept: Half,", "concept: Halve,", 13, "did you mean 'Half'?",
    ),
    "what a later lesson teaches is required": (
        "C01", "one.md", "concept: Half,", "concept: A,", 13, "taught nowhere before",
    ),
    "more depth is required than was taught": (
        "C01", "one.md", "Known, depth: DEVELOPED", "Known, depth: APPLIED", 12, "at most",
    ),
    "a source teaches something else": (
        "C02", "two.md", "source: before", "source: one", 12, "it is taught in before",
    ),
    "a gap is left open": (
        "C03", "two.md", ", resolution: Section a says more.", "", 13, "no resolution",
    ),
    "a lesson brings four new concepts": (
        "C04", "one.md", ", extends: Known", "", 10, "4 new concepts: A, B, C, D",
    ),
    "what was only mentioned counts as new": (
        "C04", "one.md", "concept: D, depth: INTRODUCED, section: b, extends: Known",
        "concept: Half, depth: INTRODUCED", 10, "4 new concepts",
    ),
    "a concept extends one that is unknown": (
        "C05", "one.md", "extends: Known", "extends: Knwon", 10, "did you mean 'Known'?",
    ),
    "a concept extends one that was only mentioned": (
        "C05", "one.md", "extends: Known", "extends: Half", 10, "not introduced before",
    ),
    "a concept extends itself": ("C05", "one.md", "extends: Known", "extends: D", 10, "'D'"),
    "a modality is missing": ("C06", "one.md", "  code: block-c\n", "", 18, "2 modalities"),
    "a misconception is missing": (
        "C07", "one.md", "  - {claim: P, why: W, shown_wrong_in: a}\n", "", 14, "2 misconceptions",
    ),
    "a positive example is missing": (
        "C08", "one.md", "  - {what: X, kind: positive, section: a}\n", "", 22,
        "1 positive examples",
    ),
    "the negative example is missing": (
        "C09", "one.md", "  - {what: Z, kind: negative, section: a}\n", "", 22, "negative",
    ),
    "a misconception names no section": (
        "C10", "one.md", "Q, why: W, shown_wrong_in: b", "Q, why: W, shown_wrong_in: bb", 16,
        "misconception 'Q': there is no section 'bb'; did you mean 'b'?",
    ),
    "a modality names no section": (
        "C10", "one.md", "picture: b", "picture: bb", 20, "modality 'picture'",
    ),
    "an example names no section": (
        "C10", "one.md", "negative, section: a", "negative, section: aa", 25, "example 'Z'",
    ),
    "a concept names no section": (
        "C10", "one.md", "used_in: [b]", "used_in: [block-d]", 7, "'block-d'",
    ),
    "a requirement names no section": (
        "C10", "one.md", "before, section: a", "before, section: aa", 12, "requirement 'Known'",
    ),
    "two lessons stretch in a row": (
        "C11", "two.md", "load: BUILD", "load: STRETCH", 5, "'one'",
    ),
    "a concept is used nowhere": (
        "C12", "two.md", ", used_in: [b]", "", 7, "'A' is taught at APPLIED and used nowhere",
    ),
    "a lesson has no place in the arc": (
        "C13", "module.yaml", "lesson: two", "lesson: twoo", "two.md:3",
        "did you mean 'twoo'?",
    ),
    "the arc has another order": (
        "C13", "module.yaml", "  - {lesson: one, step: Begin}\n  - {lesson: two, step: Go on}",
        "  - {lesson: two, step: Go on}\n  - {lesson: one, step: Begin}", 4, "'two' where",
    ),
    "the module answers in no section": (
        "C14", "module.yaml", "one#a", "one#aa", 8, "did you mean 'a'?",
    ),
    "the module answers in no lesson": (
        "C14", "module.yaml", "one#a", "none#a", 8, "no lesson 'none'",
    ),
    "the next lesson is none": (
        "C15", "one.md", "order: 1", "order: 1\nnext: twoo", 5, "did you mean 'two'?",
    ),
    "what is left out leads nowhere": (
        "C15", "one.md", "order: 1",
        "order: 1\nscope:\n  is_not:\n    - A word\n    - {what: X, to: tow}", 8, "lesson 'tow'",
    ),
}  # fmt: skip


@pytest.fixture
def found(tmp_path: Path):
    """The audit of a course in these files."""

    def of(files: Mapping[str, str]) -> list[AuditError]:
        write_course(tmp_path, files)
        loaded = course.load(config.load(tmp_path))
        assert loaded.curriculum is not None
        return audit(loaded.curriculum)

    return of


def test_a_sound_course_passes(found) -> None:
    assert found(SOUND) == []


@pytest.mark.parametrize(
    ("code", "file", "old", "new", "line", "said"), BROKEN.values(), ids=BROKEN
)
def test_a_rule_finds(found, code, file, old, new, line, said) -> None:
    name = f"lessons/{file}"
    assert SOUND[name].count(old) == 1
    findings = found({**SOUND, name: SOUND[name].replace(old, new)})
    (finding,) = [one for one in findings if one.code == code]
    place = line if isinstance(line, str) else f"{file}:{line}"
    assert str(finding).startswith(f"lessons/{place}: {code} ")
    assert said in str(finding)
    assert finding.hint
    assert "\n" not in str(finding)


def test_every_rule_is_seen_to_fail() -> None:
    assert {case[0] for case in BROKEN.values()} == {rule.code for rule in RULES}


def test_every_rule_is_in_the_guide_with_its_reason() -> None:
    guide = curriculum_rules().data
    for rule in RULES:
        demand, reason = rule.text.split("\n\n", 1)
        assert demand.endswith(".")
        assert reason
        assert f"| {rule.code} | {rule.name} | {' '.join(demand.split())} " in guide


def test_a_lesson_that_the_arc_announces_is_taken_at_its_word(found) -> None:
    needs = FIRST.replace(
        "Known, depth: DEVELOPED, source: before", "N, depth: APPLIED, source: three"
    )
    assert found({**SOUND, "lessons/one.md": needs}) == []


def test_a_course_of_prior_concepts_alone_is_audited(found) -> None:
    files = {name: text for name, text in SOUND.items() if "module" not in name}
    assert found(files) == []
