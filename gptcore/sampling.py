"""Which token comes next: one choice, from the scores of all."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from gptcore.checks import number, whole_number

Choose = Callable[[Tensor], Tensor]
"""From the logits of the next token, (B, vocab_size), to its ids, (B, 1)."""


def sample(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Choose one id for each row of logits: (B, vocab_size) -> (B, 1).

    A temperature below 1 sharpens the distribution, 0 always takes the likeliest.
    `top_k` keeps the k likeliest ids (Fan et al. 2018), `top_p` the fewest whose
    probabilities reach p (Holtzman et al. 2020); with both, k comes first.

    Raises ValueError for a temperature below 0.
    """
    if temperature < 0:
        raise ValueError(f"temperature {temperature} is not 0 or above")
    # A smaller one is 0 in float32, and 0 / 0 no number.
    if temperature < torch.finfo(torch.float32).tiny:
        return logits.argmax(dim=-1, keepdim=True)  # (B, 1)
    # Only differences count. Down from the largest, none is large enough to overflow.
    logits = logits.float() - logits.amax(dim=-1, keepdim=True)  # (B, vocab_size)
    if top_k is not None and top_k < logits.shape[-1]:
        kept = logits.topk(top_k)  # each (B, top_k)
        logits = torch.full_like(logits, -torch.inf)
        logits = logits.scatter(-1, kept.indices, kept.values)  # (B, vocab_size)
    probs = F.softmax(logits / temperature, dim=-1)  # (B, vocab_size)
    if top_p is not None:
        likely, ids = probs.sort(descending=True)  # likeliest first
        reached = likely.cumsum(dim=-1) - likely  # by the ids before this one
        probs = probs.scatter(-1, ids, likely.masked_fill(reached >= top_p, 0.0))
    return torch.multinomial(probs, 1, generator=generator)  # (B, 1)


def sampler(
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
    n_vocab: int | None = None,
) -> Choose:
    """The choice that `sample` makes with these numbers, among the first `n_vocab` ids.

    Raises TypeError for what is no number, ValueError for numbers that make no sense.
    """
    # With more, what top_k has ruled out would be no number: all is alike long before.
    largest = torch.finfo(torch.float32).max
    temperature = min(number("temperature", temperature), largest)
    top_k = None if top_k is None else whole_number("top_k", top_k)
    top_p = None if top_p is None else number("top_p", top_p)
    if not temperature >= 0:  # so that NaN is refused too
        raise ValueError(
            f"temperature {temperature} is not 0 or above; use 0 for greedy, 1 for as is"
        )
    if top_k is not None and top_k < 1:
        raise ValueError(
            f"top_k {top_k} keeps no id; use 1 or more, or None to keep all"
        )
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(
            f"top_p {top_p} is no share; use above 0 up to 1, or None to keep all"
        )
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(
            f"generator {generator!r} is no torch.Generator; pass "
            "torch.Generator().manual_seed(seed) for a seed"
        )

    def choose(logits: Tensor) -> Tensor:
        known = logits if n_vocab is None else logits[:, :n_vocab]
        return sample(known, temperature, top_k, top_p, generator)

    return choose
