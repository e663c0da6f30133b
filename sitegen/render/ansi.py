"""Text with the colours of a terminal as HTML: the sixteen in the theme's, all legible in both."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup, escape

from sitegen.render.svg import luminance

_CODE = re.compile(r"\x1b\[([\d;]*)m")
_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_PLAIN = {"1": "bold", "2": "faint", "3": "italic", "4": "underline", "9": "strike"}
_SIXTEEN = re.findall(
    r"\w{6}",
    """1f2937 c0262d 2f7d32 b58900 2563c9 a3268f 0e7f86 d8dee6
    526070 e5484d 4caf50 f2c94c 5b9cf5 d46bc4 35b8c0 ffffff""",
)
"""Grounds: those of text are the stylesheet's."""
_PAPERS = ("f5f6f8", "1a212a")
"""The darkest light and the lightest dark ground that text stands on without one of its own."""
_CONTRAST = 4.6
"""A little more than WCAG's AA."""


def coloured(text: str) -> Markup:
    """The text with a span for each run of a style, within its line."""
    if "\x1b" not in text:
        return escape(text)
    return Markup("").join(_runs(text))


def _runs(text: str) -> Iterator[Markup]:
    style: tuple[str, ...] = ()
    place = 0
    for code in (*_CODE.finditer(text), None):
        piece = text[place : code.start() if code else len(text)]
        if piece:
            yield _span(piece, style) if style else escape(piece)
        if code:
            style = () if code[1] in ("", "0") else tuple(code[1].split(";"))
            place = code.end()


def _span(text: str, style: tuple[str, ...]) -> Markup:
    classes, ink, ground, inverse = [], "", "", False
    codes = iter(style)
    for code in codes:
        if code in _PLAIN:
            classes.append(f"ansi-{_PLAIN[code]}")
        elif code == "7":
            inverse = True
        elif code in ("38", "48"):
            colour = _extended(codes)
            ink, ground = (colour, ground) if code == "38" else (ink, colour)
        elif code.isdigit() and 30 <= int(code) % 60 < 50:
            number = int(code)
            bright = 8 if number >= 90 else 0
            index = str(number % 10 + bright)
            ink, ground = (index, ground) if number // 10 in (3, 9) else (ink, index)
    if inverse:
        ink, ground = ground or "paper", ink or "ink"
    if ground:
        style_text = _on_ground(ink, ground)
        if not style_text:
            classes.append("ansi-inverse")
    elif ink.isdigit() and len(ink) < 3:
        name = _NAMES[int(ink) % 8]
        classes.append(f"ansi-{'bright-' if int(ink) > 7 else ''}{name}")
        style_text = ""
    elif ink:
        light, dark = (legible(ink, paper) for paper in _PAPERS)
        style_text = f"color:light-dark(#{light},#{dark})"
    else:
        style_text = ""
    attributes = Markup(' class="{}"').format(" ".join(classes)) if classes else Markup("")
    attributes += Markup(' style="{}"').format(style_text) if style_text else Markup("")
    return Markup("<span{}>{}</span>").format(attributes, text)


def _on_ground(ink: str, ground: str) -> str:
    """Both colours as they are, but for text that could not be read on its ground."""
    if ground == "ink":
        return ""
    below = _digits(ground)
    above = (
        _digits(ink)
        if ink and ink != "paper"
        else ("1f2937" if luminance(below) > 0.2 else "ffffff")
    )
    return f"color:#{legible(above, below)};background:#{below}"


def _digits(colour: str) -> str:
    return _SIXTEEN[int(colour)] if len(colour) < 3 else colour


def _extended(codes: Iterator[str]) -> str:
    """Six digits of a colour of 256 or of all; the first sixteen by their number."""
    if next(codes) == "2":
        return "".join(f"{int(next(codes)):02x}" for _ in range(3))
    number = int(next(codes))
    if number < 16:
        return str(number)
    if number >= 232:
        return f"{8 + 10 * (number - 232):02x}" * 3
    steps = (0, 95, 135, 175, 215, 255)
    cube = number - 16
    return "".join(f"{steps[part]:02x}" for part in (cube // 36, cube // 6 % 6, cube % 6))


def legible(colour: str, ground: str) -> str:
    """The colour, made darker or lighter until it can be read on a ground."""
    below = luminance(ground)
    target = 0 if below > 0.18 else 255
    parts = [int(colour[place : place + 2], 16) for place in (0, 2, 4)]
    for step in range(21):
        mixed = [round(part + (target - part) * step / 20) for part in parts]
        digits = "".join(f"{part:02x}" for part in mixed)
        lighter, darker = sorted((luminance(digits), below), reverse=True)
        if (lighter + 0.05) / (darker + 0.05) >= _CONTRAST:
            return digits
    return "000000" if target == 0 else "ffffff"
