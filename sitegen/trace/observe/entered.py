"""Which functions of the followed packages ran, and which names of their modules were asked for.

From Python 3.12 on the interpreter itself says when a function is entered for the first time.
Before, a mark stands at the head of each function and after each place at which it may rest; it
is put in as the module is loaded, and is nothing but a value stored into a dict, which compilers
of functions leave in their graph.
"""

from __future__ import annotations

import ast
import copy
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sitegen.parse.code import compiled
from sitegen.trace import sources
from sitegen.trace.text import Definition

MARKS = "__entered__"
"""The name of a module's marks in that module."""
RESUMED = "__resumed__"
HIDDEN = {MARKS, RESUMED}


class Functions:
    """What is entered, by qualified names; and what is looked up in modules from outside them."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        """What modules were asked for, as `MODULE.NAME`; `MODULE.*` where it may be anything."""
        self.at_import: dict[str, set[str]] = {}
        """For each module what was entered while it was imported."""
        self.loaded: Callable[[types.ModuleType], None] = lambda module: None
        """Called with each followed module once it has been imported."""
        self.compiles: Callable[[str, bytes], None] = lambda path, source: None
        """Called with the file of each followed module, and what it holds, before that."""
        self.watching = False
        self.importing = 0
        self._entered: set[str] = set()
        self.marks: list[Marks] = []
        """By module and function, whether it was entered, where the interpreter doesn't tell."""

    def taken(self) -> set[str]:
        """What was entered since this was called last."""
        found, self._entered = self._entered, set()
        for marks in self.marks:
            for name, hit in marks.items():
                if hit:
                    found.add(name)
                    marks[name] = 0
        if monitoring:
            monitoring.restart_events()
        return found

    def load(self, module: types.ModuleType, run: Any) -> None:
        """Import a module: what that enters belongs to it, and not to who happens to be first."""
        before = self.taken()
        self.importing += 1
        try:
            run(module)
        finally:
            self.importing -= 1
            self.at_import[module.__name__] = self.taken()
            self._entered |= before
        self.loaded(module)

    def asked(self, module: str, name: str) -> None:
        """A module was asked for a name of it, from outside."""
        if self.watching and not self.importing and name not in HIDDEN:
            if name == "__dict__":
                self.names.add(f"{module}.*")
            elif not name.startswith("__") or name in ("__all__", "__doc__"):
                self.names.add(f"{module}.{name}")

    def compiled(
        self, tree: ast.Module | ast.Expression, path: str, mode: str, prefix: str, marks: Marks
    ) -> types.CodeType:
        """The code of a tree; what is entered of it is told by its qualified name with a prefix."""
        if not monitoring:
            marker = _Marker(prefix)
            tree = ast.fix_missing_locations(marker.visit(copy.deepcopy(tree)))
            # All of them at once: compilers of functions look at a dict's keys.
            marks.update(dict.fromkeys(marker.names, 0))
        code = compiled(tree, path, mode)
        for one in functions_in(code) if monitoring else ():
            self._name_of[one] = f"{prefix}{entry(one)}"
            events = monitoring.events
            monitoring.set_local_events(TOOL, one, events.PY_START | events.PY_RESUME)
        return code

    def prepare(self, namespace: dict[str, Any]) -> Marks:
        """Give a module the marks that its code stores into."""
        marks = Marks()
        if not monitoring:
            namespace.update({MARKS: marks, RESUMED: marks.resumed})
            self.marks.append(marks)
        return marks

    def listen(self) -> None:
        """Begin to hear of what is entered, where the interpreter tells."""
        if monitoring:
            self._name_of: dict[types.CodeType, str] = {}
            monitoring.use_tool_id(TOOL, "lessonsite")
            for event in (monitoring.events.PY_START, monitoring.events.PY_RESUME):
                monitoring.register_callback(TOOL, event, self._enter)

    def _enter(self, code: types.CodeType, _: int) -> Any:
        self._entered.add(self._name_of.get(code, ""))
        return monitoring.DISABLE


monitoring: Any = getattr(sys, "monitoring", None)
TOOL = 4
"""Of the numbers that the interpreter gives to tools one that no known tool takes."""


