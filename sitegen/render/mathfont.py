"""A font for formulas: where a reader's system has none, brackets and roots would not stretch."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterable
from functools import lru_cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from sitegen.render.mathsymbols import letter

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

NAME = "math.woff"

_FORMULA = re.compile(r"<math\b.*?</math>", re.DOTALL)
_LETTER = re.compile(r"<mi>([^<&])</mi>")
_TAG = re.compile(r"<[^>]*>")


def characters(pages: Iterable[str]) -> frozenset[str]:
    """What the formulas of these pages are written with."""
    formulas = [formula for page in pages for formula in _FORMULA.findall(page)]
    # A letter by itself is shown slanted, which is another character to a font.
    slanted = {letter(found, "it") for formula in formulas for found in _LETTER.findall(formula)}
    written = slanted.union(*(html.unescape(_TAG.sub("", one)) for one in formulas))
    return frozenset(written | {"√"}) if formulas else frozenset()


@lru_cache(maxsize=8)
def subset(wanted: frozenset[str]) -> bytes:
    """The part of STIX Two Math, which comes with ziamath, with these characters, as WOFF.

    It keeps the font's MATH table, every size of the signs that stretch, and its licence. What
    Chromium reads otherwise than other browsers is made to look the same there.
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
    _adapt(font)
    subsetter = fonts.Subsetter(options)
    subsetter.populate(unicodes=sorted(map(ord, wanted)))
    subsetter.subset(font)
    target = io.BytesIO()
    fonts.save_font(font, target, options)
    return target.getvalue()


def _adapt(font: TTFont) -> None:
    """Make the font show in every browser what it shows in those that use all of it."""
    signs, mathematics = dict(font.getBestCmap()), font["MATH"].table
    # Primes are drawn for text; those for indices are an option that Chromium doesn't take.
    forms = _forms_of_indices(font)
    for table in font["cmap"].tables:
        for prime in filter(table.cmap.__contains__, map(ord, "′″‴⁗")):
            table.cmap[prime] = forms[signs[prime]]
    # A label stands as near to its arrow as in TeX.
    mathematics.MathConstants.StretchStackTopShiftUp.Value = 560
    mathematics.MathConstants.StretchStackBottomShiftDown.Value = 480
    # Heads of arrows have their joint on the wrong side.
    for sizes in mathematics.MathVariants.HorizGlyphConstruction:
        last = sizes.GlyphAssembly.PartRecords[-1] if sizes.GlyphAssembly else None
        if last and last.StartConnectorLength == 0:
            last.StartConnectorLength, last.EndConnectorLength = last.EndConnectorLength, 0
    # Accents that combine grow to the left of where they stand; browsers take them for signs.
    variants = mathematics.MathVariants
    wide = dict(
        zip(variants.HorizGlyphCoverage.glyphs, variants.HorizGlyphConstruction, strict=True)
    )
    for sign, combining in (("ˆ", "\u0302"), ("˜", "\u0303"), ("ˇ", "\u030c")):
        sizes = wide[signs[ord(sign)]] = wide[signs[ord(combining)]]
        sizes.MathGlyphVariantRecord[0].VariantGlyph = signs[ord(sign)]
        for record in sizes.MathGlyphVariantRecord[1:]:
            font["hmtx"][record.VariantGlyph] = (record.AdvanceMeasurement, 0)
    order = sorted(wide, key=font.getGlyphID)
    variants.HorizGlyphCoverage.glyphs = order
    variants.HorizGlyphConstruction = [wide[glyph] for glyph in order]
    variants.HorizGlyphCount = len(order)


def _forms_of_indices(font: TTFont) -> dict[str, str]:
    """The glyph that the feature `ssty` puts in place of another."""
    table = font["GSUB"].table
    (feature,) = (one for one in table.FeatureList.FeatureRecord if one.FeatureTag == "ssty")
    subtables = (table.LookupList.Lookup[at].SubTable for at in feature.Feature.LookupListIndex)
    return {
        glyph: forms[0]
        for subtable in chain.from_iterable(subtables)
        for glyph, forms in subtable.alternates.items()
    }


def _whole() -> Path:
    package = find_spec("ziamath")  # its code, which draws formulas, is not imported
    if package is None or package.origin is None:
        raise ModuleNotFoundError("ziamath, whose font formulas are set in, is not installed")
    return Path(package.origin).parent / "fonts" / "STIXTwoMath-Regular.ttf"
