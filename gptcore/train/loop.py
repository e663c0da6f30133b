"""One loop that trains a GPT, told as a series of events."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import AdamW

from gptcore import checkpoint as checkpoints
from gptcore.checks import check_count, number
from gptcore.data import Batches
from gptcore.files import try_place
from gptcore.generate import eval_mode
from gptcore.language_model import config_of
from gptcore.model import GPT
from gptcore.schedule import lr_at
from gptcore.train.economical import Forward, economical, saves
from gptcore.train.meter import Coming, Meter, Numbers
from gptcore.train.processes import (
    is_first_process,
    mean_of_processes,
    world_size,
)


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained. The optimizer's numbers are nanoGPT's for GPT-2.

    Raises ValueError or TypeError for a field that no run can follow.
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
        for name in ("max_lr", "min_lr", "weight_decay", "grad_clip"):
            number(name, getattr(self, name))
        if self.max_lr == math.inf:
            raise ValueError("max_lr is inf; use a finite rate")
        for name in ("max_lr", "grad_clip"):
            if not getattr(self, name) > 0:  # which nan is not, either
                raise ValueError(f"{name} {getattr(self, name)!r} is not above 0")
        for name in ("min_lr", "weight_decay"):
            if not getattr(self, name) >= 0:
                raise ValueError(
                    f"{name} {getattr(self, name)!r} is neither 0 nor above"
                )
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas {self.betas!r} are not two from 0 to below 1")
        if not isinstance(self.autocast, torch.dtype | None):
            raise TypeError(
                f"autocast {self.autocast!r} is no dtype; use torch.bfloat16 or None"
            )


@dataclass(frozen=True)
class Step:
    """What happened in one update; `step` counts those before it."""

    step: int
    lr: float
    tokens: int
    """Learned from, by all processes."""
    numbers: Numbers | Coming
    val_loss: float | None = None
    """Where due: of the model before this update, as is the sample."""
    sample: str | None = None

    @property
    def loss(self) -> float:
        """On this update's batch, before learning from it; in nats."""
        return self.numbers.loss

    @property
    def grad_norm(self) -> float:
        """Before clipping."""
        return self.numbers.grad_norm

    @property
    def tokens_per_second(self) -> float:
        """Without validation, samples and checkpoints."""
        return self.tokens / self.numbers.seconds


def train(
    model: GPT,
    batches: Batches,
    config: TrainConfig,
    val_batches: Batches | None = None,
    sample: Callable[[GPT], str] | None = None,
    checkpoint: str | Path | None = None,
) -> Iterator[Step]:
    """Train a model in place, one event for each update.

    Where `checkpoint` names a file that is there, the run goes on from it, and it is saved
    there at every `checkpoint_every` and after the last update. Validation and samples come
    at every `eval_every` and with the last update.

    Raises FloatingPointError when the loss or the gradient is no number (on a GPU an update
    later, and before anything is validated or saved), ValueError for ids outside the vocabulary and
    for a checkpoint that can't be read or is of another model, OSError where it can't be written.
    """
    iterators = [batches] + ([val_batches] if val_batches else [])
    check_run(model, iterators)
    optimizer = adamw(model, config)
    checkpoint = Path(checkpoint) if checkpoint else None
    start = 0
    if checkpoint and is_first_process():
        # Now, and not when there is something to lose; with Adam's two averages of each weight.
        try_place(
            checkpoint, 3 * sum(weight.nbytes for weight in model.parameters())
        )
    if checkpoint and checkpoint.exists():
        start = checkpoints.load(checkpoint, model, optimizer, iterators)
    forward = prepared(model, config)
    meter = Meter(next(model.parameters()).device, checkpoint)
    model.train()
    for step in range(start, config.max_steps):
        last = step == config.max_steps - 1
        due = last or (config.eval_every and step % config.eval_every == 0)
        if due:
            meter.settle()  # what came of no number is not validated
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
        meter.start()
        optimizer.zero_grad()
        losses, tokens = [], 0
        for _ in range(config.grad_accumulation):
            x, y = next(batches)  # each (B, T)
            with mixed_precision(x, config):
                _, part = forward(x, y)
            part = part / config.grad_accumulation
            part.backward()
            losses.append(mean_of_processes(part.detach()))
            tokens += x.numel() * world_size()
        norm = nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip)
        meter.look(step, torch.stack(losses).sum(), norm)
        optimizer.step()
        numbers = meter.stop()

        every = config.checkpoint_every
        due = last or (every and (step + 1) % every == 0)
        if due:
            meter.settle()  # what came of no number is not saved
        if checkpoint and due and is_first_process():
            checkpoints.save(checkpoint, step + 1, model, optimizer, iterators)
        yield Step(step, lr, tokens, numbers, val_loss, text)


def check_run(model: nn.Module, texts: list[Batches]) -> None:
    """Refuse, by ValueError, a model that can't learn, and ids that it lacks.

    A GPU would break down over those, without a word of the cause.
    """
    if not any(weight.requires_grad for weight in model.parameters()):
        raise ValueError(
            "every weight is frozen; let some of them require gradients"
        )
    vocab_size = config_of(model).vocab_size
    for text in texts:
        ids = text.dataset.ids
        if not 0 <= int(ids.min()) <= int(ids.max()) < vocab_size:
            raise ValueError(
                f"the text holds an id outside 0 to {vocab_size - 1}, the model's vocabulary; "
                "encode it with the model's own tokenizer"
            )


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
    total = torch.zeros((), device=next(model.parameters()).device)
    with eval_mode(model):
        for _ in range(config.eval_batches):
            x, y = next(batches)
            with mixed_precision(x, config):
                total += model(x, y)[1]
    return mean_of_processes(total).item() / config.eval_batches


def prepared(model: GPT, config: TrainConfig) -> Forward:
    """The model as it is called in training; samples are drawn from the plain one.

    On a GPU the loss comes the economical way, and no logits with it.
    """
    forward: Any = model
    if distributed.is_initialized():
        forward = DistributedDataParallel(model)
    if config.compile:
        forward = torch.compile(forward)
    if saves(next(model.parameters()).device):
        forward = economical(model, forward, config.compile)
    return forward


def mixed_precision(x: Tensor, config: TrainConfig) -> torch.autocast:
    """Within it, matrix products are computed in `config.autocast`."""
    return torch.autocast(
        x.device.type, config.autocast, enabled=config.autocast is not None
    )
