"""Small courses in a folder of their own, built by the real command."""

from __future__ import annotations

import contextlib
import html
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import sitegen
from sitegen.cli import main

COMMAND = Path(sitegen.__file__).parents[1] / "build_site.py"
CONFIGURATION = '[tool.lessonsite]\ntitle = "A course"\n'
HEAD = "---\ntitle: A lesson\nslug: a\norder: 1\n---\n"


class Course:
    """A course with one lesson, `lessons/a.md`, and whatever else is written into it."""

    def __init__(self, lesson: str = "", **settings: object) -> None:
        self.folder = TemporaryDirectory()
        self.root = Path(self.folder.name)
        lines = [f"{key} = {value!r}\n" for key, value in settings.items()]
        self.write("pyproject.toml", CONFIGURATION + "".join(lines))
        self.write("lessons/a.md", HEAD + lesson)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogateescape")

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    def link(self, name: str, target: str) -> None:
        (self.root / name).symlink_to(target)

    def configure(self, key: str, value: object) -> None:
        path = self.root / "pyproject.toml"
        path.write_text(f"{path.read_text(encoding='utf-8')}{key} = {value!r}\n", encoding="utf-8")

    def build(self, *arguments: str) -> None:
        """Call the command, and print what it prints, with its exit code."""
        print("$ build_site.py", *arguments)
        done = subprocess.run(
            [sys.executable, str(COMMAND), *arguments],
            cwd=self.root,
            env={**os.environ, "COLUMNS": "72", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
        )
        progress = re.compile(r"^\s+\S+#\S+ +[\d.]+ s$\n?", re.M)
        said = progress.sub("", done.stderr) + done.stdout
        print(re.sub(r" in [\d.]+ s", "", said), end="")
        print(f"exit code {done.returncode}")

    def trace(self, block: str, kind: str = "") -> None:
        """Print the trace of a block as its recording has it, or the lines of one kind."""
        path = self.root / f"lessons/recordings/a/cpu/{block}.json"
        lines = json.loads(path.read_text(encoding="utf-8"))["trace"]
        print("\n".join(line for line in lines if line.startswith(kind)))


@dataclass(frozen=True)
class Mistakes:
    """Mistakes in a lesson or another file, each beside what the command says of it."""

    of: str
    """The file that they are in."""
    texts: Mapping[str, str]
    before: str = ""
    """What stands before each of them in the file."""

    def _repr_html_(self) -> str:
        return "".join(
            '<div class="columns mistake">'
            f'<div class="part"><pre><code>{html.escape(_visible(text))}</code></pre></div>'
            f'<div class="part"><p><strong>{html.escape(name)}</strong></p>'
            f"<pre><samp>{html.escape(self.said(text))}</samp></pre></div></div>"
            for name, text in self.texts.items()
        )

    def said(self, text: str) -> str:
        """What the command says of one of them."""
        course = Course()
        course.write("lessons/b.md", HEAD.replace("slug: a\norder: 1", "slug: b\norder: 2"))
        course.write(self.of, self.before + text)
        return refused(course.root)


def refused(root: Path, arguments: Sequence[str] = ()) -> str:
    """What the command prints when it refuses a course, and its exit code."""
    printed = io.StringIO()
    with contextlib.chdir(root), contextlib.redirect_stderr(printed):
        code = main(list(arguments))
    return f"{printed.getvalue()}exit code {code}"


def _visible(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
