"""Executed SVG made fit to stand inside a page: safe, themed by the stylesheet, ids its own."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

SVG = "http://www.w3.org/2000/svg"

_DRAWS = re.compile(
    r"""svg|g|defs|symbol|use|title|desc|a|switch|path|rect|circle|ellipse|line|polyline|polygon
    |image|text|tspan|textPath|marker|pattern|clipPath|mask|linearGradient|radialGradient|stop
    |filter|fe[A-Z]\w+""",
    re.X,
)
"""Elements to be kept. An HTML parser knows many more, in any case of letters, that act."""

_FETCHED = re.compile(r"""url\(\s*["']?(?!\s*["']?#)|\\|image-set|src\(""", re.I)
_COLOUR = re.compile(r"#([0-9a-fA-F]{6})\b")
_REFERENCE = re.compile(r"""url\(\s*["']?#([^)"']+?)["']?\s*\)""")


def inline_svg(text: str, prefix: str) -> str:
    """The markup of an `<svg>` element for a page in which `prefix` is used once.

    Raises:
        ValueError: the text is not an SVG document.
    """
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise ValueError(f"not well-formed SVG: {error}") from None
    if _name(root.tag) != "svg":
        raise ValueError(f"not an SVG document but <{_name(root.tag)}>")
    _clean(root)
    for element in root.iter():
        _rewrite(element, prefix)
    if "class" not in root.attrib:
        root.set("class", "figure")
    root.set("role", root.get("role", "img"))
    _name_by_title(root, prefix)
    for side in ("width", "height"):
        root.set(side, _pixels(root.get(side, "")))
        if not root.get(side):
            del root.attrib[side]
    return ET.tostring(root, encoding="unicode", short_empty_elements=True)


def _clean(parent: ET.Element) -> None:
    """Take out what could run, fetch or restyle the page, and all namespaces."""
    for child in list(parent):
        name = _name(child.tag)
        if not _DRAWS.fullmatch(name):
            parent.remove(child)
        else:
            _clean(child)
    parent.tag = _name(parent.tag)
    for key in list(parent.attrib):
        name, value = _name(key), parent.attrib.pop(key)
        own = ("#", "data:image/") if parent.tag == "image" else ("#",)
        hostile = (
            name.lower().startswith("on")
            or (name.lower() == "href" and not value.startswith(own))
            or (not name.startswith(("aria-", "data-")) and _FETCHED.search(value))
        )
        if not hostile and not key.startswith("{http://www.w3.org/XML/1998/"):
            parent.set(name, value)


def _rewrite(element: ET.Element, prefix: str) -> None:
    for key, value in list(element.attrib.items()):
        if key == "id":
            element.set(key, f"{prefix}-{value}")
        elif key == "href" and value.startswith("#"):
            element.set(key, f"#{prefix}-{value[1:]}")
        elif key in ("aria-labelledby", "aria-describedby"):
            element.set(key, " ".join(f"{prefix}-{name}" for name in value.split()))
        else:
            value = _REFERENCE.sub(rf"url(#{prefix}-\1)", value)
            if key == "style":
                value = _COLOUR.sub(_variable, value)
            element.set(key, value)


def _variable(colour: re.Match[str]) -> str:
    """A colour that the stylesheet may replace, in the dark say."""
    digits = colour[1].lower()
    return f"var(--figure-{digits},#{digits})"


def _name_by_title(root: ET.Element, prefix: str) -> None:
    """Let `<title>` and `<desc>` be what a screen reader says."""
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
    return f"{float(found[1]) * (4 / 3 if found[2] == 'pt' else 1):.0f}"


def _name(tag: str) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
