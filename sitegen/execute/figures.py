"""Matplotlib's figures as deterministic SVG with real text."""

from __future__ import annotations

import io
import re
import warnings
from typing import Any

PINNED: Any = {"svg.fonttype": "none", "svg.hashsalt": "lesson"}
METADATA = {"Date": None, "Creator": None}


def figure_svg(figure: Any) -> str:
    """A figure as an SVG document whose bytes depend on nothing but what is drawn."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context(PINNED), warnings.catch_warnings():
        # A glyph missing in the font used for layout is there in the reader's.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(buffer, format="svg", metadata=METADATA)
    svg = buffer.getvalue()
    start = svg.index("<svg")
    return re.sub(r"[ \t]+$", "", svg[start:], flags=re.M)


def show_open_figures() -> None:
    """Display the figures that pyplot holds, in the order of their numbers, and close them."""
    import matplotlib.pyplot as plt
    from IPython.display import display

    figures = [plt.figure(number) for number in plt.get_fignums()]
    plt.close("all")
    for figure in figures:
        display(figure)
