"""Which cells above one needs: reading, binding and changing, case by case, as observed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from watched import run, standing

from sitegen.record.needed import Needed

LIBRARY = {
    "__init__.py": "from .state import bump, items\n",
    "constants.py": """\
import re
from dataclasses import dataclass
from typing import Literal

LEFT, RIGHT = 1, 2
LISTS, _ = [], 0
COLOURS = {"a": "red"}
GROUPS = {"a": []}
Kind = Literal["x", "y"]
WORD = re.compile("w+")


@dataclass(frozen=True)
class Pair:
    name: str
    kind: Kind = "x"


def same(name, kind: Kind = "x") -> Pair:
    return Pair(name, kind)


PAIRS = (same("a"), same("b", "y"))


def unpacked():
    return [LEFT, RIGHT]


def unpacked_list():
    return LISTS


def looked_up():
    return COLOURS.get("a"), list(COLOURS.items())


def looked_up_deep():
    return GROUPS.get("a")


def put():
    COLOURS.update(b="blue")


def paired():
    return PAIRS[0]


def matched(x):
    return WORD.search(x)
""",
    "state.py": """\
import functools
import io
import os

COUNT = 0
ITEMS = []
TABLE = {"a": 1}
NAME = "n"


def bump():
    global COUNT
    COUNT += 1
    return COUNT


def count():
    return COUNT


def items():
    return ITEMS


def size():
    return len(ITEMS)


def pure(x):
    return TABLE["a"] + x


@functools.lru_cache
def cached():
    return []


LOG = io.StringIO()


def logged(x):
    print(x, file=LOG)


def noisy(x):
    os.environ["X"] = x


def put(env):
    env["X"] = "1"


def prepare():
    put(os.environ)


class Plain:
    kind = "plain"

    def __init__(self, x=0):
        self.x = x

    def grow(self):
        self.x += 1
        return self


class Box:
    def __init__(self):
        self.shape = [1]


class Shared:
    all = []

    def __init__(self):
        self.all.append(self)
""",
    "plugins.py": """\
FOUND = {}


def plugin(function):
    FOUND[function.__name__] = function
    return function


@plugin
def first():
    return 1
""",
    "config.py": """\
from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    width: int = 4


@dataclass(frozen=True)
class Profile:
    config: Config
    extra: list


def active() -> Profile:
    return Profile(Config(), [])
