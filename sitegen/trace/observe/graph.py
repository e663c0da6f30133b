"""Objects as a graph of what they hold, so that a change anywhere in it is noticed.

A node has a head, which says what an object is by itself and is the same in every process, and
parts: the other objects that it holds, by key, and plain values as text. Nothing is kept alive.
"""

from __future__ import annotations

import collections
import contextlib
import contextvars
import copyreg
import functools
import gc
import io
import marshal
import operator
import struct
import sys
import types
import warnings
import weakref
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from sitegen.parse.tokens import short_hash
from sitegen.trace.observe import arrays
from sitegen.trace.observe.nodes import Key, Node, Text

_PLAIN = {int, float, str, bytes, bool, type(None), complex, type(...), range}
_COMMON = _PLAIN | {type(NotImplemented)}
_OPEN = (
    types.MethodType,
    types.BuiltinMethodType,
    types.CellType,
    types.MappingProxyType,
    property,
    staticmethod,
    classmethod,
)
"""All that objects of these types hold is what the garbage collector finds in them."""
_FIXED = (
    types.ModuleType,
    types.CodeType,
    types.FrameType,
    types.TracebackType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
)
_CACHED = type(functools.lru_cache(len))
_RUNNING = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)
_SIMPLE = {list, tuple, set, frozenset, dict, collections.deque, collections.OrderedDict}
_CONTAINERS: Collection[Any] = (list, tuple, set, frozenset)
_OF_CLASSES = frozenset(
    (
        *("__dict__", "__weakref__", "__doc__", "__module__", "__slotnames__", "__qualname__"),
        *("__abstractmethods__", "_abc_impl", "__firstlineno__", "__static_attributes__"),
        *("__annotations__", "__annotate__"),
    )
)
"""What a class holds that says nothing, or that the interpreter adds by itself."""
LONG = 64
"""From that length on, values stand for themselves by a hash."""
POINTER = struct.calcsize("P")


