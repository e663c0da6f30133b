"""LaTeX formulas as tokens: groups, arguments and rows, whatever they mean."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

_TOKEN = re.compile(r"%[^\n]*(?:\n[ \t]*)?|\\(?:[A-Za-z]+|.)|\s+|.", re.DOTALL)
_PAIRS = {"{": "}", r"\left": r"\right", r"\begin": r"\end"}
_UNITS = ("em", "ex", "pt", "px", "mu", "mm", "cm", "in")
_MOST_TOKENS = 20_000
"""A macro that holds itself comes to no end."""


class FormulaError(ValueError):
    """What can't be shown in a formula; `line` is the formula's own, counted from 0."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"formula: {message}")
        self.line = line


class Token(NamedTuple):
    """A command, a character, or white space of any length, written as one space."""

    text: str
    line: int


class Macro(NamedTuple):
    """What a command stands for; `#1` in it is the first of its arguments."""

    arguments: int
    body: Sequence[Token]


def tokens(tex: str, line: int = 0) -> list[Token]:
    """All tokens but comments."""
    found = []
    for part in _TOKEN.findall(unicodedata.normalize("NFC", tex)):
        if not part.startswith("%"):
            found.append(Token(" " if part.isspace() else part, line))
        line += part.count("\n")
    return found


class Reader:
    """Takes tokens one after the other, and those that belong together at once."""

    def __init__(self, source: Sequence[Token], line: int = 0) -> None:
        self._source = source
        self._at = 0
        self.line = source[0].line if source else line

    def raw(self) -> Token:
        """The next token, white space too; an empty one at the end."""
        if self._at == len(self._source):
            return Token("", self.line)
        token = self._source[self._at]
        self._at += 1
        self.line = token.line
        return token

    def back(self) -> None:
        """Put the last token back."""
        self._at -= 1

    def next(self) -> Token:
        """The next token that isn't white space."""
        self._skip()
        return self.raw()

    def peek(self, skip: bool = True) -> str:
        """The text of the next token, "" at the end; `skip` passes white space over."""
        if skip:
            self._skip()
        return self._source[self._at].text if self._at < len(self._source) else ""

    def _skip(self) -> None:
        while self._at < len(self._source) and self._source[self._at].text == " ":
            self._at += 1

    def rest(self) -> list[Token]:
        """Everything that is left."""
        found = list(self._source[self._at :])
        self._at = len(self._source)
        return found

    def argument(self, of: str) -> list[Token]:
        """The next group without its braces, or the next token; `FormulaError` if none is left."""
        self.expect(of)
        token = self.next()
        return self.until("{") if token.text == "{" else [token]

    def expect(self, of: str) -> None:
        """`FormulaError` unless there is something left for a command to be about."""
        if self.peek() in ("", "}", "&", r"\\", r"\right", r"\end", "^", "_"):
            raise FormulaError(f"'{of}' lacks a part", self.line)

    def optional(self) -> list[Token] | None:
        """What stands in brackets, None if there are none."""
        if self.peek() != "[":
            return None
        opening, found = self.next(), []
        while (token := self.raw()).text != "]":
            if not token.text:
                raise FormulaError("'[' is not closed", opening.line)
            found.append(token)
            if token.text == "{":
                found += [*self.until("{"), Token("}", self.line)]
        return found

    def until(self, opening: str, line: int | None = None) -> list[Token]:
        """The tokens up to the one that closes `opening`, which was taken already, on `line`."""
        line, found = self.line if line is None else line, []
        expected = [_PAIRS[opening]]
        while token := self.raw():
            if not token.text:
                what = "unbalanced braces: '{'" if opening == "{" else f"'{opening}'"
                raise FormulaError(f"{what} is not closed", line)
            if token.text == expected[-1]:
                expected.pop()
                if not expected:
                    break
            elif token.text in _PAIRS:
                expected.append(_PAIRS[token.text])
            elif token.text in _PAIRS.values():
                raise FormulaError(f"'{token.text}' where '{expected[-1]}' is due", token.line)
            found.append(token)
        return found

    def word(self, of: str) -> str:
        """An argument that is no formula: a name, a length, a colour."""
        return "".join(token.text for token in self.argument(of)).strip()


