"""Text from a model, one token at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gptcore.checks import check_ids

if TYPE_CHECKING:
    from gptcore.model import GPT


@torch.no_grad()
def generate(
    model: GPT,
    idx: Tensor,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Continue idx, (B, T), by max_new_tokens: gives (B, T + max_new_tokens), idx first.

    The last four arguments are those of `sample`. A seeded generator makes the result
    repeatable. Dropout is off meanwhile; the model's mode is as before afterwards.

    Raises TypeError or ValueError for arguments that nothing can be generated from.
    """
    check_request(model, idx, max_new_tokens, temperature, top_k, top_p)
    with eval_mode(model):
        for _ in range(max_new_tokens):
            context = idx[:, -model.config.block_size :]  # all that the model can see: (B, T)
            logits, _ = model(context)  # (B, T, vocab_size)
            last = logits[:, -1]  # only the last token's next is unknown: (B, vocab_size)
            next_id = sample(last, temperature, top_k, top_p, generator)  # (B, 1)
            idx = torch.cat((idx, next_id), dim=1)  # (B, T + 1)
    return idx


def sample(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Choose one id for each row of logits: (B, vocab_size) -> (B, 1).

    A temperature below 1 sharpens the distribution, 0 always takes the likeliest. `top_k` keeps
    the k likeliest ids (Fan et al. 2018), `top_p` the fewest whose probabilities reach p
    (Holtzman et al. 2020); with both, k comes first.
    """
    if temperature == 0:
        return logits.argmax(dim=-1, keepdim=True)  # (B, 1)
    vocab_size = logits.shape[-1]
    likely, ids = logits.float().topk(min(top_k or vocab_size, vocab_size))  # likeliest first
    # Only differences count. From the largest down, no temperature is small enough to overflow.
    probs = F.softmax((likely - likely[:, :1]) / temperature, dim=-1)  # (B, k)
    if top_p is not None:
        reached = probs.cumsum(dim=-1) - probs  # by the ids before this one: (B, k)
        probs = probs.masked_fill(reached >= top_p, 0.0)
    choice = torch.multinomial(probs, 1, generator=generator)  # (B, 1)
    return ids.gather(-1, choice)  # (B, 1)


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Turn dropout off for a while, then give every part the mode it had."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def check_request(
    model: GPT,
    idx: Tensor,
    max_new_tokens: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
) -> None:
    """Refuse arguments of `generate` that make no sense, before the first token is made."""
    check_ids(idx)
    vocab_size = model.config.vocab_size
    if not 0 <= int(idx.min()) <= int(idx.max()) < vocab_size:
        raise ValueError(f"idx holds an id outside 0 to {vocab_size - 1}, the model's vocabulary")
    if max_new_tokens < 0:
        raise ValueError(f"max_new_tokens {max_new_tokens} is negative; use 0 or more")
    if not temperature >= 0:  # so that NaN is refused too
        raise ValueError(f"temperature {temperature} is negative; use 0 for greedy, 1 for as is")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k {top_k} keeps no id; use 1 or more, or None to keep all")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p {top_p} is no share; use above 0 up to 1, or None to keep all")
