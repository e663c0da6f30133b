"""A font for formulas: where a reader's system has none, brackets and roots would not stretch."""

from __future__ import annotations

import io
from pathlib import Path

NAME = "math.woff"

_CHARACTERS = (
    [chr(code) for code in range(0x20, 0x7F)]
    + [chr(code) for code in range(0x391, 0x3F6)]  # Greek
    + [chr(code) for code in range(0x1D434, 0x1D468)]  # italic letters, as browsers write `x`
    + [chr(code) for code in range(0x1D6E2, 0x1D71C)]  # italic Greek
    + list("ℎℓℝ·×±−∓÷∘∗⋅…⋯⋮⋱′″∂∇∞∑∏∫√∝∈∉∀∃∅∪∩⊂⊆∧∨¬≠≈≡≤≥≪≫∼≃→←↔⇒⇔↦⊤⊥⊙⊗⊕‖∥|⟨⟩⌈⌉⌊⌋⏞⏟ˆ‾˜¯")
)


def subset() -> bytes:
    """The part of DejaVu Serif, which comes with matplotlib, that formulas use, as WOFF.

    It keeps the font's MATH table and every size of the signs that stretch.
    """
    import matplotlib
    from fontTools import subset as fonts

    options = fonts.Options(flavor="woff", layout_features=["*"], recalc_timestamp=False)
    options.drop_tables += ["FFTM"]  # notes of a font editor
    path = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSerif.ttf")
    font = fonts.load_font(str(path), options, dontLoadGlyphNames=True)
    subsetter = fonts.Subsetter(options)
    subsetter.populate(unicodes=[ord(character) for character in _CHARACTERS])
    subsetter.subset(font)
    target = io.BytesIO()
    fonts.save_font(font, target, options)
    return target.getvalue()
