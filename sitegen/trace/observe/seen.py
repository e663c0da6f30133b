"""What is looked at: the code of a cell, and a lesson at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sitegen.trace.observe.graph import Graph

Stamps = Mapping[str, tuple[int, int]]
"""Of each file its size and when it was written."""
CELL = "cell "
"""How the names of functions begin that cells of the lesson define."""


@dataclass(frozen=True)
class Piece:
    """The code of a cell, as it is run."""

    id: str
    code: str
    line: int
    expression: bool
    """Whether it is an inline value."""
    own: Mapping[str, str] = field(default_factory=dict)
    """What else a trace names of it, with a hash: `code`, `profile`, `above` and the like."""


@dataclass
class Seen:
    """The lesson at one moment."""

    names: dict[str, Any] = field(default_factory=dict)
    modules: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of each followed module that is loaded, its names."""
    graph: Graph | None = None
    process: dict[str, str] = field(default_factory=dict)
    files: Stamps = field(default_factory=dict)
    threads: int = 0
    pipes: bool = False
    """Whether something is open that can hold what can't be looked at."""
