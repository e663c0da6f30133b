"""Whatever is edited, a cell whose trace holds shows what a fresh execution shows.

The random lessons and libraries are those of the fingerprints, whose analysis these traces know
nothing of. They are run under observation, edited somewhere, and run afresh.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from test_fingerprint_property import HOLES, edits, lesson_units, lessons, library_text, write
from watched import Ran, replay, run

from sitegen.trace import State, needs

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


def observed(codes: Mapping[str, str], root: Path) -> Ran:
    ran = run(codes, root)
    assert not ran.failure.startswith("OBSERVER"), ran.failure
    return ran


@settings(
    max_examples=60, derandomize=True, deadline=None, database=None, suppress_health_check=QUIET
)
@given(lesson=lessons, edit=edits)
def test_what_is_replayed_is_what_a_fresh_execution_shows(lesson: Any, edit: Any) -> None:
    where, place, new = edit
    changed: dict[tuple[str, int], int] = {}
    edited = [list(unit) for unit in lesson]
    if where in HOLES:
        changed[where, place % HOLES[where]] = new
    else:
        unit = edited[place % len(edited)]
        unit[place % len(unit) : place % len(unit) + 1] = [new] if where == "line" else []
    codes = {unit.id: unit.code for unit in lesson_units(lesson)}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "course")
        root.mkdir()
        write(library_text({}), root)
        before = observed(codes, root)
        codes = {unit.id: unit.code for unit in lesson_units(edited)}
        write(library_text(changed), root)
        after = observed(codes, root)
        for id_ in replay(codes, before.traces, after.traces.get, root).held:
            if id_ in after.shown:
                assert before.shown[id_] == after.shown[id_], id_


@settings(
    max_examples=30, derandomize=True, deadline=None, database=None, suppress_health_check=QUIET
)
@given(lesson=lessons)
def test_a_cell_shows_the_same_after_its_needs_alone(lesson: Any) -> None:
    codes = {unit.id: unit.code for unit in lesson_units(lesson)}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "course")
        root.mkdir()
        write(library_text({}), root)
        whole = observed(codes, root)
        states, state = dict[str, State](), State()
        for id_, trace in whole.traces.items():
            states[id_] = state
            state = state.after(id_, trace)
        id_ = [*whole.traces][-1]
        wanted = {*needs(id_, whole.traces, states), id_}
        alone = observed({one: codes[one] for one in codes if one in wanted}, root)
        assert alone.shown.get(id_) == whole.shown[id_]
