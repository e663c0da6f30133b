"""Where a text ends before it is as long as it may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gptcore.checks import whole_number
from gptcore.tokenizer import Tokenizer, decode

Stop = int | str | Sequence[int | str] | None
"""An id, a text, or several of them, of which the first to come counts."""


class Stops:
    """What ends a row of new ids: one of several ids, or a text that the ids spell.

    Raises TypeError for what is neither, ValueError for an id outside the vocabulary, an empty
    text, and a text without a tokenizer.
    """

    def __init__(
        self, stop: Stop, tokenizer: Tokenizer | None, vocab_size: int
    ) -> None:
        several = _several(stop)
        self.texts = [one for one in several if isinstance(one, str)]
        self.ids = {_id(one) for one in several if not isinstance(one, str)}
        self.tokenizer = tokenizer
        outside = [id_ for id_ in self.ids if not 0 <= id_ < vocab_size]
        if outside:
            raise ValueError(
                f"stop {outside[0]} is outside 0 to {vocab_size - 1}, the model's vocabulary"
            )
        if not all(self.texts):
            raise ValueError(
                "stop is an empty text; give at least one letter, or None"
            )
        if self.texts and tokenizer is None:
            raise ValueError(
                f"stop {self.texts[0]!r} is a text; pass tokenizer=, which spells it"
            )
        if self.texts and not hasattr(tokenizer, "decode"):
            raise TypeError(
                f"tokenizer is a {type(tokenizer).__name__}, which can't decode; "
                "pass one that can, or stop at ids"
            )
        # Every id spells a byte or more, but for a special one here and there.
        longest = max((len(text.encode()) for text in self.texts), default=0)
        self._tail = longest + 8

    def __bool__(self) -> bool:
        return bool(self.texts or self.ids)

    def length(self, new: Sequence[int], seen: int = 0) -> int | None:
        """How many of the new ids there are up to the first end, with it; None if it isn't there.

        The first `seen` are known to end nothing.
        """
        return next(
            (n for n in range(seen + 1, len(new) + 1) if self._ends(new[:n])), None
        )

    def _ends(self, new: Sequence[int]) -> bool:
        if new[-1] in self.ids:
            return True
        if not self.texts or self.tokenizer is None:
            return False
        spelled = decode(self.tokenizer, new[-self._tail :])
        return any(text in spelled for text in self.texts)


def _several(stop: Any) -> list[Any]:
    if stop is None:
        return []
    if isinstance(stop, str | bytes):  # bytes are no row of ids
        return [stop]
    try:
        return list(stop)
    except TypeError:  # which one id raises, of whatever integer type
        return [stop]


def _id(one: object) -> int:
    try:
        return whole_number("stop", one)
    except TypeError:
        raise TypeError(f"stop {one!r} is neither an id nor a text") from None
