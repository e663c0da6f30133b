"""What the lesson puts into modules that are not followed."""

from __future__ import annotations

import types
from collections.abc import Collection, Mapping
from typing import Any

from sitegen.trace.observe.graph import are_same


class Attributes:
    """What modules that are not followed hold, to see what the lesson puts into them.

    What was there is held on to, so that what is there later can be told from it by identity.
    """

    def __init__(self) -> None:
        self._before: dict[str, dict[str, Any]] = {}
        self._inside: dict[str, Insides] = {}
        self.put: dict[str, dict[str, Any]] = {}
        """By module and name, what the lesson put there."""

    def note(self, modules: Mapping[str, types.ModuleType]) -> None:
        """Remember what these modules hold now."""
        self._before = {name: dict(vars(module)) for name, module in modules.items()}
        self._inside = {name: _insides(module) for name, module in modules.items()}

    def look(
        self,
        modules: Mapping[str, types.ModuleType],
        words: Collection[str],
        stored: Collection[str],
    ) -> set[str]:
        """The modules into which something was put since.

        That is what they hold under names that are among the words, and what is in their public
        containers and classes; there, what is a library's own counts only where the code that ran
        binds an attribute of that name, since libraries finish their classes as they are used.
        """
        found: set[str] = set()
        any_name = not _BY_NAME.isdisjoint(words)
        for name in modules.keys() & self._before.keys():
            before, now = self._before[name], vars(modules[name])
            for word in before.keys() | now.keys() if any_name else words:
                same = before.get(word, _NOTHING) is now.get(word, _NOTHING)
                if not same and not isinstance(now.get(word), types.ModuleType):
                    self.put.setdefault(name, {})[word] = now.get(word)
                    found.add(name)
            inside, was = _insides(modules[name]), self._inside[name]
            for holder in inside.keys() & was.keys():
                if not are_same(inside[holder], was[holder]):
                    held = now[holder]
                    put = _public(held) if isinstance(held, type) else held
                    if isinstance(held, type):
                        changed = _public_changes(was[holder], inside[holder])
                        named = any_name or not changed.keys().isdisjoint(stored)
                        if not named and all(_is_own(one, name) for one in changed.values()):
                            continue
                    self.put.setdefault(name, {})[holder] = put
                    found.add(name)
        return found


Insides = dict[str, tuple[Any, ...]]
"""By the name of a container or class, all that it holds; names before values."""


def _public(kind: type) -> dict[str, Any]:
    return {name: held for name, held in vars(kind).items() if not name.startswith("_")}


def _public_changes(before: tuple[Any, ...], now: tuple[Any, ...]) -> dict[str, Any]:
    """What a class holds by other names, or otherwise, than it did; but for what it keeps back."""
    was, is_ = (
        dict(zip(one[: len(one) // 2], one[len(one) // 2 :], strict=True)) for one in (before, now)
    )
    return {
        name: is_.get(name)
        for name in was.keys() | is_.keys()
        if not name.startswith("_") and was.get(name, _NOTHING) is not is_.get(name, _NOTHING)
    }


def _is_own(value: Any, module: str) -> bool:
    """Whether a function or class belongs to the same library as a module."""
    origin = getattr(value, "__module__", None) or ""
    return origin.partition(".")[0] == module.partition(".")[0]


def _insides(module: types.ModuleType) -> Insides:
    """What is in the public containers of a module, and in its own public classes.

    What libraries keep for themselves, such as results they found before, is not public.
    """
    found: Insides = {}
    package = module.__name__.partition(".")[0]
    for name, value in list(vars(module).items()):
        if name.startswith("_"):
            continue
        kind = type(value)
        if kind is list or kind is set:
            found[name] = tuple(value)
        elif kind is dict:
            found[name] = (*value, *value.values())
        elif isinstance(value, type) and value.__module__.partition(".")[0] == package:
            members = vars(value)
            found[name] = (*members, *members.values())
    return found


_NOTHING = object()
_BY_NAME = frozenset(("setattr", "delattr", "__setattr__", "__dict__", "vars"))
"""Words after which an attribute may be set whose name the code does not have."""
