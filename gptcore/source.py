"""How long code is, whatever its layout and however well it is commented."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable


def lines_of_code(definition: type | Callable[..., object]) -> int:
    """Lines of a class or function in one fixed layout, without comments and docstrings."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(definition)))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return sum(1 for line in ast.unparse(tree).splitlines() if line.strip())
