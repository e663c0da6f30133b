"""Refusals with a reason, kept apart so that the model reads without them."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor


def check_count(name: str, value: Any, least: int) -> None:
    """Refuse what is not a whole number from `least` up; raises ValueError with its name."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(
            f"{name} {value!r} is no count; use a whole number from {least} up"
        )


def whole_number(name: str, value: Any) -> int:
    """A value of whatever integer type as an int; raises TypeError with its name for another."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} {value!r} is no whole number") from None


def number(name: str, value: Any) -> float:
    """A value as a float; raises TypeError with its name for what is no single number.

    Raises ValueError for one that is too large.
    """
    try:
        if isinstance(value, bool | str | bytes):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, RuntimeError):  # the last, of tensors
        raise TypeError(f"{name} {value!r} is no number") from None
    except OverflowError:
        raise ValueError(f"{name} is too large for a float") from None


def check_ids(idx: Tensor) -> None:
    """Refuse what is not a batch of token ids, int64 or int32 of shape (B, T).

    Raises TypeError for a wrong type or dtype, ValueError for a wrong or empty shape.
    """
    if not isinstance(idx, Tensor):
        raise TypeError(
            f"idx is a {type(idx).__name__}; pass a tensor of token ids, (B, T)"
        )
    if idx.dtype not in (torch.int64, torch.int32):
        raise TypeError(f"idx has dtype {idx.dtype}; token ids are torch.int64")
    if idx.ndim != 2:
        hint = "; idx[None] makes a batch of one" if idx.ndim == 1 else ""
        raise ValueError(f"idx has shape {tuple(idx.shape)}; expected (B, T){hint}")
    if idx.numel() == 0:
        raise ValueError(
            f"idx has shape {tuple(idx.shape)} and holds no token; pass at least one"
        )


def check_batch(idx: Tensor, targets: Tensor | None, block_size: int) -> None:
    """Refuse what a GPT cannot read in one pass, or targets that do not fit.

    Raises TypeError or ValueError, which say what is wrong and what would be right.
    """
    check_ids(idx)
    if idx.shape[1] > block_size:
        raise ValueError(
            f"idx holds {idx.shape[1]} tokens, but block_size is {block_size}; "
            f"crop it: idx[:, -{block_size}:]"
        )
    if targets is None:
        return
    if not isinstance(targets, Tensor):
        raise TypeError(
            f"targets are a {type(targets).__name__}; pass a tensor of token ids, (B, T)"
        )
    if targets.dtype != torch.int64:
        raise TypeError(
            f"targets have dtype {targets.dtype}; cross-entropy needs torch.int64"
        )
    if targets.shape != idx.shape:
        raise ValueError(
            f"targets have shape {tuple(targets.shape)}, idx {tuple(idx.shape)}; "
            "each token needs one target"
        )
