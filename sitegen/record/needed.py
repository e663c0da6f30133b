"""Which cells rebuild what another one reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from sitegen.record.replay import Standing
from sitegen.trace.cells import mentioned_names, names_in_definitions
from sitegen.trace.verify import LEFT

_PROCESS = "process "
_FILES = "process files"


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
        return _followed(cells, self._makers)

    def made(self, cell: str) -> frozenset[str]:
        """The ids of those that made what a cell read, and what was read for that, and so on.

        Of the process only the files count: the rest every cell reads, and hardly ever anything
        comes of it.
        """
        return _followed([cell], self._made)

    def _makers(self, cell: str) -> frozenset[str]:
        if cell not in self._of:
            self._of[cell] = frozenset(self._find(cell))
        return self._of[cell]

    def _find(self, cell: str) -> Iterator[str]:
        yield from self._made(cell)
        for thing, who in self.by_id[cell].state.makers.items():
            if thing.startswith(LEFT[1:]):  # of the process: whoever runs runs in it
                yield from who

    def _made(self, cell: str) -> Iterator[str]:
        standing = self.by_id[cell]
        makers = standing.state.makers
        trace = standing.trace
        if cell in self.distrusted or (trace and "above" in trace.reads):
            yield from (one for one, place in self.order.items() if place < self.order[cell])
            return
        for thing in trace.reads if trace else ():
            if not thing.startswith(_PROCESS) or thing == _FILES:
                yield from makers.get(thing, ())
        if trace is None or any(change.thing == "code" for change in standing.changes):
            names, done = set(mentioned_names(standing.cell)), set[str]()
            while names - done:
                done |= (new := names - done)
                for maker in {one for name in new for one in makers.get(f"lesson {name}", ())}:
                    yield maker
                    names |= names_in_definitions(self.by_id[maker].cell)


def _followed(cells: Iterable[str], step: Callable[[str], Iterable[str]]) -> frozenset[str]:
    """All that steps lead to, the first being from these cells."""
    found: set[str] = set()
    todo = [*cells]
    while todo:
        new = frozenset(step(todo.pop())) - found
        found |= new
        todo.extend(new)
    return frozenset(found)
