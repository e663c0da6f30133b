"""Watches the cells of a lesson run in this process.

Before and after a cell everything that the lesson's names, and the modules of followed packages,
reach is looked at; what runs in between is told by the parts of this room.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import sys
import threading
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sitegen.parse.code import compiled
from sitegen.parse.tokens import Source, short_hash
from sitegen.trace.observe import names as words
from sitegen.trace.observe.attributes import Attributes
from sitegen.trace.observe.entered import HIDDEN, Finder, Functions, entry, functions_in
from sitegen.trace.observe.found import Files, Found
from sitegen.trace.observe.graph import Graph, key_of
from sitegen.trace.observe.maker import Maker
from sitegen.trace.observe.nodes import Key
from sitegen.trace.observe.outside import Outside
from sitegen.trace.observe.process import Process
from sitegen.trace.observe.seen import CELL, Piece, Seen, Stamps
from sitegen.trace.observe.settled import Settled
from sitegen.trace.program import Program
from sitegen.trace.trace import Trace
from sitegen.trace.verify import file_hash


class Observer:
    """What a session calls before and after each cell."""

    def __init__(
        self,
        root: Path,
        packages: Collection[str],
        files: Files,
        path: str,
        is_fixed: Callable[[str], bool] = lambda variable: False,
    ) -> None:
        """Of `is_fixed` variables of the environment, whoever runs the lesson decides."""
        self.path = path
        self.program = Program(root, tuple(packages))
        self.functions = Functions()
        self.found = Found(root, files)
        self.outside = Outside(root, files, self.found, self._is_ours, self._imports, is_fixed)
        self.finder = Finder(tuple(packages), self.functions)
        self.files = files
        self.root = root
        self.versions: dict[str, str] = {}
        """A hash of each thing that was left otherwise than it was in the beginning."""
        self.orders: dict[str, dict[Key, int]] = {}
        """Of each name, the place of every node that it reaches."""
        self.hashes: dict[tuple[str, int], str] = {}
        """Of the lesson's functions, by their name and line."""
        self.fixed: set[int] = set()
        self.settled: Settled | None = None
        self.loaded: set[str] = set()
        """The followed modules that were imported so far."""
        self.before = Seen()
        self.names = words.Names()
        """Those that the cell has to do with."""

    def start(self, namespace: dict[str, Any]) -> None:
        """Begin to observe; `namespace` is the one that the cells run in."""
        self.namespace = namespace
        self.marks = self.functions.prepare(namespace)
        self.given = dict(namespace)
        self.attributes = Attributes()
        self.functions.listen()
        self.lesson: dict[str, list[types.CodeType]] = {}
        """The functions of the lesson, by cell and name."""
        self.functions.loaded = self._loaded
        self.functions.compiles = lambda path, source: self.program.note_import(Path(path), source)
        self.outside.listen()
        sys.meta_path.insert(0, self.finder)
        self.process = Process(str(self.root))
        self.found.begin()
        self.before = self._look()

    def _imports(self) -> bool:
        return self.functions.importing > 0

    def _is_ours(self, module: str) -> bool:
        return module == "__main__" or self.program.owns(module)

    # Before

    def begin(self, piece: Piece) -> None:
        """A cell is about to run."""
        self.piece = piece
        self._learn(piece)
        for name in ("random", "numpy.random.mtrand", "torch"):
            module = sys.modules.get(name)
            for one in ("_inst", "_rand", "default_generator"):
                self.fixed.add(id(getattr(module, one, None)))
        self.fixed.discard(id(None))
        self.before.names = self._names()
        self.before.process = self.process.parts()
        self.before.threads = threading.active_count()
        self.modules_before = set(sys.modules)
        self.attributes.note(self.other_modules())
        self.outside.clear()
        self.functions.taken()
        self.functions.names.clear()
        self.functions.watching = self.outside.listening = True

    def compiled(self, tree: ast.Module | ast.Expression, mode: str) -> types.CodeType:
        """The code of the cell that is about to run, or of a part of it, as a session runs it.

        What a part gives by itself is bound to `_`, unless it is all of the cell.
        """
        if mode == "eval" and not self.piece.expression:
            bound, surely = self.names.bound | {"_"}, self.names.surely | {"_"}
            self.names = replace(self.names, bound=bound, surely=surely)
        cell = f"{CELL}{self.piece.id} "
        code = self.functions.compiled(tree, self.path, mode, cell, self.marks)
        for one in functions_in(code):
            self.lesson.setdefault(f"{cell}{entry(one)}", []).append(one)
        return code

    def _learn(self, piece: Piece) -> None:
        """Note the names that a cell uses, and a hash of each function in it."""
        text = piece.code if piece.expression else "\n" * (piece.line - 1) + piece.code
        self.names = words.Names()
        self.constants: set[str] = set()
        try:
            source = Source(text)
            kind = "eval" if piece.expression else "exec"
            code = compiled(text, self.path, kind)
        except (SyntaxError, ValueError):
            return
        self.names = words.names_of(code, _decorated(source.tree))
        self.constants = set(words.texts_of(code))
        self._lambdas: dict[int, str] = {}
        if not piece.expression:
            for statement in source.tree.body:
                self._hash_functions(source, statement)

    def _hash_functions(self, source: Source, statement: ast.stmt) -> None:
        for node in ast.walk(statement):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                line = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                self.hashes[node.name, line] = short_hash(source.tokens([node]))
        for node in ast.walk(statement):
            if isinstance(node, ast.Lambda):  # several may stand on one line
                before = self._lambdas.get(node.lineno, "")
                whole = short_hash([before, *source.tokens([statement])])
                self._lambdas[node.lineno] = self.hashes["<lambda>", node.lineno] = whole

    def _code_hash(self, code: types.CodeType) -> str:
        known = self.hashes.get((code.co_name, code.co_firstlineno))
        if known and code.co_filename == self.path:
            return known
        return short_hash([code.co_code.hex(), *map(str, code.co_names)])

    def _loaded(self, module: types.ModuleType) -> None:
        """A followed module has been imported: as it is now is what others compare with."""
        name = types.ModuleType.__getattribute__(module, "__name__")
        values = self._values(module)
        self.before.modules[name] = values
        graph = self.before.graph
        if graph is not None:
            fresh = self._graph()
            fresh.walk(values.values())
            fresh.end()
            # What one that is imported later does to others is told from how they were.
            graph.nodes = {**fresh.nodes, **graph.nodes}

    # After

    def end(self, finished: bool, given: Trace | None = None) -> Trace:
        """A cell has run, or raised what it was to raise.

        What it left is known by the hashes of a `given` trace, if that still held: code that reads
        what it read gives what it gave, be it not in every bit.
        """
        self.functions.watching = self.outside.listening = False
        entered = self.functions.taken() - {""}
        now = self._look(self._touched(entered))
        with _without_collection():
            maker = Maker(self, now, entered, finished)
            trace = maker.trace()
        self.versions.update((given or trace).leaves)
        self.before = now
        return trace

    # Values that are kept

    def adopted(self, given: Trace, left: Mapping[str, str]) -> bool:
        """Whether what a cell left, and the namespace has now, is by these hashes what it was.

        If it is, the cell has ended, as if it had run and had the given trace.
        """
        self.functions.watching = self.outside.listening = False
        self.functions.taken()
        now = self._look({thing.partition(" ")[2] for thing in given.leaves})
        with _without_collection():
            orders = dict(self.orders)
            versions = Maker(self, now, set(), True).versions_of(given)
        if versions != left:
            self.orders = orders
            return False
        self.versions.update(given.leaves)
        self.loaded.update(given.loads)
        self.before = now
        return True

    def shared(self, names: Collection[str]) -> dict[int, tuple[str, int]]:
        """By its id, each object that others than these names hold: which one, at what place."""
        return {
            key: (thing.partition(" ")[2], place)
            for thing, order in self.orders.items()
            if thing.startswith("lesson ") and thing.partition(" ")[2] not in names
            for key, place in order.items()
            if isinstance(key, int)
        }

    def of_packages(self) -> frozenset[int]:
        """The ids of all that the followed packages hold themselves."""
        nodes = self.settled.nodes if self.settled else {}
        return frozenset(key for key in nodes if isinstance(key, int))

    def at(self, name: str, place: int) -> Any:
        """The object at some place of what a name stands for."""
        graph = self._graph()
        graph.met = []
        graph.walk([self.namespace[name]])
        key = next(
            key for key, at in graph.order(key_of(self.namespace[name]))[1].items() if at == place
        )
        return next(one for one in graph.met if key_of(one) == key)

    def _touched(self, entered: Collection[str]) -> set[str]:
        """The lesson's names that the cell that ran can have had to do with."""
        found = {*self.names.used, *self.names.bound}
        anything = self.names.anything
        for code in (one for function in entered for one in self.lesson.get(function, ())):
            found |= words.globals_of(code)
            anything = anything or words.reads_anything(code)
        unsure = self.outside.unseen or anything or threading.active_count() > 2
        return set(self._names()) if unsure else found

    def _look(self, touched: Collection[str] = ()) -> Seen:
        """Everything as it is now; memory behind names that were not touched is as it was."""
        names = self._names()
        modules = {name: self._values(module) for name, module in self._followed_modules().items()}
        with _without_collection():
            graph = self._walked(names, modules, touched)
        return Seen(
            names,
            modules,
            graph,
            self.process.parts(),
            self.files.now(),
            pipes=self.process.has_pipes(),
        )

    def _walked(
        self,
        names: Mapping[str, Any],
        modules: Mapping[str, Mapping[str, Any]],
        touched: Collection[str],
    ) -> Graph:
        graph = self._graph()
        of_modules = [value for values in modules.values() for value in values.values()]
        if not (self.settled and self.settled.holds(of_modules, self._graph())):
            self.settled = Settled(self._graph(), of_modules)
        self.settled.enter(graph)
        for values in self.attributes.put.values():
            graph.walk(values.values())
        for seen in (names, self.before.names):
            graph.walk(seen[name] for name in touched if name in seen)
        if self.before.graph:
            graph.known = self.before.graph.nodes
        graph.walk(names.values())
        graph.end()
        return graph

    def _graph(self) -> Graph:
        fixed = self.fixed.union(map(id, self.functions.marks))
        return Graph(self._is_ours, self._code_hash, fixed=fixed)

    def _names(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in self.namespace.items()
            if name != "__builtins__" and self.given.get(name, self) is not value
        }

    def _values(self, module: types.ModuleType) -> dict[str, Any]:
        values = types.ModuleType.__getattribute__(module, "__dict__")
        return {
            name: value
            for name, value in values.items()
            if not (name.startswith("__") and name.endswith("__"))
            and name not in HIDDEN
            and not isinstance(value, types.ModuleType)
        }

    def _followed_modules(self) -> dict[str, types.ModuleType]:
        found = {name: sys.modules.get(name) for name in self.functions.at_import}
        return {name: one for name, one in found.items() if isinstance(one, types.ModuleType)}

    def other_modules(self) -> dict[str, types.ModuleType]:
        """Those that the lesson has names for, and others with what it has put into them."""
        found = {"builtins": sys.modules["builtins"]}
        values = [*self.namespace.values(), *map(sys.modules.get, self.attributes.put)]
        values += map(sys.modules.get, self.names.words)
        for value in values:
            if isinstance(value, types.ModuleType) and not self.program.owns(value.__name__):
                found[value.__name__] = value
                inner = map(vars(value).get, self.names.words)
                found.update({x.__name__: x for x in inner if isinstance(x, types.ModuleType)})
        return {n: one for n, one in found.items() if not self._is_ours(n)}

    def changed_files(self, stamps: Stamps) -> dict[str, str]:
        """A hash of each file that is not as it was when the lesson began."""
        first = self.found.stamps
        paths = [one for one in stamps.keys() | first.keys() if stamps.get(one) != first.get(one)]
        return {self._shown(path): file_hash(path) for path in map(Path, paths)}

    def _shown(self, path: Path) -> str:
        if path.is_relative_to(self.files.temporary):
            parts = path.relative_to(self.files.temporary).parts
            return "/".join(["~", *("tmp" if one.startswith("tmp") else one for one in parts)])
        return path.relative_to(self.root).as_posix()


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Looking at everything makes much that is small, and nothing that has to be collected."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _decorated(tree: ast.Module) -> frozenset[str]:
    """The functions in a cell that a decorator may call at once."""
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list
    )
