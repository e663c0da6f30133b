"""A font for formulas: where a reader's system has none, brackets and roots would not stretch."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from sitegen.render.mathsymbols import letter

NAME = "math.woff"

_FORMULA = re.compile(r"<math\b.*?</math>", re.DOTALL)
_LETTER = re.compile(r"<mi>([^<&])</mi>")
_TAG = re.compile(r"<[^>]*>")


def characters(pages: Iterable[str]) -> frozenset[str]:
    """What the formulas of these pages are written with."""
    formulas = [formula for page in pages for formula in _FORMULA.findall(page)]
    # A letter by itself is shown slanted, which is another character to a font.
    slanted = {letter(found, "it") for formula in formulas for found in _LETTER.findall(formula)}
    return frozenset(slanted.union(*(html.unescape(_TAG.sub("", one)) for one in formulas)))


@lru_cache(maxsize=8)
def subset(wanted: frozenset[str]) -> bytes:
    """The part of STIX Two Math, which comes with ziamath, with these characters, as WOFF.

    It keeps the font's MATH table, every size of the signs that stretch, and its licence.
    """
    from fontTools import subset as fonts

    options = fonts.Options(
        flavor="woff",
        layout_features=[],
        hinting=False,
        name_IDs=["*"],
        notdef_outline=True,
        recalc_timestamp=False,
    )
    font = fonts.load_font(str(_whole()), options, dontLoadGlyphNames=True)
    subsetter = fonts.Subsetter(options)
    subsetter.populate(unicodes=sorted(map(ord, wanted)))
    subsetter.subset(font)
    target = io.BytesIO()
    fonts.save_font(font, target, options)
    return target.getvalue()


def _whole() -> Path:
    package = find_spec("ziamath")  # its code, which draws formulas, is not imported
    if package is None or package.origin is None:
        raise ModuleNotFoundError("ziamath, whose font formulas are set in, is not installed")
    return Path(package.origin).parent / "fonts" / "STIXTwoMath-Regular.ttf"
