"""Whatever is edited, a cell whose trace holds shows what a fresh execution shows.

Random small libraries and lessons are put together from lines that share, change and pass on
state in many ways, and read files and the environment. They are run under observation, edited
somewhere, and run afresh; what would be replayed must not differ. So too for running a cell after
its needs alone. The oracle knows no method.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any
from unittest import mock

from how_many import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from watched import Ran, replay, run, standing

from sitegen.record.needed import Needed

CORE = """\
import functools
import io
import os
import sys
from pathlib import Path

LIMIT = {0}
TABLE = {{"k": {1}}}
ITEMS = [{2}]
NAMES = ("a", "b", {3})
COUNT = {4}
REGISTRY = {{}}
LOG = io.StringIO()

def say(x):
    print(x, file=LOG)

def register(function):
    REGISTRY[function.__name__] = function
    return function

def plain(x, by=LIMIT):
    return x + by + {5}

def twice(x):
    return plain(x) * 2 + helper({6})

def helper(x):
    return x - {7}

def push(x):
    ITEMS.append(x + {8})
    return len(ITEMS)

def total():
    return sum(ITEMS) + {9}

def put(target, value):
    target["put"] = value + {10}
    return target

def bump():
    global COUNT
    COUNT += {11}
    return COUNT

def items():
    return ITEMS

@functools.lru_cache
def cached():
    return [{12}]

def by_name(name):
    return getattr(sys.modules[__name__], name)()

def remember(x, seen=[]):
    seen.append(x + {13})
    return list(seen)

def counted(x):
    counted.calls = getattr(counted, "calls", 0) + x
    return counted.calls + {14}

@register
def alpha():
    return {15}

@register
def beta():
    return alpha() + {16}

def lookup(name):
    return REGISTRY[name]() + {17}

ROWS = (Path(__file__).parent / "rows.txt").read_text()

def rows():
    return ROWS

def data(name):
    return open(name).read()

def setting():
    return os.environ.get("SETTING", "none")
"""

SHAPES = """\
from __future__ import annotations

from dataclasses import dataclass

from .core import ITEMS as stock, plain
from .core import *
from . import core

class Box:
    shared = []
    count = 0

    def __init__(self, value):
        self.value = value + {0}
        self.shape = [self.value]

    def __repr__(self):
        return f"Box({{self.value}})"

    def add(self, x):
        self.value += plain(x) + {1}
        return self

    def note(self, x):
        self.shared.append(x + {2})
        return len(self.shared)

    @property
    def double(self):
        return self.value * 2 + {3}

    @classmethod
    def make(cls, x):
        cls.count += 1
        return cls(x + cls.count + {4})

class Small(Box):
    def add(self, x):
        core.TABLE["small"] = x
        return super().add(x + {5})

@dataclass(frozen=True)
class Config:
    width: int = {6}
    depth: int = 2
    device: str = "cpu"

    @property
    def size(self):
        return self.width * self.depth + {7}

    def wider(self) -> Config:
        return Config(self.width + {8}, self.depth)

def area(config):
    return config.width * config.depth + {9}

def stocked():
    return [*stock, helper({10})]

class Gauge:
    def __init__(self, x):
        self.reads = x

    @property
    def level(self):
        self.reads += {14}
        return self.reads

    def __len__(self):
        self.reads += {15}
        return self.reads

    def __call__(self, target):
        target.append(self.reads)
        return self

def counter(start):
    def step():
        nonlocal start
        start += {16}
        return start
    return step

def pairs(values):
    for value in values:
        values.append(value + {17})
        yield value
        return

class Base:
    kinds = []

    def __init_subclass__(cls):
        Base.kinds.append(cls.__name__)

def kinds():
    return list(Base.kinds), {11}

class First(Base):
    size = {12}

