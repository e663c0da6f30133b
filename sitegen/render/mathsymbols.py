"""The vocabulary of formulas: what each command of LaTeX stands for."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from functools import cache

from sitegen.render.mathread import Macro, tokens

_CLASSES = {"R": "rel", "B": "bin", "V": "bin", "L": "op", "O": "open", "C": "close", "P": "punct"}
_NOT_SYMBOLS = frozenset("DGS")
"""Classes of the list that are accents, pieces of signs, and spaces."""
_KINDS = {
    **dict.fromkeys("/|‖.√□◻■★", "ord"),
    **dict.fromkeys("!?", "close"),
    **dict.fromkeys("…⋯⋮⋱⋰", "inner"),
    **dict.fromkeys(":⊥", "rel"),
    **dict.fromkeys("†‡", "bin"),
    "⊥": "ord",
}
"""Where TeX spaces a sign in another way than the list says."""
_MEANT = {
    "sim": "∼",
    "ast": "∗",
    "cdot": "⋅",
    "centerdot": "⋅",
    "bullet": "∙",
    "setminus": "∖",
    "smallsetminus": "∖",
    "backslash": "∖",
    "square": "□",
    "Box": "□",
    "blacksquare": "■",
    "leadsto": "⇝",
    "triangleleft": "◁",
    "triangleright": "▷",
    "unlhd": "⊴",
    "unrhd": "⊵",
    "amp": "&",
    "P": "¶",
    "copyright": "©",
    "intop": "∫",
    "smallint": "∫",
    "vcentcolon": ":",
    "ldotp": ".",
    "cdotp": "⋅",
    "epsilon": "ϵ",
    "phi": "ϕ",
}
"""Commands that the list lacks, or takes for a sign that looks otherwise than in LaTeX."""
TYPED = {"-": "−", "*": "∗", "`": "‘"}
"""Signs of the keyboard that mean another one in a formula."""
ESCAPED = dict(zip("_%$#& {}", "_%$#&\u00a0{}", strict=True))
"""What a backslash before it makes a sign of."""

FUNCTIONS = [
    "arccos",
    "arcsin",
    "arctan",
    "arg",
    "cos",
    "cosh",
    "cot",
    "coth",
    "csc",
    "deg",
    "dim",
    "erf",
    "exp",
    "hom",
    "ker",
    "lg",
    "ln",
    "log",
    "sec",
    "sin",
    "sinh",
    "tan",
    "tanh",
]
LIMITS = {
    name: name for name in ("det", "gcd", "inf", "lim", "max", "min", "Pr", "sup", "lcm", "plim")
} | {
    "argmax": "arg\u2009max",
    "argmin": "arg\u2009min",
    "limsup": "lim\u2009sup",
    "liminf": "lim\u2009inf",
    "injlim": "inj\u2009lim",
    "projlim": "proj\u2009lim",
}
"""Functions that have what is below them below them, in a displayed formula."""

SPACES = {
    ",": 3 / 18, "thinspace": 3 / 18, ":": 4 / 18, ">": 4 / 18, "medspace": 4 / 18,
    ";": 5 / 18, "thickspace": 5 / 18, "!": -3 / 18, "negthinspace": -3 / 18,
    "negmedspace": -4 / 18, "negthickspace": -5 / 18, "enspace": 0.5, "enskip": 0.5,
    "quad": 1.0, "qquad": 2.0, " ": 0.25, "space": 0.25, "nobreakspace": 0.25,
}  # fmt: skip
"""In em."""
ACCENTS = {
    "hat": "ˆ", "tilde": "˜", "bar": "¯", "vec": "→", "dot": "˙", "ddot": "¨",
    "dddot": "˙˙˙", "ddddot": "˙˙˙˙",
    "check": "ˇ", "breve": "˘", "acute": "´", "grave": "`", "mathring": "˚",
}  # fmt: skip
OVER = {
    "widehat": "ˆ", "widetilde": "˜", "widecheck": "ˇ", "overline": "‾",
    "overrightarrow": "→", "overleftarrow": "←", "overleftrightarrow": "↔",
    "overbrace": "⏞", "overbracket": "⎴", "overparen": "⏜",
}  # fmt: skip
UNDER = {
    "underline": "_", "underbar": "_", "underrightarrow": "→", "underleftarrow": "←",
    "underleftrightarrow": "↔", "underbrace": "⏟", "underbracket": "⎵", "underparen": "⏝",
}  # fmt: skip
"""Signs that grow as wide as what they are set to."""
LABELLED = frozenset({"overbrace", "overbracket", "underbrace", "underbracket"})
"""Their scripts are their label, above or below."""
ARROWS = {
    "xrightarrow": "→", "xleftarrow": "←", "xleftrightarrow": "↔", "xRightarrow": "⇒",
    "xLeftarrow": "⇐", "xLeftrightarrow": "⇔", "xmapsto": "↦", "xhookrightarrow": "↪",
    "xhookleftarrow": "↩", "xlongequal": "=", "xrightharpoonup": "⇀",
    "xrightharpoondown": "⇁", "xleftharpoonup": "↼", "xleftharpoondown": "↽",
    "xrightleftharpoons": "⇌", "xleftrightharpoons": "⇋", "xtwoheadrightarrow": "↠",
}  # fmt: skip

FONTS = {
    "mathrm": "rm", "mathnormal": "", "mathit": "it", "mathbf": "bf", "bm": "bi",
    "boldsymbol": "bi", "pmb": "bi", "bold": "bf", "mathbb": "bb", "Bbb": "bb",
    "mathcal": "cal", "mathscr": "cal", "mathfrak": "frak", "mathsf": "sf", "mathtt": "tt",
    "symbf": "bf", "symbb": "bb", "symcal": "cal", "symrm": "rm", "symup": "rm", "mathup": "rm",
    "mathbfit": "bi", "mathsfit": "sfit", "mathbfsf": "sfbf", "mathbfcal": "calbf",
    "mathbfscr": "calbf", "mathbffrak": "frakbf",
}  # fmt: skip
FONT_SWITCHES = {
    "rm": "rm", "bf": "bf", "it": "it", "sf": "sf", "tt": "tt", "cal": "cal",
    "mit": "it", "frak": "frak", "boldmath": "bi",
}  # fmt: skip
TEXTS = {
    "text": "", "textrm": "", "textnormal": "", "textup": "", "textmd": "", "mbox": "", "hbox": "",
    "textbf": "bold", "textit": "italic", "textsl": "italic", "emph": "italic", "texttt": "mono",
    "textsf": "sans",
}  # fmt: skip
STYLES = {
    "displaystyle": (True, 0),
    "textstyle": (False, 0),
    "scriptstyle": (False, 1),
    "scriptscriptstyle": (False, 2),
}
"""Whether big signs are big, and how many sizes smaller than text."""
BIG = {"big": 1.2, "Big": 1.8, "bigg": 2.4, "Bigg": 3.0}
"""The height of a bracket, in em."""
CLASSES = {
    "mathord": "ord", "mathop": "op", "mathbin": "bin", "mathrel": "rel", "mathopen": "open",
    "mathclose": "close", "mathpunct": "punct", "mathinner": "inner",
}  # fmt: skip
STRIKES = {"cancel": "cancel", "bcancel": "bcancel", "xcancel": "cancel bcancel", "sout": "sout"}
WITHOUT_EFFECT = frozenset({"nonumber", "notag", "displaylimits", "relax", "allowbreak"})

_MACROS = {
    "bmod": (0, r"\mathbin{\operatorname{mod}}"),
    "pmod": (1, r"\quad(\operatorname{mod}\,#1)"),
    "mod": (1, r"\quad\operatorname{mod}\,#1"),
    "pod": (1, r"\quad(#1)"),
    "iff": (0, r"\;\Longleftrightarrow\;"),
    "implies": (0, r"\;\Longrightarrow\;"),
    "impliedby": (0, r"\;\Longleftarrow\;"),
    "bra": (1, r"\langle #1|"),
    "ket": (1, r"|#1\rangle"),
    "braket": (1, r"\langle #1\rangle"),
    "varlimsup": (0, r"\operatorname*{\overline{lim}}"),
    "varliminf": (0, r"\operatorname*{\underline{lim}}"),
    "colonequals": (0, r"\coloneq"),
    "dotsi": (0, r"\cdots"),
    "idotsint": (0, r"\int\!\cdots\!\int"),
    "ensuremath": (1, "{#1}"),
    "operatornamewithlimits": (1, r"\operatorname*{#1}"),
}
IN_TEXTS = {
    r"\,": "\u2009", r"\ldots": "…", r"\dots": "…", r"\quad": "\u2003", r"\textbackslash": "∖",
    r"\textasciitilde": "~", r"\textasciicircum": "^", "~": "\u00a0", " ": "\u00a0", "`": "‘",
    "'": "’",
}  # fmt: skip
"""What a text of a formula has for what is written in it."""

MACROS = {rf"\{name}": Macro(count, tokens(body)) for name, (count, body) in _MACROS.items()}

_LETTERS = {
    "bf": ("BOLD", ""), "it": ("ITALIC", ""), "bi": ("BOLD ITALIC", "BOLD"),
    "bb": ("DOUBLE-STRUCK", ""), "cal": ("SCRIPT", ""), "calbf": ("BOLD SCRIPT", "BOLD"),
    "frak": ("FRAKTUR", ""), "frakbf": ("BOLD FRAKTUR", "BOLD"), "sf": ("SANS-SERIF", ""),
    "sfit": ("SANS-SERIF ITALIC", "SANS-SERIF"), "sfbf": ("SANS-SERIF BOLD", ""),
    "tt": ("MONOSPACE", ""),
}  # fmt: skip
"""A font's letters in Unicode, and another font for signs that it lacks."""
_OLDER = {
    "SCRIPT": "SCRIPT",
    "FRAKTUR": "BLACK-LETTER",
    "DOUBLE-STRUCK": "DOUBLE-STRUCK",
}
"""Names of the few letters that were in Unicode before the others."""


