"""A round of building: what the files say now, on the screen and then in the site's folder.

A round shows at once what is known, runs what is not, and shows that. The folder is written when
nothing is left to run and nothing is wrong, as by a plain build; until then it keeps the last
good site, and the screen shows what is wrong.
"""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sitegen.build import AllStandings, Builder, Request
from sitegen.course import Course
from sitegen.errors import BlockError, SiteError, SourceError, flat, say
from sitegen.execute.executor import Execution, Executor
from sitegen.execute.plan import Plan
from sitegen.execute.progress import Progress
from sitegen.parse import config as configuration
from sitegen.parse.config import Config
from sitegen.parse.lesson import Cell, Lesson
from sitegen.record.fingerprint import Library, Memory
from sitegen.render.publish import publish, site_files
from sitegen.serve.kept import Kept, KeptRenderer
from sitegen.serve.view import Note, Screen

PROFILE = "cpu"
"""Under which the loop executes."""

TRIES = 5
"""So often a round begins anew since the library was edited meanwhile."""

SNAPSHOT_WORTH = 0.1
"""Seconds of work that are not done twice: less is not felt, and a snapshot costs some 10 ms."""


@dataclass(frozen=True)
class _Attempt:
    """An execution that left something to run, which is not tried again without a reason."""

    fingerprints: tuple[str, ...]
    """Of what was left."""
    lesson: Lesson
    execution: Execution

    def stands(self, fingerprints: tuple[str, ...], lesson: Lesson) -> bool:
        """Whether it would come to the same. An error names lines, so its text has to be too."""
        same = self.execution.error is None or self.lesson.text == lesson.text
        return same and self.fingerprints == fingerprints


class _ChangedError(Exception):
    """A file of the library, which it names, was edited meanwhile."""


class _MovedError(Exception):
    """A block failed whose lesson was edited elsewhere while it ran: the error names old lines."""


