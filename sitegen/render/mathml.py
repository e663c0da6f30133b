"""LaTeX formulas as MathML, which needs no script to be shown."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from functools import lru_cache

from sitegen.render.mathcommands import COMMANDS, SWITCHES
from sitegen.render.mathparse import TEXT, Formula
from sitegen.render.mathread import FormulaError as FormulaError
from sitegen.render.mathread import Reader, split, tokens, unfolded
from sitegen.render.mathspace import element, nodes_of
from sitegen.render.mathsymbols import MACROS
from sitegen.render.mathtable import rows, tagged


@lru_cache(maxsize=4096)
def to_mathml(tex: str, display: bool) -> str:
    """The formula as a `<math>` element, inline or `display`ed.

    `FormulaError`, a `ValueError` with the `line` of the formula, says what can't be shown.
    """
    if not tex.strip():
        raise FormulaError("there is nothing in it")
    try:
        node = _math(tex, display)
    except RecursionError:
        raise FormulaError("it is nested too deep") from None
    return ET.tostring(node, encoding="unicode")


def _math(tex: str, display: bool) -> ET.Element:
    source = unfolded(tokens(tex), MACROS)
    formula = Formula(display, COMMANDS, SWITCHES)
    if len(split(source, r"\\")) > 1:
        nodes = [rows(formula, source)]
    else:
        nodes = nodes_of(formula.atoms(Reader(source), TEXT))
        if formula.tag is not None:
            nodes = [tagged([element("mtr", element("mtd", *nodes))], [formula.tag], "rows")]
    tags = any("tagged" in node.get("class", "") for node in nodes)
    return element(
        "math",
        *(nodes if len(nodes) == 1 else [element("mrow", *nodes)]),
        display="block" if display else "",
        class_="wide-as-text" if tags else "",
    )
