"""Python code as the tokens that carry meaning, the same on every Python version.

Comments, docstrings, line breaks, indentation, quotes, redundant trailing commas and the
parentheses around a whole right-hand side are left out; what a statement belongs to is kept as
its depth. Inside an f-string, whose tokens differ between versions, the text counts as it is.
"""

from __future__ import annotations

import ast
import hashlib
import keyword
import tokenize
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from sitegen.parse.code import shown_expression

Position = tuple[int, int]
Span = tuple[Position, Position]

_LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
_FSTRING_STARTS = {k for k, name in tokenize.tok_name.items() if name.endswith("STRING_START")}
_FSTRING_ENDS = {k for k, name in tokenize.tok_name.items() if name.endswith("STRING_END")}
_CLOSERS = {")": "(", "]": "[", "}": "{"}
_NO_CALL = {*keyword.kwlist, "match", "case"} - {"import", "True", "False", "None"}
_ASSIGNMENTS = {"=", "+=", "-=", "*=", "/=", "//=", "%=", "**=", "@=", "&=", "|=", "^="}
_ASSIGNMENTS |= {"<<=", ">>="}


def parse(text: str) -> ast.Module:
    """The syntax tree, without the warnings that belong to whoever runs the code.

    Nodes with a `:=` somewhere inside are marked `binds_within`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    if ":=" in text:
        for node in ast.walk(tree):
            if any(isinstance(part, ast.NamedExpr) for part in ast.walk(node)):
                node.binds_within = True  # type: ignore[attr-defined]
    return tree


def short_hash(parts: Iterable[str]) -> str:
    """16 hexadecimal digits, another for every other sequence of strings."""
    return hashlib.blake2b(ascii(list(parts)).encode(), digest_size=8).hexdigest()


class Source:
    """A text of Python with its tree; gives the tokens of any of its statements."""

    def __init__(self, text: str, tree: ast.Module | None = None) -> None:
        """Raises SyntaxError if the text is not Python."""
        self.text = text.replace("\r\n", "\n").replace("\r", "\n")
        self.tree = tree or parse(self.text)
        self.lines = self.text.split("\n")
        self.shown = shown_expression(self.tree, self.text)
        """The expression whose value IPython displays."""

    def tokens(
        self, statements: Sequence[ast.stmt], leave_out: Sequence[ast.stmt] = ()
    ) -> list[str]:
        """What the statements say, without those of their parts that are to be left out."""
        found: list[str] = []
        for statement in statements:
            found.extend(self._tokens_of(statement, [self.span(part) for part in leave_out]))
        return found

    def span(self, node: ast.stmt) -> Span:
        """From the first decorator to the end, in lines from 1 and characters from 0."""
        start = self._position(node.lineno, node.col_offset)
        decorators: list[ast.expr] = getattr(node, "decorator_list", [])
        if decorators:
            line = decorators[0].lineno
            while not self.lines[line - 1].lstrip().startswith("@"):
                line -= 1
            start = line, self.lines[line - 1].index("@")
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return start, self._position(node.end_lineno, node.end_col_offset)

    def between(self, span: Span) -> str:
        """The text of a span."""
        (first, left), (last, right) = span
        lines = self.lines[first - 1 : last]
        lines[-1] = lines[-1][:right]
        lines[0] = lines[0][left:]
        return "\n".join(lines)

    def words(self) -> list[str]:
        """The words of all comments and docstrings, in order."""
        docstrings = {self.span(node)[0] for node in _docstrings(self.tree.body)}
        words: list[str] = []
        for token in tokenize.generate_tokens(_reader(self.lines)):
            if token.type == tokenize.COMMENT:
                words.extend(token.string.lstrip("#").split())
            elif token.type == tokenize.STRING and token.start in docstrings:
                words.extend(str(ast.literal_eval(token.string)).split())
        return words

    def _position(self, line: int, column: int) -> Position:
        """Of a node, whose columns count bytes."""
        text = self.lines[line - 1]
        return line, column if text.isascii() else len(text.encode()[:column].decode())

    def _tokens_of(self, statement: ast.stmt, holes: list[Span]) -> list[str]:
        span = self.span(statement)
        depths = {self.span(node)[0]: depth for node, depth in _nested([statement], 0)}
        holes = sorted([*holes, *(self.span(node) for node in _docstrings([statement]))])
        clauses: list[list[str]] = [[]]
        for kind, text, start in self._without_layout(span):
            while holes and start >= holes[0][1]:
                holes.pop(0)
            if text == ";" or (holes and start >= holes[0][0]):
                continue
            if start in depths:
                clauses.append([f"depth {depths[start]}"])
            if kind == tokenize.NEWLINE:
                clauses.append([])
            elif kind in (tokenize.STRING, tokenize.NUMBER):
                _append_literal(clauses[-1], _literal(text))
            else:
                clauses[-1].append(text)
        return [token for clause in clauses if clause for token in _tidy(clause)]

    def _without_layout(self, span: Span) -> Iterator[tuple[int, str, Position]]:
        """The tokens of a span, each f-string as one STRING whatever the Python version."""
        (first, left), _ = span
        indent = self.lines[first - 1][:left]
        text = (indent if indent.isspace() else " " * left) + self.between(span)
        depth, opening = 0, (0, 0)
        for kind, string, (line, column), (last, end), _ in tokenize.generate_tokens(
            _reader(text.split("\n"))
        ):
            if kind in _FSTRING_STARTS:
                opening = opening if depth else (line + first - 1, column)
                depth += 1
            elif kind in _FSTRING_ENDS:
                depth -= 1
                if not depth:
                    whole = opening, (last + first - 1, end)
                    yield tokenize.STRING, self.between(whole), opening
            elif not depth and kind not in _LAYOUT:
                yield kind, string, (line + first - 1, column)


def same_code(ours: str, theirs: str) -> bool:
    """Whether two texts are the same code with the same words in comments and docstrings."""
    try:
        left, right = Source(ours), Source(theirs)
    except SyntaxError:
        return ours.split() == theirs.split()
    return left.tokens(left.tree.body) == right.tokens(right.tree.body) and (
        left.words() == right.words()
    )


def _reader(lines: list[str]):  # type: ignore[no-untyped-def]
    return iter([line + "\n" for line in lines] + [""]).__next__


def _nested(statements: Sequence[ast.stmt], depth: int) -> Iterator[tuple[ast.stmt, int]]:
    for statement in statements:
        yield statement, depth
        for body in bodies(statement):
            yield from _nested(body, depth + 1)


def bodies(statement: ast.AST) -> Iterator[list[ast.stmt]]:
    """The lists of statements directly inside a statement."""
    for name in ("body", "handlers", "cases", "orelse", "finalbody"):
        inside = getattr(statement, name, ())
        if name in ("handlers", "cases"):
            yield from (part.body for part in inside)
        elif inside:
            yield inside


def _docstrings(statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The docstrings of the classes and functions among statements and inside them."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    for node, _ in _nested(statements, 0):
        if isinstance(node, kinds) and is_text(node.body[0]):
            yield node.body[0]


def is_text(statement: ast.stmt) -> bool:
    """Whether a statement is nothing but a string."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


