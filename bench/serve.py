"""What an author waits for: from a save to the message that renews the page, and to the sight."""

from __future__ import annotations

import json
import queue
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

from bench.build import COMMAND, ENVIRONMENT, ROOT, clean, median, run, write_course

sys.path.append(str(ROOT / "tests" / "pages"))
from browser import launch

EDITS = 20
GOAL = 0.3
"""Seconds from a save of prose until a browser shows it."""
PAGES, LOOK = "course/templates", "course/static"
"""The course's own, which count before the generator's."""

WATCH = """
    ([mark, selector]) => {
        const style = getComputedStyle(document.documentElement);
        const there = () =>
            [...document.querySelectorAll(selector)].some((part) => part.textContent.includes(mark))
            || style.getPropertyValue("--mark").includes(mark);
        window.shown = new Promise((done) => {
            const look = () => there()
                ? done((performance.timeOrigin + performance.now()) / 1000)
                : requestAnimationFrame(look);
            look();
        });
    }
"""


@dataclass(frozen=True)
class Edit:
    """A file with a mark in it that is another after each save, and the file it comes out in."""

    name: str
    file: str
    shown_in: str
    selector: str = "body"


def main() -> int:
    """Measure and print; 1 if prose in this course misses its goal by far."""
    table = Table(
        "edit", "message", "seen", "goal", title=f"Seconds after a save, medians of {EDITS}"
    )
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        browser = launch(stack.enter_context(sync_playwright()))
        page = browser.new_page() if browser else None
        small, own = Path(folder, "small"), Path(folder, "own")
        cold = small_course(small)
        table.add_row("a course of ten blocks: built from nothing", f"{cold:.2f}", "", "")
        edits = [
            Edit("  prose", "lessons/bench.md", "bench.html"),
            Edit("  a block by itself", "lessons/bench.md", "bench.html", ".result"),
            Edit(
                "  a block that needs a trained model", "lessons/bench.md", "bench.html", ".result"
            ),
            Edit("  a symbol of the library", "lib/__init__.py", "bench.html", ".result"),
        ]
        marks = ["PROSE", "ALONE", "AFTER", "LABEL"]
        with served(small, page, "bench.html") as author:
            for edit, word in zip(edits, marks, strict=True):
                table.add_row(edit.name, *seconds(author.medians(edit, word)), "")
        lesson = this_course(own)
        table.add_row("this course: with nothing to do", f"{median(lambda: run(COMMAND, own)):.2f}")
        with served(own, page, f"{lesson}.html") as author:
            prose = author.medians(Edit("", f"lessons/{lesson}.md", f"{lesson}.html"), "PROSE")
            table.add_row("  prose of its longest lesson", *seconds(prose), f"{GOAL}")
            found = author.medians(Edit("", f"{PAGES}/base.html", f"{lesson}.html"), "PAGES")
            table.add_row("  the template of all pages", *seconds(found), "")
            found = author.medians(Edit("", f"{LOOK}/style.css", "static/style.css"), "STYLE")
            table.add_row("  the stylesheet", *seconds(found), "")
        with served(own, page, "pretraining.html") as author:
            edit = Edit("", "lessons/pretraining.md", "pretraining.html", ".result")
            first = author.times(edit, "TRAINED", "TRAINED0")
            table.add_row("  a block after the training, the first time", *seconds(first), "")
            found = author.medians(edit, "TRAINED0")
            table.add_row("  a block after the training", *seconds(found), "")
        if browser:
            browser.close()
    Console().print(table)
    return int(prose[-1] > 1.5 * GOAL)


def small_course(course: Path) -> float:
    """Write a course with a mark for each edit; the seconds that its cold build takes."""
    course.mkdir()
    write_course(course)
    lesson = course / "lessons" / "bench.md"
    text = lesson.read_text().replace("Prose.", "Prose PROSE.").replace("'part 5:'", "'AFTER'")
    block = "from lib import label\nprint('ALONE', label())"
    lesson.write_text(text.replace("print('done')", block))
    library = course / "lib" / "__init__.py"
    library.write_text(library.read_text() + "\n\ndef label():\n    return 'LABEL'\n")
    return median(lambda: run(COMMAND, course), before=lambda: clean(course))