@dataclass
class Graph:
    """What is reached from some objects, at one moment."""

    followed: Callable[[str], bool]
    """Whether a module is the lesson, or belongs to a followed package."""
    code_hash: Callable[[types.CodeType], str]
    nodes: dict[Key, Node] = field(default_factory=dict)
    known: Mapping[Key, Node] = field(default_factory=dict)
    """Of memory that can't have been written to since, the node that it had."""
    fixed: Collection[int] = ()
    """The ids of objects whose state is no part of them, such as what is seeded for each cell."""
    functions: dict[Key, types.CodeType] = field(default_factory=dict)
    """The code of each generator that rests; a later cell may let it go on."""
    definitions: dict[Key, str] = field(default_factory=dict)
    """The full name of each function and class of a followed package."""
    met: list[Any] | None = None
    """All objects that a walk comes by, where they are asked for."""
    _alive: list[Any] = field(default_factory=list)
    """What was made on the way: its place in memory must not be given to another meanwhile."""

    def walk(self, roots: Iterable[Any]) -> None:
        """Take in whatever is reached from these objects."""
        todo = list(roots)
        while todo:
            one = todo.pop()
            kind = type(one)
            if kind in _COMMON or (key := key_of(one)) in self.nodes:
                continue
            self.nodes[key] = self.node_of(one)
            todo.extend(self._held)
            if self.met is not None:
                self.met.append(one)

    def node_of(self, one: Any) -> Node:
        """The node of an object; what it holds is not walked to."""
        kind = type(one)
        self._held: list[Any] = []
        try:
            return self._node(one, kind)
        except Exception:  # an author's own methods may have had a part in it
            return Node(_name(kind), data=True, opaque=True)

    def end(self) -> None:
        """Let go of all that was needed for the walk."""
        self._alive.clear()

    def part(self, value: Any) -> Any:
        """How a value stands among the parts of a node."""
        if type(value) in _COMMON:
            return Text(_plain(value))
        self._held.append(value)
        return key_of(value)

    def _node(self, one: Any, kind: type) -> Node:
        if kind in _SIMPLE and not (kind is collections.OrderedDict and vars(one)):
            return self._container(one, kind)
        if isinstance(one, type):
            return self._class(one)
        if kind is types.FunctionType:
            return self._function(one)
        if isinstance(one, _FIXED) or id(one) in self.fixed:
            return Node(f"{_name(kind)} {getattr(one, '__name__', '')}")
        found = arrays.node(self, one)
        return found or self._other(one, kind)

    def _container(self, one: Any, kind: type) -> Node:
        data = kind not in (tuple, frozenset)
        values = [*one.keys(), *one.values()] if isinstance(one, dict) else list(one)
        if len(values) > LONG and set(map(type, values)) <= _PLAIN - {range, type(...)}:
            return Node(f"{kind.__name__} {len(one)} {_flat_hash(values)}", data=data)
        return Node(f"{kind.__name__} {len(one)}", tuple(map(self.part, values)), data=data)

    def _class(self, one: type) -> Node:
        head = f"class {one.__module__}.{one.__qualname__}"
        if not self.followed(one.__module__):
            return Node(head)
        self._defined(one)
        own = {name: value for name, value in vars(one).items() if name not in _OF_CLASSES}
        parts = (*map(Text, own), *map(self.part, [*one.__bases__, *own.values()]))
        # What a class of a package is made of is told by the package.
        return Node(head, parts) if one.__module__ == "__main__" else Node(head, silent=parts)

    def _function(self, one: types.FunctionType) -> Node:
        head = f"function {one.__module__}.{one.__qualname__}"
        if not self.followed(one.__module__ or ""):
            return Node(head)
        self._defined(one)
        held = [one.__defaults__, one.__kwdefaults__, *vars(one), *vars(one).values()]
        held += one.__closure__ or ()
        if one.__module__ == "__main__":
            head = f"function {one.__qualname__} {self.code_hash(one.__code__)}"
        return Node(head, tuple(map(self.part, held)))

    def _defined(self, one: Any) -> None:
        if one.__module__ != "__main__":
            self.definitions[id(one)] = f"{one.__module__}.{one.__qualname__}"

    def _other(self, one: Any, kind: type) -> Node:
        if isinstance(one, PurePath):
            return Node(f"{kind.__name__} {one}")
        if isinstance(one, weakref.ref):
            return Node("weakref", (self.part(one()),))
        if isinstance(one, contextvars.ContextVar):
            return Node(f"ContextVar {one.name}", (self.part(one.get(None)),))
        if isinstance(one, _RUNNING):
            frame = getattr(one, "gi_frame", None) or getattr(one, "cr_frame", None)
            if frame and self.followed(frame.f_globals.get("__name__", "")):
                self.functions[id(one)] = frame.f_code
            outer = (frame.f_globals, frame.f_builtins) if frame else ()
            held = [x for x in gc.get_referents(one) if not any(x is y for y in (frame, *outer))]
            place = frame.f_lasti if frame else "done"
            return Node(f"{kind.__name__} {place}", tuple(map(self.part, held)), data=True)
        if isinstance(one, _OPEN):
            return Node(_name(kind), tuple(map(self.part, [*_named(one), *gc.get_referents(one)])))
        if kind is _CACHED:
            info = one.cache_info()
            held = [vars(one), *gc.get_referents(one)]
            head = f"{_name(kind)} {info.misses} {info.currsize}"
            return Node(head, tuple(map(self.part, held)), data=True)
        if kind.__name__ == "_lru_list_elem" or kind.__module__ == "_thread":
            return Node(_name(kind), tuple(map(self.part, gc.get_referents(one))))
        if isinstance(one, io.IOBase):
            return self._file(one, kind)
        return self._instance(one, kind)

    def _file(self, one: Any, kind: type) -> Node:
        if isinstance(one, io.StringIO | io.BytesIO) and not one.closed:
            return Node(f"{_name(kind)} {one.tell()} {one.getvalue()!r}", data=True)
        if one.closed:
            return Node(f"{_name(kind)} closed")
        if one.readable() and not one.writable():
            return Node(f"{_name(kind)} {one.tell()}", data=True)
        return Node(_name(kind), data=True, opaque=True)

    def _instance(self, one: Any, kind: type) -> Node:
        held: list[Any] = [kind] if self.followed(kind.__module__) else []
        silent: list[Any] = []
        layout = layout_of(kind)
        for name, member in layout.slots:
            with contextlib.suppress(AttributeError):
                held += [name, member.__get__(one)]
        attributes = _attributes(one)
        alone = {name for name, holders in _empty(attributes) if holders == _ALONE}
        hidden = self._hidden(attributes) if _says_its_state(kind) else frozenset()
        told = self._state(one, kind) if hidden else None
        held += told or ()
        for name, value in attributes.items():
            if told and name in hidden:
                continue
            if name in alone:  # most of what a module of torch holds
                held.append(f"{name} = {type(value).__name__}()")
                continue
            (silent if name in layout.measured else held).extend([name, value])
        opaque = False
        if isinstance(one, dict):
            held += [*dict.keys(one), *dict.values(one)]
        elif layout.container:
            held += layout.container.__iter__(one)
        elif isinstance(one, BaseException):
            held += [*one.args, one.__cause__, one.__context__]
        elif layout.built_in:
            state = self._state(one, kind)
            opaque = state is None
            held += state or gc.get_referents(one)
        parts = tuple(map(self.part, held))
        return Node(_name(kind), parts, tuple(map(self.part, silent)), data=True, opaque=opaque)

    def _hidden(self, attributes: Mapping[str, Any]) -> frozenset[str]:
        """The attributes that can't be looked at."""
        probe = Graph(self.followed, self.code_hash, fixed=self.fixed)
        return frozenset(
            name
            for name, value in attributes.items()
            if layout_of(type(value)).built_in  # type: ignore[arg-type]
            and type(value) not in _COMMON | _SIMPLE
            and probe.node_of(value).opaque
        )

    def _state(self, one: Any, kind: type) -> list[Any] | None:
        """What an object of a type that is not written in Python holds, as it would be pickled."""
        try:
            return [(memory := memoryview(one)).format, zlib.crc32(memory.cast("B"))]
        except (TypeError, ValueError, BufferError):
            pass
        if self.followed(getattr(kind.__reduce_ex__, "__module__", None) or ""):
            return None
        if self.followed(getattr(kind.__reduce__, "__module__", None) or ""):
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                known = copyreg.dispatch_table.get(kind)
                reduced = known(one) if known else one.__reduce_ex__(4)
        except Exception:
            return None
        if isinstance(reduced, str):
            return [reduced]
        lasting = set(map(id, gc.get_referents(one)))
        made = [*reduced[:3], *(list(items or ()) for items in reduced[3:5])]
        self._alive.append(made)
        return [self._said(part, lasting) for part in _flattened(made, lasting)]

    def _said(self, value: Any, lasting: Collection[int]) -> Any:
        """A part of what was made to tell of an object: itself if it lasts, else what it holds."""
        lasts = isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType, *_FIXED))
        if lasts or type(value) in _COMMON or id(value) in lasting or _is_iterator(value):
            return value
        inner = Graph(self.followed, self.code_hash, fixed=self.fixed)
        inner.walk([value])
        return inner.order(key_of(value))[0]

    # Digests

    def order(self, root: Any, silent: bool = False) -> tuple[str, dict[Key, int], bool]:
        """A hash of an object with all that it holds, each node's place, and if it is sure."""
        number: dict[Key, int] = {}
        said: list[str] = []
        sure = True
        todo: list[Any] = [root]
        while todo:
            part = todo.pop()
            if isinstance(part, Text):
                said.append(part)
            elif part in number:
                said.append(f"#{number[part]}")
            else:
                number[part] = len(number)
                node = self.nodes.get(part)
                if node is None:
                    sure = False
                    continue
                sure = sure and not node.opaque
                said.append(f"({node.head}")
                todo.append(Text(")"))
                todo.extend(reversed(node.silent if silent else ()))
                todo.extend(reversed(node.parts))
        return short_hash(said), number, sure

    def reached(self, roots: Iterable[Key]) -> set[Key]:
        """The keys of all nodes that are reached from some."""
        seen: set[Key] = set()
        todo = [root for root in roots if not isinstance(root, Text)]
        while todo:
            key = todo.pop()
            if key in seen or key not in self.nodes:
                continue
            seen.add(key)
            node = self.nodes[key]
            todo.extend(part for part in node.parts if not isinstance(part, Text))
            todo.extend(part for part in node.silent if not isinstance(part, Text))
        return seen

    def reaching(self, keys: Collection[Key]) -> set[Key]:
        """The keys of all nodes from which one of some is reached."""
        holders: dict[Key, list[Key]] = {}
        if not keys:
            return set()
        for key, node in self.nodes.items():
            for part in (*node.parts, *node.silent):
                if not isinstance(part, Text):
                    holders.setdefault(part, []).append(key)
        seen: set[Key] = set()
        todo = list(keys)
        while todo:
            key = todo.pop()
            if key not in seen:
                seen.add(key)
                todo.extend(holders.get(key, ()))
        return seen