class Loop:
    """Rounds of building one course; a context manager that leaves no process behind."""

    def __init__(
        self,
        root: Path,
        screen: Screen,
        output: str | None = None,
        jobs: int = 0,
        verbose: bool = False,
    ) -> None:
        self.root = root
        self.screen = screen
        self.output = output
        self.jobs = jobs
        self.verbose = verbose
        self.config = self._load()
        self.kept = Kept()
        self.library: Library | None = None
        self.memory: Memory | None = None
        self.attempts: dict[str, _Attempt] = {}
        self.executor: Executor | None = None
        self._processes = contextlib.ExitStack()
        self._warm_for: Any = None
        self._seen: Any = None
        self._said: tuple[Note, ...] = ()
        self._restless: set[Path] = set()

    def __enter__(self) -> Loop:
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.close()

    def round(self, changed: Collection[Path] = (), interrupt: Any = None) -> list[str]:
        """Bring screen and site up to date; over early when `interrupt` can be read.

        `changed` are files that were saved: what failed in them is tried again. What is given
        back are the blocks whose outputs were made anew.
        """
        if changed and self._restless.issuperset(changed):
            return []
        self._restless.clear()
        began = time.perf_counter()
        before, executed = self.screen.view.digests, list[str]()
        self.attempts = {
            slug: attempt
            for slug, attempt in self.attempts.items()
            if not (attempt.execution.error and self.root / attempt.lesson.path in changed)
        }
        for left in range(TRIES, -1, -1):
            try:
                self._build(executed, interrupt)
            except _ChangedError as error:
                self.library = self.memory = None
                if left:
                    continue
                self._restless.add(self.root / str(error))
                message = f"{error} changes whenever this is built: does a block write to it?"
                self._show(self.screen.view.files, (Note("failed", message),))
            except _MovedError:
                continue
            except SiteError as error:
                self._show(self.screen.view.files, tuple(_note(one) for one in flat([error])))
            except Exception as error:  # a template may raise anything, and the next save mend it
                self._show(self.screen.view.files, (_unforeseen(error),))
            break
        self._report(before, executed, time.perf_counter() - began)
        return executed

    def _load(self) -> Config:
        config = configuration.load(self.root)
        return config.writing_to(Path(self.output)) if self.output else config

    def _build(self, executed: list[str], interrupt: Any) -> None:
        """One attempt at a round; the blocks that it executed join the list.

        Raises:
            SiteError: there is nothing new to show.
            _ChangedError: the library was edited meanwhile.
            _MovedError: a lesson was, above or below a block that failed.
        """
        self.config = config = self._load()
        self._look_at_library()
        executor = self._warm()
        course, mistakes = self.kept.course(config)
        executor.keep([lesson.slug for lesson in course.lessons])
        builder = Builder(course, Request(jobs=self.jobs), self.library, self.memory)
        self.memory = builder.memory
        builder.report.executed = executed
        notes = [_note(error, course) for error in mistakes]
        notes += [_note(error, course) for error in self._unsound(builder)]
        notes += self._embedded(course)
        found = builder.all_standings()
        self._assure_unchanged()
        plans = self._plans(builder, found)
        with Progress(sum(len(plan.cells) for plan in plans.values()), self.verbose) as progress:
            executions = executor.run(list(plans.values()), progress, interrupt)
            files = self._files(builder, found)
            self._show(files, (*notes, *self._failures(course), *_running(plans, found)))
            for execution in executions:
                self._assure_unchanged()
                slug = execution.lesson.slug
                builder.record(execution, found[slug][PROFILE])
                lesson = plans.pop(slug).lesson
                if execution.error and execution.lesson.text != lesson.text:
                    raise _MovedError
                fresh = builder.standings(lesson, PROFILE)
                found = {**found, slug: {**found[slug], PROFILE: fresh}}
                for left in builder.plans([lesson], {slug: fresh}):
                    self.attempts[slug] = _Attempt(_fingerprints(left, found), lesson, execution)
                files = self._files(builder, found)
                self._assure_unchanged()
                self._show(files, (*notes, *self._failures(course), *_running(plans, found)))
        if not plans:
            self._finish(builder, found, None if notes or self._failures(course) else files)

    def _finish(
        self, builder: Builder, found: AllStandings, files: Mapping[str, bytes] | None
    ) -> None:
        """Write what a plain build writes, if there is a site without fault."""
        if files is not None:
            for lesson in builder.course.lessons:
                builder.note_sources(lesson, found[lesson.slug])
            publish(self.config.output, files)
        builder.memory.save()
        self.memory = Memory(builder.memory.file)  # without what older rounds asked for

    def _look_at_library(self) -> None:
        """Take the library as it is, and end what runs with an older one."""
        library = Library(self.config.root, self.config.packages)
        seen = (self._times(), library.packages, library.digest)
        if self.library is None or seen != self._seen:
            self.library, self._seen = library, seen
            self.attempts.clear()
            if self.executor:
                self.executor.drop()

    def _times(self) -> Any:
        """When each file of the library was written, be it with the same content."""
        files = Library(self.config.root, self.config.packages).files
        try:
            stats = [(path, os.stat(self.config.root / path)) for path in files]
        except FileNotFoundError as error:
            raise _ChangedError(os.path.relpath(error.filename, self.root)) from None
        return [(path, one.st_mtime_ns, one.st_ctime_ns, one.st_size) for path, one in stats]

    def _assure_unchanged(self) -> None:
        """Nothing may be kept that was made while the library was edited."""
        changed = set(self._times()) ^ set(self._seen[0])
        if changed:
            raise _ChangedError(min(path for path, *_ in changed))

    def _warm(self) -> Executor:
        """Worker processes for the configuration as it is, their imports done already."""
        # What the fork server imports it imports once, and the author's code has to be fresh.
        preloaded = {name.partition(".")[0] for name in self.config.preload}
        own = {name for name in preloaded if any(self.root.glob(f"{name}*"))}
        own |= {__package__.partition(".")[0]} & set(self.config.packages)
        wanted = (self.config, self._seen if own else None)
        if self.executor is None or wanted != self._warm_for:
            self._processes.close()
            self.attempts.clear()
            self.executor = self._processes.enter_context(
                Executor(self.config, PROFILE, self.jobs, snapshot_worth=SNAPSHOT_WORTH)
            )
            self._warm_for = wanted
        return self.executor

    def _unsound(self, builder: Builder) -> tuple[SiteError, ...]:
        try:
            builder.audit()
        except SiteError as error:
            return flat([error])
        return ()

    def _embedded(self, course: Course) -> list[Note]:
        """What differs from the library."""
        assert self.library
        notes = []
        for lesson in course.lessons:
            try:
                for block, message, diff in self.kept.disagreements(lesson, self.library):
                    error = BlockError(lesson.path, block.line, message, diff)
                    notes.append(_note(error, course, block))
            except SourceError as error:
                if error.path != lesson.path:  # the library's own mistake
                    raise
                notes.append(_note(error, course))
        return notes

    def _plans(self, builder: Builder, found: AllStandings) -> dict[str, Plan]:
        """By slug, what is to be run and was not tried yet as it is now."""
        wanted, stand = {}, {}
        now = {slug: by_profile[PROFILE] for slug, by_profile in found.items()}
        for plan in builder.plans(builder.course.lessons, now):
            slug = plan.lesson.slug
            attempt = self.attempts.get(slug)
            if attempt and attempt.stands(_fingerprints(plan, found), plan.lesson):
                stand[slug] = attempt
            else:
                wanted[slug] = plan
        self.attempts = stand
        return wanted

    def _failures(self, course: Course) -> list[Note]:
        return [
            _note(attempt.execution.error, course, attempt.execution.failed)
            for attempt in self.attempts.values()
            if attempt.execution.error
        ]

    def _files(self, builder: Builder, found: AllStandings) -> dict[str, bytes]:
        pages = builder.pages(KeptRenderer(builder.course, self.kept), found)
        return site_files(builder.config, builder.course.lessons, pages)

    def _show(self, files: Mapping[str, bytes], notes: tuple[Note, ...]) -> None:
        """Put it on the screen, and what went wrong on the terminal, once."""
        self.screen.show(files, notes)
        failed = tuple(note for note in notes if note.kind == "failed")
        for note in failed:
            if note not in self._said:
                say(note.message, note.detail)
        self._said = failed

    def _report(self, before: Mapping[str, str], executed: Sequence[str], seconds: float) -> None:
        """One line of what a round did, if it did anything."""
        now = self.screen.view
        renewed = sum(before.get(name) != digest for name, digest in now.digests.items())
        if renewed or executed:
            wrong = sum(note.kind == "failed" for note in now.notes)
            state = f", {wrong} wrong" if wrong else ""
            print(
                f"{time.strftime('%H:%M:%S')}  {len(executed)} executed, {renewed} files renewed"
                f"{state} in {seconds:.2f} s",
                flush=True,
            )


def _fingerprints(plan: Plan, found: AllStandings) -> tuple[str, ...]:
    """What the cells of a plan depend on."""
    wanted = {cell.id for cell in plan.cells}
    standings = found[plan.lesson.slug][PROFILE]
    return tuple(one.fingerprint.digest for one in standings if one.cell.id in wanted)


def _running(plans: Mapping[str, Plan], found: AllStandings) -> list[Note]:
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
