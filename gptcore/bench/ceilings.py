"""What the machine at hand gives, and how a run is timed on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch

from gptcore.bench.works import Ceilings
from gptcore.measure import peak_bytes

Run = Callable[[], object]


def seconds(
    runs: Mapping[str, Run], device: torch.device, repeats: int
) -> dict[str, list[float]]:
    """Seconds of each run. They take turns, so that a busy machine is unfair to none."""

    def timed(run: Run) -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    for run in runs.values():  # compiles, allocates, fills caches
        timed(run)
    turns = [
        {name: timed(run) for name, run in runs.items()} for _ in range(repeats)
    ]
    return {name: [turn[name] for turn in turns] for name in runs}


def peak_memory(run: Run, device: torch.device, held: int) -> int | None:
    """The most memory of the device that a run takes, beside what its model holds anyway."""
    return held + peak_bytes(run, device) if device.type == "cuda" else None


def measure_ceilings(
    device: torch.device, dtype: torch.dtype, quick: bool = False
) -> Ceilings:
    """The best of several runs of a square matrix product, of a copy, and of reading."""
    size = 8192 if device.type == "cuda" else 512 if quick else 2048
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    count = 2**28 if device.type == "cuda" else 2**22 if quick else 2**26
    source = torch.empty(count, device=device, dtype=torch.float32).zero_()
    target = torch.empty_like(source)
    product = min(seconds({"": lambda: a @ b}, device, 10)[""])
    copied = min(seconds({"": lambda: target.copy_(source)}, device, 10)[""])
    return Ceilings(
        2 * size**3 / product / 1e12,
        2 * source.nbytes / copied / 1e9,
        source.nbytes / reading(source.nbytes, device, dtype) / 1e9,
    )


def reading(nbytes: int, device: torch.device, dtype: torch.dtype) -> float:
    """Seconds to read so many bytes once, as a product of a matrix with one row reads weights.

    That is the limit of decoding, and not a copy, which writes as much. What fits into a cache is
    read from there, here as in a small model.
    """
    width = 1024
    rows = max(1, nbytes // (width * dtype.itemsize))
    weights = torch.zeros(rows, width, device=device, dtype=dtype)
    row = torch.zeros(width, device=device, dtype=dtype)
    out = torch.empty(rows, device=device, dtype=dtype)
    times = 10 if device.type == "cuda" else 1  # so that launching is no part of it

    def read() -> None:
        for _ in range(times):
            torch.mv(weights, row, out=out)

    return min(seconds({"": read}, device, 10)[""]) / times
