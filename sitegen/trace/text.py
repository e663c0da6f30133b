"""One file of a followed package: its functions, and the statements that run on import."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sitegen.errors import SourceError
from sitegen.parse.tokens import Source, short_hash

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


class LibrarySyntaxError(SourceError):
    """A followed module that is not Python: as if the block that imports it had failed."""

    exit_code = 1


@dataclass(frozen=True)
class Statement:
    """A statement at the top level of a module, without the bodies of functions in it."""

    module: str
    line: int
    binds: frozenset[str]
    chains: frozenset[str]
    """The names that it uses on import, with the attributes after them: `core.TABLE`."""
    hash: str
    binds_only: bool
    """Whether it does no more than bind names to what depends on nothing but what it uses."""
    effect: bool
    """Whether it may be there for what it does, and not for a name."""
    puts: bool
    """Whether it assigns to an attribute or an item."""
    acts_on: frozenset[str]
    """The names through which it calls for an effect, or puts into, what isn't made here."""
    keeps: bool
    """Whether what it binds could be altered later, as a list could, or a class with a counter."""


class Text:
    """A module as it stands in its file; nothing of it is run.

    Raises:
        LibrarySyntaxError: it is not Python.
    """

    def __init__(self, name: str, path: Path, text: str) -> None:
        self.name = name
        self.path = path
        self.text = text
        self.package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        self._paths: dict[str, str] = {}
        self._stars: list[str] = []
        self.imported: set[str] = set()
        """All that importing this module imports."""
        try:
            self.source = Source(text)
        except SyntaxError as error:
            raise LibrarySyntaxError(path.as_posix(), error.lineno or 1, error.msg) from None
        except ValueError as error:
            raise LibrarySyntaxError(path.as_posix(), 1, str(error)) from None
        self._mentions: dict[str, frozenset[str]] = {}
        self.functions: dict[str, list[ast.stmt]] = {}
        """Those that a caller can enter by themselves, methods too, by their qualified names."""
        self._enter_functions(self.source.tree.body, "")
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._enter_import(node)

    def _enter_functions(self, body: Sequence[ast.stmt], prefix: str) -> None:
        for statement in body:
            if isinstance(statement, _FUNCTIONS):
                self.functions.setdefault(prefix + statement.name, []).append(statement)
            elif isinstance(statement, ast.ClassDef):
                self._enter_functions(statement.body, f"{prefix}{statement.name}.")
            else:
                for part in _parts(statement):
                    self._enter_functions(part, prefix)

    def _enter_import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            self.imported.update(alias.name for alias in node.names)
            return
        base = self.base(node)
        self.imported.update([base, *(f"{base}.{alias.name}" for alias in node.names)])

    def base(self, node: ast.ImportFrom) -> str:
        """The absolute name of what is imported from."""
        if not node.level:
            return node.module or ""
        parts = self.package.split(".")
        return ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [node.module])])

    @property
    def imports(self) -> Mapping[str, str]:
        """For each name that an import binds, the dotted path that it stands for."""
        assert self.statements is not None, "where they are met"
        return self._paths

    @property
    def stars(self) -> Sequence[str]:
        """The modules of which all names are imported."""
        assert self.statements is not None, "where they are met"
        return self._stars

    @cached_property
    def statements(self) -> list[Statement]:
        """What runs on import, in order."""
        return [one for node in self.source.tree.body for one in self._statement(node)]

    @cached_property
    def binders(self) -> dict[str, list[Statement]]:
        """For each name of the module, the statements that bind it."""
        found: dict[str, list[Statement]] = {}
        for statement in self.statements:
            for name in statement.binds:
                found.setdefault(name, []).append(statement)
        return found

    def _statement(self, node: ast.stmt) -> Iterator[Statement]:
        match node:
            case ast.Import() | ast.ImportFrom():
                yield from self._imports(node)
                return
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                return
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                for part in node.orelse:
                    yield from self._statement(part)
                return
            case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
                return
        bodies = [
            part for one in ast.walk(node) if isinstance(one, _FUNCTIONS) for part in one.body
        ]
        outer = [part for part in bodies if not _is_inside(part, bodies)]
        tokens = self.source.tokens([node], leave_out=outer)
        stored = set(_stored(node, into_functions=False))
        yield Statement(
            module=self.name,
            line=node.lineno,
            binds=frozenset(bound(node)),
            chains=frozenset(_chains(node, into_functions=False)),
            hash=short_hash(tokens),
            binds_only=_binds_only(node),
            effect=_has_effect(node) or not self._made_here.issuperset(stored),
            puts=bool(stored),
            acts_on=frozenset(self._acted_on([node], into_functions=False)),
            keeps=_keeps(node),
        )

    def _imports(self, node: ast.Import | ast.ImportFrom) -> Iterator[Statement]:
        for alias in node.names:
            if isinstance(node, ast.Import):
                name = alias.asname or alias.name.partition(".")[0]
                path = alias.name if alias.asname else name
            elif alias.name == "*":
                self._stars.append(self.base(node))
                continue
            else:
                name, path = alias.asname or alias.name, f"{self.base(node)}.{alias.name}"
            self._paths[name] = path
            yield Statement(
                module=self.name,
                line=node.lineno,
                binds=frozenset([name]),
                chains=frozenset(),
                hash=short_hash(["import", name, path]),
                binds_only=True,
                effect=False,
                puts=False,
                acts_on=frozenset(),
                keeps=False,
            )

    @cached_property
    def _made_here(self) -> set[str]:
        """The names of what the module makes itself, so that nobody else's is put into."""
        made, others = set[str](), set[str]()
        for node in self.source.tree.body:
            own = isinstance(node, Definition) or _is_display(getattr(node, "value", None))
            (made if own else others).update(bound(node))
        return made - others

    def puts(self, function: str) -> bool:
        """Whether a function assigns to an attribute or an item of what its module names."""
        nodes = self.functions.get(function, ())
        stored = {name for node in nodes for name in _stored(node, into_functions=True)}
        return not stored.isdisjoint(self._globals.get(function, ()))

    def acts_on(self, function: str) -> set[str]:
        """The names through which a function acts on what the module doesn't make."""
        return self._acted_on(self.functions.get(function, ()), into_functions=True)

    def _acted_on(self, nodes: Sequence[ast.stmt], into_functions: bool) -> set[str]:
        made = {name for node in nodes for name in _made_by(node)}
        acted = {name for node in nodes for name in _acted_on(node, into_functions)}
        return acted - made - self._made_here

    @cached_property
    def _globals(self) -> dict[str, frozenset[str]]:
        """For each function the names that its code, and code inside it, takes from the module."""
        found: dict[str, set[str]] = {}
        top = symtable.symtable(self.source.text, str(self.path), "exec")
        _walk_tables(top, "", None, found)
        return {name: frozenset(names) for name, names in found.items()}

    def mentions(self, function: str) -> frozenset[str]:
        """What a function uses of its module, as chains of names."""
        if function not in self._mentions:
            self._mentions[function] = self._mentioned(function)
        return self._mentions[function]

    def _mentioned(self, function: str) -> frozenset[str]:
        roots = self._globals.get(function, frozenset())
        return frozenset(
            chain
            for node in self.functions.get(function, ())
            for chain in _chains(node, into_functions=True)
            if chain.partition(".")[0] in roots
        )

    def reads_by_name(self, function: str) -> bool:
        """Whether a function may read any name of its module, in ways that nothing tells of."""
        return not {"globals", "eval", "exec"}.isdisjoint(self._globals.get(function, ()))

    def texts(self, function: str) -> set[str]:
        """All strings in the code of a function."""
        nodes = [part for node in self.functions.get(function, ()) for part in ast.walk(node)]
        found = (part.value for part in nodes if isinstance(part, ast.Constant))
        return {one for one in found if isinstance(one, str)}

    def words(self, function: str) -> set[str]:
        """All names and attributes in the code of a function."""
        nodes = [part for node in self.functions.get(function, ()) for part in ast.walk(node)]
        names = {part.id for part in nodes if isinstance(part, ast.Name)}
        return names | {part.attr for part in nodes if isinstance(part, ast.Attribute)}

    def stored(self, function: str) -> set[str]:
        """The attributes that the code of a function binds."""
        nodes = [part for node in self.functions.get(function, ()) for part in ast.walk(node)]
        found = (part for part in nodes if isinstance(part, ast.Attribute))
        return {part.attr for part in found if not isinstance(part.ctx, ast.Load)}

    def tokens(self, function: str) -> list[str]:
        """A function with its header and all that is inside it."""
        return self.source.tokens(self.functions[function])


