"""Executed SVG made fit to stand inside a page: safe, its ids its own, legible in both themes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from functools import cache

from sitegen.render.house import House, house
from sitegen.render.style import Sheet, Told, inlined, rules

SVG = "http://www.w3.org/2000/svg"

_TEXTS = ("title", "desc")
"""Elements with text alone. To an HTML parser they are places where HTML goes on."""

ELEMENTS = frozenset(
    """svg g defs symbol use title desc a switch path rect circle ellipse line polyline polygon
    image text tspan textPath marker pattern clipPath mask linearGradient radialGradient stop
    filter feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix
    feDiffuseLighting feDisplacementMap feDistantLight feDropShadow feFlood feFuncA feFuncB
    feFuncG feFuncR feGaussianBlur feMerge feMergeNode feMorphology feOffset fePointLight
    feSpecularLighting feSpotLight feTile feTurbulence""".split()  # noqa: SIM905
)
"""Elements to be kept. An HTML parser knows many more, in any case of letters, that act."""

ATTRIBUTES = frozenset(
    """id class style role lang href x y x1 y1 x2 y2 cx cy r rx ry fx fy fr dx dy d points width
    height viewBox preserveAspectRatio transform gradientTransform patternTransform gradientUnits
    patternUnits patternContentUnits maskUnits maskContentUnits clipPathUnits markerUnits
    markerWidth markerHeight refX refY orient offset spreadMethod pathLength textLength
    lengthAdjust startOffset method spacing rotate version in in2 result stdDeviation mode values
    type operator k1 k2 k3 k4 amplitude exponent intercept slope tableValues baseFrequency
    numOctaves seed stitchTiles radius order kernelMatrix divisor bias targetX targetY edgeMode
    preserveAlpha surfaceScale diffuseConstant specularConstant specularExponent limitingConeAngle
    azimuth elevation z pointsAtX pointsAtY pointsAtZ scale xChannelSelector yChannelSelector
    filterUnits primitiveUnits fill fill-opacity fill-rule stroke stroke-width stroke-opacity
    stroke-linecap stroke-linejoin stroke-miterlimit stroke-dasharray stroke-dashoffset color
    opacity stop-color stop-opacity flood-color flood-opacity lighting-color clip-path clip-rule
    mask filter marker-start marker-mid marker-end display visibility overflow font-family
    font-size font-style font-weight font-variant font-stretch letter-spacing word-spacing
    text-anchor text-decoration text-rendering dominant-baseline alignment-baseline baseline-shift
    writing-mode direction unicode-bidi paint-order shape-rendering image-rendering
    color-interpolation color-interpolation-filters vector-effect mix-blend-mode
    transform-origin""".split()  # noqa: SIM905
)
"""Attributes to be kept, besides those of ARIA and `data-`."""

_PAGES_OWN_DATA = re.compile(r"data-(?:block|inline|profile|label|theme|slug|guess)")
_FETCHED = re.compile(r"""url\(\s*["']?(?!\s*["']?#)|\\|image-set|src\(""", re.I)
_COLOUR = re.compile(r"#([0-9a-fA-F]{6})\b")
_REFERENCE = re.compile(r"""url\(\s*["']?#([^)"']+?)["']?\s*\)""")
_SHAPES = ("path", "rect", "circle", "ellipse", "polygon", "polyline")
_COLOURED = ("fill", "stroke", "color", "stop-color", "background", "background-color")
_NEUTRAL = re.compile(
    r"none|transparent|currentcolor|inherit|context-\w+|(?:url|var)\(.*", re.I | re.S
)
_DARKEST, _BRIGHTEST = 0.066, 0.5
"""Luminances between which a colour is seen on dark paper, and dark and light text on it."""


def inline_svg(
    text: str,
    prefix: str,
    site: House | None = None,
    told: Told | None = None,
    picture: Mapping[str, str | int] | None = None,
) -> str:
    """The markup of an `<svg>` element for a page in which `prefix` is used once.

    What is taken out of it is added to `told`. A drawing with colours that can't be seen in the
    dark, such as a ground of its own, stands on light paper there, as its author saw it.

    Raises:
        ValueError: the text is not an SVG document.
    """
    try:
        root = ET.fromstring(text)
    except (ET.ParseError, RecursionError) as error:
        raise ValueError(f"not well-formed SVG: {error}") from None
    if _name(root.tag) != "svg":
        raise ValueError(f"not an SVG document but <{_name(root.tag)}>")
    return drawing(root, prefix, site or _built_in(), told or Told(), picture or {})


def drawing(
    root: ET.Element, prefix: str, site: House, told: Told, picture: Mapping[str, str | int]
) -> str:
    """The same of an element that has been parsed; it is changed."""
    root.tail = None
    sheet = "\n".join(one.text or "" for one in root.iter() if _name(one.tag) == "style")
    _clean(root, site, told)
    found = rules(sheet, told) if sheet else []
    everywhere = [rule for rule in found if len(rule.parts) == 1 and rule.weight[:3] == (0, 0, 0)]
    _style(root, Sheet([one for one in found if one not in everywhere], root), site, told)
    for rule in everywhere:  # inherited from the root, and so not said by each of its shapes
        before = "".join(f"{name}:{value};" for name, value, _ in rule.declarations)
        root.set("style", before + root.get("style", ""))
        root.set("style", inlined(root, None, told, drawn=True))
    fixed = not _adapts(root, site)
    for element in root.iter():
        _rewrite(element, prefix, () if fixed else site.colours)
    classes = root.get("class", "").split() or ["figure"]
    root.set("class", " ".join((*classes, *(["fixed"] if fixed else []))))
    root.set("role", root.get("role", "img"))
    _name_by_title(root, prefix, str(picture.get("alt", "")))
    for side in ("width", "height"):
        root.set(side, _pixels(root.get(side, "")))
        if not root.get(side):
            del root.attrib[side]
    if "width" in picture or "height" in picture:
        for side in ("width", "height"):
            root.attrib.pop(side, None)
            if side in picture:
                root.set(side, str(picture[side]))
    try:
        return ET.tostring(root, encoding="unicode", short_empty_elements=True)
    except RecursionError:
        raise ValueError("an SVG document nested too deep") from None


@cache
def _built_in() -> House:
    return house()


def _clean(root: ET.Element, site: House, told: Told) -> None:
    """Take out what could run, fetch or act on the page, and all namespaces."""
    left = [root]
    while left:
        parent = left.pop()
        parent.tag = _name(parent.tag)
        for child in list(parent):
            name = _name(child.tag)
            if name not in ELEMENTS:
                _tell(name, told)
                _remove(parent, child)
        if parent.tag in _TEXTS:
            parent.text = "".join(parent.itertext())
            for child in list(parent):
                parent.remove(child)
        left.extend(parent)
        for key in list(parent.attrib):
            name, value = _name(key), parent.attrib.pop(key)
            if key.startswith("{http://www.w3.org/XML/1998/"):
                continue
            if _harmless(parent.tag, name, value, told):
                parent.set(name, value)
        if classes := parent.get("class"):
            kept = [one for one in classes.split() if one not in site.classes and one != "fixed"]
            parent.set("class", " ".join(kept))
            if not kept:
                del parent.attrib["class"]


def _remove(parent: ET.Element, child: ET.Element) -> None:
    """Without the text after it."""
    siblings = list(parent)
    place = siblings.index(child)
    if child.tail and child.tail.strip():
        if place:
            siblings[place - 1].tail = (siblings[place - 1].tail or "") + child.tail
        else:
            parent.text = (parent.text or "") + child.tail
    parent.remove(child)


def _tell(name: str, told: Told) -> None:
    lower = name.lower()
    if lower in ("style", "metadata", "namedview", "") or not isinstance(name, str):
        return
    kind = {"script": "a script", "foreignobject": "HTML within a drawing"}.get(lower)
    moves = lower in ("animate", "set", "animatetransform", "animatemotion")
    told.add(kind or ("an animation" if moves else f"<{lower}>"))


def _harmless(tag: str, name: str, value: str, told: Told) -> bool:
    if name.startswith(("aria-", "data-")):
        return not is_pages_own(name)
    if name.lower().startswith("on"):
        told.add("a handler of events")
        return False
    if name not in ATTRIBUTES:
        return False
    if name == "href":
        own = ("#", "data:image/") if tag == "image" else ("#",)
        out = tag == "a" and re.match(r"https?://|mailto:", value)
        if not (value.startswith(own) or out):
            told.add("a picture from elsewhere" if tag == "image" else "a reference to elsewhere")
            return False
        return True
    if name not in ("style", "class", "id") and _FETCHED.search(value):
        told.add("a reference to elsewhere")
        return False
    return True


def is_pages_own(attribute: str) -> bool:
    """Whether the page's script knows its own elements by a `data-` attribute."""
    return bool(_PAGES_OWN_DATA.fullmatch(attribute))


def _style(root: ET.Element, sheet: Sheet, site: House, told: Told) -> None:
    for element in root.iter():
        style = inlined(element, sheet if sheet.by_key else None, told, drawn=True)
        if style:
            element.set("style", style)
        else:
            element.attrib.pop("style", None)


def _adapts(root: ET.Element, site: House) -> bool:
    """Whether all of a drawing can be seen in both themes, as it is or by the site's colours."""
    left = [(root, False)]
    while left:
        element, filled = left.pop()
        # The stylesheet has the last word, and an attribute is for viewers without it.
        drawn = not site.drawn.isdisjoint(element.get("class", "").split()) and element is not root
        values = [] if drawn else [(name, element.get(name, "")) for name in _COLOURED]
        for part in element.get("style", "").split(";"):
            name, _, value = part.partition(":")
            values.append((name.strip(), value.strip()))
        for name, value in values:
            if name in _COLOURED and value:
                filled |= name in ("fill", "color")
                if not _legible(value, name, site):
                    return False
        filled |= drawn
        if element.tag in _SHAPES and not filled:
            return False  # black, as whatever nobody gives a colour
        if element.tag not in ("defs", "clipPath", "mask", "marker", "symbol"):
            left.extend((child, filled) for child in element)
    return True


def _legible(colour: str, name: str, site: House) -> bool:
    if _NEUTRAL.fullmatch(colour):
        return True
    found = re.fullmatch(r"#([0-9a-f]{3}|[0-9a-f]{6})", colour.lower())
    if found is None:
        return False
    digits = found[1] if len(found[1]) == 6 else "".join(2 * sign for sign in found[1])
    if digits in site.colours:
        return True
    return _DARKEST <= luminance(digits) <= (1 if name == "stroke" else _BRIGHTEST)


def luminance(digits: str) -> float:
    """Of a colour in six hexadecimal digits, from 0 to 1, as WCAG has it."""
    parts = (int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _rewrite(element: ET.Element, prefix: str, themed: frozenset[str] | tuple[()]) -> None:
    for key, value in list(element.attrib.items()):
        if key == "id":
            element.set(key, f"{prefix}-{value}")
        elif key == "href" and value.startswith("#"):
            element.set(key, f"#{prefix}-{value[1:]}")
        elif key in ("aria-labelledby", "aria-describedby"):
            element.set(key, " ".join(f"{prefix}-{name}" for name in value.split()))
        elif not key.startswith(("aria-", "data-")):
            value = _REFERENCE.sub(rf"url(#{prefix}-\1)", value)
            if key == "style":
                value = _COLOUR.sub(lambda found: _variable(found[1].lower(), themed), value)
            element.set(key, value)


def _variable(digits: str, themed: frozenset[str] | tuple[()]) -> str:
    """A colour that the stylesheet replaces in the dark, where it does."""
    return f"var(--figure-{digits},#{digits})" if digits in themed else f"#{digits}"


def _name_by_title(root: ET.Element, prefix: str, alt: str) -> None:
    """Let `<title>` and `<desc>` be what a screen reader says."""
    if alt:
        root.attrib.pop("aria-labelledby", None)
        root.set("aria-label", alt)
    if root.get("aria-labelledby") or root.get("aria-label"):
        return
    for attribute, name in (("aria-labelledby", "title"), ("aria-describedby", "desc")):
        element = root.find(name)
        if element is not None:
            element.set("id", element.get("id") or f"{prefix}-{name}")
            root.set(attribute, str(element.get("id")))
    if not root.get("aria-labelledby"):
        root.set("aria-label", "Figure")


def _pixels(length: str) -> str:
    found = re.fullmatch(r"([\d.]+)(pt|px)?", length)
    if not found:
        return ""
    try:
        return f"{float(found[1]) * (4 / 3 if found[2] == 'pt' else 1):.0f}"
    except ValueError:
        return ""


def _name(tag: str) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
