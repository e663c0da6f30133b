"""`python -m gptcore.train`, also under torch's launcher for several processes:
`torchrun --nproc-per-node 2 -m gptcore.train`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import distributed

from gptcore import checkpoint as checkpoints
from gptcore.data import Batches, TokenDataset, split
from gptcore.model import GPT
from gptcore.profile import Profile, active
from gptcore.train.loop import TrainConfig, train
from gptcore.train.processes import is_first_process, join, own_device


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
    except KeyboardInterrupt:
        saved = (
            options.checkpoint
            if options.checkpoint and options.checkpoint.exists()
            else None
        )
        rest = (
            f"the same command goes on from {saved}"
            if saved
            else "nothing was saved"
        )
        parser.exit(130, f"interrupted; {rest}\n")
    except FloatingPointError as error:
        parser.exit(1, f"error: {error}\n")
    except (OSError, ValueError) as error:
        parser.exit(2, f"error: {error}\n")
    except distributed.DistError as error:
        what, *_where = str(error).splitlines()
        parser.exit(2, f"error: {what}\n")
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
    return 0


def _run(profile: Profile, steps: int, checkpoint: Path | None) -> None:
    """Train, and print a line for every validation."""
    device = own_device(profile)
    place = join(device)
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
    event = None
    for event in train(model, batches, plan, val_batches, checkpoint=checkpoint):
        if event.val_loss is not None and is_first_process():
            print(
                f"step {event.step:5}  loss {event.loss:.3f}  validation {event.val_loss:.3f}"
                f"  rate {event.lr:.1e}  {event.tokens_per_second:,.0f} tokens/s",
                flush=True,
            )
    if event is None and checkpoint and is_first_process():
        print(
            f"{checkpoint} has {checkpoints.updates(checkpoint)} updates already; "
            "a larger --steps goes on from there",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