def _walk_tables(
    table: symtable.SymbolTable, path: str, owner: str | None, found: dict[str, set[str]]
) -> None:
    for child in table.get_children():
        name, kind = child.get_name(), child.get_type()
        inside = owner
        if owner is None and str(getattr(kind, "value", kind)) == "function":
            inside = f"{path}{name}"
        if inside is not None:
            symbols = child.get_symbols()
            used = (one.get_name() for one in symbols if one.is_global())
            found.setdefault(inside, set()).update(used)
        is_class = owner is None and str(getattr(kind, "value", kind)) == "class"
        _walk_tables(child, f"{path}{name}." if is_class else path, inside, found)


def _parts(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield getattr(statement, name, [])
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body


def _is_inside(node: ast.stmt, others: Sequence[ast.stmt]) -> bool:
    place = node.lineno, node.col_offset
    return any(
        other is not node
        and (other.lineno, other.col_offset)
        < place
        <= (other.end_lineno or 0, other.end_col_offset or 0)
        for other in others
    )


def bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement binds in the scope that it stands in."""
    if isinstance(node, Definition):
        yield node.name
        return
    todo: list[ast.AST] = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, Definition):
            yield part.name
        elif not isinstance(part, ast.Lambda):
            if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
                yield part.id
            elif isinstance(part, ast.alias):
                yield part.asname or part.name.partition(".")[0]
            elif isinstance(part, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and part.name:
                yield part.name
            todo.extend(ast.iter_child_nodes(part))


def _chains(node: ast.AST, into_functions: bool) -> Iterator[str]:
    """Every name that is used, each with the attributes that are read from it in one go."""
    todo: list[ast.AST] = [node]
    while todo:
        part = todo.pop()
        chain = _dotted(part)
        if chain:
            yield chain
            continue
        if isinstance(part, _FUNCTIONS) and not into_functions:
            arguments = part.args
            todo.extend([*part.decorator_list, *arguments.defaults])
            todo.extend(default for default in arguments.kw_defaults if default)
            continue
        todo.extend(ast.iter_child_nodes(part))


def _stored(node: ast.AST, into_functions: bool) -> Iterator[str]:
    """The names through which something is put into an object; empty for what has none."""
    todo: list[ast.AST] = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, ast.Attribute | ast.Subscript) and not isinstance(part.ctx, ast.Load):
            yield _root(part)
        if into_functions or not isinstance(part, _FUNCTIONS):
            todo.extend(ast.iter_child_nodes(part))


def _acted_on(node: ast.AST, into_functions: bool) -> Iterator[str]:
    """The names through which something is called for its effect, or put; empty for no name."""
    yield from _stored(node, into_functions)
    todo: list[ast.AST] = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, ast.Expr) and not isinstance(part.value, ast.Constant):
            yield _root(part.value)
        if into_functions or not isinstance(part, _FUNCTIONS):
            todo.extend(ast.iter_child_nodes(part))


def _made_by(node: ast.AST) -> Iterator[str]:
    """The names of what a function makes itself, and of the object that it is a method of."""
    for part in ast.walk(node):
        if isinstance(part, ast.Assign) and _is_display(part.value):
            yield from (one.id for one in part.targets if isinstance(one, ast.Name))
        elif isinstance(part, _FUNCTIONS):
            yield from (one.arg for one in part.args.args[:1] if one.arg in ("self", "cls"))


def _root(node: ast.AST) -> str:
    """The name that an expression begins with; empty if it begins otherwise."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Await):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_display(node: ast.AST | None) -> bool:
    """Whether code spells out a new object."""
    shown = ast.Constant | ast.Dict | ast.List | ast.Set | ast.Tuple | ast.JoinedStr
    return isinstance(node, shown | ast.DictComp | ast.ListComp | ast.SetComp)


def _dotted(node: ast.AST) -> str:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) else ""


