"""Notebooks as a learner runs them: first with nothing written, then with the solutions."""

from __future__ import annotations

import ast
import builtins
import copy
import symtable
from collections.abc import Iterable, Iterator

import pytest
from course_notebooks import COURSE, LESSONS, budget, executed, read, without_lacking
from nbformat import NotebookNode

from sitegen.execute.outputs import tidy
from sitegen.output import SHOWN_TYPES, Output, stream
from sitegen.parse.lesson import Block, Lesson
from sitegen.parse.skeleton import has_solution, solution
from sitegen.record.compare import differences
from sitegen.record.recordings import Recordings
from sitegen.trace.text import bound

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)


def exercises(lesson: Lesson) -> set[str]:
    return {block.id for block in lesson.blocks if has_solution(block.code)}


def checks(lesson: Lesson) -> set[str]:
    return {block.id for block in lesson.blocks if block.options.check}


def _mentioned(scope: symtable.SymbolTable) -> Iterator[str]:
    """The names of the lesson that code mentions, within functions too."""
    for symbol in scope.get_symbols():
        if symbol.is_referenced() and (scope.get_type() == "module" or symbol.is_global()):
            yield symbol.get_name()
    for inner in scope.get_children():
        yield from _mentioned(inner)


@each_lesson
def test_nothing_but_a_check_needs_an_answer(lesson) -> None:
    answers: set[str] = set()  # names that an answer binds, and no other cell since
    waiting = set()
    for cell in lesson.cells:
        code = solution(cell.code) if cell.id in exercises(lesson) else cell.code
        binds = {name for node in ast.parse(code).body for name in bound(node)}
        # The library's class of the same name speaks of itself.
        own = binds if isinstance(cell, Block) and cell.options.source else set()
        if (answers - own) & set(_mentioned(symtable.symtable(code, cell.id, "exec"))):
            waiting.add(cell.id)
        answers = answers | binds if cell.id in exercises(lesson) else answers - binds
    assert checks(lesson) <= waiting <= checks(lesson) | exercises(lesson)
    assert len(checks(lesson)) == len(exercises(lesson)) >= 4


@pytest.mark.parametrize("solved", [False, True], ids=["asked", "solved"])
@each_lesson
def test_a_cell_mentions_only_what_is_there(lesson, solved: bool) -> None:
    there = {*vars(builtins), "get_ipython"}
    for cell in code_cells(read(lesson, solved).cells):
        there |= binds(cell)
        scope = symtable.symtable(cell.source, cell.id, "exec")  # functions wait to be called
        at_once = {one.get_name() for one in scope.get_symbols() if one.is_referenced()}
        assert at_once <= there, cell.id


@each_lesson
def test_checks_ask_for_answers_and_with_them_outputs_are_those_of_the_page(
    lesson, tmp_path
) -> None:
    book = read(lesson, solved=True)
    cells = needed(lesson, without_lacking(lesson, _first_open(lesson, book.cells)))
    book.cells = [budget(steps=60, short_steps=6), *cells]
    cells = executed(book, tmp_path)
    for check in checks(lesson):
        (verdict,) = outputs(cells[f"open-{check}"])
        assert verdict.text.startswith("Not answered yet: write what "), check
        assert "✓ Right" in outputs(cells[f"block-{check}"])[-1].data["text/html"], check
    recordings = Recordings(COURSE.config.recordings)
    compared = 0
    for block in lesson.blocks:
        recording = recordings.load(lesson.slug, "cpu", block.id)
        cell = cells.get(f"block-{block.id}")
        shortened = "budget.steps" in block.code  # of other runs nothing exact is displayed
        if cell is None or recording is None or shortened:
            continue
        shown, fresh = without_theme(recording.outputs), without_theme(outputs(cell))
        assert not differences(shown, fresh, block.options, block.id)
        compared += bool(recording.outputs) and block.options.compare != "none"
    assert compared > 5


def needed(lesson: Lesson, cells: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Without those that nothing here is compared with or waits for: that they run, pages show."""
    loose = {
        f"block-{block.id}"
        for block in lesson.blocks
        if block.options.compare == "none" and block.id not in checks(lesson) | exercises(lesson)
    }
    kept: list[NotebookNode] = []
    names: set[str] = set()
    for cell in reversed(code_cells(cells)):
        if (cell.id not in loose and not cell.id.startswith("values-")) or binds(cell) & names:
            kept.insert(0, cell)
            names = (names - binds(cell)) | mentions(cell)
    return kept


def code_cells(cells: Iterable[NotebookNode]) -> list[NotebookNode]:
    return [cell for cell in cells if cell.cell_type == "code"]


def binds(cell: NotebookNode) -> set[str]:
    return {name for node in ast.parse(cell.source).body for name in bound(node)}


def mentions(cell: NotebookNode) -> set[str]:
    return set(_mentioned(symtable.symtable(cell.source, cell.id, "exec")))


def _first_open(lesson: Lesson, solved: Iterable[NotebookNode]) -> Iterator[NotebookNode]:
    """The cells with solutions, before each answer its skeleton and what checks it."""
    skeletons = {cell.id: cell for cell in read(lesson, solved=False).cells}
    cells = list(solved)
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        if following and following.id in {f"block-{check}" for check in checks(lesson)}:
            assert "# YOUR CODE HERE" in skeletons[cell.id].source
            for one in (skeletons[cell.id], following):
                asked = copy.deepcopy(one)
                asked.id = one.id.replace("block-", "open-", 1)
                yield asked
        yield cell


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
