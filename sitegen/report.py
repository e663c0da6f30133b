"""What a build or a check did, as `--report` writes it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Drift:
    """One disagreement, at its place."""

    kind: str
    file: str
    line: int
    message: str
    """What disagrees and what would mend it; a diff on the lines below, if there is one."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Reason:
    """A block that would be executed, and why."""

    block: str
    why: str

    def __str__(self) -> str:
        return f"{self.block}: {self.why}"


@dataclass(frozen=True)
class Report:
    """Blocks are named `lesson#block`."""

    executed: list[str] = field(default_factory=list)
    replayed: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    """Out of date, and not to be executed here."""
    awaited: list[str] = field(default_factory=list)
    """Never recorded, since no machine had what they need."""
    marked: list[str] = field(default_factory=list)
    """Out of date or damaged under another profile: `lesson#block under PROFILE`."""
    drift: list[Drift] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    would_execute: list[Reason] | None = None
    """What a build would run; of a dry run alone."""
    seconds: float = 0.0