def _binds_only(node: ast.stmt) -> bool:
    """Whether a statement can't alter what another one made, by its form alone."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            defaults = [*node.args.defaults, *node.args.kw_defaults]
            return not node.decorator_list and not any(_calls(one) for one in defaults if one)
        case ast.ClassDef():
            inner = [part for part in node.body if not isinstance(part, ast.Pass)]
            return not node.keywords and not node.decorator_list and all(map(_binds_only, inner))
        case ast.Assign(targets=targets, value=value):
            return all(isinstance(one, ast.Name) for one in targets) and _is_literal(value)
        case ast.AnnAssign(target=ast.Name(), value=value):
            return value is None or _is_literal(value)
        case ast.Expr(value=ast.Constant()):
            return True
    return False


def _has_effect(node: ast.stmt) -> bool:
    """Whether a statement, or one inside it that runs on import, does not just bind names."""
    if isinstance(node, ast.If | ast.Try):
        return any(_has_effect(one) for part in _parts(node) for one in part)
    binding = Definition | ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom | ast.Pass
    return not isinstance(node, binding)


def _keeps(node: ast.stmt) -> bool:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            defaults = [*node.args.defaults, *node.args.kw_defaults]
            return any(not _is_constant(one) for one in defaults if one)
        case ast.ClassDef():
            return any(map(_keeps, node.body))
        case ast.Assign(value=value):
            return not _is_constant(value)
        case ast.AnnAssign(value=value):
            return value is not None and not _is_constant(value)
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return False
    return True


def _is_constant(node: ast.AST) -> bool:
    inner = node.elts if isinstance(node, ast.Tuple) else [node]
    return all(isinstance(part, ast.Constant | ast.UnaryOp | ast.Name) for part in inner)


def _calls(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Call) for part in ast.walk(node))


def _is_literal(node: ast.AST) -> bool:
    return not any(isinstance(part, ast.Call | ast.Name) for part in ast.walk(node))


def of_statement(statement: Statement) -> str:
    """How a statement is told from the others of its module in a hash."""
    return f"{statement.module} {statement.hash}"
