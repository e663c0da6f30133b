"""What is wrong with recordings as they lie there, without executing anything, and who mends it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sitegen.errors import COMMAND
from sitegen.parse.lesson import Block, Cell
from sitegen.record.replay import Standing

_GPU = "gpu"


@dataclass(frozen=True)
class Fault:
    """A recording that can't be relied on, or is not there.

    One that is `awaited` could not be made so far, which is nobody's mistake.
    """

    kind: Literal["awaited", "damaged", "missing", "stale"]
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
            if recorded and standing.awaits:
                lack = f"no machine so far had {', '.join(standing.awaits)}"
                yield Fault("awaited", cell, f"{what} is not recorded, for {lack}; {who}")
            elif recorded:
                yield Fault("missing", cell, f"{what} has no recording; {who}")
        elif standing.changes:
            message = f"{what}: its recording was made before {why(standing, 5)} changed; {who}"
            yield Fault("stale", cell, message)
        elif standing.follows:
            above = f"block {standing.follows[0]!r} above"
            message = f"{what}: what it read of {above} may be another by now; {who}"
            yield Fault("stale", cell, message)


def why(standing: Standing, most: int = 3) -> str:
    """What is another than when the recording was made, the first few of it."""
    return ", ".join(standing.changed[:most]) or "its code"


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
