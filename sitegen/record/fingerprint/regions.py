"""What the names of a lesson stand for at some place in it, and who changed that."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sitegen.record.fingerprint.frozen import (
    field_class,
    frozen_class,
    is_value_class,
    result_class,
)
from sitegen.record.fingerprint.library import Library
from sitegen.record.fingerprint.modules import Key
from sitegen.record.fingerprint.scope import Survey


class Region:
    """Objects that may share with one another; regions that come to share are one from then on."""

    def __init__(self, static: bool = False, flat: bool = False) -> None:
        self.static = static
        """A function or class that calls leave as it is."""
        self.flat = flat
        """A fresh list, set or dict of values."""
        self.outside = False
        """Something that a library which is not followed may hold too."""
        self.writers: set[int] = set()
        """The units that may have changed something here."""
        self.late: list[Survey] = []
        """Code that may be run when something here is called."""
        self.held: set[Region] = set()
        """Static regions in use here."""
        self.symbols: set[Key] = set()
        """Symbols of the library in use here."""
        self.alone = True
        """Not joined with another so far."""
        self._parent: Region | None = None

    def whole(self) -> Region:
        """The region that this one is a part of by now."""
        region = self
        while region._parent is not None:
            region = region._parent
        return region

    def join(self, other: Region) -> None:
        """Become one with another region, but of a static one only take hold."""
        mine, theirs = self.whole(), other.whole()
        if mine is theirs:
            return
        if theirs.static:
            mine.held.add(theirs)
            return
        theirs._parent = mine
        mine.alone = mine.flat = False
        mine.outside |= theirs.outside
        mine.writers |= theirs.writers
        mine.late.extend(theirs.late)
        mine.held |= theirs.held
        mine.symbols |= theirs.symbols


@dataclass(frozen=True)
class Binding:
    """What a name stands for."""

    binders: frozenset[int]
    """The units that may have bound it."""
    region: Region | None = None
    """None for a value, which nobody can change, and for what is imported."""
    path: str = ""
    """Of what is imported: where it comes from."""
    frozen: Key | None = None
    """The frozen dataclass that it is an instance of, where that is sure."""


@dataclass
class State:
    """The names of a lesson after some of its units; the scope that `values` asks."""

    library: Library
    shadowed: Collection[str]
    """The names that hide builtins, and the attributes that are no values here."""
    reads_change: bool
    """Whether to take objects for changed when they are only read."""

    def __post_init__(self) -> None:
        self.names: dict[str, Binding] = {}
        self.symbols: dict[Key, Region] = {}
        """Those of the library that units may have changed."""
        self.world: set[int] = set()
        """The units that may have changed what no name stands for."""
        self.imported: set[Key] = set()
        """The modules whose import has had its effects."""
        self.modules: set[str] = set()
        """The names of what is a module for sure, of this library or another."""

    def binding(self, chain: str) -> Binding | None:
        """Of the name that a chain begins with."""
        return self.names.get(chain.partition(".")[0])

    def region(self, chain: str) -> Region | None:
        """What a chain of names may be part of, None for a value."""
        binding = self.binding(chain)
        if binding is None or binding.region is None or self.is_value(chain):
            return None
        return binding.region.whole()

    def symbol(self, key: Key) -> Region:
        """The region of a symbol of the library."""
        return self.symbols.setdefault(key, Region()).whole()

    def path(self, chain: str) -> str:
        """Where a chain leads that begins with something imported, else ''."""
        if chain.startswith("@"):
            return chain[1:]
        root, dot, rest = chain.partition(".")
        binding = self.names.get(root)
        return f"{binding.path}{dot}{rest}" if binding and binding.path else ""

    def keys(self, chain: str) -> frozenset[Key]:
        """The symbols of the library that a chain of names means."""
        path = self.path(chain)
        return self.library.resolve(path) if path else frozenset()

    def frozen(self, chain: str) -> Key | None:
        """The frozen dataclass that a chain of names is an instance of."""
        binding = self.binding(chain)
        found = binding.frozen if binding else None
        for name in chain.split(".")[1:]:
            found = field_class(self.library, found, name) if found else None
        return found

    def frozen_result(self, chain: str) -> Key | None:
        """The frozen dataclass that a call gives."""
        path = self.path(chain)
        return result_class(self.library, path) if self.library.owns(path) else None

    # For `values`

    def is_value(self, chain: str) -> bool:
        keys = self.keys(chain)
        if keys:
            return all(map(self.library.states.is_value, keys))
        binding = self.binding(chain)
        if binding is None or binding.path:
            return False
        frozen = self.frozen(chain)
        return binding.region is None or (
            frozen is not None and is_value_class(self.library, frozen)
        )

    def is_flat(self, chain: str) -> bool:
        keys = self.keys(chain)
        if keys:
            return all(map(self.library.states.is_flat, keys))
        binding = self.names.get(chain)
        return bool(binding and binding.region and binding.region.whole().flat)

    def makes_value(self, chain: str, of_values: bool) -> bool:
        if of_values and frozen_class(self.library, self.keys(chain)):
            return True
        frozen = self.frozen_result(chain)
        return frozen is not None and is_value_class(self.library, frozen)