@dataclass(frozen=True)
class Environment:
    """How the rows between `\\begin` and `\\end` are set."""

    left: str = ""
    right: str = ""
    columns: str = ""
    """Alignments, over and over; centred if empty."""
    looks: str = ""
    """A class of the stylesheet."""
    display: bool = False
    """Whether fractions and big signs are as large as in a displayed formula."""
    argument: str = ""
    """What follows its name, the columns or a place: "required", in brackets "optional"."""
    numbered: bool = False
    """Whether it makes a formula of its own, whose rows LaTeX numbers and `\\tag` names."""

    @property
    def repeat(self) -> bool:
        """Whether there may be more columns than are given."""
        return self.looks == "align" or self.argument == "optional"

    @property
    def small(self) -> bool:
        return self.looks.startswith("small")


_ALIGNED = Environment(columns="rl", looks="align", display=True)
_GATHERED = Environment(looks="rows", display=True)
_NUMBERED = {
    **dict.fromkeys(("equation", "gather", "multline"), _GATHERED),
    **dict.fromkeys(("align", "flalign"), _ALIGNED),
    "alignat": replace(_ALIGNED, argument="required"),
    "eqnarray": replace(_ALIGNED, columns="rcl"),
}
_CASES = Environment(columns="ll", looks="cases")
_BRACKETS = {"": ("", ""), "p": "()", "b": "[]", "B": "{}", "v": "||", "V": "‖‖"}
ENVIRONMENTS = {
    **{
        name + star: replace(environment, numbered=True)
        for name, environment in _NUMBERED.items()
        for star in ("", "*")
    },
    "displaymath": replace(_GATHERED, numbered=True),
    "split": _ALIGNED,
    "aligned": replace(_ALIGNED, argument="optional"),
    "alignedat": replace(_ALIGNED, argument="required"),
    "gathered": replace(_GATHERED, argument="optional"),
    "cases": replace(_CASES, left="{"),
    "dcases": replace(_CASES, left="{", display=True),
    "rcases": replace(_CASES, right="}"),
    "drcases": replace(_CASES, right="}", display=True),
    "array": Environment(argument="required"),
    "subarray": Environment(argument="required", looks="small"),
    **{
        f"{kind}{size}matrix{star}": Environment(
            left, right, looks=size, argument="optional" if star else ""
        )
        for kind, (left, right) in _BRACKETS.items()
        for size in ("", "small")
        for star in ("", "*")
    },
}


