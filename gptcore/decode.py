"""One token at a time, as fast as the machine allows.

The arithmetic of `gptcore.cache.forward_cached` for a single new token, on the weights themselves:
in a small model calling modules costs more than what they compute. Every shape stays the same from
token to token: the whole cache is read, and a mask hides the places that are still empty. So a GPU
can replay the step as one CUDA graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gptcore.cache import KVCache, check_room, forward_known
from gptcore.checks import check_ids
from gptcore.stock import check

# A weight, (in, out), and its bias; and what F.layer_norm takes after its input.
Linear = tuple[Tensor, Tensor | None]
Norm = tuple[tuple[int, ...], Tensor, Tensor | None, float]


class Layer(NamedTuple):
    """What one block computes with: its weights, and its keys and values in the cache."""

    ln_1: Norm
    c_attn: Linear
    attn_c_proj: Linear
    ln_2: Norm
    c_fc: Linear
    gelu: nn.Module
    mlp_c_proj: Linear
    keys: Tensor  # (B, n_head, max_length, head_size)
    values: Tensor

    @classmethod
    def of(cls, block: Any, keys: Tensor, values: Tensor) -> Self:
        attn, mlp = block.attn, block.mlp
        return cls(
            _norm(block.ln_1),
            _linear(attn.c_attn),
            _linear(attn.c_proj),
            _norm(block.ln_2),
            _linear(mlp.c_fc),
            mlp.gelu,
            _linear(mlp.c_proj),
            keys,
            values,
        )

    def laid_out(self) -> Self:
        return self._replace(
            c_attn=_laid_out(self.c_attn),
            attn_c_proj=_laid_out(self.attn_c_proj),
            c_fc=_laid_out(self.c_fc),
            mlp_c_proj=_laid_out(self.mlp_c_proj),
        )


class Decoder:
    """A model, a cache, and the step that reads one token for each of B sequences.

    `read` takes the prompts, then `step` one token after the other, up to `max_length`
    (block_size if None). It holds on to the model's weights as they are: after moving the model
    or changing its dtype, make another, and after training it too if this one is compiled. Dropout
    is the caller's to turn off.

    Raises ValueError for a model that is not `gptcore.GPT` as it stands, now or when it reads.
    """

    def __init__(
        self, model: Any, batch_size: int = 1, max_length: int | None = None
    ) -> None:
        check(model)
        self.model = model
        self.cache = KVCache.of(model, batch_size, max_length)
        stack, device = model.transformer, self.cache.keys.device
        self.layers = [
            Layer.of(block, keys, values)
            for block, keys, values in zip(
                stack.h, self.cache.keys, self.cache.values, strict=True
            )
        ]
        self.wte, self.wpe = stack.wte.weight.detach(), stack.wpe.weight.detach()
        self.ln_f, self.lm_head = _norm(stack.ln_f), _linear(model.lm_head)
        # What changes from token to token is on the device, where a graph finds it.
        self.token = torch.zeros(batch_size, 1, dtype=torch.int64, device=device)
        self.place = torch.zeros(1, dtype=torch.int64, device=device)
        self.starts = torch.zeros(batch_size, dtype=torch.int64, device=device)
        # Added to the scores: 0 where a token stands, -inf where none does.
        shape = (batch_size, 1, 1, self.cache.max_length)
        self.mask = torch.zeros(shape, device=device, dtype=self.cache.keys.dtype)
        self.run: Callable[[], Tensor] = self.forward

    @torch.no_grad()
    def read(self, idx: Tensor, starts: Tensor | None = None) -> Tensor:
        """Begin anew with prompts, (B, T): the logits of the last token, (B, vocab_size).

        `starts`, (B), says where each begins that is padded on the left, as in `forward_cached`.
        Raises TypeError or ValueError for what is no batch of ids, ValueError for another B than
        the decoder's, or a T beyond its max_length.
        """
        check_ids(idx)
        check(self.model)
        return self.begin(idx, starts)

    @torch.no_grad()
    def begin(self, idx: Tensor, starts: Tensor | None = None) -> Tensor:
        """`read` for ids and a model that have just been checked."""
        self.cache.reset()
        logits = forward_known(self.model, idx, self.cache, starts)
        self.starts.zero_()
        if starts is not None:
            self.starts += starts
        place = torch.arange(self.cache.max_length, device=idx.device)
        read = (place >= self.starts[:, None]) & (place < self.cache.length)
        self.mask.fill_(-math.inf).masked_fill_(read[:, None, None], 0.0)
        return logits

    @torch.no_grad()
    def step(self, token: Tensor) -> Tensor:
        """Read one more token of each sequence, (B, 1): its logits, (B, vocab_size).

        The next step may overwrite them. Nothing waits for the device. Raises ValueError for
        another shape, or if the cache is full.
        """
        if token.shape != self.token.shape:
            raise ValueError(
                f"token has shape {tuple(token.shape)}; expected {tuple(self.token.shape)}, "
                "one of each sequence"
            )
        check_room(self.cache, *token.shape)
        self.token.copy_(token)
        self.place.fill_(self.cache.length)
        self.cache.length += 1
        return self.run()

    @torch.no_grad()
    def compile(self) -> Self:
        """Make steps as fast as the device allows, which takes a while, once.

        On CUDA the step is fused by torch.compile and recorded as one CUDA graph, which `step`
        replays. Elsewhere the weights are copied, which takes as much memory again, so that a
        product with one row reads them in the order in which they lie.
        """
        if self.token.device.type == "cuda":
            # With this option a product with one row becomes a reduction, which fuses with what
            # is done to each of its numbers: the bias, GELU, the residual stream.
            fused = torch.compile(
                self.forward,
                fullgraph=True,
                dynamic=False,
                options={"coordinate_descent_tuning": True},
            )
            self.run = cuda_graph(fused)
        else:
            self.layers = [layer.laid_out() for layer in self.layers]
            self.lm_head = _laid_out(self.lm_head)
        return self

    @torch.no_grad()
    def record(self) -> Self:
        """Record the step as it is as one CUDA graph, which takes as long as a few steps."""
        self.run = cuda_graph(self.forward)
        return self

    def forward(self) -> Tensor:
        """The logits of `token`, read at `place`: (B, vocab_size). Shapes never change."""
        x = F.embedding(self.token[:, 0], self.wte)  # (B, C)
        x = x + F.embedding(self.place - self.starts, self.wpe)  # (B, C)
        self.mask.index_fill_(-1, self.place, 0.0)
        for layer in self.layers:
            y = torch.layer_norm(x, *layer.ln_1)
            y = _attention(layer, y, self.place, self.mask)
            x = x + _product(y, layer.attn_c_proj)  # (B, C)
            y = _product(torch.layer_norm(x, *layer.ln_2), layer.c_fc)  # (B, 4 * C)
            x = x + _product(layer.gelu(y), layer.mlp_c_proj)  # (B, C)
        return _product(torch.layer_norm(x, *self.ln_f), self.lm_head)


def cuda_graph(step: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """Record a step once; what is given replays it, and writes into the same result."""
    # The first runs compile, and let libraries set themselves up: not to be recorded.
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    # What other threads do meanwhile on the device is no part of it, and doesn't spoil it.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        result = step()

    def replay() -> Tensor:
        graph.replay()
        return result

    return replay


def _attention(layer: Layer, x: Tensor, place: Tensor, mask: Tensor) -> Tensor:
    """(B, C) -> (B, C), before the projection."""
    batch, heads, _, size = layer.keys.shape
    qkv = _product(x, layer.c_attn).to(layer.keys.dtype)  # another under autocast
    q, k, v = qkv.view(batch, 3, heads, 1, size).unbind(
        1
    )  # each (B, n_head, 1, head_size)
    layer.keys.index_copy_(2, place, k)
    layer.values.index_copy_(2, place, v)
    y = F.scaled_dot_product_attention(q, layer.keys, layer.values, attn_mask=mask)
    return y.reshape(batch, heads * size)


def _product(x: Tensor, linear: Linear) -> Tensor:
    weight, bias = linear
    if bias is None:
        return x @ weight
    # For a GPU, torch.compile hands a product with a bias to a library, where nothing fuses.
    if x.is_cuda:
        return x @ weight + bias
    return torch.addmm(bias, x, weight)


def _linear(part: nn.Linear) -> Linear:
    return part.weight.detach().t(), _detached(part.bias)


def _laid_out(linear: Linear) -> Linear:
    weight, bias = linear
    return weight.contiguous(), bias


def _norm(part: nn.LayerNorm) -> Norm:
    weight = part.weight.detach()
    return part.normalized_shape, weight, _detached(part.bias), part.eps


def _detached(bias: Tensor | None) -> Tensor | None:
    return None if bias is None else bias.detach()
