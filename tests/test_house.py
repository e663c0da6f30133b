"""The house: which room may know of which, and what nobody borrows."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

FLOORS = {
    "sitegen": [
        {"errors", "output", "report", "version"},
        {"files"},
        {"parse", "manifest"},
        {"trace"},
        {"execute", "curriculum"},
        {"record"},
        {"render"},
        {"course"},
        {"schedule", "stamp", "new", "begin", "importing", "reference", "editors"},
        {"build"},
        {"check", "dry_run", "serve"},
        {"cli"},
        {"__main__"},
    ],
    "gptcore": [
        {"checks"},
        {"files", "sampling", "schedule", "source", "tables", "tokenizer"},
        {"config", "resources"},
        {"language_model", "data", "stock", "stop"},
        {"cache", "profile", "laws"},
        {"decode"},
        {"fused", "generate"},
        {"model"},
        {"measure", "checkpoint", "verify", "quantize"},
        {"train", "pretrained"},
        {"figures", "exercises", "bench"},
    ],
}
"""A room imports from the floors below its own, and from no other room of its floor."""


def imports(path: Path, package: str) -> Iterator[str]:
    """The modules of `package` that a file imports when it runs, wherever in it."""
    tree = ast.parse(path.read_text("utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package:
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield module if _file(module) else str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == package)


def _file(module: str) -> Path | None:
    path = ROOT / Path(*module.split("."))
    found = (path.with_suffix(".py"), path / "__init__.py")
    return next((one for one in found if one.is_file()), None)


def modules(package: str) -> dict[str, Path]:
    files = (ROOT / package).rglob("*.py")
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in files
    }


def graph(package: str) -> Mapping[str, set[str]]:
    return {name: set(imports(path, package)) - {name} for name, path in modules(package).items()}


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("package", FLOORS)
def test_rooms_import_from_the_floors_below(package: str) -> None:
    floor = {name: level for level, names in enumerate(FLOORS[package]) for name in names}
    wrong = [
        f"{module} imports {other}"
        for module, others in graph(package).items()
        for other in others
        if room(module)
        and room(other) != room(module)
        and floor[room(other)] >= floor[room(module)]
    ]
    assert not wrong


@pytest.mark.parametrize("package", FLOORS)
def test_no_circle_among_modules(package: str) -> None:
    try:
        TopologicalSorter(graph(package)).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("package", FLOORS)
def test_every_room_says_what_it_is_for(package: str) -> None:
    rooms = [path for path in modules(package).values() if path.name == "__init__.py"]
    assert len(rooms) >= 5
    for path in rooms:
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path


@pytest.mark.parametrize("package", FLOORS)
def test_nothing_of_the_standard_library_that_it_keeps_to_itself_is_used(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {name}"
        for path in modules(package).values()
        for node, name in _borrowed(ast.parse(path.read_text("utf-8")))
    ]
    assert not found


ALLOWED = {"os._exit", "sys._getframe"}
"""Documented in spite of their names."""


def _borrowed(tree: ast.Module) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Underscored names of modules of the standard library, by attribute, import or `vars`."""
    standard: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in sys.stdlib_module_names:
                    standard[alias.asname or alias.name.split(".")[0]] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            if (node.module or "").split(".")[0] not in sys.stdlib_module_names:
                continue
            for alias in node.names:
                standard[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                if alias.name.startswith("_"):
                    yield node, f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            base = ast.unparse(node.value)
            known = standard.get(base.split(".")[0])
            if known and not node.attr.startswith("__") and f"{known}.{node.attr}" not in ALLOWED:
                yield node, f"{base}.{node.attr}"
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            text = node.slice.value
            of_vars = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "vars"
            if of_vars and isinstance(text, str) and text.startswith("_"):
                yield node, ast.unparse(node)
