"""A formula while it is read: rows, groups and scripts. Its commands are given to it."""

from __future__ import annotations

import difflib
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sitegen.render import mathsymbols as symbols
from sitegen.render.mathread import FormulaError, Reader, Token
from sitegen.render.mathspace import Atom, element, row, space


@dataclass(frozen=True)
class Style:
    """What a part of a formula takes from what it stands in."""

    font: str = ""
    """One of `mathsymbols.FONTS`."""
    level: int = 0
    """How many sizes smaller than the text."""

    def smaller(self) -> Style:
        return replace(self, level=self.level + 1)


TEXT = Style()
FENCES = "()[]{}⟨⟩⌈⌉⌊⌋|‖∥∣/∖⟦⟧⟮⟯⌜⌝⌞⌟⎰⎱↑↓↕⇑⇓⇕"
"""Signs that a browser would stretch without being asked, or that `\\left` may stretch."""
_INTEGRALS = "∫∬∭∮∯∰∱∲∳⨌⨍⨎⨏⨐⨑⨒⨓⨔⨕⨖⨗⨘⨙⨚⨛⨜"
_PLAIN_SIGNS = "/|‖.∀∃¬∄′″‴⁗"
_INFIX = {
    r"\over": ("", "", ""),
    r"\atop": ("", "", "0"),
    r"\choose": ("(", ")", "0"),
    r"\brack": ("[", "]", "0"),
    r"\brace": ("{", "}", "0"),
}
_MISPLACED = {
    "&": r"'&' outside of an environment with columns; the sign itself is to be escaped: '\&'",
    "}": "unbalanced braces: '}' closes nothing",
    "#": r"'#' is to be escaped: '\#'",
    "$": r"'$' is to be escaped: '\$'",
    "\\": "a backslash at the end",
    r"\right": r"'\right' without '\left'",
    r"\end": r"'\end' without '\begin'",
    r"\hline": r"'\hline' outside of an environment with rows",
    r"\\": r"'\\' outside of an environment with rows",
    r"\cr": r"'\cr' outside of an environment with rows",
    r"\limits": r"'\limits' follows a sign such as \sum",
    r"\nolimits": r"'\nolimits' follows a sign such as \sum",
    r"\ref": r"'\ref': formulas have no numbers to refer to",
    r"\eqref": r"'\eqref': formulas have no numbers to refer to",
}

Command = Callable[["Formula", str, Reader, Style], Atom | None]
"""Reads what belongs to a command of this name; None if there is nothing to show."""


