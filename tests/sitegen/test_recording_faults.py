"""Recordings that nothing executes are judged as they lie there, with who can mend them."""

from __future__ import annotations

import pytest

from sitegen.parse.lesson import Block, Inline, Options
from sitegen.record.faults import faults, mender
from sitegen.record.recordings import Recording
from sitegen.record.replay import Standing
from sitegen.trace import Change, Trace

MADE = Recording(Trace({"name lib.f": "then"}), ())
CHANGES = (Change("name lib.f", "then", "now"),)
GOOD = Standing(Block("good", "", 1), MADE)
OLD = Standing(Block("old", "", 2), MADE, CHANGES)
GONE = Standing(Block("gone", "", 3), None)
EDITED = Standing(Block("edited", "", 4), None, damage="edited.json was edited by hand")
BELOW = Standing(Block("below", "", 5), MADE, follows=("old",))

CASES = {
    "all well": ([GOOD], []),
    "one is gone": ([GOOD, GONE], ["missing gone"]),
    "one is gone beside a stale one": ([OLD, GONE], ["stale old", "missing gone"]),
    "one follows a stale one": ([OLD, BELOW], ["stale old", "stale below"]),
    "one is gone beside a damaged one": ([EDITED, GONE], ["damaged edited", "missing gone"]),
    "nothing was ever recorded": ([GONE, GONE], []),
}


@pytest.mark.parametrize(("found", "said"), CASES.values(), ids=CASES)
def test_what_is_missing_is_judged_by_the_rest_of_the_lesson(found, said: list[str]) -> None:
    assert [f"{one.kind} {one.cell.id}" for one in faults(found, "gpu")] == said


def test_under_the_first_profile_everything_is_expected() -> None:
    assert [one.kind for one in faults([GONE, GONE], "cpu", first=True)] == ["missing", "missing"]


MENDERS = [
    (Block("a", "", 1), "cpu", "build_site.py records it anew"),
    (Inline("inline-1", "x", 1), "cpu", "build_site.py records it anew"),
    (
        Block("a", "", 1, Options(needs=("oven", "gpt2-bpe"))),
        "cpu",
        "build_site.py records it anew, on a machine with oven, gpt2-bpe",
    ),
    (
        Block("a", "", 1, Options(needs=("gpt2-bpe",))),
        "gpu",
        "build_site.py --gpu records it anew, on a machine with gpu, gpt2-bpe",
    ),
    (
        Block("a", "", 1, Options(needs=("gpu",))),
        "gpu",
        "build_site.py --gpu records it anew, on a machine with gpu",
    ),
]


@pytest.mark.parametrize(("cell", "profile", "said"), MENDERS)
def test_it_is_said_who_can_mend_a_recording(cell, profile: str, said: str) -> None:
    assert mender(cell, profile) == said


def test_a_fault_names_its_profile_what_changed_and_git() -> None:
    stale, damaged, below = faults([OLD, EDITED, BELOW], "gpu")
    assert "block 'old' under profile gpu: its recording was made before lib.f ch" in stale.message
    assert "gpu: what it read of block 'old' above may be another by now; b" in below.message
    assert "edited.json was edited by hand; restore it from git, or build_site" in damaged.message
