"""LaTeX formulas as MathML, which needs no script to be shown."""

from __future__ import annotations

import difflib
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sitegen.render import mathsymbols as symbols
from sitegen.render.mathread import FormulaError, Reader, Token, split, tokens, unfolded
from sitegen.render.mathspace import Atom, element, em, nodes_of, row, space


@lru_cache(maxsize=4096)
def to_mathml(tex: str, display: bool) -> str:
    """The formula as a `<math>` element.

    `FormulaError`, a `ValueError` with the `line` of the formula, says what can't be shown.
    """
    if not tex.strip():
        raise FormulaError("an empty formula")
    node = _Formula(display).math(unfolded(tokens(tex), symbols.MACROS))
    return ET.tostring(node, encoding="unicode")


@dataclass(frozen=True)
class _Style:
    """What a part of a formula takes from what it stands in."""

    font: str = ""
    level: int = 0
    """How many sizes smaller than the text."""

    def smaller(self) -> _Style:
        return replace(self, level=self.level + 1)


_TEXT = _Style()
_INTEGRALS = "∫∬∭∮∯∰∱∲∳⨌⨍⨎⨏⨐⨑⨒⨓⨔⨕⨖⨗⨘⨙⨚⨛⨜"
_FENCES = "()[]{}⟨⟩⌈⌉⌊⌋|‖∥∣/∖⟦⟧⟮⟯⌜⌝⌞⌟⎰⎱↑↓↕⇑⇓⇕"
_INFIX = {
    r"\over": ("", "", ""),
    r"\atop": ("", "", "0"),
    r"\choose": ("(", ")", "0"),
    r"\brack": ("[", "]", "0"),
    r"\brace": ("{", "}", "0"),
}


