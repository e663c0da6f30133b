"""Which edit touches which block: the table that the fingerprints answer to."""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import sitegen
from sitegen.parse.parser import parse_lesson
from sitegen.record.fingerprint import (
    Fingerprint,
    Library,
    LibrarySyntaxError,
    Memory,
    Unit,
    UnknownSymbolError,
    definition,
    fingerprints,
    same_code,
)
from sitegen.record.recordings import Recordings
from sitegen.record.replay import Standing, standings

LIBRARY = {
    "nets/__init__.py": '''\
"""Small networks, as a package that re-exports its parts."""

from .layers import Dense, Layer
from .model import Model, build
from .wild import *

__all__ = ["Dense", "Layer", "Model", "build"]
''',
    "nets/numbers.py": '''\
"""Constants and pure functions."""

import math

SCALE = 2
OFFSET = 0.5
LIMITS = {"low": 0, "high": 9}
NAMES = ("a", "b")


def scaled(x, by=SCALE):
    """Multiply."""
    return x * by  # the product


def shifted(x):
    return _round(scaled(x) + OFFSET)


def _round(x):
    return round(x, 3)


def clipped(x):
    return min(max(x, LIMITS["low"]), LIMITS["high"])


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


def report(x):
    y = x
    x = 12
    if x > 1:
        return f"{x:>8.2f} of {y}", NAMES[0]
        return "little"


def unused(x):
    return x + 1


if math.pi > 3:
    def chosen():
        return 1
else:
    def chosen():
        return 2
''',
    "nets/layers.py": '''\
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import numbers
from .decorate import traced

if TYPE_CHECKING:
    from .model import Model


@dataclass(frozen=True)
class Config:
    width: int = 4
    deep: bool = False

    @property
    def double(self) -> int:
        return self.width * 2


class Layer:
    """A base."""

    kind = "plain"

    def __init__(self, size):
        self.size = size

    def run(self, x):
        return self.inner(x) + 1

    def inner(self, x):
        return x


class Dense(Layer):
    def inner(self, x):
        def weight(value):
            return numbers.scaled(value)

        return weight(x) * self.size


@traced
def traced_run(layer, x):
    return layer.run(x)


def describe(model: Model) -> str:
    return type(model).__name__
''',
    "nets/decorate.py": """\
import functools


def traced(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper
""",
    "nets/model.py": """\
from nets.layers import Config, Dense as Thick

from .numbers import shifted


class Model:
    def __init__(self, config: Config):
        self.layer = Thick(config.width)

    def __call__(self, x):
        return shifted(self.layer.run(x))


def build(width):
    return Model(Config(width))
""",
    "nets/wild.py": "WILD = 3\n\n\ndef tame():\n    return WILD\n",
    "nets/apart.py": "def one():\n    return 1\n",
}

LESSON = {
    "imports": "import nets\nfrom nets import Dense, build, numbers\nimport nets.layers as L\n",
    "scaled": "print(numbers.scaled(3))",
    "report": "numbers.report(numbers.clipped(12))",
    "cycle": "numbers.even(4)",
    "chosen": "numbers.chosen()",
    "dense": "layer = Dense(3)\nlayer.run(1)",
    "trace": "L.traced_run(layer, 2)",
    "model": "model = build(2)\nmodel(1)",
    "config": "config = L.Config(width=3)\nconfig.double",
    "describe": "L.describe(model)",
    "data": "xs = [1, 2]\nys = xs",
    "grow": "ys.append(config.width)",
    "show": "print(f'{xs}')",
    "own": "def twice(x):\n    return x * factor\n",
    "factor": "factor = 2",
    "use": "twice(5)",
    "alone": "1 + 1",
}
EVERY = set(LESSON)
WITHOUT_LIBRARY = {"data", "own", "factor", "use", "alone"}
LIBRARY_USERS = EVERY - WITHOUT_LIBRARY
CONFIG_USERS = {"model", "config", "describe", "grow", "show"}
L_USERS = {"imports", "trace", "config", "describe", "grow", "show"}
"""Blocks that use `nets.layers` by the name that it is imported under."""
MODEL_USERS = {"model", "describe"}
LAYER_USERS = {"dense", "trace", "model", "describe"}
"""Blocks that reach `Dense`: its own, and through `Model`."""


