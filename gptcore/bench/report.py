"""What was measured, as lines that come while more is measured."""

from __future__ import annotations

from collections.abc import Iterable

from gptcore.bench.works import Bench, Result

WIDTHS = (7, 7, 20, 11, 9, 9, 9, 6)
HEAD = (
    "model",
    "work",
    "code",
    "tokens/s",
    "TFLOP/s",
    "of limit",
    "memory",
    "ratio",
)


def head(measured: Bench) -> None:
    """Say on what it is measured, and by which limits."""
    limits = measured.ceilings
    print(
        f"{measured.device}, {measured.threads} threads, {measured.dtype}, torch "
        f"{measured.torch}, {measured.date}. Limits: training {limits.matmul_tflops:.3g} TFLOP/s, "
        f"as a large matrix product; decoding {limits.read_gb_per_second:.4g} GB/s, as a product "
        "with one row reads its weights, or faster where they fit into a cache (a large copy: "
        f"{limits.copy_gb_per_second:.4g} GB/s). Ratio: our speed to theirs.\n"
    )
    print(_line(HEAD), flush=True)


def rows(results: Iterable[Result]) -> None:
    """Print a line for each result."""
    for r in results:
        cells = (
            r.work,
            r.what,
            r.code,
            f"{r.tokens_per_second:,.0f}",
            "" if r.tflops is None else f"{r.tflops:.3g}",
            f"{r.share:.1%}",
            "" if r.peak_memory is None else f"{r.peak_memory / 1e9:.1f} GB",
            "" if r.ratio is None else f"{r.ratio:.2f}",
        )
        print(_line(cells), flush=True)


def foot(measured: Bench) -> None:
    """Say what was not measured, and why."""
    print(
        f"\nPeak memory of the process: {measured.process_peak_memory / 1e9:.1f} GB."
    )
    if measured.not_measured:
        print(f"Not measured: {'; '.join(measured.not_measured)}.")


def _line(cells: Iterable[str]) -> str:
    padded = (
        cell.ljust(width) if place < 3 else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, WIDTHS, strict=True))
    )
    return " ".join(padded).rstrip()
