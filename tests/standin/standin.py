"""A GPU that isn't there: the gpu profile, tiny, on a CPU.

Imported by the command and, as a module to preload, by the process that lessons come from. Whether
CUDA is there is asked of torch, and the scale of `gptcore.profile`; both answer otherwise from then
on. What a lesson then computes says nothing, but every block of it runs as on a GPU machine.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import tiktoken
import torch
import transformers

from gptcore import decode, profile
from gptcore.config import GPTConfig
from gptcore.data import play
from gptcore.tokenizer import byte_tokenizer

NAME = "a stand-in for a GPU"


class Tiny(profile.Profile):
    """The gpu profile with what every machine has to read, and bytes for ids."""

    def corpus(self) -> str:
        return play()

    def tokenizer(self) -> tiktoken.Encoding:
        return byte_tokenizer()


def tiny() -> profile.Profile:
    """What `gptcore.profile.gpu` gives, small enough for a CPU."""
    full = full_size()
    budget = replace(
        full.budget, block_size=32, batch_size=2, steps=60, short_steps=60, short_warmup=5
    )
    config = GPTConfig(vocab_size=257, n_layer=2, n_head=2, n_embd=32)
    return Tiny(full.name, config, torch.device("cpu"), full.dtype, budget)


def small() -> GPTConfig:
    """In place of GPT-2 small: its width, which a lesson names, with fewer layers and ids."""
    return GPTConfig(vocab_size=2048, n_layer=3)


def uncompiled(model: Any = None, **_: Any) -> Any:
    """`torch.compile` without a compiler, which would take minutes here."""
    return model if model is not None else uncompiled


def unrecorded(step: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
    """`cuda_graph` without a graph: each replay takes the step, and writes where the first did."""
    result = step()
    return lambda: result.copy_(step())


torch.compile = uncompiled
decode.cuda_graph = unrecorded
torch.cuda.is_available = lambda: True
torch.cuda.get_device_name = lambda device=None: NAME
torch.cuda.synchronize = lambda device=None: None
full_size, profile.gpu = profile.gpu, tiny
GPTConfig.gpt2 = small
transformers.GPT2Config = partial(transformers.GPT2Config, vocab_size=2048, n_layer=3)

if __name__ == "__main__":
    from sitegen.cli import main

    sys.exit(main(sys.argv[1:]))
