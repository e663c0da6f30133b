"""Code as HTML: Pygments' spans, and a span of its own for every line."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from typing import Any

from markupsafe import Markup


def highlight(code: str, language: str, marked: Collection[int] = ()) -> Markup:
    """The lines of `code`; those whose numbers are `marked`, counted from 1, stand out.

    The text is always that of `code`. Where a lexer would change it, it is not coloured.
    """
    from pygments.formatters.html import HtmlFormatter

    written = io.StringIO()
    HtmlFormatter(nowrap=True).format(_tokens(code.removesuffix("\n") + "\n", language), written)
    html = written.getvalue().removesuffix("\n")
    lines = (
        f'<span class="line{" hl" if number in marked else ""}">{line}\n</span>'
        for number, line in enumerate(html.split("\n"), start=1)
    )
    return Markup("".join(lines))


def _tokens(text: str, language: str) -> Sequence[tuple[Any, str]]:
    from pygments.lexers import get_lexer_by_name
    from pygments.lexers.python import PythonLexer
    from pygments.token import Text
    from pygments.util import ClassNotFound

    plain = [(Text, text)]
    # Sessions tell a prompt from what was printed by whole lines, the last one's end included.
    options = {"stripnl": False, "ensurenl": False}
    try:
        lexer = (
            PythonLexer(**options)
            if language == "python"
            else get_lexer_by_name(language, **options)
        )
        tokens = list(lexer.get_tokens(text))
    except (ClassNotFound, RecursionError, ValueError, LookupError):
        return plain
    return tokens if "".join(value for _, value in tokens) == text else plain
