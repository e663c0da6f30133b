"""One course, two scales: what the machine at hand can carry."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import tiktoken
import torch

from gptcore.config import GPTConfig
from gptcore.data import play, tinyshakespeare
from gptcore.tokenizer import byte_tokenizer, gpt2_tokenizer


@dataclass(frozen=True)
class Budget:
    """How much a lesson trains. The rates are such that their trouble shows at this size."""

    block_size: int
    batch_size: int
    steps: int
    """Of the long run."""
    max_lr: float
    short_steps: int
    """Of each run that is compared with others."""
    short_warmup: int
    high_lr: float
    mid_lr: float
    low_lr: float
    broken_lr: float
    dropout: float
    autocast: torch.dtype | None
    compile: bool


@dataclass(frozen=True)
class Sizes:
    """How large work is to be for a clock to show the machine, and not the calls."""

    matrix: int = 1000
    """Rows of a square matrix whose product is work enough."""
    ceiling: int = 2048
    """The same where the product is to be as fast as can be."""
    memory: int = 2**28
    """Bytes that no cache holds."""
    vector: int = 10**7
    """Numbers in the longest vector."""
    tokens: int = 512
    width: int = 768
    lengths: tuple[int, ...] = (128, 256, 512, 1024)
    """Of sequences that attention reads, `sequences` of them at once."""
    sequences: int = 1
    heads: int = 4
    head_size: int = 32
    batch: int = 4
    """Whole sequences in a training step."""
    updates: int = 200
    """Of a run that is to show where it goes, not to end there."""


@dataclass(frozen=True)
class Profile:
    """The scale that a lesson runs at. Lessons ask it, and never for the device by themselves."""

    name: Literal["cpu", "gpu"]
    config: GPTConfig
    device: torch.device
    dtype: torch.dtype
    budget: Budget
    sizes: Sizes = Sizes()

    def corpus(self) -> str:
        """The text to train on: the play of this library, or TinyShakespeare.

        Raises ConnectionError where the latter is not to be had.
        """
        return play() if self.name == "cpu" else tinyshakespeare()

    def tokenizer(self) -> tiktoken.Encoding:
        """The tokenizer whose ids fit `config.vocab_size`: bytes, or GPT-2's own.

        Raises FileNotFoundError where GPT-2's is not to be had.
        """
        return byte_tokenizer() if self.name == "cpu" else gpt2_tokenizer()


def cpu() -> Profile:
    """The debug model over bytes in float32: runs anywhere, offline."""
    budget = Budget(
        block_size=48,
        batch_size=12,
        steps=450,
        max_lr=3e-3,
        short_steps=90,
        short_warmup=27,
        high_lr=5e-3,
        mid_lr=2e-3,
        low_lr=3e-5,
        broken_lr=3e-2,
        dropout=0.0,
        autocast=None,
        compile=False,
    )
    return Profile(
        "cpu", GPTConfig.debug(), torch.device("cpu"), torch.float32, budget
    )


def gpu() -> Profile:
    """GPT-2 small with its own vocabulary in bfloat16. Raises RuntimeError without CUDA."""
    if not torch.cuda.is_available():
        raise RuntimeError(
            "profile gpu needs a CUDA GPU, and this machine shows none; use cpu"
        )
    budget = Budget(
        block_size=256,
        batch_size=32,
        steps=1500,
        max_lr=6e-4,
        short_steps=200,
        short_warmup=40,
        high_lr=6e-4,
        mid_lr=2e-4,
        low_lr=1e-5,
        broken_lr=1e-2,
        dropout=0.1,
        autocast=torch.bfloat16,
        compile=True,
    )
    # GPT-2's largest width, and heads enough to fill the machine.
    sizes = Sizes(
        matrix=8192,
        ceiling=8192,
        memory=2**30,
        vector=10**8,
        tokens=8192,
        width=GPTConfig.gpt2_xl().n_embd,
        lengths=(512, 1024, 2048, 4096),
        sequences=4,
        heads=12,
        head_size=64,
        batch=16,
        updates=100,
    )
    return Profile(
        "gpu", GPTConfig.gpt2(), torch.device("cuda"), torch.bfloat16, budget, sizes
    )


def active() -> Profile:
    """The profile that `$LESSON_PROFILE` names, else what the machine has.

    Raises ValueError for a name other than cpu and gpu, RuntimeError for gpu without CUDA.
    """
    name = os.environ.get("LESSON_PROFILE") or (
        "gpu" if torch.cuda.is_available() else "cpu"
    )
    profiles = {"cpu": cpu, "gpu": gpu}
    if name not in profiles:
        raise ValueError(f"LESSON_PROFILE is {name!r}; use cpu or gpu")
    return profiles[name]()
