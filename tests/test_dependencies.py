"""Which earlier units a unit needs: the rules of reading, binding and changing, case by case."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from sitegen.record.fingerprint import Library, Unit, fingerprints

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
    """The last of some units needs just those of the given numbers, counted from 0."""

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
    case("a binding that may not happen", "a = 1", "if input(): a = 2", "a", needs=(0, 1)),
    case("a binding in a loop", "a = 1", "for a in range(3): pass", "a", needs=(0, 1)),
    case("import", "import math", "a = 1", "math.pi", needs=(0,)),
    case("import of a submodule", "import os", "import os.path", "os.path", needs=(0, 1)),
    case("f-string", "a = 1", "f'{a:>{5}}'", needs=(0,)),
    case("comprehension with a name of its own", "a = 1", "[a for a in range(3)]", needs=()),
    case("parameter of that name", "a = 1", "def f(a): return a", "f(2)", needs=(1,)),
    case("default", "a = 1", "def f(b=a): return b", "a = 2", "f()", needs=(0, 1)),
    case("class attribute", "a = 1", "class C: b = a", "C.b", needs=(0, 1)),
    case("del", "a = 1", "b = 1", "del a", "a", needs=(2,)),
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
    case("argument", "import m; xs = []", "y = m.f(xs)", "xs", needs=(0, 1)),
    case("argument of an unknown builtin", "xs = []", "setattr(xs, 'a', 1)", "xs", needs=(0, 1)),
    case("alias", "xs = []", "ys = xs", "ys.append(1)", "xs", needs=(0, 1, 2)),
    case("inside a list", "xs = []", "ys = [xs]", "ys[0].append(1)", "xs", needs=(0, 1, 2)),
    case(
        "result of a call", "import m; a = m.A()", "b = m.f(a)", "b.change()", "a", needs=(0, 1, 2)
    ),
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
            ("picked out of a tuple", "(a, b)[1].append(5)"),
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
    case(
        "device that is a string",
        "class Box:\n    def __init__(self, device: str): self.device = device\nbox = Box('cpu')",
        "d = box.device; import m; m.f(box.device)",
        "box",
        needs=(0,),
    ),
    # Not changing.
    *(
        case(f"a list of numbers, {name}", "import m; a = [1, 2]; b = [3]", code, "a", needs=(0,))
        for name, code in [
            ("its greatest", "m.f(max(a))"),
            ("sorted", "m.f(sorted(a))"),
            ("added up", "n = sum(a) + max(a, default=0)"),
            ("one number of it", "print([a[0], b[0]][0])"),
        ]
    ),
    case("printing", "xs = []", "print(xs, len(xs), f'{xs}')", "xs", needs=(0,)),
    case("comparing", "xs = []", "assert xs == [], xs", "xs", needs=(0,)),
    case("reading an attribute", "import m; x = m.A()", "x.shape", "x", needs=(0,)),
    case(
        "going through a list of numbers",
        "xs = [1, 2]",
        "for x in xs: print(x)",
        "sum(xs)",
        needs=(0,),
    ),
    case("looking up", "d = {'a': 1}", "d.get('a'); d.items()", "d", needs=(0,)),
    case("shadowed builtin", "xs = []\nprint = xs.append", "print(1)", "xs", needs=(0, 1)),
    case("a number passed on", "import m; n = 3", "y = m.f(n)", "n", needs=(0,)),
    # Random numbers are seeded for each unit; other global state is not.
    case("seed", "import random", "random.seed(1)", "random.random()", needs=(0,)),
    case("global setting", "import m", "m.set_default(1)", "1 + 1", needs=(0, 1)),
    case("whose old value is kept", "import m", "old = m.seterr(1)", "1 + 1", needs=(0, 1)),
    case("module's attribute", "import m", "m.rc['a'] = 1", "1 + 1", needs=(0, 1)),
    case("environment", "import os", "os.environ['A'] = '1'", "1 + 1", needs=(0, 1)),
    case("file", "p = 'f.txt'", "open(p, 'w').write('x')", "1 + 1", needs=(0, 1)),
    case("file that is removed", "import os", "os.remove('f.txt')", "1 + 1", needs=(0, 1)),
    case("file that is replaced", "import os", "os.replace('f', 'g')", "1 + 1", needs=(0, 1)),
    case("reading a file", "p = 'f.txt'", "open(p).read()", "1 + 1", needs=()),
    case("a value that is shown", "import m", "m.allclose(1)", "1 + 1", needs=()),
    case("a setting whose value is shown", "import m", "m.set_default(1)", "1 + 1", needs=(0, 1)),
    case("a hidden value", "import m", "m.default(1);", "1 + 1", needs=(0, 1)),
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
    case("what a module names", "import logging as l", "l.addLevelName(1, 'a')", "1", needs=(0, 1)),
    case("what others get too", "import m", "m.getLogger('a').addFilter(1)", "1", needs=(0, 1)),
    case("its attribute", "import m", "m.getLogger('a').propagate = False", "1", needs=(0, 1)),
    case("counted up", "import m", "m.getcontext().prec += 1", "1", needs=(0, 1)),
    case("a copy", "from dataclasses import replace", "replace(1)", "1", needs=()),
    case("a result of its own", "import m", "m.zeros(3).add(1)", "1", needs=()),
    case(
        "in place", "from m import init; import m; w = m.w()", "init.normal_(w)", "1 + 1", needs=()
    ),
    case(
        "and what it changed",
        "from m import init; import m; w = m.w()",
        "init.normal_(w)",
        "w",
        needs=(0, 1),
    ),
    # What can't be followed.
    case("exec", "a = 1", "exec('b = 1')", "1 + 1", needs=(0, 1)),
    case("globals", "a = 1", "b = 2", "globals()['a']", needs=(0, 1)),
    case("name bound later", "a = 1", "def f(): return b", "f", "b = a", needs=(0,)),
    case("unknown name", "a = 1", "b = 2", "who()", needs=(0, 1)),
    case("star import", "a = 1", "from m import *", "1 + 1", needs=(0, 1)),
    case("not Python", "a = 1", "b = = 2", "1 + 1", needs=(0, 1)),
    case("the last value", "a = 1", "a", "_", needs=(0, 1)),
    case("and a loop's name", "for _ in range(3): pass", "6 * 7", "print(_)", needs=(0, 1)),
    case("a loop's name alone", "_ = 1", "6 * 7", "for _ in range(3): print(_)\n_", needs=(0,)),
    case("names", "a = 1", "b = 2", "dir()", needs=(0, 1)),
    case("names of an object", "a = 1", "b = 2", "dir(b)", needs=(1,)),
    case("tests", "import unittest as u", "class A(u.TestCase): n = 1", "u.main()", needs=(0, 1)),
    case("doctests", "def f(): return 1", "from doctest import testmod", "testmod()", needs=(0, 1)),
    case(
        "code to profile",
        "import cProfile",
        "def f(): return 1",
        "cProfile.run('f()')",
        needs=(0, 1),
    ),
    case("pickle", "import pickle; d = b''", "class A: n = 1", "pickle.loads(d)", needs=(0, 1)),
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
    case(
        "a property that only looks",
        "class C:\n    def half(self): return self.n / 2\n    @property\n"
        "    def p(self): return round(self.half(), 2) + sum(map(abs, self.xs))\nc = C()",
        "c.p",
        "c.p",
        needs=(0,),
    ),
    *(
        case(f"class of an object, {code}", "class A: n = 1", "a = A()", code, "A.n", needs=needs)
        for code, needs in [
            ("type(a).n = 5", (0, 1, 2)),
            ("a.__class__.n = 5", (0, 1, 2)),
            ("setattr(type(a), 'n', 5)", (0, 1, 2)),
            ("kind = type(a); kind.n = 5", (0, 1, 2)),
            ("a.__class__.ns.append(5)", (0, 1, 2)),
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
            ("print(json, json.dumps(1)); repr(json)", (0,)),
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
            ("unpacked, and a list", "c.unpacked_list()", (0, 1)),
            ("looked up", "c.looked_up()", (0,)),
            ("looked up, and lists within", "c.looked_up_deep()", (0, 1)),
            ("updated", "c.put()", (0, 1)),
            ("made by a function that says what", "c.paired()", (0,)),
            ("a pattern", "c.matched('w')", (0,)),
        ]
    ),
    case("constant set", "import lib.state as s", "s.NAME = 'm'", "1 + 1", needs=(0, 1)),
    case(
        "constant changed", "import lib.state as s", "s.TABLE['a'] = 2", "s.pure(1)", needs=(0, 1)
    ),
    case("another one", "import lib.state as s", "s.ITEMS.append(2)", "s.count()", needs=(0,)),
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
        "class passed on",
        "import lib.state as s, m",
        "m.patch_up(s.Plain)",
        "s.Plain()",
        needs=(0, 1),
    ),
    case("import that registers", "import lib.state", "import lib.plugins", "1 + 1", needs=(1,)),
    case("whole module", "import lib.state as s, m", "m.f(s)", "s.pure(1)", needs=(0, 1)),
    case(
        "computed name",
        "import lib.state as s",
        "getattr(s, 'bu' + 'mp')()",
        "s.count()",
        needs=(0, 1),
    ),
    # Frozen dataclasses tie nothing together.
    case(
        "frozen config",
        "from lib.config import Config\nimport m",
        "c = Config(3)",
        "a = m.A(c)",
        "a.go()",
        "m.A(c)",
        needs=(0, 1),
    ),
    case(
        "config of a profile",
        "from lib.config import active\nimport m",
        "c = active().config",
        "p = active()",
        "c = p.config",
        "a = m.A(c)",
        "m.A(c)",
        needs=(0, 2, 3),
    ),
    case(
        "what is not frozen", "import m", "c = m.Config(3)", "a = m.A(c)", "m.A(c)", needs=(0, 1, 2)
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_unit_needs_just_what_its_state_comes_from(case: Case, tmp_path: Path) -> None:
    found = fingerprints(
        [Unit(str(number), code) for number, code in enumerate(case.units)],
        library(tmp_path),
        "cpu",
    )
    assert found[-1].needs == tuple(map(str, case.needs))


def test_a_unit_that_may_raise_binds_perhaps(tmp_path: Path) -> None:
    units = [Unit("0", "a = 1"), Unit("1", "b = c / 0\na = 2", may_raise=True), Unit("2", "a")]
    assert fingerprints(units, library(tmp_path), "cpu")[-1].needs == ("0", "1")


def library(root: Path) -> Library:
    (root / "lib").mkdir()
    for name, text in LIBRARY.items():
        (root / "lib" / name).write_text(text)
    return Library(root, ["lib"])
