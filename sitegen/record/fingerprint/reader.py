"""Goes through the units of a lesson in order, as a cautious reader would.

A name is bound to a region: the objects that it may share with other names. Where objects are
passed to the same call, or one is made from another, their regions become one; where one of
them may be changed, the unit is a writer of the region. A unit depends on the units that bound
the names it reads, on the writers of their regions, and on all that those depend on. Nothing is
missed, because whatever could be changed counts as changed; what that costs is an execution too
many, never an output that is stale.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from sitegen.parse.tokens import Source, bodies
from sitegen.record.fingerprint.modules import Key
from sitegen.record.fingerprint.regions import Binding, Region, State
from sitegen.record.fingerprint.scope import (
    Survey,
    bound_names,
    dotted,
    import_targets,
    imported_module,
    survey,
)
from sitegen.record.fingerprint.values import is_flat, is_value, keeps_state
from sitegen.record.fingerprint.vocabulary import (
    DYNAMIC,
    KEPT,
    KNOWN_NAMES,
    LOOKUPS,
    SHARED,
    changes_what_is_kept,
    leaves_traces,
)

Compound = ast.If | ast.Try | ast.With | ast.AsyncWith | ast.Match


class Reader:
    """Reads one unit: notes what it depends on, and leaves the state as it is after it."""

    def __init__(self, state: State, index: int) -> None:
        self.state = state
        self.library = state.library
        self.index = index
        self.needs: set[int] = set(state.world)
        """The units that this one depends on."""
        self.keys: set[Key] = set()
        """The symbols that it names, or that functions name which it uses."""
        self.imports: dict[str, str] = {}
        """Whether what it imports is there."""
        self.words: set[str] = set()
        self._bound: set[str] = set()
        """What the unit binds, in this piece or another."""
        self._reading: set[Region | str] = set()

    def read_piece(
        self, source: Source | None, statements: Sequence[ast.stmt], may_raise: bool
    ) -> None:
        """Go through some statements of a source; without one they are not Python."""
        if source is None:
            self.depend_on_all()
            return
        self._bound = bound_names(source.tree.body)
        for statement in statements:
            if statement is source.shown:
                self.spread(bound_names([statement]), *self.look([source.shown.value]))
            else:
                self.execute(statement, weak=may_raise)
        reached = self.library.closure(self.keys)
        if (self.words | self.library.telling_words(reached)) & DYNAMIC:
            self.depend_on_all()
        self.needs.discard(self.index)

    def depend_on_all(self) -> None:
        """Of code that may do anything to any name."""
        self.needs.update(range(self.index))
        self.keys |= self.library.everything
        self.state.world.add(self.index)

    # Statements

    def execute(self, node: ast.stmt, weak: bool) -> None:
        """Follow one statement; a weak one may not be come to."""
        match node:
            case ast.Import() | ast.ImportFrom():
                self.execute_import(node, weak)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self.define(node, weak)
            case ast.If() | ast.Try() | ast.With() | ast.AsyncWith() | ast.Match():
                self.execute_parts(node)
            case ast.Assign(targets=targets, value=value):
                self.assign(targets, value, *self.look([node]), weak)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self.assign([target], value, *self.look([node]), weak)
            case ast.AugAssign(target=ast.Name(id=name), value=value) if self.counts(node):
                self.look([node.target, value])
                binders = self.state.names[name].binders | {self.index}
                self.bind(name, Binding(binders), weak)
            case ast.For(target=target, iter=values) if self.is_of_values(values):
                for name in bound_names([target]) - bound_names(node.body):
                    self.bind(name, Binding(self.own), weak=True)
                self.execute_whole(node, bound_names(node.body))
            case ast.Delete(targets=targets):
                self.look([node])
                for name in bound_names(targets):
                    self.bind(name, Binding(self.own), weak)
            case _:
                self.execute_whole(node, bound_names([node]))

    @property
    def own(self) -> frozenset[int]:
        return frozenset([self.index])

    def counts(self, node: ast.AugAssign) -> bool:
        """Whether an assignment like `n += 1` makes one value of another."""
        return is_value(node.target, self.state) and is_value(node.value, self.state)

    def is_of_values(self, node: ast.expr) -> bool:
        return is_value(node, self.state) or is_flat(node, self.state)

    def execute_parts(self, node: Compound) -> None:
        """A statement whose parts come one after the other, if they are come to."""
        inside = [part for body in bodies(node) for part in body]
        for head in ast.iter_child_nodes(node):
            own: list[ast.AST] = [head]
            if isinstance(head, ast.ExceptHandler | ast.match_case):
                own = [p for p in ast.iter_child_nodes(head) if not isinstance(p, ast.stmt)]
                if isinstance(node, ast.Match):
                    own.append(node.subject)
            if not isinstance(head, ast.stmt):
                names = bound_names([head]) - bound_names(getattr(head, "body", ()))
                names |= bound_names(own)
                names |= {head.name or ""} if isinstance(head, ast.ExceptHandler) else set()
                self.spread(names, *self.look(own))
        for part in inside:
            self.execute(part, weak=True)

    def execute_whole(self, node: ast.stmt, names: set[str]) -> None:
        """A loop, or a statement that is one expression: all that it does, at once."""
        for part in ast.walk(node):
            if isinstance(part, ast.Import | ast.ImportFrom):
                self.execute_import(part, weak=True)
                names = names - import_targets(part).keys()
        found, touched = self.look([node])
        if names:
            self.spread(names, found, touched)
            # What the loop's own names are bound to may be touched in its next round.
            self.spread(names, *self.look([node]))

    def execute_import(self, node: ast.Import | ast.ImportFrom, weak: bool) -> None:
        base = f"{imported_module(node)}." if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            if self.library.owns(base + alias.name):
                self.import_from_library(base + alias.name)
        targets = import_targets(node)
        self.words.update([*targets, *targets.values()])
        if targets.pop("*", None):
            self.depend_on_all()
            targets = self.library.public_names(base[:-1])
        if isinstance(node, ast.Import):
            self.state.modules.update(targets.values())
        for name, path in targets.items():
            before = self.state.names.get(name)
            if before and before.path == path:
                self.state.names[name] = Binding(before.binders | self.own, path=path)
            else:
                self.bind(name, Binding(self.own, path=path), weak)

    def import_from_library(self, path: str) -> None:
        effects = self.library.imported(path)
        self.keys |= effects
        if self.library.states.import_acts(effects - self.state.imported):
            self.state.world.add(self.index)
        self.state.imported |= effects
        if not path.endswith("*"):
            self.imports[f"import {path}"] = "found" if self.library.exists(path) else "missing"

    def define(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, weak: bool
    ) -> None:
        found, touched = self.look([node])
        region = Region()
        self.take(region, found, touched)
        region = region.whole()
        region.static = region.alone and not keeps_state(node, found, self.state)
        self.bind(node.name, Binding(self.own, region), weak)

    def assign(
        self,
        targets: Sequence[ast.expr],
        value: ast.expr,
        found: Survey,
        touched: Region | None,
        weak: bool,
    ) -> None:
        """Bind the names among targets to one value, or to what it is unpacked to."""
        binding = self.evaluate(value, found, touched)
        if not all(isinstance(target, ast.Name) for target in targets):
            region = None
            if not is_value(value, self.state):
                region = binding.region or Region()
                self.take(region, found, touched)
            binding = Binding(self.own, region)
        self.spread(bound_names([value]), found, touched)
        for name in bound_names(targets):
            self.bind(name, binding, weak)

    def evaluate(self, value: ast.expr, found: Survey, touched: Region | None) -> Binding:
        """What a name stands for after it is assigned a value."""
        state, alias = self.state, dotted(value)
        if alias and state.path(alias):
            return Binding(self.own, path=state.path(alias))
        if alias and alias in state.names:
            return replace(state.names[alias], binders=state.names[alias].binders | self.own)
        called = dotted(value.func) if isinstance(value, ast.Call) else None
        frozen = state.frozen(alias) if alias else state.frozen_result(called) if called else None
        if is_value(value, state):
            return Binding(self.own, frozen=frozen)
        region, flat = Region(), is_flat(value, state)
        self.take(region, found, touched)
        region = region.whole()
        region.flat = flat
        path = state.path(called) if called else ""
        region.outside |= path.rpartition(".")[2] in SHARED and not self.library.owns(path)
        return Binding(self.own, region, frozen=frozen)

    # Names and regions

    def bind(self, name: str, binding: Binding, weak: bool) -> None:
        before = self.state.names.get(name)
        if weak and before is not None:
            binding = self.either(before, binding)
        self.state.names[name] = binding

    def either(self, first: Binding, second: Binding) -> Binding:
        """What a name stands for that may be bound to one thing or another."""
        region = first.region.whole() if first.region else None
        if region is None and (second.region or second.path != first.path):
            region = Region()
        if region and second.region:
            if region.static:
                outer = Region()
                outer.join(region)
                region.static = second.region.whole().static = False
                region = outer
            region.join(second.region)
            region = region.whole()
        if region:
            region.symbols |= self.library.resolve(second.path)
        return Binding(
            first.binders | second.binders,
            region,
            first.path or second.path,
            first.frozen if first.frozen == second.frozen else None,
        )

    def spread(self, names: Collection[str], found: Survey, touched: Region | None) -> None:
        """Bind names to whatever the values of some code may share with."""
        if not names:
            return
        region = Region()
        self.take(region, found, touched)
        for name in names:
            self.bind(name, Binding(self.own, region.whole()), weak=True)

    def take(self, region: Region, found: Survey, touched: Region | None) -> None:
        """Let a region share with all that the values of some code may share with."""
        if touched:
            region.whole().join(touched)
        harmless = self.harmless(found)
        for chain in (found.called | found.bases) - harmless:
            self.hold(region.whole(), chain)
        for chain in found.flows | found.elements - harmless:
            if not self.state.is_value(chain):
                self.release(chain)
                self.hold(region.whole(), chain)
        region.whole().late.extend(found.late)
        for chain in found.classes:
            self.release_classes(chain)

    def hold(self, region: Region, chain: str) -> None:
        """Let a region share with what a chain of names stands for."""
        keys = self.state.keys(chain)
        region.symbols |= keys
        for key in self.library.states.impact(keys).states | keys & self.state.symbols.keys():
            region.whole().join(self.state.symbol(key))
        binding = self.state.binding(chain)
        if binding and binding.frozen:
            region.whole().symbols.add(binding.frozen)
        shared = self.state.region(chain)
        if shared:
            region.whole().join(shared)

    def release(self, chain: str) -> None:
        """Take a function or class that is passed on as a value for something to be changed."""
        for key in self.state.keys(chain):
            self.release_symbol(key)
        region = self.state.region(chain)
        if region:
            region.static = False

    def release_classes(self, chain: str) -> None:
        """Take the classes of an object for something to be changed."""
        region = self.state.region(chain)
        for held in region.held if region else ():
            held.whole().static = False
        for key in region.symbols if region else ():
            self.release_symbol(key)

    def release_symbol(self, key: Key) -> None:
        if key.name and not self.library.states.is_value(key):
            self.state.symbol(key)

    # What is read

    def look(self, nodes: Sequence[ast.AST]) -> tuple[Survey, Region | None]:
        """Read and touch what some code names; with it comes what was touched."""
        found = survey(nodes, self.state.shadowed)
        for name in bound_names(nodes) | found.class_names:
            if name not in self.state.names and name not in vars(builtins):
                self.bind(name, Binding(frozenset()), weak=False)
        self.read_all(found)
        return found, self.touch(found)

    def read_all(self, found: Survey) -> None:
        self.words |= found.words
        for late in found.late:
            self.words |= late.words
            for chain in late.reads:
                self.keys |= self.state.keys(chain)
        for chain in found.reads:
            self.read(chain)

    def read(self, chain: str) -> None:
        """Depend on what a chain of names stands for."""
        root = chain.partition(".")[0]
        binding = self.state.names.get(root)
        bound_later = root in self.state.shadowed
        if binding is None and not (
            bound_later or root.startswith("@") or root in KNOWN_NAMES or root in vars(builtins)
        ):
            self.depend_on_all()
        if root == "_" and "_" not in self._bound:  # the last value that was shown
            self.depend_on_all()
        self.words.add(self.state.path(chain))
        keys = self.state.keys(chain)
        self.keys |= keys
        self.read_symbols(keys)
        if binding is None:
            return
        self.needs |= binding.binders
        if binding.frozen:
            self.read_symbols({binding.frozen})
        if binding.region and chain not in self._reading:
            self._reading.add(chain)
            self.read_region(binding.region.whole())
            self._reading.discard(chain)

    def read_region(self, region: Region) -> None:
        if region in self._reading:
            return
        self._reading.add(region)
        self.needs |= region.writers
        self.read_symbols(region.symbols)
        for late in region.late:
            for chain in late.reads:
                self.read(chain)
        for held in region.held:
            self.read_region(held.whole())
        self._reading.discard(region)

    def read_symbols(self, keys: Iterable[Key]) -> None:
        if self.state.symbols:
            reached = self.library.closure(keys)
            for key in self.state.symbols.keys() & reached:
                self.needs |= self.state.symbol(key).writers

    # What is touched

    def touch(self, found: Survey) -> Region | None:
        """Let everything that some code may change be one region, written by this unit."""
        touched: set[Region] = set()
        self.expand(found, touched, set())
        whole = Region()
        for region in touched:
            whole.whole().join(region)
        whole = whole.whole()
        whole.writers.add(self.index)
        if whole.outside:
            self.state.world.add(self.index)
        return whole if touched else None

    def expand(self, found: Survey, touched: set[Region], seen: set[object]) -> None:
        """Collect what some code may change, with what the functions change that it calls."""
        if id(found) in seen:
            return
        seen.add(id(found))
        if found.writes_files or self.changes_world(found):
            self.state.world.add(self.index)
        changed = found.touched | found.stores
        if self.state.reads_change:
            changed |= found.reads
        for chain in changed:
            if not self.state.is_value(chain):
                self.release(chain)
        for chain in found.classes & (changed | found.called):
            self.release_classes(chain)
        for chain in changed | (found.elements | found.called) - self.harmless(found):
            self.expand_symbols(self.state.keys(chain), touched)
            self.expand_name(chain, touched, seen)
        for chain in found.bases:
            if any(map(self.library.states.is_hooked, self.state.keys(chain))):
                self.state.world.add(self.index)
            self.expand_name(chain, touched, seen)
        if found.rebinds:
            region = Region()
            self.take(region, found, None)
            for name in found.rebinds:
                self.bind(name, Binding(self.own, region.whole()), weak=True)
            touched.add(region.whole())

    def harmless(self, found: Survey) -> set[str]:
        """What code only gets numbers, strings and the like from."""
        looked_up = {
            chain
            for chain in found.called
            if chain.rpartition(".")[2] in LOOKUPS and self.state.is_flat(chain.rpartition(".")[0])
        }
        return looked_up | {chain for chain in found.elements if self.state.is_flat(chain)}

    def expand_name(self, chain: str, touched: set[Region], seen: set[object]) -> None:
        binding = self.state.binding(chain)
        if binding and binding.frozen:
            self.expand_symbols({binding.frozen}, touched)
        region = self.state.region(chain)
        if region:
            self.expand_region(region, touched, seen)

    def expand_region(self, region: Region, touched: set[Region], seen: set[object]) -> None:
        if region in seen:
            return
        seen.add(region)
        if not region.static:
            touched.add(region)
        self.expand_symbols(region.symbols, touched)
        for late in list(region.late):
            self.read_all(late)
            self.expand(late, touched, seen)
        for held in list(region.held):
            self.expand_region(held.whole(), touched, seen)

    def expand_symbols(self, keys: Iterable[Key], touched: set[Region]) -> None:
        keys = frozenset(keys)
        impact = self.library.states.impact(keys)
        for key in impact.states | keys & self.state.symbols.keys():
            touched.add(self.state.symbol(key))
        if impact.world:
            self.state.world.add(self.index)

    def changes_world(self, found: Survey) -> bool:
        """Whether code may change what other libraries keep, or what modules are."""
        acts = [path for path in map(self.state.path, found.acts) if path]
        called = [path for path in map(self.state.path, found.called) if path]
        stores = [path for path in map(self.state.path, found.stores) if path]
        owns = self.library.owns
        return (
            any(self.state.path(chain) in KEPT | self.state.modules for chain in found.touched)
            or any(not owns(path) and leaves_traces(path) for path in acts)
            or any(not owns(path) and changes_what_is_kept(path) for path in called)
            or any(not owns(path) or self.library.module(path) is not None for path in stores)
        )
