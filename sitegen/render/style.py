"""Styles that an output brings: which of them stay, and whose rules apply to which element.

No rule of an output reaches the page: each is written onto the elements that it selects.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_SAFE = re.compile(
    r"""(?:background|background-color|background-image|background-position|background-repeat
    |background-size|border(?:-[a-z]+)*|box-shadow|box-sizing|break-\w+|caption-side|clear|color
    |column-gap|column-count|direction|display|empty-cells|flex(?:-[a-z]+)?|float|font(?:-[a-z]+)*
    |gap|grid(?:-[a-z]+)*|height|hyphens|align-[a-z]+|justify-[a-z]+|place-[a-z]+|letter-spacing
    |line-height|list-style(?:-type|-position)?|margin(?:-[a-z]+)*|max-height|max-width|min-height
    |min-width|object-fit|opacity|order|overflow(?:-[a-z]+)?|padding(?:-[a-z]+)*|row-gap
    |tab-size|table-layout|text-(?:align|align-last|decoration|decoration-\w+|indent|overflow
    |shadow|transform|underline-offset|anchor|rendering)|unicode-bidi|vertical-align|visibility
    |white-space|width|word-break|word-spacing|word-wrap|writing-mode|aspect-ratio
    |clip-path|clip-rule|mask|fill(?:-\w+)?|stroke(?:-\w+)?|marker(?:-\w+)?|stop-\w+|flood-\w+
    |lighting-color|paint-order|shape-rendering|image-rendering|dominant-baseline
    |alignment-baseline|baseline-shift|color-interpolation(?:-\w+)?|filter|mix-blend-mode
    |vector-effect|transform|transform-origin|transform-box)""",
    re.X,
)
"""Properties that an element has for itself and its content; none takes it from its place."""

_IN_DRAWINGS = re.compile(r"(?:filter|mix-blend-mode|transform(?:-\w+)?|mask|clip-path)")
"""Properties that only within a drawing are harmless: it is bounded by its own edges."""

_IDLE = re.compile(
    r"""-[a-z]+-.*|cursor|outline.*|transition.*|user-select|pointer-events|scrollbar-\w+
    |text-size-adjust|will-change|appearance|orphans|widows|page-break-\w+|accent-color
    |content|quotes|color-scheme|all|zoom|resize|text-wrap\w*|isolation|backface-visibility""",
    re.X,
)
"""Properties that nobody misses on a page, and whose loss is not told."""

_UNSAFE_VALUE = re.compile(
    r"""[\\<>@{}]|expression|javascript|image-set|src\(|attr\(|env\(|element\(|cross-fade|paint\(
    |\burl\(\s*(?!["']?\#)|(?<=\d)[sld]?v(?:w|h|i|b|min|max)\b""",
    re.X | re.I,
)
_COLOURED = ("color", "background", "background-color", "background-image", "fill", "stroke")
_NO_COLOUR = re.compile(
    r"\b(?:none|transparent|inherit|initial|unset|revert|currentcolor|repeat|no-repeat|0|0%)\b",
    re.I,
)


@dataclass
class Told:
    """What was taken out, each kind of it once and in the order in which it was met."""

    kinds: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str) -> None:
        self.kinds[kind] = self.kinds.get(kind, 0) + 1


def declarations(text: str) -> Iterator[tuple[str, str, bool]]:
    """Property, value, and whether it is `!important`, of each declaration."""
    for part in _split(text, ";"):
        name, colon, value = part.partition(":")
        value, important = re.subn(r"!\s*important\s*$", "", value.strip(), flags=re.I)
        if colon and value.strip():
            yield name.strip().lower(), " ".join(value.split()), bool(important)


def safe(name: str, value: str, told: Told | None = None, drawn: bool = False) -> bool:
    """Whether a declaration may stay; if not, and somebody may miss it, that is told."""
    known = _SAFE.fullmatch(name) and (drawn or not _IN_DRAWINGS.fullmatch(name))
    leaves = name.startswith("margin") and "-" in value
    good = bool(known) and not _UNSAFE_VALUE.search(value) and not leaves and len(value) < 2000
    if name == "display" and value.strip().lower() == "contents":
        return False
    if not good and told and not _IDLE.fullmatch(name) and not name.startswith("--"):
        told.add(f"the style {name!r}")
    return good


def styled(text: str, told: Told | None = None, drawn: bool = False) -> str:
    """The declarations of a `style` attribute that may stay."""
    return ";".join(
        f"{name}:{value}" for name, value, _ in declarations(text) if safe(name, value, told, drawn)
    )


def has_colour(style: str) -> bool:
    """Whether a style sets a colour of text or ground."""
    return any(
        name in _COLOURED and re.search(r"[a-z#]", _NO_COLOUR.sub("", value), re.I)
        for name, value, _ in declarations(style)
    )


@dataclass(frozen=True)
class _Compound:
    """The part of a selector that is about one element; `before` says how the one before stands."""

    tag: str
    id: str
    classes: tuple[str, ...]
    others: tuple[tuple[str, str], ...]
    before: str = ""


@dataclass(frozen=True)
class Rule:
    """One selector of a style sheet with its declarations."""

    parts: tuple[_Compound, ...]
    declarations: tuple[tuple[str, str, bool], ...]
    order: int

    @property
    def weight(self) -> tuple[int, int, int, int]:
        ids = sum(bool(part.id) for part in self.parts)
        classes = sum(len(part.classes) + len(part.others) for part in self.parts)
        return ids, classes, sum(bool(part.tag) for part in self.parts), self.order


def rules(sheet: str, told: Told) -> list[Rule]:
    """The rules of a style sheet that can be written onto elements."""
    sheet = re.sub(r"/\*.*?\*/|<!--|-->", "", sheet, flags=re.S)
    found: list[Rule] = []
    for prelude, body in _blocks(sheet):
        if prelude.startswith("@"):
            name = prelude.split()[0].split("(")[0]
            if name not in ("@charset", "@media", "@supports", "@layer", "@container"):
                told.add(f"the style rule {name!r}")
            continue
        parts = tuple(declarations(body))
        for selector in _split(prelude, ","):
            compounds = _selector(selector.strip())
            if compounds is not None:
                found.append(Rule(compounds, parts, len(found)))
    return found


def _blocks(sheet: str) -> Iterator[tuple[str, str]]:
    """What stands before each pair of outer braces, and in it; statements with nothing in it."""
    place = 0
    while place < len(sheet):
        brace, end = sheet.find("{", place), sheet.find(";", place)
        if end >= 0 and (brace < 0 or end < brace) and sheet[place:end].lstrip().startswith("@"):
            yield sheet[place:end].strip(), ""
            place = end + 1
            continue
        if brace < 0:
            return
        depth, close = 1, brace + 1
        while close < len(sheet) and depth:
            depth += {"{": 1, "}": -1}.get(sheet[close], 0)
            close += 1
        yield sheet[place:brace].strip(), sheet[brace + 1 : close - 1 if not depth else close]
        place = close


def _split(text: str, sign: str) -> Iterator[str]:
    """Parts between a sign that stands in no quotes and no parentheses."""
    depth, quote, start = 0, "", 0
    for place, one in enumerate(text):
        if quote:
            quote = "" if one == quote else quote
        elif one in "\"'":
            quote = one
        elif one in "([":
            depth += 1
        elif one in ")]":
            depth -= 1
        elif one == sign and depth <= 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


_SIMPLE = re.compile(
    r"""(?P<tag>[\w-]+|\*)|\#(?P<id>[\w-]+)|\.(?P<cls>[\w-]+)
    |\[(?P<attribute>[\w-]+)(?:=["']?(?P<value>[^"'\]]*)["']?)?\]
    |:(?P<pseudo>[a-z-]+)(?:\((?P<argument>[^)]*)\))?""",
    re.X,
)
_PLACES = frozenset(
    """first-child last-child only-child nth-child first-of-type last-of-type only-of-type
    nth-of-type""".split()  # noqa: SIM905
)


def _selector(text: str) -> tuple[_Compound, ...] | None:
    """Its parts from left to right; None for one that this can't tell, or that waits for a user."""
    found: list[_Compound] = []
    tokens = re.split(r"\s*([>+~])\s*|\s+", text)
    before = ""
    for token in filter(None, tokens):
        if token in (">", "+", "~"):
            before = token
            continue
        compound = _compound(token, before or (" " if found else ""))
        if compound is None:
            return None
        found.append(compound)
        before = ""
    return tuple(found) if found and not before else None


def _compound(token: str, before: str) -> _Compound | None:
    place, tag, name = 0, "", ""
    classes: list[str] = []
    others: list[tuple[str, str]] = []
    while place < len(token):
        found = _SIMPLE.match(token, place)
        if found is None or not found[0]:
            return None
        place = found.end()
        if found["tag"]:
            tag = "" if found["tag"] == "*" else found["tag"].lower()
        elif found["id"]:
            name = found["id"]
        elif found["cls"]:
            classes.append(found["cls"])
        elif found["attribute"]:
            others.append((f"[{found['attribute']}", found["value"] or ""))
        elif found["pseudo"] in _PLACES:
            others.append((found["pseudo"], (found["argument"] or "").replace(" ", "")))
        else:
            return None
    return _Compound(tag, name, tuple(classes), tuple(others), before)


class Sheet:
    """The rules of one output, found by what they select."""

    def __init__(self, found: Iterable[Rule], root: ET.Element) -> None:
        self.parents = {child: parent for parent in root.iter() for child in parent}
        self.by_key: dict[str, list[Rule]] = {}
        for rule in found:
            last = rule.parts[-1]
            key = f"#{last.id}" if last.id else f".{last.classes[0]}" if last.classes else last.tag
            self.by_key.setdefault(key, []).append(rule)

    def of(self, element: ET.Element) -> Mapping[str, tuple[str, bool]]:
        """Value and importance of each property that rules set for an element."""
        names = element.get("class", "").split()
        keys = [f"#{element.get('id', '')}", *(f".{name}" for name in names)]
        keys += [_tag(element), ""]
        candidates = [rule for key in dict.fromkeys(keys) for rule in self.by_key.get(key, ())]
        found = [rule for rule in candidates if self.selects(rule.parts, element)]
        chosen: dict[str, tuple[str, bool]] = {}
        for rule in sorted(found, key=lambda rule: rule.weight):
            for name, value, important in rule.declarations:
                if important or not chosen.get(name, ("", False))[1]:
                    chosen.pop(name, None)
                    chosen[name] = value, important
        return chosen

    def selects(self, parts: Sequence[_Compound], element: ET.Element) -> bool:
        if not self.fits(parts[-1], element):
            return False
        if len(parts) == 1:
            return True
        before, rest = parts[-1].before, parts[:-1]
        if before in " >":
            parent = self.parents.get(element)
            while parent is not None:
                if self.selects(rest, parent):
                    return True
                parent = None if before == ">" else self.parents.get(parent)
            return False
        siblings = list(self.parents.get(element, ()))
        earlier = siblings[: siblings.index(element)] if element in siblings else []
        near = earlier[-1:] if before == "+" else earlier
        return any(self.selects(rest, one) for one in near)

    def fits(self, part: _Compound, element: ET.Element) -> bool:
        if part.tag and part.tag != _tag(element):
            return False
        if part.id and part.id != element.get("id"):
            return False
        if not set(part.classes) <= set(element.get("class", "").split()):
            return False
        return all(self.is_so(kind, argument, element) for kind, argument in part.others)

    def is_so(self, kind: str, argument: str, element: ET.Element) -> bool:
        if kind.startswith("["):
            return element.get(kind[1:]) == argument if argument else kind[1:] in element.attrib
        siblings = list(self.parents.get(element, (element,)))
        if kind.endswith("of-type"):
            siblings = [one for one in siblings if one.tag == element.tag]
        place, last = siblings.index(element) + 1, len(siblings)
        if kind.startswith("nth"):
            return _nth(argument, place)
        wanted = {"first": place == 1, "last": place == last, "only": last == 1}
        return wanted[kind.partition("-")[0]]


def _nth(argument: str, place: int) -> bool:
    argument = {"odd": "2n+1", "even": "2n"}.get(argument, argument)
    found = re.fullmatch(r"([+-]?\d*)n([+-]\d+)?|(\d+)", argument)
    if not found:
        return False
    if found[3]:
        return place == int(found[3])
    step = int({"": "1", "+": "1", "-": "-1"}.get(found[1], found[1]))
    rest = place - int(found[2] or 0)
    return rest == 0 if step == 0 else rest % step == 0 and rest // step >= 0


def _tag(element: ET.Element) -> str:
    return element.tag.lower() if isinstance(element.tag, str) else ""


def inlined(element: ET.Element, sheet: Sheet | None, told: Told, drawn: bool = False) -> str:
    """The style that an element ends up with: what rules say of it, and what it says itself."""
    own = list(declarations(element.get("style", "")))
    ruled = sheet.of(element) if sheet else {}
    found = {name: value for name, (value, important) in ruled.items() if not important}
    for name, value, _ in own:
        found.pop(name, None)
        found[name] = value
    said = {name for name, _, important in own if important}
    for name, (value, important) in ruled.items():
        if important and name not in said:
            found.pop(name, None)
            found[name] = value
    return ";".join(
        f"{name}:{value}" for name, value in found.items() if safe(name, value, told, drawn)
    )
