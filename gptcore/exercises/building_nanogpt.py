"""Checks of the exercises of *Building nanoGPT*."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gptcore.config import GPTConfig
from gptcore.exercises.models import tiny_config, tiny_gpt
from gptcore.exercises.verdict import (
    Answer,
    WrongAnswerError,
    compare,
    compare_numbers,
    judge,
    plain,
    same,
)
from gptcore.model import GPT, Block, CausalSelfAttention, FeedForward, Head

Part = TypeVar("Part", bound=nn.Module)


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


@judge("it looks back, never ahead, and takes what it finds there.")
def check_head(answer: Answer) -> None:
    """`answer` is a class like `gptcore.Head`; what is tried is its `forward`."""
    config = _with_dropout(tiny_config())
    right, mine = _twins(answer, Head, config, 8)
    x = torch.randn(2, 5, 16)
    q, k, v = right.query(x), right.key(x), right.value(x)  # each (2, 5, 8)
    scores = q @ k.transpose(1, 2)  # (2, 5, 5)
    past = torch.ones(5, 5, dtype=torch.bool).tril()

    def head(scores: Tensor, mask: Tensor = past, dim: int = -1) -> Tensor:
        return F.softmax(scores.masked_fill(~mask, -math.inf), dim=dim) @ v

    scaled = scores / math.sqrt(8)
    with _explained(
        ("must match the size", "the mask is made for the longest text: take the part "
         "for the tokens that there are, self.mask[:time, :time]"),
        ("batch2 tensor", "turn k over, so that (B, T, head_size) meets (B, head_size, T)"),
    ):  # fmt: skip
        got = mine(x)
    mistakes = {
        "that is how much each token takes, and not yet what: multiply the weights "
        "with the values": F.softmax(scaled.masked_fill(~past, -math.inf), dim=-1),
        "every token still sees those after it: fill their scores with -inf": (
            F.softmax(scaled, dim=-1) @ v
        ),
        "the scores are not divided by sqrt(head_size)": head(scores),
        "the scores are divided by head_size, not by its root": head(scores / 8),
        "the scores are divided by the root of n_embd, not of head_size": (
            head(scores / math.sqrt(16))
        ),
        "it is the columns that sum to 1: take softmax over the last dimension": (
            head(scaled, dim=-2)
        ),
        "the mask is the wrong way round: tokens see only what comes after": (
            head(scaled, past.t())
        ),
        "the rows no longer sum to 1: mask the scores, before softmax": (
            F.softmax(scaled, dim=-1) * past
        )
        @ v,
        "it is keys that ask queries: q comes first in q @ k.transpose(1, 2)": (
            head(scaled.transpose(1, 2))
        ),
        "it is the keys that are mixed: multiply the weights with the values": (
            F.softmax(scaled.masked_fill(~past, -math.inf), dim=-1) @ k
        ),
    }
    compare(got, head(scaled), mistakes)
    _drops(
        mine, x, "pass the weights through self.dropout before they meet the values"
    )


@judge("all heads at once, each on its own share, and mixed at the end.")
def check_attention(answer: Answer) -> None:
    """`answer` is a class like `gptcore.CausalSelfAttention`; its `forward` is tried."""
    config = _with_dropout(tiny_config())
    right, mine = _twins(answer, CausalSelfAttention, config)
    x = torch.randn(2, 5, 16)
    q, k, v = right.c_attn(x).chunk(3, dim=-1)  # each (2, 5, 16)

    def attend(
        q: Tensor, k: Tensor, v: Tensor, join: bool = True, causal: bool = True
    ) -> Tensor:
        q, k, v = (right.split_heads(one) for one in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return y.transpose(1, 2).flatten(2) if join else y.reshape(2, 5, 16)

    one_head = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    mistakes = {
        "the heads are not mixed at the end: that is what c_proj is for": attend(
            q, k, v
        ),
        "every token still sees those after it": right.c_proj(
            attend(q, k, v, causal=False)
        ),
        "that is one head as wide as the model: split q, k and v among the heads": (
            right.c_proj(one_head)
        ),
        "the shape is right and the values are not: a reshape alone cuts in memory "
        "order; bring T before the heads first": right.c_proj(
            attend(q, k, v, join=False)
        ),
        "c_attn holds the queries, then the keys, then the values: another order "
        "came out": right.c_proj(attend(k, q, v)),
    }
    with _explained(
        ("mat1 and mat2", "c_proj wants the heads side by side again, (B, T, C)"),
    ):  # fmt: skip
        got = mine(x)
    if not _same(got, mine(x)):
        raise WrongAnswerError(
            "two calls differ in eval mode: give dropout_p only while self.training"
        )
    compare(got, right.c_proj(attend(q, k, v)), mistakes)
    _drops(mine, x, "what leaves c_proj goes through self.dropout")


@judge("expand, bend, contract, each token by itself.")
def check_feed_forward(answer: Answer) -> None:
    """`answer` is a class like `gptcore.FeedForward`; what is tried is its `forward`."""
    right, mine = _twins(answer, FeedForward, _with_dropout(tiny_config()))
    x = torch.randn(2, 5, 16)
    wide = right.c_fc(x)
    mistakes = {
        "there is nothing between the two layers, and two in a row are no more than "
        "one: bend with self.gelu": right.c_proj(wide),
        "it bends after c_proj: bend where it is wide, between the layers": right.gelu(
            right.c_proj(wide)
        ),
        "it bends twice: the result of c_proj stays as it is": right.gelu(
            right.c_proj(right.gelu(wide))
        ),
        "that is still four times as wide: c_proj brings it back": right.gelu(wide),
        "that is a ReLU: GPT-2 bends with a GELU": right.c_proj(F.relu(wide)),
        "x is added already: adding to the stream is what Block does": x
        + right.c_proj(right.gelu(wide)),
    }
    compare(mine(x), right.c_proj(right.gelu(wide)), mistakes)
    _drops(mine, x, "what leaves c_proj goes through self.dropout")


@judge("both read what is normed, and both add to the stream.")
def check_block(answer: Answer) -> None:
    """`answer` is a class like `gptcore.Block`; what is tried is its `forward`."""
    right, mine = _twins(answer, Block, tiny_config())
    x = torch.randn(2, 5, 16)
    attn, mlp, ln_1, ln_2 = right.attn, right.mlp, right.ln_1, right.ln_2
    read = x + attn(ln_1(x))
    mistakes = {
        "nothing is added to the stream: it is x + attn(...), and x + mlp(...)": mlp(
            ln_2(attn(ln_1(x)))
        ),
        "attention replaces the stream: add what it found, x + attn(...)": attn(
            ln_1(x)
        )
        + mlp(ln_2(attn(ln_1(x)))),
        "the feed-forward layer replaces the stream: add to it": mlp(ln_2(read)),
        "there is no feed-forward layer in it": read,
        "the norms are missing: each sub-layer reads a normed stream": x
        + attn(x)
        + mlp(x + attn(x)),
        "that is post-norm, where the sum is normed: GPT-2 norms what a sub-layer "
        "reads": ln_2(ln_1(x + attn(x)) + mlp(ln_1(x + attn(x)))),
        "the stream itself is normed: keep x as it is, and give the sub-layer ln_1(x)": (
            _normed_stream(right, x)
        ),
        "both read the same x: the feed-forward layer reads what attention has added": x
        + attn(ln_1(x))
        + mlp(ln_2(x)),
        "the norms are exchanged: ln_1 belongs to attention, ln_2 to the other": x
        + attn(ln_2(x))
        + mlp(ln_1(x + attn(ln_2(x)))),
        "ln_1 stands before both: the feed-forward layer has ln_2": read
        + mlp(ln_1(read)),
        "the feed-forward layer comes first: attention reads, then it writes": _swapped(
            right, x
        ),
    }
    compare(mine(x), read + mlp(ln_2(read)), mistakes)


def _normed_stream(block: Block, x: Tensor) -> Tensor:
    x = block.ln_1(x)
    x = block.ln_2(x + block.attn(x))
    return x + block.mlp(x)


def _swapped(block: Block, x: Tensor) -> Tensor:
    x = x + block.mlp(block.ln_2(x))
    return x + block.attn(block.ln_1(x))


@judge("ids in, scores out, and a loss where there are targets.")
def check_gpt(answer: Answer) -> None:
    """`answer` is a class like `gptcore.GPT`; what is tried is its `forward`."""
    config = replace(_with_dropout(tiny_config()), n_layer=3)
    right, mine = _twins(answer, GPT, config)
    parts = right.transformer
    # Ids that would also be positions: who takes one for the other is told so.
    idx, targets = torch.randint(config.block_size, (2, 2, 5))

    def through(x: Tensor, blocks: Iterable[nn.Module] = parts.h) -> Tensor:
        for block in blocks:
            x = block(x)
        return x

    tokens, places = parts.wte(idx), parts.wpe(torch.arange(5))
    wanted = right(idx)[0]
    mistakes = {
        "positions are missing: add wpe for 0, 1, 2, ...": right.lm_head(
            parts.ln_f(through(tokens))
        ),
        "wpe is for positions, torch.arange(T), and not for the ids": right.lm_head(
            parts.ln_f(through(tokens + parts.wpe(idx)))
        ),
        "ln_f is missing: the stream is normed before it is read out": right.lm_head(
            through(tokens + places)
        ),
        "the stream does not pass through the blocks": right.lm_head(
            parts.ln_f(tokens + places)
        ),
        "only the last block counts: give each block what the one before has made": (
            right.lm_head(parts.ln_f(parts.h[-1](tokens + places)))
        ),
        "only one block is used": right.lm_head(
            parts.ln_f(parts.h[0](tokens + places))
        ),
        "lm_head is missing: that is the stream, and not yet a score for every token": (
            parts.ln_f(through(tokens + places))
        ),
        "only the last position has scores: give them for all": wanted[:, -1],
        "those are probabilities: give the scores, before softmax": F.softmax(
            wanted, dim=-1
        ),
    }
    with _explained(
        ("must match the size", "there are fewer tokens than block_size: make the "
         "positions with torch.arange(idx.shape[1])"),
    ):  # fmt: skip
        logits, loss = _two(mine(idx))
    compare(logits, wanted, mistakes, "logits")
    if loss is not None:
        raise WrongAnswerError(
            "without targets there is no loss: give (logits, None)"
        )
    with _explained(
        ("target", "cross_entropy wants one row of scores for each target: flatten the "
         "logits to (B * T, V) and the targets to (B * T)"),
    ):  # fmt: skip
        _, loss = _two(mine(idx, targets))
    if loss is None:
        raise WrongAnswerError("targets are given, and there is no loss")
    rows = wanted.flatten(0, 1)
    compare(
        loss,
        F.cross_entropy(rows, targets.flatten()),
        {
            "the loss compares with the ids: compare with the targets": F.cross_entropy(
                rows, idx.flatten()
            ),
            "the targets are shifted already: compare each with its own position": (
                F.cross_entropy(
                    wanted[:, :-1].flatten(0, 1), targets[:, 1:].flatten()
                )
            ),
            "only the last position counts: take them all": F.cross_entropy(
                wanted[:, -1], targets[:, -1]
            ),
            "cross_entropy wants scores: it applies softmax by itself": F.cross_entropy(
                F.softmax(rows, dim=-1), targets.flatten()
            ),
        },
        "loss",
    )


def _two(result: object) -> tuple[object, object]:
    if isinstance(result, tuple) and len(result) == 2:
        return result
    raise WrongAnswerError(
        "give two things, (logits, loss); without targets loss is None"
    )


def _with_dropout(config: GPTConfig) -> GPTConfig:
    return replace(config, dropout=0.5)


def _twins(answer: Answer, kind: type[Part], *given: Any) -> tuple[Part, nn.Module]:
    """One of ours and one of the answer's with the same weights, both in eval mode."""
    right, mine = kind(*given).eval(), answer(*given)
    if not isinstance(mine, nn.Module):
        raise WrongAnswerError(
            f"{type(mine).__name__} is no nn.Module: give the class {kind.__name__}"
        )
    with torch.no_grad():
        for weight in right.parameters():  # so large that every mistake shows
            weight.add_(0.3 * torch.randn_like(weight))
    try:
        mine.load_state_dict(right.state_dict())
    except RuntimeError:
        raise WrongAnswerError(
            "its layers have other names or sizes than they had: leave __init__ as it is"
        ) from None
    return right, mine.eval()


@contextmanager
def _explained(*reasons: tuple[str, str]) -> Iterator[None]:
    """Within it, what PyTorch says of a mistake that is known is said in a sentence that helps."""
    try:
        yield
    except RuntimeError as error:
        for said, sentence in reasons:
            if said in str(error):
                raise WrongAnswerError(sentence) from None
        raise


def _drops(module: nn.Module, x: Tensor, advice: str) -> None:
    """Raise unless dropout, of which the module has half, makes two calls in training differ."""
    module.train()
    if _same(module(x), module(x)):
        raise WrongAnswerError(f"dropout does nothing: {advice}")
    module.eval()


def _same(one: object, other: object) -> bool:
    tensors = isinstance(one, Tensor) and isinstance(other, Tensor)
    return tensors and same(one, other)  # type: ignore[arg-type]


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
