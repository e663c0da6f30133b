"""Keys and values kept from one token to the next, and the forward pass that uses them.

A causal model never revises what it has read: the keys and values of a token depend only on the
tokens before it. The classes of `gptcore.model` know nothing of this; here their parts are run
for the new tokens alone.
"""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from gptcore.checks import check_ids
from gptcore.config import GPTConfig
from gptcore.stock import check


class KVCache:
    """Room for the keys and values of `max_length` tokens in every layer, allocated at once.

    `keys` and `values` are (n_layer, B, n_head, max_length, head_size), the first `length`
    places of them filled: 2 * n_layer * n_embd numbers for each token of a sequence. Without a
    `max_length` there is room for block_size.

    Raises ValueError for a max_length that is not from 1 to block_size.
    """

    def __init__(
        self,
        config: GPTConfig,
        batch_size: int = 1,
        max_length: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.max_length = config.block_size if max_length is None else max_length
        if not 1 <= self.max_length <= config.block_size:
            raise ValueError(
                f"max_length {max_length} is not from 1 to block_size {config.block_size}, "
                "beyond which the model has no positions"
            )
        shape = (
            config.n_layer,
            batch_size,
            config.n_head,
            self.max_length,
            config.head_size,
        )
        self.keys = torch.zeros(shape, device=device, dtype=dtype)
        self.values = torch.zeros(shape, device=device, dtype=dtype)
        self.length = 0

    @classmethod
    def of(
        cls, model: Any, batch_size: int = 1, max_length: int | None = None
    ) -> Self:
        """A cache that fits a model: its config, device and dtype."""
        weight = model.lm_head.weight
        return cls(
            model.config, batch_size, max_length, weight.device, weight.dtype
        )

    @property
    def nbytes(self) -> int:
        """What it holds in memory, filled or not."""
        return self.keys.nbytes + self.values.nbytes

    def update(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Keep a layer's k and v of new tokens, (B, n_head, T, head_size); gives all so far.

        `length` is the caller's to advance, by T, once every layer has its own. Raises ValueError
        if there is no room for them.
        """
        check_room(self, k.shape[0], k.shape[2])
        end = self.length + k.shape[2]
        self.keys[layer, :, :, self.length : end] = k
        self.values[layer, :, :, self.length : end] = v
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def reset(self) -> None:
        """Forget everything: the next tokens begin a new sequence."""
        self.length = 0


@torch.no_grad()
def forward_cached(
    model: Any, idx: Tensor, cache: KVCache, starts: Tensor | None = None
) -> Tensor:
    """Read new tokens, (B, T), after those in the cache; gives the last one's logits, (B, V).

    In a batch of prompts that are padded on the left, `starts`, (B), says at which place of its
    row each one begins; what stands before is not attended to, and positions count from there.

    The model is to be in eval mode: with dropout on, what is kept would be wrong for good.
    Nothing can be differentiated.

    Raises TypeError or ValueError for what is no batch of ids, ValueError if the cache has no
    room for them or holds another number of sequences, and for the first tokens of a sequence if
    the model is not `gptcore.GPT` as it stands.
    """
    check_ids(idx)
    if cache.length == 0:
        check(model)
    return forward_known(model, idx, cache, starts)


@torch.no_grad()
def forward_known(
    model: Any, idx: Tensor, cache: KVCache, starts: Tensor | None = None
) -> Tensor:
    """`forward_cached` for ids and a model that have just been checked."""
    batch, time = idx.shape
    check_room(cache, batch, time)
    place = torch.arange(
        cache.length, cache.length + time, device=idx.device
    )  # (T)
    pos = (
        place if starts is None else (place - starts[:, None]).clamp(min=0)
    )  # (T) or (B, T)
    mask = _mask(cache.length, place, starts)
    x = model.transformer.wte(idx) + model.transformer.wpe(pos)  # (B, T, C)
    for layer, block in enumerate(model.transformer.h):
        x = x + _attention(
            block.attn, block.ln_1(x), cache, layer, mask
        )  # (B, T, C)
        x = x + block.mlp(block.ln_2(x))  # (B, T, C)
    cache.length += time
    return model.lm_head(model.transformer.ln_f(x[:, -1]))  # (B, vocab_size)


def _attention(
    attn: Any,
    x: Tensor,
    cache: KVCache,
    layer: int,
    mask: Tensor | None,
) -> Tensor:
    q, k, v = (attn.split_heads(part) for part in attn.c_attn(x).chunk(3, dim=-1))
    keys, values = cache.update(layer, k, v)  # (B, n_head, S, head_size)
    y = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask)
    return attn.c_proj(y.transpose(1, 2).flatten(2))  # (B, T, C)


def _mask(past: int, place: Tensor, starts: Tensor | None) -> Tensor | None:
    """Which of S tokens each of T new ones may look at, (T, S) or (B, 1, T, S); None for all.

    `is_causal=True` would not do: with fewer queries than keys it counts from the top left, so
    that a single new token would see the first one only.
    """
    if len(place) == 1 and starts is None:
        return None
    tokens = torch.arange(past + len(place), device=place.device)  # (S)
    causal = tokens <= place[:, None]  # (T, S)
    if starts is None:
        return causal
    begun = tokens >= starts[:, None, None]  # (B, 1, S)
    # A padding token may look at itself: a row of nothing but -inf has no softmax.
    itself = tokens == place[:, None]  # (T, S)
    return (causal & begun | itself)[:, None]  # (B, 1, T, S)


def check_room(cache: KVCache, batch: int, time: int) -> None:
    """Refuse, by ValueError, new tokens (B, T) of another B than the cache's, or too many."""
    if cache.keys.shape[1] != batch:
        raise ValueError(
            f"the cache holds {cache.keys.shape[1]} sequences, idx {batch}"
        )
    if cache.length + time > cache.max_length:
        raise ValueError(
            f"the cache is full: {cache.length} of {cache.max_length} places are taken, and "
            f"{time} more tokens came; make it longer, or reset it for a new sequence"
        )
