"""What the execution of one cell read and left, as a value and as text with a line a thing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sitegen.parse.tokens import short_hash

COMES_FROM = "~"
"""How a hash begins that tells what a thing was made from, where it can't be compared itself."""
DEFINES = ":"
"""How a hash begins of what a name stands for that is a module, a class or a function."""


class DamagedTraceError(ValueError):
    """A text that is not a trace."""


@dataclass(frozen=True)
class Trace:
    """What an execution read, and what it left otherwise than it was; all by the names of things.

    Of the lesson and the process, a thing is `lesson NAME`, `state MODULE.NAME` or
    `process PART`; `sitegen.trace.verify` lists the others.
    """

    reads: Mapping[str, str] = field(default_factory=dict)
    """A hash of each thing that was read, as it was before."""
    loads: tuple[str, ...] = ()
    """The followed modules that were imported."""
    binds: Mapping[str, str] = field(default_factory=dict)
    """A hash of each thing that stands for something else since, or for nothing."""
    changes: Mapping[str, str] = field(default_factory=dict)
    """A hash of each thing that still stands for the same, which was changed."""
    unseen: tuple[str, ...] = ()
    """Where observing was not possible, so that `reads` has the whole: why."""

    @property
    def leaves(self) -> Mapping[str, str]:
        """The state of all that is otherwise since."""
        return {**self.changes, **self.binds}

    @property
    def digest(self) -> str:
        """A hash of all that was read: who reads the same gives the same."""
        return short_hash(part for item in sorted(self.reads.items()) for part in item)

    def __str__(self) -> str:
        """A line for each thing, in an order that does not depend on the run."""
        rows = [
            *(f"reads {_row(item)}" for item in sorted(self.reads.items())),
            *(f"loads {module}" for module in self.loads),
            *(f"binds {_row(item)}" for item in sorted(self.binds.items())),
            *(f"changes {_row(item)}" for item in sorted(self.changes.items())),
            *(f"unseen {reason}" for reason in self.unseen),
        ]
        return "".join(f"{row}\n" for row in rows)

    @classmethod
    def parse(cls, text: str) -> Trace:
        """The trace that was written so.

        Raises:
            DamagedTraceError: a line is none of a trace.
        """
        kinds = ("reads", "loads", "binds", "changes", "unseen")
        found: dict[str, list[str]] = {kind: [] for kind in kinds}
        for number, line in enumerate(text.splitlines(), 1):
            kind, _, rest = line.partition(" ")
            if kind not in found or not rest:
                raise DamagedTraceError(f"line {number} is none of a trace: {line!r}")
            found[kind].append(rest)
        reads, binds, changes = (_items(found[kind]) for kind in ("reads", "binds", "changes"))
        return cls(reads, tuple(found["loads"]), binds, changes, tuple(found["unseen"]))


def _row(item: tuple[str, str]) -> str:
    thing, hash_ = item
    return f"{hash_} {thing}"


def _items(rows: Iterable[str]) -> dict[str, str]:
    pairs = (row.partition(" ") for row in rows)
    return {thing: hash_ for hash_, _, thing in pairs}
