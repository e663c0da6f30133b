"""What the commands of LaTeX do in a formula, each in a function of a few lines."""

from __future__ import annotations

import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace

from sitegen.render import mathsymbols as symbols
from sitegen.render.mathparse import FENCES, TEXT, Command, Formula, Style, enclosed
from sitegen.render.mathread import FormulaError, Reader, Token, length
from sitegen.render.mathspace import Atom, element, em, nodes_of, row, space
from sitegen.render.mathtable import begin, substack, tag

# Signs and names.


def _space(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    return Atom(space(symbols.SPACES[name]), "space")


def _measured_space(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    if name in ("hspace", "mspace"):
        if reader.peek(skip=False) == "*":
            reader.next()
        given = reader.word(f"\\{name}")
    else:
        given = ""
        while reader.peek() and re.fullmatch(r"-?[\d.]*[a-z]{0,2}", given + reader.peek()):
            given += reader.next().text
    width = length(given, reader.line)
    if width.startswith("-"):
        return Atom(element("mspace", style=f"margin-left:{width}"), "space")
    return Atom(element("mspace", width=width), "space")


def _nothing(formula: Formula, name: str, reader: Reader, style: Style) -> None:
    return None


def _label(formula: Formula, name: str, reader: Reader, style: Style) -> None:
    reader.argument(f"\\{name}")  # nothing is numbered, so there is nothing to show


def _escaped(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    if name in "{}|":
        return formula.sign(name.replace("|", "‖"), reader, style)
    return Atom(element("mi", text=symbols.ESCAPED[name]))


def _colon(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    return replace(formula.sign(":", reader, style), kind="punct")


def _dots(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    """Dots as high as the sign that follows."""
    following = reader.peek()
    sign = symbols.TYPED.get(following, following)
    if sign.startswith("\\"):
        sign = symbols.symbol(sign[1:]) or " "
    centred = bool(sign) and symbols.kind(sign[0]) in ("bin", "rel")
    return Atom(element("mi", text="⋯" if centred else "…"), "inner")


def _not(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    line = reader.line
    atoms = formula.parts(reader, f"\\{name}", style)
    if len(atoms) != 1 or not atoms[0].node.text:
        raise FormulaError(r"'\not' stands before a sign", line)
    atoms[0].node.text = unicodedata.normalize("NFC", f"{atoms[0].node.text}\u0338")
    return atoms[0]


def _named(name: str, limits: bool = False) -> Atom:
    """A name in upright type; with limits, what is below it stands there in a displayed formula."""
    if limits:
        node = element("mo", text=name, form="prefix", movablelimits="true")
        return Atom(node, "op", core=node, limits=True)
    variant = "normal" if len(name) == 1 else ""
    return Atom(element("mi", text=name, mathvariant=variant), "op")


def _function(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    return _named(symbols.LIMITS.get(name, name), limits=name in symbols.LIMITS)


_IN_NAMES = {r"\,": "\u2009", r"\ ": "\u00a0", "~": "\u00a0", r"\;": "\u2005", " ": "", r"\_": "_"}


def _operatorname(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    limits = reader.peek() == "*" and bool(reader.next())
    source = reader.argument(f"\\{name}")
    words = [_IN_NAMES.get(token.text, token.text) for token in source]
    if not "".join(words):
        raise FormulaError(f"'\\{name}' lacks a part", reader.line)
    if all(len(word) < 2 and word not in "{}^_$&#" for word in words if word != "_"):
        return _named("".join(words), limits)
    node = formula.group(source, replace(style, font="rm"))
    return Atom(node, "op", limits=limits and formula.display and style.level == 0)


def _class(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    """`\\mathrel{...}` and its like: something spaced as a relation."""
    atoms = formula.parts(reader, f"\\{name}", style)
    kind = symbols.CLASSES[name]
    core = atoms[0].core if len(atoms) == 1 else None
    node = atoms[0].node if core is not None else row(atoms, style.level)
    return Atom(node, kind, core, limits=kind == "op" and formula.display and style.level == 0)


# Fonts, sizes, colours and texts.


def _font(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    atoms = formula.parts(reader, f"\\{name}", replace(style, font=symbols.FONTS[name]))
    return atoms[0] if len(atoms) == 1 else Atom(row(atoms, style.level))


def _font_switch(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    inner = replace(style, font=symbols.FONT_SWITCHES[name])
    return Atom(row(formula.atoms(reader, inner), style.level))


def _style_switch(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    large, level = symbols.STYLES[name]
    nodes = nodes_of(formula.atoms(reader, replace(style, level=level)), level)
    return Atom(element("mstyle", *nodes, displaystyle=_yes(large), scriptlevel=str(level)))


def _color_switch(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    color = _color(reader, f"\\{name}")
    return Atom(element("mstyle", *nodes_of(formula.atoms(reader, style)), mathcolor=color))


def _textcolor(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    color = _color(reader, f"\\{name}")
    return Atom(element("mstyle", formula.argument(reader, f"\\{name}", style), mathcolor=color))


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

    if name.lower() not in CSS4_COLORS or model not in ("", "named"):
        raise FormulaError(f"unknown colour '{name}': a name of CSS, or #rrggbb", reader.line)
    return name.lower()


def _colorbox(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    frame = _color(reader, f"\\{name}") if name == "fcolorbox" else ""
    color = _color(reader, f"\\{name}")
    nodes = _texts(formula, reader.argument(f"\\{name}"), "")
    border = f"border-color:{frame}" if frame else ""
    looks = "boxed" if frame else "padded"
    return Atom(element("mrow", *nodes, mathbackground=color, class_=looks, style=border))


def _text(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    nodes = _texts(formula, reader.argument(f"\\{name}"), symbols.TEXTS[name])
    return Atom(nodes[0] if len(nodes) == 1 else element("mrow", *nodes))


def _texts(formula: Formula, source: Sequence[Token], looks: str) -> list[ET.Element]:
    """Words, and formulas between dollar signs in them."""
    reader, nodes, words = Reader(source), list[ET.Element](), ""
    while (token := reader.raw()).text:
        text = token.text
        inner: list[ET.Element] = []
        if text == "$":
            inner = [formula.group(_up_to_dollar(reader, token.line), TEXT)]
        elif text[0] == "\\" and text[1:] in symbols.TEXTS:
            inner = _texts(formula, reader.argument(text), symbols.TEXTS[text[1:]] or looks)
        elif text == "{":
            inner = _texts(formula, reader.until("{"), looks)
        else:
            words += _character(token, reader)
            continue
        nodes += [*_mtext(words, looks), *inner]
        words = ""
    return [*nodes, *_mtext(words, looks)] or [element("mtext")]


def _mtext(words: str, looks: str) -> list[ET.Element]:
    return [element("mtext", text=words, class_=looks)] if words else []


def _up_to_dollar(reader: Reader, line: int) -> list[Token]:
    found = []
    while (token := reader.raw()).text != "$":
        if not token.text:
            raise FormulaError("'$' in a text is not closed", line)
        found.append(token)
    return found


def _character(token: Token, reader: Reader) -> str:
    """A character of a text."""
    text = token.text
    if text == "-" and reader.peek(skip=False) == "-":
        reader.raw()
        return "—" if reader.peek(skip=False) == "-" and reader.raw() else "–"
    if text in ("`", "'") and reader.peek(skip=False) == text:
        reader.raw()
        return "“" if text == "`" else "”"
    if text in symbols.IN_TEXTS:
        return symbols.IN_TEXTS[text]
    if text[0] == "\\" and text[1:] in symbols.ESCAPED:
        return symbols.ESCAPED[text[1:]]
    if text[0] == "\\":
        raise FormulaError(f"unknown command '{text}' in a text", token.line)
    if text in ("&", "#"):
        raise FormulaError(f"'{text}' is to be escaped: '\\{text}'", token.line)
    return text


# What stands above, below and around.


def _accent(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    base = formula.argument(reader, f"\\{name}", style)
    size = "70%" if name == "vec" else ""
    mark = element("mo", text=symbols.ACCENTS[name], stretchy="false", mathsize=size)
    return Atom(element("mover", base, mark, accent="true"))


def _over(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    base = formula.argument(reader, f"\\{name}", style)
    mark = element("mo", text=symbols.OVER[name], stretchy="true")
    node = element("mover", base, mark, accent="true")
    return Atom(node, limits=name in symbols.LABELLED)


def _under(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    base = formula.argument(reader, f"\\{name}", style)
    mark = element("mo", text=symbols.UNDER[name], stretchy="true")
    node = element("munder", base, mark, accentunder="true")
    return Atom(node, limits=name in symbols.LABELLED)


def _arrow(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    below = reader.optional()
    above = formula.argument(reader, f"\\{name}", style.smaller())
    arrow = element("mo", text=symbols.ARROWS[name], stretchy="true")
    labels = [] if below is None else [formula.group(below, style.smaller())]
    parts = [element("mrow", space(0.4), label, space(0.4)) for label in (*labels, above)]
    return Atom(element("munderover" if labels else "mover", arrow, *parts), "rel", core=arrow)


def _stack(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    """`\\overset`, `\\underset` and `\\stackrel`: spaced as what is in the middle."""
    mark = formula.argument(reader, f"\\{name}", style.smaller())
    atoms = formula.parts(reader, f"\\{name}", style)
    base = atoms[0] if len(atoms) == 1 else Atom(row(atoms, style.level))
    if base.core is not None and base.kind == "op":
        base.core.set("movablelimits", "false")
    node = element("munder" if name == "underset" else "mover", base.node, mark)
    return Atom(node, "rel" if name == "stackrel" else base.kind, base.core)


def _fraction(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    small = style.smaller() if name[0] == "t" else style
    above, below = (formula.argument(reader, f"\\{name}", small) for _ in range(2))
    binomial = name.endswith("binom")
    node = element("mfrac", above, below, linethickness="0" if binomial else "")
    if binomial:
        node = enclosed([node], "(", ")")
    if name[0] in "dtc":
        level = str(style.level)
        node = element("mstyle", node, displaystyle=_yes(name[0] != "t"), scriptlevel=level)
    return Atom(node)


def _genfrac(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    left, right, line, size = (reader.word(f"\\{name}") for _ in range(4))
    above, below = (formula.argument(reader, f"\\{name}", style) for _ in range(2))
    thickness = length(line, reader.line) if line else ""
    node = element("mfrac", above, below, linethickness=thickness)
    if left or right:
        node = enclosed([node], *(_bracket(Token(sign, reader.line)) for sign in (left, right)))
    if size in ("0", "1", "2", "3"):
        level = str(max(int(size) - 1, 0))
        node = element("mstyle", node, displaystyle=_yes(size == "0"), scriptlevel=level)
    return Atom(node)


def _yes(value: bool) -> str:
    return "true" if value else "false"


def _root(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    index = reader.optional()
    content = formula.argument(reader, f"\\{name}", style)
    if index is None:
        return Atom(element("msqrt", content))
    return Atom(element("mroot", content, formula.group(index, style.smaller().smaller())))


def _prescript(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    above, below = (formula.argument(reader, f"\\{name}", style.smaller()) for _ in range(2))
    base = formula.argument(reader, f"\\{name}", style)
    return Atom(element("mmultiscripts", base, element("mprescripts"), below, above))


# Brackets.


def _fence(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    """`\\left ... \\right`, whose brackets are as tall as what is between them."""
    line = reader.line
    opening = _delimiter(reader, r"\left")
    source = reader.until(r"\left", line)
    closing = _delimiter(reader, r"\right")
    formula.fences += 1
    nodes = nodes_of(formula.atoms(Reader(source, line), style), style.level, "open")
    formula.fences -= 1
    return Atom(enclosed(nodes, opening, closing))


def _middle(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    if not formula.fences:
        raise FormulaError(r"'\middle' stands between '\left' and '\right'", reader.line)
    sign = _delimiter(reader, r"\middle")
    node = element("mo", text=sign, form="infix", stretchy="true", lspace="0", rspace="0")
    return Atom(node, "open")


def _big(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    plain = name if name in symbols.BIG else name[:-1]
    side = name.removeprefix(plain)
    sign = _delimiter(reader, f"\\{name}")
    size = em(symbols.BIG[plain])
    form = {"l": "prefix", "r": "postfix"}.get(side, "infix")
    node = element("mo", text=sign, form=form, stretchy="true", minsize=size, maxsize=size)
    node.set("symmetric", "true")
    return Atom(node, {"l": "open", "r": "close", "m": "rel"}.get(side, "ord"), core=node)


def _delimiter(reader: Reader, of: str) -> str:
    """The bracket that follows, "" for none."""
    if not reader.peek():
        raise FormulaError(f"'{of}' lacks its bracket", reader.line)
    return _bracket(reader.next(), of)


def _bracket(token: Token, of: str = r"\genfrac") -> str:
    text = token.text
    sign = {".": "", "<": "⟨", ">": "⟩", r"\|": "‖", r"\{": "{", r"\}": "}"}.get(text, text)
    if len(sign) > 1:
        sign = symbols.symbol(sign[1:]) or sign
    if sign not in FENCES:
        raise FormulaError(f"'{of}' is followed by a bracket or '.', not by '{text}'", token.line)
    return sign


# Boxes.


def _boxed(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    return Atom(element("mrow", formula.argument(reader, f"\\{name}", style), class_="boxed"))


def _fbox(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    nodes = _texts(formula, reader.argument(f"\\{name}"), "")
    return Atom(element("mrow", *nodes, class_="boxed"))


def _strike(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    content = formula.argument(reader, f"\\{name}", style)
    return Atom(element("mrow", content, class_=symbols.STRIKES[name]))


def _phantom(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    node = element("mphantom", formula.argument(reader, f"\\{name}", style))
    if name == "hphantom":
        node = element("mpadded", node, height="0", depth="0")
    elif name == "vphantom":
        node = element("mpadded", node, width="0")
    return Atom(node)


def _smash(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    side = "".join(token.text for token in reader.optional() or ())
    node = element("mpadded", formula.argument(reader, f"\\{name}", style))
    node.attrib |= {"t": {"height": "0"}, "b": {"depth": "0"}}.get(
        side, {"height": "0", "depth": "0"}
    )
    return Atom(node)


COMMANDS: dict[str, Command] = {
    **dict.fromkeys(symbols.SPACES, _space),
    **dict.fromkeys(symbols.WITHOUT_EFFECT, _nothing),
    **dict.fromkeys((*symbols.ESCAPED, "|"), _escaped),
    **dict.fromkeys((*symbols.FUNCTIONS, *symbols.LIMITS), _function),
    **dict.fromkeys(symbols.ACCENTS, _accent),
    **dict.fromkeys(symbols.OVER, _over),
    **dict.fromkeys(symbols.UNDER, _under),
    **dict.fromkeys(symbols.ARROWS, _arrow),
    **dict.fromkeys(symbols.FONTS, _font),
    **dict.fromkeys(symbols.TEXTS, _text),
    **dict.fromkeys(symbols.CLASSES, _class),
    **dict.fromkeys(symbols.STRIKES, _strike),
    **dict.fromkeys(("hspace", "mspace", "kern", "mkern", "hskip", "mskip"), _measured_space),
    **dict.fromkeys(("colorbox", "fcolorbox"), _colorbox),
    **dict.fromkeys(("phantom", "hphantom", "vphantom"), _phantom),
    **dict.fromkeys(("overset", "underset", "stackrel"), _stack),
    **dict.fromkeys(("frac", "dfrac", "tfrac", "cfrac", "binom", "dbinom", "tbinom"), _fraction),
    **dict.fromkeys((size + side for size in symbols.BIG for side in ("", *"lrm")), _big),
    " ": _space,
    "begin": begin,
    "boxed": _boxed,
    "colon": _colon,
    "dots": _dots,
    "fbox": _fbox,
    "genfrac": _genfrac,
    "label": _label,
    "left": _fence,
    "middle": _middle,
    "not": _not,
    "operatorname": _operatorname,
    "prescript": _prescript,
    "smash": _smash,
    "sqrt": _root,
    "substack": substack,
    "tag": tag,
    "textcolor": _textcolor,
}
SWITCHES: dict[str, Command] = {
    **dict.fromkeys(symbols.FONT_SWITCHES, _font_switch),
    **dict.fromkeys(symbols.STYLES, _style_switch),
    "color": _color_switch,
}
"""Those that hold up to the end of their group."""
