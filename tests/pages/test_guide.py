"""The author's guide: as it would be built now, complete, and fit to be read."""

from __future__ import annotations

import ast
import html
import json
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from small_course import Course
from standards import UNCOLOURED, ids_of_valid, opened_for_axe, violations

from sitegen import reference
from sitegen.cli import parser
from sitegen.curriculum import RULES
from sitegen.parse.config import BUILT_IN, load
from sitegen.parse.frontmatter import SCHEMA
from sitegen.parse.lesson import Lesson, Options
from sitegen.parse.parser import read_lesson
from sitegen.render.declared import declared

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "guide"


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The guide in a folder of its own, where the files beside it are found as in `docs/`."""
    root = tmp_path_factory.mktemp("project") / "docs"
    ignored = shutil.ignore_patterns("__pycache__", ".lessonsite_cache")
    shutil.copytree(ROOT / "docs", root, ignore=ignored)
    course = Course(root / "empty")
    course.root = root / "guide"
    return course


@pytest.fixture(scope="module")
def lessons() -> list[Lesson]:
    return [read_lesson(GUIDE, path) for path in sorted(GUIDE.glob("lessons/*.md"))]


def test_the_guide_shows_what_the_generator_does_now(guide: Course) -> None:
    run = guide.run("--check")
    assert run.code == 0, "cd docs/guide; python ../../build_site.py --fresh\n" + run.out + run.err


def test_every_option_of_a_block_is_shown_live(lessons: list[Lesson]) -> None:
    plain = Options()
    given = {
        field.name
        for lesson in lessons
        for block in lesson.blocks
        for field in fields(Options)
        if getattr(block.options, field.name) != getattr(plain, field.name)
    }
    assert given == {field.name for field in fields(Options)}


def test_every_component_is_shown_live(lessons: list[Lesson]) -> None:
    used = {
        token.info
        for lesson in lessons
        for token in lesson.tokens
        if token.type == "component_open"
    }
    assert used == declared(load(GUIDE).templates).keys()


READING = (
    "course",
    *("parse/config", "parse/parser", "parse/frontmatter", "parse/schema"),
    *("parse/markdown", "parse/attributes", "parse/skeleton"),
)
NEEDS_A_BROKEN_DISK = {"cannot be read:"}


def test_every_error_about_what_an_author_wrote_is_shown_live() -> None:
    shown = " ".join(
        " ".join(html.unescape("".join(text)).split())
        for path in (GUIDE / "lessons" / "recordings").glob("*/cpu/*.json")
        for output in json.loads(path.read_text("utf-8"))["outputs"]
        for text in output["data"].values()
        if isinstance(text, list)
    )
    said = {words for name in READING for words in messages(ROOT / "sitegen" / f"{name}.py")}
    assert len(said) > 40
    assert {words for words in said - NEEDS_A_BROKEN_DISK if words not in shown} == set()


def messages(path: Path) -> Iterator[str]:
    """Of each error that a module raises or yields, the longest piece that never changes."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        error = getattr(node, "exc", None) or getattr(node, "value", None)
        if isinstance(node, ast.Raise | ast.Yield) and isinstance(error, ast.Call):
            pieces = [
                part.value
                for argument in error.args
                for part in ast.walk(argument)
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
            ]
            if pieces:
                yield " ".join(max(pieces, key=len).split())


# What a table is made of, and the table.
TABLES = {
    "options of a block": (
        [field.name.replace("_", "-") for field in fields(Options)],
        reference.block_options,
    ),
    "front matter": (SCHEMA.keys, reference.front_matter),
    "components": (declared((BUILT_IN / "templates",)), reference.components),
    "rules": ([rule.code for rule in RULES], reference.curriculum_rules),
    "configuration": (["title", "packages", "base_url", "profiles"], reference.configuration),
    "command line": (
        ["--check", "--new SLUG", "--serve [PORT]", "[LESSON]"],
        lambda: reference.command_line(parser()),
    ),
}


@pytest.mark.parametrize(("words", "made"), TABLES.values(), ids=TABLES)
def test_a_table_leaves_nothing_out_and_nothing_unsaid(words, made) -> None:
    rows = [line.strip("| ").split(" | ") for line in made().data.splitlines()[2:]]
    firsts = " ".join(row[0] for row in rows)
    assert not [word for word in words if word not in firsts]
    assert not [row for row in rows if not row[-1].strip()]


NAMES = ["index", *sorted(path.stem for path in GUIDE.glob("lessons/*.md"))]


@pytest.fixture(scope="module")
def pages(guide: Course) -> Path:
    """The folder of the built guide, where its configuration puts it."""
    guide.build()
    return (guide.root / "../../site/guide").resolve()


def test_source_stands_beside_its_result(pages: Path) -> None:
    text = (pages / "blocks.html").read_text("utf-8")
    source, result = text.split('class="example-result"')[:2]
    assert "```python {#greet}" in source
    assert 'id="block-greet"' in result


@pytest.mark.parametrize("name", NAMES)
def test_the_html_is_valid(name: str, pages: Path) -> None:
    ids_of_valid((pages / f"{name}.html").read_text("utf-8"))


@pytest.mark.browser
@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing(name: str, pages: Path, browser: Browser) -> None:
    for dark, width in ((False, 1280), (True, 390)):
        url = (pages / f"{name}.html").as_uri()
        with opened_for_axe(browser, url, dark, UNCOLOURED) as page:
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") == width
