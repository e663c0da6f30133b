"""How an author's code is compiled, be it to run it or to look at it, and what of it is shown."""

from __future__ import annotations

import ast
import types


def compiled(source: str | ast.Module | ast.Expression, path: str, mode: str) -> types.CodeType:
    """With `await` as in a notebook, and not under what this module imports from `__future__`."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code: types.CodeType = compile(source, path, mode, flags=flags, dont_inherit=True)
    return code


def shown_expression(tree: ast.Module, code: str) -> ast.Expr | None:
    """The last statement if its value is displayed: an expression without a semicolon after it."""
    last = tree.body[-1] if tree.body else None
    hidden = code.rstrip().endswith(";")
    return last if isinstance(last, ast.Expr) and not hidden else None
