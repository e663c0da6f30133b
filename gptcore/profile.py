"""One course, two scales: what the machine at hand can carry."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import tiktoken
import torch

from gptcore.config import GPTConfig
from gptcore.tokenizer import byte_tokenizer, gpt2_tokenizer


@dataclass(frozen=True)
class Profile:
    """The scale that a lesson runs at. Lessons ask it, and never for the device by themselves."""

    name: Literal["cpu", "gpu"]
    config: GPTConfig
    device: torch.device
    dtype: torch.dtype

    def tokenizer(self) -> tiktoken.Encoding:
        """The tokenizer whose ids fit `config.vocab_size`: bytes, or GPT-2's own.

        Raises FileNotFoundError where GPT-2's is not to be had.
        """
        return byte_tokenizer() if self.name == "cpu" else gpt2_tokenizer()


def cpu() -> Profile:
    """The debug model over bytes in float32: runs anywhere, offline."""
    return Profile("cpu", GPTConfig.debug(), torch.device("cpu"), torch.float32)


def gpu() -> Profile:
    """GPT-2 small with its own vocabulary in bfloat16. Raises RuntimeError without CUDA."""
    if not torch.cuda.is_available():
        raise RuntimeError(
            "profile gpu needs a CUDA GPU, and this machine shows none; use cpu"
        )
    return Profile("gpu", GPTConfig.gpt2(), torch.device("cuda"), torch.bfloat16)


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
