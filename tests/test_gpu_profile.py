"""The gpu profile from end to end: all blocks of a lesson, tiny, with a stand-in for a GPU."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sitegen import course as courses
from sitegen.execute.resources import available
from sitegen.parse import config

ROOT = Path(__file__).resolve().parents[1]
STANDIN = ROOT / "tests" / "standin" / "standin.py"
NAME = "a stand-in for a GPU"
SLUGS = os.environ.get("LESSONSITE_STANDIN", "loading-real-weights").split()
"""LESSONSITE_STANDIN="building-nanogpt pretraining": these instead."""


def record(course: Path, slug: str) -> dict[str, Any]:
    """Call `--gpu` on a copy of this course; gives its report."""
    report = course / "report.json"
    run = subprocess.run(
        [sys.executable, str(STANDIN), "--gpu", slug, "--report", str(report)],
        cwd=course,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(STANDIN.parent)])},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(report.read_text("utf-8"))
    return found


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """This course without its recordings, whose lessons come from a process with the stand-in."""
    for name in ("lessons", "course"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("recordings"))
    (tmp_path / "gptcore").symlink_to(ROOT / "gptcore")
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    preload = 'preload = ["torch"'
    assert preload in text
    changed = text.replace(preload, 'preload = ["standin", "torch"')
    (tmp_path / "pyproject.toml").write_text(changed, "utf-8")
    return tmp_path


@pytest.mark.parametrize("slug", SLUGS)
def test_every_block_of_a_lesson_is_recorded_under_gpu(course: Path, slug: str) -> None:
    lessons = courses.load(config.load(course)).lessons
    lesson = next(one for one in lessons if one.slug == slug)
    expected = {
        block.id
        for block in lesson.blocks
        if block.options.only in ("", "gpu")
        and not block.options.no_run
        and all(available(name, ["gptcore"]) for name in block.options.needs)
    }
    report = record(course, slug)
    folder = course / "lessons" / "recordings" / slug / "gpu"
    made = {
        path.stem: json.loads(path.read_text("utf-8"))["made"] for path in folder.glob("*.json")
    }
    assert made.keys() == expected
    assert {one["device"] for one in made.values()} == {NAME}
    assert {f"{slug}#{block}" for block in expected} <= set(report["executed"])
    page = (course / "site" / f"{slug}.html").read_text("utf-8")
    assert NAME in page
    assert record(course, slug)["executed"] == []
