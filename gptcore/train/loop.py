"""One loop that trains a GPT, told as a series of events."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import AdamW

from gptcore import checkpoint as checkpoints
from gptcore.checks import check_count
from gptcore.data import Batches
from gptcore.files import try_place
from gptcore.generate import eval_mode
from gptcore.model import GPT
from gptcore.schedule import lr_at
from gptcore.train.processes import (
    is_first_process,
    mean_of_processes,
    world_size,
)


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained. The optimizer's numbers are nanoGPT's for GPT-2.

    Raises ValueError for a field that no run can follow.
    """

    max_steps: int
    max_lr: float = 6e-4
    min_lr: float = 6e-5
    warmup_steps: int = 0
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    grad_clip: float = 1.0
    grad_accumulation: int = 1
    """Batches whose gradients are added up for one update."""
    eval_every: int = 0
    """Updates between validations and samples; 0 for the last update only."""
    eval_batches: int = 10
    checkpoint_every: int = 0
    """Updates between checkpoints; 0 for the last update only."""
    autocast: torch.dtype | None = None
    """bfloat16 for mixed precision; None computes in the weights' own dtype."""
    compile: bool = False

    def __post_init__(self) -> None:
        for name in ("max_steps", "grad_accumulation", "eval_batches"):
            check_count(name, getattr(self, name), 1)
        for name in ("warmup_steps", "eval_every", "checkpoint_every"):
            check_count(name, getattr(self, name), 0)
        for name in ("max_lr", "grad_clip"):
            if not getattr(self, name) > 0:  # which nan is not, either
                raise ValueError(f"{name} {getattr(self, name)!r} is not above 0")
        for name in ("min_lr", "weight_decay"):
            if not getattr(self, name) >= 0:
                raise ValueError(
                    f"{name} {getattr(self, name)!r} is neither 0 nor above"
                )
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas {self.betas!r} are not both from 0 to below 1")


@dataclass(frozen=True)
class Step:
    """What happened in one update; `step` counts those before it."""

    step: int
    loss: float
    """On this update's batch, before learning from it; in nats."""
    lr: float
    grad_norm: float
    """Before clipping."""
    tokens_per_second: float
    val_loss: float | None = None
    """Where due: of the model before this update, as is the sample."""
    sample: str | None = None


def train(
    model: GPT,
    batches: Batches,
    config: TrainConfig,
    val_batches: Batches | None = None,
    sample: Callable[[GPT], str] | None = None,
    checkpoint: Path | None = None,
) -> Iterator[Step]:
    """Train a model in place, one event for each update.

    Where `checkpoint` names a file that is there, the run goes on from it, and it is saved
    there at every `checkpoint_every` and after the last update. Validation and samples come
    at every `eval_every` and with the last update.

    Raises FloatingPointError when the loss or the gradient is no number, ValueError for a
    checkpoint that can't be read or is of another model, OSError where it can't be written.
    """
    optimizer = adamw(model, config)
    iterators = [batches] + ([val_batches] if val_batches else [])
    start = 0
    if checkpoint and is_first_process():
        try_place(checkpoint)  # now, and not when there is something to lose
    if checkpoint and checkpoint.exists():
        start = checkpoints.load(checkpoint, model, optimizer, iterators)
    forward = prepared(model, config)
    model.train()
    for step in range(start, config.max_steps):
        last = step == config.max_steps - 1
        due = last or (config.eval_every and step % config.eval_every == 0)
        val_loss = (
            evaluate(model, val_batches, config) if due and val_batches else None
        )
        text = sample(model) if due and sample else None

        lr = lr_at(
            step,
            max_lr=config.max_lr,
            min_lr=config.min_lr,
            warmup_steps=config.warmup_steps,
            max_steps=config.max_steps,
        )
        for group in optimizer.param_groups:
            group["lr"] = lr
        began, loss, tokens = time.perf_counter(), 0.0, 0
        optimizer.zero_grad()
        for _ in range(config.grad_accumulation):
            x, y = next(batches)  # each (B, T)
            with mixed_precision(x, config):
                _, part = forward(x, y)
            part = part / config.grad_accumulation
            part.backward()
            loss += mean_of_processes(part.detach()).item()
            tokens += x.numel()
        norm = nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip).item()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise FloatingPointError(stopped(step, loss, norm, checkpoint))
        optimizer.step()
        speed = tokens * world_size() / (time.perf_counter() - began)

        every = config.checkpoint_every
        due = last or (every and (step + 1) % every == 0)
        if checkpoint and due and is_first_process():
            checkpoints.save(checkpoint, step + 1, model, optimizer, iterators)
        yield Step(step, loss, lr, norm, speed, val_loss, text)


def adamw(model: nn.Module, config: TrainConfig) -> AdamW:
    """The optimizer; weight decay is for matrices alone.

    Biases and layer norms have one dimension. To pull them to 0 would not make the model
    simpler, but take away its offsets and scales.
    """
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {
            "params": [w for w in weights if w.ndim >= 2],
            "weight_decay": config.weight_decay,
        },
        {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0},
    ]
    fused = all(weight.device.type in ("cpu", "cuda") for weight in weights)
    return AdamW(groups, lr=config.max_lr, betas=config.betas, fused=fused)


@torch.no_grad()
def evaluate(model: GPT, batches: Batches, config: TrainConfig) -> float:
    """The mean loss on the next `eval_batches` batches, without dropout."""
    total = torch.zeros((), device=model.lm_head.weight.device)
    with eval_mode(model):
        for _ in range(config.eval_batches):
            x, y = next(batches)
            with mixed_precision(x, config):
                total += model(x, y)[1]
    return mean_of_processes(total).item() / config.eval_batches


def prepared(model: GPT, config: TrainConfig) -> nn.Module:
    """The model as it is called in training; samples are drawn from the plain one."""
    forward: nn.Module = model
    if distributed.is_initialized():
        forward = DistributedDataParallel(model)
    return torch.compile(forward) if config.compile else forward  # type: ignore[return-value]


def mixed_precision(x: Tensor, config: TrainConfig) -> torch.autocast:
    """Within it, matrix products are computed in `config.autocast`."""
    return torch.autocast(
        x.device.type, config.autocast, enabled=config.autocast is not None
    )


def stopped(step: int, loss: float, norm: float, checkpoint: Path | None) -> str:
    """What to tell of a run whose loss or gradient is no number, and where to go on from."""
    kept = checkpoint if checkpoint and checkpoint.exists() else None
    rest = (
        f"the last good checkpoint is {kept}" if kept else "there is no checkpoint"
    )
    return (
        f"the loss is {loss} and the gradient norm {norm} at step {step}; {rest}; "
        "try a lower max_lr or more warmup"
    )
