"""The learning rate over a run: up in a line, down along a cosine."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def lr_at(
    step: int,
    *,
    max_lr: float,
    min_lr: float = 0.0,
    warmup_steps: int = 0,
    max_steps: int,
) -> float:
    """The learning rate of update `step`, counted from 0.

    It rises in equal parts to `max_lr`, reached with the last of `warmup_steps`, then falls
    along half a cosine to `min_lr` at `max_steps` (Loshchilov and Hutter 2017, equation 5,
    without restarts), and stays there. The first rate is not 0, which would waste an update.
    """
    if step < warmup_steps:
        return max_lr * (step + 1) / warmup_steps
    done = min(1.0, (step - warmup_steps) / max(1, max_steps - warmup_steps))
    return min_lr + (max_lr - min_lr) * 0.5 * (1 + math.cos(math.pi * done))


def scheduler(
    optimizer: Optimizer,
    *,
    max_lr: float,
    min_lr: float,
    warmup_steps: int,
    max_steps: int,
) -> LambdaLR:
    """The same as one of torch's schedulers; the optimizer's own rate is to be `max_lr`."""

    def factor(step: int) -> float:
        return (
            lr_at(
                step,
                max_lr=max_lr,
                min_lr=min_lr,
                warmup_steps=warmup_steps,
                max_steps=max_steps,
            )
            / max_lr
        )

    return LambdaLR(optimizer, factor)
