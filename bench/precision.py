"""`python -m bench precision [LESSON...]`: how many cells an edit re-executes, beside the least.

Runs the lessons of this course under observation, and asks of the traces what an edit would
re-execute: of the body of each function that a lesson enters, and of each cell; and what is needed
to rebuild the state before a cell. Every edit is counted three times: as if all that a re-executed
cell left were another; as if what it imported and defined were the same; and as if it left the
same, where values can be compared.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sitegen.course import load
from sitegen.execute.executor import Executor
from sitegen.execute.plan import Straight
from sitegen.parse import config as configuration
from sitegen.parse.lesson import Block, Cell, Lesson
from sitegen.record.replay import runnable
from sitegen.trace import State, Trace, needs
from sitegen.trace.trace import COMES_FROM, DEFINES

ROOT = Path(__file__).resolve().parent.parent
GOALS = {"function": 11.0, "cell": 6.0, "rebuild": 5.0}


@dataclass(frozen=True)
class Observed:
    """A lesson that ran."""

    slug: str
    cells: tuple[str, ...]
    traces: Mapping[str, Trace]
    states: Mapping[str, State]
    """Before each cell."""
    seconds: Mapping[str, float] = field(repr=False)

    def wave(self, first: Iterable[str], carries: Callable[[str], bool]) -> set[str]:
        """The cells that an edit re-executes which begins with some of them.

        Given the hash of a thing that a cell left, `carries` says whether to take it for another.
        """
        stale = set(first)
        for cell in self.cells:
            state = self.states[cell]
            for thing in self.traces[cell].reads:
                makers = stale.intersection(state.makers.get(thing, ()))
                if any(carries(self.traces[maker].leaves[thing]) for maker in makers):
                    stale.add(cell)
        return stale


WAVES: Mapping[str, Callable[[str], bool]] = {
    "all follows": lambda hash_: True,
    "definitions same": lambda hash_: not hash_.startswith(DEFINES),
    "values same": lambda hash_: hash_.startswith(COMES_FROM),
}


def main(words: Sequence[str]) -> int:
    """Measure and print; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench precision", description=__doc__)
    parser.add_argument("lessons", nargs="*")
    parser.add_argument("-v", action="store_true", help="a line for each function and cell")
    parser.add_argument("--traces", type=Path, help="a folder to write the traces into")
    arguments = parser.parse_args(words)
    course = load(configuration.load(ROOT))
    found = observe(course.config, course.select(arguments.lessons))
    for lesson in found if arguments.traces else ():
        for cell, trace in lesson.traces.items():
            path = arguments.traces / lesson.slug / f"{cell}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(trace))
    missed = [
        report("an edit of a function's body", functions(found), GOALS["function"], arguments.v),
        report("an edit of a cell", edits(found), GOALS["cell"], arguments.v),
        report("rebuilding the state before a cell", rebuilds(found), GOALS["rebuild"], False),
    ]
    print(f"{sum(len(one.cells) for one in found)} cells")
    return int(any(missed))


def observe(config, lessons: Sequence[Lesson]) -> list[Observed]:  # type: ignore[no-untyped-def]
    """Run every cell of some lessons."""
    plans = [Straight(lesson, tuple(map(_patient, runnable(lesson, "cpu")))) for lesson in lessons]
    found = []
    with Executor(config, "cpu", observe=True) as executor:
        for execution in executor.run(plans, lambda event: None):
            if execution.error:
                print(f"only what ran before it counts: {execution.error.message}")
            traces = {one.cell.id: one.trace for one in execution.results if one.trace}
            states, state = dict[str, State](), State()
            for cell, trace in traces.items():
                states[cell] = state
                state = state.after(cell, trace)
            found.append(
                Observed(
                    slug=execution.lesson.slug,
                    cells=tuple(traces),
                    traces=traces,
                    states=states,
                    seconds={one.cell.id: one.seconds for one in execution.results},
                )
            )
    return sorted(found, key=lambda one: one.slug)


def _patient(cell: Cell) -> Cell:
    """The cell, on a machine that may be busy."""
    if not isinstance(cell, Block):
        return cell
    return replace(cell, options=replace(cell.options, timeout=20 * cell.options.timeout))


Row = Mapping[str, float]
"""By what is counted, of one edit."""


def functions(found: Sequence[Observed]) -> Mapping[str, Row]:
    """For each function that some lesson enters, what an edit of its body re-executes."""
    things = {
        thing
        for lesson in found
        for trace in lesson.traces.values()
        for thing in trace.reads
        if thing.startswith("function ")
    }
    rows: dict[str, Row] = {}
    for thing in sorted(things):
        row = dict.fromkeys(["enter it", *WAVES, "seconds"], 0.0)
        for lesson in found:
            first = {cell for cell in lesson.cells if thing in lesson.traces[cell].reads}
            row["enter it"] += len(first)
            for name, carries in WAVES.items():
                row[name] += len(lesson.wave(first, carries))
            again = lesson.wave(first, WAVES["values same"])
            row["seconds"] += sum(map(lesson.seconds.__getitem__, again))
        rows[thing] = row
    return rows


def edits(found: Sequence[Observed]) -> Mapping[str, Row]:
    """For each cell, what an edit of it re-executes, itself too."""
    rows: dict[str, Row] = {}
    for lesson in found:
        for cell in lesson.cells:
            waves = {name: lesson.wave([cell], carries) for name, carries in WAVES.items()}
            rows[f"{lesson.slug}#{cell}"] = {
                **{name: float(len(wave)) for name, wave in waves.items()},
                "seconds": sum(map(lesson.seconds.__getitem__, waves["definitions same"])),
            }
    return rows


def rebuilds(found: Sequence[Observed]) -> Mapping[str, Row]:
    """For each cell, how many others have to run before it."""
    rows: dict[str, Row] = {}
    for lesson in found:
        for cell in lesson.cells:
            needed = needs(cell, lesson.traces, lesson.states)
            rows[f"{lesson.slug}#{cell}"] = {
                "needed": float(len(needed)),
                "seconds": sum(map(lesson.seconds.__getitem__, needed)),
            }
    return rows


def report(title: str, rows: Mapping[str, Row], goal: float, each: bool) -> bool:
    """Print means and medians; whether the mean misses the goal."""
    columns = list(next(iter(rows.values())))
    table = Table(title, *columns, title_justify="left")
    for name, row in sorted(rows.items()) if each else ():
        table.add_row(name, *(f"{row[column]:.1f}" for column in columns))
    for name, middle in (("mean", statistics.mean), ("median", statistics.median)):
        values = [middle([row[column] for row in rows.values()]) for column in columns]
        table.add_row(f"{name} of {len(rows)}", *(f"{value:.1f}" for value in values))
    Console(width=120).print(table)
    counted = next(one for one in ("values same", "needed") if one in columns)
    mean = statistics.mean(row[counted] for row in rows.values())
    print(f"goal: a mean of at most {goal:g} by {counted!r}; it is {mean:.1f}\n")
    return mean > goal
