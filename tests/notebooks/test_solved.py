"""A notebook with its solutions shows what the page shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from course_notebooks import COURSE, LESSONS, executed, read
from nbformat import NotebookNode

from sitegen.compare import differences
from sitegen.output import SHOWN_TYPES, Output, stream
from sitegen.record import Recordings
from sitegen.worker import tidy


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_its_outputs_are_those_of_the_page(lesson, tmp_path) -> None:
    # What the short runs display is compared with nothing.
    cells = executed(read(lesson, solved=True, short_steps=12), tmp_path)
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