def are_same(some: tuple[Any, ...], others: tuple[Any, ...]) -> bool:
    """Whether these are the same objects, in the same order."""
    return len(some) == len(others) and all(map(operator.is_, some, others))


@dataclass(frozen=True)
class Layout:
    """Where the objects of a class hold things."""

    slots: tuple[tuple[str, Any], ...]
    measured: frozenset[str]
    """Fields in which things that are equal may differ."""
    container: Any
    """The built-in container that the class is derived from, if from one."""
    built_in: bool
    """Whether there is a state that no Python code sees."""


@functools.lru_cache(4096)
def layout_of(kind: type) -> Layout:
    found: list[tuple[str, Any]] = []
    of_python = False
    for base in kind.__mro__[:-1]:
        slots = vars(base).get("__slots__")
        of_python |= slots is not None or "__dict__" in vars(base)
        for name in (slots,) if isinstance(slots, str) else slots or ():
            member = vars(base).get(name)
            if isinstance(member, types.MemberDescriptorType):
                found.append((name, member))
    fields = getattr(kind, "__dataclass_fields__", {})
    return Layout(
        tuple(found),
        frozenset(name for name, one in fields.items() if not one.compare),
        next((base for base in kind.__mro__ if base in _CONTAINERS), None),
        not of_python or any(_is_built_in(base) for base in kind.__mro__[:-1]),
    )


