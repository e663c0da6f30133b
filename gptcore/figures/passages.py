"""What in a generated text stands word for word in the text a model was trained on."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

WINDOW = 24
"""Letters from which on a match is no accident: about five words."""


@dataclass(frozen=True)
class Passage:
    """A text whose copied parts are marked, on a page and in a notebook."""

    text: str
    spans: Sequence[tuple[int, int]]
    """Where copied parts begin and end."""

    @property
    def share(self) -> float:
        """How much of the text is copied, from 0 to 1."""
        return sum(end - start for start, end in self.spans) / max(
            1, len(self.text)
        )

    def __repr__(self) -> str:
        return self._between("[", "]", str)

    def _repr_html_(self) -> str:
        return f'<pre class="passage">{self._between("<mark>", "</mark>", escape)}</pre>'

    def _between(self, left: str, right: str, quote: Callable[[str], str]) -> str:
        parts, place = [], 0
        for start, end in self.spans:
            parts += [
                quote(self.text[place:start]),
                left,
                quote(self.text[start:end]),
                right,
            ]
            place = end
        return "".join([*parts, quote(self.text[place:])])


class Training:
    """A training text, prepared once so that many samples can be held against it."""

    def __init__(self, text: str, window: int = WINDOW) -> None:
        self.window = window
        self._known = np.unique(_hashes(text, window))
        # In the order of the text, which a set loses where it is loaded from a file.
        self._words = dict.fromkeys(_words(text))

    def real_words(self, sample: str) -> float:
        """How many of a sample's words are words of the training text, from 0 to 1."""
        words = _words(sample)
        return sum(word in self._words for word in words) / max(1, len(words))

    def passage(self, sample: str) -> Passage:
        """The sample with every letter marked that is part of a copied window."""
        hashes = _hashes(sample, self.window)
        place = np.searchsorted(self._known, hashes)
        place[place == len(self._known)] = 0
        found = (
            self._known[place] == hashes if len(self._known) else np.zeros(0, bool)
        )
        marked = np.zeros(len(sample) + 1, dtype=bool)
        for start in np.flatnonzero(found):
            marked[start : start + self.window] = True
        edges = np.flatnonzero(np.diff(marked.astype(np.int8), prepend=0)).tolist()
        return Passage(sample, tuple(zip(edges[::2], edges[1::2], strict=True)))


def _words(text: str) -> list[str]:
    """Runs of letters, in lower case; with an apostrophe within, as in "o'clock"."""
    return re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", text.lower())


def _hashes(text: str, window: int) -> npt.NDArray[np.uint64]:
    """A hash of each window of a text: a polynomial in its letters, modulo 2 to the 64."""
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(
        np.uint64
    )
    count = max(0, len(codes) - window + 1)
    hashes = np.zeros(count, dtype=np.uint64)
    for offset in range(window):
        hashes *= np.uint64(0x9E3779B97F4A7C15)  # odd, and with no small order
        hashes += codes[offset : offset + count]
    return hashes
