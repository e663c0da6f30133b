"""What is to be run, run, and taken in as it comes: a build, a check and a round share this.

How all cells stand is one plain value. It is read once, and what comes of running a cell gives
the next one; nothing is read again in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sitegen.course import Course
from sitegen.execute.executor import Event, Execution, Executor
from sitegen.execute.plan import Plan
from sitegen.parse.config import Config
from sitegen.parse.lesson import Cell, Lesson
from sitegen.record import recorder
from sitegen.record.fingerprint import Library, Memory
from sitegen.record.recordings import Recordings
from sitegen.record.replay import Standing, standings

Standings = Mapping[str, Mapping[str, Sequence[Standing]]]
"""How cells stand, in their order: by the slug of the lesson and the name of the profile."""


@dataclass(frozen=True)
class Evidence:
    """What cells are held against: the library as it is, and what is recorded of them."""

    library: Library
    recordings: Recordings
    memory: Memory

    @classmethod
    def of(cls, config: Config, library: Library | None = None) -> Evidence:
        """What there is of a course now."""
        return cls(
            library or Library(config.root, config.packages),
            Recordings(config.recordings),
            Memory(config.cache / "fingerprints.json"),
        )


def stand(course: Course, evidence: Evidence) -> Standings:
    """How every cell of the course stands under every profile."""
    return {
        lesson.slug: {
            profile.name: standings(
                lesson, profile.name, evidence.library, evidence.recordings, evidence.memory
            )
            for profile in course.config.profiles
        }
        for lesson in course.lessons
    }


def plans(
    lessons: Sequence[Lesson], found: Standings, profile: str, everything: bool = False
) -> list[Plan]:
    """What is to be run of these lessons: what doesn't hold, with the cells that it needs."""
    made = [_plan(lesson, found[lesson.slug][profile], everything) for lesson in lessons]
    return [plan for plan in made if plan.wanted]


def _plan(lesson: Lesson, found: Sequence[Standing], everything: bool) -> Plan:
    needs = {standing.cell.id: standing.fingerprint.needs for standing in found}
    wanted = {standing.cell.id for standing in found if everything or not standing.holds}
    ids = wanted.union(*(needs[id_] for id_ in wanted))
    cells = tuple(standing.cell for standing in found if standing.cell.id in ids)
    return Plan(lesson, cells, frozenset(wanted), needs)


@dataclass(frozen=True)
class Turn:
    """A lesson has ended: what came of it, and how all cells stand now."""

    execution: Execution
    found: Standings


Save = Callable[[str, Cell, Sequence[Standing]], None]
"""Keeps the recording of a cell, given the slug of its lesson and how the cells of that stand."""


def run(
    executor: Executor,
    plans: Sequence[Plan],
    found: Standings,
    tell: Callable[[Event], None],
    save: Save | None = None,
    interrupt: Any = None,
) -> Iterator[Turn]:
    """Begin to run the plans, and yield each lesson as it ends.

    The result of a cell that is wanted is saved as soon as it is there; without `save` all stands
    as it stood. Over early when `interrupt`, a socket or the like, can be read.
    """
    wanted = {plan.lesson.slug: plan.wanted for plan in plans}

    def heed(event: Event) -> None:
        nonlocal found
        slug, profile = event.lesson.slug, executor.profile
        if save and event.result and event.cell.id in wanted.get(slug, ()):
            rows = [
                recorder.settled(one, event.result) if one.cell.id == event.cell.id else one
                for one in found[slug][profile]
            ]
            save(slug, event.cell, rows)
            found = {**found, slug: {**found[slug], profile: rows}}
        tell(event)

    executions = executor.run(plans, heed, interrupt)
    return (Turn(execution, found) for execution in executions)
