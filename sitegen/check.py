"""`--check`: executes afresh, holds everything against what is committed, and writes nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sitegen.build import Builder, Report
from sitegen.errors import raise_all
from sitegen.execute.executor import Result
from sitegen.output import Output
from sitegen.parse.lesson import Block, Cell, Lesson, Options
from sitegen.record.compare import differences
from sitegen.record.embedded import disagreements
from sitegen.record.faults import Fault, called, faults, sources_fault
from sitegen.record.recordings import Recording, Value
from sitegen.record.replay import Standing


@dataclass(frozen=True)
class Drift:
    """One disagreement, at its place."""

    kind: str
    file: str
    line: int
    message: str
    detail: str = ""

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}: {self.message}"
        return f"{text}\n{self.detail}" if self.detail else text


def check(builder: Builder, lessons: Sequence[Lesson]) -> Report:
    """Print all drift of these lessons, and put it into the report."""
    builder.audit()
    first = builder.config.profiles[0].name
    found = {lesson.slug: builder.standings(lesson, first) for lesson in lessons}
    fresh: dict[str, dict[str, Result]] = {}
    errors = []
    for execution in builder.execute(builder.plans(lessons, found, everything=True)):
        if execution.error:
            errors.append(execution.error)
        fresh[execution.lesson.slug] = {one.cell.id: one for one in execution.results}
    raise_all(errors)
    drifts: list[Drift] = []
    for lesson in lessons:
        drifts += _embedded(builder, lesson)
        results = fresh.get(lesson.slug, {})
        wrong = {one.cell.id: one for one in faults(found[lesson.slug], first, first=True)}
        for standing in found[lesson.slug]:
            id_ = standing.cell.id
            drifts += _cell(lesson, standing, results.get(id_), wrong.get(id_))
            _count(builder.report, lesson, standing, results)
        drifts += _sources(builder, lesson, first, found[lesson.slug])
        for profile in builder.config.profiles[1:]:
            drifts += _elsewhere(builder, lesson, profile.name)
    builder.tell_left_out(lessons)
    drifts += _orphans(builder, lessons)
    drifts.sort(key=lambda drift: (drift.file, drift.line))
    for drift in drifts:
        print(drift, file=sys.stderr)
        builder.report.drift.append(
            {
                "kind": drift.kind,
                "file": drift.file,
                "line": drift.line,
                "message": drift.message + (f"\n{drift.detail}" if drift.detail else ""),
            }
        )
    return builder.report


def _count(report: Report, lesson: Lesson, standing: Standing, results: dict[str, Result]) -> None:
    if isinstance(standing.cell, Block):
        name = f"{lesson.slug}#{standing.cell.id}"
        (report.executed if standing.cell.id in results else report.replayed).append(name)


def _embedded(builder: Builder, lesson: Lesson) -> Iterator[Drift]:
    for one in disagreements(lesson, builder.library):
        yield Drift("embedded", lesson.path, one.block.line, one.message, one.diff)


def _cell(
    lesson: Lesson, standing: Standing, result: Result | None, fault: Fault | None
) -> Iterator[Drift]:
    """How a cell that was executed afresh compares with its recording."""
    cell, recording = standing.cell, standing.recording
    if recording is not None and result is not None:
        diff = _difference(lesson, cell, recording, result)
        if diff:
            kind = "output" if isinstance(cell, Block) else "inline"
            because = f" ({_changed(standing)} changed)" if standing.changed else ""
            # No plain build makes anew what no fingerprint saw changing.
            fresh = f"; if that is right: build_site.py --fresh {lesson.slug}"
            mend = "" if standing.changed else fresh
            message = f"{called(cell)} now displays something else{because}{mend}"
            yield Drift(kind, lesson.path, cell.line, message, diff)
            return
    if fault:
        yield _drift(lesson, fault)


def _drift(lesson: Lesson, fault: Fault) -> Drift:
    return Drift(fault.kind, lesson.path, fault.cell.line, fault.message)


def _difference(lesson: Lesson, cell: Cell, recording: Recording | Value, result: Result) -> str:
    if isinstance(cell, Block) and isinstance(recording, Recording):
        name = f"{lesson.slug}#{cell.id}"
        return differences(recording.outputs, result.outputs, cell.options, name)
    if isinstance(recording, Value):
        before = Output(result.outputs[0].kind, {"text/plain": recording.value})
        return differences([before], result.outputs, _rule(lesson, cell), f"`{cell.code}`")
    return ""


def _rule(lesson: Lesson, cell: Cell) -> Options:
    """An inline value is compared like the block before it."""
    before = lesson.cells[: lesson.cells.index(cell)]
    blocks = (one.options for one in reversed(before) if isinstance(one, Block))
    return next(blocks, Options())


def _elsewhere(builder: Builder, lesson: Lesson, profile: str) -> Iterator[Drift]:
    """Recordings of a profile that this machine does not execute."""
    found = builder.standings(lesson, profile)
    yield from (_drift(lesson, fault) for fault in faults(found, profile))
    yield from _sources(builder, lesson, profile, found)


def _sources(
    builder: Builder, lesson: Lesson, profile: str, found: Sequence[Standing]
) -> Iterator[Drift]:
    """The list of what recordings were made from, where they are told to be."""
    if message := sources_fault(builder.recordings, lesson.slug, profile, found):
        path = builder.recordings.sources_path(lesson.slug, profile)
        yield Drift("damaged", _relative(builder, path), 1, message)


def _orphans(builder: Builder, lessons: Sequence[Lesson]) -> Iterator[Drift]:
    """Recordings of blocks, lessons and profiles that are no more."""
    if len(lessons) < len(builder.course.lessons):
        return
    for slug, profile, block in builder.orphaned_blocks():
        path = builder.recordings.path(slug, profile, block)
        message = f"recording of no block {block!r} of {slug!r}; {_MEND}"
        yield Drift("orphaned", _relative(builder, path), 1, message)
    for slug, profile in builder.orphaned_profiles():
        path = builder.recordings.sources_path(slug, profile)
        message = f"recordings of no lesson {slug!r} under profile {profile!r}; {_MEND}"
        yield Drift("orphaned", _relative(builder, path), 1, message)


def _relative(builder: Builder, path: Path) -> str:
    return path.relative_to(builder.config.root).as_posix()


def _changed(standing: Standing) -> str:
    return ", ".join(standing.changed[:5])


_MEND = "build_site.py mends it"
