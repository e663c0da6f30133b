"""A few broken libraries, to see that breaking one is noticed; `make mutants` tries many."""

from __future__ import annotations

import pytest
from mutants import MODULES, Mutant, mutants, noticed_by

KNOWN = [
    ("model", "Div -> Mult"),  # the scale of the attention scores
    ("data", "Add -> Sub"),  # the end of a window
]


@pytest.mark.parametrize(("module", "what"), KNOWN)
def test_a_broken_library_is_noticed(module: str, what: str) -> None:
    mutant = next(mutant for mutant in mutants(module) if mutant.what == what)
    assert noticed_by(mutant) == "tests", mutant


def test_there_are_many_ways_to_break_it() -> None:
    some = ("data", "generate", "model", "schedule")
    everything: list[Mutant] = [mutant for module in some for mutant in mutants(module)]
    assert set(some) < set(MODULES)
    assert len(everything) > 200
    assert len({(mutant.module, mutant.source) for mutant in everything}) == len(everything)
