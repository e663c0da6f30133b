"""Which changes of an object are seen, whoever makes them and however; and what is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from sitegen.trace.observe.graph import Graph, key_of


@dataclass(frozen=True)
class Case:
    """What `x` is, and what then happens."""

    name: str
    before: str
    act: str


CHANGES = [
    # Containers and values.
    Case("an item appended", "x = [1]", "x.append(2)"),
    Case("an element replaced by an equal one", "inner = [1]; x = [inner]", "x[0] = [1]"),
    Case("deep inside", "x = {'a': ({'b': [1]},)}", "x['a'][0]['b'][0] = 2"),
    Case("through an alias", "y = [1]; x = (y,)", "y += [2]"),
    Case("the order of a dict", "x = {1: 1, 2: 2}", "x[1] = x.pop(1)"),
    Case("a set", "x = {1}", "x.add(2)"),
    Case("a number for a truth", "x = [1]", "x[0] = True"),
    Case("the sign of zero", "x = [0.0]", "x[0] = -0.0"),
    Case("one of many numbers", "x = list(range(100_000))", "x[77_777] = 0"),
    Case("a deque", "from collections import deque; x = deque([1])", "x.rotate(); x.append(2)"),
    Case("a defaultdict that is asked", "import collections as c; x = c.defaultdict(list)", "x[1]"),
    Case("a counter", "from collections import Counter; x = Counter('ab')", "x.update('b')"),
    Case("a list with a class of its own", "class L(list): pass\nx = L([1])", "x.append(2)"),
    Case("a bytearray", "x = bytearray(3)", "x[1] = 1"),
    Case("an array", "import array; x = array.array('i', [1])", "x[0] = 5"),
    Case("memory of C", "import ctypes; x = (ctypes.c_int * 3)()", "x[0] = 5"),
    Case("behind a view", "import types; d = {}; x = types.MappingProxyType(d)", "d[1] = 2"),
    Case("the keys of a dict", "d = {}; x = d.keys()", "d[1] = 2"),
    # Objects, classes and functions.
    Case("an attribute", "class C: pass\nx = C()", "x.n = 1"),
    Case("a slot", "class C:\n  __slots__ = ('n',)\nx = C(); x.n = 1", "x.n = 2"),
    Case("a class", "class C: pass\nx = C()", "C.n = 1"),
    Case("a class that gains a method", "class C: pass\nx = C", "C.m = lambda self: 1"),
    Case("a base class", "class B: ns = []\nclass C(B): pass\nx = C()", "B.ns.append(1)"),
    Case("a property that is kept", "import functools\nclass C:\n  @functools.cached_property\n"
         "  def p(self): return 1\nx = C()", "x.p"),
    Case("a default", "def x(seen=[]): seen.append(1)", "x()"),
    Case("an attribute of a function", "def x(): pass", "x.calls = 1"),
    Case("a closure", "def make():\n  n = 0\n  def f():\n    nonlocal n\n    n += 1\n  return f\n"
         "x = make()", "x()"),
    Case("a cache", "import functools\n@functools.lru_cache\ndef x(n): return n", "x(3)"),
    Case("what a cache of results holds", "import functools\n@functools.lru_cache\n"
         "def x(): return []\nx()", "x().append(1)"),
    Case("a bound method", "class C:\n  def m(self): self.n = 1\nx = C().m", "x()"),
    Case("a method of C", "y = []; x = y.append", "x(1)"),
    Case("an argument held back", "from functools import partial; y = [1]; x = partial(print, y)",
         "y.append(2)"),
    Case("a weak reference", "import weakref\nclass C: pass\nc = C()\nx = weakref.ref(c)",
         "c.n = 1"),
    Case("an exception", "x = ValueError([1])", "x.args[0].append(2)"),
    Case("a measured field", "from dataclasses import dataclass, field\n@dataclass\nclass C:\n"
         "  s: float = field(default=0.0, compare=False)\nx = C()", "x.s = 1.0"),
    Case("an element of XML", "import xml.etree.ElementTree as E; x = E.Element('a')",
         "x.set('b', 'c')"),
    Case("a queue", "import queue; x = queue.Queue()", "x.put(1)"),
    Case("what belongs to a thread", "import threading; x = threading.local(); x.n = 1", "x.n = 2"),
    # Iterators, generators, files.
    Case("a list iterator", "x = iter([1, 2, 3])", "next(x)"),
    Case("a dict iterator", "x = iter({1: 2, 3: 4})", "next(x)"),
    Case("a count", "import itertools; x = itertools.count()", "next(x)"),
    Case("zip", "x = zip([1, 2], [3, 4])", "next(x)"),
    Case("map", "x = map(str, [1, 2])", "next(x)"),
    Case("enumerate", "x = enumerate('abc')", "next(x)"),
    Case("a generator", "def g():\n  n = 0\n  while n < 9:\n    n += 1\n    yield n\nx = g()",
         "next(x)"),
    Case("a generator that rests in C", "import itertools\nx = (i for i in itertools.count())\n"
         "next(x)", "next(x)"),
    Case("the place in a file", "x = open(__file__)", "x.readline()"),
    Case("text in memory", "import io; x = io.StringIO()", "print(1, file=x)"),
    Case("bytes in memory", "import io; x = io.BytesIO(b'ab')", "x.read(1)"),
    # Random numbers.
    Case("a generator of random numbers", "import random; x = random.Random(0)", "x.random()"),
    Case("numpy's generator", "import numpy as np; x = np.random.default_rng(0)", "x.random()"),
    Case("numpy's older generator", "import numpy as np; x = np.random.RandomState(0)", "x.rand()"),
    Case("torch's generator", "import torch; x = torch.Generator().manual_seed(0)",
         "torch.rand(2, generator=x)"),
    # Arrays and tensors.
    Case("an array of numpy", "import numpy as np; x = np.zeros(3)", "x[1] = 1"),
    Case("a view of it", "import numpy as np; x = np.zeros(9); v = x[2:4]", "v[:] = 1"),
    Case("an array of objects", "import numpy as np; x = np.array([[1], None], object)",
         "x[0].append(2)"),
    Case("a tensor behind autograd's back", "import torch; x = torch.zeros(3)", "x.data.add_(1)"),
    Case("through numpy", "import numpy as np, torch; a = np.zeros(3); x = torch.from_numpy(a)",
         "a[0] = 1"),
    Case("a tensor that a view writes to", "import torch; x = torch.zeros(9)", "x[2:3].fill_(1)"),
    Case("turned around", "import torch; x = torch.arange(400_000.)", "x.copy_(x.flip(0))"),
    Case("two values of a million", "import torch; x = torch.arange(1e6)",
         "y = x[5].item(); x[5] = x[900_005]; x[900_005] = y"),
    Case("a shape", "import torch; x = torch.zeros(3)", "x.resize_(2)"),
    Case("whether gradients are wanted", "import torch; x = torch.zeros(3)", "x.requires_grad_()"),
    Case("gradients", "import torch; x = torch.nn.Parameter(torch.ones(2))",
         "(x * 2).sum().backward()"),
    Case("the mode of a module", "import torch; x = torch.nn.Linear(2, 2)", "x.eval()"),
    Case("a hook", "import torch; x = torch.nn.Linear(2, 2)", "x.register_forward_hook(print)"),
    Case("buffers", "import torch; x = torch.nn.BatchNorm1d(2)", "x(torch.randn(4, 2))"),
    Case("an optimizer", "import torch; p = torch.nn.Parameter(torch.ones(2))\n"
         "x = torch.optim.AdamW([p]); p.grad = torch.ones(2)", "x.step()"),
    Case("a learning rate", "import torch; p = torch.nn.Parameter(torch.ones(2))\n"
         "x = torch.optim.AdamW([p])", "x.param_groups[0]['lr'] = 3"),
    Case("a loader of data", "from torch.utils.data import DataLoader\n"
         "x = iter(DataLoader(list(range(9)), shuffle=True)); next(x)", "next(x)"),
    Case("a figure", "from matplotlib.figure import Figure; x = Figure(); a = x.subplots()",
         "a.plot([1, 2])"),
]  # fmt: skip

NO_CHANGES = [
    Case("printing", "x = [1, {2: 'a'}]", "str(x); len(x); sorted(x[1])"),
    Case("copying a dataclass", "import copy, dataclasses\n@dataclasses.dataclass\nclass C:\n"
         "  n: int = 1\nx = C()", "copy.deepcopy(x)"),
    Case("a pattern that is used", "import re; x = re.compile('a')", "x.match('a')"),
    Case("a text that is hashed", "x = ['abc' * 9]", "hash(x[0])"),
    Case("going through a dict", "x = {1: 2}", "list(x), list(x.items())"),
    Case("iterators", "it = iter([1, 2]); x = [it, zip(it, it), map(str, it)]", "x[:]"),
    Case("a counter that is shown", "from collections import Counter; x = Counter('ab')", "str(x)"),
    Case("a path that is used", "import pathlib; x = pathlib.Path('a') / 'b'", "str(x); x.name"),
    Case("a method asked for", "class C:\n  def m(self): pass\nx = [C().m]", "x[0].__self__.m"),
    Case("a model that is called", "import torch; x = torch.nn.Linear(2, 2)",
         "x(torch.ones(1, 2)); x.state_dict()"),
    Case("a generator of random numbers at rest", "import numpy as np, random\n"
         "x = [random.Random(0), np.random.default_rng(0), np.random.RandomState(0)]", "x[0]"),
    Case("torch's generator at rest", "import torch; x = torch.Generator()", "x"),
]  # fmt: skip


def look(namespace: dict[str, Any]) -> Graph:
    graph = Graph(lambda module: module == "__main__", lambda code: code.co_code.hex())
    graph.walk([namespace["x"]])
    graph.end()
    return graph


def differing(before: Graph, after: Graph) -> list[str]:
    nodes = before.nodes
    return [node.head for key, node in after.nodes.items() if nodes.get(key, node) != node]


def acted(case: Case) -> tuple[Graph, Graph]:
    namespace: dict[str, Any] = {"__name__": "__main__", "__file__": __file__}
    exec(case.before, namespace)
    before = look(namespace)
    assert not differing(before, look(namespace)), "looking is no change"
    exec(case.act, namespace)
    return before, look(namespace)


def needed(case: Case) -> None:
    for library in ("torch", "numpy", "matplotlib"):
        if library in case.before:
            pytest.importorskip(library)


@pytest.mark.parametrize("case", CHANGES, ids=lambda case: case.name)
def test_a_change_is_seen(case: Case) -> None:
    needed(case)
    assert differing(*acted(case))


@pytest.mark.parametrize("case", NO_CHANGES, ids=lambda case: case.name)
def test_what_is_no_change_is_taken_for_none(case: Case) -> None:
    needed(case)
    before, after = acted(case)
    assert not differing(before, after)
    assert before.nodes.keys() == after.nodes.keys()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("[1, [2]]", "[1, [2]]", True),
        ("[1, [2]]", "[1, [3]]", False),
        ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}", False),
        ("(lambda inner: [inner, inner])([1])", "[[1], [1]]", False),
        ("[1]", "(1,)", False),
        ("[True]", "[1]", False),
        ("[float('nan')]", "[float('nan')]", True),
        ("__import__('random').Random(1)", "__import__('random').Random(1)", True),
        ("__import__('random').Random(1)", "__import__('random').Random(2)", False),
    ],
)
def test_hashes_tell_by_content_and_by_what_is_shared(one: str, other: str, same: bool) -> None:
    hashes = []
    for code in (one, other):
        value = eval(code)
        graph = look({"x": value})
        hashes.append(graph.order(key_of(value))[0])
    assert (hashes[0] == hashes[1]) is same


def test_nothing_is_kept_alive() -> None:
    import weakref

    class Thing:
        pass

    thing = Thing()
    reference = weakref.ref(thing)
    graph = look({"x": [thing]})
    del thing
    assert graph.nodes
    assert reference() is None
