"""What can never be changed, whoever gets hold of it: numbers, strings, frozen configurations."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from sitegen.record.fingerprint.scope import Survey, dotted, is_text, is_value_attribute
from sitegen.record.fingerprint.vocabulary import (
    CALLED_DECORATORS,
    CALLED_OPENLY,
    CONTAINERS,
    IMMUTABLE_TYPES,
    LOOKING,
    MAKERS_OF_VALUES,
    MUTATORS,
    OF_VALUES,
    READERS,
    STATELESS_DECORATORS,
    TEXT_METHODS,
    VALUE_ATTRIBUTES,
)


class Scope(Protocol):
    """Where an expression stands."""

    @property
    def shadowed(self) -> Collection[str]:
        """The names that hide builtins."""

    def is_value(self, chain: str) -> bool:
        """Whether a name stands for something that nobody can change."""

    def is_flat(self, chain: str) -> bool:
        """Whether a name stands for a list, set or dict of values that nobody changed yet."""

    def makes_value(self, chain: str, of_values: bool) -> bool:
        """Whether a call of it gives a value; its arguments are values or not."""


def is_value(node: ast.expr | None, scope: Scope) -> bool:
    """Whether an expression is sure to give a value."""
    chain = dotted(node) if node is not None else None
    if chain is not None:
        owner, _, name = chain.rpartition(".")
        return scope.is_value(chain) or bool(owner and is_value_attribute(name, scope.shadowed))
    match node:
        case None | ast.Constant() | ast.JoinedStr():
            return True
        case ast.Attribute(value=inner, attr=name):
            return is_value_attribute(name, scope.shadowed) or is_value(inner, scope)
        case ast.Subscript(value=inner):
            return is_value(inner, scope) or is_flat(inner, scope)
        case ast.Slice() | ast.Tuple() | ast.BinOp() | ast.UnaryOp() | ast.BoolOp() | ast.IfExp():
            inside = (part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))
            return all(is_value(part, scope) for part in inside)
        case ast.Compare(left=left, comparators=others):
            return all(is_value(part, scope) for part in [left, *others])
        case ast.Call():
            return _call_gives_value(node, scope)
    return False


def is_flat(node: ast.expr, scope: Scope) -> bool:
    """Whether an expression is a fresh list, set or dict of values."""
    chain = dotted(node)
    if chain is not None:
        return scope.is_flat(chain)
    match node:
        case ast.List(elts=parts) | ast.Set(elts=parts):
            return all(is_value(part, scope) for part in parts)
        case ast.Dict(keys=keys, values=parts):
            return None not in keys and all(is_value(part, scope) for part in [*keys, *parts])
        case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]):
            known = name in CONTAINERS and name not in scope.shadowed
            return known and all(is_value(part, scope) or is_flat(part, scope) for part in parts)
    return False


def _call_gives_value(node: ast.Call, scope: Scope) -> bool:
    arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
    if isinstance(node.func, ast.Attribute) and is_text(node.func.value):
        return node.func.attr in TEXT_METHODS
    chain = dotted(node.func)
    if chain is None:
        return False
    if chain in READERS and chain not in scope.shadowed:
        return True
    of_values = all(is_value(part, scope) for part in arguments)
    if chain in OF_VALUES and chain not in scope.shadowed:
        # `max(xs)` is a value, `max(xs, ys)` a list.
        return of_values or (len(arguments) == 1 and is_flat(arguments[0], scope))
    return scope.makes_value(chain, of_values)


def is_frozen(node: ast.stmt) -> bool:
    """Whether a class is a frozen dataclass, with no default that a value could not be."""
    if not isinstance(node, ast.ClassDef):
        return False
    frozen = any(
        isinstance(part, ast.Call)
        and (dotted(part.func) or "").rpartition(".")[2] == "dataclass"
        and any(
            keyword.arg == "frozen"
            and isinstance(keyword.value, ast.Constant)
            and keyword.value.value is True
            for keyword in part.keywords
        )
        for part in node.decorator_list
    )
    defaults = [part.value for part in node.body if isinstance(part, ast.AnnAssign)]
    return frozen and not any(isinstance(value, ast.Call) for value in defaults)


def keeps_state(node: ast.stmt, found: Survey, scope: Scope) -> bool:
    """Whether calls of a function or class can leave something behind in it.

    They can by a mutable default or class attribute, an unknown decorator such as a cache, and
    where its own code assigns to its attributes.
    """
    name = getattr(node, "name", "")
    inside = f"{name}."
    for late in found.late:
        changed = late.touched | late.stores
        if name in changed | late.elements or any(
            chain.startswith(inside) for chain in changed | late.called
        ):
            return True
    return _has_state(node, scope)


def _has_state(node: ast.stmt, scope: Scope) -> bool:
    match node:
        case ast.FunctionDef(args=args) | ast.AsyncFunctionDef(args=args):
            defaults = [*args.defaults, *filter(None, args.kw_defaults)]
            decorated = _has_decorator_but(node, STATELESS_DECORATORS)
            return decorated or not all(is_value(part, scope) for part in defaults)
        case ast.ClassDef():
            decorated = has_hooks(node) or _has_decorator_but(node, STATELESS_DECORATORS)
            changes = any(_changes_class(part) for part in ast.walk(node))
            return decorated or changes or any(_has_state(part, scope) for part in node.body)
        case ast.AnnAssign(value=value) | ast.Assign(value=value):
            field = isinstance(value, ast.Call) and (dotted(value.func) or "").endswith("field")
            return not (field or is_value(value, scope))
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return False
    return True


def binds_only(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """Whether a definition runs no code but decorators that keep nothing."""
    if _has_decorator_but(node, STATELESS_DECORATORS):
        return False
    match node:
        case ast.FunctionDef(args=args):
            heads = [*args.defaults, *filter(None, args.kw_defaults)]
            return not any(isinstance(part, ast.Call) for head in heads for part in ast.walk(head))
        case ast.ClassDef(body=body):
            return not has_hooks(node) and all(map(_binds_only_member, body))
    return False


def _binds_only_member(node: ast.stmt) -> bool:
    match node:
        case ast.FunctionDef():
            return binds_only(node)
        case ast.AnnAssign(value=None | ast.Constant()) | ast.Pass() | ast.Expr(ast.Constant()):
            return True
        case ast.Assign(value=ast.Constant()):
            return True
    return False


def has_hooks(node: ast.ClassDef) -> bool:
    """Whether making a subclass runs code of the class."""
    hooks = ("__init_subclass__", "__set_name__")
    return bool(node.keywords) or any(getattr(part, "name", "") in hooks for part in node.body)


def changes_when_read(node: ast.stmt) -> bool:
    """Whether reading an instance, by a property or an operator, may change something."""
    if not isinstance(node, ast.ClassDef):
        return False
    methods = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
    queue = [
        part
        for part in node.body
        if isinstance(part, ast.FunctionDef)
        and part.name not in CALLED_OPENLY
        and (part.name.startswith("__") or _has_decorator_but(part, CALLED_DECORATORS))
    ]
    for part in queue:  # which grows by the methods that are called
        given = {inner.arg for inner in ast.walk(part) if isinstance(inner, ast.arg)}
        for inner in ast.walk(part):
            if _changes_something(inner, given):
                return True
            called = inner.func if isinstance(inner, ast.Call) else None
            if isinstance(called, ast.Attribute) and dotted(called.value) == "self":
                method = methods.get(called.attr)
                if method is None:
                    return True
                if method not in queue:
                    queue.append(method)
    return False


def _changes_something(node: ast.AST, given: Collection[str]) -> bool:
    """Whether code changes something, or calls what may, other than the functions given to it."""
    match node:
        case ast.Global() | ast.Nonlocal():
            return True
        case ast.Attribute() | ast.Subscript():
            return not isinstance(node.ctx, ast.Load)
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in MUTATORS
        case ast.Call(func=ast.Name(id=name)):
            return not (name in LOOKING or name in given or name[0].isupper())
    return False


def _has_decorator_but(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, known: Collection[str]
) -> bool:
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if (dotted(called) or "").rpartition(".")[2] not in known:
            return True
    return False


def _changes_class(node: ast.AST) -> bool:
    """Whether code in a method reaches for the class itself other than to call it."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "__new__":
            return False
        if isinstance(node.func, ast.Attribute) and _is_class(node.func.value, within=True):
            return True
        return any(_is_class(part) for part in node.args)
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        return _is_class(node.value) or _is_class(node.value, within=True)
    return False


