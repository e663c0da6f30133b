"""What followed packages hold, of which hardly anything ever changes: looked at without a walk.

All that a walk met is held on to with what it held itself, so that the same objects at the same
places are the same state. What has a state that this can't tell is looked at as in a walk.
"""

from __future__ import annotations

import collections
import types
from collections.abc import Iterable, Mapping
from typing import Any

from sitegen.trace.observe.graph import Graph, are_same, key_of, layout_of
from sitegen.trace.observe.nodes import Key, Node

Shape = tuple[Any, ...]
_SEQUENCES = (list, set, collections.deque)
_IMMUTABLE = (
    *(tuple, frozenset, types.ModuleType, types.CodeType, property, staticmethod, classmethod),
    *(types.BuiltinFunctionType, types.MethodType, types.WrapperDescriptorType),
    *(types.MethodDescriptorType, types.GetSetDescriptorType, types.MemberDescriptorType),
)


class Settled:
    """The nodes that some objects and all they hold had, for as long as these are the same."""

    def __init__(self, graph: Graph, roots: Iterable[Any]) -> None:
        """Walk from the roots in a graph without nodes."""
        self.roots = tuple(roots)
        graph.met = []
        graph.walk(self.roots)
        self.nodes: Mapping[Key, Node] = dict(graph.nodes)
        self.functions = dict(graph.functions)
        self.definitions = dict(graph.definitions)
        self._shapes: list[tuple[Any, Shape]] = []
        self._others: list[Any] = []
        for one in graph.met:
            shape = _shape(one)
            if shape is None:
                self._others.append(one)
            elif shape:
                self._shapes.append((one, shape))
        self._held = graph.met
        graph.met = None

    def holds(self, roots: Iterable[Any], probe: Graph) -> bool:
        """Whether these are the roots still, and nothing that they reach is another."""
        if not are_same(self.roots, tuple(roots)):
            return False
        for one, shape in self._shapes:
            now = _shape(one)
            if now is None or not are_same(shape, now):
                return False
        for one in self._others:
            if probe.node_of(one) != self.nodes[key_of(one)]:
                return False
        return all(self.nodes.get(key) == node for key, node in probe.nodes.items())

    def enter(self, graph: Graph) -> None:
        """Put the nodes into a graph."""
        graph.nodes.update(self.nodes)
        graph.functions.update(self.functions)
        graph.definitions.update(self.definitions)


def _shape(one: Any) -> Shape | None:
    """What an object holds; None if that is not all of its state."""
    kind = type(one)
    if kind is types.FunctionType:
        held = (one.__code__, one.__defaults__, one.__kwdefaults__)
        return (*held, *(one.__closure__ or ()), *vars(one), *vars(one).values())
    if kind is dict:
        return (kind, *one, *one.values())
    if kind in _SEQUENCES:
        return (kind, *one)
    if isinstance(one, _IMMUTABLE) and kind.__module__ == "builtins":
        return ()
    if isinstance(one, type):
        return (*vars(one), *vars(one).values(), *one.__bases__)
    if kind is types.CellType:
        try:
            return (one.cell_contents,)
        except ValueError:
            return (None, None)
    layout = layout_of(kind)  # type: ignore[arg-type]
    if layout.container or layout.built_in or isinstance(one, dict | BaseException):
        return None
    attributes = getattr(one, "__dict__", None)
    if type(attributes) not in (dict, type(None)):
        return None
    slots = [getattr(one, name, None) for name, _ in layout.slots]
    return (*slots, *(attributes or ()), *(attributes or {}).values(), kind)
