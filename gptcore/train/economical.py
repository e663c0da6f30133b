"""The same loss and gradients with less to do: never all logits in memory, none written in vain.

Of a step's memory most is logits, one for every token and id, and an odd vocabulary keeps matrix
units from their best layout. So the rows of the last product are padded with zeros within it, and
it is made in pieces: the loss of a piece and its gradient at once, while its logits are there. The
parts of the model are called as they are, up to the last norm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, distributed
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from gptcore.checks import check_batch
from gptcore.model import GPT
from gptcore.stock import difference

Forward = Callable[[Tensor, Tensor], tuple[Tensor | None, Tensor]]
"""From ids and targets, each (B, T), to logits, where there are any, and the loss."""

Piece = Callable[..., tuple[Tensor, Tensor, Tensor]]

LOGITS = 2**28
"""At most so many are in memory at a time."""

IGNORED = -100
"""The target that counts for nothing, as for `F.cross_entropy`."""


def economical(model: GPT, plain: Forward, compiled: bool = False) -> Forward:
    """`plain`, the model's forward pass in training, for less; gives no logits.

    Equal to it within rounding. A model that is not `gptcore.GPT` as it stands, but changed or
    watched by hooks, goes the plain way.
    """
    parts: tuple[Any, Any] = (hidden, piece_of_loss)
    trunk, piece = map(torch.compile, parts) if compiled else parts

    def forward(idx: Tensor, targets: Tensor) -> tuple[Tensor | None, Tensor]:
        if difference(model, training=True):
            return plain(idx, targets)
        check_batch(idx, targets, model.config.block_size)
        x = trunk(model, idx).flatten(0, 1)  # (B * T, C)
        return None, cross_entropy(
            x, model.lm_head.weight, targets.flatten(), piece
        )

    return forward


def saves(device: torch.device) -> bool:
    """Whether this way is the faster: where memory is slow beside arithmetic, and one process."""
    return device.type == "cuda" and not distributed.is_initialized()


def hidden(model: GPT, idx: Tensor) -> Tensor:
    """What `lm_head` is given for idx, (B, T): (B, T, C)."""
    parts = model.transformer
    pos = torch.arange(idx.shape[1], device=idx.device)  # (T)
    x = parts.drop(parts.wte(idx) + parts.wpe(pos))  # (B, T, C)
    for block in parts.h:
        x = block(x)
    return parts.ln_f(x)


def cross_entropy(
    x: Tensor, weight: Tensor, targets: Tensor, piece: Piece | None = None
) -> Tensor:
    """`F.cross_entropy(F.linear(x, weight), targets)` for x (N, C), weight (V, C), targets (N).

    Within autocast the products are computed in its dtype, the rest in float32.
    """
    kind = x.device.type
    mixed = torch.is_autocast_enabled(kind)
    dtype = torch.get_autocast_dtype(kind) if mixed else weight.dtype
    with torch.autocast(kind, enabled=False):
        loss: Tensor = _InPieces.apply(
            x, weight, targets, dtype, piece or piece_of_loss
        )
    return loss


class _InPieces(torch.autograd.Function):
    """The gradients are made on the way forward, where the logits are, and kept for the way back.

    To make the logits a second time would cost a product more.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        targets: Tensor,
        dtype: torch.dtype,
        piece: Piece,
    ) -> Tensor:
        n_vocab = len(weight)
        spare = -n_vocab % (
            128 if n_vocab >= 128 * 100 else 8
        )  # less than 1 %, or few
        padded = F.pad(weight.to(dtype), (0, 0, 0, spare))  # (V + spare, C)
        wide = torch.promote_types(dtype, torch.float32)
        count = (targets != IGNORED).sum().to(wide)
        loss = torch.zeros((), dtype=wide, device=x.device)
        to_x, to_weight = torch.empty_like(x), torch.zeros_like(weight, dtype=wide)
        rows = rows_of_a_piece(len(x), len(padded))
        for start in range(0, len(x), rows):
            part = slice(start, start + rows)
            lost, for_x, for_weight = piece(
                x[part].to(dtype), padded, targets[part], 1 / count, n_vocab
            )
            loss += lost
            to_x[part] = for_x
            to_weight += for_weight[:n_vocab]
        ctx.save_for_backward(to_x, to_weight.to(weight.dtype))
        return loss / count  # nan if none counts, as in the plain way

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        to_x, to_weight = ctx.saved_tensors
        return (
            to_x * gradient.to(to_x.dtype),
            to_weight * gradient.to(to_weight.dtype),
            None,
            None,
            None,
        )


def piece_of_loss(
    x: Tensor, weight: Tensor, targets: Tensor, share: Tensor, n_vocab: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The losses of some rows of x, (n, C), added up; and the gradients by x and weight.

    These are of the mean, to which a row gives its `share`. Rows of weight from `n_vocab` on are
    no ids.
    """
    wide = share.dtype
    logits = (x @ weight.t()).to(wide)  # (n, V)
    ids = torch.arange(len(weight), device=x.device)  # (V)
    logits = logits.masked_fill(ids >= n_vocab, -torch.inf)
    total = logits.logsumexp(-1, keepdim=True)  # (n, 1)
    counts = (targets != IGNORED)[:, None]  # (n, 1)
    right = torch.where(counts, targets[:, None], 0)  # (n, 1)
    lost = torch.where(counts, total - logits.gather(-1, right), 0.0)  # (n, 1)
    gradient = (logits - total).exp() - (ids == right).to(wide)  # (n, V)
    to_logits = (gradient * torch.where(counts, share, 0.0)).to(x.dtype)
    return lost.sum(), to_logits @ weight, to_logits.t() @ x


def rows_of_a_piece(rows: int, width: int) -> int:
    """How many of the rows of logits are made at once; equally many each time, where that goes.

    Another number would have to be compiled for itself.
    """
    least = max(1, -(-rows * width // LOGITS))
    number = next((n for n in range(least, 2 * least) if rows % n == 0), least)
    return -(-rows // number)
