"""Models so small that a check can afford several."""

from __future__ import annotations

import torch

from gptcore.config import GPTConfig
from gptcore.model import GPT


def tiny_config(block_size: int = 16, n_embd: int = 16) -> GPTConfig:
    return GPTConfig(block_size, vocab_size=37, n_layer=2, n_head=2, n_embd=n_embd)


def tiny_gpt(block_size: int = 16) -> GPT:
    """A model with weights so large that every mistake shows."""
    model = GPT(tiny_config(block_size)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return model