def split(source: Sequence[Token], *at: str) -> list[list[Token]]:
    """The parts between tokens of these texts.

    Groups, `\\left ... \\right` and environments stay whole.
    """
    reader = Reader(source)
    parts: list[list[Token]] = [[]]
    while (token := reader.raw()).text:
        if token.text in at:
            parts.append([])
            continue
        parts[-1].append(token)
        if token.text in _PAIRS:
            parts[-1] += [*reader.until(token.text), Token(_PAIRS[token.text], reader.line)]
    return parts


def length(text: str, line: int) -> str:
    """A length as CSS writes it."""
    found = re.fullmatch(r"(-?)\s*(\d*\.?\d+|\d+\.)\s*([a-z]{2})", text.strip())
    if not found or found[3] not in _UNITS:
        known = ", ".join(_UNITS)
        raise FormulaError(f"cannot read the length '{text}': a number, and one of {known}", line)
    number = float(found[1] + found[2])
    return f"{round(number / 18, 4):g}em" if found[3] == "mu" else f"{number:g}{found[3]}"


def unfolded(source: Sequence[Token], known: Mapping[str, Macro]) -> list[Token]:
    """The tokens with macros, the formula's own too, replaced by what they stand for."""
    macros = dict(known)
    stack = list(reversed(source))
    found: list[Token] = []
    taken = 0
    while stack:
        taken += 1
        if taken + len(stack) > _MOST_TOKENS:
            raise FormulaError("it is too long, or a macro in it holds itself")
        token = stack.pop()
        if token.text in _DEFINITIONS:
            reader = Reader(list(reversed(stack)), token.line)
            name, macro = _definition(token.text, reader)
            macros[name] = macro
            stack = list(reversed(reader.rest()))
        elif token.text in macros:
            macro = macros[token.text]
            if macro.arguments:
                reader = Reader(list(reversed(stack)), token.line)
                arguments = [reader.argument(token.text) for _ in range(macro.arguments)]
                stack = list(reversed(reader.rest()))
            else:
                arguments = []
            stack += reversed(list(_filled(macro.body, arguments, token.line)))
        else:
            found.append(token)
    return found


_DEFINITIONS = (
    r"\newcommand",
    r"\renewcommand",
    r"\providecommand",
    r"\def",
    r"\DeclareMathOperator",
)


def _definition(command: str, reader: Reader) -> tuple[str, Macro]:
    starred = command == r"\DeclareMathOperator" and reader.peek() == "*" and bool(reader.next())
    name = reader.word(command) if reader.peek() == "{" else reader.next().text
    if not re.fullmatch(r"\\([A-Za-z]+|.)", name):
        raise FormulaError(f"'{command}' defines a command, not '{name}'", reader.line)
    count = 0
    if command == r"\def":
        while reader.peek() == "#":
            reader.next()
            count, _ = count + 1, reader.next()
    elif given := reader.optional():
        number = "".join(token.text for token in given)
        if not re.fullmatch("[0-9]", number):
            raise FormulaError(
                f"'{command}' takes a number of arguments, not '{number}'", reader.line
            )
        count = int(number)
    body = reader.argument(command)
    if command == r"\DeclareMathOperator":
        star = [Token("*", reader.line)] if starred else []
        brace = Token("{", reader.line), Token("}", reader.line)
        body = [Token(r"\operatorname", reader.line), *star, brace[0], *body, brace[1]]
    return name, Macro(count, body)


def _filled(
    body: Sequence[Token], arguments: Sequence[Sequence[Token]], line: int
) -> Iterator[Token]:
    reader = Reader(body)
    while (token := reader.raw()).text:
        if token.text == "#" and reader.peek().isdigit():
            number = int(reader.next().text)
            yield from arguments[number - 1] if 0 < number <= len(arguments) else ()
        else:
            yield Token(token.text, line)
