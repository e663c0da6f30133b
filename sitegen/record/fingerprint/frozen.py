"""Frozen dataclasses of the library: which calls, names and fields are sure to be one.

Here annotations are believed, of fields and of results: a course's configuration is read
everywhere, and must not tie together all that is made from it.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from sitegen.parse.tokens import parse
from sitegen.record.fingerprint.modules import Key, Module
from sitegen.record.fingerprint.scope import dotted
from sitegen.record.fingerprint.values import is_frozen
from sitegen.record.fingerprint.vocabulary import IMMUTABLE_TYPES

if TYPE_CHECKING:
    from sitegen.record.fingerprint.library import Library


def frozen_class(library: Library, keys: Collection[Key]) -> Key | None:
    """The one symbol, if it is a frozen dataclass."""
    for key in keys if len(keys) == 1 else ():
        if _class(library, key) is not None:
            return key
    return None


def result_class(library: Library, path: str) -> Key | None:
    """The frozen dataclass that a call of a path gives."""
    keys = library.resolve(path)
    owner, _, name = path.rpartition(".")
    if len(keys) != 1:
        return None
    (key,) = keys
    node = _class(library, key)
    if node and library.resolve(owner) != keys:
        return key
    members = node.body if node else library.statements(key)
    found = [part for part in members if isinstance(part, ast.FunctionDef)]
    if node:
        found = [part for part in found if part.name == name]
    returns = found[-1].returns if found else None
    if node and returns is not None and dotted(returns) == "Self":
        return key
    return _annotated(library, key.module, returns)


def field_class(library: Library, owner: Key, name: str) -> Key | None:
    """The frozen dataclass that a field of a frozen dataclass holds."""
    for field in _fields(library, owner):
        if isinstance(field.target, ast.Name) and field.target.id == name:
            return _annotated(library, owner.module, field.annotation)
    return None


def is_value_class(library: Library, key: Key, seen: frozenset[Key] = frozenset()) -> bool:
    """Whether the fields of a frozen dataclass are values all the way down."""
    node, module = _class(library, key), library.module(key.module)
    if node is None or module is None or node.bases:
        return False
    return key in seen or all(
        _is_value_type(library, module, field.annotation, seen | {key})
        for field in _fields(library, key)
    )


def _class(library: Library, key: Key) -> ast.ClassDef | None:
    match library.statements(key):
        case [ast.ClassDef() as node] if is_frozen(node):
            return node
    return None


def _fields(library: Library, key: Key) -> Iterator[ast.AnnAssign]:
    node = _class(library, key)
    for part in node.body if node else ():
        if isinstance(part, ast.AnnAssign):
            yield part


def _is_value_type(library: Library, module: Module, node: ast.expr, seen: frozenset[Key]) -> bool:
    match _unquoted(node):
        case ast.Constant(value=value):
            return value is None or value is ...
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            inner = [left, right]
        case ast.Subscript(value=ast.Name(id="Literal")):
            return True
        case ast.Subscript(value=ast.Name(id="tuple" | "Optional"), slice=parts):
            inner = parts.elts if isinstance(parts, ast.Tuple) else [parts]
        case other:
            chain = dotted(other)
            keys = library.keys_of(module, chain) if chain else frozenset[Key]()
            frozen = frozen_class(library, keys)
            alias = _alias(library, keys)
            if alias is not None and not keys & seen:
                return _is_value_type(library, module, alias, seen | keys)
            return chain in IMMUTABLE_TYPES or (
                frozen is not None and is_value_class(library, frozen, seen)
            )
    return all(_is_value_type(library, module, part, seen) for part in inner)


def _alias(library: Library, keys: Collection[Key]) -> ast.expr | None:
    """What a name stands for that is given to a type, such as `Kind = Literal["a", "b"]`."""
    for key in keys if len(keys) == 1 else ():
        match library.statements(key):
            case [ast.Assign(targets=[ast.Name()], value=ast.Subscript() | ast.BinOp() as value)]:
                return value
    return None


def _annotated(library: Library, module_name: str, node: ast.expr | None) -> Key | None:
    module = library.module(module_name)
    chain = dotted(_unquoted(node)) if node else None
    return frozen_class(library, library.keys_of(module, chain)) if module and chain else None


def _unquoted(node: ast.expr) -> ast.expr:
    """An annotation without the quotes that it may stand in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return parse(node.value).body[0].value  # type: ignore[attr-defined]
        except (SyntaxError, IndexError, AttributeError):
            return node
    return node
