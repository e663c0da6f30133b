"""The source text of a symbol, for code that is embedded in a lesson."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sitegen.record.fingerprint.library import Library
from sitegen.record.fingerprint.scope import bound_names


class UnknownSymbolError(KeyError):
    """A dotted name that nothing in the followed packages has."""

    def __init__(self, symbol: str, near: Sequence[str]) -> None:
        super().__init__(symbol)
        self.symbol = symbol
        self.near = tuple(near)

    def __str__(self) -> str:
        hint = f"; did you mean {' or '.join(self.near)}?" if self.near else ""
        return f"no definition {self.symbol!r} in the followed packages{hint}"


@dataclass(frozen=True)
class Definition:
    """A symbol as it stands in its file."""

    path: Path
    """Relative to the root of the library."""
    line: int
    source: str


def definition(library: Library, symbol: str) -> Definition:
    """The text of a function, class, method or constant, decorators included, not indented.

    Follows re-exports. Raises UnknownSymbolError, which names what is spelled nearly so.
    """
    names = symbol.split(".")
    for used in range(len(names), 0, -1):
        owner, members = ".".join(names[:used]), names[used:]
        if library.module(owner) is not None:
            break
        for key in sorted(library.resolve(owner)):
            module = library.module(key.module)
            bound = [s for s in library.statements(key) if key.name in bound_names([s])]
            node = _member(bound[-1], members) if bound and _ends(library, owner, names) else None
            if module is not None and node is not None:
                (line, column), (last, _) = module.source.span(node)
                lines = [_dedented(text, column) for text in module.source.lines[line - 1 : last]]
                return Definition(module.path, line, "\n".join(lines) + "\n")
    near = difflib.get_close_matches(symbol, sorted(library.known_names()), n=2)
    raise UnknownSymbolError(symbol, near)


def _ends(library: Library, owner: str, names: Sequence[str]) -> bool:
    """Whether a path is that of a symbol, and goes no further into it."""
    parent = owner.rpartition(".")[0]
    return library.resolve(parent) != library.resolve(owner) or len(names) == 1


def _member(node: ast.stmt, names: Sequence[str]) -> ast.stmt | None:
    for name in names:
        inside = node.body if isinstance(node, ast.ClassDef) else []
        found = [part for part in inside if name in bound_names([part])]
        if not found:
            return None
        node = found[-1]
    return node


def _dedented(line: str, width: int) -> str:
    return line[width:] if not line[:width].strip() else line
