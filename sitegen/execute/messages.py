"""What the generator and a worker tell each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sitegen.output import Output
from sitegen.parse.lesson import Cell
from sitegen.trace import Trace


@dataclass(frozen=True)
class Job:
    """What a worker is to do: run cells of the lesson at `path`, as it is told."""

    root: str
    packages: tuple[str, ...]
    profile: str
    scratch: str
    """A folder that the generator removes."""
    cache: str
    """The course's folder of what is kept from one build to the next."""
    written: tuple[str, ...]
    """What the generator itself writes, and the lessons, which blocks have no part in."""
    snapshot_worth: float | None
    """Seconds of work that a snapshot has to spare; None for no snapshots."""
    path: str = ""
    cells: tuple[Cell, ...] = ()
    """All that there are; which of them are to be run is said one by one."""
    ran: tuple[Cell, ...] = ()
    """Those whose state is there already."""
    modules: tuple[str, ...] = ()
    """To be imported before the first cell, if there are any such."""
    own: Mapping[str, Mapping[str, str]] | None = None
    """What the trace of each cell says of the cell itself; None for no traces."""
    asked: tuple[str, ...] = ()
    """Resources: say which of them there are not, and do nothing else."""


@dataclass(frozen=True)
class Started:
    cell: str


@dataclass(frozen=True)
class Finished:
    cell: str
    outputs: tuple[Output, ...]
    seconds: float
    made_on: dict[str, str]
    """The device and the versions that it ran on."""
    trace: Trace | None = None


@dataclass(frozen=True)
class Failed:
    cell: str
    line: int
    message: str
    detail: str
    trace: Trace | None = None
    """What the cell read before it failed."""


@dataclass(frozen=True)
class Lacking:
    """A cell can't be run here, since this machine lacks what it needs."""

    cell: str


@dataclass(frozen=True)
class Late:
    """What threads of a cell wrote after it had ended."""

    cell: str
    outputs: tuple[Output, ...]


@dataclass(frozen=True)
class Unfinished:
    """A thread of a cell that goes on when the lesson is over."""

    cell: str
    thread: str


@dataclass(frozen=True)
class Rested:
    """There is a snapshot with the state of these cells; how to reach it is the next to come."""

    ran: tuple[Cell, ...]


@dataclass(frozen=True)
class Done:
    """All cells ran."""
