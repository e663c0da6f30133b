"""The GPT that a learner of the course builds.

`model` is what the first lesson arrives at, with `config` before it; `generate`, `cache` and
`decode` write with it, `train` teaches it, `pretrained` reads and writes GPT-2's own weights,
`verify` and `measure` look at it. `figures` and `exercises` stand on top: nothing else needs them.
"""

from gptcore import stock
from gptcore.cache import KVCache
from gptcore.config import GPTConfig
from gptcore.model import (
    GPT,
    Block,
    CausalSelfAttention,
    FeedForward,
    Head,
    MultiHeadAttention,
)

# As it stands here, and not as it may be changed, generation knows it.
stock.declare(GPT)

__all__ = [
    "GPT",
    "Block",
    "CausalSelfAttention",
    "FeedForward",
    "GPTConfig",
    "Head",
    "KVCache",
    "MultiHeadAttention",
]
