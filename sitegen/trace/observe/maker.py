"""Puts together the trace of a cell from what was seen before, while and after it ran."""

from __future__ import annotations

import builtins
import os
import sys
import threading
import types
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from sitegen.parse.tokens import short_hash
from sitegen.trace.observe import names as words
from sitegen.trace.observe.entered import HIDDEN, monitoring
from sitegen.trace.observe.graph import Graph, key_of
from sitegen.trace.observe.nodes import Key, Text
from sitegen.trace.observe.seen import CELL, Seen
from sitegen.trace.program import ABSENT, NOTHING, Name
from sitegen.trace.trace import COMES_FROM, DEFINES, Trace
from sitegen.trace.verify import ALL_NAMES, INITIAL, Surroundings, either, names_hash

if TYPE_CHECKING:
    from sitegen.trace.observe.observer import Observer


class Maker:
    """Of one cell, given the lesson as it is now, and what was entered."""

    def __init__(self, observer: Observer, now: Seen, entered: set[str], finished: bool) -> None:
        self.observer = observer
        self.before = observer.before
        self.now = now
        self.entered = entered
        self.finished = finished
        self.names = observer.names
        self.program = observer.program
        assert self.before.graph
        assert now.graph
        self.old: Graph = self.before.graph
        self.new: Graph = now.graph
        self.unseen = set(observer.outside.unseen)
        self.things: set[str] = set()
        """What was read of the followed packages, and outside."""
        self.read: set[str] = set()
        """The lesson's names that were read as they were before."""
        self.words: set[str] = set(observer.names.words)
        self.anything = observer.names.anything
        """Whether any name of the lesson may have been read."""
        self.stored: set[str] = set(observer.names.stored)
        """The attributes that something may have been bound to."""
        self.texts = set(observer.constants)
        """All strings in code that ran."""
        self.asked: set[Name] = set()
        """The names of followed modules that were used."""
        self.rebinds: set[str] = set()
        """The lesson's names that functions of it may have bound."""

    def trace(self) -> Trace:
        self._follow()
        binds, changes = self._effects(self._dirty())
        self._outside()
        reads = self._reads()
        versions = self._versions(binds, changes, Trace(reads).digest)
        process = self._process_changes()
        return Trace(
            reads=reads,
            loads=self.loads,
            binds={thing: versions[thing] for thing in sorted(binds)},
            changes={**{thing: versions[thing] for thing in sorted(changes)}, **process},
            unseen=tuple(sorted(self.unseen)),
        )

    # What was read

    def _follow(self) -> None:
        """Go from the names in the code to functions, to the names in those, and so on."""
        observer = self.observer
        for function in self.entered - observer.lesson.keys():
            module, name = self.program.split(function)
            self.asked.update(self.program.mentioned(module, name))
            if text := self.program.text(module):
                self.words |= text.words(name)
                self.texts |= text.texts(name)
                self.stored |= text.stored(name)
                if text.reads_by_name(name):
                    self._ask_all(module)
        for path in observer.functions.names:
            module, _, name = path.rpartition(".")
            if name in ("*", "__all__", "__doc__"):
                self._ask_all(module)
                if name == "__doc__":
                    self.things.add(f"text {module}")
            else:
                self.asked.add((module, name))
        self.read = set(self.names.read)
        used = set(self.names.used)
        for module, name in observer.outside.looked_up:
            if module == "__main__":
                self.read.add(name)
            elif self.program.owns(module):
                self.asked.add((module, name.partition(".")[0]))
        for function in self.entered & self.observer.lesson.keys():
            # Whoever let it run may have found it by its name, and nobody told.
            _, _, path = function.removeprefix(CELL).partition(" ")
            self.read |= {path.partition(".")[0]} & self.before.names.keys()
        for code in self._entered_codes():
            found = words.globals_of(code)
            self.words |= words.words_of(code)
            self.anything = self.anything or words.reads_anything(code)
            self.stored |= words.attributes_of(code)
            self.texts |= set(words.texts_of(code))
            self.read |= found
            used |= found
            self.rebinds |= words.stored_of(code)
        if not self.words.isdisjoint(words.ANYTHING):
            self.anything = True
            for module in self.now.modules:
                self._ask_all(module)
        roots = [*self._roots(self.read, used), *self._of_modules(self.asked)]
        self.reached = self.old.reached(roots) | self.new.reached(roots)
        for key in self.reached & self.old.functions.keys():
            self._goes_on(self.old.functions[key])
        for graph in (self.old, self.new):
            for key in self.reached & graph.definitions.keys():
                module, name = self.program.split(graph.definitions[key])
                top = name.partition(".")[0]
                if top in self.now.modules.get(module, ()):
                    self.asked.add((module, top))

    def _entered_codes(self) -> Iterable[types.CodeType]:
        for function in self.entered:
            yield from self.observer.lesson.get(function, ())

    def _goes_on(self, code: types.CodeType) -> None:
        """A generator without a name may have gone on: nobody tells of that."""
        if code.co_filename == self.observer.path:
            self.read |= words.globals_of(code)

    def _roots(self, read: Iterable[str], used: Iterable[str]) -> Iterable[Key]:
        yield from (key_of(self.before.names[one]) for one in read if one in self.before.names)
        yield from (key_of(self.now.names[one]) for one in used if one in self.now.names)
        for put in self.observer.attributes.put.values():
            yield from map(key_of, put.values())

    def _of_modules(self, names: Iterable[Name]) -> Iterable[Key]:
        for module, name in names:
            for seen in (self.before, self.now):
                values = seen.modules.get(module, {})
                if name in values:
                    yield key_of(values[name])

    def _outside(self) -> None:
        observer, outside = self.observer, self.observer.outside
        self.loads = tuple(sorted(self.now.modules.keys() - observer.loaded))
        observer.loaded.update(self.loads)
        for module in self.loads:
            if self.program.hash(f"import {module}") != NOTHING:
                self.things.add(f"import {module}")
            at_import = observer.functions.at_import.get(module, ())
            self.things.update(map(self._entry, at_import))
        for function in self.entered - self.observer.lesson.keys():
            self.things.add(self._entry(function))
        for module, name in self.asked:
            text = self.program.text(module)
            if name and text and not self.program.text(f"{module}.{name}"):
                if not self.program.is_foreign((module, name)):
                    self.things.add(f"name {module}.{name}")
                for one in self.program.makers([(module, name)]):
                    if not one.binds_only:
                        at_import = observer.functions.at_import.get(one.module, ())
                        self.things.update(map(self._entry, at_import))
        for place in self.constants():
            if os.path.isfile(observer.root / place):
                outside.looked_at(observer.root / place, "file")
        self.things |= outside.things | outside.of_imports
        self.things |= {f"environment {name}" for name in outside.copied & self.texts}
        outside.variables |= outside.taken & self.texts
        self.things -= {thing for thing in self.things if outside.of_none(thing)}
        self._texts()
        if threading.active_count() > self.before.threads:
            self.unseen.add("a thread that goes on")
        if self.now.pipes or self.before.pipes:
            self.unseen.add("an open pipe or socket")
        if monitoring and self._is_compiled():
            self.unseen.add("code that was compiled")
            for function in self.program.closure(self.entered - self.observer.lesson.keys()):
                self.things.add(f"function {function}")
        by_another_name = any(self.before.names.get(one) is builtins for one in self.read)
        in_a_text = any("__main__" in one for one in observer.constants)
        if self.anything or by_another_name or in_a_text:
            self.read |= set(self.before.names)
            self.things.add(ALL_NAMES)

    def _ask_all(self, module: str) -> None:
        """Any name of a module may have been read."""
        self.things.add(f"names {module}")
        self.asked.update((module, name) for name in self.now.modules.get(module, ()))

    def _entry(self, function: str) -> str:
        """What was entered: a function, or one without a name in code that runs on import."""
        module, name = self.program.split(function)
        text = self.program.text(module)
        if self.program.text(function) or not (text and name in text.functions):
            return f"module {function if self.program.text(function) else module}"
        return f"function {function}"

    def constants(self) -> set[str]:
        """Texts in reach of the cell that may name a file."""
        found = set(self.observer.constants)
        for name in self.read:
            value = self.before.names.get(name)
            if isinstance(value, str | os.PathLike):
                found.add(os.fspath(value))
        return {one for one in found if isinstance(one, str) and 0 < len(one) < 200}

    def _texts(self) -> None:
        observer = self.observer
        paths = {
            os.path.abspath(observer.root / text.path): name
            for name in self.now.modules
            if (text := self.program.text(name))
        }
        for filename in observer.outside.texts:
            if filename == observer.path:
                self.things.add("lines")
            elif module := paths.get(os.path.abspath(filename)):
                self.things.add(f"text {module}")
        in_a_text = any("lineno" in one for one in observer.constants)
        if in_a_text or self.words & words.LINES or self._uses(words.OF_LINES):
            self.things.add("line")
        if self.words & words.DOCS:
            self.things.add("lines")
            self.things |= {
                f"text {module}" for module, _ in self.asked if module in self.now.modules
            }

    def _uses(self, module: str) -> bool:
        """Whether a name that was read stands for a module, or for something of it."""
        values = [self.now.names.get(one) for one in self.names.used | self.read]
        return any(
            getattr(one, "__name__" if isinstance(one, types.ModuleType) else "__module__", "")
            == module
            for one in values
        )

    @staticmethod
    def _is_compiled() -> bool:
        dynamo: Any = sys.modules.get("torch._dynamo.utils")
        return bool(dynamo and dynamo.counters["frames"])

    def _reads(self) -> dict[str, str]:
        observer, own = self.observer, self.observer.piece.own
        environment = observer.outside.environment
        surroundings = Surroundings(self.program, observer.root, own, environment)
        if self.unseen - {"code that was compiled"}:
            self.things |= {"above", "packages"}
            self.things.add(ALL_NAMES)
            self.read |= set(self.before.names)
        self.things |= {"code", "profile"} & own.keys()
        reads = {
            thing: either(observer.outside.hashes.get(thing), str(surroundings.hash(thing)))
            for thing in self.things - {ALL_NAMES}
        }
        if ALL_NAMES in self.things:
            reads[ALL_NAMES] = names_hash(observer.versions)
        names = self.read - {"__builtins__", *HIDDEN}
        unbound = sorted(name for name in names if name not in self.before.names)
        for name in names & self.before.names.keys():
            reads[f"lesson {name}"] = observer.versions.get(f"lesson {name}", INITIAL)
        if unbound:
            reads[f"unbound {' '.join(unbound)}"] = "-"
        for thing, hash_ in observer.versions.items():
            kind, _, name = thing.partition(" ")
            if (kind == "process" and (name != "files" or self._looks_at_files())) or (
                kind == "state" and (self.program.split(name) in self.asked or self.unseen)
            ):
                reads[thing] = hash_
        return reads

    def _looks_at_files(self) -> bool:
        return self.observer.outside.touched_files or any("/" in one for one in self.constants())

    # What was left

    def _dirty(self) -> set[Key]:
        """The nodes that are not as they were."""
        old, new = self.old.nodes, self.new.nodes
        found = {key for key, node in new.items() if key in old and old[key] != node}
        found |= {key for key in self.reached & new.keys() if new[key].opaque}
        return found

    def _effects(self, dirty: set[Key]) -> tuple[set[str], set[str]]:
        """The things that were bound, and those that were changed."""
        reaching = self.new.reaching(dirty)
        binds, changes = set[str](), set[str]()
        bound = self.names.bound | self.rebinds
        before, now = self.before.names, self.now.names
        for name in before.keys() | now.keys():
            if (
                name not in now
                or name not in before
                or not _is_same(before[name], now[name])
                or name in bound
            ):
                binds.add(f"lesson {name}")
            elif key_of(now[name]) in reaching:
                # Its hash is that of the whole value, of which the cell changed a part.
                changes.add(f"lesson {name}")
                self.read.add(name)
        surely = self.names.surely if self.finished else frozenset()
        self.read |= {one for one in bound - surely if one in before}
        for module, values in self.now.modules.items():
            first = self.before.modules.get(module, {})
            for name in values.keys() | first.keys():
                thing = f"state {module}.{name}"
                if (
                    name not in values
                    or name not in first
                    or not _is_same(first[name], values[name])
                ):
                    if module in self.before.modules:
                        binds.add(thing)
                elif key_of(values[name]) in reaching:
                    changes.add(thing)
                    self.asked.add((module, name))
        return binds, changes

    def _process_changes(self) -> dict[str, str]:
        observer = self.observer
        was, now = self.before.process, self.now.process
        imported = bool(sys.modules.keys() - observer.modules_before)
        found = {
            part: now.get(part, INITIAL)
            for part in was.keys() | now.keys()
            if was.get(part) != now.get(part) and not (imported and self._is_of_an_import(part))
        }
        if self.before.files != self.now.files:
            files = sorted(observer.changed_files(self.now.files).items())
            found["files"] = short_hash(part for row in files for part in row)
        for module in self.loads:
            # What that did to other modules of ours is seen; what it did outside may not be.
            at_import = observer.functions.at_import.get(module, set())
            if self.program.acts_outside(module, at_import):
                things = [f"import {module}", *sorted(map(self._entry, at_import))]
                found[f"import of {module}"] = short_hash(map(self.program.hash, things))
        for module in observer.attributes.look(observer.other_modules(), self.words, self.stored):
            put = observer.attributes.put[module]
            self.new.walk(put.values())
            rows = [(name, self._order(value)[0]) for name, value in sorted(put.items())]
            found[f"attributes of {module}"] = short_hash(part for row in rows for part in row)
        return {f"process {part}": hash_ for part, hash_ in sorted(found.items())}

    def _is_of_an_import(self, part: str) -> bool:
        """Whether a library altered a part as it was imported, since no code here speaks of it."""
        stem = {"warnings": "warn", "logging": "logg", "environment": "env"}.get(part)
        return stem is not None and not any(stem in word for word in self.words)

    # Hashes of what was left

    def versions_of(self, given: Trace) -> dict[str, str]:
        """As things are now, the hash of each that a cell left then."""
        reached = {name: self.now.names[name] for name in self.now.names}
        self.reached = self.new.reached(map(key_of, reached.values()))
        versions = self._versions(given.binds, given.changes, given.digest)
        return {thing: versions[thing] for thing in given.leaves}

    def _versions(
        self, binds: Collection[str], changes: Collection[str], digest: str
    ) -> dict[str, str]:
        orders = self.observer.orders
        found: dict[str, str] = {}
        sure: dict[str, bool] = {}
        for thing in sorted([*binds, *changes]):
            value = self._value(thing)
            if value is _NONE:
                found[thing] = ABSENT
                orders.pop(thing, None)
                continue
            whole = thing.startswith("state ")
            found[thing], orders[thing], sure[thing] = self._order(value, whole)
        for thing, is_sure in sure.items():
            hash_ = short_hash([found[thing], *self._sharing(thing)])
            if not is_sure or (thing in changes and hash_ == self.observer.versions.get(thing)):
                prior = self.observer.versions.get(thing, INITIAL) if thing in changes else ""
                hash_ = COMES_FROM + short_hash([digest, thing, prior])
            elif isinstance(self._value(thing), _DEFINITIONS):
                hash_ = DEFINES + hash_
            found[thing] = hash_
        return found

    def _value(self, thing: str) -> Any:
        kind, _, name = thing.partition(" ")
        if kind == "lesson":
            return self.now.names.get(name, _NONE)
        module, _, attribute = name.rpartition(".")
        return self.now.modules.get(module, {}).get(attribute, _NONE)

    def _order(self, value: Any, silent: bool = True) -> tuple[str, dict[Key, int], bool]:
        holder = Graph.part(self.new, value) if type(value) in _PLAIN else key_of(value)
        if isinstance(holder, Text):
            return short_hash([type(value).__name__, holder]), {}, True
        return self.new.order(holder, silent)

    def _sharing(self, thing: str) -> list[str]:
        """What else holds the same objects, and which: two that are equal are not the same."""
        orders, nodes = self.observer.orders, self.new.nodes
        mine = orders[thing]
        data = {key for key in mine if key in nodes and nodes[key].data}
        found = []
        for other, order in sorted(orders.items()):
            shared = data & order.keys() if other != thing and data else ()
            if shared:
                pairs = sorted((mine[key], order[key]) for key in shared)
                found.append(f"{other} {pairs}")
        return found


_NONE = object()
_DEFINITIONS = (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType)
_PLAIN = {int, float, str, bytes, bool, type(None), complex, type(...), range, type(NotImplemented)}


def _is_same(one: Any, other: Any) -> bool:
    """Whether two names stand for one object, or for values that can't be told apart."""
    if type(one) in _PLAIN and type(one) is type(other):
        return repr(one) == repr(other)
    return key_of(one) == key_of(other)