def symbol(name: str) -> str | None:
    """The character that a command without its backslash stands for."""
    return _MEANT.get(name) or _list()[0].get(name)


def names() -> set[str]:
    """The commands that stand for a character."""
    return {*_MEANT, *_list()[0]}


def kind(character: str) -> str:
    """How TeX spaces a character: ord, op, bin, rel, open, close, punct or inner."""
    return _KINDS.get(character) or _CLASSES.get(_list()[1].get(character, ""), "ord")


@cache
def _list() -> tuple[dict[str, str], dict[str, str]]:
    """Characters by command, and classes by character, of the list that latex2mathml carries."""
    # Imported when the first formula is met: a build that renders nothing does without.
    from latex2mathml.symbols_parser import SYMBOLS_FILE, parse_symbols

    with open(SYMBOLS_FILE, encoding="utf-8") as lines:
        rows = [line.split("^") for line in lines if not line.startswith("#")]
    classes = {chr(int(row[0], 16)): row[4] for row in reversed(rows)}
    characters = {
        command[1:]: chr(int(code, 16))
        for command, code in parse_symbols().items()
        if command[:1] == "\\" and command[1:].isalpha()
    }
    known = {
        name: character
        for name, character in characters.items()
        if classes.get(character, "") not in _NOT_SYMBOLS and character != "\\"
    }
    return known, classes


def letter(character: str, font: str) -> str:
    """A letter or digit in a font of `FONTS`, itself where Unicode has none."""
    if font in ("", "rm") or not (character.isalnum() or character in "∇∂"):
        return character
    name = unicodedata.name(character, "")
    full, second = _LETTERS[font]
    for style in filter(None, (full, second)):
        for prefix in (f"MATHEMATICAL {style}", _OLDER.get(style)):
            if prefix and (found := _character(f"{prefix} {_short(name)}")):
                return found
    return "ℎ" if (font, character) == ("it", "h") else character


def _short(name: str) -> str:
    """A character's name without what the styled ones leave out."""
    for word in ("LATIN ", "GREEK ", "LETTER ", "LUNATE "):
        name = name.replace(word, "")
    return name


def _character(name: str) -> str:
    try:
        return unicodedata.lookup(name)
    except KeyError:
        return ""
