"""A notebook as a learner first runs it, with nothing written yet."""

from __future__ import annotations

import pytest
from course_notebooks import LESSONS, executed, read

from sitegen.lesson import Block


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_only_the_checks_say_that_something_is_missing(lesson, tmp_path) -> None:
    cells = executed(read(lesson, solved=False, steps=60, short_steps=12), tmp_path)
    checks = [block for block in lesson.blocks if block.options.check]
    assert len(checks) >= 4
    for block in checks:
        (verdict,) = cells[f"block-{block.id}"].outputs
        assert verdict.data["text/plain"].startswith("Not answered yet: write what "), block.id


def test_every_exercise_of_the_course_has_a_check() -> None:
    for lesson in LESSONS:
        kinds = [_kind(block) for block in lesson.blocks]
        assert kinds.count("open") == kinds.count("check") > 0


def _kind(block: Block) -> str:
    return "check" if block.options.check else "open" if "### BEGIN" in block.code else ""