""",
}


@dataclass(frozen=True)
class Case:
    """The last of some cells needs just those of the given numbers, counted from 0."""

    name: str
    units: tuple[str, ...]
    needs: tuple[int, ...]


def case(name: str, *units: str, needs: tuple[int, ...]) -> Case:
    return Case(name, units, needs)


CASES = [
    # Reading and binding.
    case("nothing shared", "a = 1", "b = 2", needs=()),
    case("a name", "a = 1", "b = 2", "a", needs=(0,)),
    case("the last binding only", "a = 1", "a = 2", "a", needs=(1,)),
    case("bound before it is read", "a = 1", "a = 2; a", needs=()),
    case("through other units", "a = 1", "b = a", "c = b", "c", needs=(0, 1, 2)),
    case("a binding in a loop", "a = 1", "for a in range(3): pass", "a", needs=(0, 1)),
    case("import", "import math", "a = 1", "math.pi", needs=(0,)),
    case("f-string", "a = 1", "f'{a:>{5}}'", needs=(0,)),
    case("comprehension with a name of its own", "a = 1", "[a for a in range(3)]", needs=()),
    case("parameter of that name", "a = 1", "def f(a): return a", "f(2)", needs=(1,)),
    case("default", "a = 1", "def f(b=a): return b", "a = 2", "f()", needs=(0, 1)),
    case("class attribute", "a = 1", "class C: b = a", "C.b", needs=(0, 1)),
    # Functions.
    case("function", "def f(): return 1", "f()", needs=(0,)),
    case("function that reads a name", "def f(): return a", "a = 1", "f()", needs=(0, 1)),
    case("which is bound again", "def f(): return a", "a = 1", "a = 2", "f()", needs=(0, 2)),
    case("only defined", "a = 1", "def f(): return a", needs=()),
    case(
        "function in a list", "def f(): return a", "fs = [f]", "a = 1", "fs[0]()", needs=(0, 1, 2)
    ),
    case(
        "function that changes a name",
        "xs = []",
        "def f(): xs.append(1)",
        "f()",
        "xs",
        needs=(0, 1, 2),
    ),
    case(
        "function that declares a global",
        "n = 0",
        "def f():\n    global n\n    n += 1",
        "f()",
        "n",
        needs=(0, 1, 2),
    ),
    case(
        "function that gives a name's object",
        "xs = []",
        "def f(): return xs",
        "f().append(1)",
        "xs",
        needs=(0, 1, 2),
    ),
    case("calls leave a function as it is", "def f(x): return x", "f(1)", "f(2)", needs=(0,)),
    case(
        "unless it keeps something",
        "def f(x, seen=[]): seen.append(x)",
        "f(1)",
        "f(2)",
        needs=(0, 1),
    ),
    case("lambda", "xs = []", "f = lambda: xs", "f().append(1)", "xs", needs=(0, 1, 2)),
    case(
        "generator",
        "xs = [1]",
        "g = (x for x in xs)",
        "print(list(g))",
        "print(list(g))",
        needs=(0, 1, 2),
    ),
    # Changing.
    case("method", "xs = []", "xs.append(1)", "xs", needs=(0, 1)),
    case("item", "d = {}", "d['a'] = 1", "d", needs=(0, 1)),
    case("attribute", "import types; o = types.SimpleNamespace()", "o.a = 1", "o", needs=(0, 1)),
    case("augmented", "xs = []", "xs += [1]", "xs", needs=(0, 1)),
    case("alias", "xs = []", "ys = xs", "ys.append(1)", "xs", needs=(0, 1, 2)),
    case("inside a list", "xs = []", "ys = [xs]", "ys[0].append(1)", "xs", needs=(0, 1, 2)),
    case("iterator used up", "it = iter([1, 2])", "for x in it: break", "next(it)", needs=(0, 1)),
    case("in a loop", "xs = []\nys = []", "for v in [xs]: v.append(1)", "xs", needs=(0, 1)),
    case(
        "printing to a file",
        "import io; out = io.StringIO()",
        "print(1, file=out)",
        "out",
        needs=(0, 1),
    ),
    case(
        "printing to a file, by keywords",
        "import io; out = io.StringIO(); how = {'file': out}",
        "print(1, **how)",
        "out",
        needs=(0, 1),
    ),
    case(
        "function that prints to a file",
        "import io; out = io.StringIO()",
        "def f(): print(1, file=out)",
        "f()",
        "out",
        needs=(0, 1, 2),
    ),
    *(
        case(f"a list of numbers, {name}", "a = [1, 2]; b = [3]", code, "a", needs=(0, 1))
        for name, code in [
            ("in a loop", "for n in range(4): (b, a)[n % 2].append(n)"),
            ("out of a dict", "{'k': a}['k'].append(5)"),
            ("assigned to", "(a, b)[0][0] = 7"),
            ("out of a sum", "([b] + [a])[1].append(5)"),
            ("out of a comprehension", "[a for _ in b][0].append(5)"),
            ("the least of two", "min(a, b).append(5)"),
            ("the least of two, by name", "c = min(a, b); c.append(5)"),
            ("out of a sorted list", "sorted([a, b])[0].append(5)"),
            ("out of keywords", "dict(k=a)['k'].append(5)"),
            ("in a function's loop", "def f():\n    for v in (a, b): v.append(5)\nf()"),
        ]
    ),
    case(
        "a list of numbers in a frozen dataclass",
        "from lib.config import Profile; a = [1]",
        "p = Profile(1, a)",
        "p.extra.append(1)",
        "a",
        needs=(0, 1, 2),
    ),
    case(
        "shape that is a list",
        "class Box:\n    def __init__(self): self.shape = [1]\nbox = Box()",
        "s = box.shape; s.append(2)",
        "box.shape",
        needs=(0, 1),
    ),
    case(
        "shape of the library that is a list",
        "from lib.state import Box; box = Box()",
        "s = box.shape; s.append(2)",
        "box.shape",
        needs=(0, 1),
    ),
    case("list named shape", "shape = [1]", "s = shape", "s.append(2)", "shape", needs=(0, 1, 2)),
    # Not changing.
    case("printing", "xs = []", "print(xs, len(xs), f'{xs}')", "xs", needs=(0,)),
    case("comparing", "xs = []", "assert xs == [], xs", "xs", needs=(0,)),
    case(
        "going through a list of numbers",
        "xs = [1, 2]",
        "for x in xs: print(x)",
        "sum(xs)",
        needs=(0,),
    ),
    case("looking up", "d = {'a': 1}", "d.get('a'); d.items()", "d", needs=(0,)),
    case("shadowed builtin", "xs = []\nprint = xs.append", "print(1)", "xs", needs=(0, 1)),
    # Random numbers are seeded for each unit; other global state is not.
    case("seed", "import random", "random.seed(1)", "random.random()", needs=(0,)),
    case("environment", "import os", "os.environ['A'] = '1'", "1 + 1", needs=(0, 1)),
    case("file", "p = 'f.txt'", "open(p, 'w').write('x')", "1 + 1", needs=(0, 1)),
    case("a module's list", "import sys", "sys.path.append('.')", "1 + 1", needs=(0, 1)),
    case("a module's list, by name", "from sys import path", "x = path.pop()", "1", needs=(0, 1)),
    case("environment, by name", "import os; e = os.environ", "e.update(A='1')", "1", needs=(0, 1)),
    case(
        "environment, passed on",
        "import os\ndef f(env): env['A'] = '1'",
        "f(os.environ)",
        "1",
        needs=(0, 1),
    ),
    case("by the library", "import lib.state as s", "s.prepare()", "1", needs=(0, 1)),
    case(
        "environment, copied", "import os", "e = dict(os.environ); print(os.environ)", "1", needs=()
    ),
    # What can't be followed.
    case("globals", "a = 1", "b = 2", "globals()['a']", needs=(0, 1)),
    case("name bound later", "a = 1", "def f(): return b", "f", "b = a", needs=(0,)),
    case("a loop's name alone", "_ = 1", "6 * 7", "for _ in range(3): print(_)\n_", needs=(0,)),
    case("names", "a = 1", "b = 2", "dir()", needs=(0, 1)),
    case(
        "a property that counts",
        "class C:\n    n = 0\n    @property\n    def p(self):\n        self.n += 1\n"
        "        return self.n\nc = C()",
        "c.p",
        "c.p",
        needs=(0, 1),
    ),
    case(
        "a property that counts by a method",
        "class C:\n    def load(self): self.n = 1\n    @property\n    def p(self): self.load()\n"
        "c = C()",
        "c.p",
        "c.p",
        needs=(0, 1),
    ),
    case(
        "an operator that notes by a function",
        "xs = []\ndef note(k): xs.append(k)",
        "class C:\n    def __getitem__(self, k): note(k)\nc = C()",
        "c[1]",
        "xs",
        needs=(0, 1, 2),
    ),
    *(
        case(f"class of an object, {code}", "class A: n = 1", "a = A()", code, "A.n", needs=needs)
        for code, needs in [
            ("type(a).n = 5", (0, 1, 2)),
            ("a.__class__.n = 5", (0, 1, 2)),
            ("setattr(type(a), 'n', 5)", (0, 1, 2)),
            ("kind = type(a); kind.n = 5", (0, 1, 2)),
            ("print(type(a), a.__class__.__name__, type(a).n)", (0,)),
            ("a.n = 5; type(a)", (0,)),
            ("def f(x): type(x).n = 5\nf(a)", (0, 1, 2)),
            ("def f(x): x.__class__.n += 5\nlist(map(f, [a]))", (0, 1, 2)),
            ("def f(x): setattr(type(x), 'n', 5)\nf(a)", (0, 1, 2)),
            ("def f(x): return type(x).n\nprint(f(a))", (0,)),
        ]
    ),
    case(
        "class of an object of the library",
        "import lib.state as s",
        "a = s.Plain()",
        "type(a).kind = 5",
        "s.Plain.kind",
        needs=(0, 1, 2),
    ),
    *(
        case(f"a module, {code}", "import json, re", "x = 1", code, "json.n", needs=needs)
        for code, needs in [
            ("def f(m): m.n = 5\nf(json)", (0, 2)),
            ("def f(m): m.n = 5\nlist(map(f, [re, json]))", (0, 2)),
            ("m = json; m.n = 5", (0, 2)),
        ]
    ),
    case(
        "defaultdict",
        "from collections import defaultdict\nd = defaultdict(list)",
        "d[1]",
        "len(d)",
        needs=(0, 1),
    ),
    # The library.
    case("pure function", "import lib.state as s", "s.pure(1)", "s.pure(2)", needs=(0,)),
    case(
        "global of a module", "from lib.state import bump, count", "bump()", "count()", needs=(0, 1)
    ),
    case(
        "through a re-export",
        "import lib; import lib.state",
        "lib.bump()",
        "lib.state.count()",
        needs=(0, 1),
    ),
    case(
        "object of a module",
        "import lib, lib.state as s",
        "xs = lib.items()",
        "xs.append(1)",
        "s.size()",
        needs=(0, 1, 2),
    ),
    *(
        case(f"constants, {name}", "import lib.constants as c", code, code, needs=needs)
        for name, code, needs in [
            ("unpacked", "c.unpacked()", (0,)),
            ("looked up", "c.looked_up()", (0,)),
            ("updated", "c.put()", (0, 1)),
            ("made by a function that says what", "c.paired()", (0,)),
            ("a pattern", "c.matched('w')", (0,)),
        ]
    ),
    case("constant set", "import lib.state as s", "s.NAME = 'm'", "1 + 1", needs=(0, 1)),
    case(
        "constant changed", "import lib.state as s", "s.TABLE['a'] = 2", "s.pure(1)", needs=(0, 1)
    ),
    case("log", "import lib.state as s", "s.logged(1)", "s.LOG.getvalue()", needs=(0, 1)),
    case("cache", "import lib.state as s", "s.cached().append(1)", "s.cached()", needs=(0, 1)),
    case("environment set inside", "import lib.state as s", "s.noisy('1')", "1 + 1", needs=(0, 1)),
    case("class", "import lib.state as s", "a = s.Plain()", "a.grow()", "s.Plain()", needs=(0,)),
    case(
        "class that keeps its objects",
        "import lib.state as s",
        "a = s.Shared()",
        "s.Shared()",
        needs=(0, 1),
    ),
    case(
        "computed name",
        "import lib.state as s",
        "getattr(s, 'bu' + 'mp')()",
        "s.count()",
        needs=(0, 1),
    ),
    # Frozen dataclasses tie nothing together.
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_cell_needs_just_what_its_state_comes_from(case: Case, tmp_path: Path) -> None:
    root = tmp_path / "course"
    (root / "lib").mkdir(parents=True)
    for name, text in LIBRARY.items():
        (root / "lib" / name).write_text(text)
    codes = {str(number): code for number, code in enumerate(case.units)}
    ran = run(codes, root, ["lib"])
    assert not ran.failure
    found = Needed(standing(codes, ran.traces, root, ["lib"])).of([*codes][-1])
    assert sorted(map(int, found)) == list(case.needs)
