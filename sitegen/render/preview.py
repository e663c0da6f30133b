"""The picture that a link to a lesson unfurls into: its title beside a figure of its own."""

from __future__ import annotations

import hashlib
import html
import re
import textwrap
import xml.etree.ElementTree as ET
from importlib.util import find_spec
from pathlib import Path

from sitegen.render.svg import inline_svg

WIDTH, HEIGHT = 1200, 630  # what those who show such pictures ask for


def name(slug: str, card: str) -> str:
    """The path of the picture in the site; another picture has another name."""
    return f"static/preview-{slug}-{hashlib.sha256(card.encode()).hexdigest()[:8]}.png"


def card(site: str, title: str, figure: str) -> str:
    """The picture as SVG, given the markup of a figure.

    Raises:
        ValueError: the figure is not an SVG document with a viewBox.
    """
    lines = textwrap.wrap(title, 13, break_long_words=False)[:4]
    words = "".join(
        f'<text x="80" y="{230 + 74 * row}" font-size="58" font-weight="700" fill="#1f2937">'
        f"{_escaped(line)}</text>"
        for row, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">'
        '<rect width="100%" height="100%" fill="#fdfdfc"/>'
        '<rect width="18" height="100%" fill="#5b3fd1"/>'
        f'<text x="80" y="120" font-size="30" fill="#526070">{_escaped(site)}</text>'
        f"{words}{_placed(figure)}</svg>"
    )


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _placed(figure: str) -> str:
    """The figure at the right, as large as it goes; of a tall one the upper part."""
    drawing = ET.fromstring(re.sub(r"var\([^,()]+,(#\w+)\)", r"\1", inline_svg(figure, "card")))
    _, _, width, height = map(float, drawing.get("viewBox", "").replace(",", " ").split())
    tall = height > width
    box = {"x": 680, "y": 0 if tall else 50, "width": 480, "height": HEIGHT - (0 if tall else 100)}
    for key, value in box.items():
        drawing.set(key, str(value))
    drawing.set("preserveAspectRatio", "xMidYMin slice" if tall else "xMidYMid meet")
    drawing.set("xmlns", "http://www.w3.org/2000/svg")
    return ET.tostring(drawing, encoding="unicode")


def png(card: str) -> bytes:
    """The picture, drawn with fonts that are the same on every machine."""
    import resvg_py

    spec = find_spec("matplotlib")
    fonts = Path(str(spec and spec.origin)).parent / "mpl-data" / "fonts" / "ttf"
    return resvg_py.svg_to_bytes(
        svg_string=card,
        skip_system_fonts=True,
        font_files=[str(path) for path in sorted(fonts.glob("DejaVuSans*.ttf"))],
        font_family="DejaVu Sans",
        sans_serif_family="DejaVu Sans",
        monospace_family="DejaVu Sans Mono",
    )