class Formula:
    """One formula: each method takes what it needs from a reader."""

    def __init__(
        self, display: bool, commands: Mapping[str, Command], switches: Mapping[str, Command]
    ) -> None:
        self.display = display
        self.commands = commands
        self.switches = switches
        """Commands that hold up to the end of their group, and take all of it."""
        self.fences = 0
        """How many `\\left` are open."""
        self.tag: ET.Element | None = None
        """That of the row which is read."""
        self.taggable = display

    def atoms(self, reader: Reader, style: Style) -> list[Atom]:
        """All that is left in the reader."""
        found: list[Atom] = []
        while command := reader.peek():
            if command in _INFIX:
                reader.next()
                return [self._infix(found, reader, style, *_INFIX[command])]
            if switch := self.switches.get(command[1:] if command[0] == "\\" else ""):
                reader.next()
                found += filter(None, [switch(self, command[1:], reader, style)])
            else:
                found += self.atom(reader, style)
        return found

    def group(self, source: Sequence[Token], style: Style) -> ET.Element:
        """The tokens of a group as one element."""
        return row(self.atoms(Reader(source), style), style.level)

    def argument(self, reader: Reader, of: str, style: Style) -> ET.Element:
        """What follows a command, in braces or the next sign, as one element."""
        return row(self.parts(reader, of, style), style.level)

    def parts(self, reader: Reader, of: str, style: Style) -> list[Atom]:
        """What follows a command, in braces or the next sign."""
        reader.expect(of)
        if reader.peek() == "{":
            return self.atoms(Reader(reader.argument(of), reader.line), style)
        atom = self.nucleus(reader, style, alone=True)
        return [atom] if atom else []

    def _infix(
        self, above: list[Atom], reader: Reader, style: Style, left: str, right: str, line: str
    ) -> Atom:
        if not above or not reader.peek():
            raise FormulaError("a fraction lacks a part", reader.line)
        below = row(self.atoms(reader, style), style.level)
        attributes = {"linethickness": line} if line else {}
        fraction = element("mfrac", row(above, style.level), below, **attributes)
        return Atom(enclosed([fraction], left, right) if left else fraction)

    def atom(self, reader: Reader, style: Style) -> list[Atom]:
        """The next part of a row with its scripts; nothing for what isn't shown."""
        if reader.peek() in ("^", "_", "'"):
            return [self._scripted(Atom(element("mrow")), reader, style)]
        nucleus = self.nucleus(reader, style)
        if nucleus is None:
            return []
        return [nucleus if nucleus.kind == "space" else self._scripted(nucleus, reader, style)]

    def nucleus(self, reader: Reader, style: Style, alone: bool = False) -> Atom | None:
        """The next part without scripts; `alone` takes the first digit of a number."""
        token = reader.next()
        text = token.text
        if text in _MISPLACED:
            raise FormulaError(_MISPLACED[text], token.line)
        if text == "{":
            return self._braces(Reader(reader.until("{"), reader.line), style)
        if text.startswith("\\"):
            return self._command(token, reader, style)
        if text.isdigit() or (text == "." and reader.peek(skip=False).isdigit()):
            number = text if alone else text + _digits(text, reader)
            letters = "".join(symbols.letter(digit, style.font) for digit in number)
            return Atom(element("mn", text=letters))
        if text == "~":
            return Atom(space(0.25), "space")
        return self.sign(symbols.TYPED.get(text, text), reader, style)

    def _braces(self, reader: Reader, style: Style) -> Atom:
        atoms = self.atoms(reader, style)
        if len(atoms) == 1 and atoms[0].core is not None and atoms[0].kind != "op":
            atoms[0].kind = "ord"  # as in 1{,}000
        return Atom(row(atoms, style.level))

    def _command(self, token: Token, reader: Reader, style: Style) -> Atom | None:
        name = token.text[1:]
        if command := self.commands.get(name):
            return command(self, name, reader, style)
        if character := symbols.symbol(name):
            return self.sign(character, reader, style)
        known = {*self.commands, *self.switches, *symbols.names()}
        near = hint(token.text, (f"\\{other}" for other in known))
        raise FormulaError(f"unknown command '{token.text}'{near}", token.line)

    def sign(self, sign: str, reader: Reader, style: Style) -> Atom:
        """A letter, which may begin a word, or another character."""
        kind = symbols.kind(sign[0])
        if kind == "op":
            node = element("mo", text=sign)
            return Atom(node, "op", core=node, limits=sign not in _INTEGRALS)
        if sign[0].isalpha() or (kind in ("ord", "inner") and sign not in _PLAIN_SIGNS):
            return Atom(_letters(sign, reader, style), kind)
        node = element("mo", text=sign)
        if sign in FENCES:
            node.set("stretchy", "false")
        if style.font == "bi":
            node.set("class", "bold")
        return Atom(node, kind, core=node)

    def _scripted(self, base: Atom, reader: Reader, style: Style) -> Atom:
        """The part with what stands to its right, above and below."""
        primes, limits = 0, base.limits
        scripts: dict[str, ET.Element] = {}
        while (text := reader.peek()) in ("^", "_", "'", r"\limits", r"\nolimits"):
            token = reader.next()
            if text.startswith("\\"):
                if base.kind != "op" and not base.limits:
                    raise FormulaError(_MISPLACED[text], token.line)
                limits = text == r"\limits"
                if limits and base.core is not None:
                    base.core.set("movablelimits", "false")
            elif text == "'":
                if "^" in scripts:
                    raise FormulaError("a prime after '^'; write it before", token.line)
                primes += 1
            elif text in scripts:
                what = "subscripts" if text == "_" else "superscripts"
                raise FormulaError(f"two {what}; braces say what each is of", token.line)
            else:
                scripts[text] = self.argument(reader, text, style.smaller())
        if primes:
            mark = element("mo", text=_primes(primes), lspace="0", rspace="0")
            more = scripts.get("^")
            scripts["^"] = mark if more is None else element("mrow", mark, more)
        if not scripts:
            return base
        parts = [scripts[at] for at in ("_", "^") if at in scripts]
        below, above, both = _UNDER_AND_OVER if limits else _SUB_AND_SUP
        tag = both if len(parts) == 2 else above if "^" in scripts else below
        return replace(base, node=element(tag, base.node, *parts))


_UNDER_AND_OVER = ("munder", "mover", "munderover")
_SUB_AND_SUP = ("msub", "msup", "msubsup")


def _primes(number: int) -> str:
    return "′″‴⁗"[number - 1] if number < 5 else "′" * number


def _digits(first: str, reader: Reader) -> str:
    """The digits that follow the first one, with a decimal point that has some behind it."""
    digits = ""
    while (text := reader.peek(skip=False)).isdigit() or (
        text == "." and "." not in first + digits
    ):
        digits += reader.raw().text
    if digits.endswith("."):
        reader.back()
    return digits.removesuffix(".")


def _letters(first: str, reader: Reader, style: Style) -> ET.Element:
    """A letter, or in upright type a word of them."""
    word = symbols.letter(first, style.font)
    while style.font == "rm" and first.isalpha() and reader.peek(skip=False).isalpha():
        word += reader.raw().text
    node = element("mi", text=word)
    # Browsers slant a single letter.
    upright = style.font == "rm" or (not style.font and (first == "∇" or "Α" <= first <= "Ω"))
    if len(word) == 1 and upright:
        node.set("mathvariant", "normal")
    return node


_LOW = {"mi", "mn", "mtext", "mspace", "mrow", "msub", "msup", "msubsup"}


def enclosed(nodes: Sequence[ET.Element], left: str, right: str) -> ET.Element:
    """Between brackets as tall as they are; "" for none."""
    inner = [part for node in nodes for part in node.iter()]
    low = all(part.tag in _LOW or _is_small(part) for part in inner)
    # Chromium leaves space for the tallest bracket around one that need not grow.
    stretchy = "false" if low else "true"
    sides = (
        element("mo", text=sign, form=form, stretchy=stretchy, lspace="0", rspace="0")
        for sign, form in ((left, "prefix"), (right, "postfix"))
    )
    opening, closing = ([side] if side.text else [] for side in sides)
    return element("mrow", *opening, *nodes, *closing)


def _is_small(node: ET.Element) -> bool:
    return (
        node.tag == "mo"
        and "minsize" not in node.attrib
        and symbols.kind((node.text or " ")[0]) != "op"
    )


def hint(word: str, known: Iterable[str]) -> str:
    """The nearest known word, if one is near; all are too many to list."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.75)
    return f"; did you mean '{near[0]}'?" if near else ""
