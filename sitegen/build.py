"""The steps in their order: read, replay or execute, record, render, publish."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sitegen.course import Course, overlooked
from sitegen.curriculum import audit
from sitegen.errors import BlockError, SiteError, raise_all
from sitegen.execute.executor import Execution, Executor
from sitegen.execute.plan import Plan
from sitegen.execute.progress import Progress
from sitegen.files import sweep
from sitegen.parse.lesson import Block, Lesson
from sitegen.record.embedded import disagreements
from sitegen.record.fingerprint import Library, Memory
from sitegen.record.recordings import Provenance, Recording, Recordings, Value
from sitegen.record.replay import Standing, runnable, sources_of, standings
from sitegen.record.unfollowed import unfollowed
from sitegen.render.publish import publish, site_files
from sitegen.render.renderer import Page, Renderer, preview_figure
from sitegen.render.results import results


@dataclass
class Report:
    """What a build or a check did, as `--report` writes it."""

    executed: list[str] = field(default_factory=list)
    replayed: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    drift: list[dict[str, object]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Request:
    """How a course is to be built."""

    profile: str = "cpu"
    fresh: bool = False
    jobs: int = 0
    verbose: bool = False


AllStandings = Mapping[str, Mapping[str, list[Standing]]]
"""By the slug of the lesson and the name of the profile."""


class Builder:
    """Builds one course; a method for each step."""

    def __init__(
        self,
        course: Course,
        request: Request,
        library: Library | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.course = course
        self.config = course.config
        self.request = request
        self.library = library or Library(course.config.root, course.config.packages)
        self.recordings = Recordings(course.config.recordings)
        self.memory = memory or Memory(course.config.cache / "fingerprints.json")
        self.report = Report()

    def build(self, lessons: Sequence[Lesson]) -> Report:
        """Bring recordings and site up to date for these lessons.

        Raises:
            BlockError: a block failed, or embedded code differs; the last site stays as it was.
        """
        self.audit()
        self.check_embedded(lessons)
        for warning in overlooked(self.config):
            print(f"warning: {warning}", file=sys.stderr)
        for lesson in lessons:
            for warning in (*lesson.warnings, *unfollowed(lesson, self.config)):
                print(f"warning: {warning}", file=sys.stderr)
        found = {lesson.slug: self.standings(lesson, self.request.profile) for lesson in lessons}
        plans = self.plans(lessons, found, self.request.fresh)
        errors: list[SiteError] = []
        for execution in self.execute(plans):
            errors += [execution.error] if execution.error else []
            self.record(execution, found[execution.lesson.slug])
        raise_all(sorted(errors, key=lambda error: getattr(error, "path", "")))
        if len(lessons) == len(self.course.lessons):
            self.tidy()
        self.conclude(lessons)
        if self.request.fresh:
            self.tell_left_out(lessons)
        return self.report

    def plans(
        self,
        lessons: Sequence[Lesson],
        found: Mapping[str, Sequence[Standing]],
        everything: bool = False,
    ) -> list[Plan]:
        """What is to be run, given by slug how the cells stand."""
        made = [_plan(lesson, found[lesson.slug], everything) for lesson in lessons]
        return [plan for plan in made if plan.wanted]

    def tidy(self) -> None:
        """Remove the recordings of what is no more, and what killed builds left behind."""
        sweep(self.recordings.folder)
        sweep(self.config.cache)
        for slug, profile, block in self.orphaned_blocks():
            self.recordings.delete(slug, profile, block)
            gone = f"{slug}#{block} under {profile}"
            print(f"removed the recording of {gone}: there is no such block", file=sys.stderr)
        for slug, profile in self.orphaned_profiles():
            self.recordings.delete_profile(slug, profile)

    def orphaned_blocks(self) -> list[tuple[str, str, str]]:
        """Slug, profile and block id of every recording of a block that is no more."""
        blocks = {
            (lesson.slug, profile.name, cell.id)
            for lesson in self.course.lessons
            for profile in self.config.profiles
            for cell in runnable(lesson, profile.name)
        }
        return [found for found in self.recordings.all_blocks() if found not in blocks]

    def orphaned_profiles(self) -> list[tuple[str, str]]:
        """Slug and profile of whatever is recorded of a lesson or profile that is no more."""
        known = {
            (lesson.slug, profile.name)
            for lesson in self.course.lessons
            for profile in self.config.profiles
            if runnable(lesson, profile.name)
        }
        return [found for found in self.recordings.all_profiles() if found not in known]

    def standings(self, lesson: Lesson, profile: str) -> list[Standing]:
        """How the cells of a lesson stand."""
        return standings(lesson, profile, self.library, self.recordings, self.memory)

    def audit(self) -> None:
        """Raise an `AuditError` for whatever is unsound in the curriculum."""
        if self.course.curriculum:
            raise_all(audit(self.course.curriculum))

    def check_embedded(self, lessons: Sequence[Lesson]) -> None:
        """Raise a `BlockError` for every block that differs from the library."""
        found = [one for lesson in lessons for one in disagreements(lesson, self.library)]
        raise_all(
            [BlockError(one.lesson.path, one.block.line, one.message, one.diff) for one in found]
        )

    def execute(self, plans: Sequence[Plan]) -> Sequence[Execution]:
        """Run what is to be run; nothing is started if there is nothing."""
        if not plans:
            return ()
        total = sum(len(plan.cells) for plan in plans)
        with (
            Executor(self.config, self.request.profile, self.request.jobs) as executor,
            Progress(total, self.request.verbose) as progress,
        ):
            return list(executor.run(plans, progress))

    def record(self, execution: Execution, found: Sequence[Standing]) -> None:
        """Save the outputs of the cells that had no recording that holds."""
        slug, profile = execution.lesson.slug, execution.profile
        by_id = {standing.cell.id: standing for standing in found}
        versions = dict(execution.provenance)
        made = Provenance(
            device=versions.pop("device", "cpu"),
            versions=versions,
            date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        )
        values: dict[str, Value] = {
            standing.cell.id: standing.recording
            for standing in found
            if isinstance(standing.recording, Value)
        }
        for result in execution.results:
            standing = by_id[result.cell.id]
            if standing.holds and not self.request.fresh:
                continue
            print_ = standing.fingerprint
            if isinstance(result.cell, Block):
                self.report.executed.append(f"{slug}#{result.cell.id}")
                recording = Recording(
                    print_.digest, result.outputs, replace(made, seconds=result.seconds)
                )
                if standing.holds and standing.recording.outputs == result.outputs:  # type: ignore[union-attr]
                    continue  # the same again: when it was made first is what counts
                self.recordings.save(slug, profile, result.cell.id, recording)
            else:
                text = result.outputs[0].text
                values[result.cell.id] = Value(result.cell.code, text, print_.digest)
        order = [standing.cell.id for standing in found]
        self.recordings.save_values(slug, profile, [values[i] for i in order if i in values])

    def tell_left_out(self, lessons: Sequence[Lesson]) -> None:
        """Say how many blocks were to be executed and could not be."""
        left = [
            cell
            for lesson in lessons
            for cell in runnable(lesson, self.request.profile)
            if isinstance(cell, Block) and f"{lesson.slug}#{cell.id}" not in self.report.executed
        ]
        if left:
            needs = sorted({need for block in left for need in block.options.needs})
            blocks = "1 block" if len(left) == 1 else f"{len(left)} blocks"
            print(f"{blocks} not executed: this machine lacks {', '.join(needs)}", file=sys.stderr)

    def conclude(self, lessons: Sequence[Lesson]) -> None:
        """Publish the site as the recordings are now, and report on these lessons."""
        renderer = Renderer(self.config, self.course.lessons, self.course.curriculum)
        found = self.all_standings()
        pages = self.pages(renderer, found)
        for warning in (one for page in pages for one in page.warnings):
            print(f"warning: {warning}", file=sys.stderr)
        for lesson in lessons:
            self.note_sources(lesson, found[lesson.slug])
            for standing in found[lesson.slug][self.request.profile]:
                self.count(lesson, standing)
        publish(self.config.output, site_files(self.config, self.course.lessons, pages))
        self.memory.save()

    def all_standings(self) -> AllStandings:
        """How every cell of the course stands under every profile."""
        return {
            lesson.slug: {
                profile.name: self.standings(lesson, profile.name)
                for profile in self.config.profiles
            }
            for lesson in self.course.lessons
        }

    def pages(self, renderer: Renderer, found: AllStandings) -> list[Page]:
        """Every page of the site, as the recordings are."""
        figures, lessons = {}, []
        for lesson in self.course.lessons:
            shown = results(lesson, self.config.profiles, found[lesson.slug])
            figures[lesson.slug] = preview_figure(lesson, shown)
            lessons.append(renderer.lesson(lesson, shown))
        return [
            renderer.missing(),
            *renderer.curriculum_pages(),
            *lessons,
            renderer.index(figures),
        ]

    def note_sources(self, lesson: Lesson, found: Mapping[str, Sequence[Standing]]) -> None:
        """Keep what the recordings were made from, so that a stale one can say what changed."""
        for profile, by_profile in found.items():
            recorded = [standing for standing in by_profile if standing.recording]
            before = self.recordings.load_sources(lesson.slug, profile)
            self.recordings.save_sources(lesson.slug, profile, sources_of(recorded, before))

    def count(self, lesson: Lesson, standing: Standing) -> None:
        """Put a block into the report, and warn if it is stale."""
        name = f"{lesson.slug}#{standing.cell.id}"
        if not isinstance(standing.cell, Block) or name in self.report.executed:
            return
        if standing.holds:
            self.report.replayed.append(name)
        else:
            self.report.stale.append(name)
            print(f"warning: {name} is stale: {_why(standing)}", file=sys.stderr)


def _plan(lesson: Lesson, found: Sequence[Standing], everything: bool) -> Plan:
    """To run the cells whose recordings don't hold, and those that rebuild the state they need."""
    needs = {standing.cell.id: standing.fingerprint.needs for standing in found}
    wanted = {standing.cell.id for standing in found if everything or not standing.holds}
    ids = wanted.union(*(needs[id_] for id_ in wanted))
    cells = tuple(standing.cell for standing in found if standing.cell.id in ids)
    return Plan(lesson, cells, frozenset(wanted), needs)


def _why(standing: Standing) -> str:
    if standing.damage:
        return standing.damage
    block = standing.cell
    needs = ", ".join(block.options.needs) if isinstance(block, Block) else ""
    lack = f"this machine lacks {needs}" if needs else "what it depends on can't be run here"
    if standing.recording is None:
        return f"no recording, and {lack}"
    return f"{', '.join(standing.changed[:3])} changed, and {lack}"
