"""`--dry-run`: what a build would run and why; runs nothing and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sitegen import schedule
from sitegen.build import Request, agrees, sound
from sitegen.course import Course
from sitegen.execute.plan import Plan
from sitegen.parse.lesson import Block, Cell, Lesson
from sitegen.record.replay import Standing
from sitegen.report import Reason, Report
from sitegen.schedule import Evidence


def dry_run(course: Course, request: Request, lessons: Sequence[Lesson]) -> Report:
    """Print the blocks that a build would execute, each with the reason.

    Raises:
        BlockError: embedded code differs.
    """
    evidence = Evidence.of(course.config)
    sound(course)
    agrees(lessons, evidence.library)
    found = schedule.stand(course, evidence)
    plans = schedule.plans(lessons, found, request.profile, request.fresh)
    reasons = [
        reason
        for plan in plans
        for reason in _reasons(plan, found[plan.lesson.slug][request.profile])
    ]
    for reason in reasons:
        print(reason)
    would = {reason.block for reason in reasons}
    blocks = [
        f"{lesson.slug}#{one.cell.id}"
        for lesson in lessons
        for one in found[lesson.slug][request.profile]
        if isinstance(one.cell, Block)
    ]
    return Report(replayed=[name for name in blocks if name not in would], would_execute=reasons)


def _reasons(plan: Plan, found: Sequence[Standing]) -> Iterator[Reason]:
    standings = {standing.cell.id: standing for standing in found}
    for block in (cell for cell in plan.cells if isinstance(cell, Block)):
        why = _why(plan, standings[block.id])
        needs = ", ".join(block.options.needs)
        yield Reason(f"{plan.lesson.slug}#{block.id}", f"{why}; needs {needs}" if needs else why)


def _why(plan: Plan, standing: Standing) -> str:
    if standing.cell.id not in plan.wanted:
        return f"{_user_of(standing.cell, plan)} needs what it leaves"
    if standing.damage:
        return standing.damage
    if standing.recording is None:
        return "no recording"
    if standing.holds:
        return "--fresh"
    return f"{', '.join(standing.changed[:3]) or 'its code'} changed"


def _user_of(cell: Cell, plan: Plan) -> str:
    """The first cell to be recorded that can't do without this one."""
    users = (one for one in plan.cells if one.id in plan.wanted and cell.id in plan.needs[one.id])
    return next(f"block {one.id!r}" if isinstance(one, Block) else f"`{one.code}`" for one in users)
