"""What the site's stylesheets keep for themselves: colours they theme, classes they draw."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sitegen.parse.config import BUILT_IN

_FOR_OUTPUTS = frozenset(
    """attention ffn embedding norm residual text-attention text-ffn text-embedding text-norm
    text-residual diagram figure ink muted paper line boundary number columns part part-title
    component-title passage verdict kept partly share copy mark task dataframe footnotes
    footnotes-sep footnotes-list footnote-item footnote-ref footnote-backref""".split()  # noqa: SIM905
)
"""Classes of the built-in stylesheet that outputs may use."""

_COLOUR = re.compile(r"--figure-([0-9a-f]{6})\s*:")
_CLASS = re.compile(r"\.([A-Za-z][\w-]*)")
_WORDS_OF_CODE = re.compile(r"[a-z]{1,2}1?")
"""Classes that colour code, and nothing outside of it."""


@dataclass(frozen=True)
class House:
    """Of the stylesheets of one site."""

    colours: frozenset[str]
    """Hexadecimal colours that follow the reader's theme."""
    drawn: frozenset[str]
    """All classes that they draw."""
    classes: frozenset[str]
    """Those that the pages' own parts have, and no output takes."""


def house(folders: Iterable[Path] = (BUILT_IN / "static",)) -> House:
    """Of the stylesheets in these folders; classes that only a course's own have are free."""
    paths = [path for folder in folders for path in sorted(folder.glob("*.css"))]
    sheets = [path.read_text("utf-8", "replace") for path in paths]
    return House(
        frozenset(colour for sheet in sheets for colour in _COLOUR.findall(sheet)),
        frozenset(name for sheet in sheets for name in _classes(sheet)),
        _kept(),
    )


@cache
def _kept() -> frozenset[str]:
    found = _classes((BUILT_IN / "static" / "style.css").read_text("utf-8")) - _FOR_OUTPUTS
    return frozenset(name for name in found if not _WORDS_OF_CODE.fullmatch(name))


def _classes(sheet: str) -> frozenset[str]:
    selectors = re.sub(r"/\*.*?\*/|\{[^{}]*\}", " ", sheet, flags=re.S)
    return frozenset(_CLASS.findall(selectors))