class Marks(dict[str, int]):
    """Of one module: by the name of a function, whether it was entered."""

    def resumed(self, value: Any, name: str) -> Any:
        self[name] = 1
        return value


class Loader(sources.Loader):
    """Loads a followed module so that its functions are seen."""

    functions: Functions
    marks: Marks

    def source_to_code(self, data: Any, path: Any, **_: Any) -> types.CodeType:  # type: ignore[override]
        self.functions.compiles(path, bytes(data))
        tree = ast.parse(data, path)
        return self.functions.compiled(tree, path, "exec", f"{self.name}.", self.marks)

    def exec_module(self, module: types.ModuleType) -> None:
        self.marks = self.functions.prepare(vars(module))
        module.__class__ = _watched_class(self.functions)
        self.functions.load(module, super().exec_module)


class Finder(sources.Finder):
    """Finds what belongs to followed packages, to be loaded so that it is seen."""

    def __init__(self, packages: Sequence[str], functions: Functions) -> None:
        super().__init__(packages)
        self.functions = functions

    def loader(self, name: str, path: str) -> Loader:
        loader = Loader(name, path)
        loader.functions = self.functions
        return loader


def _watched_class(functions: Functions) -> type[types.ModuleType]:
    """Of modules that tell when something is looked up in them."""

    class Watched(types.ModuleType):
        def __getattribute__(self, name: str) -> Any:
            functions.asked(types.ModuleType.__getattribute__(self, "__name__"), name)
            return types.ModuleType.__getattribute__(self, name)

        def __dir__(self) -> list[str]:
            return [name for name in types.ModuleType.__dir__(self) if name not in HIDDEN]

    Watched.__name__ = Watched.__qualname__ = "module"
    Watched.__module__ = "builtins"
    return Watched


def functions_in(code: types.CodeType) -> Iterator[types.CodeType]:
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            if part.co_flags & inspect.CO_NEWLOCALS:  # what has none is the body of a class
                yield part
            yield from functions_in(part)


def entry(code: types.CodeType) -> str:
    """The function that can be entered by itself in which some code stands."""
    names = code.co_qualname.partition(".<locals>")[0].split(".")
    return ".".join(name for name in names if not name.startswith("<"))


class _Marker(ast.NodeTransformer):
    """Puts marks into a module."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.path: list[str] = []
        self.owner = ""
        """The outermost function that is being visited."""
        self.names: list[str] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._inside(node, self.owner)

    def _inside(self, node: Definition, owner: str) -> ast.AST:
        before = self.owner
        node.decorator_list = [self.visit(one) for one in node.decorator_list]
        if not isinstance(node, ast.ClassDef):
            self.visit(node.args)
        self.path.append(node.name)
        self.owner = owner
        node.body = [self.visit(one) for one in node.body]
        self.owner = before
        self.path.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        owner = self.owner or self.prefix + ".".join([*self.path, node.name])
        self._inside(node, owner)
        first = node.body[0]
        text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        documented = text and isinstance(first.value.value, str)  # type: ignore[attr-defined]
        place = node.body[min(int(documented), len(node.body) - 1)]
        target = ast.Subscript(_name(MARKS), ast.Constant(self._noted(owner)), ast.Store())
        mark = ast.Assign([target], ast.Constant(1))
        for part in ast.walk(mark):
            ast.copy_location(part, place)
        node.body.insert(int(documented), mark)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self.generic_visit(node)
        node.body = self._resumed(node.body)
        return node

    def visit_Yield(self, node: ast.Yield) -> ast.AST:
        return self._resumed(self.generic_visit(node))

    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.AST:
        return self._resumed(self.generic_visit(node))

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self._resumed(self.generic_visit(node))

    def _resumed(self, value: Any) -> ast.expr:
        name = self._noted(self.owner or self.prefix + ".".join(self.path))
        call = ast.Call(_name(RESUMED), [value, ast.Constant(name)], [])
        return ast.copy_location(call, value)

    def _noted(self, name: str) -> str:
        self.names.append(name)
        return name


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())
