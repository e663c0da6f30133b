"""The notebooks of this course, and a way to run one from top to bottom."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from gptcore import resources
from sitegen import course as courses
from sitegen.parse import config as configuration
from sitegen.parse.lesson import Lesson
from sitegen.render.notebook import notebook, paths

ROOT = Path(__file__).resolve().parents[2]
COURSE = courses.load(configuration.load(ROOT))
LESSONS = [lesson for lesson in COURSE.lessons if paths(lesson)[0]]

ENVIRONMENT = {
    "LESSON_PROFILE": "cpu",
    "PYTHONPATH": str(ROOT),
    # The order of additions, and so the last digit of a sum, must not depend on the machine.
    "OMP_NUM_THREADS": "1",
}


def read(lesson: Lesson, solved: bool) -> NotebookNode:
    """A notebook of a lesson."""
    return nbformat.reads(notebook(COURSE.config, lesson, solved), as_version=4)


def budget(**values: int) -> NotebookNode:
    """A cell that sets how long training runs are."""
    given = ", ".join(f"{name}={value}" for name, value in values.items())
    code = (
        "from dataclasses import replace\n"
        "import gptcore.profile\n"
        "whole = gptcore.profile.cpu()\n"
        f"few = replace(whole.budget, {given})\n"
        "gptcore.profile.cpu = lambda: replace(whole, budget=few)\n"
    )
    return nbformat.v4.new_code_cell(code, id="budget")


def without_lacking(lesson: Lesson, cells: Sequence[NotebookNode]) -> list[NotebookNode]:
    """The cells, but for those that need a resource that this machine has not."""
    lacking = {
        f"block-{block.id}"
        for block in lesson.blocks
        if not all(map(resources.available, block.options.needs))
    }
    return [cell for cell in cells if cell.id not in lacking]


def executed(book: NotebookNode, folder: Path) -> dict[str, NotebookNode]:
    """The code cells after they ran, by their ids."""
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(book, timeout=600, kernel_name="python3", resources=resources)
    with mock.patch.dict(os.environ, ENVIRONMENT):
        client.execute()
    return {cell.id: cell for cell in book.cells if cell.cell_type == "code"}