@dataclass(frozen=True)
class Edit:
    """In a file or block, `old` becomes `new`; just these blocks get another fingerprint."""

    name: str
    where: str
    old: str
    new: str
    touches: set[str]


NOTHING: set[str] = set()

EVEN, ODD = (
    "def even(n):\n    return n == 0 or odd(n - 1)\n\n\n",
    "def odd(n):\n    return n != 0 and even(n - 1)\n\n\n",
)
FORMATTED = 'f"{x:>8.2f} of {y}"'
IN_ORDER, SWAPPED = EVEN + ODD, ODD + EVEN

EDITS = [
    # What no output can depend on.
    Edit("comment", "nets/numbers.py", "# the product", "# times", NOTHING),
    Edit("comment line", "nets/numbers.py", "SCALE = 2\n", "# Why 2?\nSCALE = 2\n", NOTHING),
    Edit("docstring", "nets/numbers.py", '"""Multiply."""', '"""Product."""', NOTHING),
    Edit("docstring gone", "nets/numbers.py", '    """Multiply."""\n', "", NOTHING),
    Edit("class docstring", "nets/layers.py", '    """A base."""\n', '    "B."\n', NOTHING),
    Edit("module docstring", "nets/numbers.py", '"""Constants and', '"""Several', NOTHING),
    Edit("blank lines", "nets/numbers.py", "\n\n\ndef _round", "\n\n\n\n\ndef _round", NOTHING),
    Edit("spaces", "nets/numbers.py", "x * by", "x*by", NOTHING),
    Edit(
        "line break", "nets/numbers.py", "return x * by", "return (\n        x * by\n    )", NOTHING
    ),
    Edit("quotes", "nets/layers.py", '"plain"', "'plain'", NOTHING),
    Edit("joined strings", "nets/layers.py", '"plain"', '"pl" "ain"', NOTHING),
    Edit(
        "quotes of an f-string", "nets/numbers.py", FORMATTED, FORMATTED.replace('"', "'"), NOTHING
    ),
    Edit(
        "indentation", "nets/numbers.py", "    return round(x, 3)", "  return round(x, 3)", NOTHING
    ),
    Edit("trailing comma", "nets/numbers.py", "round(x, 3)", "round(\n  x,\n  3,\n )", NOTHING),
    Edit("number in another base", "nets/wild.py", "WILD = 3", "WILD = 0x3", NOTHING),
    Edit("unused function", "nets/numbers.py", "return x + 1", "return x + 2", NOTHING),
    Edit(
        "new function", "nets/numbers.py", "def unused", "def new(): ...\n\n\ndef unused", NOTHING
    ),
    Edit("new constant", "nets/numbers.py", "SCALE = 2", "SCALE = 2\nOTHER = 1", NOTHING),
    Edit("new import", "nets/numbers.py", "import math", "import math\nimport json", NOTHING),
    Edit("new file", "nets/extra.py", "", "print('never imported')\n", NOTHING),
    Edit("functions in another order", "nets/numbers.py", IN_ORDER, SWAPPED, NOTHING),
    Edit("relative import", "nets/model.py", "from nets.layers", "from .layers", NOTHING),
    Edit("__all__", "nets/__init__.py", '["Dense", ', '["Model", "Dense", ', NOTHING),
    Edit("module that is not imported", "nets/apart.py", "return 1", "return 2", NOTHING),
    Edit("block's comment", "scaled", "print", "# a comment\nprint", NOTHING),
    Edit("block's formatting", "own", "return x * factor", "return (x*factor)", NOTHING),
    # Functions and constants.
    Edit("function", "nets/numbers.py", "x * by", "x + by", {"scaled"} | LAYER_USERS),
    Edit("default", "nets/numbers.py", "by=SCALE", "by=3", {"scaled"} | LAYER_USERS),
    Edit(
        "constant in a default",
        "nets/numbers.py",
        "SCALE = 2",
        "SCALE = 3",
        {"scaled"} | LAYER_USERS,
    ),
    Edit("private helper", "nets/numbers.py", "round(x, 3)", "round(x, 2)", MODEL_USERS),
    Edit("constant in a body", "nets/numbers.py", "0.5", "0.25", MODEL_USERS),
    Edit("table of constants", "nets/numbers.py", '"high": 9', '"high": 8', {"report"}),
    Edit("tuple of constants", "nets/numbers.py", '("a", "b")', '("c", "b")', {"report"}),
    Edit("format", "nets/numbers.py", ":>8.2f", ":>8.3f", {"report"}),
    Edit("string", "nets/numbers.py", '"little"', '"less"', {"report"}),
    Edit("space in a string", "nets/numbers.py", '"little"', '"little "', {"report"}),
    Edit("comparison", "nets/numbers.py", "if x > 1", "if x >= 1", {"report"}),
    Edit(
        "order of statements",
        "nets/numbers.py",
        "y = x\n    x = 12",
        "x = 12\n    y = x",
        {"report"},
    ),
    Edit(
        "depth of a statement",
        "nets/numbers.py",
        '    return "little"',
        'return "little"',
        {"report"},
    ),
    Edit("a tuple of one", "nets/numbers.py", "x = 12", "x = (12,)", {"report"}),
    Edit("in a cycle of calls", "nets/numbers.py", "n != 0 and", "n > 0 and", {"cycle"}),
    Edit("definition under a condition", "nets/numbers.py", "return 2", "return 3", {"chosen"}),
    Edit("its condition", "nets/numbers.py", "math.pi > 3", "math.pi < 3", {"chosen"}),
    Edit(
        "builtin shadowed",
        "nets/numbers.py",
        "def unused",
        "def round(x, n): ...\n\n\ndef unused",
        MODEL_USERS,
    ),
    Edit(
        "defined twice",
        "nets/numbers.py",
        "def unused",
        "SCALE = 5\n\n\ndef unused",
        {"scaled"} | LAYER_USERS,
    ),
    Edit("definition gone", "nets/numbers.py", "def odd(", "def odder(", {"cycle"}),
    # Classes.
    Edit("method", "nets/layers.py", "* self.size", "+ self.size", LAYER_USERS),
    Edit("inherited method", "nets/layers.py", "(x) + 1", "(x) + 2", LAYER_USERS),
    Edit(
        "overridden method",
        "nets/layers.py",
        "        return x\n",
        "        return -x\n",
        LAYER_USERS,
    ),
    Edit("class attribute", "nets/layers.py", '"plain"', '"fancy"', LAYER_USERS),
    Edit("nested function", "nets/layers.py", "numbers.scaled(value)", "value", LAYER_USERS),
    Edit("base", "nets/layers.py", "class Dense(Layer)", "class Dense(object)", LAYER_USERS),
    Edit(
        "field of a dataclass", "nets/layers.py", "width: int = 4", "width: int = 5", CONFIG_USERS
    ),
    Edit("property", "nets/layers.py", "width * 2", "width * 3", CONFIG_USERS),
    Edit("decorator of a class", "nets/layers.py", "(frozen=True)", "", CONFIG_USERS),
    Edit("decorator", "nets/decorate.py", "function(*args)", "-function(*args)", {"trace"}),
    Edit("decorator gone", "nets/layers.py", "@traced\n", "", {"trace"}),
    Edit("annotation", "nets/layers.py", "(model: Model)", "(model: object)", {"describe"}),
    Edit(
        "known from an annotation only",
        "nets/model.py",
        "return shifted(",
        "return -shifted(",
        MODEL_USERS,
    ),
    # Imports.
    Edit(
        "function that is re-exported",
        "nets/model.py",
        "Model(Config(w",
        "Model(Config(1 + w",
        MODEL_USERS,
    ),
    Edit("another name imported", "nets/model.py", "Dense as Thick", "Layer as Thick", MODEL_USERS),
    Edit(
        "re-export gone",
        "nets/__init__.py",
        "Model, build\n",
        "Model\n",
        LIBRARY_USERS - {"config", "grow", "show"},
    ),
    Edit(
        "re-export from elsewhere",
        "nets/__init__.py",
        "import Model, build\n",
        "import Model\nfrom .wild import tame as build\n",
        MODEL_USERS,
    ),
    Edit(
        "star import that shadows",
        "nets/wild.py",
        "WILD = 3\n",
        "WILD = 3\nbuild = None\n",
        MODEL_USERS,
    ),
    Edit(
        "effect on import",
        "nets/decorate.py",
        "import functools\n",
        "import functools\nprint(1)\n",
        LIBRARY_USERS,
    ),
    Edit(
        "changed on import",
        "nets/decorate.py",
        "import functools\n",
        "import functools\nfrom . import numbers\nnumbers.SCALE = 3\n",
        EVERY,
    ),
    # Blocks.
    Edit("block", "scaled", "3", "4", {"scaled"}),
    Edit("block that binds", "dense", "Dense(3)", "Dense(4)", {"dense", "trace"}),
    Edit("block that changes through an alias", "grow", "append(", "append(1 + ", {"grow", "show"}),
    Edit("block that a function reads", "factor", "2", "3", {"factor", "use"}),
    Edit("block that defines a function", "own", "x * factor", "x + factor", {"own", "use"}),
    Edit("value that flows on", "config", "width=3", "width=2", {"config", "grow", "show"}),
    Edit("last block", "alone", "1 + 1", "1 + 2", {"alone"}),
    Edit("semicolon that hides the value", "alone", "1 + 1", "1 + 1;", {"alone"}),
    Edit("imports", "imports", "import nets\n", "import nets, json\n", {"imports"}),
    Edit("another import", "imports", "import nets.layers as L", "import nets.wild as L", L_USERS),
    Edit("not Python", "config", "width=3)", "width=3", EVERY - set(list(LESSON)[:8])),
]


