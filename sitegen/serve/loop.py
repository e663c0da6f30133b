"""A round of building: what the files say now, on the screen and then in the site's folder.

A round shows at once what is known, runs what is not, and shows that. The folder is written when
nothing is left to run and nothing is wrong, as by a plain build; until then it keeps the last
good site, and the screen shows what is wrong.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sitegen import schedule
from sitegen.build import all_pages, renderer, sound
from sitegen.course import Course
from sitegen.errors import BlockError, SiteError, SourceError, flat
from sitegen.execute.progress import Progress
from sitegen.parse import config as configuration
from sitegen.parse.config import Config
from sitegen.parse.lesson import Block, Cell
from sitegen.record import recorder
from sitegen.record.replay import Standing
from sitegen.render.publish import publish, site_files
from sitegen.schedule import Run, Standings, Walk
from sitegen.serve.attempts import Attempts
from sitegen.serve.kept import Kept
from sitegen.serve.library import ChangedError, Sight
from sitegen.serve.terminal import Terminal
from sitegen.serve.view import Note, Screen
from sitegen.serve.workers import Workers
from sitegen.trace import Program

PROFILE = "cpu"
"""Under which the loop executes."""

TRIES = 5
"""So often a round begins anew since the library was edited meanwhile."""


class _MovedError(Exception):
    """A block failed whose lesson was edited elsewhere while it ran: the error names old lines."""


class Loop:
    """Rounds of building one course; a context manager that leaves no process behind.

    Raises:
        SiteError: there is no configuration.
    """

    def __init__(
        self,
        root: Path,
        screen: Screen,
        output: str | None = None,
        jobs: int = 0,
        verbose: bool = False,
    ) -> None:
        self.screen = screen
        self.output = output
        self.verbose = verbose
        self.config = _load(root, output)
        self._terminal = Terminal()
        self._workers = Workers(PROFILE, jobs)
        self._kept = Kept()
        self._attempts = Attempts()
        self._restless: frozenset[Path] = frozenset()

    def __enter__(self) -> Loop:
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.__exit__()

    def round(self, changed: Collection[Path] = (), interrupt: Any = None) -> list[str]:
        """Bring screen and site up to date; over early when `interrupt` can be read.

        `changed` are files that were saved: what failed in them is tried again. What is given
        back are the blocks whose outputs were made anew.
        """
        if changed and self._restless.issuperset(changed):
            return []
        self._restless = frozenset()
        began, before = time.perf_counter(), self.screen.view
        executed: list[str] = []
        self._attempts = self._attempts.without_saved(changed, self.config.root)
        for left in range(TRIES, -1, -1):
            try:
                self._build(executed, interrupt)
            except ChangedError as error:
                if left:
                    continue
                self._restless = frozenset({self.config.root / str(error)})
                message = f"{error} changes whenever this is built: does a block write to it?"
                self._show(before.files, [Note("failed", message)])
            except _MovedError:
                continue
            except SiteError as error:
                self._show(self.screen.view.files, [_note(one) for one in flat([error])])
            except Exception as error:  # a template may raise anything, and the next save mend it
                self._show(self.screen.view.files, [_unforeseen(error)])
            break
        seconds = time.perf_counter() - began
        self._terminal.report(before, self.screen.view, executed, seconds)
        return executed

    def _build(self, executed: list[str], interrupt: Any) -> None:
        """One attempt at a round; the blocks that it executed join the list.

        Raises:
            SiteError: there is nothing new to show.
            ChangedError: the library was edited meanwhile.
            _MovedError: a lesson was, above or below a block that failed.
        """
        self.config = config = _load(self.config.root, self.output)
        sight = Sight.of(config)
        executor, others = self._workers.ready(config, sight)
        if others:
            self._attempts = Attempts()
        course, mistakes = self._kept.course(config)
        executor.keep([lesson.slug for lesson in course.lessons])
        evidence = self._kept.evidence(config, sight)
        found = schedule.stand(course, evidence)
        notes = [_note(error, course) for error in (*mistakes, *_unsound(course))]
        notes += self._embedded(course, evidence.program)
        sight.assure_unchanged()
        run = Run(evidence.program, found, PROFILE)
        plans = self._untried(run.walks(course.lessons), found)

        def save(slug: str, cell: Cell, rows: Sequence[Standing]) -> None:
            sight.assure_unchanged()
            recorder.save(evidence.recordings, slug, PROFILE, cell.id, rows)
            if isinstance(cell, Block):
                executed.append(f"{slug}#{cell.id}")

        with Progress(list(plans.values()), {}, verbose=self.verbose) as progress:
            turns = schedule.run(executor, run, list(plans.values()), progress, save, interrupt)
            files = self._show_course(course, found, plans, notes)
            for turn in turns:
                sight.assure_unchanged()
                found, execution = turn.found, turn.execution
                lesson = plans.pop(execution.lesson.slug).lesson
                if execution.error and execution.lesson.text != lesson.text:
                    raise _MovedError
                if not all(one.holds for one in found[lesson.slug][PROFILE]):
                    self._attempts = self._attempts.and_this(lesson, execution, _of_profile(found))
                files = self._show_course(course, found, plans, notes)
                sight.assure_unchanged()
        if not plans:
            if not notes and not any(self._attempts.failures):
                publish(config.output, files)
            evidence.keep(config)

    def _untried(self, plans: Sequence[Walk], found: Standings) -> dict[str, Walk]:
        """By slug, what was not tried yet as it is now."""
        lessons = [plan.lesson for plan in plans]
        self._attempts = self._attempts.still_standing(lessons, _of_profile(found))
        return {
            plan.lesson.slug: plan
            for plan in plans
            if plan.lesson.slug not in self._attempts.by_slug
        }

    def _embedded(self, course: Course, program: Program) -> list[Note]:
        """What differs from the library."""
        notes = []
        for lesson in course.lessons:
            try:
                for block, message, diff in self._kept.disagreements(lesson, program):
                    error = BlockError(lesson.path, block.line, message, diff)
                    notes.append(_note(error, course, block))
            except SourceError as error:
                if error.path != lesson.path:  # the library's own mistake
                    raise
                notes.append(_note(error, course))
        return notes

    def _show_course(
        self, course: Course, found: Standings, plans: Mapping[str, Walk], notes: Sequence[Note]
    ) -> dict[str, bytes]:
        """Show the site as it is known, with what is wrong and what still runs; its files."""
        pages = all_pages(renderer(course, self._kept), course, found)
        files = site_files(course.config, course.lessons, pages)
        failures = [_note(error, course, cell) for error, cell in self._attempts.failures]
        self._show(files, [*notes, *failures, *_running(plans, found)])
        return files

    def _show(self, files: Mapping[str, bytes], notes: Sequence[Note]) -> None:
        self.screen.show(files, tuple(notes))
        self._terminal.tell(notes)


def _load(root: Path, output: str | None) -> Config:
    config = configuration.load(root)
    return config.writing_to(Path(output)) if output else config


def _of_profile(found: Standings) -> dict[str, Sequence[Standing]]:
    return {slug: by_profile[PROFILE] for slug, by_profile in found.items()}


def _unsound(course: Course) -> tuple[SiteError, ...]:
    try:
        sound(course)
    except SiteError as error:
        return flat([error])
    return ()


def _running(plans: Mapping[str, Walk], found: Standings) -> list[Note]:
    """The blocks whose outputs are still to come."""
    return [
        Note("running", "Running", page=f"{slug}.html", cell=standing.cell.id)
        for slug in plans
        for standing in found[slug][PROFILE]
        if not standing.holds
    ]


def _note(error: SiteError, course: Course | None = None, cell: Cell | None = None) -> Note:
    """An error at its place: a cell, else the page of its lesson, else every page."""
    message, _, detail = str(error).partition("\n")
    path = error.path if isinstance(error, SourceError) else ""
    lessons = course.lessons if course else ()
    page = next((f"{lesson.slug}.html" for lesson in lessons if lesson.path == path), "")
    return Note("failed", message, detail, page, cell.id if cell else "")


def _unforeseen(error: Exception) -> Note:
    message = traceback.format_exception_only(error)[-1].strip()
    return Note("failed", message, "".join(traceback.format_exception(error)))
