"""What calls of the library, and imports of it, may leave behind for others to see."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sitegen.record.fingerprint.frozen import frozen_class, is_value_class, result_class
from sitegen.record.fingerprint.modules import Key, Module
from sitegen.record.fingerprint.scope import Survey, nested
from sitegen.record.fingerprint.values import (
    changeable_attributes,
    changes_when_read,
    has_hooks,
    is_flat,
    is_value,
    keeps_state,
)
from sitegen.record.fingerprint.vocabulary import (
    DYNAMIC,
    KEPT,
    LOOKUPS,
    MAKERS_OF_VALUES,
    changes_what_is_kept,
    leaves_traces,
)

if TYPE_CHECKING:
    from sitegen.record.fingerprint.library import Library

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Impact:
    """What running code may leave behind."""

    states: frozenset[Key] = frozenset()
    """The symbols that may be others afterwards."""
    world: bool = False
    """Whether the state of the process or of another library may be another afterwards."""


class States:
    """Which symbols of a library can change, and which code changes them."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._effects: dict[str, list[ast.stmt]] = {}
        self._impacts: dict[Key, Impact] = {}
        self._stateful: dict[Key, bool] = {}

    # Symbols

    def can_change(self, key: Key) -> bool:
        """Whether a symbol can come to mean something else while a lesson runs."""
        if key not in self._stateful:
            self._stateful[key] = True  # for symbols that are defined by each other
            self._stateful[key] = self._can_change(key)
        return self._stateful[key]

    def _can_change(self, key: Key) -> bool:
        module = self.library.module(key.module)
        if not key.name or module is None or key.name not in module.code:
            return False
        scope = _ModuleScope(self.library, module)
        match module.code[key.name]:
            case [ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() as node]:
                return node.name != key.name or keeps_state(node, self.library.survey(key), scope)
            case [ast.Assign(targets=[ast.Name()], value=value) | ast.AnnAssign(value=value)]:
                return not is_value(value, scope)
            case [ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values))]:
                bound = [name.id if isinstance(name, ast.Name) else "" for name in names]
                if key.name in bound and len(names) == len(values):
                    return not is_value(values[bound.index(key.name)], scope)
        return True

    def is_code(self, key: Key) -> bool:
        """Whether a symbol is a function or class, or may be one."""
        return any(
            isinstance(node, FUNCTIONS | ast.ClassDef)
            for node in nested(self.library.statements(key))
        )

    def is_value(self, key: Key) -> bool:
        """Whether a symbol is a constant that nobody can change."""
        return not self.can_change(key) and not self.is_code(key)

    def is_flat(self, key: Key) -> bool:
        """Whether a symbol is a constant list, set or dict of values."""
        module = self.library.module(key.module)
        match module.code.get(key.name) if module else None:
            case [ast.Assign(targets=[ast.Name()], value=value) | ast.AnnAssign(value=value)]:
                assert module is not None
                return value is not None and is_flat(value, _ModuleScope(self.library, module))
        return False

    def is_hooked(self, key: Key) -> bool:
        """Whether making a subclass of a class runs code of the library."""
        queue, seen = [key], set[Key]()
        while queue:
            current = queue.pop()
            module = self.library.module(current.module)
            if current in seen or module is None or not current.name:
                continue
            seen.add(current)
            statements = self.library.statements(current)
            if any(isinstance(node, ast.ClassDef) and has_hooks(node) for node in statements):
                return True
            for chain in self.library.survey(current).bases:
                queue.extend(self.library.keys_of(module, chain))
        return False

    def changes_when_read(self, keys: Iterable[Key]) -> bool:
        """Whether among symbols is a class whose instances may change when they are read."""
        return any(
            changes_when_read(node)
            for key in keys
            if key.name
            for node in nested(self.library.statements(key))
        )

    def changeable_attributes(self, keys: Iterable[Key]) -> set[str]:
        """As `values.changeable_attributes`, of the classes among symbols."""
        return changeable_attributes(
            node for key in keys if key.name for node in self.library.statements(key)
        )

    # Calls

    def impact(self, keys: Collection[Key]) -> Impact:
        """What calls of some symbols, and of all that they reach, may leave behind."""
        states: set[Key] = set()
        world = False
        for key in keys:
            if key not in self._impacts:
                self._impacts[key] = self._impact(key)
            states |= self._impacts[key].states
            world |= self._impacts[key].world
        return Impact(frozenset(states), world)

    def _impact(self, key: Key) -> Impact:
        states: set[Key] = set()
        world = False
        for reached in self.library.closure([key]):
            module = self.library.module(reached.module)
            if module is None or not reached.name or not self.is_code(reached):
                continue
            states |= self._changed_by(reached)
            found = self.library.survey(reached).with_late()
            world |= self._changes_world(module, found) or bool(found.words & DYNAMIC)
        queue = list(states)
        while queue:  # what a state was built from may be held by it
            shared = self._changed_by(queue.pop()) - states
            states |= shared
            queue.extend(shared)
        return Impact(frozenset(states), world)

    def _changed_by(self, key: Key) -> set[Key]:
        """The symbols that the code of one symbol may change, itself included."""
        module = self.library.module(key.module)
        if module is None:
            return set()
        found = self.library.survey(key).with_late()
        states = {
            target
            for chain in found.touched | found.stores | found.called | found.rebinds
            for target in self.library.keys_of(module, chain)
            if self.can_change(target) and not self._only_looks(chain, target)
        }
        for chain in found.elements:
            targets = self.library.keys_of(module, chain)
            states |= {t for t in targets if self.can_change(t) and not self.is_flat(t)}
        if self.can_change(key) and self.is_code(key):
            states.add(key)
        return states

    def _only_looks(self, chain: str, key: Key) -> bool:
        """Whether a chain is a method that looks something up in a constant container."""
        owner, _, method = chain.rpartition(".")
        return bool(owner) and method in LOOKUPS and self.is_flat(key)

    def _changes_world(self, module: Module, found: Survey) -> bool:
        return found.writes_files or any(
            [
                *(path in KEPT for chain in found.touched for path in self.paths(module, chain)),
                *(self._acts_outside(module, chain) for chain in found.acts),
                *(self._changes_outside(module, chain) for chain in found.called),
                *(self._is_outside(module, chain) for chain in found.stores),
            ]
        )

    def _acts_outside(self, module: Module, chain: str) -> bool:
        paths = self.paths(module, chain)
        return any(not self.library.owns(path) and leaves_traces(path) for path in paths)

    def _changes_outside(self, module: Module, chain: str) -> bool:
        paths = self.paths(module, chain)
        return any(not self.library.owns(path) and changes_what_is_kept(path) for path in paths)

    def _is_outside(self, module: Module, chain: str) -> bool:
        """Whether assigning to an attribute or item of it changes a module, or what is in one."""
        return any(
            not self.library.owns(path)
            or self.library.module(path) is not None
            or self.library.module(path.rpartition(".")[0]) is None
            for path in self.paths(module, chain)
        )

    def paths(self, module: Module, chain: str) -> list[str]:
        """The full names that a chain of names in a module may stand for."""
        if chain.startswith("@"):
            return [chain[1:]]
        root, dot, rest = chain.partition(".")
        return [f"{path}{dot}{rest}" for path in module.targets.get(root, ())]

    # Imports

    def effects(self, module: Module) -> list[ast.stmt]:
        """What importing a module runs that others may notice.

        So do definitions if what they call, decorators and hooks of bases included, changes
        something in the library.
        """
        if module.name not in self._effects:
            found = list(module.effects)
            for name, statements in module.code.items():
                for statement in statements:
                    if statement not in found and self._acts(module, name, statement):
                        found.append(statement)
            self._effects[module.name] = sorted(found, key=lambda statement: statement.lineno)
        return self._effects[module.name]

    def _acts(self, module: Module, name: str, statement: ast.stmt) -> bool:
        if isinstance(statement, FUNCTIONS) and not statement.decorator_list:
            return False
        found = self.library.survey(Key(module.name, name))
        if any(self._acts_outside(module, chain) for chain in found.acts):
            return True
        if any(self._changes_outside(module, chain) for chain in found.called):
            return True
        keys_of = self.library.keys_of
        called = {key for chain in found.called for key in keys_of(module, chain)}
        bases = {key for chain in found.bases for key in keys_of(module, chain)}
        return any(self._may_act(key, set()) for key in called) or any(map(self.is_hooked, bases))

    def _may_act(self, key: Key, seen: set[Key]) -> bool:
        """Whether a call of a symbol may change another symbol, or the world."""
        module = self.library.module(key.module)
        if key in seen or module is None or key.name not in module.code:
            return False
        seen.add(key)
        found = self.library.survey(key).with_late()
        return (
            self._changes_world(module, found)
            or bool(self._changed_by(key))
            or any(self._may_act(edge, seen) for edge in self.library.edges(key))
        )

    def import_acts(self, keys: Iterable[Key]) -> bool:
        """Whether importing modules changes more than what is bound by it."""
        for key in keys:
            module = self.library.module(key.module)
            if module is None or not self.library.statements(key):
                continue
            found = self.library.survey(key).with_late()
            if self._changed_by(key) or self._changes_world(module, found):
                return True
            if self.impact(self.library.edges(key)) != Impact():
                return True
        return False


@dataclass(frozen=True)
class _ModuleScope:
    """The top level of a module, for `values`."""

    library: Library
    module: Module

    @property
    def shadowed(self) -> Collection[str]:
        return self.module.hiding

    def is_value(self, chain: str) -> bool:
        keys = self.library.keys_of(self.module, chain)
        return bool(keys) and all(map(self.library.states.is_value, keys))

    def is_flat(self, chain: str) -> bool:
        keys = self.library.keys_of(self.module, chain)
        return bool(keys) and all(map(self.library.states.is_flat, keys))

    def makes_value(self, chain: str, of_values: bool) -> bool:
        if not of_values:
            return False
        if frozen_class(self.library, self.library.keys_of(self.module, chain)):
            return True
        paths = self.library.states.paths(self.module, chain) or [f"{self.module.name}.{chain}"]
        made = result_class(self.library, paths[0]) if len(paths) == 1 else None
        makes = len(paths) == 1 and paths[0] in MAKERS_OF_VALUES
        return makes or (made is not None and is_value_class(self.library, made))
