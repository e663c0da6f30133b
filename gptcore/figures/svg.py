"""Diagrams as values: SVG that a notebook shows as it is and a page recolours by class."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

# A role is a class for the page's stylesheet, and these are its colours where there is none.
STROKE = {
    "attention": "#0369a1",
    "ffn": "#b45309",
    "embedding": "#8e24aa",
    "norm": "#047857",
    "residual": "#5b3fd1",
    "line": "#64748b",
    "boundary": "#64748b",
    "kept": "#64748b",
    "partly": "#0369a1",
}
FILL = {
    "attention": "#e0f2fe",
    "ffn": "#fef3c7",
    "embedding": "#f6e6fa",
    "norm": "#d1fae5",
    "residual": "#e6e1fb",
    "share": "#0369a1",
    "kept": "#e7ebf1",
    "partly": "#ffffff",
    "paper": "#ffffff",
    "ink": "#1f2937",
    "muted": "#526070",
    "text-attention": "#0369a1",
}
WIDTH = 400  # so narrow that 12 units of text are still above 11 pixels on a phone
SANS = "system-ui, sans-serif"
MONO = "ui-monospace, monospace"
ARROWHEAD = "m-4.5,-5.5 l4.5,5.5 l4.5,-5.5"  # of a path that ends downwards


NOT_IN_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Diagram:
    """A drawing that can say in words what it shows."""

    title: str
    description: str
    svg: str = field(repr=False)

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"{self.title}. {self.description}"


def shape(tag: str, role: str, **attributes: str | float) -> ET.Element:
    """An element with a role's class and colours, as in shape("rect", "norm", x=0, rx=4).

    An underscore in an attribute's name stands for its hyphen.
    """
    colours = {"fill": FILL.get(role, "none"), "stroke": STROKE.get(role, "none")}
    return _element(tag, {"class": role, **colours, **attributes})


def text(
    x: float,
    y: float,
    words: str,
    role: str = "ink",
    mono: bool = False,
    bold: bool = False,
    anchor: str = "start",
    size: float = 13,
) -> ET.Element:
    """Words on the baseline y. A role such as "attention" gives them its stroke's colour."""
    coloured = role in STROKE
    written = _element(
        "text",
        {
            "class": f"text-{role}" if coloured else role,
            "x": x,
            "y": y,
            "fill": STROKE[role] if coloured else FILL[role],
            "font-family": MONO if mono else SANS,
            "font-size": size,
            "font-weight": 600 if bold else 400,
            "text-anchor": anchor,
        },
    )
    written.text = _writable(words)
    return written


def group(**attributes: str) -> ET.Element:
    """An empty group; `data_class="Block"` becomes the attribute data-class."""
    return _element("g", {**attributes})


def arrow(x: float, top: float, tip: float) -> ET.Element:
    """An arrow down, from (x, top) to (x, tip)."""
    return shape(
        "path", "line", d=f"M{x},{top} V{tip} {ARROWHEAD}", stroke_width=1.5
    )


def document(
    body: ET.Element,
    width: float,
    height: float,
    title: str,
    description: str,
    prefix: str,
) -> Diagram:
    """The whole drawing, width by height; ids begin with prefix, which a page uses once."""
    root = _element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "class": "diagram",
            "role": "img",
            "viewBox": f"0 0 {_number(width)} {_number(height)}",
            "width": width,
            "height": height,
            "aria-labelledby": f"{prefix}-title {prefix}-desc",
        },
    )
    for tag, words in (("title", title), ("desc", description)):
        ET.SubElement(root, tag, {"id": f"{prefix}-{tag}"}).text = _writable(words)
    root.append(body)
    return Diagram(title, description, ET.tostring(root, encoding="unicode"))


def _writable(words: str) -> str:
    """Words without what no XML may hold: https://www.w3.org/TR/xml/#charsets."""
    return NOT_IN_XML.sub("\ufffd", words)


def _element(tag: str, attributes: dict[str, str | float]) -> ET.Element:
    return ET.Element(
        tag, {key.replace("_", "-"): _number(v) for key, v in attributes.items()}
    )


def _number(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"
