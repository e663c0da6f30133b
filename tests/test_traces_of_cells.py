"""An edited cell makes stale what shows something else after it, however the two are tied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from watched import replay, run

LIBRARY = """\
LIMIT = 3
REGISTRY = {}


def register(function):
    REGISTRY[function.__name__] = function
    return function


def limited(x):
    return min(x, LIMIT)


class Box:
    kind = "box"
    made = []

    def show(self):
        return self.kind
"""
START = (
    "import functools, io, json, logging, os, signal, sys, threading, warnings\nimport lib as core"
)


@dataclass(frozen=True)
class Case:
    """Cells one after the other; then one of them is replaced."""

    name: str
    cells: tuple[str, ...]
    place: int
    new: str


def case(name: str, *cells: str, edit: tuple[int, str]) -> Case:
    return Case(name, cells, *edit)


CASES = [
    case("a value", "n = 1", "print(n)", edit=(0, "n = 2")),
    case("a name that is bound no longer", "n = 1", "n = 2", "print(n)", edit=(1, "m = 2")),
    case(
        "a binding that may not happen",
        *("n = 1; on = False", "if on: n = 2", "print(n)"),
        edit=(0, "n = 3; on = False"),
    ),
    case(
        "a binding that happens now",
        *("on = False", "n = 1", "if on: n = 2", "print(n)"),
        edit=(0, "on = True"),
    ),
    case(
        "an assignment that changed nothing",
        *("core.LIMIT = 5", "core.LIMIT = 5", "print(core.limited(9))"),
        edit=(1, "core.LIMIT = 8"),
    ),
    case("equal, and no longer the same", "xs = [1]; ys = xs", "ys.append(2); print(xs)",
         edit=(0, "xs = [1]; ys = list(xs)")),
    case("another one of two that are equal", "xs = [[1], [1]]; ys = xs[0]",
         "ys.append(2); print(xs)", edit=(0, "xs = [[1], [1]]; ys = xs[1]")),
    case("a part that is changed from elsewhere", "core.Box.made.clear()",
         "class P: pass\np = P(); p.n = 1; p.made = core.Box.made", "core.Box.made.append(1)",
         "print(p.n)", edit=(1, "class P: pass\np = P(); p.n = 2; p.made = core.Box.made")),
    case("the value of a context variable",
         "import contextvars\nv = contextvars.ContextVar('v'); xs = [1]; v.set(xs)",
         "xs.append(2)", "print(v.get())", edit=(1, "xs.append(3)")),
    case("another value of a context variable",
         "import contextvars\nv = contextvars.ContextVar('v')",
         "v.set(1)", "print(v.get())", edit=(1, "v.set(2)")),
    case("a part of a module's value that is changed from elsewhere", "xs = []",
         "core.REGISTRY.update(xs=xs, n=1)", "xs.append(1)", "print(core.REGISTRY['n'])",
         edit=(1, "core.REGISTRY.update(xs=xs, n=2)")),
    case("an empty dict that two share", "class P: pass\np, q = P(), P(); p.d = q.d = {}",
         "p.d[1] = 2; print(q.d)",
         edit=(0, "class P: pass\np, q = P(), P(); p.d = {}; q.d = {}")),
    case("a builtin that is hidden", "x = 1", "print(len([1]))",
         edit=(0, "def len(x): return 9")),
    case("a new builtin", "import builtins; builtins.foo = 1", "print(foo)",
         edit=(0, "import builtins; builtins.foo = 2")),
    case("a method", "class A:\n  def m(self): return 1\na = A()", "print(a.m())",
         edit=(0, "class A:\n  def m(self): return 2\na = A()")),
    case("a method of one object", "b = core.Box()", "b.show = lambda: 'a'", "print(b.show())",
         edit=(1, "b.show = lambda: 'b'")),
    case("a class of the library", "core.Box.kind = 'x'", "print(core.Box().show())",
         edit=(0, "core.Box.kind = 'y'")),
    case("and an object of it", "b = core.Box()", "core.Box.kind = 'x'", "print(b.kind)",
         edit=(1, "core.Box.kind = 'y'")),
    case("what a class holds", "b = core.Box()", "b.made.append(1)", "print(core.Box.made)",
         edit=(1, "b.made.append(2)")),
    case("a function that the library keeps", "n = 1", "@core.register\ndef f(): return n",
         "n = 3", "print(core.REGISTRY['f']())", edit=(2, "n = 4")),
    case("a function put into another module", "n = 1", "json.dumps = lambda x: str(n)", "n = 2",
         "print(json.dumps(3))", edit=(2, "n = 5")),
    case("a value put there by a name that is made", "setattr(json, 'sam' + 'ple', 1)",
         "print(getattr(json, 'sam' + 'ple', 0))", edit=(0, "setattr(json, 'sam' + 'ple', 2)")),
    case("a class of another module", "json.JSONEncoder.item_separator = ';'",
         "print(json.JSONEncoder().encode([1, 2]))",
         edit=(0, "json.JSONEncoder.item_separator = '!'")),
    case("deep in another module", "json.encoder.ESCAPE_DCT['a'] = '1'",
         "print(json.encoder.ESCAPE_DCT['a'])",
         edit=(0, "json.encoder.ESCAPE_DCT['a'] = '2'")),
    case("what another module keeps", "import mimetypes",
         "mimetypes.add_type('a/b', '.q')", "print(mimetypes.guess_type('x.q'))",
         edit=(1, "mimetypes.add_type('a/c', '.q')")),
    case("a handler of signals",
         "n = 1; old = signal.signal(signal.SIGUSR1, lambda *_: print(n))", "n = 3",
         "signal.raise_signal(signal.SIGUSR1)", edit=(1, "n = 4")),
    case("a handler of logs", "b = io.StringIO(); h = logging.StreamHandler(b)\n"
         "logging.getLogger('q').addHandler(h)", "logging.getLogger('q').error('one')",
         "print(b.getvalue())", edit=(1, "logging.getLogger('q').error('two')")),
    case("a level of logs", "logging.getLogger().setLevel(10)",
         "print(logging.getLogger().isEnabledFor(15))",
         edit=(0, "logging.getLogger().setLevel(20)")),
    case("a name of a level", "logging.addLevelName(7, 'a')", "print(logging.getLevelName(7))",
         edit=(0, "logging.addLevelName(7, 'b')")),
    case("a logger that tells nobody",
         "b = io.StringIO(); logging.basicConfig(stream=b, force=True)",
         "logging.getLogger('q').propagate = False",
         "logging.getLogger('q').error('no'); print(b.getvalue())",
         edit=(1, "logging.getLogger('q').propagate = True")),
    case("a function that is profiled by name", "def f(): return 1",
         "import cProfile; cProfile.run('print(f())')", edit=(0, "def f(): return 2")),
    case("a function that is timed by name", "def f(): print(1)",
         "import timeit; n = timeit.timeit('f()', 'from __main__ import f', number=1)",
         edit=(0, "def f(): print(2)")),
    case("a doctest", "def f():\n  '''>>> f()\n  1'''\n  return 1", "from doctest import testmod",
         "print(testmod())", edit=(0, "def f():\n  '''>>> f()\n  2'''\n  return 1")),
    case("a test", "import unittest as u\nclass A(u.TestCase):\n  def test(s): print(1)",
         "u.main(argv=['a'], exit=False)",
         edit=(0, "import unittest as u\nclass A(u.TestCase):\n  def test(s): print(2)")),
    case("filters of warnings", "warnings.simplefilter('ignore')",
         "try: warnings.warn('x')\nexcept Warning: print(1)",
         edit=(0, "warnings.simplefilter('error')")),
    case("decimals", "import decimal", "decimal.getcontext().prec = 3",
         "print(decimal.Decimal(1) / 3)", edit=(1, "decimal.getcontext().prec = 4")),
    case("an environment variable", "os.environ['SAMPLE'] = '1'",
         "print(os.environ.get('SAMPLE'))", edit=(0, "os.environ['SAMPLE'] = '2'")),
    case("a working directory", "os.chdir('one')", "print(os.path.basename(os.getcwd()))",
         edit=(0, "os.chdir('two')")),
    case("a file", "open('out.txt', 'w').write('1')", "name = 'out.txt'",
         "print(open(name).read())", edit=(0, "open('out.txt', 'w').write('2')")),
    case("a generator without a name", "n = 1; g = (x + n for x in range(9))", "next(g)",
         "n = 2", "print(next(g))", edit=(2, "n = 3")),
    case("a generator", "n = 1\ndef f():\n  while True: yield n\ng = f(); next(g)", "n = 2",
         "print(next(g))", edit=(1, "n = 3")),
    case("a thread", "n = 1", "out = []\nt = threading.Thread(target=lambda: out.append(n))\n"
         "t.start(); t.join()", "print(out)", edit=(0, "n = 2")),
    case("a function without a name", "n = 1", "fs = [lambda: n]", "n = 2", "print(fs[0]())",
         edit=(2, "n = 3")),
    case("one of two on a line", "f = lambda: 1; g = lambda: 2", "print(f())",
         edit=(0, "f = lambda: 3; g = lambda: 2")),
    case("an argument held back", "n = 1\ndef f(): return n\ng = functools.partial(f)", "n = 2",
         "print(g())", edit=(1, "n = 3")),
    case("a comparison", "n = 1\nclass K:\n  def __init__(s, x): s.x = x\n"
         "  def __lt__(s, o): return s.x * n < o.x * n\nks = [K(1), K(2)]", "n = -1",
         "print([k.x for k in sorted(ks)])", edit=(1, "n = 1")),
    case("which function is dispatched to",
         "@functools.singledispatch\ndef f(x): return 0", "f.register(int, lambda x: 1)",
         "print(f(1))", edit=(1, "f.register(int, lambda x: 2)")),
    case("a variable of a context", "import contextvars; v = contextvars.ContextVar('v')",
         "v.set(1)", "print(v.get())", edit=(1, "v.set(2)")),
    case("a class that a pickle names", "class A: n = 1", "import pickle; d = pickle.dumps(A())",
         "print(pickle.loads(d).n)", edit=(0, "class A: n = 2")),
    case("how many names there are", "a = 1", "print(len(dir()))", edit=(0, "a = 1; b = 2")),
    case("the lesson as a module", "a = 1", "import __main__; print(__main__.a)",
         edit=(0, "a = 2")),
    case("the same by a name that is made", "a = 1",
         "print(getattr(sys.modules['__ma' + 'in__'], 'a'))", edit=(0, "a = 2")),
    case("what a function's module holds", "a = 1\ndef f(): pass", "print(f.__globals__['a'])",
         edit=(0, "a = 2\ndef f(): pass")),
    case("a name in a text", "import builtins as b; a = 1", "print(b.eval('a'))",
         edit=(0, "import builtins as b; a = 2")),
    case("a name in a text of a function", "a = 1\ndef f(): return eval('a')", "print(f())",
         edit=(0, "a = 2\ndef f(): return eval('a')")),
    case("names of its own", "a = 1", "def f():\n    return globals()['a']\nprint(f())",
         edit=(0, "a = 2")),
    case("a pipe", "end, start = os.pipe()", "_ = os.write(start, b'1')", "print(os.read(end, 9))",
         edit=(1, "_ = os.write(start, b'2')")),
    case("a socket", "import socket; end, start = socket.socketpair()", "start.send(b'1')",
         "print(end.recv(9))", edit=(1, "start.send(b'2')")),
    case("code in a string", "a = 1", "exec('print(a)')", edit=(0, "a = 2")),
    case("lines above", "a = 1", "print(sys._getframe().f_lineno)", edit=(0, "a = 1\n\n")),
    case("lines in a traceback", "a = 1", "import traceback\ntry: 1 / 0\n"
         "except ZeroDivisionError: traceback.print_exc(file=sys.stdout)",
         edit=(0, "a = 1\n\n")),
]  # fmt: skip


def lay(root: Path) -> None:
    for name, text in {"lib.py": LIBRARY, "one/a": "1", "two/a": "2"}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "out.txt").unlink(missing_ok=True)


def named(cells: tuple[str, ...]) -> Mapping[str, str]:
    return {"start": START, **{f"cell-{number}": code for number, code in enumerate(cells)}}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_shows_something_else_is_stale(case: Case, tmp_path: Path) -> None:
    root = tmp_path / "course"
    lay(root)
    before = run(named(case.cells), root, ["lib"])
    cells = named((*case.cells[: case.place], case.new, *case.cells[case.place + 1 :]))
    lay(root)
    after = run(cells, root, ["lib"])
    assert not before.failure
    assert not after.failure
    lay(root)
    held = replay(cells, before.traces, after.traces.get, root, ["lib"]).held
    assert "start" in held
    other = {id_ for id_ in cells if before.shown[id_] != after.shown[id_]}
    assert other, "the edit is to be seen somewhere"
    assert not other & set(held)


CALM = {
    "a method that is called like a function which reads any name": "core.Model().eval()",
    "an attribute of that name": "core.Model().vars; core.Model().dir",
}


@pytest.mark.parametrize("code", CALM.values(), ids=CALM)
def test_names_that_a_cell_has_nothing_to_do_with_are_not_read(code: str, tmp_path: Path) -> None:
    root = tmp_path / "course"
    lay(root)
    (root / "lib.py").write_text(
        "class Model:\n    vars = dir = 1\n    def eval(self): return globals()['Model']\n"
    )
    cells = {"start": "import lib as core", "other": "a = 1", "cell": code}
    trace = run(cells, root, ["lib"]).traces["cell"]
    assert not {thing for thing in trace.reads if "lesson a" in thing or "all" in thing}


LINES = {
    "lines below": ("print(inspect.getsource(f))", "c", set()),
    "lines above": ("print(inspect.getsource(f))", "a", {"b"}),
    "a docstring that is kept": ("class A:\n    'It is kept.'", "a", set()),
}


@pytest.mark.parametrize(("code", "edited", "other"), LINES.values(), ids=LINES)
def test_of_the_lesson_s_text_count_the_lines_so_far(
    code: str, edited: str, other: set[str], tmp_path: Path
) -> None:
    root = tmp_path / "course"
    lay(root)
    first = {"start": "import inspect", "a": "def f(): pass", "b": code, "c": "n = 1"}
    before = run(first, root, ["lib"])
    assert not before.failure
    cells = {**first, edited: f"{first[edited]}  # said otherwise"}
    after = run(cells, root, ["lib"])
    held = replay(cells, before.traces, after.traces.get, root, ["lib"]).held
    assert first.keys() - set(held) == other


def test_what_an_object_says_of_itself_is_its_state_where_it_can_t_be_looked_at(
    tmp_path: Path,
) -> None:
    tiktoken = pytest.importorskip("tiktoken")
    assert tiktoken
    root = tmp_path / "course"
    lay(root)
    ranks = "{bytes([n]): n for n in range(256)}"
    make = f"import tiktoken; t = tiktoken.Encoding('a', pat_str='.', mergeable_ranks={ranks}, "
    cells = {
        "start": make + "special_tokens={})",
        "reads": "n = t.n_vocab",
        "puts": "t.name = 'b'",
        "shown": "print(t.name)",
    }
    traces = run(cells, root, ["lib"]).traces
    assert "lesson t" not in traces["reads"].leaves
    assert "lesson t" in traces["puts"].changes
    assert not traces["puts"].changes["lesson t"].startswith("~")
