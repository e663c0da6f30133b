"""What is measured, and what comes out; no torch, so that the command can refuse in no time."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from gptcore.config import GPTConfig

KINDS = ("train", "decode", "batch")
"""Training, one stream of text, and many streams at once."""


@dataclass(frozen=True)
class Work:
    """A model and how much of it to do at once."""

    name: str
    config: GPTConfig
    batch: int  # sequences in a training step, each of `length` tokens
    length: int
    new_tokens: int  # that a stream generates
    repeats: int
    streams: int = 32  # of `batch`; 0 leaves it out


@dataclass(frozen=True)
class Result:
    """One measurement. Shares are of the measured ceilings, ratios of our speed to theirs."""

    work: str
    what: str  # one of KINDS
    code: str
    """gptcore as it comes, or another's; after a comma, what is not as it comes."""
    tokens_per_second: float
    tflops: float | None
    share: float
    peak_memory: int | None  # bytes on the device; None on a CPU
    ratio: float | None = None


@dataclass(frozen=True)
class Ceilings:
    """What this machine gave a large matrix product, a large copy, and reading alone."""

    matmul_tflops: float
    copy_gb_per_second: float  # read plus written
    read_gb_per_second: float


@dataclass(frozen=True)
class Bench:
    """Everything that was measured so far, on what, and what was not."""

    device: str
    dtype: str
    threads: int
    torch: str
    date: str
    ceilings: Ceilings
    results: tuple[Result, ...] = ()
    not_measured: tuple[str, ...] = ()
    process_peak_memory: int = 0


CPU = (
    Work("debug", GPTConfig.debug(), 16, 128, 100, 5),
    Work("gpt2", GPTConfig.gpt2(), 1, 256, 32, 3, streams=0),
)
CUDA = (
    Work("debug", GPTConfig.debug(), 256, 128, 100, 10),
    Work("gpt2", GPTConfig.gpt2(), 32, 1024, 256, 10),
)
QUICK = (Work("debug", GPTConfig.debug(), 4, 64, 30, 2, streams=4),)


def flops_per_token(config: GPTConfig, parameters: int, length: int) -> int:
    """Floating point operations to train on one token of a sequence: 6 N + 12 n_layer n_embd T.

    Chowdhery et al. 2022 (PaLM), appendix B. N counts the weights that are multiplied with: all
    but the position embeddings, the tied matrix once. A causal kernel skips about half of the
    second term; it is counted whole, as is usual.
    """
    multiplied = parameters - config.block_size * config.n_embd
    return 6 * multiplied + 12 * config.n_layer * config.n_embd * length


def decode_bytes(
    config: GPTConfig, parameters: int, size: int, length: int, streams: int = 1
) -> int:
    """Bytes to read for one more token of each stream after `length`: the weights once, and caches.

    `size` is that of one number. Of the position embeddings only one row is read.
    """
    weights = parameters - config.block_size * config.n_embd
    cache = 2 * config.n_layer * config.n_embd * length
    return size * (weights + streams * cache)


def compared(results: list[Result]) -> tuple[Result, ...]:
    """The same with how many times faster we are."""
    ours = next(r for r in results if r.code == "gptcore").tokens_per_second
    return tuple(
        r
        if r.code == "gptcore"
        else dataclasses.replace(r, ratio=ours / r.tokens_per_second)
        for r in results
    )
