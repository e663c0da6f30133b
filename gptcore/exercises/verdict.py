"""What a check says of an answer, and how it compares one with what is right."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Concatenate, Literal, ParamSpec

import torch
from torch import Tensor

Answer = Callable[..., Any]
Given = ParamSpec("Given")


@dataclass(frozen=True)
class Verdict:
    """What a check found."""

    kind: Literal["right", "wrong", "error", "empty"]
    message: str

    @property
    def right(self) -> bool:
        """Whether the answer is what was asked for."""
        return self.kind == "right"

    @property
    def headline(self) -> str:
        """The kind in words."""
        return {
            "right": "Right",
            "wrong": "Not yet",
            "error": "Your code raised an error",
            "empty": "Not answered yet",
        }[self.kind]

    def __repr__(self) -> str:
        return f"{self.headline}: {self.message}"

    def _repr_html_(self) -> str:
        sign = "✓" if self.right else "✗"
        return (
            f'<p class="verdict {self.kind}"><strong>{sign} {self.headline}:</strong> '
            f"{escape(self.message)}</p>"
        )


class WrongAnswerError(Exception):
    """A mistake that a check recognized, in a sentence that helps."""


def judge(
    praise: str,
) -> Callable[
    [Callable[Concatenate[Answer, Given], None]],
    Callable[Concatenate[Answer, Given], Verdict],
]:
    """Make a function that raises `WrongAnswerError` into one that gives a `Verdict`.

    What an answer is to be held against may be given with it.
    """

    def decorate(
        examine: Callable[Concatenate[Answer, Given], None],
    ) -> Callable[Concatenate[Answer, Given], Verdict]:
        @functools.wraps(examine)
        def check(
            answer: Answer, /, *given: Given.args, **named: Given.kwargs
        ) -> Verdict:
            try:
                with torch.random.fork_rng():
                    torch.manual_seed(0)
                    examine(answer, *given, **named)
            except WrongAnswerError as mistake:
                return Verdict("wrong", str(mistake))
            except Exception as error:
                if isinstance(error, NotImplementedError) and not error.args:
                    name = getattr(answer, "__name__", "the answer")
                    return Verdict(
                        "empty", f"write what {name} is to do, and run both"
                    )
                return Verdict("error", f"{type(error).__name__}: {error}")
            return Verdict("right", praise)

        return check

    return decorate


def compare(
    got: object, right: Tensor, mistakes: Mapping[str, Tensor], what: str = "result"
) -> None:
    """Raise unless `got` is `right`; if it is one of the mistakes, say its sentence."""
    if not isinstance(got, Tensor):
        raise WrongAnswerError(
            f"the {what} is a {type(got).__name__}, not a tensor"
        )
    if same(got, right):
        return
    for sentence, wrong in mistakes.items():
        if same(got, wrong):
            raise WrongAnswerError(sentence)
    if got.shape != right.shape:
        shapes = f"{tuple(got.shape)}, not {tuple(right.shape)}"
        raise WrongAnswerError(f"the {what} has the shape {shapes}")
    if got.isnan().any():
        raise WrongAnswerError(
            f"there is nan in the {what}: a row that is all -inf?"
        )
    raise WrongAnswerError(f"the shape of the {what} is right, its values are not")


def same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(
        one.detach().double(), other.detach().double(), rtol=1e-4, atol=1e-6
    )


def compare_numbers(
    got: object, right: float, mistakes: Mapping[str, float]
) -> None:
    got = plain(got)
    if isinstance(got, bool) or not isinstance(got, int | float):
        raise WrongAnswerError(f"that is a {type(got).__name__}, not a number")
    for sentence, wrong in mistakes.items():
        if got == wrong:
            raise WrongAnswerError(sentence)
    if got != right:
        raise WrongAnswerError(f"{got:,} is {abs(got - right):,} off")


def plain(value: Any) -> Any:
    """A number of torch or NumPy as Python's own; anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 else value
