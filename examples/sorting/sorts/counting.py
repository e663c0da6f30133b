"""Counting comparisons: what a sort costs, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Meter:
    """How often items were compared."""

    count: int = 0


@dataclass(eq=False)
class Weighed:
    """An item that tells a meter whenever it is compared."""

    value: Any
    meter: Meter = field(repr=False)

    def __lt__(self, other: Weighed) -> bool:
        self.meter.count += 1
        return bool(self.value < other.value)


def comparisons(sort: Callable[[list[Any]], list[Any]], items: Iterable[Any]) -> int:
    """How many comparisons `sort` makes to sort these items."""
    meter = Meter()
    sort([Weighed(item, meter) for item in items])
    return meter.count
