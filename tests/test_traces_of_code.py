"""Which edit of a package or of a block makes which blocks stale: nothing else is run again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from small_library import LIBRARY
from watched import Ran, replay, run

from sitegen.parse.parser import parse_lesson
from sitegen.trace import Program, cells
from sitegen.trace.text import LibrarySyntaxError

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


@dataclass(frozen=True)
class Edit:
    """In a file or block, `old` becomes `new`; just these blocks are run for it."""

    name: str
    where: str
    old: str
    new: str
    touches: set[str]


NOTHING: set[str] = set()
EVERY = set(LESSON)
LAYERS = {"dense", "model", "trace"}
"""Blocks that run a layer."""
CLASSES = LAYERS | {"imports", "describe"}
"""Blocks that get at the class of one."""
CONFIGS = {"config", "grow", "model"}
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
    Edit("function", "nets/numbers.py", "x * by", "x + by", {"scaled"} | LAYERS),
    Edit("default", "nets/numbers.py", "by=SCALE", "by=3", {"scaled"} | LAYERS),
    Edit(
        "constant in a default",
        "nets/numbers.py",
        "SCALE = 2",
        "SCALE = 3",
        {"scaled"} | LAYERS,
    ),
    Edit("private helper", "nets/numbers.py", "round(x, 3)", "round(x, 2)", {"model"}),
    Edit("constant in a body", "nets/numbers.py", "0.5", "0.25", {"model"}),
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
        {"model"},
    ),
    Edit(
        "defined twice",
        "nets/numbers.py",
        "def unused",
        "SCALE = 5\n\n\ndef unused",
        {"scaled"} | LAYERS,
    ),
    Edit("definition gone", "nets/numbers.py", "def odd(", "def odder(", {"cycle"}),
    # Classes.
    Edit("method", "nets/layers.py", "* self.size", "+ self.size", LAYERS),
    Edit("inherited method", "nets/layers.py", "(x) + 1", "(x) + 2", LAYERS),
    Edit(
        "overridden method",
        "nets/layers.py",
        "        return x\n",
        "        return -x\n",
        NOTHING,
    ),
    Edit("class attribute", "nets/layers.py", '"plain"', '"fancy"', CLASSES),
    Edit("nested function", "nets/layers.py", "numbers.scaled(value)", "value", LAYERS),
    Edit("base", "nets/layers.py", "class Dense(Layer)", "class Dense(object)", CLASSES),
    Edit("field of a dataclass", "nets/layers.py", "width: int = 4", "width: int = 5", CONFIGS),
    Edit("property", "nets/layers.py", "width * 2", "width * 3", {"config"}),
    Edit("decorator of a class", "nets/layers.py", "(frozen=True)", "", CONFIGS),
    Edit(
        "decorator",
        "nets/decorate.py",
        "function(*args)",
        "-function(*args)",
        CONFIGS | {"imports", "trace"},
    ),
    Edit("decorator gone", "nets/layers.py", "@traced\n", "", {"trace"}),
    Edit("annotation", "nets/layers.py", "(model: Model)", "(model: object)", {"describe"}),
    Edit(
        "known from an annotation only",
        "nets/model.py",
        "return shifted(",
        "return -shifted(",
        {"model"},
    ),
    # Imports.
    Edit(
        "function that is re-exported",
        "nets/model.py",
        "Model(Config(w",
        "Model(Config(1 + w",
        {"model"},
    ),
    Edit("another name imported", "nets/model.py", "Dense as Thick", "Layer as Thick", {"model"}),
    Edit(
        "re-export gone",
        "nets/__init__.py",
        "Model, build\n",
        "Model\n",
        {"imports"},
    ),
    Edit(
        "re-export from elsewhere",
        "nets/__init__.py",
        "import Model, build\n",
        "import Model\nfrom .wild import tame as build\n",
        {"imports"},
    ),
    Edit(
        "star import that shadows",
        "nets/wild.py",
        "WILD = 3\n",
        "WILD = 3\nbuild = None\n",
        {"imports"},
    ),
    Edit(
        "effect on import",
        "nets/decorate.py",
        "import functools\n",
        "import functools\nprint(1)\n",
        {"imports"},
    ),
    Edit(
        "changed on import",
        "nets/decorate.py",
        "import functools\n",
        "import functools\nfrom . import numbers\nnumbers.SCALE = 3\n",
        {"imports"},  # and once that has run, what reads it
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
    Edit(
        "another import",
        "imports",
        "import nets.layers as L",
        "import nets.wild as L",
        {"imports", "trace"},
    ),
    Edit("not Python", "config", "width=3)", "width=3", {"config"}),
]


def write(library: Mapping[str, str], root: Path) -> None:
    for name, text in library.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def traced(lesson: Mapping[str, str], root: Path) -> Ran:
    ran = run(lesson, root, ["nets"])
    assert not ran.failure
    assert ran.traces.keys() == lesson.keys()
    return ran


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    root = tmp_path_factory.mktemp("recorded") / "course"
    write(LIBRARY, root)
    return traced(LESSON, root)


@pytest.mark.parametrize("edit", EDITS, ids=[edit.name for edit in EDITS])
def test_an_edit_touches_just_the_blocks_that_reach_it(
    edit: Edit, recorded: Ran, tmp_path: Path
) -> None:
    library, lesson = dict(LIBRARY), dict(LESSON)
    texts = lesson if edit.where in lesson else library
    assert edit.old in texts.get(edit.where, "")
    texts[edit.where] = texts.get(edit.where, "").replace(edit.old, edit.new, 1)
    root = tmp_path / "course"
    write(library, root)
    # Of a package it is asked what enters what was edited, be it that it no longer runs.
    now = run(lesson, root, ["nets"]) if texts is lesson else recorded
    assert set(replay(lesson, recorded.traces, now.traces.get, root, ["nets"]).changed) == (
        edit.touches
    )


def at_import(name: str, code: str, where: str, before: str, new: str) -> Any:
    return pytest.param(code, f"nets/{where}.py", before, new, id=name)


@pytest.mark.parametrize(
    ("code", "where", "before", "new"),
    [
        at_import("a constant of a star", "print(nets.WILD)", "wild", "WILD = 3", "WILD = 4"),
        at_import("a star that hides", "print(nets.Model)", "wild", "WILD =", "Model = 7; WILD ="),
        *(
            at_import(name, code, "layers", "class Dense", f"{new}\n\n\nclass Dense")
            for name, code, new in [
                ("a constant set", "print(nets.numbers.SCALE)", "numbers.SCALE = 3"),
                (
                    "a constant set by a function",
                    "print(nets.numbers.SCALE)",
                    "def put(): numbers.SCALE = 3\ndone = put()",
                ),
                (
                    "a constant set by name",
                    "print(nets.numbers.SCALE)",
                    "import sys; sys.modules['nets.numbers'].SCALE = 3",
                ),
                (
                    "a constant set on the way",
                    "print(nets.numbers.SCALE)",
                    "a, numbers.SCALE = 1, 3",
                ),
                ("a function set", "print(nets.numbers.scaled(2))", "numbers.scaled = lambda x: 5"),
                ("a table changed", "print(nets.numbers.LIMITS)", "numbers.LIMITS['x'] = 3"),
                (
                    "a table changed under another name",
                    "print(nets.numbers.LIMITS)",
                    "its = numbers.LIMITS\nits['x'] = 3",
                ),
                (
                    "a table changed by a class",
                    "print(nets.numbers.LIMITS)",
                    "class Puts:\n    numbers.LIMITS['x'] = 3",
                ),
                (
                    "a table changed for a value",
                    "print(nets.numbers.LIMITS)",
                    "nothing = [numbers.LIMITS.update(x=1) for _ in 'a']",
                ),
                ("a class of its own", "print(nets.Layer.kind)", "Layer.kind = 3"),
                (
                    "a class of its own, by a function",
                    "print(nets.Layer.kind)",
                    "def put(): Layer.kind = 3\ndone = put()",
                ),
            ]
        ),
        at_import(
            *("a class of another module", "print(nets.Layer(1).run(1))", "model", "class Model"),
            "from .layers import Layer\nLayer.inner = lambda self, x: 7\n\n\nclass Model",
        ),
        *(
            at_import(name, "print(nets.numbers.LIMITS)", "numbers", "NAMES =", f"{new}\nNAMES =")
            for name, new in [
                ("under another name", "its = LIMITS\nits['x'] = 3"),
                ("in a list", "its = [LIMITS]\nits[0]['x'] = 3"),
                ("in a loop", "for its in [LIMITS]: its['x'] = 3"),
                ("by a class", "class Puts:\n    LIMITS['x'] = 3"),
            ]
        ),
    ],
)
def test_what_is_done_on_import_counts_where_it_shows(
    code: str, where: str, before: str, new: str, tmp_path: Path
) -> None:
    root, lesson = tmp_path / "course", {"imports": "import nets, nets.numbers", "reads": code}
    write(LIBRARY, root)
    old = traced(lesson, root)
    assert before in LIBRARY[where]
    write({**LIBRARY, where: LIBRARY[where].replace(before, new, 1)}, root)
    now = traced(lesson, root)
    assert old.shown["reads"] != now.shown["reads"]
    assert "reads" in replay(lesson, old.traces, now.traces.get, root, ["nets"]).changed


@pytest.mark.parametrize(
    "reads", ["globals()['SCALE']", "eval('SCALE')", "scaled.__globals__['SCALE']"]
)
def test_a_name_of_its_own_module_may_be_read_by_a_text(reads: str, tmp_path: Path) -> None:
    root = tmp_path / "course"
    lesson = {"imports": "import nets.numbers", "reads": "print(nets.numbers.named())"}
    named = f"def named():\n    return {reads}\n\n\ndef even"
    numbers = LIBRARY["nets/numbers.py"].replace("def even", named)
    write({**LIBRARY, "nets/numbers.py": numbers}, root)
    old = traced(lesson, root)
    write({"nets/numbers.py": numbers.replace("SCALE = 2", "SCALE = 3")}, root)
    assert "reads" in replay(lesson, old.traces, old.traces.get, root, ["nets"]).changed


def test_a_name_of_a_module_may_be_read_by_way_of_its_functions(tmp_path: Path) -> None:
    root = tmp_path / "course"
    reads = "print(f.__globals__['OFFSET'])"
    lesson = {"imports": "from nets.numbers import scaled as f", "reads": reads}
    write(LIBRARY, root)
    old = traced(lesson, root)
    numbers = LIBRARY["nets/numbers.py"].replace("OFFSET = 0.5", "OFFSET = 1.5")
    write({"nets/numbers.py": numbers}, root)
    assert "reads" in replay(lesson, old.traces, old.traces.get, root, ["nets"]).changed


# What else counts, and what does not


@pytest.mark.parametrize(
    ("code", "counts"),
    [
        ("import traceback\ntry: f(1)\nexcept TypeError: traceback.print_exc()", True),
        ("import dis\ndis.dis(f)", True),
        ("import logging\ntry: f(1)\nexcept TypeError: logging.exception('no')", True),
        ("import sys\ntry: f(1)\nexcept TypeError: print(sys.exc_info()[2].tb_lineno)", True),
        ("print(f.__code__.co_firstlineno)", True),
        ("print(f.__code__)", True),
        ("import cProfile\ncProfile.run('f()')", True),
        ("import profile as p\np.run('f()')", True),
        ("from profile import run\nrun('f()')", True),
        ("import tracemalloc\ntracemalloc.start()\nf()\ntracemalloc.stop()", False),
        ("class profile: laptop = 1\nprint(profile.laptop)", False),
        (
            "import logging, sys\nlogging.basicConfig(stream=sys.stdout, format='%(lineno)d')\n"
            "logging.error('no')",
            True,
        ),
        ("import inspect\nprint(inspect.getsource(f))", True),
        ("import inspect\nprint(inspect.signature(f))", False),
        ("f()", False),
    ],
)
def test_lines_count_where_they_are_read(code: str, counts: bool, tmp_path: Path) -> None:
    root = tmp_path / "course"
    root.mkdir()
    lesson = {"first": "1", "above": "def f(): return 1", "reads": code}
    ran = run(lesson, root, [])
    assert not ran.failure
    moved = {"first": "1\n\n\n", **{id_: lesson[id_] for id_ in ("above", "reads")}}
    changed = replay(moved, ran.traces, ran.traces.get, root, []).changed
    assert "first" not in changed
    assert ("reads" in changed) is counts


def test_a_file_beside_the_package_s_code_counts_where_it_is_read(tmp_path: Path) -> None:
    root = tmp_path / "course"
    text = "from pathlib import Path\n\n\ndef text():\n    return (Path(__file__).parent / 'a.txt')"
    library = {**LIBRARY, "nets/a.txt": "one", "nets/data.py": f"{text}.read_text()\n"}
    lesson = {"imports": "import nets.data", "reads": "nets.data.text()", "not": "nets.build(1)"}
    write(library, root)
    ran = traced(lesson, root)
    write({"nets/a.txt": "two"}, root)
    assert replay(lesson, ran.traces, ran.traces.get, root, ["nets"]).changed.keys() == {"reads"}


def test_a_package_of_one_file(tmp_path: Path) -> None:
    root = tmp_path / "course"
    write({"single.py": "def one():\n    return two()\n\n\ndef two():\n    return 2\n"}, root)
    lesson = {"a": "import single\nsingle.one()"}
    trace = run(lesson, root, ["single"]).traces["a"]
    assert {"function single.one", "function single.two"} <= trace.reads.keys()
    assert trace.loads == ("single",)


def test_a_package_that_is_not_python_is_named_with_its_line(tmp_path: Path) -> None:
    write({**LIBRARY, "nets/numbers.py": "x = 1\ny = = 2\n"}, tmp_path)
    with pytest.raises(LibrarySyntaxError, match=r"nets/numbers\.py:2: invalid syntax") as raised:
        Program(tmp_path, ["nets"]).hash("function nets.numbers.scaled")
    assert (raised.value.path, raised.value.line) == ("nets/numbers.py", 2)


def own(text: str, profile: str = "cpu") -> dict[str, str]:
    """What is a cell's own in a lesson of one."""
    head = "---\ntitle: T\nslug: t\norder: 1\n---\n\n"
    (found,) = cells.own(parse_lesson("lesson.md", f"{head}{text}\n"), profile).values()
    return {thing: found[thing] for thing in ("code", "profile")}


@pytest.mark.parametrize(
    ("text", "profile", "other"),
    [
        ("```python {#a}\n1\n```", "gpu", "profile"),
        ("```python {#a raises=ValueError}\n1\n```", "cpu", "code"),
        ("```python {#b}\n1\n```", "cpu", "code"),  # it seeds the random numbers
        ("```python {#a}\n1;\n```", "cpu", "code"),
        ("```python {#a}\n1  # one\n```", "cpu", ""),
        ("```python {#a fold title='A title' timeout=7}\n1\n```", "cpu", ""),
    ],
)
def test_of_a_cell_s_braces_counts_what_alters_what_it_shows(
    text: str, profile: str, other: str
) -> None:
    first, second = own("```python {#a}\n1\n```"), own(text, profile)
    assert [thing for thing in first if first[thing] != second[thing]] == [other] * bool(other)


def test_the_text_of_an_inline_value_counts_as_it_seeds_the_random_numbers() -> None:
    first, second = (own(f"Here is `{{python}} {text}`.") for text in ("10**6", "10 ** 6"))
    assert first["code"] != second["code"]
