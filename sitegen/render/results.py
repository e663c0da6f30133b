"""What a page shows of the recordings: what holds first, and of that the larger scale."""

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
    """None where there is none yet, and none could be made."""
    stale: bool = False
    note: str = ""


@dataclass(frozen=True)
class Results:
    """All that a lesson's cells showed: blocks by id, the first result first; values by id."""

    blocks: Mapping[str, Sequence[Shown]] = field(default_factory=dict)
    values: Mapping[str, Value] = field(default_factory=dict)


def results(
    lesson: Lesson, profiles: Sequence[Profile], standings: Mapping[str, Sequence[Standing]]
) -> Results:
    """The results of a lesson, given how its cells stand under each profile, by its name."""
    blocks: dict[str, list[Shown]] = {block.id: [] for block in lesson.blocks}
    values: dict[str, Value] = {}
    outdated: dict[str, Value] = {}
    for profile in reversed(profiles):  # the last one is the largest
        for standing in standings[profile.name]:
            if isinstance(standing.cell, Block):
                blocks[standing.cell.id] += _shown(standing, profile, profile == profiles[0])
            elif isinstance(standing.recording, Value):
                kept = values if standing.holds else outdated
                kept.setdefault(standing.cell.id, standing.recording)
    for block_id, shown in blocks.items():
        blocks[block_id] = _without_repeats(sorted(shown, key=lambda one: one.stale))
    return Results(blocks, outdated | values)


def _shown(standing: Standing, profile: Profile, expected: bool) -> list[Shown]:
    block, recording = standing.cell, standing.recording
    assert isinstance(block, Block)
    needs = ", ".join(block.options.needs)
    if not isinstance(recording, Recording):
        note = f"Not recorded yet: needs {needs}." if needs else ""
        return [Shown(profile, None, note=note)] if expected else []
    if standing.holds:
        note = f"Needs {needs}: shown from its recording." if needs else ""
        return [Shown(profile, recording, note=note)]
    changed = ", ".join(standing.changed[:3]) or "the code"
    note = f"Recorded before the last change of {changed}."
    return [Shown(profile, recording, stale=True, note=note)]


def _without_repeats(shown: Sequence[Shown]) -> list[Shown]:
    """One result where profiles displayed the same."""
    kept: list[Shown] = []
    for one in shown:
        outputs = one.recording.outputs if one.recording else None
        if not any(other.recording and other.recording.outputs == outputs for other in kept):
            kept.append(one)
    return kept
