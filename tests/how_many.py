"""How many examples a property is tried with: few in every run of the tests, many on request."""

from __future__ import annotations

import os

TIMES = int(os.environ.get("EXAMPLES_TIMES") or 1)
"""`make thorough` tries twenty times as many."""


def examples(number: int) -> int:
    """The number of examples of this run, given that of an ordinary one."""
    return number * TIMES
