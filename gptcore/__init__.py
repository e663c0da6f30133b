"""The GPT that a learner of the course builds."""

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