def write(library: dict[str, str], root: Path) -> None:
    shutil.rmtree(root / "nets", ignore_errors=True)
    for name, text in library.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)


def prints(library: dict[str, str], lesson: dict[str, str], root: Path) -> dict[str, Fingerprint]:
    write(library, root)
    units = [Unit(name, code) for name, code in lesson.items()]
    return dict(zip(lesson, fingerprints(units, Library(root, ["nets"]), "cpu"), strict=True))


def digests(library: dict[str, str], lesson: dict[str, str], root: Path) -> dict[str, str]:
    return {name: found.digest for name, found in prints(library, lesson, root).items()}


def cells(text: str, root: Path) -> list[Standing]:
    """How the cells of a lesson of this text stand."""
    head = "---\ntitle: T\nslug: t\norder: 1\n---\n\n"
    lesson = parse_lesson("lesson.md", f"{head}{text}\n")
    return standings(lesson, "cpu", Library(root, []), Recordings(root), Memory(root / "m.json"))


@pytest.mark.parametrize("edit", EDITS, ids=[edit.name for edit in EDITS])
def test_an_edit_touches_just_the_blocks_that_reach_it(edit: Edit, tmp_path: Path) -> None:
    library, lesson = dict(LIBRARY), dict(LESSON)
    texts = lesson if edit.where in lesson else library
    before = digests(LIBRARY, LESSON, tmp_path)
    assert edit.old in texts.get(edit.where, "")
    texts[edit.where] = texts.get(edit.where, "").replace(edit.old, edit.new, 1)
    after = digests(library, lesson, tmp_path)
    assert {name for name in LESSON if before[name] != after[name]} == edit.touches


