"""What a row of a formula consists of, and TeX's spaces in it, which browsers know in part."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

THIN, MEDIUM, THICK = 3 / 18, 4 / 18, 5 / 18
_BEFORE_A_SIGN = {"", "bin", "op", "rel", "open", "punct"}
"""After these, and before the next line's, a plus is a sign and no sum."""
_AFTER_A_SIGN = {"", "rel", "close", "punct"}
_THIN = {
    ("ord", "op"), ("op", "op"), ("close", "op"), ("inner", "op"), ("op", "ord"), ("op", "inner"),
    ("ord", "inner"), ("inner", "ord"), ("inner", "inner"), ("inner", "open"), ("close", "inner"),
    ("inner", "punct"),
}  # fmt: skip
"""Neighbours that TeX keeps a little apart."""
_AROUND = {"bin": (MEDIUM, MEDIUM), "rel": (THICK, THICK), "punct": (0.0, THIN)}
_KNOWN = {
    **dict.fromkeys("=<>≤≥≠≈≡∼∈⊂⊆→", (THICK, THICK)),
    **dict.fromkeys("+−", (MEDIUM, MEDIUM)),
    **dict.fromkeys(",", (0.0, THIN)),
    **dict.fromkeys("()[]{}", (0.0, 0.0)),
}
"""What browsers put before and after these without being told."""


@dataclass
class Atom:
    """A part of a row, and how it is spaced: a kind of `mathsymbols.kind`, or "space"."""

    node: ET.Element
    kind: str = "ord"
    core: ET.Element | None = None
    """The `<mo>` that its spaces belong to."""
    limits: bool = False
    """Whether its scripts stand above and below."""
    leaning: str = ""
    """What it had as a sign: a "bin" that became "ord"."""


def element(tag: str, *children: ET.Element, text: str = "", **attributes: str) -> ET.Element:
    """A new element; `class_` is the attribute `class`, and an empty attribute is none."""
    given = {name.rstrip("_"): value for name, value in attributes.items() if value}
    node = ET.Element(tag, given)
    node.text = text or None
    node.extend(children)
    return node


def em(width: float) -> str:
    """A length as MathML writes it."""
    return f"{round(width, 4):g}em" if width else "0"


def space(width: float) -> ET.Element:
    """White space; a negative one pulls what follows nearer."""
    if width < 0:
        return element("mspace", style=f"margin-left:{em(width)}")
    return element("mspace", width=em(width))


def row(atoms: Sequence[Atom], level: int = 0, before: str = "") -> ET.Element:
    """One element that holds them all."""
    nodes = nodes_of(atoms, level, before)
    return nodes[0] if len(nodes) == 1 else element("mrow", *nodes)


def nodes_of(atoms: Sequence[Atom], level: int = 0, before: str = "") -> list[ET.Element]:
    """The elements of a row, with their spaces; `before` is the kind of what stands before it."""
    shown = [atom for atom in atoms if atom.kind != "space"]
    _signs(shown, before)
    nodes: list[ET.Element] = []
    last = before
    for at, atom in enumerate(atoms):
        if at == 0 and atom.kind == "bin" and atom.core is not None:
            atom.core.set("form", "infix")  # in spite of its place
        if atom.kind != "space":
            if level == 0 and (last, atom.kind) in _THIN:
                nodes.append(space(THIN))
            last = atom.kind
        nodes += _spaced(atom, level)
    return nodes


def _signs(atoms: Sequence[Atom], before: str) -> None:
    """Make those operators that have nothing on one side signs of what is on the other."""
    kinds = [before, *(atom.kind for atom in atoms), ""]
    for at, atom in enumerate(atoms):
        if atom.kind == "bin" and (kinds[at] in _BEFORE_A_SIGN or kinds[at + 2] in _AFTER_A_SIGN):
            atom.kind, atom.leaning = "ord", "sign"
            kinds[at + 1] = "ord"


def _spaced(atom: Atom, level: int) -> Iterable[ET.Element]:
    left, right = _AROUND.get(atom.kind, (0.0, 0.0)) if level == 0 else (0.0, 0.0)
    core = atom.core
    if core is None:
        return [space(left), atom.node, space(right)] if (left or right) else [atom.node]
    if atom.leaning and (core.text or "") in "+−±∓":
        core.set("form", "prefix")
    elif atom.leaning or "form" in core.attrib or _KNOWN.get(core.text or "") != (left, right):
        core.set("lspace", em(left))
        core.set("rspace", em(right))
    return [atom.node]
