"""What is wrong with recordings as they lie there, without executing anything, and who mends it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sitegen.errors import COMMAND
from sitegen.parse.lesson import Block, Cell
from sitegen.record.recordings import Recordings
from sitegen.record.replay import Standing

_GPU = "gpu"


@dataclass(frozen=True)
class Fault:
    """A recording that can't be relied on, or is not there."""

    kind: Literal["damaged", "missing", "stale"]
    cell: Cell
    message: str


def faults(found: Sequence[Standing], profile: str, first: bool = False) -> Iterator[Fault]:
    """The faults of a lesson's recordings under a profile, in the order of its cells.

    A recording that is not there is a fault where the lesson is otherwise recorded under the
    profile, and under the `first` one, which every machine executes, anywhere.
    """
    where = "" if first else f" under profile {profile}"
    recorded = first or any(standing.recording or standing.damage for standing in found)
    for standing in found:
        cell = standing.cell
        what, who = f"{called(cell)}{where}", mender(cell, profile)
        if standing.damage:
            # Of what was edited, the version before the edit may be had back.
            message = f"{what}: {standing.damage}; restore it from git, or {who}"
            yield Fault("damaged", cell, message)
        elif standing.recording is None:
            if recorded:
                yield Fault("missing", cell, f"{what} has no recording; {who}")
        elif not standing.holds:
            changed = ", ".join(standing.changed[:5]) or "its code"
            message = f"{what}: its recording was made before {changed} changed; {who}"
            yield Fault("stale", cell, message)


def sources_fault(
    recordings: Recordings, slug: str, profile: str, found: Sequence[Standing]
) -> str:
    """What is wrong with the list of what a lesson's recordings were made from, if anything is.

    Nothing that it says reaches a page: it only tells what changed where a recording is stale.
    """
    if not any(standing.recording for standing in found):
        return ""
    damage = recordings.sources_damage(slug, profile)
    return f"{damage}; {COMMAND} mends it" if damage else ""


def mender(cell: Cell, profile: str) -> str:
    """Who can make a recording anew: with which command, and on what machine."""
    needs = list(cell.options.needs) if isinstance(cell, Block) else []
    if profile == _GPU and _GPU not in needs:
        needs.insert(0, _GPU)
    command = f"{COMMAND} --gpu" if profile == _GPU else COMMAND
    where = f", on a machine with {', '.join(needs)}" if needs else ""
    return f"{command} records it anew{where}"


def called(cell: Cell) -> str:
    """A cell as messages name it."""
    return f"block {cell.id!r}" if isinstance(cell, Block) else f"inline value `{cell.code}`"
