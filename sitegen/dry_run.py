"""`--dry-run`: what a build would run and why; runs nothing and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sitegen import schedule
from sitegen.build import Request, agrees, sound
from sitegen.course import Course
from sitegen.parse.lesson import Block, Cell, Lesson
from sitegen.record.faults import why
from sitegen.record.needed import Needed
from sitegen.record.replay import Standing
from sitegen.report import Reason, Report
from sitegen.schedule import Evidence, Run, Walk


def dry_run(course: Course, request: Request, lessons: Sequence[Lesson]) -> Report:
    """Print the blocks that a build would execute, each with the reason.

    Those that may follow are among them: whether they do is known once what they read has been
    made anew. What is awaited is told and is not among them: whether the machine has what it needs
    is asked by a build alone.

    Raises:
        BlockError: embedded code differs.
    """
    evidence = Evidence.of(course.config)
    sound(course)
    agrees(lessons, evidence.program)
    found = schedule.stand(course, evidence)
    run = Run(evidence.program, found, request.profile, request.fresh)
    reasons = [
        reason
        for walk in run.walks(lessons)
        for reason in _reasons(walk, run, found[walk.lesson.slug][request.profile])
    ]
    for reason in reasons:
        print(reason)
    would = {reason.block for reason in reasons}
    blocks = {
        f"{lesson.slug}#{one.cell.id}": one
        for lesson in lessons
        for one in found[lesson.slug][request.profile]
        if isinstance(one.cell, Block)
    }
    awaited = {name: one.awaits for name, one in blocks.items() if one.awaits}
    for name, lack in awaited.items():
        print(f"{name}: only if there is {', '.join(lack)}, which no machine so far had")
    return Report(
        replayed=[name for name in blocks if name not in would and name not in awaited],
        awaited=[*awaited],
        would_execute=reasons,
    )


def _reasons(walk: Walk, run: Run, found: Sequence[Standing]) -> Iterator[Reason]:
    planned = set(walk.certain)
    for standing in found:
        block = standing.cell
        if not isinstance(block, Block) or standing.awaits:
            continue
        if run.is_new(walk.lesson, standing):
            text = _why(standing)
        elif block in planned:
            text = f"{_user_of(block, run, walk, found)} needs what it leaves"
        elif standing.follows:
            text = f"may follow: block {standing.follows[0]!r} may leave otherwise what it reads"
        else:
            continue
        needs = ", ".join(block.options.needs)
        yield Reason(f"{walk.lesson.slug}#{block.id}", f"{text}; needs {needs}" if needs else text)


def _why(standing: Standing) -> str:
    if standing.damage:
        return standing.damage
    if standing.recording is None:
        return "no recording"
    if not standing.changes:
        return "--fresh"
    return f"{why(standing)} changed"


def _user_of(cell: Cell, run: Run, walk: Walk, found: Sequence[Standing]) -> str:
    """The first cell to be recorded that can't do without this one."""
    needed = Needed(found)
    users = (one.cell for one in found if not one.holds and cell.id in needed.of(one.cell.id))
    return next(f"block {one.id!r}" if isinstance(one, Block) else f"`{one.code}`" for one in users)