class _Formula:
    """One formula while it is read: each method takes what it needs from a reader."""

    def __init__(self, display: bool) -> None:
        self.display = display
        self.tag: ET.Element | None = None
        """That of the row which is read."""
        self.taggable = display
        self.fences = 0

    def math(self, source: Sequence[Token]) -> ET.Element:
        """The whole formula."""
        rows = split(source, r"\\")
        if len(rows) > 1:
            node = self._table(source, symbols.ENVIRONMENTS["gather"], [])
        else:
            atoms = self.atoms(Reader(source), _TEXT)
            nodes = nodes_of(atoms)
            if self.tag is not None:
                content = element("mtd", *nodes)
                nodes = [_tagged([element("mtr", content)], [self.tag], "rows")]
            node = nodes[0] if len(nodes) == 1 else element("mrow", *nodes)
        attributes = {"display": "block"} if self.display else {}
        if "tagged" in node.get("class", ""):
            attributes["class"] = "wide-as-text"  # tags stand at the edge of the text
        return element("math", node, **attributes)

    # Rows.

    def atoms(self, reader: Reader, style: _Style) -> list[Atom]:
        """All that is left in the reader."""
        found: list[Atom] = []
        while command := reader.peek():
            name = command[1:]
            if command in _INFIX:
                reader.next()
                return [self._infix(found, reader, style, *_INFIX[command])]
            if command == r"\color" or name in symbols.STYLES or name in symbols.FONT_SWITCHES:
                reader.next()
                found += self._switch(command, reader, style)
            else:
                found += self.atom(reader, style)
        return found

    def group(self, source: Sequence[Token], style: _Style) -> ET.Element:
        """The tokens of a group as one element."""
        return row(self.atoms(Reader(source), style), style.level)

    def argument(self, reader: Reader, of: str, style: _Style) -> ET.Element:
        """What follows a command, in braces or the next sign, as one element."""
        return row(self.parts(reader, of, style), style.level)

    def parts(self, reader: Reader, of: str, style: _Style) -> list[Atom]:
        """What follows a command, in braces or the next sign."""
        reader.expect(of)
        if reader.peek() == "{":
            return self.atoms(Reader(reader.argument(of), reader.line), style)
        atom = self.nucleus(reader, style, alone=True)
        return [atom] if atom else []

    def _switch(self, command: str, reader: Reader, style: _Style) -> list[Atom]:
        """A command that holds up to the end of its group."""
        name = command[1:]
        if name in symbols.FONT_SWITCHES:
            return self.atoms(reader, replace(style, font=symbols.FONT_SWITCHES[name]))
        if name in symbols.STYLES:
            large, level = symbols.STYLES[name]
            style = replace(style, level=level)
            nodes = nodes_of(self.atoms(reader, style), level)
            attributes = {"displaystyle": str(large).lower(), "scriptlevel": str(level)}
        else:
            attributes = {"mathcolor": _color(reader, command)}
            nodes = nodes_of(self.atoms(reader, style), style.level)
        return [Atom(element("mstyle", *nodes, **attributes))]

    def _infix(
        self, above: list[Atom], reader: Reader, style: _Style, left: str, right: str, line: str
    ) -> Atom:
        if not above or not reader.peek():
            raise FormulaError("a fraction lacks a part", reader.line)
        below = row(self.atoms(reader, style), style.level)
        attributes = {"linethickness": line} if line else {}
        fraction = element("mfrac", row(above, style.level), below, **attributes)
        return Atom(_enclosed(fraction, left, right))

    # Parts of a row.

    def atom(self, reader: Reader, style: _Style) -> list[Atom]:
        """The next part of a row with its scripts; nothing for what isn't shown."""
        if reader.peek() in ("^", "_", "'"):
            found = Atom(element("mrow"))
        else:
            nucleus = self.nucleus(reader, style)
            if nucleus is None or nucleus.kind == "space":
                return [nucleus] if nucleus else []
            found = nucleus
        return [self._scripted(found, reader, style)]

    def nucleus(self, reader: Reader, style: _Style, alone: bool = False) -> Atom | None:
        """The next part without scripts; `alone` takes the first digit of a number."""
        token = reader.next()
        text = token.text
        if text == "{":
            atoms = self.atoms(Reader(reader.until("{"), reader.line), style)
            if len(atoms) == 1 and atoms[0].core is not None and atoms[0].kind != "op":
                atoms[0].kind = "ord"  # as in 1{,}000
            return Atom(row(atoms, style.level))
        if text.startswith("\\"):
            return self._command(token, reader, style)
        if text.isdigit() or (text == "." and reader.peek(skip=False).isdigit()):
            number = text if alone else text + _digits(text, reader)
            return Atom(element("mn", text=_in_font(number, style)))
        if text in _MISPLACED:
            raise FormulaError(_MISPLACED[text], token.line)
        if text == "~":
            return Atom(space(0.25), "space")
        return self._sign(symbols.TYPED.get(text, text), reader, style)

    def _sign(self, sign: str, reader: Reader, style: _Style) -> Atom:
        kind = symbols.kind(sign[0])
        if kind == "op":
            return _operator(element("mo", text=sign), limits=sign not in _INTEGRALS)
        if sign[0].isalpha() or (kind in ("ord", "inner") and sign not in "/|‖.∀∃¬∄′″‴⁗"):
            return Atom(_letters(sign, reader, style), kind)
        node = element("mo", text=sign)
        if sign in _FENCES:
            node.set("stretchy", "false")
        if style.font == "bi":
            node.set("class", "bold")
        return Atom(node, kind, core=node)

    def _scripted(self, base: Atom, reader: Reader, style: _Style) -> Atom:
        """The part with what stands to its right, above and below."""
        primes = 0
        scripts: dict[str, ET.Element] = {}
        limits, forced = base.limits, False
        while (text := reader.peek()) in ("^", "_", "'", r"\limits", r"\nolimits"):
            token = reader.next()
            if text.startswith("\\"):
                if base.kind != "op" and not base.limits:
                    raise FormulaError(f"'{text}' follows a sign such as \\sum", token.line)
                limits, forced = text == r"\limits", text == r"\limits"
            elif text == "'":
                if "^" in scripts:
                    raise FormulaError("a prime after '^'; write it before", token.line)
                primes += 1
            elif text in scripts:
                what = "subscripts" if text == "_" else "superscripts"
                raise FormulaError(
                    f"two {what}; put braces around what the first is of", token.line
                )
            else:
                scripts[text] = self.argument(reader, text, style.smaller())
        if primes:
            sign = "′″‴⁗"[primes - 1] if primes < 5 else "′" * primes
            mark = element("mo", text=sign, lspace="0", rspace="0")
            more = scripts.get("^")
            scripts["^"] = mark if more is None else element("mrow", mark, more)
        if not scripts:
            return base
        if forced and base.core is not None:
            base.core.set("movablelimits", "false")
        parts = [scripts[at] for at in ("_", "^") if at in scripts]
        tags = ("munder", "mover", "munderover") if limits else ("msub", "msup", "msubsup")
        tag = tags[2] if len(parts) == 2 else tags["^" in scripts]
        return replace(base, node=element(tag, base.node, *parts))

    # Commands.

    def _command(self, token: Token, reader: Reader, style: _Style) -> Atom | None:
        name = token.text[1:]
        if name in symbols.SPACES:
            return Atom(space(symbols.SPACES[name]), "space")
        if name in symbols.WITHOUT_EFFECT:
            return None
        if name in symbols.FUNCTIONS:
            return _function(name)
        if name in symbols.LIMITS:
            return _function(symbols.LIMITS[name], limits=True)
        for table, method in _TABLES:
            if name in table:
                return method(self, name, reader, style)
        if name in _COMMANDS:
            return _COMMANDS[name](self, name, reader, style)
        if token.text in ("\\|", "\\{", "\\}"):
            return self._sign(name.replace("|", "‖"), reader, style)
        if name in symbols.ESCAPED:
            return Atom(element("mi", text=symbols.ESCAPED[name]))
        character = symbols.symbol(name)
        if character:
            atom = self._sign(character, reader, style)
            return replace(atom, kind="punct") if name == "colon" else atom
        raise _unknown(token)

    def _accent(self, name: str, reader: Reader, style: _Style) -> Atom:
        base = self.argument(reader, f"\\{name}", style)
        mark = element("mo", text=symbols.ACCENTS[name], stretchy="false")
        if name == "vec":
            mark.set("mathsize", "70%")
        return Atom(element("mover", base, mark, accent="true"))

    def _over(self, name: str, reader: Reader, style: _Style) -> Atom:
        base = self.argument(reader, f"\\{name}", style)
        mark = element("mo", text=symbols.OVER[name], stretchy="true")
        return self._braced(name, element("mover", base, mark, accent="true"))

    def _under(self, name: str, reader: Reader, style: _Style) -> Atom:
        base = self.argument(reader, f"\\{name}", style)
        mark = element("mo", text=symbols.UNDER[name], stretchy="true")
        return self._braced(name, element("munder", base, mark, accentunder="true"))

    def _braced(self, name: str, node: ET.Element) -> Atom:
        return Atom(node, limits=name in symbols.LABELLED)

    def _arrow(self, name: str, reader: Reader, style: _Style) -> Atom:
        below = reader.optional()
        above = reader.argument(f"\\{name}")
        arrow = element("mo", text=symbols.ARROWS[name], stretchy="true")
        parts = []
        for label in (below, above):
            if label is not None:
                content = self.group(label, style.smaller())
                parts.append(element("mrow", space(0.4), content, space(0.4)))
        tag = "mover" if below is None else "munderover"
        return Atom(element(tag, arrow, *parts), "rel", core=arrow)

    def _font(self, name: str, reader: Reader, style: _Style) -> Atom:
        atoms = self.parts(reader, f"\\{name}", replace(style, font=symbols.FONTS[name]))
        if len(atoms) == 1:
            return atoms[0]
        return Atom(row(atoms, style.level))

    def _text(self, name: str, reader: Reader, style: _Style) -> Atom:
        source = reader.argument(f"\\{name}")
        nodes = self._texts(source, symbols.TEXTS[name])
        return Atom(nodes[0] if len(nodes) == 1 else element("mrow", *nodes))

    def _texts(self, source: Sequence[Token], looks: str) -> list[ET.Element]:
        """Words, and formulas between dollar signs in them."""
        reader, nodes, words = Reader(source), [], ""

        def end_words() -> None:
            nonlocal words
            if words:
                attributes = {"class": looks} if looks else {}
                nodes.append(element("mtext", text=words, **attributes))
            words = ""

        while (token := reader.raw()).text:
            text = token.text
            if text == "$":
                inner = []
                while (part := reader.raw()).text != "$":
                    if not part.text:
                        raise FormulaError("'$' in a text is not closed", token.line)
                    inner.append(part)
                end_words()
                nodes.append(self.group(inner, _TEXT))
            elif text[1:] in symbols.TEXTS and text[0] == "\\":
                end_words()
                nodes += self._texts(reader.argument(text), symbols.TEXTS[text[1:]] or looks)
            elif text == "{":
                end_words()
                nodes += self._texts(reader.until("{"), looks)
            else:
                words += _word(token, reader)
        end_words()
        return nodes or [element("mtext")]

    def _operatorname(self, name: str, reader: Reader, style: _Style) -> Atom:
        star = reader.peek() == "*" and bool(reader.next())
        source = reader.argument(f"\\{name}")
        if not "".join(token.text for token in source).strip():
            raise FormulaError(f"'\\{name}' lacks a part", reader.line)
        spaces = {
            r"\,": "\u2009",
            r"\ ": "\u00a0",
            "~": "\u00a0",
            r"\;": "\u2005",
            " ": "",
            r"\!": "",
        }
        words = [spaces.get(token.text, token.text) for token in source]
        words = [word.replace("\\_", "_") for word in words]
        if all(len(word) < 2 and word not in "{}^$&" for word in words):
            return _function("".join(words), limits=star)
        node = self.group(source, replace(style, font="rm"))
        return Atom(node, "op", limits=star and self.display and style.level == 0)

    def _fraction(self, name: str, reader: Reader, style: _Style) -> Atom:
        small = style.smaller() if name[0] == "t" else style
        above, below = (self.argument(reader, f"\\{name}", small) for _ in range(2))
        binomial = name.endswith("binom")
        attributes = {"linethickness": "0"} if binomial else {}
        node = element("mfrac", above, below, **attributes)
        if binomial:
            node = _enclosed(node, "(", ")")
        if name[0] in "dtc":
            large = str(name[0] != "t").lower()
            node = element("mstyle", node, displaystyle=large, scriptlevel=str(style.level))
        return Atom(node)

    def _genfrac(self, name: str, reader: Reader, style: _Style) -> Atom:
        left, right, line, size = (reader.word(f"\\{name}") for _ in range(4))
        above, below = (self.argument(reader, f"\\{name}", style) for _ in range(2))
        attributes = {"linethickness": _length(line, reader.line)} if line else {}
        node = element("mfrac", above, below, **attributes)
        if left or right:
            node = _enclosed(node, *(side.removeprefix("\\") for side in (left, right)))
        if size in ("0", "1", "2", "3"):
            level = max(int(size) - 1, 0)
            large = str(size == "0").lower()
            node = element("mstyle", node, displaystyle=large, scriptlevel=str(level))
        return Atom(node)

    def _root(self, name: str, reader: Reader, style: _Style) -> Atom:
        index = reader.optional()
        content = self.argument(reader, f"\\{name}", style)
        if index is None:
            return Atom(element("msqrt", content))
        return Atom(element("mroot", content, self.group(index, style.smaller().smaller())))

    def _stack(self, name: str, reader: Reader, style: _Style) -> Atom:
        """`\\overset`, `\\underset` and `\\stackrel`: spaced as what is in the middle."""
        mark = self.argument(reader, f"\\{name}", style.smaller())
        atoms = self.parts(reader, f"\\{name}", style)
        base = atoms[0] if len(atoms) == 1 else Atom(row(atoms, style.level))
        if base.core is not None and base.kind == "op":
            base.core.set("movablelimits", "false")
        tag = "munder" if name == "underset" else "mover"
        kind = "rel" if name == "stackrel" else base.kind
        return Atom(element(tag, base.node, mark), kind, base.core)

    def _class(self, name: str, reader: Reader, style: _Style) -> Atom:
        atoms = self.parts(reader, f"\\{name}", style)
        kind = symbols.CLASSES[name]
        core = atoms[0].core if len(atoms) == 1 else None
        node = atoms[0].node if core is not None else row(atoms, style.level)
        return Atom(node, kind, core, limits=kind == "op" and self.display and style.level == 0)

    def _fence(self, name: str, reader: Reader, style: _Style) -> Atom:
        """`\\left ... \\right`, whose brackets are as tall as what is between them."""
        opening = _delimiter(reader, "\\left")
        source = reader.until(r"\left")
        closing = _delimiter(reader, "\\right")
        self.fences += 1
        nodes = nodes_of(self.atoms(Reader(source, reader.line), style), style.level, "open")
        self.fences -= 1
        left = element("mo", text=opening, form="prefix", stretchy="true", lspace="0", rspace="0")
        right = element("mo", text=closing, form="postfix", stretchy="true", lspace="0", rspace="0")
        return Atom(element("mrow", left, *nodes, right))

    def _middle(self, name: str, reader: Reader, style: _Style) -> Atom:
        if not self.fences:
            raise FormulaError(r"'\middle' stands between '\left' and '\right'", reader.line)
        sign = _delimiter(reader, "\\middle")
        node = element("mo", text=sign, form="infix", stretchy="true", lspace="0", rspace="0")
        return Atom(node, "open")

    def _big(self, name: str, reader: Reader, style: _Style) -> Atom:
        side = name[-1] if name not in symbols.BIG else ""
        sign = _delimiter(reader, f"\\{name}")
        size = em(symbols.BIG[name.removesuffix(side) if side else name])
        node = element("mo", text=sign, stretchy="true", minsize=size, maxsize=size)
        node.set("form", {"l": "prefix", "r": "postfix"}.get(side, "infix"))
        node.set("symmetric", "true")
        kind = {"l": "open", "r": "close", "m": "rel"}.get(side, "ord")
        return Atom(node, kind, core=node)

    def _color(self, name: str, reader: Reader, style: _Style) -> Atom:
        color = _color(reader, f"\\{name}")
        content = self.argument(reader, f"\\{name}", style)
        return Atom(element("mstyle", content, mathcolor=color))

    def _colorbox(self, name: str, reader: Reader, style: _Style) -> Atom:
        frame = _color(reader, f"\\{name}") if name == "fcolorbox" else ""
        color = _color(reader, f"\\{name}")
        nodes = self._texts(reader.argument(f"\\{name}"), "")
        node = element("mrow", *nodes, mathbackground=color, class_="padded")
        if frame:
            node.attrib |= {"class": "boxed", "style": f"border-color:{frame}"}
        return Atom(node)

    def _boxed(self, name: str, reader: Reader, style: _Style) -> Atom:
        if name == "fbox":
            nodes = self._texts(reader.argument(f"\\{name}"), "")
        else:
            nodes = [self.argument(reader, f"\\{name}", style)]
        return Atom(element("mrow", *nodes, class_="boxed"))

    def _strike(self, name: str, reader: Reader, style: _Style) -> Atom:
        content = self.argument(reader, f"\\{name}", style)
        return Atom(element("mrow", content, class_=symbols.STRIKES[name]))

    def _phantom(self, name: str, reader: Reader, style: _Style) -> Atom:
        node = element("mphantom", self.argument(reader, f"\\{name}", style))
        if name == "hphantom":
            node = element("mpadded", node, height="0", depth="0")
        elif name == "vphantom":
            node = element("mpadded", node, width="0")
        return Atom(node)

    def _smash(self, name: str, reader: Reader, style: _Style) -> Atom:
        side = "".join(token.text for token in reader.optional() or ())
        sizes = {"t": {"height": "0"}, "b": {"depth": "0"}}.get(side, {"height": "0", "depth": "0"})
        return Atom(element("mpadded", self.argument(reader, f"\\{name}", style), **sizes))

    def _lap(self, name: str, reader: Reader, style: _Style) -> Atom:
        content = self.argument(reader, f"\\{name}", style)
        return Atom(element("mpadded", content, width="0", class_=name.removeprefix("math")))

    def _space(self, name: str, reader: Reader, style: _Style) -> Atom:
        if name in ("hspace", "mspace"):
            if reader.peek(skip=False) == "*":
                reader.next()
            length = reader.word(f"\\{name}")
        else:
            length = ""
            while re.fullmatch(r"-?[\d.]*[a-z]{0,2}", length + reader.peek()) and reader.peek():
                length += reader.next().text
        width = _length(length, reader.line)
        if width.startswith("-"):
            return Atom(element("mspace", style=f"margin-left:{width}"), "space")
        return Atom(element("mspace", width=width), "space")

    def _dots(self, name: str, reader: Reader, style: _Style) -> Atom:
        """Dots as high as the sign that follows."""
        following = reader.peek()
        sign = symbols.TYPED.get(following, following)
        if sign.startswith("\\"):
            sign = symbols.symbol(sign[1:]) or " "
        centred = bool(sign) and symbols.kind(sign[0]) in ("bin", "rel")
        return Atom(element("mi", text="⋯" if centred else "…"), "inner")

    def _not(self, name: str, reader: Reader, style: _Style) -> Atom:
        line = reader.line
        atoms = self.parts(reader, f"\\{name}", style)
        if len(atoms) != 1 or not atoms[0].node.text:
            raise FormulaError(r"'\not' stands before a sign", line)
        struck = unicodedata.normalize("NFC", f"{atoms[0].node.text}\u0338")
        atoms[0].node.text = struck
        return atoms[0]

    def _prescript(self, name: str, reader: Reader, style: _Style) -> Atom:
        above, below = (self.argument(reader, f"\\{name}", style.smaller()) for _ in range(2))
        base = self.argument(reader, f"\\{name}", style)
        return Atom(element("mmultiscripts", base, element("mprescripts"), below, above))

    def _tag(self, name: str, reader: Reader, style: _Style) -> None:
        line = reader.line
        star = reader.peek() == "*" and bool(reader.next())
        source = reader.argument(f"\\{name}")
        if not self.taggable or self.tag is not None:
            raise FormulaError(
                "'\\tag' stands once in a displayed formula or in a row of align or gather", line
            )
        around = ("", "") if star else ("(", ")")
        edges = [element("mtext", text=side) for side in around if side]
        self.tag = element("mrow", *edges[:1], *self._texts(source, ""), *edges[1:])

    def _label(self, name: str, reader: Reader, style: _Style) -> None:
        reader.argument(f"\\{name}")  # nothing is numbered, so there's nothing to show

    def _substack(self, name: str, reader: Reader, style: _Style) -> Atom:
        source = reader.argument(f"\\{name}")
        return Atom(self._table(source, symbols.Environment(looks="small rows"), [], style))

    # Environments.

    def _begin(self, name: str, reader: Reader, style: _Style) -> Atom:
        line = reader.line
        title = _group_text(reader)
        environment = symbols.ENVIRONMENTS.get(title)
        if environment is None:
            raise FormulaError(
                f"unknown environment '{title}'{_hint(title, symbols.ENVIRONMENTS)}", line
            )
        reader.line = line
        source = reader.until(r"\begin")
        closing = _group_text(reader)
        if closing != title:
            raise FormulaError(f"'\\begin{{{title}}}' ends as '{closing}'", reader.line)
        inner = Reader(source, line)
        lines: list[str] = []
        if environment.arguments == 1:
            given = inner.word(f"\\begin{{{title}}}")
            if title in ("array", "subarray"):
                columns, lines = _columns(given, line)
                environment = replace(environment, columns=columns)
        elif environment.arguments == -1 and inner.peek() == "[":
            given = "".join(token.text for token in inner.optional() or ())
            if title.endswith("matrix*"):
                environment = replace(environment, columns=_columns(given, line)[0])
        if title.startswith("multline"):
            environment = replace(environment, columns="multline")
        taggable, self.taggable = self.taggable, environment.numbered and self.taggable
        node = self._table(inner.rest(), environment, lines, style)
        self.taggable = taggable
        small = environment.looks.startswith("small")
        if small:
            node = element("mstyle", node, scriptlevel=str(style.level + 1), displaystyle="false")
        if environment.left or environment.right:
            node = _enclosed(node, environment.left, environment.right)
        return Atom(node)

    def _table(
        self,
        source: Sequence[Token],
        environment: symbols.Environment,
        lines: Sequence[str],
        style: _Style = _TEXT,
    ) -> ET.Element:
        rows: list[ET.Element] = []
        tags: list[ET.Element | None] = []
        parts = split(source, r"\\", r"\cr")
        outer, self.tag = self.tag, None
        if environment.looks.startswith("small"):
            style = style.smaller()
        for number, (part, _) in enumerate(parts):
            reader = Reader(part)
            skip = _skip(reader) if number else ""
            if skip:
                rows[-1].set("style", f"--skip:{skip}")
            ruled = False
            while reader.peek() in (r"\hline", r"\hdashline"):
                ruled = bool(reader.next())
            cells = split(reader.rest(), "&")
            if number == len(parts) - 1 and number and _blank(part):
                if ruled:
                    rows[-1].set("class", f"{rows[-1].get('class', '')} ruled-below".strip())
                break
            row_node = element("mtr")
            if ruled:
                row_node.set("class", "ruled")
            for column, (cell, _) in enumerate(cells):
                row_node.append(self._cell(cell, column, environment, lines, style))
            rows.append(row_node)
            tags.append(self.tag)
            self.tag = None
        self.tag = outer
        if environment.columns == "multline":
            rows[0][0].set("class", "left")
            rows[-1][0].set("class", "right")
        if any(tag is not None for tag in tags):
            return _tagged(rows, tags, environment.looks)
        attributes = {"class": environment.looks} if environment.looks else {}
        if environment.display:
            attributes["displaystyle"] = "true"
        return element("mtable", *rows, **attributes)

    def _cell(
        self,
        source: Sequence[Token],
        column: int,
        environment: symbols.Environment,
        lines: Sequence[str],
        style: _Style,
    ) -> ET.Element:
        sides = environment.columns if environment.columns != "multline" else ""
        side = sides[column % len(sides)] if sides else "c"
        paired = environment.looks == "align" and side != "r"
        # `&=` is spaced as if something stood before it.
        nodes = nodes_of(self.atoms(Reader(source), style), style.level, "ord" if paired else "")
        looks = [{"l": "left", "r": "right", "c": ""}[side]]
        if lines:
            looks += [f"{lines[column]}-before" if lines[column : column + 1] > [""] else ""]
            if column == len(sides) - 1 and lines[-1]:
                looks += [f"{lines[-1]}-after"]
        cell = element("mtd", *nodes)
        if name := " ".join(filter(None, looks)):
            cell.set("class", name)
        return cell


