"""`--check`: executes afresh, holds everything against what is committed, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sitegen import schedule
from sitegen.build import (
    Request,
    expected,
    orphaned_blocks,
    orphaned_profiles,
    sound,
    tell_left_out,
)
from sitegen.course import Course
from sitegen.errors import COMMAND, raise_all, say
from sitegen.execute.executor import Execution, Executor, Result
from sitegen.execute.plan import Straight
from sitegen.execute.progress import Progress
from sitegen.output import Output
from sitegen.parse.lesson import COMPARE, Block, Cell, Lesson, Options
from sitegen.record.compare import differences
from sitegen.record.embedded import disagreements
from sitegen.record.faults import called, faults
from sitegen.record.needed import Needed
from sitegen.record.recordings import Recording, Recordings, Value
from sitegen.record.replay import Standing
from sitegen.report import Drift, Report
from sitegen.schedule import Evidence, Standings
from sitegen.trace import Program


def check(
    course: Course, request: Request, lessons: Sequence[Lesson], strict: bool = False
) -> Report:
    """Print all drift of these lessons, and put it into the report.

    What is out of date under a profile whose recordings are only to be marked is told and is no
    drift, unless the check is strict.
    """
    report, evidence = Report(), Evidence.of(course.config)
    sound(course)
    found = schedule.stand(course, evidence)
    executions = _executed(course, request, lessons, found)
    raise_all([execution.error for execution in executions if execution.error])
    fresh = {
        execution.lesson.slug: {one.cell.id: one for one in execution.results}
        for execution in executions
    }
    for lesson in lessons:
        _count(report, lesson, fresh.get(lesson.slug, {}), found[lesson.slug][request.profile])
    tell_left_out(report, request.profile, lessons)
    forgiven = set() if strict else {one.name for one in course.config.profiles if one.marks}
    for profile, drift in sorted(
        _all(course, evidence, request, lessons, found, fresh), key=lambda one: _place(one[1])
    ):
        if drift.kind == "awaited":
            say(drift)
        elif drift.kind == "stale" and profile in forgiven:
            say(f"warning: {drift}")
            report.marked.append(f"{drift.file}:{drift.line} under {profile}")
        else:
            say(drift)
            report.drift.append(drift)
    return report


def _executed(
    course: Course, request: Request, lessons: Sequence[Lesson], found: Standings
) -> list[Execution]:
    """Run all cells of these lessons."""
    plans = []
    for lesson in lessons:
        rows = found[lesson.slug][request.profile]
        needed, cells = Needed(rows), tuple(one.cell for one in rows)
        plans.append(Straight(lesson, cells, {cell.id: needed.of(cell.id) for cell in cells}))
    plans = [plan for plan in plans if plan.cells]
    if not plans:
        return []
    took = expected(found, request.profile)
    with (
        Executor(course.config, request.profile, request.jobs) as executor,
        Progress(plans, took, executor.jobs, request.verbose) as progress,
    ):
        return list(executor.run(plans, progress))


Fresh = Mapping[str, Mapping[str, Result]]
"""Results by the slug of the lesson and the id of the cell."""


def _all(
    course: Course,
    evidence: Evidence,
    request: Request,
    lessons: Sequence[Lesson],
    found: Standings,
    fresh: Fresh,
) -> Iterator[tuple[str, Drift]]:
    """Each with the name of the profile that it is under, if it is under one."""
    for lesson in lessons:
        for drift in _embedded(lesson, evidence.program):
            yield "", drift
        results = fresh.get(lesson.slug, {})
        for profile, standings in found[lesson.slug].items():
            first = profile == request.profile
            otherwise = list(_outputs(lesson, standings, results)) if first else []
            for _, drift in otherwise:
                yield profile, drift
            told = {cell for cell, _ in otherwise}
            # Of a cell that only may follow others it is known now if it does.
            told.update(one.cell.id for one in standings if first and _is_sure(one, results))
            rows = _had(standings, results) if first else standings
            for fault in faults(rows, profile, first):
                if fault.cell.id not in told:
                    yield profile, _drift(fault.kind, lesson, fault.cell.line, fault.message)
    if len(lessons) == len(course.lessons):
        for drift in _orphans(course, evidence.recordings):
            yield "", drift


def _had(found: Sequence[Standing], results: Mapping[str, Result]) -> list[Standing]:
    """The cells that were executed here await nothing."""
    return [replace(one, awaits=()) if one.cell.id in results else one for one in found]


def _is_sure(standing: Standing, results: Mapping[str, Result]) -> bool:
    return not standing.is_wanted and standing.cell.id in results


def _place(drift: Drift) -> tuple[str, int]:
    return drift.file, drift.line


def _count(
    report: Report, lesson: Lesson, results: Mapping[str, Result], found: Sequence[Standing]
) -> None:
    for standing in (one for one in found if isinstance(one.cell, Block)):
        id_ = standing.cell.id
        left = report.awaited if standing.awaits else report.replayed
        names = report.executed if id_ in results else left
        names.append(f"{lesson.slug}#{id_}")


def _drift(kind: str, lesson: Lesson, line: int, message: str, diff: str = "") -> Drift:
    return Drift(kind, lesson.path, line, f"{message}\n{diff}" if diff else message)


def _embedded(lesson: Lesson, program: Program) -> Iterator[Drift]:
    for one in disagreements(lesson, program):
        yield _drift("embedded", lesson, one.block.line, one.message, one.diff)


def _outputs(
    lesson: Lesson, found: Sequence[Standing], results: Mapping[str, Result]
) -> Iterator[tuple[str, Drift]]:
    """The cells that were executed and display something else than what is recorded."""
    needed = Needed(found)
    for standing in found:
        cell, recording, result = standing.cell, standing.recording, results.get(standing.cell.id)
        if recording is None or result is None:
            continue
        if diff := _difference(lesson, cell, recording, result, needed):
            kind = "output" if isinstance(cell, Block) else "inline"
            changed = ", ".join(standing.changed[:5])
            because = f" ({changed} changed)" if changed else ""
            # No plain build makes anew what holds by its trace.
            mend = "" if changed else f"; if that is right: {COMMAND} --fresh {lesson.slug}"
            message = f"{called(cell)} now displays something else{because}{mend}"
            yield cell.id, _drift(kind, lesson, cell.line, message, diff)


def _difference(
    lesson: Lesson, cell: Cell, recording: Recording | Value, result: Result, needed: Needed
) -> str:
    if isinstance(cell, Block) and isinstance(recording, Recording):
        name = f"{lesson.slug}#{cell.id}"
        return differences(recording.outputs, result.outputs, cell.options, name)
    if isinstance(recording, Value):
        before = Output(result.outputs[0].kind, {"text/plain": recording.value})
        return differences([before], result.outputs, _rule(lesson, cell, needed), f"`{cell.code}`")
    return ""


def _rule(lesson: Lesson, cell: Cell, needed: Needed) -> Options:
    """How an inline value is compared: as loosely as any block that it comes of.

    Those are the ones that made what it reads, and the one before it.
    """
    above = lesson.cells[: lesson.cells.index(cell)]
    blocks = [one for one in above if isinstance(one, Block)]
    makers = needed.made(cell.id)
    rules = [one.options for one in blocks if one is blocks[-1] or one.id in makers]
    return max(rules, key=lambda one: (COMPARE.index(one.compare), one.rtol), default=Options())


def _orphans(course: Course, recordings: Recordings) -> Iterator[Drift]:
    """Recordings of blocks, lessons and profiles that are no more."""
    for slug, profile, block in orphaned_blocks(course, recordings):
        path = _relative(course, recordings.path(slug, profile, block))
        yield Drift("orphaned", path, 1, f"recording of no block {block!r} of {slug!r}; {_MEND}")
    for slug, profile in orphaned_profiles(course, recordings):
        path = _relative(course, recordings.values_path(slug, profile))
        message = f"recordings of no lesson {slug!r} under profile {profile!r}; {_MEND}"
        yield Drift("orphaned", path, 1, message)


def _relative(course: Course, path: Path) -> str:
    return path.relative_to(course.config.root).as_posix()


_MEND = f"{COMMAND} mends it"
