"""What a page shows of the recordings: under each profile its own, and which one leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sitegen.parse.config import Profile
from sitegen.parse.lesson import Block, Lesson
from sitegen.record.recordings import Recording, Value
from sitegen.record.replay import Standing


@dataclass(frozen=True)
class Shown:
    """A block's recording under one profile, as a reader is to see it."""

    profile: Profile
    recording: Recording | None
    """None where there is none; the note says why."""
    stale: bool = False
    note: str = ""
    expected: bool = True
    """Whether the block exists under the profile, and could be recorded."""


@dataclass(frozen=True)
class ShownValue:
    """An inline value as it was recorded under one profile."""

    text: str
    stale: bool = False


@dataclass(frozen=True)
class Results:
    """All that a lesson's cells showed, by their ids; of each the leading profile's first."""

    profiles: tuple[Profile, ...] = ()
    """Those that the page has something of. The first leads: a page shows one at a time."""
    blocks: Mapping[str, Sequence[Shown]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, ShownValue | None]] = field(default_factory=dict)
    """Of inline values, by the names of the profiles that have them; None for one to come."""

    @property
    def lead(self) -> str:
        """The name of the leading profile."""
        return self.profiles[0].name if self.profiles else ""


def results(
    lesson: Lesson, profiles: Sequence[Profile], standings: Mapping[str, Sequence[Standing]]
) -> Results:
    """The results of a lesson, given how its cells stand under each profile, by its name.

    The last profile is the largest. It leads where all of it is recorded and holds, but for what
    no machine could record so far, else the first, which any machine can execute.
    """
    there = [
        profile
        for profile in profiles
        if profile == profiles[0] or any(one.recording for one in standings[profile.name])
    ]
    whole = [profile for profile in there if all(one.is_sound for one in standings[profile.name])]
    lead = whole[-1] if whole else profiles[0]
    ordered = (lead, *(profile for profile in there if profile != lead))
    found = {
        profile.name: {one.cell.id: one for one in standings[profile.name]} for profile in ordered
    }
    return Results(
        ordered,
        {block.id: _shown(block, ordered, found) for block in lesson.blocks},
        {
            cell.id: {
                name: _value(by_id[cell.id]) for name, by_id in found.items() if cell.id in by_id
            }
            for cell in lesson.cells
            if not isinstance(cell, Block)
        },
    )


def _shown(
    block: Block, profiles: Sequence[Profile], found: Mapping[str, Mapping[str, Standing]]
) -> list[Shown]:
    if block.options.no_run:
        return []
    several = len(profiles) > 1
    # That a figure alone is missing under one profile is nothing to tell of.
    tell = several and not block.options.hide
    return [
        _of_profile(block, profile, found[profile.name].get(block.id), several)
        for profile in profiles
        if tell or block.id in found[profile.name]
    ]


def _of_profile(block: Block, profile: Profile, standing: Standing | None, several: bool) -> Shown:
    needs = ", ".join(block.options.needs)
    if standing is None:
        return Shown(profile, None, note=f"Not part of the {profile.label} run.", expected=False)
    if standing.failure:
        return Shown(profile, None, note=f"It failed: {standing.failure}")
    if standing.awaits:
        lack = ", ".join(standing.awaits)
        return Shown(
            profile, None, note=f"Not recorded: no machine so far had {lack}.", expected=False
        )
    if not isinstance(standing.recording, Recording):
        where = f" on the {profile.label}" if several else ""
        why = f": needs {needs}" if needs else ""
        return Shown(profile, None, note=f"Not recorded{where} yet{why}.")
    if standing.holds:
        note = f"Needs {needs}: shown from its recording." if needs else ""
        return Shown(profile, standing.recording, note=note)
    if standing.changes:
        changed = ", ".join(dict.fromkeys(one.name for one in standing.changes[:3]))
        note = f"Recorded before the last change of {changed}."
    else:
        note = f"What it read of block {standing.follows[0]!r} above may be another by now."
    return Shown(profile, standing.recording, stale=True, note=note)


def _value(standing: Standing) -> ShownValue | None:
    recording = standing.recording
    if not isinstance(recording, Value):
        return None
    return ShownValue(recording.value, not standing.holds)
