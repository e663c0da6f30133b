"""Matplotlib's figures as deterministic SVG with real text."""

from __future__ import annotations

import io
import re
import warnings
from typing import Any

PINNED: Any = {"svg.fonttype": "none", "svg.hashsalt": "lesson"}
METADATA = {"Date": None, "Creator": None}
USUAL_DPI = 100
"""Of a figure whose author says nothing, as `matplotlibrc` has it."""


def figure_svg(figure: Any) -> str:
    """A figure as an SVG document whose bytes depend on nothing but what is drawn."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context(PINNED), warnings.catch_warnings():
        # A glyph missing in the font used for layout is there in the reader's.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(buffer, format="svg", metadata=METADATA)
    svg = buffer.getvalue()
    return _sized(svg[svg.index("<svg") :], figure.dpi / USUAL_DPI)


def _sized(svg: str, scale: float) -> str:
    """A drawing shown as large as its pixels would be, where the author set how many there are."""
    if scale == 1:
        return svg
    end = svg.index(">")
    root = re.sub(
        r'(?<=[ht]=")[\d.]+(?=pt")',
        lambda length: f"{float(length[0]) * scale:g}",
        svg[:end],
    )
    return root + svg[end:]


def show_open_figures() -> None:
    """Display the figures that pyplot holds, in the order of their numbers, and close them."""
    import matplotlib.pyplot as plt
    from IPython.display import display

    figures = [plt.figure(number) for number in plt.get_fignums()]
    plt.close("all")
    for figure in figures:
        display(figure)