TABLE["late"] = {13}
"""

FRONT = """\
from .core import bump, by_name, items, push, total
from .shapes import Box, Config, Small, area
from . import core, shapes
"""

PRELUDE = """\
import mylib
import mylib.core as core
from mylib import Box, Config, Small, shapes
from mylib.core import plain, push
xs, ys, d, n = [1, 2], [3], {}, 5
box = Box(1)
config = Config()
def f(): return 0
def g(v): return v
class Local: pass
it = iter([])
h = lambda: []
def tag(part): return part
gauge = None
step = lambda: 0
keys = ()
"""

LINES = """\
xs = [{0}, 2]
ys = xs
xs = ys + [{0}]
zs = [xs, ys]; zs[0].append({0})
ys.append({0})
xs += [{0}]
d = {{"xs": xs, "n": {0}}}
d["xs"] = ys
d.setdefault("xs", xs).append({0})
d.get("xs", ys).append({0})
d.update(n={0})
n = {0}
n += {0}
n = len(xs) + {0}
n = max(xs, default={0})
print(xs)
print(ys, len(xs))
print(d)
print(f"{{n}} {{xs!r:>20}} {{d.get('n')}}")
xs, ys = ys, [*xs, {0}]
xs[0] = {0}
del xs[0:1]; xs.append({0})
print(sorted(xs), n)
box = Box({0})
box = Small({0})
box.add({0})
box.value = {0}
box.items = xs
getattr(box, "items", ys).append({0})
print(box.value)
print(box.double)
print(box.note({0}))
print(len(box.shared))
print(Box.make({0}).value)
print(Box.count)
Box.count = {0}
box2 = box; box2.value += {0}
def f(): return xs[:1] + [n + {0}]
def f(): ys.append({0}); return len(ys)
def f(v=xs): v.append({0}); return len(v)
def f(): return box
def f(): global n; n += {0}; return n
def f(): return push({0})
def f(): f.calls = getattr(f, "calls", {0}) + 1; return f.calls
def g(v): len(xs) > 5 or xs.append(n + {0}); return v
def g(v): return plain(v, {0})
def g(v): alias = ys; len(ys) > 5 or alias.append(n); return {0}
def g(v): d["g"] = v + {0}; return f()
print(g({0}))
print(f())
f()
g({0})
h = lambda: ys
h = lambda: [n + {0}]
h = f
h().append({0}) if isinstance(h(), list) else None
print(h())
def h(): return xs
def h(): return Local
def h(): return Local()
ys = h() if isinstance(h(), list) else ys
ys = f() if isinstance(f(), list) else ys
local = h(); local.size = {0}
h().size = {0}
for part in (Local, Box): part.size = {0}
def tag(part): part.size = {0}
tag(Local)
tag(h)
tag(core.plain)
print(getattr(core.plain, "size", 0), getattr(h, "size", 0))
print(getattr(Local(), "size", 0))
step = shapes.counter({0})
print(step())
other = step; other()
add = xs.append; add({0})
add = box.add; add({0})
it = shapes.pairs(xs); print(next(it, {0}))
it = shapes.pairs(list(xs))
other = it; next(other, {0})
keys = d.keys()
print(sorted(keys))
keys = list(d); print(keys)
d = dict(d, extra={0})
d = {{**d, "b": xs}}
args = [xs, {0}]; list.append(*args)
def g(v, kept=[]): kept.append(v + {0}); return len(kept)
def g(*vs): xs.extend(vs); return len(xs)
def g(v):
    def inner(): ys.append(v + {0})
    inner()
    return len(ys)
def g(v):
    import mylib.core as c
    c.TABLE["g"] = v
    return {0}
def g(v):
    from mylib.core import push as p
    return p(v)
@core.register
def extra(): return {0}
@tag
def g(v): return v + {0}
class Local:
    seen = []
    def __call__(self, v): self.seen.append(v); return len(self.seen)
class Local:
    size = {0}
    def grow(self): type(self).size += 1; return self.size
class Local:
    size = {0}
    @property
    def kept(self): return xs
