"""Traces: what the execution of a cell read, each thing with a hash, and what it left behind.

In: the code of followed packages and lessons as text, and what an observer saw in the worker that
ran a cell. Out: a `Trace` that can be written as text, and that `verify` holds against things as
they are now; for that nothing is imported or run. The observer (`sitegen.trace.observe`) is the
part of this room that lives in the worker.
"""

from sitegen.trace.program import ABSENT, Program
from sitegen.trace.trace import DamagedTraceError, Trace
from sitegen.trace.verify import Change, State, Surroundings, needs, verify

__all__ = [
    "ABSENT",
    "Change",
    "DamagedTraceError",
    "Program",
    "State",
    "Surroundings",
    "Trace",
    "needs",
    "verify",
]
