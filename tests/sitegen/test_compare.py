"""When a fresh output counts as the recorded one."""

from __future__ import annotations

import pytest

from sitegen.output import Output, stream
from sitegen.parse.lesson import Options
from sitegen.record.compare import differences

AGREE_IN_NUMBERS = {
    "the same": ("loss 4.000", "loss 4.000"),
    "a last digit": ("loss 4.00001", "loss 4.00002"),
    "an exponent": ("lr 1.00000e-05", "lr 1.00001e-05"),
    "thousands": ("1,000,000.0 tokens", "1,000,001.0 tokens"),
    "a sign of zero": ("-0.0", "0.0"),
    "padding": ("loss  9.99999 end", "loss 10.00000 end"),
    "in a table": ("| 1.00000 | 2.00000 |", "| 1.00001 | 2.00001 |"),
    "in a drawing": ('<path d="M 1.00001 2.0"/>', '<path d="M 1.0 2.00001"/>'),
}

DISAGREE_IN_NUMBERS = {
    "a first digit": ("loss 4.0", "loss 5.0"),
    "a sign": ("1.5", "-1.5"),
    "a whole number": ("step 1000001", "step 1000002"),
    "a word": ("loss 4.0", "cost 4.0"),
    "one number more": ("1.0 2.0", "1.0 2.0 3.0"),
    "nan": ("nan", "1.0"),
    "a digit in a name": ("w1", "w2"),
    "a line": ("1.0\n2.0", "1.0 2.0"),
}


def agree(before: str, after: str, options: Options) -> bool:
    return not differences([stream("stdout", before)], [stream("stdout", after)], options, "one#a")


@pytest.mark.parametrize(("old", "new"), AGREE_IN_NUMBERS.values(), ids=AGREE_IN_NUMBERS)
def test_numbers_agree_within_the_tolerance(old: str, new: str) -> None:
    assert agree(old, new, Options(compare="numbers"))
    assert agree(new, old, Options(compare="numbers"))


@pytest.mark.parametrize(("old", "new"), DISAGREE_IN_NUMBERS.values(), ids=DISAGREE_IN_NUMBERS)
def test_what_differs_by_more_than_the_tolerance_is_a_difference(old: str, new: str) -> None:
    assert not agree(old, new, Options(compare="numbers"))
    assert not agree(new, old, Options(compare="numbers"))


@pytest.mark.parametrize(("rtol", "same"), [(0.11, True), (0.09, False)])
def test_the_tolerance_is_relative_and_the_author_s(rtol: float, same: bool) -> None:
    assert agree("100.0", "90.0", Options(compare="numbers", rtol=rtol)) == same


def test_exact_is_to_the_last_sign() -> None:
    assert agree("1.0", "1.0", Options())
    assert not agree("1.0", "1.0 ", Options())
    assert not agree("1.00001", "1.00002", Options())


def test_none_holds_nothing_against_anything() -> None:
    assert agree("1", "entirely else", Options(compare="none"))


def test_kinds_and_types_of_outputs_count() -> None:
    out, err = stream("stdout", "x"), stream("stderr", "x")
    html, text = Output("display", {"text/html": "x"}), Output("display", {"text/plain": "x"})
    for before, after in (([out], [err]), ([html], [text]), ([out], []), ([out], [out, out])):
        assert differences(before, after, Options(compare="numbers"), "one#a")


def test_the_difference_is_a_unified_diff_that_names_both_sides() -> None:
    before, after = stream("stdout", "a\nold\nz\n"), stream("stdout", "a\nnew\nz\n")
    assert differences([before], [after], Options(), "one#a").splitlines() == [
        "--- one#a (recorded)",
        "+++ one#a (fresh)",
        "@@ -1,4 +1,4 @@",
        " [stdout]",
        " a",
        "-old",
        "+new",
        " z",
    ]
