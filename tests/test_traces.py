"""Which edit makes which trace stale: of the library, of data files, of the surroundings."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from watched import Ran, replay, run

from sitegen.trace import DamagedTraceError, Trace

LIBRARY = {
    "mylib/__init__.py": "from mylib.core import Box, plain\n",
    "mylib/core.py": '''\
    """A library."""

    import functools
    import threading

    LIMIT = 3
    TWICE = LIMIT * 2
    OTHER = 5
    REGISTRY = {}
    TABLE = {"a": 1}


    def register(function):
        """Note a function."""
        REGISTRY[function.__name__] = function
        return function


    def plain(x, by=1):
        """Add."""
        return x + by  # the sum


    def limited(x):
        if x > 100:
            return plain(x)
        return min(x, LIMIT)


    def doubled():
        return TWICE


    def table():
        return dict(TABLE)


    @register
    def alpha():
        return 1


    def names():
        return sorted(REGISTRY)


    def count(n):
        while True:
            n += 1
            yield n


    def key(x):
        return -x


    less = lambda x: x - 1


    @functools.lru_cache
    def kept(n):
        return [n]


    def beside(x):
        found = []
        thread = threading.Thread(target=lambda: found.append(plain(x)))
        thread.start()
        thread.join()
        return found[0]


    def sought():
        try:
            return missing
        except NameError:
            return 0


    class Box:
        kind = "box"
        made = []

        def __init__(self, n):
            self.n = n

        def grow(self):
            self.n += 1
            return self.n

        def show(self):
            return f"{self.kind} {self.n}"


    class Small(Box):
        def show(self):
            return "small " + super().show()
    ''',
    "mylib/apart.py": "VALUE = 1\n",
    "data.csv": "1,2\n",
    "many/one.txt": "1",
}
CORE = "mylib/core.py"
START = {"start": "import mylib\nfrom mylib import core\nimport os"}


@dataclass(frozen=True)
class Case:
    """An edit of files, given as what is replaced by what, and the cells that it makes stale."""

    name: str
    cells: Mapping[str, str]
    edits: Mapping[str, tuple[str, str]]
    stale: set[str] = field(default_factory=set)


def of_core(name: str, code: str, old: str, new: str, stale: bool = True) -> Case:
    return Case(name, {**START, "cell": code}, {CORE: (old, new)}, {"cell"} if stale else set())


CASES = [
    of_core("a function that is entered", "core.plain(1)", "x + by", "x - by"),
    of_core("its default", "core.plain(1)", "by=1", "by=2"),
    of_core("its comment", "core.plain(1)", "# the sum", "# it", stale=False),
    of_core("its docstring", "core.plain(1)", '"""Add."""', '"""Do."""', stale=False),
    of_core("its layout", "core.plain(1)", "x + by", "(x\n            + by)", stale=False),
    of_core("a branch that was not taken", "core.limited(1)", "x + by", "x - by", stale=False),
    of_core("a function that is only named", "f = core.plain", "x + by", "x - by", stale=False),
    of_core("a constant", "core.limited(1)", "LIMIT = 3", "LIMIT = 4"),
    of_core("a constant that another is made of", "core.doubled()", "LIMIT = 3", "LIMIT = 4"),
    of_core("another constant", "core.limited(1)", "OTHER = 5", "OTHER = 6", stale=False),
    of_core("a constant, by the lesson", "core.LIMIT", "LIMIT = 3", "LIMIT = 4"),
    of_core("and by a name that is made", "getattr(core, 'LIM' + 'IT')", "IT = 3", "IT = 4"),
    of_core("what is put into a table", "core.table()", "OTHER = 5", "OTHER = 5; TABLE['b'] = 2"),
    of_core("what is registered", "core.names()", "def names",
            "@register\ndef beta():\n    return 2\n\n\ndef names"),
    of_core("a new function", "core.limited(1)", "def names",
            "def more():\n    return 2\n\n\ndef names", stale=False),
    of_core("a method", "core.Box(1).grow()", "self.n += 1", "self.n += 2"),
    of_core("another method", "core.Box(1).grow()", 'f"{self.k', 'f"a {self.k', stale=False),
    of_core("a method of a base class", "core.Small(1).show()", 'f"{self.k', 'f"a {self.k'),
    of_core("an attribute of a class", "core.Box(1).kind", '"box"', '"bag"'),
    of_core("an override that appears", "core.Small(1).grow()", "class Small(Box):",
            "class Small(Box):\n    def grow(self):\n        return 0\n"),
    of_core("a class that gains a method", "hasattr(core.Box(1), 'shrink')", "    def grow",
            "    def shrink(self):\n        return 0\n\n    def grow"),
    of_core("a name that was looked for", "hasattr(core, 'extra')", "OTHER = 5", "extra = 5"),
    of_core("a name that code looked for", "core.sought()", "OTHER = 5", "missing = 5"),
    of_core("a builtin that is hidden", "core.limited(1)", "OTHER = 5",
            "def min(*x):\n    return 0\n"),
    of_core("all names", "dir(core)", "OTHER = 5", "OTHERS = 5"),
    of_core("all that a module holds", "len(vars(core))", "OTHER = 5", "OTHERS = 5"),
    of_core("the text of a module", "import inspect; inspect.getsource(core.plain)",
            "# the sum", "# it"),
    of_core("a docstring that is read", "core.plain.__doc__", '"""Add."""', '"""Do."""'),
    of_core("a file of the library that is read", "open(core.__file__).read()", "# the sum", "#"),
    of_core("a function called from C", "sorted([1, 2], key=core.key)", "-x", "x"),
    of_core("a function without a name", "core.less(1)", "x - 1", "x - 2"),
    of_core("a function in a thread", "core.beside(1)", "x + by", "x - by"),
    of_core("code in a string", "exec('core.plain(1)')", "x + by", "x - by"),
    of_core("a star", "from mylib.core import *", "OTHER = 5", "OTHERS = 5"),
    Case("a generator that goes on",
         {**START, "make": "g = core.count(1); next(g)", "go": "next(g)", "no": "1"},
         {CORE: ("n += 1", "n += 2")}, {"make", "go"}),
    Case("a result that is kept", {**START, "first": "core.kept(1)", "again": "core.kept(1)"},
         {CORE: ("return [n]", "return [n, n]")}, {"first"}),
    Case("a module that nobody reads", {**START, "cell": "core.plain(1)"},
         {"mylib/apart.py": ("1", "2")}),
    Case("a data file", {"cell": "open('data.csv').read()", "no": "1"},
         {"data.csv": ("1", "3")}, {"cell"}),
    Case("a data file, by a path from above",
         {"path": "import pathlib; p = pathlib.Path('data.csv')", "cell": "p.read_text()"},
         {"data.csv": ("1", "3")}, {"path", "cell"}),
    Case("a file that may be read by what says nothing of it",
         {"cell": "name = 'data.csv'"}, {"data.csv": ("1", "3")}, {"cell"}),
    Case("a folder", {"cell": "import os; os.listdir('many')", "no": "1"},
         {"many/two.txt": ("", "2")}, {"cell"}),
    Case("a file that was looked for", {"cell": "import os; os.path.exists('new.txt')", "no": "1"},
         {"new.txt": ("", "2")}, {"cell"}),
    Case("a function that a process of its own may enter",
         {"cell": "import subprocess; subprocess.run(['true'])", "no": "1"},
         {CORE: ("x + by", "x - by")}, {"cell"}),
]  # fmt: skip


@pytest.fixture
def course(tmp_path: Path) -> Path:
    root = tmp_path / "course"
    for name, text in LIBRARY.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return root


def traced(cells: Mapping[str, str], course: Path) -> Ran:
    ran = run(cells, course)
    assert not ran.failure
    assert ran.traces.keys() == cells.keys()
    return ran


def stale(cells: Mapping[str, str], ran: Ran, course: Path, **environment: str) -> set[str]:
    """The cells that don't hold, if one that is executed again leaves what it left before."""
    around = {**os.environ, **environment}
    return set(replay(cells, ran.traces, ran.traces.get, course, environment=around).changed)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_edit_makes_stale_what_read_it(case: Case, course: Path) -> None:
    ran = traced(case.cells, course)
    assert stale(case.cells, ran, course) == set()
    for name, (old, new) in case.edits.items():
        path = course / name
        text = path.read_text() if path.exists() else ""
        assert old in text
        path.write_text(text.replace(old, new, 1))
    assert stale(case.cells, ran, course) == case.stale