_Command = Callable[[_Formula, str, Reader, _Style], Atom | None]

_TABLES: tuple[tuple[Collection[str], _Command], ...] = (
    (symbols.ACCENTS, _Formula._accent),
    (symbols.OVER, _Formula._over),
    (symbols.UNDER, _Formula._under),
    (symbols.ARROWS, _Formula._arrow),
    (symbols.FONTS, _Formula._font),
    (symbols.TEXTS, _Formula._text),
    (symbols.CLASSES, _Formula._class),
    (symbols.STRIKES, _Formula._strike),
)
_COMMANDS: dict[str, _Command] = {
    "begin": _Formula._begin,
    "left": _Formula._fence,
    "middle": _Formula._middle,
    "operatorname": _Formula._operatorname,
    "sqrt": _Formula._root,
    "genfrac": _Formula._genfrac,
    "textcolor": _Formula._color,
    "fbox": _Formula._boxed,
    "boxed": _Formula._boxed,
    "smash": _Formula._smash,
    "not": _Formula._not,
    "prescript": _Formula._prescript,
    "tag": _Formula._tag,
    "label": _Formula._label,
    "substack": _Formula._substack,
    "dots": _Formula._dots,
    **dict.fromkeys(("colorbox", "fcolorbox"), _Formula._colorbox),
    **dict.fromkeys(("phantom", "hphantom", "vphantom"), _Formula._phantom),
    **dict.fromkeys(("overset", "underset", "stackrel"), _Formula._stack),
    **dict.fromkeys(
        ("frac", "dfrac", "tfrac", "cfrac", "binom", "dbinom", "tbinom"), _Formula._fraction
    ),
    **dict.fromkeys(("hspace", "mspace", "kern", "mkern", "hskip", "mskip"), _Formula._space),
    **dict.fromkeys(("mathllap", "mathrlap", "mathclap", "llap", "rlap", "clap"), _Formula._lap),
    **dict.fromkeys(
        (size + side for size in symbols.BIG for side in ("", "l", "r", "m")), _Formula._big
    ),
}
_MISPLACED = {
    "&": r"'&' outside of an environment with columns; the sign itself is to be escaped: '\&'",
    "}": "unbalanced braces: '}' closes nothing",
    "#": r"'#' is to be escaped: '\#'",
    "$": r"'$' in a formula is to be escaped: '\$'",
    "%": r"'%' is to be escaped: '\%'",
    "\\": "a backslash at the end",
}