def _is_class(node: ast.AST, within: bool = False) -> bool:
    """Whether an expression is `cls`, `type(self)` or the like, or something within it."""
    if within:
        if not isinstance(node, ast.Attribute | ast.Subscript):
            return False
        return _is_class(node.value) or _is_class(node.value, within=True)
    match node:
        case ast.Name(id="cls") | ast.Attribute(attr="__class__"):
            return True
        case ast.Call(func=ast.Name(id="type")):
            return True
    return False


def changeable_attributes(nodes: Iterable[ast.AST]) -> set[str]:
    """Words such as `.shape`, if a class gives that attribute something else than a value."""
    classes = [part for node in nodes for part in ast.walk(node) if isinstance(part, ast.ClassDef)]
    found: set[str] = set()
    for node in classes:
        given = [part for part in ast.walk(node) if isinstance(part, ast.arg)]
        others = {part.arg for part in given if not _is_immutable(part.annotation)}
        scope = _Given({part.arg for part in given} - others)
        for part in ast.walk(node):
            targets: list[ast.expr] = []
            match part:
                case ast.FunctionDef(name=name, returns=kind) if not _is_immutable(kind):
                    found.add(f".{name}")
                case ast.Assign(value=value) if not is_value(value, scope):
                    targets = part.targets
                case ast.AnnAssign(annotation=kind) if not _is_immutable(kind):
                    targets = [part.target]
            for inner in (inner for target in targets for inner in ast.walk(target)):
                if isinstance(inner, ast.Attribute):
                    found.add(f".{inner.attr}")
                elif isinstance(inner, ast.Name) and part in node.body:
                    found.add(f".{inner.id}")
    return found & {f".{name}" for name in VALUE_ATTRIBUTES}


@dataclass(frozen=True)
class _Given:
    """Inside a class, where all that is known are the arguments whose types are immutable."""

    values: Collection[str]
    shadowed: Collection[str] = ()

    def is_value(self, chain: str) -> bool:
        return chain in self.values

    def is_flat(self, chain: str) -> bool:
        return False

    def makes_value(self, chain: str, of_values: bool) -> bool:
        return of_values and chain in MAKERS_OF_VALUES


def _is_immutable(annotation: ast.expr | None) -> bool:
    return annotation is not None and (set(ast.unparse(annotation).split(" | ")) <= IMMUTABLE_TYPES)
