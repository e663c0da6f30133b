"""The notebooks of this course, executed as a learner would, from top to bottom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from sitegen import config as configuration
from sitegen import course as courses
from sitegen.compare import differences
from sitegen.lesson import Block, Lesson
from sitegen.notebook import notebook, paths
from sitegen.output import SHOWN_TYPES, Output, stream
from sitegen.record import Recordings
from sitegen.worker import tidy

ROOT = Path(__file__).resolve().parents[1]
COURSE = courses.load(configuration.load(ROOT))
LESSONS = [lesson for lesson in COURSE.lessons if paths(lesson)[0]]

SHORT_RUNS = """\
from dataclasses import replace

import gptcore.profile

whole = gptcore.profile.cpu()
few = replace(whole.budget, {})
gptcore.profile.cpu = lambda: replace(whole, budget=few)
"""


@pytest.fixture(autouse=True)
def laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LESSON_PROFILE", "cpu")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # The order of additions, and so the last digit of a sum, must not depend on the machine.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def executed(book: NotebookNode, folder: Path) -> dict[str, NotebookNode]:
    """The code cells after they ran, by their ids."""
    NotebookClient(
        book, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return {cell.id: cell for cell in book.cells if cell.cell_type == "code"}


def read(lesson: Lesson, solved: bool) -> NotebookNode:
    return nbformat.reads(notebook(COURSE.config, lesson, solved), as_version=4)


def outputs(cell: NotebookNode) -> list[Output]:
    """What a cell displayed, as sitegen has it; without what Jupyter's own parts complain of."""
    found: list[Output] = []
    for output in _displayed(cell):
        if output.kind == "stdout" and found and found[-1].kind == "stdout":
            found[-1] = stream("stdout", found[-1].text + output.text)
        elif output.kind != "stderr":
            found.append(output)
    return list(tidy(found))


def _displayed(cell: NotebookNode) -> Iterator[Output]:
    for output in cell.outputs:
        if output.output_type == "stream":
            yield stream(output.name, output.text)
        elif output.output_type == "error":
            yield Output("error", {"text/plain": f"{output.ename}: {output.evalue}"})
        else:
            kept = {kind: text for kind, text in output.data.items() if kind in SHOWN_TYPES}
            yield Output("display", kept)


def without_theme(outputs: Iterable[Output]) -> list[Output]:
    """On a page, plots have its fonts and colours: that there is one is all to be compared."""
    return [
        Output("display", {"image/svg+xml": "a plot"})
        if output.text.startswith("<Figure") and "image/svg+xml" in output.data
        else output
        for output in outputs
    ]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_with_its_solutions_a_notebook_shows_what_the_page_shows(lesson, tmp_path) -> None:
    book = read(lesson, solved=True)
    # Outputs of these runs are compared with nothing.
    book.cells.insert(0, nbformat.v4.new_code_cell(SHORT_RUNS.format("short_steps=12")))
    cells = executed(book, tmp_path)
    recordings = Recordings(COURSE.config.lessons)
    compared = 0
    for block in lesson.blocks:
        recording = recordings.load(lesson.slug, "cpu", block.id)
        cell = cells.get(f"block-{block.id}")
        if cell is None or recording is None:
            continue
        shown, fresh = without_theme(recording.outputs), without_theme(outputs(cell))
        assert not differences(shown, fresh, block.options, block.id)
        compared += bool(recording.outputs) and block.options.compare != "none"
        if block.options.check:
            assert "✓ Right" in fresh[-1].data["text/html"], block.id
    assert compared > 5


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_with_its_exercises_open_only_their_checks_say_so(lesson, tmp_path) -> None:
    book = read(lesson, solved=False)
    book.cells.insert(0, nbformat.v4.new_code_cell(SHORT_RUNS.format("steps=60, short_steps=12")))
    cells = executed(book, tmp_path)
    checks = [block for block in lesson.blocks if block.options.check]
    assert len(checks) >= 4
    for block in checks:
        (verdict,) = outputs(cells[f"block-{block.id}"])
        assert verdict.text.startswith("Not answered yet: write what "), block.id


def test_every_exercise_of_the_course_has_a_check() -> None:
    for lesson in LESSONS:
        kinds = [_kind(block) for block in lesson.blocks]
        assert kinds.count("open") == kinds.count("check") > 0


def _kind(block: Block) -> str:
    return "check" if block.options.check else "open" if "### BEGIN" in block.code else ""
