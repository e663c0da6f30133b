"""`--new`: a lesson that builds as it is, in any course, and what is refused."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_course import Course

from sitegen import begin
from sitegen.cli import main
from sitegen.version import __version__

ROOT = Path(__file__).resolve().parents[2]

MODULE = """\
title: M
goal: G
arc:
  - lesson: one
    step: One
    story: >
      A story

      in two parts.

# What readers believe.
misconceptions: []
"""

WRONG = {
    "a slug with capitals": (["Good"], "slug 'Good' is to be lower-case words joined by hyphens"),
    "a path": (["../out"], "is to be lower-case words"),
    "YAML": (["a: ["], "is to be lower-case words"),
    "an empty slug": ([""], "is to be lower-case words"),
    "the home page": (["index"], "slug 'index' is the generator's own page"),
    "a slug that a lesson has": (["good"], "there is a 'good' already: lessons/good.md"),
    "another command": (["more", "--check"], "builds nothing: leave out --check"),
}


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def new(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Call the command with `--new` in the folder of a course."""

    def call(course: Course, *arguments: str) -> Said:
        monkeypatch.chdir(course.root)
        code = main(["--new", *arguments])
        return Said(code, *capsys.readouterr())

    return call


def test_the_first_lesson_of_a_course(course: Course, new) -> None:
    said = new(course, "first-things")
    assert said.code == 0
    assert said.out.startswith("wrote lessons/first-things.md\n")
    assert course.executed() == ["numbers", "figure"]
    page = course.page("first-things")
    assert "<h1>First things</h1>" in page
    assert 'class="output svg' in page
    assert ">81</span>" in page
    assert course.run("--check").code == 0


def test_the_next_lesson_comes_last(good: Course, new) -> None:
    assert new(good, "more").code == 0
    good.build()
    home = (good.root / "site" / "index.html").read_text("utf-8")
    assert home.index("good.html") < home.index("more.html")


def test_a_lesson_of_a_curriculum_passes_the_audit(course: Course, new) -> None:
    module = course.write("lessons/module.yaml", MODULE.replace("one", "first"))
    for slug in ("first", "second"):  # the first stands in the arc already
        assert new(course, slug).code == 0
    after = '      in two parts.\n  - lesson: "second"\n    step: '
    assert after in module.read_text("utf-8")
    assert main(["--audit"]) == 0
    assert len(course.executed()) == 4


@pytest.mark.parametrize("slug", ["2024", "null", "on", "2024-01-01"])
def test_a_slug_that_yaml_reads_as_no_text(course: Course, new, slug: str) -> None:
    course.write("lessons/module.yaml", MODULE.replace("one", "first"))
    for name in ("first", slug):
        assert new(course, name).code == 0
    assert main(["--audit"]) == 0


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_module_keeps_its_line_ends(course: Course, new, ends: str) -> None:
    module = course.write("lessons/module.yaml", "")
    module.write_bytes(MODULE.replace("one", "first").replace("\n", ends).encode())
    for slug in ("first", "second"):
        assert new(course, slug).code == 0
    text = module.read_bytes().decode()
    assert f'in two parts.{ends}  - lesson: "second"{ends}' in text
    assert text.count("\n") == text.count(ends)


def test_a_lesson_of_this_course_passes_the_audit(course: Course, new) -> None:
    shutil.copy(ROOT / "pyproject.toml", course.root)
    for name in ("lessons", "course"):
        shutil.copytree(ROOT / name, course.root / name, dirs_exist_ok=True)
    (course.root / "gptcore").symlink_to(ROOT / "gptcore")
    said = new(course, "what-comes-after")
    assert "wrote lessons/module.yaml" in said.out
    assert main(["--audit"]) == 0


def test_an_arc_that_can_t_be_added_to_is_left_to_the_author(course: Course, new) -> None:
    course.write("lessons/module.yaml", "title: M\ngoal: G\narc: []\n")
    before = course.snapshot(".")
    said = new(course, "one")
    assert said.code == 2
    assert said.err == "lessons/module.yaml:1: add a step for 'one' to the arc first\n"
    assert course.snapshot(".") == before


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_wrong_use_is_refused(good: Course, new, arguments: list[str], said: str) -> None:
    before = good.snapshot(".")
    answer = new(good, *arguments)
    assert answer.code == 2
    assert said in answer.err
    assert len(answer.err.splitlines()) == 1
    assert good.snapshot(".") == before


def test_names_of_pages_are_taken(good: Course, new) -> None:
    good.edit("lessons/good.md", "order:", "formerly: [better]\norder:")
    good.write("lessons/prior.yaml", "sources: []\nconcepts: []\n")
    assert "there is a 'better' already: lessons/good.md" in new(good, "better").err
    assert "there is a 'record' already: the generator's own page" in new(good, "record").err
    assert new(good, "plan").code == 0  # that page is made from another file
    assert "own page" not in good.run().err


ELSEWHERE = """
[project]
name = "mine"
version = "1"
"""


def test_in_a_folder_that_is_no_course_one_begins(tmp_path: Path, new) -> None:
    folder = tmp_path / "sorting-things"
    folder.mkdir()
    (folder / ".gitignore").write_text("mine\n")
    place = SimpleNamespace(root=folder)
    said = new(place, "first")
    assert said.code == 0
    assert "wrote pyproject.toml\n" in said.out
    assert 'title = "Sorting things"' in (folder / "pyproject.toml").read_text()
    assert (folder / ".gitignore").read_text() == "mine\n"
    assert main([]) == 0
    assert (folder / "site" / "first.html").is_file()


def test_a_library_s_folder_gets_a_table(tmp_path: Path, new) -> None:
    (tmp_path / "pyproject.toml").write_text(ELSEWHERE)
    assert new(SimpleNamespace(root=tmp_path), "first").code == 0
    text = (tmp_path / "pyproject.toml").read_text()
    assert text.startswith(ELSEWHERE)
    assert "title" in tomllib.loads(text)["tool"]["lessonsite"]


def test_nothing_begins_with_a_slug_that_is_none(tmp_path: Path, new) -> None:
    said = new(SimpleNamespace(root=tmp_path), "A Lesson")
    assert said.code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (None, f"lessonsite=={__version__}"),
        ('{"url": "file:///home/me/generator", "dir_info": {}}', begin.PLACEHOLDER),
        ('{"url": "https://e.org/a.whl", "archive_info": {}}', "lessonsite @ https://e.org/a.whl"),
        (
            '{"url": "https://e.org/g", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}}',
            "lessonsite @ git+https://e.org/g@c0ffee",
        ),
    ],
    ids=["an index", "a folder", "a wheel", "git"],
)
def test_another_machine_is_told_where_the_generator_comes_from(
    monkeypatch: pytest.MonkeyPatch, source: str | None, wanted: str
) -> None:
    found = SimpleNamespace(read_text=lambda name: source)
    monkeypatch.setattr(begin.metadata, "distribution", lambda name: found)
    assert begin.requirement() == wanted