@functools.lru_cache(4096)
def _says_its_state(kind: type) -> bool:
    """Whether a class says itself what there is to pickle of its objects."""
    return any(
        getattr(kind, name) is not getattr(object, name)
        for name in ("__getstate__", "__reduce__", "__reduce_ex__")
    )


def key_of(value: Any) -> Key:
    """Of an object; a method is made anew whenever it is asked for."""
    if type(value) is types.MethodType:
        return "method", id(value.__func__), id(value.__self__)
    return id(value)


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _named(one: Any) -> list[str]:
    """The name of a method that is not written in Python."""
    return [one.__name__] if isinstance(one, types.BuiltinMethodType) else []


def _plain(value: Any) -> str:
    if type(value) is int:
        return hex(value) if abs(value) >> 64 else str(value)
    if type(value) in (str, bytes) and len(value) > LONG:
        return short_hash([repr(value)])
    return repr(value)


def _flat_hash(values: list[Any]) -> str:
    """Of many plain values; where they lie in memory makes no difference."""
    return f"{zlib.crc32(marshal.dumps(values, 2)):x}"


def _empty(attributes: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The attributes that are empty dicts, and how often each of these is held."""
    return [
        (name, sys.getrefcount(value))
        for name, value in attributes.items()
        if type(value) in (dict, collections.OrderedDict) and not value
    ]


_ALONE = _empty({"": {}})[0][1]
"""As often an object is held if nobody holds it but what is looked at."""


def _attributes(one: Any) -> Mapping[str, Any]:
    try:
        found = object.__getattribute__(one, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}


def _is_built_in(base: type) -> bool:
    """Whether a class adds a state that no Python code sees."""
    grown = base.__basicsize__ - (base.__base__ or object).__basicsize__
    return grown > 2 * POINTER and "__slots__" not in vars(base)


def _flattened(value: Any, lasting: Collection[int]) -> Iterable[Any]:
    """The parts of what was only made to tell of an object, with what the object holds itself."""
    if id(value) in lasting or type(value) not in (tuple, list, dict):
        yield value
        return
    yield f"{type(value).__name__} {len(value)}"
    for part in [*value.keys(), *value.values()] if type(value) is dict else value:
        yield from _flattened(part, lasting)


def _is_iterator(value: Any) -> bool:
    return isinstance(value, collections.abc.Iterator)
