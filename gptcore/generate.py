"""Text from a model, one token at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from gptcore.checks import check_ids
from gptcore.decode import Decoder
from gptcore.language_model import LanguageModel


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
    """
    # A smaller one is 0 in float32, and 0 / 0 no number.
    if 0 <= temperature < torch.finfo(torch.float32).tiny:
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


Choose = Callable[[Tensor], Tensor]
"""From the logits of the next token, (B, vocab_size), to its ids, (B, 1)."""


@torch.no_grad()
def generate(
    model: LanguageModel,
    idx: Tensor,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Continue idx, (B, T), by max_new_tokens: gives (B, T + max_new_tokens), idx first.

    `temperature`, `top_k` and `top_p` are those of `sample`. A seeded generator makes the result
    repeatable. Dropout is off meanwhile; the model's mode is as before afterwards.

    With `use_cache` keys and values are kept, and each token is read once, until block_size
    tokens are reached. Positions are absolute: from there on the window slides, every token in it
    moves to another position, and it has to be read anew for each token, as without a cache.

    Raises TypeError or ValueError for arguments that nothing can be generated from.
    """
    check_request(model, idx, max_new_tokens)
    choose = sampler(temperature, top_k, top_p, generator)
    block_size = model.config.block_size
    room = min(block_size - idx.shape[1] + 1, max_new_tokens) if use_cache else 0
    with eval_mode(model):
        if room > 0:
            decoder = Decoder(model, len(idx), idx.shape[1] + room - 1)
            idx = generate_cached(decoder, idx, room, choose)
        return generate_naive(model, idx, max_new_tokens - max(room, 0), choose)


def sampler(
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Choose:
    """The choice that `sample` makes with these numbers; ValueError for such as make no sense."""
    if not temperature >= 0:  # so that NaN is refused too
        raise ValueError(
            f"temperature {temperature} is negative; use 0 for greedy, 1 for as is"
        )
    if top_k is not None and top_k < 1:
        raise ValueError(
            f"top_k {top_k} keeps no id; use 1 or more, or None to keep all"
        )
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(
            f"top_p {top_p} is no share; use above 0 up to 1, or None to keep all"
        )
    return partial(
        sample,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        generator=generator,
    )


@torch.no_grad()
def generate_naive(
    model: LanguageModel, idx: Tensor, max_new_tokens: int, choose: Choose = sample
) -> Tensor:
    """Continue idx, (B, T), by max_new_tokens, reading all of it again for each.

    `choose` picks the next ids by their logits. The model is to be in eval mode.
    """
    for _ in range(max_new_tokens):
        context = idx[:, -model.config.block_size :]  # all that the model can see
        logits, _ = model(context)  # (B, T, vocab_size)
        new = choose(logits[:, -1])  # only the last token's next is unknown: (B, 1)
        idx = torch.cat((idx, new), dim=1)  # (B, T + 1)
    return idx


@torch.no_grad()
def generate_cached(
    decoder: Decoder, idx: Tensor, max_new_tokens: int, choose: Choose = sample
) -> Tensor:
    """Continue idx, (B, T), by max_new_tokens, 1 or more, reading each token once.

    For a decoder that is made, and on a GPU compiled, once and used for many prompts. Its model
    is to be in eval mode. Nothing waits for the device. Raises ValueError if the decoder's
    max_length is not enough.
    """
    with torch.inference_mode():
        new = [choose(decoder.read(idx))]  # each (B, 1)
        while len(new) < max_new_tokens:
            new.append(choose(decoder.step(new[-1])))
    # Outside of that mode, for a tensor that one may train on.
    return torch.cat((idx, *new), dim=1)  # (B, T + max_new_tokens)


@torch.no_grad()
def generate_batch(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: int | None = None,
    generator: torch.Generator | None = None,
) -> list[list[int]]:
    """Continue several prompts of different lengths at once: the ids of each, prompt first.

    A sequence ends with the id `stop`, where one is given and comes; the others go on. Shorter
    prompts are padded on the left. At temperature 0 each gives what it would give alone; above,
    the rows share one stream of random numbers.

    Raises ValueError if the longest prompt and its continuation exceed block_size.
    """
    device = next(model.parameters()).device
    longest = max(map(len, prompts), default=0)
    if not prompts or not all(prompts):
        raise ValueError(
            "prompts are to hold at least one prompt, each of at least one id"
        )
    total = longest + max_new_tokens
    if total > model.config.block_size:
        raise ValueError(
            f"a prompt of {longest} and {max_new_tokens} new tokens exceed block_size "
            f"{model.config.block_size}; ask for fewer, or use generate, whose window slides"
        )
    starts = torch.tensor(
        [longest - len(prompt) for prompt in prompts], device=device
    )  # (B)
    rows = [[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts]
    idx = torch.tensor(rows, device=device)  # (B, longest)
    check_request(model, idx, max_new_tokens)
    choose = sampler(temperature, top_k, top_p, generator)
    with eval_mode(model):
        decoder = Decoder(model, len(prompts), total)
        last = decoder.read(idx, starts)  # (B, vocab_size)
        ended = torch.zeros_like(starts, dtype=torch.bool)  # (B)
        for left in range(max_new_tokens, 0, -1):
            new = choose(last)  # (B, 1)
            idx = torch.cat((idx, new), dim=1)
            if stop is not None:
                ended |= new[:, 0] == stop
            if left == 1 or (stop is not None and ended.all()):
                break
            last = decoder.step(new)
    return [
        _until(row[start:], len(prompt), stop)
        for row, start, prompt in zip(
            idx.tolist(), starts.tolist(), prompts, strict=True
        )
    ]


def _until(ids: list[int], length: int, stop: int | None) -> list[int]:
    """A sequence up to the first `stop` after its prompt."""
    if stop is None or stop not in ids[length:]:
        return ids
    return ids[: ids.index(stop, length) + 1]


@contextmanager
def eval_mode(model: LanguageModel) -> Iterator[None]:
    """Turn dropout off for a while, then give every part the mode it had."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def check_request(model: LanguageModel, idx: Tensor, max_new_tokens: int) -> None:
    """Refuse arguments of `generate` that make no sense, before the first token is made."""
    check_ids(idx)
    vocab_size = model.config.vocab_size
    if not 0 <= int(idx.min()) <= int(idx.max()) < vocab_size:
        raise ValueError(
            f"idx holds an id outside 0 to {vocab_size - 1}, the model's vocabulary"
        )
    if max_new_tokens < 0:
        raise ValueError(
            f"max_new_tokens {max_new_tokens} is negative; use 0 or more"
        )
