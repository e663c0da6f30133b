"""What generation asks of a model, be it ours or a learner's own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gptcore.config import GPTConfig


class LanguageModel(Protocol):
    """Token ids, (B, T), in; (logits, loss) out, the logits (B, T, vocab_size).

    Its config says how many tokens it can see at once, and how many there are to choose from.
    """

    config: GPTConfig
    __call__: Any

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]: ...

    def buffers(self) -> Iterator[Tensor]: ...

    def modules(self) -> Iterator[nn.Module]: ...

    def eval(self) -> Any: ...


def config_of(model: Any) -> GPTConfig:
    """The config of a model, also of one that DistributedDataParallel or another wraps.

    Raises TypeError for a model that has none.
    """
    config = getattr(model, "config", None)
    if config is not None:
        return config
    inner = _within(model)
    if inner is None:
        raise TypeError(
            f"{type(model).__name__} has no config; it is to have block_size and vocab_size"
        )
    return config_of(inner)


def unwrapped(model: Any) -> Any:
    """The model within what torch.compile and DistributedDataParallel put around it.

    What has weights of its own beside those of what is within is no wrapper, but a model.
    """
    inner = _within(model)
    if inner is None or len(list(model.parameters())) > len(
        list(inner.parameters())
    ):
        return model
    return unwrapped(inner)


def device_of(model: LanguageModel) -> torch.device:
    """Where a model is: where its first weight or, if it has none, its first buffer is."""
    first = next(chain(model.parameters(), model.buffers()), None)
    return torch.device("cpu") if first is None else first.device


def _within(model: Any) -> nn.Module | None:
    parts = (getattr(model, name, None) for name in ("_orig_mod", "module"))
    return next((part for part in parts if isinstance(part, nn.Module)), None)
