"""A small course in a folder of its own, built by the real command."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

COMMAND = Path(__file__).resolve().parents[2] / "build_site.py"


@dataclass(frozen=True)
class Run:
    """What one call of the command printed, and with which code it ended."""

    code: int
    out: str
    err: str
    report: Mapping[str, Any]


class Course:
    """A course to be written, built and looked at."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("pyproject.toml", '[tool.lessonsite]\ntitle = "A course"\npackages = ["lib"]\n')
        self.write("lib/__init__.py", "")
        (root / "lessons").mkdir()

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def lesson(self, body: str, slug: str = "one", order: int = 1, extra: str = "") -> Path:
        """Write a lesson. Its body begins on line 6, plus the lines of `extra` front matter."""
        head = f"---\ntitle: Lesson {slug}\nslug: {slug}\norder: {order}\n{extra}---\n"
        return self.write(f"lessons/{slug}.md", head + textwrap.dedent(body))

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def run(self, *arguments: str, **environment: str) -> Run:
        report = self.root / "report.json"
        report.unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, str(COMMAND), "--report", str(report), *arguments],
            cwd=self.root,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )
        data = json.loads(report.read_text("utf-8")) if report.exists() else {}
        return Run(done.returncode, done.stdout, done.stderr, data)

    def build(self, *arguments: str) -> Run:
        """A build that is expected to succeed."""
        run = self.run(*arguments)
        assert run.code == 0, run.err
        return run

    def executed(self, *arguments: str) -> list[str]:
        """The blocks that a build runs, by their ids."""
        return [name.partition("#")[2] for name in self.build(*arguments).report["executed"]]

    def recording(self, block: str, slug: str = "one", profile: str = "cpu") -> Path:
        return self.root / "lessons" / "recordings" / slug / profile / f"{block}.json"

    def page(self, slug: str = "one") -> str:
        return (self.root / "site" / f"{slug}.html").read_text(encoding="utf-8")

    def snapshot(self, *folders: str) -> dict[str, str]:
        """A hash of every file below some folders, the caches of Python left aside."""
        return {
            path.relative_to(self.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for folder in folders or ("site", "lessons", "lib")
            for path in sorted((self.root / folder).rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(tmp_path / "course")
