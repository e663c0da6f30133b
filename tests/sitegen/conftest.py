"""Courses for tests: an empty one, and one that has been built."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_course import Course


@pytest.fixture
def course(tmp_path: Path) -> Iterator[Course]:
    course = Course(tmp_path / "course")
    yield course
    for pid in course.processes():  # what a failing test has left
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def _good(tmp_path_factory: pytest.TempPathFactory) -> Course:
    course = Course(tmp_path_factory.mktemp("good") / "course")
    course.lesson("\n```python {#a}\nprint('good')\n```\n", slug="good", order=9)
    course.build()
    return course


@pytest.fixture
def good(_good: Course, course: Course) -> Course:
    """A course with one lesson, `good`, that has been built; built once and copied."""
    shutil.copytree(_good.root, course.root, dirs_exist_ok=True)
    return course