def _known() -> set[str]:
    """All commands, for hints."""
    tables = (table for table, _ in _TABLES)
    names: set[str] = {*symbols.names(), *symbols.FUNCTIONS, *symbols.LIMITS, *_COMMANDS}
    return {f"\\{name}" for name in names.union(*tables)} | set(symbols.MACROS)


def _unknown(token: Token) -> FormulaError:
    text = token.text
    if text in (r"\right", r"\end"):
        opening = r"\left" if text == r"\right" else r"\begin"
        return FormulaError(f"'{text}' without {opening!r}", token.line)
    if text in (r"\hline", r"\\", r"\cr"):
        return FormulaError(f"'{text}' outside of an environment with rows", token.line)
    if text in (r"\limits", r"\nolimits"):
        return FormulaError(f"'{text}' follows a sign such as \\sum", token.line)
    if text in (r"\ref", r"\eqref"):
        return FormulaError(f"'{text}': formulas have no numbers to refer to", token.line)
    if not text[1:].isalpha():
        return FormulaError(f"unknown command '{text}' in a formula", token.line)
    return FormulaError(f"unknown command '{text}' in a formula{_hint(text, _known())}", token.line)


def _hint(word: str, known: Iterable[str]) -> str:
    """The nearest known word, if one is near; all are too many to list."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.75)
    return f"; did you mean '{near[0]}'?" if near else ""


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


def _in_font(word: str, style: _Style) -> str:
    return "".join(symbols.letter(character, style.font) for character in word)


def _letters(first: str, reader: Reader, style: _Style) -> ET.Element:
    """A letter, or in upright type a word of them."""
    word = symbols.letter(first, style.font)
    while style.font == "rm" and first.isalpha() and reader.peek(skip=False).isalpha():
        word += reader.raw().text
    node = element("mi", text=word)
    # Browsers slant a single letter.
    upright = style.font == "rm" or (style.font == "" and (first == "∇" or "Α" <= first <= "Ω"))
    if len(word) == 1 and upright:
        node.set("mathvariant", "normal")
    return node


def _operator(node: ET.Element, limits: bool) -> Atom:
    return Atom(node, "op", core=node, limits=limits)


def _function(name: str, limits: bool = False) -> Atom:
    """A name in upright type; with limits, what is below it stands there in a displayed formula."""
    if limits:
        return _operator(element("mo", text=name, form="prefix", movablelimits="true"), True)
    attributes = {"mathvariant": "normal"} if len(name) == 1 else {}
    return Atom(element("mi", text=name, **attributes), "op")


def _enclosed(node: ET.Element, left: str, right: str) -> ET.Element:
    """Between brackets as tall as it is; none where one is empty."""
    sides = [
        element("mo", text=sign, form=form, stretchy="true", lspace="0", rspace="0")
        for sign, form in ((left, "prefix"), (right, "postfix"))
    ]
    if not left and not right:
        return node
    return element("mrow", *(sides[:1] if left else []), node, *(sides[1:] if right else []))


def _delimiter(reader: Reader, of: str) -> str:
    """The bracket that follows, "" for none."""
    token = reader.next()
    text = symbols.TYPED.get(token.text, token.text)
    sign = {".": "", "<": "⟨", ">": "⟩", r"\|": "‖", r"\{": "{", r"\}": "}"}.get(text, text)
    if len(sign) > 1:
        sign = symbols.symbol(sign[1:]) or sign
    if text and sign and sign not in _FENCES:
        raise FormulaError(f"'{of}' is followed by a bracket or '.', not by '{text}'", token.line)
    if not text:
        raise FormulaError(f"'{of}' lacks its bracket", token.line)
    return sign


def _color(reader: Reader, of: str) -> str:
    """A colour as HTML writes it."""
    model = "".join(token.text for token in reader.optional() or ())
    name = reader.word(of)
    if model in ("rgb", "RGB") and re.fullmatch(r"[\d.]+(,\s*[\d.]+){2}", name):
        scale = 255 if model == "rgb" else 1
        parts = [min(round(float(part) * scale), 255) for part in name.split(",")]
        return "#{:02x}{:02x}{:02x}".format(*parts)
    if model == "HTML":
        name = f"#{name}"
    if re.fullmatch(r"#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})", name):
        return name.lower()
    from matplotlib.colors import CSS4_COLORS

    if name.lower() not in CSS4_COLORS or model not in ("", "HTML", "named"):
        raise FormulaError(f"unknown colour '{name}': a name of CSS, or #rrggbb", reader.line)
    return name.lower()


def _length(text: str, line: int) -> str:
    """A length as CSS writes it."""
    found = re.fullmatch(r"(-?)\s*(\d*\.?\d+|\d+\.)\s*([a-z]{2})", text.strip())
    if not found or (found[3] != "mu" and found[3] not in symbols.LENGTHS):
        known = ", ".join([*symbols.LENGTHS, "mu"])
        raise FormulaError(f"cannot read the length '{text}': a number, and one of {known}", line)
    number = float(found[1] + found[2])
    return em(number / 18) if found[3] == "mu" else f"{number:g}{found[3]}"


def _skip(reader: Reader) -> str:
    """The space that brackets right behind `\\\\` ask for, "" if they do not."""
    if reader.peek(skip=False) == "*":
        reader.raw()
    if reader.peek(skip=False) != "[":
        return ""
    given = "".join(token.text for token in reader.optional() or ())
    return _length(given, reader.line)


def _blank(source: Sequence[Token]) -> bool:
    return all(token.text in (" ", r"\hline", r"\hdashline") for token in source)


def _group_text(reader: Reader) -> str:
    return reader.word("\\begin")


def _columns(given: str, line: int) -> tuple[str, list[str]]:
    """Alignments, and the rules before each column and behind the last: "", "line" or "lines"."""
    if not re.fullmatch(r"[\slcr|]*[lcr][\slcr|]*", given):
        raise FormulaError(f"cannot read the columns '{given}': l, c, r, and | for a rule", line)
    rules = re.split("[lcr]", given.replace(" ", ""))
    names = [("", "line", "lines")[min(len(rule), 2)] for rule in rules]
    return re.sub(r"[^lcr]", "", given), names if any(names) else []


def _tagged(
    rows: Sequence[ET.Element], tags: Sequence[ET.Element | None], looks: str
) -> ET.Element:
    """Rows as wide as the text, each with what names it at its end."""
    width = max(len(row_node) for row_node in rows)
    for row_node, tag in zip(rows, tags, strict=True):
        row_node.extend(element("mtd") for _ in range(width - len(row_node)))
        row_node.insert(0, element("mtd", class_="edge"))
        row_node.append(element("mtd", *([] if tag is None else [tag]), class_="edge right"))
    return element("mtable", *rows, class_=f"{looks} tagged".strip(), displaystyle="true")


_WORDS = {
    r"\,": "\u2009", r"\ldots": "…", r"\dots": "…", r"\quad": "\u2003", r"\textbackslash": "∖",
    r"\textasciitilde": "~", r"\textasciicircum": "^", r"\&": "&", r"\degree": "°", "~": "\u00a0",
    " ": "\u00a0", "`": "‘", "'": "’",
}  # fmt: skip


def _word(token: Token, reader: Reader) -> str:
    """A character of a text."""
    text = token.text
    if text == "-" and reader.peek(skip=False) == "-":
        reader.raw()
        dash = reader.peek(skip=False) == "-" and bool(reader.raw())
        return "—" if dash else "–"
    if text in ("`", "'") and reader.peek(skip=False) == text:
        reader.raw()
        return "“" if text == "`" else "”"
    if text in _WORDS:
        return _WORDS[text]
    if text[0] == "\\" and text[1:] in symbols.ESCAPED:
        return symbols.ESCAPED[text[1:]]
    if text[0] == "\\":
        raise FormulaError(f"unknown command '{text}' in a text of a formula", token.line)
    if text in ("&", "#", "%"):
        raise FormulaError(f"'{text}' is to be escaped: '\\{text}'", token.line)
    return text
