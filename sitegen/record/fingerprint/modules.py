"""One file of the library: which names it binds, by which statements, and what it imports."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

from sitegen.errors import SourceError
from sitegen.parse.tokens import Source, bodies, is_text
from sitegen.record.fingerprint.scope import bound_names, dotted, import_targets, imported_module
from sitegen.record.fingerprint.values import changeable_attributes


class LibrarySyntaxError(SourceError):
    """A followed module that is not Python: as if the block that imports it had failed."""

    exit_code = 1


class Key(NamedTuple):
    """A symbol: a name bound at the top level of a module.

    With no name it is what importing the module runs besides definitions.
    """

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}" if self.name else f"{self.module} (on import)"


class Module:
    """The top level of a file, sorted by name."""

    def __init__(self, name: str, path: Path, text: str, is_package: bool) -> None:
        """Raises LibrarySyntaxError if the text is not Python."""
        self.name = name
        self.path = path
        """Relative to the root of the library."""
        self.package = name if is_package else name.rpartition(".")[0]
        try:
            self.source = Source(text)
        except SyntaxError as error:
            raise LibrarySyntaxError(path.as_posix(), error.lineno or 1, error.msg) from None
        except ValueError as error:
            raise LibrarySyntaxError(path.as_posix(), 1, str(error)) from None
        self.imports: set[str] = set()
        """What importing this module imports."""
        self.targets: dict[str, list[str]] = {}
        """For each name that is bound by imports, the paths that it may stand for."""
        self.stars: list[str] = []
        """The modules of `from ... import *`."""
        self.code: dict[str, list[ast.stmt]] = {}
        """For each name that is bound by code, the statements that bind it."""
        self.effects: list[ast.stmt] = []
        """What runs on import without being the definition of a name."""
        for statement in self.source.tree.body:
            self._enter(statement)
        if "global" in text:
            self._enter_globals()
        self.hiding = self.names | changeable_attributes([self.source.tree])
        """The names that hide builtins, and the attributes that are no values here."""

    @property
    def names(self) -> set[str]:
        return self.code.keys() | self.targets.keys()

    def binds_otherwise(self, name: str, inner: Module) -> bool:
        """Whether a name of this package means something else than the module of that name."""
        return name in self.code or any(path != inner.name for path in self.targets.get(name, ()))

    def _enter(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import() | ast.ImportFrom():
                self._enter_import(statement)
                return
            case ast.If(test=test) if (dotted(test) or "").endswith("TYPE_CHECKING"):
                for part in statement.orelse:
                    self._enter(part)
                return
            case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
                return
        if is_text(statement):
            return
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(statement):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    self._enter_import(node)
        for name in bound_names([statement]):
            self.code.setdefault(name, []).append(statement)
        if not only_defines(statement):
            self.effects.append(statement)

    def _enter_import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            self.imports.update(alias.name for alias in node.names)
        else:
            base = imported_module(node, self.package)
            self.imports.update([base, *(f"{base}.{alias.name}" for alias in node.names)])
            if node.names[0].name == "*":
                self.stars.append(base)
                return
        for name, path in import_targets(node, self.package).items():
            self.targets.setdefault(name, []).append(path)

    def _enter_globals(self) -> None:
        """A function that declares a name `global` may bind it too."""
        for statement in self.source.tree.body:
            for node in ast.walk(statement):
                for name in node.names if isinstance(node, ast.Global) else ():
                    if statement not in self.code.setdefault(name, []):
                        self.code[name].append(statement)


def only_defines(statement: ast.stmt) -> bool:
    """Whether running a statement does no more than bind names, as far as its form tells."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Import() | ast.ImportFrom():
            return True
        case ast.Assign(targets=targets):
            parts = [part for target in targets for part in ast.walk(target)]
            return not any(isinstance(part, ast.Attribute | ast.Subscript) for part in parts)
        case ast.AnnAssign(target=ast.Name()) | ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.ClassDef() | ast.If() | ast.Try():
            return all(only_defines(part) for body in bodies(statement) for part in body)
    return False
