"""Which recordings still stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sitegen.parse.lesson import Block, Cell, Lesson
from sitegen.record.fingerprint import Fingerprint, Library, Memory, Unit
from sitegen.record.recordings import DamagedRecordingError, Recording, Recordings, Sources, Value


@dataclass(frozen=True)
class Standing:
    """A cell, what its outputs depend on now, and the recording that there is of it."""

    cell: Cell
    fingerprint: Fingerprint
    recording: Recording | Value | None
    changed: Sequence[str] = ()
    """By name, what the recording was made from and is another now."""
    damage: str = ""
    """Why the recording can't be read, if it can't."""
    failure: str = ""
    """How the cell failed when it was executed just now, if it did."""

    @property
    def holds(self) -> bool:
        """Whether the recording was made from just what there is now."""
        return self.recording is not None and self.recording.fingerprint == self.fingerprint.digest


def runnable(lesson: Lesson, profile: str) -> list[Cell]:
    """The cells that exist under a profile and are ever run."""
    return [
        cell
        for cell in lesson.cells
        if _only(cell) in ("", profile) and not (isinstance(cell, Block) and cell.options.no_run)
    ]


def _only(cell: Cell) -> str:
    return cell.options.only if isinstance(cell, Block) else cell.only


def standings(
    lesson: Lesson, profile: str, library: Library, recordings: Recordings, memory: Memory
) -> list[Standing]:
    """How every runnable cell of a lesson stands under a profile."""
    cells = runnable(lesson, profile)
    prints = memory.fingerprints([_unit(cell) for cell in cells], library, profile)
    sources = recordings.load_sources(lesson.slug, profile)
    values, damage = dict[str, Value](), ""
    inlines = {
        cell.id: (print_.digest, cell.code)
        for cell, print_ in zip(cells, prints, strict=True)
        if not isinstance(cell, Block)
    }
    try:
        values = _values_by_id(inlines, recordings.load_values(lesson.slug, profile))
    except DamagedRecordingError as error:
        damage = str(error)
    found = []
    for cell, print_ in zip(cells, prints, strict=True):
        value = values.get(cell.id)
        recording: Recording | Value | None = None if value and value.damage else value
        problem = value.damage if value else damage
        if isinstance(cell, Block):
            recording, problem = None, ""
            try:
                recording = recordings.load(lesson.slug, profile, cell.id)
            except DamagedRecordingError as error:
                problem = str(error)
        changed = () if recording is None else _changed(recording, print_, sources)
        found.append(Standing(cell, print_, recording, changed, problem))
    return found


def _values_by_id(
    inlines: Mapping[str, tuple[str, str]], recorded: Sequence[Value]
) -> dict[str, Value]:
    """The recorded value of each inline value, given its fingerprint and expression.

    An id is only a place, so that it is by what they were made from that values are found; one
    that is out of date or damaged, by its expression.
    """
    recorded = sorted(recorded, key=lambda value: not value.damage)  # a sound one counts, if any
    by_fingerprint = {value.fingerprint: value for value in recorded}
    now = {digest for digest, _ in inlines.values()}
    old = {
        value.expression: value
        for value in recorded
        if value.damage or value.fingerprint not in now
    }
    found = {
        id_: by_fingerprint.get(digest) or old.get(code) for id_, (digest, code) in inlines.items()
    }
    return {id_: value for id_, value in found.items() if value}


def _changed(recording: Recording | Value, now: Fingerprint, sources: Sources) -> Sequence[str]:
    if recording.fingerprint == now.digest:
        return ()
    return sorted(name for name, hash_ in now.parts.items() if sources.get(name) != [hash_])


def sources_of(found: Sequence[Standing], before: Sources) -> Sources:
    """What recordings are made from: as things are now, and were for those that are stale."""
    now: dict[str, set[str]] = {}
    for standing in found:
        for name, hash_ in standing.fingerprint.parts.items():
            now.setdefault(name, set()).add(hash_)
    if any(standing.recording and not standing.holds for standing in found):
        for name, hashes in before.items():
            now.setdefault(name, set()).update(hashes)
    return {name: sorted(hashes) for name, hashes in now.items()}


def _unit(cell: Cell) -> Unit:
    if not isinstance(cell, Block):
        # Its text seeds the random numbers, spaces and all.
        return Unit(cell.id, cell.code, f"inline {cell.code}", line=cell.line)
    # The id seeds the random numbers; of the options only these alter what is displayed.
    raises = cell.options.raises
    return Unit(cell.id, cell.code, f"{cell.id} raises={raises}", bool(raises), cell.line)
