"""Which blocks nobody could record so far, for want of a resource.

Of each resource that a block was recorded with a course keeps the name. One that never was there
is no fault of the recordings: a block that needs it is awaited. Where it was there once, a
recording that is missing has been lost. What only goes on with an awaited block is not awaited: of
a cell without a recording it is not known for certain what it needs, and so not that it is none
that was lost.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sitegen.parse.lesson import Block, Cell
from sitegen.record.replay import Standing


def resources(found: Sequence[Standing]) -> frozenset[str]:
    """Those with which cells of a lesson were recorded, be the recording damaged since."""
    recorded = (standing.cell for standing in found if standing.recording or standing.damage)
    return frozenset(name for cell in recorded for name in _needs(cell))


def awaiting(found: Sequence[Standing], had: Collection[str]) -> list[Standing]:
    """The cells of a lesson, each with what it awaits; `had` are the resources there have been."""
    return [
        standing
        if standing.recording or standing.damage
        else replace(standing, awaits=tuple(one for one in _needs(standing.cell) if one not in had))
        for standing in found
    ]


def awaiting_less(found: Sequence[Standing], there: Collection[str]) -> list[Standing]:
    """The cells of a lesson now that there are these resources, too."""
    return [
        replace(standing, awaits=tuple(one for one in standing.awaits if one not in there))
        for standing in found
    ]


def _needs(cell: Cell) -> tuple[str, ...]:
    return cell.options.needs if isinstance(cell, Block) else ()
