"""One loop that trains a GPT, told as a series of events.

`python -m gptcore.train` runs it on its own, also under torch's launcher for several processes:
`torchrun --nproc-per-node 2 -m gptcore.train`.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import AdamW

from gptcore import checkpoint as checkpoints
from gptcore.checks import check_count
from gptcore.data import Batches, TokenDataset, split
from gptcore.generate import eval_mode
from gptcore.model import GPT
from gptcore.profile import Profile, active
from gptcore.schedule import lr_at


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
    checkpoint that can't be read or is of another model.
    """
    optimizer = adamw(model, config)
    iterators = [batches] + ([val_batches] if val_batches else [])
    start = 0
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


def mean_of_processes(value: Tensor) -> Tensor:
    """The mean over all processes of a run, the value itself if there is one."""
    if distributed.is_initialized():
        distributed.all_reduce(value)
        value = value / distributed.get_world_size()
    return value


def world_size() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_first_process() -> bool:
    """Whether this process is the one that saves and prints."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the profile's model on its corpus, and say how it goes."""
    parser = argparse.ArgumentParser(
        prog="python -m gptcore.train", description=main.__doc__
    )
    parser.add_argument(
        "--steps", type=int, help="updates; the profile's budget if not given"
    )
    parser.add_argument(
        "--checkpoint", type=Path, help="saved here, and resumed if it is there"
    )
    options = parser.parse_args(arguments)
    if options.steps is not None and options.steps < 1:
        parser.error(f"argument --steps: {options.steps} is too few; use 1 or more")
    try:
        profile = active()
    except (RuntimeError, ValueError) as error:
        parser.exit(2, f"error: {error}\n")
    try:
        _run(profile, options.steps or profile.budget.steps, options.checkpoint)
    except FloatingPointError as error:
        parser.exit(1, f"error: {error}\n")
    except (OSError, ValueError) as error:
        parser.exit(2, f"error: {error}\n")
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
    return 0


def _run(profile: Profile, steps: int, checkpoint: Path | None) -> None:
    """Train, and print a line for every validation."""
    device = _own_device(profile)
    place = _join(device)
    budget, tokenizer = profile.budget, profile.tokenizer()
    config = replace(
        profile.config, block_size=budget.block_size, dropout=budget.dropout
    )
    torch.manual_seed(0)
    model = GPT(config).to(device)
    # Equal weights everywhere, but dropout masks of each process's own.
    torch.manual_seed(1 + place.get("rank", 0))
    datasets = [
        TokenDataset(tokenizer.encode(t), config.block_size)
        for t in split(profile.corpus())
    ]
    batches, val_batches = (
        Batches(d, budget.batch_size, 0, device, **place) for d in datasets
    )
    plan = TrainConfig(
        steps,
        max_lr=budget.max_lr,
        min_lr=budget.max_lr / 10,
        warmup_steps=steps // 20,
        eval_every=max(1, steps // 10),
        checkpoint_every=max(1, steps // 10),
        autocast=budget.autocast,
        compile=budget.compile,
    )
    for event in train(model, batches, plan, val_batches, checkpoint=checkpoint):
        if event.val_loss is not None and is_first_process():
            print(
                f"step {event.step:5}  loss {event.loss:.3f}  validation {event.val_loss:.3f}"
                f"  rate {event.lr:.1e}  {event.tokens_per_second:,.0f} tokens/s",
                flush=True,
            )


def _own_device(profile: Profile) -> torch.device:
    """The device for this process: of a machine's GPUs, the one that the launcher gives it."""
    if profile.device.type != "cuda":
        return profile.device
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))


def _join(device: torch.device) -> dict[str, int]:
    """This process's place among those that torch's launcher started, if it did."""
    if "RANK" not in os.environ:
        return {}
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return {
        "rank": distributed.get_rank(),
        "world_size": distributed.get_world_size(),
    }


if __name__ == "__main__":
    sys.exit(main())