def this_course(course: Path) -> str:
    """Copy the course with a mark for each edit, and build it; the slug of its longest lesson."""
    for name in ("lessons", "gptcore", "course", "pyproject.toml"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, course.joinpath(name))
    longest = max(course.glob("lessons/*.md"), key=lambda path: path.stat().st_size)
    longest.write_text(f"{longest.read_text()}\nPROSE\n")
    with (course / "lessons" / "pretraining.md").open("a") as lesson:
        lesson.write("\n```python {#bench}\nprint('TRAINED', len(events))\n```\n")
    for folder, source, old, new in (
        (PAGES, ROOT / "templates" / "base.html", "</footer>", "PAGES</footer>"),
        (LOOK, ROOT / "static" / "style.css", ":root {", ":root { --mark: STYLE;"),
    ):
        (course / folder / source.name).write_text(source.read_text().replace(old, new, 1))
    run(COMMAND, course)
    return longest.stem


@contextmanager
def served(course: Path, page: Page | None, name: str) -> Iterator[Author]:
    """An author at work on a course whose page a browser shows, if there is one."""
    process = subprocess.Popen(
        [*COMMAND, "--serve", "0"],
        cwd=course,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout
        url = process.stdout.readline().split()[1]
        threading.Thread(target=process.stdout.read, daemon=True).start()
        author = Author(course, url, page)
        author.settle()
        if page:
            page.goto(url + name)
        yield author
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


class Author:
    """Saves files, and waits for what comes of it."""

    def __init__(self, course: Path, url: str, page: Page | None) -> None:
        self.course = course
        self.url = url
        self.page = page
        self.messages: queue.Queue[tuple[float, dict[str, Any]]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError), urllib.request.urlopen(f"{self.url}.serve/events") as events:
            for line in events:
                if line.startswith(b"data: "):
                    self.messages.put((time.time(), json.loads(line[6:])))

    def settle(self) -> None:
        """Until nothing was said for a while, and nothing runs."""
        state: dict[str, Any] = {"files": {}}
        while not state["files"] or state["notes"] or not self.messages.empty():
            _, state = self.messages.get(timeout=300)
        time.sleep(0.3)
        if not self.messages.empty():
            self.settle()

    def medians(self, edit: Edit, word: str) -> list[float]:
        """Seconds from a save to the message, and to the sight of it if there is a browser."""
        marks = [word, *(f"{word}{number}" for number in range(EDITS))]
        times = [self.times(edit, before, mark) for before, mark in pairwise(marks)]
        return [statistics.median(column) for column in zip(*times, strict=True)]

    def times(self, edit: Edit, before: str, mark: str) -> list[float]:
        """The same for one save."""
        path = self.course / edit.file
        text = path.read_text().replace(before, mark)
        if self.page:
            self.page.evaluate(WATCH, [mark, edit.selector])
        saved = time.time()
        path.write_text(text)
        times = [moment - saved for moment in self._moments(edit, mark)]
        time.sleep(0.2)  # no author is faster
        return times

    def _moments(self, edit: Edit, mark: str) -> Sequence[float]:
        while True:
            told, state = self.messages.get(timeout=300)
            with urllib.request.urlopen(self.url + edit.shown_in) as answer:
                if mark in answer.read().decode() and not state["notes"]:
                    break
        return [told, self.page.evaluate("window.shown")] if self.page else [told]


def seconds(found: Sequence[float]) -> list[str]:
    return [*(f"{one:.2f}" for one in found), *[""] * (2 - len(found))]


if __name__ == "__main__":
    sys.exit(main())
