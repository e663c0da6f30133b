"""Code as HTML: Pygments' spans, and a span of its own for every line."""

from __future__ import annotations

from collections.abc import Collection

from markupsafe import Markup


def highlight(code: str, language: str, marked: Collection[int] = ()) -> Markup:
    """The lines of `code`; those whose numbers are `marked`, counted from 1, stand out."""
    from pygments import highlight as colour
    from pygments.formatters.html import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.lexers.python import PythonLexer
    from pygments.lexers.special import TextLexer
    from pygments.util import ClassNotFound

    try:
        options = {"stripnl": False, "ensurenl": False}
        lexer = (
            PythonLexer(**options)
            if language == "python"
            else (get_lexer_by_name(language, **options) if language else TextLexer(**options))
        )
    except ClassNotFound:
        lexer = TextLexer(stripnl=False, ensurenl=False)
    html = colour(code.rstrip("\n"), lexer, HtmlFormatter(nowrap=True)).rstrip("\n")
    lines = (
        f'<span class="line{" hl" if number in marked else ""}">{line}\n</span>'
        for number, line in enumerate(html.split("\n"), start=1)
    )
    return Markup("".join(lines))
