"""The lessons of this course, executed afresh: what each displays is what is committed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import pytest
from markdown_it.token import Token

from sitegen import course as courses
from sitegen.build import orphaned_blocks, orphaned_profiles
from sitegen.parse import config
from sitegen.parse.lesson import Lesson
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


def said(paragraph: Sequence[Token], profile: str) -> str:
    """The words that a profile shows of a paragraph; code, formulas and bare links are an x."""
    words, left_out = [], []
    for token, following in zip_longest(paragraph, paragraph[1:]):
        if token.type == "span_open":
            left_out.append(token.meta.get("only", profile) != profile)
        elif token.type == "span_close":
            left_out.pop()
        elif not any(left_out):
            coded = token.type in ("code_inline", "math_inline")
            named = token.type == "link_open" and following and following.type == "link_close"
            shown = "x" if coded or named else token.content
            words.append(" " * token.type.endswith("break") + shown)
    return "".join(words)


@pytest.mark.parametrize("profile", [profile.name for profile in COURSE.config.profiles])
@pytest.mark.parametrize("lesson", COURSE.lessons, ids=lambda lesson: lesson.slug)
def test_a_paragraph_is_whole_under_each_profile(lesson: Lesson, profile: str) -> None:
    for token in lesson.tokens:
        if not any(one.type == "span_open" for one in token.children or ()):
            continue
        text = said(token.children or (), profile).strip()
        assert text.endswith((".", "?", "!", ":", ")")), text
        assert not re.search(r"[.?!][A-Z]|\w {2}|\s[.,;?!]|[,;][.,;]|\.\.", text), text
