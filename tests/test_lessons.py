"""The lessons of this course, executed afresh: what each displays is what is committed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sitegen import course as courses
from sitegen.parse import config
from sitegen.record.recordings import Recordings
from sitegen.record.replay import runnable

ROOT = Path(__file__).resolve().parents[1]
COURSE = courses.load(config.load(ROOT))


@pytest.mark.newest
@pytest.mark.parametrize("slug", [lesson.slug for lesson in COURSE.lessons])
def test_no_drift(slug: str) -> None:
    command = [sys.executable, "build_site.py", slug, "--check", "--jobs", "1"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr + run.stdout


def test_no_recording_is_of_a_block_that_is_no_more() -> None:
    blocks = {
        (lesson.slug, profile.name, cell.id)
        for lesson in COURSE.lessons
        for profile in COURSE.config.profiles
        for cell in runnable(lesson, profile.name)
    }
    assert set(Recordings(COURSE.config.recordings).all_blocks()) <= blocks