# Equal everywhere

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
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from sitegen.record.fingerprint import Library, Unit, fingerprints
lessons = json.load(sys.stdin)
for lesson in lessons:
    units = [Unit(name, code) for name, code in lesson]
    for print_ in fingerprints(units, Library(Path(sys.argv[2]), ["nets"]), "cpu"):
        print(print_.digest, print_.needs, sorted(print_.parts.items()))
"""


def printed(interpreter: str, root: Path, **environment: str) -> str:
    """The fingerprints that an interpreter makes, of the lesson and of nasty code."""
    lessons = [list(LESSON.items()), [(str(i), code) for i, code in enumerate(NASTY)]]
    done = subprocess.run(
        [interpreter, "-c", SCRIPT, str(Path(sitegen.__file__).parents[1]), str(root)],
        input=json.dumps(lessons),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return done.stdout


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


def test_equal_on_other_versions_of_python(tmp_path: Path) -> None:
    others = other_interpreters()
    if not others:
        pytest.skip("no other Python from 3.11 on runs on this machine")
    write(LIBRARY, tmp_path)
    ours = printed(sys.executable, tmp_path)
    for other in others:
        assert printed(other, tmp_path) == ours, other


def test_equal_whatever_the_hash_seed(tmp_path: Path) -> None:
    write(LIBRARY, tmp_path)
    seeds = [printed(sys.executable, tmp_path, PYTHONHASHSEED=seed) for seed in ("0", "1", "2")]
    assert len(set(seeds)) == 1


def test_nasty_code_has_fingerprints_of_its_own(tmp_path: Path) -> None:
    units = [Unit("same id", code) for code in NASTY]
    alone = [fingerprints([unit], Library(tmp_path, []), "cpu")[0].digest for unit in units]
    same_but_for_quotes = 1
    assert len(set(alone)) == len(NASTY) - same_but_for_quotes


# Details


def test_parts_name_what_changed(tmp_path: Path) -> None:
    changed = dict(LIBRARY)
    changed["nets/layers.py"] = changed["nets/layers.py"].replace("* self.size", "+ self.size")
    before, after = (prints(texts, LESSON, tmp_path)["dense"].parts for texts in (LIBRARY, changed))
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == ["nets.layers.Dense.inner"]
    own = {"profile", "Dense, build, numbers of block imports", "block dense", "end of block dense"}
    assert own | {"nets.numbers.SCALE"} <= before.keys()


def test_profile_and_salt_count(tmp_path: Path) -> None:
    library = Library(tmp_path, [])
    found = [
        fingerprints([Unit("a", "1", salt)], library, profile)[0].digest
        for salt, profile in [("", "cpu"), ("", "gpu"), ("raises=ValueError", "cpu")]
    ]
    assert len(set(found)) == 3


def test_ids_do_not_count(tmp_path: Path) -> None:
    library = Library(tmp_path, [])
    first, second = (fingerprints([Unit(name, "1")], library, "cpu")[0] for name in "ab")
    assert first.digest == second.digest


def test_the_text_of_an_inline_value_counts_as_it_seeds_the_random_numbers(tmp_path: Path) -> None:
    first, second = (
        standing.fingerprint.digest
        for text in ("10**6", "10 ** 6")
        for standing in cells(f"Here is `{{python}} {text}`.", tmp_path)
    )
    assert first != second


@pytest.mark.parametrize(
    ("code", "counts"),
    [
        ("import traceback\ntraceback.print_exc()", True),
        ("import dis\ndis.dis(f)", True),
        ("import logging\nlogging.exception('no')", True),
        ("import logging\nlogging.info('no', exc_info=True)", True),
        ("import sys\nsys.exc_info()", True),
        ("import inspect\ninspect.getsource(f)", False),
        ("f()", False),
    ],
)
def test_lines_count_where_they_are_read(code: str, counts: bool, tmp_path: Path) -> None:
    text = f"```python\ndef f(): return 1\n```\n\n```python\n{code}\n```"
    before, after = (
        [standing.fingerprint.digest for standing in cells(f"{above}{text}", tmp_path)]
        for above in ("", "A paragraph.\n\n")
    )
    assert before[0] == after[0]
    assert (before[1] != after[1]) is counts


@pytest.mark.parametrize(
    "code", ["import inspect\ninspect.getsource(numbers.scaled)", "numbers.scaled.__doc__"]
)
def test_comments_count_where_they_are_read(code: str, tmp_path: Path) -> None:
    lesson = {"imports": LESSON["imports"], "reads": code, "other": "numbers.clipped(1)"}
    changed = {name: text.replace('"""Multiply', '"""Times') for name, text in LIBRARY.items()}
    before, after = digests(LIBRARY, lesson, tmp_path), digests(changed, lesson, tmp_path)
    assert [name for name in lesson if before[name] != after[name]] == ["reads"]


def test_data_files_count_where_they_are_read(tmp_path: Path) -> None:
    texts = {
        **LIBRARY,
        "nets/data.txt": "one",
        "nets/data.py": (
            "from pathlib import Path\n\n\ndef text():\n"
            "    return (Path(__file__).parent / 'data.txt').read_text()\n"
        ),
    }
    lesson = {"imports": "import nets.data", "read": "nets.data.text()", "not": "nets.build(1)"}
    before = digests(texts, lesson, tmp_path)
    after = digests({**texts, "nets/data.txt": "two"}, lesson, tmp_path)
    assert [name for name in lesson if before[name] != after[name]] == ["read"]


def test_a_library_that_is_not_python_is_named_with_its_line(tmp_path: Path) -> None:
    broken = {**LIBRARY, "nets/numbers.py": "x = 1\ny = = 2\n"}
    with pytest.raises(LibrarySyntaxError, match=r"nets/numbers\.py:2: invalid syntax") as raised:
        digests(broken, LESSON, tmp_path)
    assert (raised.value.path, raised.value.line) == ("nets/numbers.py", 2)


def test_a_library_of_one_file(tmp_path: Path) -> None:
    (tmp_path / "single.py").write_text(
        "def one():\n    return two()\n\n\ndef two():\n    return 2\n"
    )
    unit = Unit("a", "import single\nsingle.one()")
    parts = fingerprints([unit], Library(tmp_path, ["single"]), "cpu")[0].parts
    assert {"single.one", "single.two"} <= parts.keys()


def test_memory_gives_what_the_analysis_gave(tmp_path: Path) -> None:
    write(LIBRARY, tmp_path)
    units = [Unit(name, code) for name, code in LESSON.items()]
    file = tmp_path / "cache" / "fingerprints.json"
    for _ in range(2):
        memory = Memory(file)
        made = memory.fingerprints(units, Library(tmp_path, ["nets"]), "cpu")
        assert made == fingerprints(units, Library(tmp_path, ["nets"]), "cpu")
        memory.save()
    changed = {**LIBRARY, "nets/numbers.py": LIBRARY["nets/numbers.py"].replace("x * by", "x + by")}
    write(changed, tmp_path)
    again = Memory(file).fingerprints(units, Library(tmp_path, ["nets"]), "cpu")
    assert again == fingerprints(units, Library(tmp_path, ["nets"]), "cpu") != made


@pytest.mark.parametrize(("code", "analysed"), [("f(1)", 1), ("import traceback", 2)])
def test_memory_asks_again_after_a_move_only_where_lines_count(
    code: str, analysed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def counted(units: Sequence[Unit], *others: Any) -> list[Fingerprint]:
        asked.append(len(units))
        return fingerprints(units, *others)

    monkeypatch.setattr("sitegen.record.fingerprint.memory.fingerprints", counted)
    memory, library = Memory(tmp_path / "m.json"), Library(tmp_path, [])
    for line in (5, 9, 9):
        units = [Unit("a", code, line=line)]
        assert memory.fingerprints(units, library, "cpu") == fingerprints(units, library, "cpu")
    assert len(asked) == analysed


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"a": 1}'])
def test_memory_that_is_damaged_is_forgotten(text: str, tmp_path: Path) -> None:
    (tmp_path / "memory.json").write_text(text)
    memory = Memory(tmp_path / "memory.json")
    assert len(memory.fingerprints([Unit("a", "1")], Library(tmp_path, []), "cpu")) == 1
    memory.save()


# Embedded code


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
    symbol: str, path: str, line: int, starts: str, ends: str, tmp_path: Path
) -> None:
    write(LIBRARY, tmp_path)
    found = definition(Library(tmp_path, ["nets"]), symbol)
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
def test_definition_that_is_not_there(symbol: str, near: str, tmp_path: Path) -> None:
    write(LIBRARY, tmp_path)
    with pytest.raises(UnknownSymbolError, match=f"no definition '{symbol}'.*{near}"):
        definition(Library(tmp_path, ["nets"]), symbol)


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
