"""Looking inside a model while it runs."""

from __future__ import annotations

import torch
from torch import Tensor

from gptcore.generate import eval_mode
from gptcore.model import GPT


@torch.no_grad()
def residual_std(model: GPT, idx: Tensor) -> list[float]:
    """Standard deviation of the residual stream for idx, (B, T), over all its numbers.

    The first is that of the embeddings, then comes one after each block: n_layer + 1 in all.
    """
    stds: list[float] = []

    def record(_module: object, _inputs: object, output: Tensor) -> None:
        stds.append(output.float().std().item())

    stages = [model.transformer.drop, *model.transformer.h]
    hooks = [stage.register_forward_hook(record) for stage in stages]
    try:
        with eval_mode(model):
            model(idx)
    finally:
        for hook in hooks:
            hook.remove()
    return stds
