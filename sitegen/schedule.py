"""What is to be run, run, and taken in as it comes: a build, a check and a round share this.

How all cells stand is one plain value. It is read once, and what comes of running a cell gives
the next one; nothing is read again in between. What follows from an edit is not known before the
edited cell has run, so verification and execution take turns: after each result, the cells below
are held against it, and those that stand are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sitegen.course import Course
from sitegen.execute.executor import Event, Execution, Executor
from sitegen.execute.plan import Order
from sitegen.parse.config import Config
from sitegen.parse.lesson import Block, Cell, Lesson
from sitegen.record import awaited, recorder
from sitegen.record.awaited import awaiting, awaiting_less
from sitegen.record.needed import Needed
from sitegen.record.recordings import Recording, Recordings
from sitegen.record.replay import Standing, World, settled, standings
from sitegen.trace import Program, Trace, memory, verify

Standings = Mapping[str, Mapping[str, Sequence[Standing]]]
"""How cells stand, in their order: by the slug of the lesson and the name of the profile."""

WORTH = 1.0
"""Seconds of rebuilding that are spent on a cell of which it is not known yet if it will run."""


@dataclass(frozen=True)
class Evidence:
    """What cells are held against: the packages as they are, and what is recorded of them."""

    program: Program
    recordings: Recordings

    @classmethod
    def of(cls, config: Config, program: Program | None = None) -> Evidence:
        """What there is of a course now."""
        program = program or Program(config.root, config.packages)
        memory.recall(config.cache, program)
        return cls(program, Recordings(config.recordings))

    def keep(self, config: Config) -> None:
        """Let the next build know what was found out."""
        memory.keep(config.cache, self.program)


def stand(course: Course, evidence: Evidence) -> Standings:
    """How every cell of the course stands under every profile."""
    found = {
        lesson.slug: {
            profile.name: standings(lesson, profile.name, evidence.program, evidence.recordings)
            for profile in course.config.profiles
        }
        for lesson in course.lessons
    }
    had = resources(found, evidence.recordings)
    return {
        slug: {name: awaiting(rows, had[name]) for name, rows in by_profile.items()}
        for slug, by_profile in found.items()
    }


def resources(found: Standings, recordings: Recordings) -> dict[str, frozenset[str]]:
    """By profile, the resources with which blocks of the course have been recorded."""
    had = recordings.resources()
    for by_profile in found.values():
        for name, rows in by_profile.items():
            had[name] = had.get(name, frozenset()) | awaited.resources(rows)
    return had


@dataclass(frozen=True)
class Turn:
    """A lesson has ended: what came of it, and how all cells stand now."""

    execution: Execution
    found: Standings


Save = Callable[[str, Cell, Sequence[Standing]], None]
"""Keeps the recording of a cell, given the slug of its lesson and how the cells of that stand."""


class Run:
    """The lessons of a course under one profile, before and while they run."""

    def __init__(
        self, program: Program, found: Standings, profile: str, everything: bool = False
    ) -> None:
        self.program = program
        self.found = found
        self.profile = profile
        self.everything = everything
        """Whether what stands is run, too."""
        self._worlds: dict[str, World] = {}
        self.distrusted: dict[str, set[str]] = {}
        """By slug, the cells that turned out to read more than could be told beforehand."""
        self.recorded: set[tuple[str, str]] = set()
        self.news = False
        """Whether anything came of the last round that another one could build on."""

    def of(self, lesson: Lesson) -> Sequence[Standing]:
        """How the cells of a lesson stand."""
        return self.found[lesson.slug][self.profile]

    def _world(self, lesson: Lesson) -> World:
        """What its traces are held against, after each of its cells."""
        if lesson.slug not in self._worlds:
            self._worlds[lesson.slug] = World.of(lesson, self.profile, self.program)
        return self._worlds[lesson.slug]

    def walks(self, lessons: Sequence[Lesson]) -> list[Walk]:
        """What there is to run of these lessons."""
        walks = [Walk(self, lesson) for lesson in lessons]
        return [walk for walk in walks if walk.cells]

    def is_new(self, lesson: Lesson, standing: Standing) -> bool:
        """Whether a cell is to be run for its own sake."""
        again = self.everything and (lesson.slug, standing.cell.id) not in self.recorded
        return again or standing.is_wanted

    def take(self, event: Event, save: Save) -> None:
        """Take in what a cell displayed, unless it is run only for what it leaves."""
        lesson, cell, result = event.lesson, event.cell, event.result
        assert result
        rows, place = self.of(lesson), (lesson.slug, cell.id)
        standing = next(one for one in rows if one.cell.id == cell.id)
        again = self.everything or place in self.recorded
        if standing.holds and not again:
            return
        world = self._world(lesson)
        if self._is_misled(result.trace, standing, event.ran, world, rows):
            self.distrusted.setdefault(lesson.slug, set()).add(cell.id)
            self.news = True
            return
        self.news |= place not in self.recorded
        self.recorded.add(place)
        rows = settled(rows, cell.id, recorder.with_result(standing, result), world)
        save(lesson.slug, cell, rows)
        self.found = {**self.found, lesson.slug: {**self.found[lesson.slug], self.profile: rows}}
        if isinstance(cell, Block) and cell.options.needs:
            self.found = {
                slug: {
                    **by_profile,
                    self.profile: awaiting_less(by_profile[self.profile], cell.options.needs),
                }
                for slug, by_profile in self.found.items()
            }

    def _is_misled(
        self,
        trace: Trace | None,
        standing: Standing,
        ran: Sequence[Cell],
        world: World,
        rows: Sequence[Standing],
    ) -> bool:
        """Whether a cell read what had not been rebuilt for it."""
        above = {one.cell.id for one in rows[: rows.index(standing)]}
        if trace is None or above <= {cell.id for cell in ran}:
            return False
        return bool(verify(trace, standing.state, world.around(standing.cell)))

    def goes_on(self, execution: Execution) -> bool:
        """Whether a lesson that has ended is to be gone through once more."""
        lesson, failed = execution.lesson, execution.failed
        if execution.error:
            rows = self.of(lesson)
            standing = next((one for one in rows if failed and one.cell.id == failed.id), None)
            world = self._world(lesson)
            if standing is None or not self._is_misled(
                execution.trace, standing, execution.ran, world, rows
            ):
                return False
            self.distrusted.setdefault(lesson.slug, set()).add(standing.cell.id)
            self.news = True
        return self.news and Walk(self, lesson).next((), execution.lacking) is not None


class Walk:
    """A lesson gone through from the top: what does not stand is run, with what it needs."""

    def __init__(self, run: Run, lesson: Lesson) -> None:
        self.run = run
        self.lesson = lesson

    @property
    def cells(self) -> tuple[Cell, ...]:
        """What is to be run, as far as it is known before anything has."""
        return self._cells(())

    @property
    def certain(self) -> tuple[Cell, ...]:
        """Those that are run even where what is awaited is not to be had."""
        return self._cells([one.cell.id for one in self.run.of(self.lesson) if one.awaits])

    def _cells(self, out: Collection[str]) -> tuple[Cell, ...]:
        due = self._due(self._needed(), out)
        return tuple(one.cell for one in self.run.of(self.lesson) if one.cell.id in due)

    def next(self, ran: Sequence[Cell], lacking: Collection[str]) -> Order | None:
        """The next cell in order that does not stand, or that one below needs."""
        found, needed = self.run.of(self.lesson), self._needed()
        done = {cell.id for cell in ran}
        if any(not needed.of(id_) <= done for id_ in done & needed.distrusted):
            return None  # one was misled, and what it did is in the way of all others
        due = self._due(needed, lacking) - done
        last = max((needed.order[id_] for id_ in done if id_ in needed.order), default=-1)
        for standing in found[last + 1 :]:
            id_ = standing.cell.id
            if id_ in due and needed.of(id_) <= done:
                again = self.run.is_new(self.lesson, standing) or not standing.holds
                return Order(standing.cell, None if again else standing.trace)
        return None

    def goes_on_from(self, ran: Sequence[Cell]) -> bool:
        """Whether the first cell that is to be run can be, after these."""
        found, needed = self.run.of(self.lesson), self._needed()
        by_id = {one.cell.id: one for one in found}
        if any(one.id not in by_id or not by_id[one.id].holds for one in ran):
            return False
        first = next((one.cell.id for one in found if self.run.is_new(self.lesson, one)), None)
        if first is None:
            return False
        done = {cell.id for cell in ran}
        last = max(needed.order[id_] for id_ in done)
        missing = {first, *needed.of(first)} - done
        return all(needed.order[id_] > last for id_ in missing)

    def takes_up(self, ran: Sequence[Cell], current: Cell | None) -> bool:
        """Whether this would run just what runs now, after these."""
        if current is None or (ran and not self.goes_on_from(ran)):
            return False
        order = self.next(ran, ())
        return order is not None and order.cell == current

    def _needed(self) -> Needed:
        distrusted = self.run.distrusted.get(self.lesson.slug, ())
        return Needed(self.run.of(self.lesson), frozenset(distrusted))

    def _due(self, needed: Needed, out: Collection[str]) -> set[str]:
        """The ids of the cells to be run, those that rebuild what others need among them.

        What may follow is prepared for, where that costs little beside the rest. None is run that
        is `out`, nor for the sake of one.
        """
        found = self.run.of(self.lesson)
        if out:
            apart = set(out)
            found = [one for one in found if not apart & {one.cell.id, *needed.of(one.cell.id)}]
        wanted = [one.cell.id for one in found if self.run.is_new(self.lesson, one)]
        if not wanted:
            return set()
        due = {*wanted, *needed.of(*wanted)}
        seconds = {one.cell.id: _seconds(one) for one in found}
        worth = max(WORTH, sum(seconds[id_] for id_ in due))
        for one in found:
            if one.follows and one.cell.id not in due:
                more = needed.of(one.cell.id) - due
                if sum(seconds[id_] for id_ in more) <= worth:
                    due |= more
        return due


def _seconds(standing: Standing) -> float:
    recording = standing.recording
    return recording.provenance.seconds if isinstance(recording, Recording) else 0.0


def run(
    executor: Executor,
    state: Run,
    walks: Sequence[Walk],
    tell: Callable[[Event], None],
    save: Save,
    interrupt: Any = None,
) -> Iterator[Turn]:
    """Begin to go through lessons, and yield each as it ends.

    The result of a cell is saved as soon as it is there. Over early when `interrupt`, a socket or
    the like, can be read.
    """

    def heed(event: Event) -> None:
        if event.result:
            state.take(event, save)
        tell(event)

    def turns(executions: Iterator[Execution]) -> Iterator[Turn]:
        while True:
            again: list[Walk] = []
            for execution in executions:
                if state.goes_on(execution):
                    again.append(Walk(state, execution.lesson))
                else:
                    yield Turn(execution, state.found)
            if executor.is_busy or not again:
                return
            state.news = False
            executions = executor.run(again, heed, interrupt)

    return turns(executor.run(walks, heed, interrupt))
