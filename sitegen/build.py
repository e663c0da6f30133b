"""The steps in their order: read, replay or execute, record, render, publish."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sitegen.config import Profile
from sitegen.course import Course
from sitegen.embedded import disagreements
from sitegen.errors import BlockError, SiteError, raise_all
from sitegen.execute import Execution, Executor, Plan
from sitegen.fingerprint import Library, LibrarySyntaxError
from sitegen.lesson import Block, Lesson
from sitegen.progress import Progress
from sitegen.publish import publish, site_files
from sitegen.record import Provenance, Recording, Recordings, Value
from sitegen.render import Renderer, Results, Shown
from sitegen.replay import Standing, cells_to_run, standings


@dataclass
class Report:
    """What a build or a check did, as `--report` writes it."""

    executed: list[str] = field(default_factory=list)
    replayed: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    drift: list[dict[str, object]] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Request:
    """How a course is to be built."""

    profile: str = "cpu"
    fresh: bool = False
    jobs: int = 0
    verbose: bool = False


Standings = dict[str, list[Standing]]
"""By the slug of the lesson."""


class Builder:
    """Builds one course; a method for each step."""

    def __init__(self, course: Course, request: Request) -> None:
        self.course = course
        self.config = course.config
        self.request = request
        self.library = Library(course.config.root, course.config.packages)
        self.recordings = Recordings(course.config.lessons)
        self.report = Report()

    def build(self, lessons: Sequence[Lesson]) -> Report:
        """Bring recordings and site up to date for these lessons.

        Raises:
            BlockError: a block failed, or embedded code differs; the last site stays as it was.
        """
        self.check_embedded(lessons)
        found = {lesson.slug: self.standings(lesson, self.request.profile) for lesson in lessons}
        plans = [
            Plan(lesson, cells, _needs(found[lesson.slug]))
            for lesson in lessons
            if (cells := cells_to_run(found[lesson.slug], self.request.fresh))
        ]
        errors: list[SiteError] = []
        for execution in self.execute(plans):
            errors += [execution.error] if execution.error else []
            self.record(execution, found[execution.lesson.slug])
        raise_all(sorted(errors, key=lambda error: getattr(error, "path", "")))
        self.publish(lessons)
        return self.report

    def standings(self, lesson: Lesson, profile: str) -> list[Standing]:
        """How the cells of a lesson stand; a library that can't be read is a failure."""
        try:
            return standings(lesson, profile, self.library, self.recordings)
        except LibrarySyntaxError as error:
            raise LibraryError(str(error)) from None

    def check_embedded(self, lessons: Sequence[Lesson]) -> None:
        """Raise a `BlockError` for every block that differs from the library."""
        try:
            found = [one for lesson in lessons for one in disagreements(lesson, self.library)]
        except LibrarySyntaxError as error:
            raise LibraryError(str(error)) from None
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
            if isinstance(standing.recording, Value) and standing.holds
        }
        for result in execution.results:
            standing = by_id[result.cell.id]
            if standing.holds and not self.request.fresh:
                continue
            print_ = standing.fingerprint
            if isinstance(result.cell, Block):
                self.report.executed.append(f"{slug}#{result.cell.id}")
                recording = Recording(
                    print_.digest,
                    print_.parts,
                    result.outputs,
                    replace(made, seconds=result.seconds),
                )
                if standing.holds and standing.recording.outputs == result.outputs:  # type: ignore[union-attr]
                    continue  # the same again: when it was made first is what counts
                self.recordings.save(slug, profile, result.cell.id, recording)
            else:
                text = result.outputs[0].text
                values[result.cell.id] = Value(result.cell.code, text, print_.digest, print_.parts)
        order = [standing.cell.id for standing in found]
        self.recordings.save_values(slug, profile, [values[i] for i in order if i in values])

    def publish(self, lessons: Sequence[Lesson]) -> None:
        """Render the pages and write the site."""
        renderer = Renderer(self.config, self.course.lessons)
        pages = [
            renderer.index(),
            *(
                renderer.lesson(lesson, self.results(lesson, lesson in lessons))
                for lesson in self.course.lessons
            ),
        ]
        publish(self.config.output, site_files(self.config, self.course.lessons, pages))

    def results(self, lesson: Lesson, counted: bool) -> Results:
        """What the page of a lesson shows: what holds first, and of that the larger scale."""
        blocks: dict[str, list[Shown]] = {block.id: [] for block in lesson.blocks}
        values: dict[str, Value | None] = {}
        first = self.config.profiles[0]
        for profile in reversed(self.config.profiles):
            for standing in self.standings(lesson, profile.name):
                cell, recording = standing.cell, standing.recording
                if isinstance(cell, Block):
                    shown = self._shown(standing, profile, first)
                    if shown:
                        blocks[cell.id].append(shown)
                    if counted and profile.name == self.request.profile:
                        self._count(lesson, standing)
                elif isinstance(recording, Value):
                    values.setdefault(cell.id, recording)
        for block_id, shown_all in blocks.items():
            shown_all.sort(key=lambda shown: shown.stale)
            blocks[block_id] = _without_repeats(shown_all)
        return Results(blocks, values)

    def _shown(self, standing: Standing, profile: Profile, first: Profile) -> Shown | None:
        block, recording = standing.cell, standing.recording
        assert isinstance(block, Block)
        needs = ", ".join(block.options.needs)
        if not isinstance(recording, Recording):
            if profile != first:
                return None
            return Shown(profile, None, note=f"Not recorded yet: needs {needs}." if needs else "")
        note = f"Needs {needs}: shown from its recording." if needs else ""
        if not standing.holds:
            changed = ", ".join(standing.changed[:3])
            note = f"Recorded before the last change of {changed or 'the code'}."
        return Shown(profile, recording, stale=not standing.holds, note=note)

    def _count(self, lesson: Lesson, standing: Standing) -> None:
        name = f"{lesson.slug}#{standing.cell.id}"
        if not standing.holds:
            self.report.stale.append(name)
            print(f"warning: {name} is stale: {_why(standing)}", file=sys.stderr)
        elif name not in self.report.executed:
            self.report.replayed.append(name)


class LibraryError(SiteError):
    """A followed package that can't be read: as if a block had failed to import it."""

    exit_code = 1


def _needs(found: Sequence[Standing]) -> Mapping[str, tuple[str, ...]]:
    return {standing.cell.id: standing.fingerprint.needs for standing in found}


def _why(standing: Standing) -> str:
    if standing.damage:
        return standing.damage
    block = standing.cell
    needs = ", ".join(block.options.needs) if isinstance(block, Block) else ""
    if standing.recording is None:
        return f"no recording, and this machine lacks {needs}"
    return f"{', '.join(standing.changed[:3])} changed, and this machine lacks {needs}"


def _without_repeats(shown: list[Shown]) -> list[Shown]:
    """One result where both profiles displayed the same."""
    kept: list[Shown] = []
    for one in shown:
        outputs = one.recording.outputs if one.recording else None
        if not any(other.recording and other.recording.outputs == outputs for other in kept):
            kept.append(one)
    return kept
