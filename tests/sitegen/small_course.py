"""A small course in a folder of its own, built by the command: called here, or as a process."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sitegen.cli import main

COMMAND = Path(__file__).resolve().parents[2] / "build_site.py"


def wait_until(done: Callable[[], bool]) -> None:
    """Wait for something that has to come; fail if it does not."""
    deadline = time.monotonic() + 120  # a busy machine takes its time
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _heed_interrupts() -> None:
    """What a shell runs in the background ignores them, and so does all that this starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Run:
    """What one call of the command printed, and with which code it ended."""

    code: int
    out: str
    err: str
    report: Mapping[str, Any]


def _read(report: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(report.read_text("utf-8")) if report.exists() else {}
    return found


class Course:
    """A course to be written, built and looked at."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mark = f"SMALL_COURSE={uuid.uuid4()}"
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

    def configure(self, settings: str) -> None:
        """Add lines to the course's table in its pyproject.toml."""
        self.edit("pyproject.toml", "[tool.lessonsite]", f"[tool.lessonsite]\n{settings}")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a build and do not wait for its end."""
        return subprocess.Popen(
            [sys.executable, str(COMMAND), *arguments],
            cwd=self.root,
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_heed_interrupts,
        )

    def run(self, *arguments: str) -> Run:
        """Call the command in this process."""
        out, err = io.StringIO(), io.StringIO()
        with (
            self._report() as report,
            contextlib.chdir(self.root),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                code = main(["--report", str(report), *arguments])
            except SystemExit as end:  # argparse
                code = int(end.code or 0)
            return Run(code, out.getvalue(), err.getvalue(), _read(report))

    def run_apart(self, *arguments: str, **environment: str) -> Run:
        """Run the command as a process: where its environment, its end or what it imports counts.

        What it starts is found among the `processes` of the course.
        """
        with self._report() as report:
            done = subprocess.run(
                [sys.executable, str(COMMAND), "--report", str(report), *arguments],
                cwd=self.root,
                env=self._environment(**environment),
                capture_output=True,
                text=True,
                timeout=120,
            )
            return Run(done.returncode, done.stdout, done.stderr, _read(report))

    @contextlib.contextmanager
    def _report(self) -> Iterator[Path]:
        """Where a report is to go, outside of the course."""
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder, "report.json")

    def _environment(self, **changes: str) -> dict[str, str]:
        name, _, value = self.mark.partition("=")
        return {**os.environ, name: value, **changes}

    def processes(self) -> list[int]:
        """Whatever still runs of what builds of this course, as processes, started; for Linux."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if self.mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

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

    def outputs(self, block: str = "a", slug: str = "one") -> list[dict[str, Any]]:
        """What is recorded of a block."""
        outputs: list[dict[str, Any]] = json.loads(self.recording(block, slug).read_text("utf-8"))[
            "outputs"
        ]
        return outputs

    def text(self, block: str = "a", slug: str = "one") -> str:
        """The text of all that is recorded of a block, one after the other."""
        return "".join("".join(one["data"]["text/plain"]) for one in self.outputs(block, slug))

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