print(Local()({0}) if callable(Local()) else 0)
print(Local().grow() if hasattr(Local, "grow") else 0)
kept = getattr(Local(), "kept", ys); kept.append({0})
xs.sort(); xs.reverse()
xs = list(map(lambda v: v + n, ys))[:4]
print(max(map(g, [{0}])))
print([g(v) for v in [{0}]])
print(sum(push(v) for v in [{0}]))
print({{v: f() for v in [{0}]}})
print(xs and xs[0] or f())
ys = xs[:] + ys[:1]
ys = xs.copy(); ys.append({0})
del n; n = {0}
import copy; ys = copy.copy(xs); ys.append({0})
import copy; zs = copy.copy([xs]); zs[0].append({0})
from functools import partial; h = partial(f)
try: ys.append({0})
finally: xs.append({0})
print(f"{{xs.append({0})}} {{len(xs)}}")
print("".join(str(v) for v in it))
xs = ys = [{0}]
(xs, ys), n = (ys, xs), {0}
xs, *ys = [xs, *ys]; xs = list(xs) if isinstance(xs, list) else [xs]
n = n if n else {0}
print(len(d), "n" in d, d == {{}})
config = Config({0}) if n else config
print(config)
lam = [lambda: xs.append({0})]; lam[0]()
cells = {{"f": f}}; cells["f"]()
core.TABLE.update(x={0})
core.TABLE.pop("x", None)
shapes.stock.append({0})
Small.shared.append({0})
box.shared.append({0})
print(shapes.Box.shared)
cls = Small; box = cls({0})
box.add = lambda x: {0}
assert push({0}) > 0
print(core.total.__name__, mylib.total())
parts = [core.plain, Local]; parts[0].size = {0}
it = iter(xs)
it = (v + n for v in xs)
it = zip(xs, ys)
it = map(g, xs)
print(next(iter(it), None))
print(list(it))
print(sum(1 for _ in it))
print({0} in it)
for v in it: print(v); break
for v in xs: ys.append(v + {0}); break
for item in [xs, ys]: item.append({0})
while len(xs) < 2: xs.append({0})
if n > {0}: ys = xs
if n > {0}: xs = [9]
try: xs.append({0}); print(1 // (n - n)); n = 7
except ZeroDivisionError: n = {0}
class Local: size = {0}; seen = xs
class Local(Box): size = {0}
Local.size = {0}
print(getattr(Local, "size", 0))
print(len(getattr(Local, "seen", [])))
local = Local; local.size = {0}
push({0})
print(push({0}))
print(mylib.total())
print(core.total(), core.LIMIT)
mylib.items().append({0})
ys = mylib.items()
print(core.plain({0}))
print(plain({0}), core.twice({0}))
core.TABLE["k"] = {0}
print(core.TABLE)
print(core.TABLE["k"])
table = core.TABLE; table["t"] = {0}
core.put(core.TABLE, {0})
core.put(d, {0})
print(core.put({{}}, {0}))
core.bump()
print(core.bump(), core.COUNT)
core.cached().append({0})
ys = core.cached()
print(core.cached())
print(core.remember({0}))
print(core.counted({0}))
print(core.lookup("beta"))
print(core.rows())
print(core.data("data.txt"))
print(core.setting())
print(open("data.txt").read())
import os; print(os.environ.get("SETTING")); print(os.path.exists("data.txt"))
import os; print(sorted(os.listdir("many")))
import pathlib; place = pathlib.Path("data.txt"); print(place.stat().st_size)
core.register(f)
print(sorted(core.REGISTRY))
print(shapes.kinds())
print(shapes.stocked())
config = Config(width={0})
config = config.wider()
print(config.size, shapes.area(config))
width = config.width; print(width + {0})
from mylib.core import LIMIT; print(LIMIT)
import mylib.shapes; print(mylib.shapes.stock)
import os; print(os.environ.get("SAMPLE"))
import json; print(getattr(json, "sample", None))
ys = [v for v in xs if v != {0}]
pairs = [(v, ys) for v in xs]; pairs and pairs[0][1].append({0})
(n := n + {0})
print([n := v for v in xs], n)
first, *rest = xs or [{0}]; rest.append(first)
ys = sorted(xs, key=lambda v: g(v)); print(ys)
match xs:
    case [first, *others]: others.append({0})
    case _: xs.append({0})
assert xs is not None, {0}
x = y = xs; y.append({0})
(xs, ys)[n % 2].append({0})
[xs, ys][0][0:1] = [{0}]
min(xs, ys).append({0})
least = min(xs, ys); least.append({0})
{{"k": xs}}["k"].append({0}); dict(k=ys)["k"].append({0})
sorted([xs, ys])[0].append({0})
import io; log = io.StringIO(); print({0}, file=log); print(log.getvalue())
print({0}, file=core.LOG)
print(core.LOG.getvalue())
core.say({0})
print(sum(1 for _ in xs), [_ for _ in ys])
for _ in range({0}): print(_)
local = Local(); type(local).size = {0}
setattr(type(box), "count", {0}); box.__class__.shared.append({0})
kind = type(box); kind.count = {0}
config = config; print(config.device, box.shape)
box.shape.append({0}); shape = box.shape
shape = box.shape; shape.append({0})
setattr(box, "value", {0})
vars(box)["value"] = {0}
print(type(box).count); type(box).count += {0}
import functools; h = functools.partial(g, {0}); xs.append(h() if callable(h) else 0)
"""

LOUD_LINES = """\
gauge = shapes.Gauge({0})
print(gauge.level) if gauge else None
print(len(gauge)) if gauge else None
gauge and gauge(xs)
from collections import defaultdict; d = defaultdict(list, d)
print(len(d["miss"]) if "miss" in d or hasattr(d, "default_factory") else 0)
with open(__import__("os").devnull) as stream: xs.append({0})
class Local(shapes.Base): size = {0}
core.LIMIT = {0}
core.plain = lambda x, by=0: {0}
print(core.by_name("total"))
print(getattr(core, "LIM" + "IT"))
name = "total"; print(getattr(core, name)())
globals()["n"] = {0}
exec("n = {0}")
from mylib.shapes import *; print(helper({0}))
import builtins; builtins.noted = {0}
print(__import__("builtins").__dict__.get("noted"))
import os; os.environ["SAMPLE"] = "{0}"
import os; os.environ["SETTING"] = "{0}"
open("data.txt", "a").write("{0}")
open("many/{0}", "w").write("")
import json as helper_module; helper_module.sample = {0}
"""
"""Lines that may change anything; few, or there would be little else to find out."""


def _lines(text: str) -> list[str]:
    """Separate statements; a line that is indented or goes on belongs to the one before."""
    found: list[str] = []
    for line in text.splitlines():
        decorated = found and found[-1].startswith("@") and "\n" not in found[-1]
        if decorated or line.startswith((" ", "except ", "finally")):
            found[-1] += f"\n{line}"
        else:
            found.append(line)
    return found


TEMPLATES = 4 * _lines(LINES) + _lines(LOUD_LINES)
MODULES = {"__init__": FRONT, "core": CORE, "shapes": SHAPES}
HOLES = {"core": 18, "shapes": 18}

numbers = st.integers(0, 4)
statements = st.tuples(st.sampled_from(TEMPLATES), numbers)
lessons = st.lists(st.lists(statements, min_size=1, max_size=3), min_size=3, max_size=10)
edits = st.one_of(
    st.tuples(st.sampled_from(["core", "shapes"]), st.integers(0, 17), st.integers(5, 9)),
    st.tuples(st.just("line"), st.integers(0, 30), statements),
    st.tuples(st.just("drop"), st.integers(0, 30), st.none()),
    st.tuples(st.sampled_from(["data.txt", "many/9", "mylib/rows.txt"]), st.just(0), numbers),
    st.tuples(st.just("SETTING"), st.just(0), numbers),
)


def library_text(changed: Mapping[tuple[str, int], int]) -> dict[str, str]:
    return {
        name: text.format(*(changed.get((name, hole), 1) for hole in range(HOLES[name])))
        if name in HOLES
        else text
        for name, text in MODULES.items()
    }


Lesson = Sequence[Sequence[tuple[str, int]]]


@dataclass(frozen=True)
class Course:
    """A library, a lesson, and what lies around them."""

    lesson: Lesson
    holes: Mapping[tuple[str, int], int] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    setting: str | None = None

    @property
    def codes(self) -> dict[str, str]:
        units = ["\n".join(line.format(number) for line, number in unit) for unit in self.lesson]
        return {f"cell-{number}": code for number, code in enumerate([PRELUDE, *units])}

    def edited(self, edit: Any) -> Course:
        where, place, new = edit
        if where in HOLES:
            return replace(self, holes={**self.holes, (where, place % HOLES[where]): new})
        if where == "SETTING":
            return replace(self, setting=str(new))
        if "/" in where or "." in where:
            return replace(self, files={**self.files, where: str(new)})
        units = [list(unit) for unit in self.lesson]
        unit = units[place % len(units)]
        at = place % max(len(unit), 1)
        unit[at : at + 1] = [new] if where == "line" else []
        return replace(self, lesson=units)

    def lay(self, root: Path) -> None:
        """Write it all anew."""
        shutil.rmtree(root, ignore_errors=True)
        modules = {f"mylib/{name}.py": text for name, text in library_text(self.holes).items()}
        files = {"data.txt": "data", "many/1": "", "mylib/rows.txt": "rows", **self.files}
        for name, text in {**modules, **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)

    @contextlib.contextmanager
    def around(self) -> Iterator[None]:
        """Its environment."""
        with mock.patch.dict(os.environ):
            os.environ.pop("SETTING", None)
            if self.setting is not None:
                os.environ["SETTING"] = self.setting
            yield


def observed(course: Course, root: Path, only: Collection[str] = ()) -> Ran:
    """All cells run under observation, or some alone."""
    course.lay(root)
    codes = course.codes
    with course.around():
        ran = run(codes, root, only=only or codes.keys())
    assert not ran.failure.startswith("OBSERVER"), ran.failure
    return ran


relaxed = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@settings(relaxed, max_examples=examples(60))
@given(lesson=lessons, changes=st.lists(edits, min_size=1, max_size=2))
def test_what_is_replayed_is_what_a_fresh_execution_shows(lesson: Any, changes: Any) -> None:
    course = Course(lesson)
    new = reduce(Course.edited, changes, course)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "course")
        before, after = observed(course, root), observed(new, root)
        new.lay(root)
        with new.around():
            held = replay(new.codes, before.traces, after.traces.get, root).held
        for id_ in held:
            if id_ in after.shown:
                assert before.shown[id_] == after.shown[id_], id_


@settings(relaxed, max_examples=examples(30))
@given(lesson=lessons, place=st.integers(0, 9))
def test_a_cell_shows_the_same_after_its_needs_alone(lesson: Any, place: int) -> None:
    course = Course(lesson)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "course")
        whole = observed(course, root)
        id_ = [*whole.traces][-1 - place % len(whole.traces)]
        course.lay(root)
        with course.around():
            needed = Needed(standing(course.codes, whole.traces, root)).of(id_)
        alone = observed(course, root, {*needed, id_})
        assert alone.shown.get(id_) == whole.shown[id_]
