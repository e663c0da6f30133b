"""The build: what is new is run and recorded, and the site published as the recordings are."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sitegen import schedule
from sitegen.course import Course, overlooked
from sitegen.curriculum import audit, typed_numbers
from sitegen.errors import BlockError, SiteError, raise_all, say
from sitegen.execute.executor import Executor
from sitegen.execute.progress import Progress
from sitegen.files import sweep
from sitegen.manifest import read_manifest
from sitegen.parse.config import Config
from sitegen.parse.lesson import Block, Cell, Lesson
from sitegen.record import recorder
from sitegen.record.embedded import disagreements
from sitegen.record.faults import faults, why
from sitegen.record.recordings import Recording, Recordings
from sitegen.record.replay import Standing, runnable
from sitegen.record.unfollowed import unfollowed
from sitegen.render.kept import KeptRenderer, Made
from sitegen.render.publish import publish, site_files
from sitegen.render.renderer import Page, Renderer, preview_figure
from sitegen.render.results import results
from sitegen.report import Report
from sitegen.schedule import Evidence, Run, Standings, Turn, Walk
from sitegen.trace import Program

GPU = "gpu"
"""The profile that `--gpu` records."""


@dataclass(frozen=True)
class Request:
    """How a course is to be built."""

    profile: str = "cpu"
    fresh: bool = False
    jobs: int = 0
    """Lessons at once; 0 for one per core, and under `gpu`, where they measure, for one."""
    verbose: bool = False
    minutes: float = 0.0
    """After which nothing more is begun or awaited; 0 for as long as it takes."""


def build(course: Course, request: Request, lessons: Sequence[Lesson]) -> Report:
    """Bring recordings and site up to date for these lessons.

    Raises:
        BlockError: a block failed, or embedded code differs; the last site stays as it was. Where
            there is none yet, what there is to show is published, and the block says how it failed.
    """
    report, evidence = Report(), Evidence.of(course.config)
    sound(course)
    agrees(lessons, evidence.program)
    for warning in overlooked(course.config):
        say(f"warning: {warning}")
    for lesson in lessons:
        for warning in (*lesson.warnings, *unfollowed(lesson, course.config)):
            say(f"warning: {warning}")
    found = schedule.stand(course, evidence)
    run = Run(evidence.program, found, request.profile, request.fresh)
    walks = run.walks(lessons)
    planned = [(walk.lesson, cell) for walk in walks for cell in walk.cells]
    save = partial(_save, evidence.recordings, request.profile, report)
    errors: list[SiteError] = []
    failed: dict[tuple[str, str], str] = {}
    lacking: set[tuple[str, str]] = set()
    pages_of = renderer(course, Made())
    show = partial(all_pages, pages_of, course)
    meanwhile = _ahead(pages_of, course, found, {walk.lesson.slug for walk in walks})
    for turn in executed(course.config, request, run, walks, save, meanwhile):
        found, execution = turn.found, turn.execution
        lacking.update((execution.lesson.slug, id_) for id_ in execution.lacking)
        if execution.error:
            errors.append(execution.error)
            if execution.failed:
                place = (execution.lesson.slug, execution.failed.id)
                failed[place] = execution.error.message
    if errors and read_manifest(course.config.output) is None:
        pages = show(_with_failures(found, request, failed))
        publish(course.config.output, site_files(course.config, course.lessons, pages))
    evidence.recordings.note_resources(schedule.resources(found, evidence.recordings))
    evidence.keep(course.config)
    raise_all(sorted(errors, key=lambda error: getattr(error, "path", "")))
    if request.minutes:
        could = [one for one in planned if (one[0].slug, one[1].id) not in lacking]
        _tell_unfinished(report, could, found, request.profile)
    if len(lessons) == len(course.lessons):
        tidy(course, evidence.recordings)
    pages = show(found)
    for warning in (one for page in pages for one in page.warnings):
        say(f"warning: {warning}")
    for lesson in lessons:
        for standing in found[lesson.slug][request.profile]:
            _count(report, lesson, standing)
        for profile, standings in found[lesson.slug].items():
            if profile != request.profile:
                _mark(report, lesson, profile, standings)
    publish(course.config.output, site_files(course.config, course.lessons, pages))
    if request.fresh:
        tell_left_out(report, request.profile, lessons)
    return report


def renderer(course: Course, made: Made) -> Renderer:
    """What renders the pages of this course, but for those that were made as they would be."""
    return KeptRenderer(made, course.config, course.lessons, course.curriculum, course.references)


def _ahead(
    renderer: Renderer, course: Course, found: Standings, walked: Collection[str]
) -> Iterator[Page]:
    """The pages of lessons as they are, first of those that stay so; the renderer keeps them."""
    for lesson in sorted(course.lessons, key=lambda one: one.slug in walked):
        with contextlib.suppress(SiteError):  # told in its turn
            shown = results(lesson, course.config.profiles, found[lesson.slug])
            yield renderer.lesson(lesson, shown)


def _with_failures(
    found: Standings, request: Request, failed: Mapping[tuple[str, str], str]
) -> Standings:
    """How cells stand, those that failed with the reason."""
    changed = {**found}
    for slug, id_ in failed:
        rows = [
            replace(one, failure=failed[slug, id_]) if one.cell.id == id_ else one
            for one in found[slug][request.profile]
        ]
        changed[slug] = {**changed[slug], request.profile: rows}
    return changed


def sound(course: Course) -> None:
    """Raise an `AuditError` for whatever is unsound in the curriculum, and for typed numbers."""
    findings = audit(course.curriculum) if course.curriculum else []
    raise_all([*findings, *typed_numbers(course.lessons, course.config)])


def agrees(lessons: Sequence[Lesson], program: Program) -> None:
    """Raise a `BlockError` for every block that differs from the library."""
    found = [one for lesson in lessons for one in disagreements(lesson, program)]
    raise_all([BlockError(one.lesson.path, one.block.line, one.message, one.diff) for one in found])


def executed(
    config: Config,
    request: Request,
    run: Run,
    walks: Sequence[Walk],
    save: schedule.Save,
    meanwhile: Iterator[object],
) -> list[Turn]:
    """Run what is to be run, with progress; nothing is started if there is nothing.

    Until lessons have begun, steps of `meanwhile` are taken.
    """
    if not walks:
        return []
    jobs = 1 if request.profile == GPU and not request.jobs else request.jobs
    took = expected(run.found, request.profile)
    with (
        Executor(config, request.profile, jobs, observe=True) as executor,
        Progress(walks, took, executor.jobs, request.verbose) as progress,
        _alarm(request.minutes) as over,
    ):
        turns = schedule.run(executor, run, walks, progress, save, over)
        for _ in meanwhile:
            if executor.is_awaited:
                break
        return list(turns)


def expected(found: Standings, profile: str) -> dict[tuple[str, str], float]:
    """What the blocks took when they were recorded, be it of an older state."""
    return {
        (slug, one.cell.id): one.recording.provenance.seconds
        for slug, by_profile in found.items()
        for one in by_profile[profile]
        if isinstance(one.recording, Recording)
    }


@contextlib.contextmanager
def _alarm(minutes: float) -> Iterator[socket.socket | None]:
    """A socket that can be read when the time is over; None if there is no end to it."""
    if not minutes:
        yield None
        return
    bell, rope = socket.socketpair()
    timer = threading.Timer(60 * minutes, rope.send, (b"!",))
    timer.daemon = True
    timer.start()
    try:
        yield bell
    finally:
        timer.cancel()
        bell.close()
        rope.close()


def _tell_unfinished(
    report: Report, planned: Sequence[tuple[Lesson, Cell]], found: Standings, profile: str
) -> None:
    """Say what is left where the time was over first."""
    stands = {
        (slug, one.cell.id)
        for slug, by_profile in found.items()
        for one in by_profile[profile]
        if one.holds
    }
    left = [
        name
        for lesson, cell in planned
        if isinstance(cell, Block)
        and (lesson.slug, cell.id) not in stands
        and (name := f"{lesson.slug}#{cell.id}") not in report.executed
    ]
    if left:
        say(
            f"{len(report.executed)} blocks recorded, {len(left)} left, the next {left[0]}; "
            "the same command goes on from there",
        )


def _save(
    recordings: Recordings,
    profile: str,
    report: Report,
    slug: str,
    cell: Cell,
    found: Sequence[Standing],
) -> None:
    recorder.save(recordings, slug, profile, cell.id, found)
    name = f"{slug}#{cell.id}"
    if isinstance(cell, Block) and name not in report.executed:  # twice if threads came late
        report.executed.append(name)


def tidy(course: Course, recordings: Recordings) -> None:
    """Remove the recordings of what is no more, and what killed builds left behind."""
    sweep(recordings.folder)
    sweep(course.config.cache)
    for slug, profile, block in orphaned_blocks(course, recordings):
        recordings.delete(slug, profile, block)
        gone = f"{slug}#{block} under {profile}"
        say(f"removed the recording of {gone}: there is no such block")
    for slug, profile in orphaned_profiles(course, recordings):
        recordings.delete_profile(slug, profile)


def orphaned_blocks(course: Course, recordings: Recordings) -> list[tuple[str, str, str]]:
    """Slug, profile and block id of every recording of a block that is no more."""
    blocks = {
        (lesson.slug, profile.name, cell.id)
        for lesson in course.lessons
        for profile in course.config.profiles
        for cell in runnable(lesson, profile.name)
    }
    return [found for found in recordings.all_blocks() if found not in blocks]


def orphaned_profiles(course: Course, recordings: Recordings) -> list[tuple[str, str]]:
    """Slug and profile of whatever is recorded of a lesson or profile that is no more."""
    known = {
        (lesson.slug, profile.name)
        for lesson in course.lessons
        for profile in course.config.profiles
        if runnable(lesson, profile.name)
    }
    return [found for found in recordings.all_profiles() if found not in known]


def all_pages(renderer: Renderer, course: Course, found: Standings) -> list[Page]:
    """Every page of the site, as the recordings are."""
    figures: dict[str, str] = {}
    lessons = []
    for lesson in course.lessons:
        shown = results(lesson, course.config.profiles, found[lesson.slug])
        figures[lesson.slug] = preview_figure(lesson, shown)
        lessons.append(renderer.lesson(lesson, shown))
    return [renderer.missing(), *renderer.curriculum_pages(), *lessons, renderer.index(figures)]


def tell_left_out(report: Report, profile: str, lessons: Sequence[Lesson]) -> None:
    """Say how many blocks were to be executed and could not be."""
    left = [
        cell
        for lesson in lessons
        for cell in runnable(lesson, profile)
        if isinstance(cell, Block) and f"{lesson.slug}#{cell.id}" not in report.executed
    ]
    if left:
        needs = sorted({need for block in left for need in block.options.needs})
        blocks = "1 block" if len(left) == 1 else f"{len(left)} blocks"
        say(f"{blocks} not executed: {_lack(needs)}")


def _count(report: Report, lesson: Lesson, standing: Standing) -> None:
    """Put a block into the report, and warn if it is stale."""
    name = f"{lesson.slug}#{standing.cell.id}"
    if not isinstance(standing.cell, Block) or name in report.executed:
        return
    if standing.holds:
        report.replayed.append(name)
    elif standing.awaits:
        report.awaited.append(name)
        say(f"{name} is not recorded, for no machine so far had {', '.join(standing.awaits)}")
    else:
        report.stale.append(name)
        say(f"warning: {name} is stale: {_why(standing)}")


def _mark(report: Report, lesson: Lesson, profile: str, found: Sequence[Standing]) -> None:
    """Tell of what can't be relied on under a profile that is not executed here."""
    wrong = [one for one in faults(found, profile) if one.kind != "awaited"]
    report.marked.extend(f"{lesson.slug}#{one.cell.id} under {profile}" for one in wrong)
    if wrong:
        first = f"{lesson.path}:{wrong[0].cell.line}: {wrong[0].message}"
        more = f"; and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        say(f"warning: {first}{more}")


def _why(standing: Standing) -> str:
    if standing.damage:
        return standing.damage
    block = standing.cell
    needs = block.options.needs if isinstance(block, Block) else ()
    lack = _lack(needs) if needs else "what it depends on can't be run here"
    if standing.recording is None:
        return f"no recording, and {lack}"
    return f"{why(standing)} changed, and {lack}"


def _lack(needs: Sequence[str]) -> str:
    """Of several, one that is missing is enough, and which it is only the worker knows."""
    what = ", ".join(needs)
    return f"this machine {'lacks' if len(needs) == 1 else 'has not all of'} {what}"