@lru_cache(maxsize=4096)
def _literal(text: str) -> str:
    """A literal by its value: whatever its quotes, escapes, prefix or base."""
    body = text.lstrip("rRbBuUfFtT")
    prefix = text[: len(text) - len(body)].lower()
    if "f" in prefix or "t" in prefix:
        quote = body[:3] if body[:3] in ('"""', "'''") else body[:1]
        inside = body[len(quote) : -len(quote)]
        plain = not any(sign in inside for sign in "\"'\\")
        return f"{''.join(sorted(prefix))}:{inside if plain else body}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return f"{type(value).__name__}:{value!a}"


def _append_literal(clause: list[str], literal: str) -> None:
    """Adjacent strings are one."""
    kind = literal.partition(":")[0]
    if kind in ("str", "bytes") and clause and clause[-1].startswith(kind + ":"):
        start = len(kind) + 1
        joined = ast.literal_eval(clause.pop()[start:]) + ast.literal_eval(literal[start:])
        literal = f"{kind}:{joined!a}"
    clause.append(literal)


def _tidy(clause: list[str]) -> list[str]:
    """A statement's head without the commas and parentheses that say nothing."""
    if "," in clause:
        clause = _without_trailing_commas(clause)
    return _without_outer_parentheses(clause) if ")" in clause else clause


def _without_trailing_commas(clause: list[str]) -> list[str]:
    """`f(a,)` as `f(a)`, but `(a,)` and `x[a,]` as they are."""
    kept: list[str] = []
    brackets: list[list[int]] = []  # for each open bracket: needs its last comma, commas so far
    for token in clause:
        before = kept[-1] if kept else ""
        if token in ("(", "[", "{"):
            operand = before in (")", "]", "}") or ":" in before[1:]
            called = operand or (before.isidentifier() and before not in _NO_CALL)
            needs_comma = not called if token == "(" else called and token == "["
            brackets.append([needs_comma, 0])
        elif token == "," and brackets:
            brackets[-1][1] += 1
        elif token in _CLOSERS and brackets:
            needed, commas = brackets.pop()
            if before == "," and (not needed or commas > 1):
                kept.pop()
        kept.append(token)
    return kept


def _without_outer_parentheses(clause: list[str]) -> list[str]:
    """`x = (a + b)` as `x = a + b`; so too after `return`, `if`, `from m import` and the like."""
    end = len(clause) - (clause[-1] == ":")
    if clause[end - 1] != ")":
        return clause
    opened: list[int] = []
    for index, token in enumerate(clause[:end]):
        if token in ("(", "[", "{"):
            opened.append(index)
        elif token in _CLOSERS:
            start = opened.pop()
    before = clause[start - 1]
    assigns = end == len(clause) and before in _ASSIGNMENTS and "lambda" not in clause
    heads = start == 2 and before in ("if", "elif", "while", "return")
    imports = before == "import" and clause[1] == "from"
    if not (assigns or heads or imports):
        return clause
    return [*clause[:start], *clause[start + 1 : end - 1], *clause[end:]]
