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
from gptcore.data import Batches, TokenDataset, split
from gptcore.generate import eval_mode
from gptcore.model import GPT
from gptcore.profile import active
from gptcore.schedule import lr_at


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained. The optimizer's numbers are nanoGPT's for GPT-2."""

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
    """Updates between validations and samples; 0 for none."""
    eval_batches: int = 10
    checkpoint_every: int = 0
    autocast: torch.dtype | None = None
    """bfloat16 for mixed precision; None computes in the weights' own dtype."""
    compile: bool = False


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

    Where `checkpoint` names a file that is there, the run goes on from it. Validation and
    samples come at every `eval_every` and with the last update.

    Raises FloatingPointError when the loss is no number, ValueError for a checkpoint that
    can't be read or is of another model.
    """
    optimizer = adamw(model, config)
    iterators = [batches] + ([val_batches] if val_batches else [])
    start = 0
    if checkpoint and checkpoint.exists():
        start = checkpoints.load(checkpoint, model, optimizer, iterators)
    forward = prepared(model, config)
    model.train()
    for step in range(start, config.max_steps):
        due = config.eval_every and step % config.eval_every == 0
        due = due or step == config.max_steps - 1
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
        for _ in range(config.grad_accumulation):
            x, y = next(batches)  # each (B, T)
            with mixed_precision(x, config):
                _, part = forward(x, y)
            part = part / config.grad_accumulation
            part.backward()
            loss += mean_of_processes(part.detach()).item()
            tokens += x.numel()
        if not math.isfinite(loss):
            raise FloatingPointError(stopped(step, loss, checkpoint))
        norm = nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip).item()
        optimizer.step()
        optimizer.zero_grad()

        every = config.checkpoint_every
        if checkpoint and every and (step + 1) % every == 0 and is_first_process():
            checkpoints.save(checkpoint, step + 1, model, optimizer, iterators)
        speed = tokens * world_size() / (time.perf_counter() - began)
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
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_first_process() -> bool:
    return not distributed.is_initialized() or distributed.get_rank() == 0


def stopped(step: int, loss: float, checkpoint: Path | None) -> str:
    kept = checkpoint if checkpoint and checkpoint.exists() else None
    rest = (
        f"the last good checkpoint is {kept}" if kept else "there is no checkpoint"
    )
    return f"the loss is {loss} at step {step}; {rest}; try a lower max_lr or more warmup"


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
    place = _join()
    profile = active()
    budget, tokenizer = profile.budget, profile.tokenizer()
    device = torch.device(
        profile.device.type, place.get("rank", 0) if profile.name == "gpu" else 0
    )
    config = replace(
        profile.config, block_size=budget.block_size, dropout=budget.dropout
    )
    torch.manual_seed(0)
    model = GPT(config).to(device)
    datasets = [
        TokenDataset(tokenizer.encode(t), config.block_size)
        for t in split(profile.corpus())
    ]
    batches, val_batches = (
        Batches(d, budget.batch_size, 0, device, **place) for d in datasets
    )
    steps = options.steps or budget.steps
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
    try:
        for event in train(
            model, batches, plan, val_batches, checkpoint=options.checkpoint
        ):
            if event.val_loss is not None and is_first_process():
                print(
                    f"step {event.step:5}  loss {event.loss:.3f}  validation {event.val_loss:.3f}"
                    f"  rate {event.lr:.1e}  {event.tokens_per_second:,.0f} tokens/s",
                    flush=True,
                )
    except (ValueError, FloatingPointError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
    return 0


def _join() -> dict[str, int]:
    """This process's place among those that torch's launcher started, if it did."""
    if "RANK" not in os.environ:
        return {}
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return {
        "rank": distributed.get_rank(),
        "world_size": distributed.get_world_size(),
    }


if __name__ == "__main__":
    sys.exit(main())
