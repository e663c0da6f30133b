"""A lesson as the main module of the processes that its blocks start.

A child of `multiprocessing` under `spawn` or `forkserver` imports its parent's main module anew.
That of a lesson is Markdown, whose blocks are not to be run again. So the child gets a module that
holds what the blocks have defined: imports, functions and classes, and values that are plain data.
"""

from __future__ import annotations

import ast
import contextlib
import marshal
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

MODULE = "__lesson__"
"""The name under which a child finds it."""

HINT = (
    "a process that multiprocessing starts afresh has a lesson's imports, functions, classes and "
    "plain data; hand over what else it needs as an argument, or use the start method fork"
)


class Spec(ModuleSpec):
    """Of the main module. The one who asks for its name is about to import it in a child."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        super().__init__(MODULE, None)

    @property
    def name(self) -> str:
        self._definitions.write()
        return MODULE

    @name.setter
    def name(self, name: str) -> None:
        pass


class Definitions:
    """What the cells of a lesson have defined, for children to find."""

    def __init__(self, path: str, namespace: Mapping[str, Any], scratch: str) -> None:
        self.path = path
        self.namespace = namespace
        self.folder = Path(tempfile.mkdtemp(dir=scratch))
        """For the path that modules are searched on."""
        self._trees: list[Sequence[ast.stmt]] = []

    def add(self, tree: ast.Module) -> None:
        """Take note of a cell that is about to run."""
        self._trees.append(tuple(tree.body))

    def write(self) -> None:
        """Put the module where a child looks for it."""
        values = dict(_plain(self.namespace))
        codes = list(self._codes(values))
        known = [name for name in self.namespace if not name.startswith("__")]
        payload = marshal.dumps((self.path, values, codes, known))
        text = f"from {__name__} import define\ndefine(globals(), {payload!r})\n"
        temporary = self.folder / f".{os.getpid()}"
        temporary.write_text(text, "utf-8")
        temporary.replace(self.folder / f"{MODULE}.py")

    def _codes(self, values: Mapping[str, Any]) -> Iterator[Any]:
        for body in self._trees:
            kept = [node for node in body if self._defines(node, values)]
            future = [node for node in kept if _is_future(node)]
            # What can't be defined there is missed where it is used, and nowhere else.
            tried = [_tried(node) for node in kept if not _is_future(node)]
            with contextlib.suppress(SyntaxError, ValueError):
                module = ast.Module([*future, *tried], [])
                code = ast.fix_missing_locations(module)
                yield compile(code, self.path, "exec", dont_inherit=True)

    def _defines(self, node: ast.stmt, values: Mapping[str, Any]) -> bool:
        """Whether a statement does nothing but define."""
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return True
            case ast.Import() | ast.ImportFrom() | ast.Pass():
                return True
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                return self._is_definition(name, value, values)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                return self._is_definition(name, value, values)
            case ast.If():
                inner = [*node.body, *node.orelse]
                return not _calls(node.test) and self._all_define(inner, values)
            case ast.Try():
                inner = [*node.body, *node.orelse, *node.finalbody]
                inner += [one for handler in node.handlers for one in handler.body]
                return self._all_define(inner, values)
        return False

    def _all_define(self, nodes: Iterable[ast.stmt], values: Mapping[str, Any]) -> bool:
        return all(self._defines(node, values) for node in nodes)

    def _is_definition(self, name: str, value: ast.expr, values: Mapping[str, Any]) -> bool:
        """Whether it comes to the same when done again: no call, or one that makes a class."""
        made = self.namespace.get(name)
        of_lesson = getattr(made, "__module__", None) == "__main__" and callable(made)
        return not _calls(value) or (of_lesson and hasattr(made, "__qualname__"))


def define(namespace: dict[str, Any], payload: bytes) -> None:
    """In a child: fill its main module."""
    path, values, codes, known = marshal.loads(payload)
    namespace.update(values, __file__=path)
    for code in codes:
        exec(code, namespace)
    namespace.update(values)

    def find(name: str) -> Any:
        if name not in known:
            raise AttributeError(f"module '__main__' has no attribute {name!r}")
        return _Missing(name, (_Lacking,), {})

    namespace["__getattr__"] = find


class _Missing(type):
    """Stands for what a child lacks, and says so when it is used: a pool that can't unpickle a
    task would lose it and wait for ever."""

    def __call__(cls, *_: Any, **__: Any) -> Any:
        raise NameError(f"name {cls.__name__!r} is not defined: {HINT}")

    def __getattr__(cls, name: str) -> Any:
        """Its methods, which are missing too."""
        if name.startswith("__"):
            raise AttributeError(name)
        return cls


class _Lacking:
    """What an instance of such a class is."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(self)()


def _plain(namespace: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values of plain data."""
    for name, value in list(namespace.items()):
        with contextlib.suppress(RecursionError):
            if not name.startswith("__") and _is_plain(value):
                yield name, value


def _is_plain(value: Any) -> bool:
    """Whether it is, in all its parts, of just the types whose copy is as good as the original."""
    if type(value) in (list, tuple, set, frozenset):
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(map(_is_plain, value)) and all(map(_is_plain, value.values()))
    return value is None or type(value) in (bool, int, float, complex, str, bytes)


def _calls(expression: ast.expr) -> bool:
    """Whether to evaluate it does more than look things up and put them together."""
    if isinstance(expression, ast.Lambda):
        return False
    active = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
    return any(isinstance(node, active) for node in ast.walk(expression))


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _tried(node: ast.stmt) -> ast.Try:
    handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Pass()])
    return ast.copy_location(ast.Try([node], [handler], [], []), node)
