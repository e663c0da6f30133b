"""A trace made by one Python holds, or is stale, under every other."""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_traces_of_code import EDITS, LESSON, LIBRARY, write
from watched import replay, run

import sitegen
from sitegen.parse.lesson import Block
from sitegen.trace import Trace
from sitegen.trace.cells import code_hash

NASTY = [
    """f"{x!r:>{width}}" """,
    """f'{x!r:>{width}}' """,
    """f"{{}} {{{x}}}" """,
    """f"{x = } {x=!r:^20} {x + 1 = :.2f}" """,
    """f"{d['key']} {'nested'!s:>{len('abc')}}" """,
    """f'''{
        x
    } and "quotes" {d["a"]}''' """,
    r"""rf"\d{x}\n" + Rb'\x00' + b"\x00" + u'é' + '\N{BULLET}' + "\u2022" """,
    r"""rb'\d' b"\\d" """,
    """("one " f"two {x} " 'three' f'{y:{z}}' "four")""",
    '''f"""{x:%Y-%m-%d}
    {y}""" ''',
    """f"{lambda_ if (lambda a: a)(1) else {1: 2}[1]}" """,
    """f"{(y := x)} {x!s} {x:{'>'}{10}}" """,
    """f"{'a' 'b'}" "c" """,
    """f"ünïcode {ä} {'ß'}"; ö = f'{ä}' """,
    """0xFF + 1_000 + 1e3 + 0b11 + 1E-3 + 10j""",
    """x = (\n    a + # why\n    b\n)\nif (x):\n  y = (1,)\nelse:\n      y = 1,\n""",
    """match x:\n    case {"a": [1, *_]} | None:\n        pass\n    case (1,):\n        pass\n""",
    """async def f(x, /, *, y=1): return [i async for i in x]""",
    """def f():\n    '''doc'''\n    return f"{f!r}"\nf();""",
    """@(\n  decorate\n)\nclass A(B, metaclass=M,):\n\tx: int = 1\n\tdef f(self): ...\n""",
    """a = b = c\nx[1:2, ::3] **= ~y @ z // 2 if not u is v else w <= 3 != 4\n""",
    """print("unterminated""",
    """d = {**a, 'b': 1, **c}; f(*a, **b)\nglobal d\ndel d[0],\nassert (a, b)\n""",
    """try:\n    pass\nexcept* ValueError as e:\n    raise Other from e\nfinally: pass\n""",
]

SCRIPT = """
import json, os, sys, types
token = types.ModuleType("markdown_it.token")  # of what is installed here, another Python has none
token.Token = object
sys.modules.update({"markdown_it": types.ModuleType("markdown_it"), "markdown_it.token": token})
from pathlib import Path
from watched import replay, run_in_a_copy
from sitegen.parse.lesson import Block
from sitegen.trace import Trace
from sitegen.trace.cells import code_hash

asked = json.load(sys.stdin)
lesson, root = asked["lesson"], Path(asked["root"])
ran = run_in_a_copy(lesson, root, ["nets"], lesson, os.environ)
given = {id_: Trace.parse(text) for id_, text in asked["traces"].items()}
print(json.dumps({
    "failure": ran.failure,
    "traces": {id_: str(trace) for id_, trace in ran.traces.items()},
    "codes": [code_hash(Block("a", code, 1)) for code in asked["codes"]],
    "changed": [
        [*replay(lesson, given, given.get, Path(one), ["nets"]).changed] for one in asked["edited"]
    ],
}))
"""


def said_by(
    interpreter: str, root: Path, traces: dict[str, Trace], edited: list[Path], **environment: str
) -> Any:
    """What an interpreter makes of the lesson, of nasty code, and of these traces after edits."""
    asked = {
        "lesson": LESSON,
        "root": str(root),
        "codes": NASTY,
        "traces": {id_: str(trace) for id_, trace in traces.items()},
        "edited": [str(path) for path in edited],
    }
    paths = [Path(sitegen.__file__).parents[1], Path(__file__).parent]
    done = subprocess.run(
        [interpreter, "-c", SCRIPT],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), **environment},
    )
    said = json.loads(done.stdout)
    assert not said["failure"]
    return said


def other_interpreters() -> list[str]:
    """Pythons of other versions on this machine that run."""
    named = [shutil.which(f"python3.{minor}") for minor in range(11, 16)]
    installed = glob.glob(os.path.expanduser("~/.pyenv/versions/3.1*/bin/python"))
    ours = "{}.{}".format(*sys.version_info)
    found: dict[str, str] = {}
    for path in [*filter(None, named), *installed]:
        probe = "import sys; print('%d.%d' % sys.version_info[:2])"
        ran = subprocess.run([path, "-c", probe], capture_output=True, text=True, check=False)
        version = ran.stdout.strip()
        if ran.returncode == 0 and version not in ("3.10", ours):
            found.setdefault(version, path)
    return list(found.values())


@pytest.fixture
def course(tmp_path: Path) -> Path:
    write(LIBRARY, tmp_path / "course")
    return tmp_path / "course"


def edited(tmp_path: Path) -> list[Path]:
    """The package after each edit of the table that is one of it."""
    found = []
    for edit in EDITS:
        if edit.where in LIBRARY:
            found.append(tmp_path / f"edited-{len(found)}")
            text = LIBRARY[edit.where].replace(edit.old, edit.new, 1)
            write({**LIBRARY, edit.where: text}, found[-1])
    return found


def test_equal_on_other_versions_of_python(course: Path, tmp_path: Path) -> None:
    others = other_interpreters()
    if not others:
        pytest.skip("no other Python from 3.11 on runs on this machine")
    ours, roots = run(LESSON, course, ["nets"]).traces, edited(tmp_path)
    changed = [[*replay(LESSON, ours, ours.get, root, ["nets"]).changed] for root in roots]
    assert any(changed)
    for other in others:
        said = said_by(other, course, dict(ours), roots)
        assert said["changed"] == changed, other
        assert said["codes"] == [code_hash(Block("a", code, 1)) for code in NASTY], other
        theirs = {id_: Trace.parse(text) for id_, text in said["traces"].items()}
        assert theirs == ours, other


def test_equal_whatever_the_hash_seed(course: Path) -> None:
    said = [said_by(sys.executable, course, {}, [], PYTHONHASHSEED=one) for one in ("0", "1", "2")]
    assert said[0] == said[1] == said[2]


def test_nasty_code_has_hashes_of_its_own() -> None:
    same_but_for_quotes = 1
    found = {code_hash(Block("same id", code, 1)) for code in NASTY}
    assert len(found) == len(NASTY) - same_but_for_quotes
