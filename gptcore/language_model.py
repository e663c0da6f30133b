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

    def modules(self) -> Iterator[nn.Module]: ...

    def eval(self) -> Any: ...
