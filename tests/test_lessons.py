"""The lessons of this course, executed afresh: what each displays is what is committed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sitegen import course as courses
from sitegen.build import orphaned_blocks, orphaned_profiles
from sitegen.parse import config
from sitegen.record.recordings import Recordings

ROOT = Path(__file__).resolve().parents[1]
COURSE = courses.load(config.load(ROOT))


@pytest.mark.newest
@pytest.mark.parametrize("slug", [lesson.slug for lesson in COURSE.lessons])
def test_no_drift(slug: str) -> None:
    command = [sys.executable, "build_site.py", slug, "--check", "--jobs", "1"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr + run.stdout


def test_nothing_is_recorded_of_what_is_no_more() -> None:
    recordings = Recordings(COURSE.config.recordings)
    assert not orphaned_blocks(COURSE, recordings)
    assert not orphaned_profiles(COURSE, recordings)
