"""What the loop shows and writes is what a clean build of the same files would write."""

from __future__ import annotations

import random
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_course import Course

from sitegen.serve import workers
from sitegen.serve.loop import Loop
from sitegen.serve.view import Screen

STEPS = 8

LIBRARY = """
    FACTOR = 1

    def scaled(x):
        return FACTOR * x

    def unused(x):
        return x + 1
    """
BODY = """
    ```python {#start}
    from lib import scaled
    base = 1
    ```

    Prose 1 with `{python} base + 1` in it, and [a link](index).

    ```python {#middle}
    print("middle", scaled(base))
    ```

    :::tip Hint 1
    Said in a component.
    :::

    ```python {#end}
    import random
    base, random.random()
    ```
    """


@pytest.fixture
def course(tmp_path: Path) -> Course:
    course = Course(tmp_path / "course")
    course.write(
        "pyproject.toml",
        """
        [tool.lessonsite]
        title = "Title 1"
        packages = ["lib"]
        templates = "templates"
        static = "static"
        """,
    )
    course.write("lib/__init__.py", LIBRARY)
    course.write("templates/components/tip.html", "<p>Tip 1 {{ title }}</p>{{ body }}")
    course.write("static/style.css", "p { margin: 1px }")
    for order, slug in enumerate(("one", "two")):
        course.lesson(BODY, slug=slug, order=order)
    return course


class Author:
    """Edits a course at random; every edit is one that a person might make."""

    def __init__(self, course: Course, seed: int) -> None:
        self.course = course
        self.choice = random.Random(seed)
        self.versions: dict[str, list[str]] = {}

    def edit(self) -> str:
        edits: list[Callable[[], str]] = [
            *[self.prose, self.block, self.inline, self.library, self.unused] * 2,
            self.component,
            self.style,
            self.title,
            self.config,
            self.new_lesson,
            self.drop_lesson,
            self.drop_block,
            *[self.mistake] * 2,
            self.forget,
            self.undo,
        ]
        return self.choice.choice(edits)()

    def lesson(self) -> str:
        found = sorted((self.course.root / "lessons").glob("*.md"))
        return f"lessons/{self.choice.choice(found).name}"

    def swap(self, name: str, *old: str) -> str:
        """Another digit after one of these words: often the same size in the same second."""
        path = self.course.root / name
        text = path.read_text("utf-8")
        self.versions.setdefault(name, []).append(text)
        for word in old:
            before, found, after = text.partition(word)
            if found:
                path.write_text(f"{before}{word}{self.choice.randint(1, 9)}{after[1:]}", "utf-8")
        return f"{name}: {old}"

    def prose(self) -> str:
        return self.swap(self.lesson(), "Prose ")

    def block(self) -> str:
        return self.swap(self.lesson(), "base = ")

    def inline(self) -> str:
        return self.swap(self.lesson(), "{python} base + ")

    def library(self) -> str:
        return self.swap("lib/__init__.py", "FACTOR = ")

    def unused(self) -> str:
        return self.swap("lib/__init__.py", "return x + ")

    def component(self) -> str:
        return self.swap("templates/components/tip.html", "Tip ")

    def style(self) -> str:
        return self.swap("static/style.css", "margin: ")

    def title(self) -> str:
        return self.swap(self.lesson(), "title: ", "order: ")

    def config(self) -> str:
        return self.swap("pyproject.toml", 'title = "Title ')

    def new_lesson(self) -> str:
        order = self.choice.randint(10, 99)
        self.course.lesson(BODY, slug=f"new-{order}", order=order)
        return f"new-{order}"

    def drop_lesson(self) -> str:
        name = self.lesson()
        if len(list((self.course.root / "lessons").glob("*.md"))) > 1:
            (self.course.root / name).unlink()
        return f"{name} removed"

    def drop_block(self) -> str:
        name = self.lesson()
        self.swap(name)
        text = (self.course.root / name).read_text("utf-8")
        before, found, after = text.partition("```python {#middle}")
        if found:
            text = before + after.partition("```\n")[2]
        (self.course.root / name).write_text(text, "utf-8")
        return f"{name}: block removed"

    def mistake(self) -> str:
        name, old, new = self.choice.choice(
            [
                (self.lesson(), "base = ", "base = 1 / 0 + "),
                (self.lesson(), "base, random", "base, nowhere, random"),
                (self.lesson(), "{#start}", "{#start source=lib.scaled}"),
                (self.lesson(), ":::tip", ":::tipp"),
                (self.lesson(), "title: ", "title: ["),
                (self.lesson(), "(index)", "(nowhere)"),
                ("lib/__init__.py", "def scaled(x)", "def scaled(x"),
                ("templates/components/tip.html", "{{ body }}", "{{ body }"),
                ("pyproject.toml", "[tool.", "[tool"),
            ]
        )
        self.swap(name)
        text = (self.course.root / name).read_text("utf-8")
        (self.course.root / name).write_text(text.replace(old, new, 1), "utf-8")
        return f"{name}: {new}"

    def forget(self) -> str:
        shutil.rmtree(self.course.root / "lessons" / "recordings", ignore_errors=True)
        return self.prose()

    def undo(self) -> str:
        name = self.choice.choice(sorted(self.versions) or ["lib/__init__.py"])
        if versions := self.versions.get(name):
            (self.course.root / name).write_text(self.choice.choice(versions), "utf-8")
        return f"{name}: undone"

    def mend(self) -> None:
        """Take every file back to a state without mistakes."""
        for name, versions in self.versions.items():
            (self.course.root / name).write_text(versions[0], "utf-8")


