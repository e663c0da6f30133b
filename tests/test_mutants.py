"""A broken library, to see that breaking one is noticed; `make mutants` tries many."""

from __future__ import annotations

from pathlib import Path

from mutants import MODULES, Mutant, lay, mutants, noticed_by, reached


def test_a_broken_library_is_noticed() -> None:
    end_of_a_line = next(mutant for mutant in mutants("data") if mutant.what == "Add -> Sub")
    assert noticed_by(end_of_a_line) == "tests"


def test_lessons_that_run_what_is_broken_are_found(tmp_path: Path) -> None:
    lay(next(mutants("schedule")), tmp_path)
    assert "pretraining" in reached(tmp_path)


def test_there_are_many_ways_to_break_it() -> None:
    some = ("data", "generate", "model", "schedule")
    everything: list[Mutant] = [mutant for module in some for mutant in mutants(module)]
    assert set(some) < set(MODULES)
    assert len(everything) > 200
    assert len({(mutant.module, mutant.source) for mutant in everything}) == len(everything)
