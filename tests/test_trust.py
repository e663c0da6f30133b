"""The threat model of the guide: every promise names a test, and the test is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "guide" / "lessons" / "trust.md").read_text("utf-8")
PROMISED = PAGE.partition("## What is promised")[2].partition("\n## ")[0]
ROWS = [row for row in PROMISED.splitlines() if row.startswith("| ") and "held by" not in row]


@pytest.fixture(scope="module")
def tests() -> set[str]:
    """The names of all tests that there are."""
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


def test_the_page_promises_something() -> None:
    assert len(ROWS) > 10


@pytest.mark.parametrize("row", ROWS)
def test_a_promise_is_held_by_tests_that_exist(row: str, tests: set[str]) -> None:
    promise, held_by = row.strip("| ").rsplit(" | ", 1)
    names = re.findall(r"`(\w+)`", held_by)
    assert names, promise
    assert all(name.startswith("test_") and name in tests for name in names), names


def test_everybody_of_whom_the_generator_hears_is_named() -> None:
    for who in ("author", "contributor", "reader", "dependency"):
        assert f"| {who} |" in PAGE
