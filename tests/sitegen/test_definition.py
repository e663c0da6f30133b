"""The text of a symbol, as it stands in its file; and when two texts are the same code."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_library import LIBRARY

from sitegen.parse.tokens import same_code
from sitegen.record.definition import UnknownSymbolError, definition
from sitegen.trace import Program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    for name, text in LIBRARY.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return Program(tmp_path, ["nets"])


@pytest.mark.parametrize(
    ("symbol", "path", "line", "starts", "ends"),
    [
        ("nets.numbers.scaled", "nets/numbers.py", 11, "def scaled(", "# the product\n"),
        ("nets.numbers.SCALE", "nets/numbers.py", 5, "SCALE = 2", "2\n"),
        ("nets.layers.Config", "nets/layers.py", 14, "@dataclass(frozen=True)\nclass", "* 2\n"),
        (
            "nets.layers.Dense.inner",
            "nets/layers.py",
            40,
            "def inner",
            "    return weight(x) * self.size\n",
        ),
        (
            "nets.layers.Config.double",
            "nets/layers.py",
            19,
            "@property\ndef",
            "\n    return self.width * 2\n",
        ),
        ("nets.layers.Layer.kind", "nets/layers.py", 27, 'kind = "plain"', '"plain"\n'),
        ("nets.Dense", "nets/layers.py", 39, "class Dense", "self.size\n"),
        ("nets.model.Thick.inner", "nets/layers.py", 40, "def inner", "self.size\n"),
        ("nets.tame", "nets/wild.py", 4, "def tame", "WILD\n"),
    ],
)
def test_definition(
    symbol: str, path: str, line: int, starts: str, ends: str, program: Program
) -> None:
    found = definition(program, symbol)
    assert (found.path.as_posix(), found.line) == (path, line)
    assert found.source.startswith(starts)
    assert found.source.endswith(ends)


@pytest.mark.parametrize(
    ("symbol", "near"),
    [
        ("nets.layers.Dens", "nets.layers.Dense"),
        ("nets.layers.Dense.iner", "nets.layers.Dense.inner"),
        ("nets.numbers", ""),
        ("elsewhere.f", ""),
        ("nets.numbers.scaled.x", ""),
    ],
)
def test_definition_that_is_not_there(symbol: str, near: str, program: Program) -> None:
    with pytest.raises(UnknownSymbolError, match=f"no definition '{symbol}'.*{near}"):
        definition(program, symbol)


CODE = '''\
@decorate
def f(x, y="a"):
    """What it does.

    And why."""
    return g(x, y)  # the point of it
'''


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (CODE, True),
        (CODE.replace('"a"', "'a'"), True),
        (CODE.replace("(x, y)  #", "(\n        x,\n        y,\n    )  #   "), True),
        (CODE.replace("\n\n    And why.", " And\n    why.\n    "), True),
        (CODE.replace("    return", "\n\n    return"), True),
        (CODE.replace("the point", "a point"), False),
        (CODE.replace("And why", "And when"), False),
        (CODE.replace("  # the point of it", ""), False),
        (CODE.replace("g(x, y)", "g(y, x)"), False),
        (CODE.replace("@decorate\n", ""), False),
        (CODE + "(", False),
    ],
)
def test_same_code_ignores_layout_but_no_word(other: str, same: bool) -> None:
    assert same_code(CODE, other) is same
