"""`make mutants`: breaks `gptcore` on purpose, one small edit at a time, and asks who notices.

A mutant that neither a test nor `build_site.py --check` notices is a promise that nobody keeps.
A recording that is merely out of date does not count: it would be after any edit.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from sitegen import course as courses
from sitegen.parse import config as configuration
from sitegen.schedule import Evidence, stand

ROOT = Path(__file__).resolve().parent.parent
MODULES = [
    "cache",
    "checkpoint",
    "checks",
    "config",
    "data",
    "decode",
    "figures/passages",
    "figures/weight_map",
    "files",
    "generate",
    "language_model",
    "laws",
    "measure",
    "model",
    "pretrained/__main__",
    "pretrained/convert",
    "pretrained/files",
    "pretrained/mapping",
    "pretrained/source",
    "pretrained/their_config",
    "pretrained/vocabulary",
    "profile",
    "quantize",
    "resources",
    "sampling",
    "schedule",
    "stock",
    "stop",
    "tables",
    "tokenizer",
    "train/__main__",
    "train/economical",
    "train/loop",
    "train/meter",
    "train/processes",
    "verify",
]
TESTS = [
    "tests/test_model.py",
    "tests/test_generate.py",
    "tests/test_cache.py",
    "tests/test_training.py",
    "tests/test_economical.py",
    "tests/test_verify.py",
    "tests/test_weight_map.py",
    "tests/test_pretrained.py",
    "tests/test_parity.py",
    "tests/test_measure.py",
    "tests/test_laws.py",
    "tests/test_quantize.py",
    "tests/test_resources.py",
]
NEEDED = [
    "build_site.py",
    "course",
    "lessons",
    "pyproject.toml",
    "sitegen",
    "static",
    "templates",
    "tests",
]
TOO_LONG = 124
"""Of `run`: the command did not end in time."""
OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.MatMult: ast.Add,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


@dataclass(frozen=True)
class Mutant:
    """A module with one edit."""

    module: str
    line: int
    what: str
    source: str

    def __str__(self) -> str:
        return f"gptcore/{self.module}.py:{self.line}: {self.what}"


def mutants(module: str) -> Iterator[Mutant]:
    """Every edit of one module: constants, operators, swapped arguments, dropped statements.

    `zip(..., strict=True)` stays: it guards against what the code never does.
    """
    text = (ROOT / "gptcore" / f"{module}.py").read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    for statement in ast.parse(text).body:
        start = min(node.lineno for node in [statement, *_decorators(statement)]) - 1
        before, after = "".join(lines[:start]), "".join(lines[statement.end_lineno :])
        for line, what, changed in _changed(statement):
            yield Mutant(module, line, what, f"{before}{ast.unparse(changed)}\n{after}")


def _decorators(statement: ast.stmt) -> list[ast.expr]:
    return getattr(statement, "decorator_list", [])


def _changed(statement: ast.stmt) -> Iterator[tuple[int, str, ast.stmt]]:
    """A statement with each of its edits: where, what, and all of it."""
    nodes = list(ast.walk(statement))
    guards = {k.value for k in nodes if isinstance(k, ast.keyword) and k.arg == "strict"}
    for index, node in enumerate(nodes):
        if node in guards:
            continue
        for choice, what in enumerate(edits(node)):
            changed = deepcopy(statement)
            apply(list(ast.walk(changed))[index], choice)
            yield getattr(node, "lineno", 0), what, ast.fix_missing_locations(changed)


def edits(node: ast.AST) -> list[str]:
    """What can be done to a node, in words."""
    match node:
        case ast.Constant(value=bool(value)):
            return [f"{value} -> {not value}"]
        case ast.Constant(value=int() | float() as number):
            return [f"{number} -> {_other(number)}"]
        case ast.BinOp(op=op) | ast.BoolOp(op=op) if type(op) in OPERATORS:
            return [f"{type(op).__name__} -> {OPERATORS[type(op)].__name__}"]
        case ast.Compare(ops=[op]) if type(op) in OPERATORS:
            return [f"{type(op).__name__} -> {OPERATORS[type(op)].__name__}"]
        case ast.Call(func=ast.Name(id="min" | "max")):
            return []  # in any order the same
        case ast.Call(args=[first, second, *_]) if ast.dump(first) != ast.dump(second):
            return [f"arguments of {ast.unparse(node.func)} swapped"]
        case ast.FunctionDef(body=body):
            return [f"dropped: {ast.unparse(s).splitlines()[0]}" for s in _droppable(body)]
    return []


def apply(node: ast.AST, choice: int) -> None:
    """Do one of the edits to a node."""
    match node:
        case ast.Constant(value=bool(value)):
            node.value = not value
        case ast.Constant(value=int() | float() as number):
            node.value = _other(number)
        case ast.BinOp() | ast.BoolOp():
            node.op = OPERATORS[type(node.op)]()  # type: ignore[assignment]
        case ast.Compare():
            node.ops = [OPERATORS[type(node.ops[0])]()]  # type: ignore[list-item]
        case ast.Call():
            node.args[:2] = node.args[1::-1]
        case ast.FunctionDef():
            dropped = list(_droppable(node.body))[choice]
            node.body[node.body.index(dropped)] = ast.Pass()


def _other(number: float) -> float:
    return number + 1 if isinstance(number, int) else number * 2 or 0.5


def _droppable(body: list[ast.stmt]) -> list[ast.stmt]:
    return [
        statement
        for statement in body
        if isinstance(statement, ast.Assign | ast.AugAssign)
        or (isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant))
    ]


def noticed_by(mutant: Mutant) -> str:
    """Who notices a mutant: "tests", "check", or nobody, "".

    "unreached" if no test notices and no lesson runs it, "too long" if it keeps whoever would
    notice from ending.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        lay(mutant, root)
        for some in nearest_first(mutant):
            tests = run([sys.executable, "-m", "pytest", "-x", "-q", *some], root)
            if tests in (1, 2):  # one failed, or the library can't be imported
                return "tests"
            if tests not in (0, TOO_LONG):
                raise RuntimeError(f"pytest ended with {tests}: the tests did not run")
            if tests == TOO_LONG:
                return "too long"
        lessons = reached(root)
        if not lessons:
            return "unreached"
        report = root / "report.json"
        check = [sys.executable, "build_site.py", *lessons, "--check", "--jobs", "1"]
        if run([*check, "--report", str(report)], root) == TOO_LONG:
            return "too long"
        told = json.loads(report.read_text())
        kinds = {drift["kind"] for drift in told["drift"]}
        return "check" if told["errors"] or kinds - {"stale"} else ""


