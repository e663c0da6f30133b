"""A GPU that isn't there: the gpu profile, tiny, on a CPU.

Imported by the command and, as a module to preload, by the process that lessons come from. Whether
CUDA is there is asked of torch, and the scale of `gptcore.profile`; both answer otherwise from then
on. What a lesson then computes says nothing, but every block of it runs as on a GPU machine.
"""

from __future__ import annotations

import sys
from typing import Any

import torch

from gptcore import profile
from gptcore.config import GPTConfig

NAME = "a stand-in for a GPU"


def tiny() -> profile.Profile:
    """What `gptcore.profile.gpu` gives, small enough for a CPU."""
    budget = profile.Budget(
        block_size=32,
        batch_size=4,
        steps=30,
        max_lr=6e-4,
        short_steps=30,
        short_warmup=5,
        high_lr=6e-4,
        low_lr=1e-5,
        broken_lr=1e-2,
        dropout=0.1,
        autocast=torch.bfloat16,
        compile=True,
    )
    config = GPTConfig(n_layer=2, n_head=2, n_embd=32)
    return profile.Profile("gpu", config, torch.device("cpu"), torch.bfloat16, budget)


def traced(model: Any = None, **_: Any) -> Any:
    """`torch.compile` without a compiler: the trace is what may fail."""
    return compiled(model, backend="eager") if model is not None else traced


compiled = torch.compile
torch.compile = traced  # type: ignore[assignment]
torch.cuda.is_available = lambda: True
torch.cuda.get_device_name = lambda device=None: NAME
torch.cuda.synchronize = lambda device=None: None
profile.gpu = tiny

if __name__ == "__main__":
    from sitegen.cli import main

    sys.exit(main(sys.argv[1:]))
