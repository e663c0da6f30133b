"""A small course with `--serve` running in its folder."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from small_course import COMMAND, Course, wait_until

from sitegen.manifest import intact


class Serving:
    """The command while it runs, and what it serves."""

    def __init__(self, course: Course, log: Path, scratch: Path) -> None:
        self.course = course
        self.log = log
        self.scratch = scratch
        name, _, value = course.mark.partition("=")
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(COMMAND), "--serve", "0"],
                cwd=course.root,
                env={**os.environ, name: value, "TMPDIR": str(scratch)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: "serving http" in self.said())
        self.url = self.said().partition("serving ")[2].split()[0]

    def said(self) -> str:
        return self.log.read_text("utf-8")

    def page(self, slug: str = "one") -> str:
        with urllib.request.urlopen(f"{self.url}{slug}.html") as answer:
            text: str = answer.read().decode()
        return text

    def state(self) -> Mapping[str, Any]:
        """What pages are told at this moment."""
        with urllib.request.urlopen(f"{self.url}.serve/events") as events:
            line = events.readline().decode()
        found: dict[str, Any] = json.loads(line.removeprefix("data: "))
        return found

    def notes(self, kind: str = "failed") -> list[Mapping[str, Any]]:
        return [note for note in self.state()["notes"] if note["kind"] == kind]

    def see(self, text: str, slug: str = "one") -> None:
        """Wait until a page shows the text."""
        wait_until(lambda: f"{slug}.html" in self.state()["files"] and text in self.page(slug))

    def wait_for(self, text: str, slug: str = "one") -> None:
        """Wait until a page shows the text, and all of the site has been written too."""
        self.see(text, slug)
        wait_until(lambda: text in self._written(slug))

    def _written(self, slug: str) -> str:
        """A page of the site once all of it has been written."""
        site = self.course.root / "site"
        try:
            page = (site / f"{slug}.html").read_text("utf-8")
            return page if intact(site) else ""
        except OSError:
            return ""

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(tmp_path / "course")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Course], Serving]]:
    with _ended(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def serve_longer(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[Course], Serving]]:
    """As `serve`, until the last test of the module."""
    with _ended(tmp_path_factory.mktemp("served")) as start:
        yield start


@contextlib.contextmanager
def _ended(folder: Path) -> Iterator[Callable[[Course], Serving]]:
    """Starts the command in courses; all have ended after it."""
    running: list[Serving] = []

    def start(course: Course) -> Serving:
        running.append(Serving(course, folder / "log", Path(scratch)))
        return running[-1]

    with tempfile.TemporaryDirectory() as scratch:  # pytest's own are too deep for a socket
        try:
            yield start
        finally:
            _end(running)


def _end(running: Sequence[Serving]) -> None:
    for one in running:
        if one.process.poll() is None:
            one.end()
    deadline = time.monotonic() + 5
    while any(one.course.processes() for one in running) and time.monotonic() < deadline:
        time.sleep(0.02)
