"""What a build or a check did."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Report:
    """What a build or a check did, as `--report` writes it."""

    executed: list[str] = field(default_factory=list)
    replayed: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    drift: list[dict[str, object]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0
