"""The example course: another subject, built by the same generator through configuration alone."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest
from small_course import Course

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "sorting"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The example as it is committed, and its site."""
    course = Course(tmp_path_factory.mktemp("example") / "sorting")
    shutil.rmtree(course.root)
    shutil.copytree(EXAMPLE, course.root, ignore=shutil.ignore_patterns("site", "__pycache__"))
    run = course.build()
    assert run.report["executed"] == [], "its recordings are out of date: build it"
    return course


@pytest.fixture
def example(built: Course, tmp_path: Path) -> Course:
    course = Course(tmp_path / "sorting")
    shutil.rmtree(course.root)
    shutil.copytree(built.root, course.root)
    return course


@pytest.mark.newest
def test_no_drift_and_neither_torch_nor_the_first_library_is_imported(
    built: Course, tmp_path: Path
) -> None:
    for name in ("torch", "gptcore"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported by an example')\n")
    run = built.run_apart("--check", PYTHONPATH=str(tmp_path))
    assert run.code == 0, run.out + run.err


# What is edited in the library, some blocks that have to run again, and some that must not.
EDITS = {
    "what every drawing reaches": (
        "drawing.py",
        ("BAR = 32", "BAR = 33"),
        {"insertion#trace", "merging#trace"},
        {"insertion#hand", "merging#curves", "limit#deck", "limit#near"},
    ),
    "what one drawing reaches": (
        "insertion.py",
        ("yield [list(done), ", "yield [done.copy(), "),
        {"insertion#trace"},
        {"insertion#hand", "merging#trace", "merging#curves", "limit#deck"},
    ),
    "what is counted with": (
        "counting.py",
        ("self.meter.count += 1", "self.meter.count = self.meter.count + 1"),
        {"insertion#count", "insertion#growth", "merging#curves", "limit#deck", "limit#near"},
        {"insertion#hand", "insertion#trace", "merging#trace", "limit#bound"},
    ),
    "a docstring": (
        "counting.py",
        ("How often items were compared.", "Comparisons so far."),
        set(),
        {"insertion#count", "merging#curves", "limit#deck"},
    ),
}


@pytest.mark.parametrize(("file", "edit", "again", "spared"), EDITS.values(), ids=EDITS)
def test_an_edit_of_its_library_runs_what_reaches_it(
    example: Course, file: str, edit: tuple[str, str], again: set[str], spared: set[str]
) -> None:
    example.edit(f"sorts/{file}", *edit)
    executed = set(example.build().report["executed"])
    assert executed >= again
    assert not executed & spared


def test_code_in_a_lesson_that_left_the_library_is_refused_and_synced(example: Course) -> None:
    example.edit("sorts/merging.py", "right[j] < left[i]", "not left[i] < right[j]")
    run = example.run()
    assert run.code == 1
    assert "lessons/merging.md:15: block 'merge' differs from sorts.merging.merge" in run.err
    assert "merging#stable" in example.build("--sync").report["executed"]
    assert example.text("stable", "merging").split() == [
        *("2", "spades", "2", "clubs"),
        *("9", "hearts", "9", "clubs"),
    ]


def test_its_own_templates_and_stylesheet_are_laid_over_the_built_in_ones(built: Course) -> None:
    page = built.page("insertion")
    assert '<div class="component invariant"' in page
    assert '<link rel="stylesheet" href="static/sorting.css">' in page
    static = built.root / "site" / "static"
    assert (static / "sorting.css").is_file()
    assert (static / "style.css").is_file()
    assert "#0f766e" in (static / "favicon.svg").read_text("utf-8")


def test_the_generator_knows_nothing_of_the_first_course() -> None:
    """No module of it names the library, and none imports torch to be imported itself."""
    for path in sorted((ROOT / "sitegen").rglob("*.py")):
        text = path.read_text("utf-8")
        assert "gptcore" not in text, path
        for node in ast.parse(text).body:
            names = [alias.name for alias in getattr(node, "names", ())]
            source = getattr(node, "module", "") or ""
            assert not {"torch"} & {name.partition(".")[0] for name in (source, *names)}, path
