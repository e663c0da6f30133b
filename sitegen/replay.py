"""Which recordings still stand, and which cells must therefore be executed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sitegen.fingerprint import Fingerprint, Library, Unit, fingerprints
from sitegen.lesson import Block, Cell, Lesson
from sitegen.record import DamagedRecordingError, Recording, Recordings, Value


@dataclass(frozen=True)
class Standing:
    """A cell, what its outputs depend on now, and the recording that there is of it."""

    cell: Cell
    fingerprint: Fingerprint
    recording: Recording | Value | None
    damage: str = ""
    """Why the recording can't be read, if it can't."""

    @property
    def holds(self) -> bool:
        """Whether the recording was made from just what there is now."""
        return self.recording is not None and self.recording.fingerprint == self.fingerprint.digest

    @property
    def changed(self) -> list[str]:
        """What the recording was made from and has changed since, by name."""
        if self.recording is None:
            return []
        old, new = self.recording.parts, self.fingerprint.parts
        return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def runnable(lesson: Lesson, profile: str) -> list[Cell]:
    """The cells that exist under a profile and are ever run."""
    return [
        cell
        for cell in lesson.cells
        if not isinstance(cell, Block)
        or (not cell.options.no_run and cell.options.only in ("", profile))
    ]


def standings(
    lesson: Lesson, profile: str, library: Library, recordings: Recordings
) -> list[Standing]:
    """How every runnable cell of a lesson stands under a profile."""
    cells = runnable(lesson, profile)
    prints = fingerprints([_unit(cell) for cell in cells], library, profile)
    values, damage = {}, ""
    try:
        values = recordings.load_values(lesson.slug, profile)
    except DamagedRecordingError as error:
        damage = str(error)
    found = []
    for cell, print_ in zip(cells, prints, strict=True):
        if isinstance(cell, Block):
            found.append(_block_standing(lesson, profile, cell, print_, recordings))
        else:
            found.append(Standing(cell, print_, values.get(print_.digest), damage))
    return found


def cells_to_run(found: Sequence[Standing], everything: bool = False) -> tuple[Cell, ...]:
    """The cells whose recordings don't hold, and those that rebuild the state they need."""
    wanted: set[str] = set()
    for standing in found:
        if everything or not standing.holds:
            wanted |= {standing.cell.id, *standing.fingerprint.needs}
    return tuple(standing.cell for standing in found if standing.cell.id in wanted)


def _unit(cell: Cell) -> Unit:
    if not isinstance(cell, Block):
        return Unit(cell.id, cell.code, "inline")
    # The id seeds the random numbers; of the options only these alter what is displayed.
    raises = cell.options.raises
    return Unit(cell.id, cell.code, f"{cell.id} raises={raises}", may_raise=bool(raises))


def _block_standing(
    lesson: Lesson, profile: str, block: Block, print_: Fingerprint, recordings: Recordings
) -> Standing:
    try:
        return Standing(block, print_, recordings.load(lesson.slug, profile, block.id))
    except DamagedRecordingError as error:
        return Standing(block, print_, None, str(error))