def lay(mutant: Mutant, root: Path) -> None:
    """A copy of this course whose library is the mutant."""
    for name in [*NEEDED, "gptcore"]:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)
    (root / "gptcore" / f"{mutant.module}.py").write_text(mutant.source, encoding="utf-8")


def reached(root: Path) -> list[str]:
    """The lessons of which a block no longer holds by its trace."""
    course = courses.load(configuration.load(root))
    found = stand(course, Evidence.of(course.config))
    return [
        lesson.slug
        for lesson in course.lessons
        if not all(standing.is_sound for standing in found[lesson.slug]["cpu"])
    ]


def nearest_first(mutant: Mutant) -> list[list[str]]:
    """The tests in lots: those of a file that names the module are the likeliest to notice.

    So each of these is asked alone: to collect one takes a part of the time.
    """
    name = f"gptcore.{mutant.module.replace('/', '.')}"
    near = [test for test in TESTS if name in (ROOT / test).read_text(encoding="utf-8")]
    rest = [test for test in TESTS if test not in near]
    return [*([test] for test in near), rest]


def run(command: list[str], folder: Path) -> int:
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    try:
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, timeout=400
        ).returncode
    except subprocess.TimeoutExpired:
        return TOO_LONG


def main() -> int:
    """Try a sample of all mutants; 1 if fewer than 95% are noticed."""
    parser = argparse.ArgumentParser(prog="make mutants", description=main.__doc__)
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    everything = [mutant for module in MODULES for mutant in mutants(module)]
    chosen = random.Random(options.seed).sample(everything, min(options.count, len(everything)))
    found = Counter[str]()
    with ThreadPoolExecutor(options.jobs) as pool:
        for mutant, who in zip(chosen, pool.map(noticed_by, chosen), strict=True):
            found[who] += 1
            print(f"{who or 'NOBODY':9} {mutant}", flush=True)
    tried = len(chosen) - found["unreached"]
    share = 1 - found[""] / max(tried, 1)
    print(f"{tried} of {len(everything)} mutants tried, {share:.1%} noticed")
    return int(share < 0.95)


if __name__ == "__main__":
    sys.exit(main())
