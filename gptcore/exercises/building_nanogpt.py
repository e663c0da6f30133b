"""Checks of the exercises of *Building nanoGPT*."""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor
from torch.nn import functional as F

from gptcore.exercises.models import tiny_config, tiny_gpt
from gptcore.exercises.verdict import (
    Answer,
    WrongAnswerError,
    compare,
    compare_numbers,
    judge,
    plain,
)
from gptcore.model import GPT


@judge("each row sums to 1, and no token looks ahead.")
def check_attention_weights(answer: Answer) -> None:
    """`answer(q, k)`, each (B, T, head_size), gives causal weights, (B, T, T)."""
    q, k = torch.randn(2, 5, 9), torch.randn(2, 5, 9)
    scores = q @ k.transpose(1, 2)  # (B, T, T)
    scaled = scores / math.sqrt(9)
    past = torch.ones(5, 5, dtype=torch.bool).tril()

    def weights(scores: Tensor, past: Tensor = past, dim: int = -1) -> Tensor:
        return F.softmax(scores.masked_fill(~past, -math.inf), dim=dim)

    mistakes = {
        "every token still sees those after it: fill their scores with -inf": F.softmax(
            scaled, dim=-1
        ),
        "it is the columns that sum to 1: take softmax over the last dimension, "
        "the tokens that are looked at": weights(scaled, dim=-2),
        "the scores are not divided by sqrt(head_size)": weights(scores),
        "the scores are divided by head_size, not by its root": weights(scores / 9),
        "the rows no longer sum to 1: mask the scores, before softmax": F.softmax(
            scaled, dim=-1
        )
        * past,
        "the mask is the wrong way round: tokens see only what comes after": weights(
            scaled, past.t()
        ),
    }
    compare(answer(q, k), weights(scaled), mistakes, "weights")


@judge("every token has the numbers of all its heads side by side again.")
def check_join_heads(answer: Answer) -> None:
    """`answer(y)` turns (B, n_head, T, head_size) into (B, T, C)."""
    y = torch.randn(2, 4, 6, 8)
    mistakes = {
        "the shape is right and the values are not: a reshape alone cuts in memory "
        "order; bring T before the heads first": y.reshape(2, 6, 32),
        "the heads' numbers are interleaved: keep each head's together": y.permute(
            0, 2, 3, 1
        ).flatten(2),
    }
    compare(answer(y), y.transpose(1, 2).flatten(2), mistakes)


@judge("for any width, and for GPT-2's it is 7,087,872.")
def check_block_parameters(answer: Answer) -> None:
    """`answer(n_embd)` gives the number of parameters in one block."""
    for c in (16, 768):
        squares = 12 * c * c
        mistakes = {
            "the matrices are all there; the biases and the layer norms are not": squares,
            "the two layer norms are missing, a scale and a shift each": squares
            + 9 * c,
            "one layer norm is missing: a block has two": squares + 11 * c,
            "the biases of the linear layers are missing": squares + 4 * c,
            "attention's c_proj is missing": squares - c * c + 12 * c,
            "c_attn makes queries, keys and values: three squares": squares
            - 2 * c * c
            + 11 * c,
        }
        compare_numbers(answer(c), squares + 13 * c, mistakes)


@judge("likeliest first, one at a time, and never more context than the model has.")
def check_greedy(answer: Answer) -> None:
    """`answer(model, idx, new)` continues idx, (B, T), by the likeliest tokens."""
    model = tiny_gpt(block_size=6)
    idx = torch.randint(model.config.vocab_size, (2, 4))
    for new in (2, 9):
        right = _greedy(model, idx, new)
        mistakes = {
            "the result is the new tokens alone: append them to idx": right[:, 4:],
            "the prediction after the first token is used, not that after the last": (
                _greedy(model, idx, new, position=0)
            ),
            "the oldest tokens are kept and the newest cropped: it is the last "
            "block_size that count": _greedy(model, idx, new, newest=False),
        }
        try:
            got = answer(model, idx, new)
        except ValueError as error:
            if "block_size" not in str(error):
                raise
            raise WrongAnswerError(
                "the context grows past block_size: crop it to the last block_size tokens"
            ) from None
        if not _same_ids(got, right) and not _same_ids(
            got, answer(model, idx, new)
        ):
            raise WrongAnswerError(
                "two calls give two texts: take the likeliest, don't sample"
            )
        compare(got, right, mistakes)


def _same_ids(one: object, other: object) -> bool:
    tensors = isinstance(one, Tensor) and isinstance(other, Tensor)
    return tensors and torch.equal(one, other)  # type: ignore[arg-type]


@torch.no_grad()
def _greedy(
    model: GPT, idx: Tensor, new: int, position: int = -1, newest: bool = True
) -> Tensor:
    size = model.config.block_size
    for _ in range(new):
        logits, _ = model(idx[:, -size:] if newest else idx[:, :size])
        likeliest = logits[:, position].argmax(dim=-1, keepdim=True)  # (B, 1)
        idx = torch.cat((idx, likeliest), dim=1)
    return idx


@judge("now try it on the configs that you wonder about.")
def check_measure(answer: Answer) -> None:
    """`answer(config)` gives the number of parameters, and tokens generated per second."""
    for width in (16, 32):
        config = tiny_config(n_embd=width)
        model = GPT(config)
        twice = sum(weight.numel() for weight in model.state_dict().values())
        began = time.perf_counter()
        parameters, speed = map(plain, answer(config))
        seconds = time.perf_counter() - began
        tied = (
            "the tied matrix is counted twice: it is one parameter with two names"
        )
        compare_numbers(parameters, model.num_params()["total"], {tied: twice})
        if not isinstance(speed, int | float) or not 0 < speed < math.inf:
            raise WrongAnswerError(
                f"{speed!r} is no speed: tokens divided by seconds"
            )
        if speed < 1 / seconds:
            raise WrongAnswerError(
                "that is slower than one token in all the time it took: divide tokens "
                "by seconds, not seconds by tokens"
            )