@pytest.fixture(params=[0.0, workers.SNAPSHOT_WORTH], ids=["from snapshots", "from nothing"])
def loop(course: Course, request, monkeypatch) -> Iterator[Loop]:
    # These blocks take no time, so that there are no snapshots but where all is worth one.
    monkeypatch.setattr(workers, "SNAPSHOT_WORTH", request.param)
    with Loop(course.root, Screen()) as loop:
        yield loop


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def clean_build(course: Course, folder: Path) -> dict[str, bytes] | None:
    """The site that a first build of these files makes, None if they hold a mistake."""
    shutil.rmtree(folder, ignore_errors=True)
    left_out = shutil.ignore_patterns("site", "recordings", ".lessonsite_cache", "__pycache__")
    shutil.copytree(course.root, folder, ignore=left_out)
    clean = Course.__new__(Course)
    clean.root, clean.mark = folder, course.mark
    return files(folder / "site") if clean.run().code == 0 else None


def test_after_any_edits_the_site_is_that_of_a_clean_build(course, loop, tmp_path) -> None:
    readable, other = socket.socketpair()  # rounds that are over as soon as something runs
    other.send(b"!")
    author, history, mistaken = Author(course, seed=10), [], 0
    loop.round()
    for _ in range(STEPS):
        for _ in range(author.choice.randint(0, 2)):
            history.append(author.edit())
            loop.round(interrupt=readable)
        before = files(course.root / "site")
        history.append(author.edit())
        loop.round()
        wanted = clean_build(course, tmp_path / "clean")
        failed = [note for note in loop.screen.view.notes if note.kind == "failed"]
        assert bool(failed) == (wanted is None), (history, failed)
        site = files(course.root / "site")
        assert site == (before if wanted is None else wanted), history
        if wanted is None:
            mistaken += 1
            if author.choice.random() < 0.7:
                author.mend()
                history.append("mended")
        else:
            shown = loop.screen.view.files
            assert {name: site[name] for name in shown} == shown, history
    assert 0 < mistaken < STEPS


def test_what_this_machine_lacks_is_not_tried_at_every_save(course, loop) -> None:
    course.lesson(
        """
        Prose 1.

        ```python {#state}
        with open("runs", "a") as file:
            file.write("x")
        state = 1
        ```

        ```python {#lacking needs=something-far}
        state
        ```
        """,
        slug="lacking",
        order=3,
    )
    loop.round()
    runs = (course.root / "runs").read_text()
    for number in (2, 3):
        course.edit("lessons/lacking.md", f"Prose {number - 1}", f"Prose {number}")
        loop.round()
        assert f"Prose {number}" in course.page("lacking")
    assert (course.root / "runs").read_text() == runs
    course.edit("lessons/lacking.md", "state = 1", "state = 2")
    loop.round()
    assert (course.root / "runs").read_text() > runs


def test_only_what_an_edit_reaches_is_made_anew(course, loop) -> None:
    assert sorted(loop.round()) == [
        f"{slug}#{block}" for slug in ("one", "two") for block in ("end", "middle", "start")
    ]
    for name, old, new, executed in (
        ("lessons/one.md", "Prose 1", "Prose 2", []),
        ("lessons/one.md", "Hint 1", "Hint 2", []),
        ("lessons/one.md", "order: 0", "order: 5", []),
        ("lessons/one.md", "random.random()", "random.randint(0, 9)", ["one#end"]),
        ("lessons/one.md", '"middle"', '"centre"', ["one#middle"]),
        ("lessons/one.md", "base = 1", "base = 2", ["one#start", "one#middle", "one#end"]),
        ("lib/__init__.py", "FACTOR = 1", "FACTOR = 2", ["one#middle", "two#middle"]),
        ("lib/__init__.py", "x + 1", "x + 2", []),
        ("lib/__init__.py", "FACTOR = 2", "FACTOR = 2  # twice", []),
        ("templates/components/tip.html", "Tip 1", "Tip 2", []),
        ("static/style.css", "1px", "2px", []),
        ("pyproject.toml", "Title 1", "Title 2", []),
    ):
        course.edit(name, old, new)
        assert sorted(loop.round()) == sorted(executed), (name, new)
