"""Which cells rebuild what another one reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sitegen.record.replay import Standing
from sitegen.trace.cells import mentioned_names, names_in_definitions
from sitegen.trace.verify import LEFT


class Needed:
    """Of the cells of a lesson, as they stand.

    A cell that ran needs who made what its trace read; one whose code is new, who made what it
    mentions, and what functions mention that come with it.
    """

    def __init__(self, found: Sequence[Standing], distrusted: frozenset[str] = frozenset()) -> None:
        self.by_id: Mapping[str, Standing] = {one.cell.id: one for one in found}
        self.order = {one.cell.id: number for number, one in enumerate(found)}
        self.distrusted = distrusted
        """The cells that turned out to read more than can be told."""
        self._of: dict[str, frozenset[str]] = {}

    def of(self, *cells: str) -> frozenset[str]:
        """The ids of the cells that have to run before some."""
        found: set[str] = set()
        todo = [*cells]
        while todo:
            makers = self._makers(todo.pop()) - found
            found |= makers
            todo.extend(makers)
        return frozenset(found)

    def _makers(self, cell: str) -> frozenset[str]:
        if cell not in self._of:
            self._of[cell] = frozenset(self._find(cell))
        return self._of[cell]

    def _find(self, cell: str) -> Iterator[str]:
        standing = self.by_id[cell]
        makers = standing.state.makers
        trace = standing.trace
        if cell in self.distrusted or (trace and "above" in trace.reads):
            yield from (one for one, place in self.order.items() if place < self.order[cell])
            return
        for thing in trace.reads if trace else ():
            yield from makers.get(thing, ())
        for thing, who in makers.items():
            if thing.startswith(LEFT[1:]):  # of the process: whoever runs runs in it
                yield from who
        if trace is None or any(change.thing == "code" for change in standing.changes):
            names, done = set(mentioned_names(standing.cell)), set[str]()
            while names - done:
                done |= (new := names - done)
                for maker in {one for name in new for one in makers.get(f"lesson {name}", ())}:
                    yield maker
                    names |= names_in_definitions(self.by_id[maker].cell)
