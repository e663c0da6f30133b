"""`--check`: executes afresh, holds everything against what is committed, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sitegen import schedule
from sitegen.build import (
    Request,
    executed,
    orphaned_blocks,
    orphaned_profiles,
    sound,
    tell_left_out,
    who_mends,
)
from sitegen.course import Course
from sitegen.errors import raise_all, say
from sitegen.execute.executor import Result
from sitegen.output import Output
from sitegen.parse.lesson import Block, Cell, Lesson, Options
from sitegen.record.compare import differences
from sitegen.record.embedded import disagreements
from sitegen.record.fingerprint import Library
from sitegen.record.recordings import Recording, Recordings, Value
from sitegen.record.replay import Standing
from sitegen.report import Drift, Report
from sitegen.schedule import Evidence, Standings


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
    plans = schedule.plans(lessons, found, request.profile, everything=True)
    executions = [turn.execution for turn in executed(course.config, request, plans, found)]
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
        if drift.kind == "stale" and profile in forgiven:
            say(f"warning: {drift}")
            report.marked.append(f"{drift.file}:{drift.line} under {profile}")
        else:
            say(drift)
            report.drift.append(drift)
    return report


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
        for drift in _embedded(lesson, evidence.library):
            yield "", drift
        results = fresh.get(lesson.slug, {})
        for profile, standings in found[lesson.slug].items():
            recorded = any(standing.recording for standing in standings)
            for standing in standings:
                if profile == request.profile:
                    drifts = _cell(lesson, standing, results.get(standing.cell.id))
                else:
                    drifts = _elsewhere(lesson, standing, profile, recorded)
                for drift in drifts:
                    yield profile, drift
    if len(lessons) == len(course.lessons):
        for drift in _orphans(course, evidence.recordings):
            yield "", drift


def _place(drift: Drift) -> tuple[str, int]:
    return drift.file, drift.line


def _count(
    report: Report, lesson: Lesson, results: Mapping[str, Result], found: Sequence[Standing]
) -> None:
    for block in (standing.cell for standing in found if isinstance(standing.cell, Block)):
        names = report.executed if block.id in results else report.replayed
        names.append(f"{lesson.slug}#{block.id}")


def _drift(kind: str, lesson: Lesson, line: int, message: str, diff: str = "") -> Drift:
    return Drift(kind, lesson.path, line, f"{message}\n{diff}" if diff else message)


def _embedded(lesson: Lesson, library: Library) -> Iterator[Drift]:
    for one in disagreements(lesson, library):
        yield _drift("embedded", lesson, one.block.line, one.message, one.diff)


def _cell(lesson: Lesson, standing: Standing, result: Result | None) -> Iterator[Drift]:
    """How a cell that was executed afresh compares with its recording."""
    cell, recording = standing.cell, standing.recording
    what = _name(cell)
    if standing.damage:
        yield _drift("damaged", lesson, cell.line, f"{what}: {standing.damage}; {_MEND}")
    elif recording is None:
        yield _drift("missing", lesson, cell.line, f"{what} has no recording; {_RECORD}")
    elif result is not None and (diff := _difference(lesson, cell, recording, result)):
        kind = "output" if isinstance(cell, Block) else "inline"
        because = f" ({_changed(standing)} changed)" if standing.changed else ""
        # No plain build makes anew what no fingerprint saw changing.
        fresh = f"; if that is right: build_site.py --fresh {lesson.slug}"
        mend = "" if standing.changed else fresh
        message = f"{what} now displays something else{because}{mend}"
        yield _drift(kind, lesson, cell.line, message, diff)
    elif not standing.holds:
        yield _stale(lesson, standing, "", _MEND)


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


def _elsewhere(lesson: Lesson, standing: Standing, profile: str, recorded: bool) -> Iterator[Drift]:
    """A recording of a profile that this machine does not execute: its fingerprint.

    `recorded` says whether there is any of the lesson under that profile.
    """
    line, what = standing.cell.line, _name(standing.cell)
    mend = who_mends(profile)
    if standing.damage:
        yield _drift("damaged", lesson, line, f"{what} under {profile}: {standing.damage}; {mend}")
    elif standing.recording is None and recorded:
        message = f"{what} has no recording under {profile}, as others of its lesson have; {mend}"
        yield _drift("missing", lesson, line, message)
    elif standing.recording is not None and not standing.holds:
        yield _stale(lesson, standing, f" under {profile}", mend)


def _stale(lesson: Lesson, standing: Standing, where: str, mend: str) -> Drift:
    changed = _changed(standing) or "its code"
    return _drift(
        "stale",
        lesson,
        standing.cell.line,
        f"{_name(standing.cell)}: its recording{where} was made before {changed} changed; {mend}",
    )


def _orphans(course: Course, recordings: Recordings) -> Iterator[Drift]:
    """Recordings of blocks, lessons and profiles that are no more."""
    root = course.config.root
    for slug, profile, block in orphaned_blocks(course, recordings):
        path = recordings.path(slug, profile, block).relative_to(root).as_posix()
        yield Drift("orphaned", path, 1, f"recording of no block {block!r} of {slug!r}; {_MEND}")
    for slug, profile in orphaned_profiles(course, recordings):
        path = recordings.sources_path(slug, profile).relative_to(root).as_posix()
        message = f"recordings of no lesson {slug!r} under profile {profile!r}; {_MEND}"
        yield Drift("orphaned", path, 1, message)


def _changed(standing: Standing) -> str:
    return ", ".join(standing.changed[:5])


def _name(cell: Cell) -> str:
    return f"block {cell.id!r}" if isinstance(cell, Block) else f"inline value `{cell.code}`"


_MEND = "build_site.py mends it"
_RECORD = "build it where its resources are, and commit its recording"