def test_it_is_said_what_changed(course: Path) -> None:
    cells = {**START, "cell": "core.limited(1)\nopen('data.csv').read()"}
    ran = traced(cells, course)
    text = (course / CORE).read_text()
    (course / CORE).write_text(text.replace("LIMIT = 3", "LIMIT = 4"))
    (course / "data.csv").unlink()
    changes = replay(cells, ran.traces, ran.traces.get, course).changed["cell"]
    assert list(map(str, changes)) == ["file data.csv is gone", "name mylib.core.LIMIT changed"]


def test_an_environment_variable_counts_where_it_is_read(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMPLE", "one")
    monkeypatch.setenv("PLACE", str(course))
    cells = {"cell": "import os; os.environ.get('SAMPLE'), os.getenv('PLACE')", "no": "1"}
    ran = traced(cells, course)
    assert stale(cells, ran, course, OTHER="x", PLACE="/elsewhere") == set()
    assert stale(cells, ran, course, SAMPLE="two") == {"cell"}


def test_what_a_package_reads_as_it_is_imported_counts_for_all_who_use_it(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMPLE", "one")
    (course / "mylib" / "apart.py").write_text(
        "import os\nVALUE = os.environ.get('SAMPLE')\nDATA = open('data.csv').read()\n"
    )
    cells = {"start": "from mylib.apart import VALUE, DATA", "value": "VALUE", "data": "DATA"}
    ran = traced(cells, course)
    assert stale(cells, ran, course) == set()
    assert stale(cells, ran, course, SAMPLE="two") == set(cells)
    (course / "data.csv").write_text("3")
    assert stale(cells, ran, course) == set(cells)


def test_files_in_a_folder_that_a_variable_names_are_known_by_it(
    tmp_path: Path, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / "words.txt").write_text("words")
    monkeypatch.setenv("PLACE", str(here))
    cells = {"cell": "import os; open(os.path.join(os.environ['PLACE'], 'words.txt')).read()"}
    ran = traced(cells, course)
    assert "file $PLACE/words.txt" in ran.traces["cell"].reads
    assert str(tmp_path) not in str(ran.traces["cell"])
    assert stale(cells, ran, course, PLACE=str(there)) == set()
    (there / "words.txt").write_text("others")
    assert stale(cells, ran, course, PLACE=str(there)) == {"cell"}


@pytest.mark.parametrize(
    "code",
    ["{**os.environ, 'B': '1'}", "dict(os.environ)", "os.environ.copy()", "[*os.environ.items()]"],
)
def test_of_a_copy_of_the_environment_count_the_variables_that_are_named(
    code: str, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMPLE", "1")
    monkeypatch.setenv("OTHER", "1")
    cells = {"all": f"import os; {code}", "one": f"import os; 'SAMPLE' in ({code})"}
    ran = traced(cells, course)
    monkeypatch.setenv("OTHER", "2")
    assert stale(cells, ran, course) == set()
    monkeypatch.setenv("SAMPLE", "2")
    assert stale(cells, ran, course) == {"one"}


def test_a_text_is_no_file(course: Path) -> None:
    cells = {"cell": "import os; os.path.exists('a line\\n' * 99), os.path.exists('a' * 300)"}
    ran = traced(cells, course)
    assert not [thing for thing in ran.traces["cell"].reads if thing.startswith("file")]
    assert not stale(cells, ran, course)
    cells = {"cell": "import os; os.path.exists('a\\nb')"}
    ran = traced(cells, course)
    assert ran.traces["cell"].unseen
    assert Trace.parse(str(ran.traces["cell"])) == ran.traces["cell"]


@pytest.mark.parametrize(
    ("code", "thing"),
    [
        ("import os; os.chdir('many')", "process working directory"),
        ("import os; os.environ['SAMPLE'] = '1'", "process environment"),
        ("import sys; sys.path.append('many')", "process sys.path"),
        ("import sys; sys.setrecursionlimit(5000)", "process sys"),
        ("import warnings; warnings.simplefilter('error')", "process warnings"),
        ("import logging; logging.getLogger('a').setLevel(10)", "process logging"),
        ("import decimal; decimal.getcontext().prec = 5", "process decimal"),
        ("import numpy; numpy.set_printoptions(precision=2)", "process numpy"),
        ("import json; json.sample = 3", "process attributes of json"),
        ("import builtins; builtins.sample = 3", "process attributes of builtins"),
        ("open('made.txt', 'w').write('1')", "process files"),
        ("core.LIMIT = 5", "state mylib.core.LIMIT"),
        ("core.TABLE['b'] = 5", "state mylib.core.TABLE"),
        ("core.Box.made.append(1)", "state mylib.core.Box"),
        ("core.plain = len", "state mylib.core.plain"),
        ("core.kept(1)", "state mylib.core.kept"),
    ],
)
def test_what_a_cell_does_to_the_process_is_left_to_all_below(
    code: str, thing: str, course: Path
) -> None:
    pytest.importorskip("numpy")
    cells = {**START, "logging": "import logging, decimal, json, numpy", "cell": code}
    ran = traced(cells, course)
    assert thing in ran.traces["cell"].changes | ran.traces["cell"].binds
    assert thing not in ran.traces["logging"].leaves


def test_a_file_that_is_written_anew_under_its_name_is_another(course: Path) -> None:
    cells = {
        "path": "import tempfile, pathlib; p = pathlib.Path(tempfile.mkdtemp(), 'a')",
        "write": "p.write_text('1')",
        "over": "p.write_text('2')",
        "read": "p.read_text()",
        "no": "1",
    }
    cells["path"] = cells["path"].replace("mkdtemp()", f"mkdtemp(dir={str(course)!r}+'-temporary')")
    ran = traced(cells, course)
    assert [id_ for id_ in cells if "process files" in ran.traces[id_].changes] == [
        *("path", "write", "over")
    ]
    assert "process files" in ran.traces["read"].reads
    assert "process files" not in ran.traces["no"].reads


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import subprocess; subprocess.run(['true'])", "a process of its own"),
        ("import os; pid = os.fork() or os._exit(0); os.wait()", "a process of its own"),
        ("import threading; t = threading.Timer(9, print); t.daemon = True; t.start()",
         "a thread that goes on"),
    ],
)  # fmt: skip
def test_where_nothing_can_be_seen_the_whole_is_taken(code: str, reason: str, course: Path) -> None:
    cells = {**START, "above": "a = 1", "cell": code}
    trace = traced(cells, course).traces["cell"]
    assert trace.unseen == (reason,)
    assert {"above", "packages", "lesson a"} <= trace.reads.keys()


def test_a_trace_is_text_with_a_line_for_each_thing(course: Path) -> None:
    cells = {**START, "cell": "xs = [1]\nprint(core.plain(1))", "more": "xs.append(core.LIMIT)"}
    ran = traced(cells, course)
    for trace in ran.traces.values():
        assert Trace.parse(str(trace)) == trace
        assert len(str(trace).splitlines()) == sum(
            map(len, (trace.reads, trace.loads, trace.binds, trace.changes, trace.unseen))
        )
    assert "lesson xs" in ran.traces["more"].changes
    with pytest.raises(DamagedTraceError, match="line 1"):
        Trace.parse("hello\n")


def test_two_runs_have_the_same_traces(course: Path) -> None:
    cells = {**START, "cell": "box = core.Small(1); box.show(); g = core.count(1)", "go": "next(g)"}
    assert traced(cells, course).traces == traced(cells, course).traces
