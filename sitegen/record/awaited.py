"""Which cells nobody could record so far, for want of a resource.

Of each resource that a block was recorded with a course keeps the name. One that never was there
is no fault of the recordings: a block that needs it is awaited. Where it was there once, a
recording that is missing has been lost.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sitegen.parse.lesson import Block, Cell
from sitegen.record.needed import Needed
from sitegen.record.replay import Standing


def resources(found: Sequence[Standing]) -> frozenset[str]:
    """Those with which cells of a lesson were recorded, be the recording damaged since."""
    recorded = (standing.cell for standing in found if standing.recording or standing.damage)
    return frozenset(name for cell in recorded for name in _needs(cell))


def awaiting(found: Sequence[Standing], had: Collection[str]) -> list[Standing]:
    """The cells of a lesson, each with what it awaits; `had` are the resources there have been.

    What can't do without a block that is awaited is awaited with it.
    """
    never = {
        standing.cell.id: tuple(name for name in _needs(standing.cell) if name not in had)
        for standing in found
        if standing.recording is None and not standing.damage
    }
    if not any(never.values()):
        return [*found]
    needed = Needed(found)
    return [
        replace(standing, awaits=_of(standing.cell.id, never, needed))
        if standing.cell.id in never
        else standing
        for standing in found
    ]


def _of(cell: str, never: dict[str, tuple[str, ...]], needed: Needed) -> tuple[str, ...]:
    cells = (one for one in never if one == cell or one in needed.of(cell))
    return tuple(dict.fromkeys(name for one in cells for name in never[one]))


def _needs(cell: Cell) -> tuple[str, ...]:
    return cell.options.needs if isinstance(cell, Block) else ()
