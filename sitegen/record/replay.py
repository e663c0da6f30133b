"""Which recordings still stand.

The cells of a lesson are gone through in order. The trace of each is held against what the traces
above it say that their cells left, and against the world; nothing is run for that. What a cell
that does not stand will leave is not known before it has run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sitegen.parse.lesson import Block, Cell, Lesson
from sitegen.record.recordings import DamagedRecordingError, Recording, Recordings, Value
from sitegen.trace import Change, Program, State, Surroundings, Trace, verify
from sitegen.trace.cells import bound_names, own
from sitegen.trace.verify import reads

UNKNOWN = "?"
"""The hash of what a cell is going to leave that has not run yet."""


@dataclass(frozen=True)
class Standing:
    """A cell, the recording that there is of it, and what speaks against that."""

    cell: Cell
    recording: Recording | Value | None
    changes: tuple[Change, ...] = ()
    """What the recording was made from and is another now."""
    follows: tuple[str, ...] = ()
    """The cells above, by their ids, that do not stand, and may leave otherwise what it reads."""
    damage: str = ""
    """Why the recording can't be read, if it can't."""
    failure: str = ""
    """How the cell failed when it was executed just now, if it did."""
    awaits: tuple[str, ...] = ()
    """The resources for want of which nobody could record the cell so far."""
    state: State = field(default_factory=State, repr=False, compare=False)
    """What the cells above have left, as far as that is known."""

    @property
    def holds(self) -> bool:
        """Whether the recording is what the cell would display now."""
        return self.recording is not None and not self.changes and not self.follows

    @property
    def is_sound(self) -> bool:
        """Whether there is nothing to mend: it holds, or nobody could record it so far."""
        return self.holds or bool(self.awaits)

    @property
    def is_wanted(self) -> bool:
        """Whether the cell is to be run, whatever comes of those above it."""
        return self.recording is None or bool(self.changes)

    @property
    def trace(self) -> Trace | None:
        """Of the recorded execution."""
        return self.recording.trace if self.recording else None

    @property
    def changed(self) -> tuple[str, ...]:
        """What is another now, in words."""
        found = (change.name for change in self.changes)
        return tuple(dict.fromkeys([*found, *(f"block {one!r} above" for one in self.follows)]))


def runnable(lesson: Lesson, profile: str) -> list[Cell]:
    """The cells that exist under a profile and are ever run."""
    return [
        cell
        for cell in lesson.cells
        if _only(cell) in ("", profile) and not (isinstance(cell, Block) and cell.options.no_run)
    ]


def _only(cell: Cell) -> str:
    return cell.options.only if isinstance(cell, Block) else cell.only


@dataclass(frozen=True)
class World:
    """What the traces of one lesson under one profile are held against, besides each other."""

    program: Program
    own: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, lesson: Lesson, profile: str, program: Program) -> World:
        return cls(program, own(lesson, profile))

    def around(self, cell: Cell) -> Surroundings:
        """What a cell may read that no other cell left."""
        return Surroundings(self.program, self.program.root, self.own[cell.id])


def standings(
    lesson: Lesson, profile: str, program: Program, recordings: Recordings
) -> list[Standing]:
    """How every runnable cell of a lesson stands under a profile."""
    found, world = [], World.of(lesson, profile, program)
    values, damage = list[Value](), ""
    try:
        values = recordings.load_values(lesson.slug, profile)
    except DamagedRecordingError as error:
        damage = str(error)
    for cell in runnable(lesson, profile):
        if isinstance(cell, Block):
            try:
                found.append(Standing(cell, recordings.load(lesson.slug, profile, cell.id)))
            except DamagedRecordingError as error:
                found.append(Standing(cell, None, damage=str(error)))
        else:
            code = world.own[cell.id]["code"]
            mine = (one for one in values if _is_of(one, cell.code, code))
            value = next(mine, None)
            if value:
                values.remove(value)
            sound = value if value and not value.damage else None
            found.append(Standing(cell, sound, damage=value.damage if value else damage))
    return walk(found, world)


def _is_of(value: Value, expression: str, code: str) -> bool:
    """Whether a recorded value is that of an expression, whose hash is `code`, be it damaged."""
    return expression == value.expression or code == value.trace.reads.get("code")


def walk(found: Sequence[Standing], world: World, begin: int = 0) -> list[Standing]:
    """How cells stand with these recordings; those before the place to begin stand as they did."""
    done = list(found[:begin])
    state = found[begin].state if begin < len(found) else State()
    unsure = _unsure(done)
    for standing in found[begin:]:
        cell, trace = standing.cell, standing.trace
        found_changes = verify(trace, state, world.around(cell)) if trace else ()
        changes = tuple(change for change in found_changes if change.now != UNKNOWN)
        follows = tuple(dict.fromkeys(_followed(trace, unsure))) if trace else ()
        one = replace(standing, changes=changes, follows=follows, state=state)
        done.append(one)
        state = state.after(cell.id, _left(one))
        _note(one, unsure)
    return done


def settled(found: Sequence[Standing], cell: str, new: Standing, world: World) -> list[Standing]:
    """How cells stand once one of them was executed."""
    place = next(index for index, one in enumerate(found) if one.cell.id == cell)
    old, rows = found[place], [*found]
    rows[place] = new = replace(new, changes=(), follows=(), state=old.state)
    if old.holds and _left(old) == _left(new):
        return rows
    if place + 1 < len(rows):
        rows[place + 1] = replace(rows[place + 1], state=old.state.after(cell, _left(new)))
    return walk(rows, world, place + 1)


def _left(standing: Standing) -> Trace:
    """What a cell leaves; of one that has not run as it is now, what its code says it binds."""
    trace = standing.trace or Trace()
    if not standing.is_wanted or standing.failure:
        return trace
    names = bound_names(standing.cell)
    new = {f"lesson {name}": UNKNOWN for name in names if f"lesson {name}" not in trace.leaves}
    return replace(trace, binds={**trace.binds, **new}) if new else trace


def _unsure(done: Sequence[Standing]) -> dict[str, str]:
    unsure: dict[str, str] = {}
    for standing in done:
        _note(standing, unsure)
    return unsure


def _note(standing: Standing, unsure: dict[str, str]) -> None:
    """Keep book of what is left by cells that do not stand: by thing, by which of them."""
    left = _left(standing)
    if standing.holds:
        for thing in left.binds:
            unsure.pop(thing, None)
    else:
        unsure.update(dict.fromkeys(left.leaves, standing.cell.id))


def _followed(trace: Trace, unsure: Mapping[str, str]) -> Iterator[str]:
    for thing, maker in unsure.items():
        if reads(trace, thing):
            yield maker
