"""The source text of a symbol, for code that is embedded in a lesson."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sitegen.trace.program import Program
from sitegen.trace.text import Text, bound


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
    """Relative to the root of the packages."""
    line: int
    source: str


def definition(program: Program, symbol: str) -> Definition:
    """The text of a function, class, method or constant, decorators included, not indented.

    Follows re-exports. Raises UnknownSymbolError, which names what is spelled nearly so.
    """
    module, name = program.split(symbol)
    name, *members = name.split(".")
    for owner, own_name in program.resolve(module, name):
        text = program.text(owner)
        node = _member(text.source.tree.body, [own_name, *members]) if text else None
        if text and node and not isinstance(node, ast.Import | ast.ImportFrom):
            (line, column), (last, _) = text.source.span(node)
            lines = [_dedented(one, column) for one in text.source.lines[line - 1 : last]]
            return Definition(text.path, line, "\n".join(lines) + "\n")
    near = difflib.get_close_matches(symbol, sorted(_known_names(program)), n=2)
    raise UnknownSymbolError(symbol, near)


def _member(body: Sequence[ast.stmt], names: Sequence[str]) -> ast.stmt | None:
    """The last statement that binds a name, in what it holds the next one, and so on."""
    found = [part for part in body if names[0] in bound(part)]
    if not found or len(names) == 1:
        return found[-1] if found else None
    return _member(found[-1].body, names[1:]) if isinstance(found[-1], ast.ClassDef) else None


def _known_names(program: Program) -> Iterator[str]:
    """Every name of a module, and of a class in it, in full."""
    for module in program.modules:
        text = program.text(module)
        for node in _definitions(text) if text else ():
            for name in bound(node):
                yield f"{module}.{name}"
                for part in node.body if isinstance(node, ast.ClassDef) else ():
                    yield from (f"{module}.{name}.{inner}" for inner in bound(part))


def _definitions(text: Text) -> Iterator[ast.stmt]:
    for node in text.source.tree.body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            yield node


def _dedented(line: str, width: int) -> str:
    return line[width:] if not line[:width].strip() else line
