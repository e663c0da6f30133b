"""This course's own curriculum: every row of the module's record is in it, and it is sound."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sitegen import course
from sitegen.course import Course
from sitegen.curriculum import audit
from sitegen.parse import config

ROOT = Path(__file__).resolve().parents[2]

# How many concepts the module's record lists for each lesson, by depth.
RECORD = {
    "building-nanogpt": {"APPLIED": 7, "DEVELOPED": 6, "INTRODUCED": 2, "MENTIONED": 1},
    "pretraining": {"APPLIED": 2, "DEVELOPED": 6, "INTRODUCED": 2},
    "scaling-and-efficiency": {"DEVELOPED": 4, "INTRODUCED": 4, "MENTIONED": 4},
    "loading-real-weights": {"APPLIED": 1, "DEVELOPED": 5, "INTRODUCED": 1},
}


@pytest.fixture(scope="module")
def this_course() -> Course:
    return course.load(config.load(ROOT))


def test_the_curriculum_is_sound(this_course: Course) -> None:
    assert this_course.curriculum is not None
    assert [str(finding) for finding in audit(this_course.curriculum)] == []


def test_every_row_of_the_record_is_taught_in_a_section(this_course: Course) -> None:
    assert this_course.curriculum is not None
    taught = {
        teaching.slug: Counter(concept.depth.name for concept in teaching.teaches)
        for teaching in this_course.curriculum.teachings
    }
    assert taught == RECORD
    for teaching in this_course.curriculum.teachings:
        for concept in teaching.teaches:
            assert concept.section, concept.name
            assert concept.notes, concept.name


def test_every_lesson_says_what_stuck_and_what_is_found_elsewhere(this_course: Course) -> None:
    assert this_course.curriculum is not None
    for teaching in this_course.curriculum.teachings:
        assert len(teaching.misconceptions) == 5, teaching.slug
        assert len(teaching.mental_models) >= 3, teaching.slug
        assert len(teaching.analogies) >= 3, teaching.slug
        assert any(deferred.to for deferred in teaching.deferred), teaching.slug
