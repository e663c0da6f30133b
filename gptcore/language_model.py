"""What generation asks of a model, be it ours or a learner's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from torch import nn

from gptcore.config import GPTConfig


class LanguageModel(Protocol):
    """Token ids, (B, T), in; (logits, loss) out, the logits (B, T, vocab_size).

    Its config says how many tokens it can see at once, and how many there are to choose from.
    """

    config: GPTConfig
    __call__: Any

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]: ...

    def modules(self) -> Iterator[nn.Module]: ...

    def eval(self) -> Any: ...


def config_of(model: Any) -> GPTConfig:
    """The config of a model, also of one that DistributedDataParallel or another wraps.

    Raises TypeError for a model that has none.
    """
    inner = unwrapped(model)
    config = getattr(inner, "config", None)
    if config is None:
        raise TypeError(
            f"{type(inner).__name__} has no config; it is to have block_size and vocab_size"
        )
    return config


def unwrapped(model: Any) -> Any:
    """The model within what torch.compile and DistributedDataParallel put around it."""
    for name in ("_orig_mod", "module"):
        inner = getattr(model, name, None)
        if isinstance(inner, nn.Module):
            return unwrapped(inner)
    return model
