"""How fast training and generation are here, beside what the machine allows and other code gives.

`python -m gptcore.bench [--nanogpt PATH] [--json FILE] [--quick]`. On CUDA: bfloat16, flash
attention, torch.compile and a CUDA graph for decoding; on a CPU float32, and weights laid out for
decoding.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib.util
import json
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gptcore.config import GPTConfig
from gptcore.files import replacing, try_place

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Run = Callable[[], object]


@dataclass(frozen=True)
class Work:
    """A model and how much of it to do at once."""

    name: str
    config: GPTConfig
    batch: int  # sequences in a training step, each of `length` tokens
    length: int
    new_tokens: int  # that one stream generates
    repeats: int


@dataclass(frozen=True)
class Result:
    """One measurement. Shares are of the measured ceilings, ratios of our speed to theirs."""

    work: str
    what: str  # "train" or "decode"
    code: str  # "gptcore", "huggingface" or "nanogpt"
    tokens_per_second: float
    tflops: float | None
    share: float
    peak_memory: int | None  # bytes on the device; None on a CPU
    ratio: float | None = None


@dataclass(frozen=True)
class Ceilings:
    """What this machine gave a large matrix product and a large copy."""

    matmul_tflops: float
    copy_gb_per_second: float  # read plus written


@dataclass(frozen=True)
class Bench:
    """Everything that was measured, and on what."""

    device: str
    dtype: str
    threads: int
    torch: str
    ceilings: Ceilings
    results: tuple[Result, ...]
    process_peak_memory: int


CPU = (
    Work("debug", GPTConfig.debug(), 16, 128, 100, 5),
    Work("gpt2", GPTConfig.gpt2(), 1, 256, 32, 3),
)
CUDA = (
    Work("debug", GPTConfig.debug(), 256, 128, 100, 10),
    Work("gpt2", GPTConfig.gpt2(), 32, 1024, 256, 10),
)
QUICK = (Work("debug", GPTConfig.debug(), 4, 64, 30, 2),)


def flops_per_token(config: GPTConfig, parameters: int, length: int) -> int:
    """Floating point operations to train on one token of a sequence: 6 N + 12 n_layer n_embd T.

    Chowdhery et al. 2022 (PaLM), appendix B. N counts the weights that are multiplied with: all
    but the position embeddings, the tied matrix once. A causal kernel skips about half of the
    second term; it is counted whole, as is usual.
    """
    multiplied = parameters - config.block_size * config.n_embd
    return 6 * multiplied + 12 * config.n_layer * config.n_embd * length


def decode_bytes(config: GPTConfig, parameters: int, size: int, length: int) -> int:
    """Bytes to read for one more token after `length`: the weights once, and the cache.

    `size` is that of one number. Of the position embeddings only one row is read.
    """
    weights = parameters - config.block_size * config.n_embd
    return size * (weights + 2 * config.n_layer * config.n_embd * length)


def bench(works: tuple[Work, ...], nanogpt: Path | None = None) -> Bench:
    """Measure all works on CUDA if there is one, else on the CPU.

    Raises FileNotFoundError if nanogpt is not a checkout of nanoGPT.
    """
    import torch

    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    dtype = torch.bfloat16 if cuda else torch.float32
    ceilings = measure_ceilings(device, dtype, quick=works == QUICK)
    results: list[Result] = []
    for work in works:
        torch.manual_seed(0)
        models = _models(work.config, nanogpt)
        for model in models.values():
            model.to(device)
        results += _compared(_train(work, models, device, dtype, ceilings))
        results += _compared(_decode(work, models, device, dtype, ceilings))
    return Bench(
        torch.cuda.get_device_name() if cuda else platform.machine(),
        str(dtype).removeprefix("torch."),
        torch.get_num_threads(),
        torch.__version__,
        ceilings,
        tuple(results),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )


def measure_ceilings(
    device: torch.device, dtype: torch.dtype, quick: bool = False
) -> Ceilings:
    """The best of several runs of a square matrix product and of a copy."""
    import torch

    size = 8192 if device.type == "cuda" else 512 if quick else 2048
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    count = 2**28 if device.type == "cuda" else 2**22 if quick else 2**26
    source = torch.empty(count, device=device, dtype=torch.float32).zero_()
    target = torch.empty_like(source)
    product = min(_seconds({"": lambda: a @ b}, device, 10)[""])
    copied = min(_seconds({"": lambda: target.copy_(source)}, device, 10)[""])
    return Ceilings(2 * size**3 / product / 1e12, 2 * source.nbytes / copied / 1e9)


def _models(config: GPTConfig, nanogpt: Path | None) -> dict[str, nn.Module]:
    from transformers import GPT2Config, GPT2LMHeadModel
    from transformers.utils import logging

    from gptcore.model import GPT
    from gptcore.pretrained.their_config import settings_of

    logging.set_verbosity_error()
    settings = settings_of(config)
    # Nothing ends a text early: all are to generate the same number of tokens.
    settings |= {"eos_token_id": None, "bos_token_id": None, "pad_token_id": 0}
    models: dict[str, Any] = {
        "gptcore": GPT(config),
        "huggingface": GPT2LMHeadModel(GPT2Config(**settings)),
    }
    if nanogpt is not None:
        theirs = _imported(nanogpt)
        with contextlib.redirect_stdout(sys.stderr):  # it prints its size
            settings = theirs.GPTConfig(**dataclasses.asdict(config))
            models["nanogpt"] = theirs.GPT(settings)
    return models


def _imported(nanogpt: Path) -> Any:
    """The module `model.py` of a checkout of nanoGPT."""
    path = nanogpt / "model.py"
    if not path.is_file():
        raise FileNotFoundError(
            f"{nanogpt} has no model.py; name a checkout of nanoGPT"
        )
    spec = importlib.util.spec_from_file_location("nanogpt_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def _train(
    work: Work,
    models: Mapping[str, nn.Module],
    device: torch.device,
    dtype: torch.dtype,
    ceilings: Ceilings,
) -> list[Result]:
    import torch

    from gptcore.verify import count_parameters

    config = work.config
    tokens = torch.randint(
        config.vocab_size, (work.batch, work.length + 1), device=device
    )
    steps = {
        name: _training_step(name, model.train(), tokens, dtype)
        for name, model in models.items()
    }
    seconds = _seconds(steps, device, work.repeats)
    results = []
    for name, step in steps.items():
        speed = work.batch * work.length / statistics.median(seconds[name])
        flops = flops_per_token(
            config, count_parameters(models["gptcore"]), work.length
        )
        tflops = speed * flops / 1e12
        share = tflops / ceilings.matmul_tflops
        held = 3 * _nbytes(models[name])  # the weights, and AdamW's two moments
        memory = _peak_memory(step, device, held)
        results.append(
            Result(work.name, "train", name, speed, tflops, share, memory)
        )
    for model in models.values():
        model.zero_grad()
    return results


def _training_step(
    name: str, model: nn.Module, tokens: Tensor, dtype: torch.dtype
) -> Run:
    """One step of AdamW. On CUDA in `dtype` by autocast, ours and nanoGPT's compiled."""
    import torch

    cuda = tokens.device.type == "cuda"
    idx, targets = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    called: Any = torch.compile(model) if cuda and name != "huggingface" else model

    def step() -> None:
        with torch.autocast(tokens.device.type, dtype, enabled=cuda):
            if name == "huggingface":  # which shifts the labels by itself
                loss = called(tokens[:, :-1], labels=tokens[:, :-1]).loss
            else:
                _, loss = called(idx, targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def _decode(
    work: Work,
    models: Mapping[str, Any],
    device: torch.device,
    dtype: torch.dtype,
    ceilings: Ceilings,
) -> list[Result]:
    """Greedy, one stream, from a prompt of ten tokens."""
    import torch

    from gptcore.decode import Decoder
    from gptcore.generate import generate_cached
    from gptcore.sampling import sampler
    from gptcore.verify import count_parameters

    config, new = work.config, work.new_tokens
    for model in models.values():
        model.to(dtype).eval()
    ours, theirs = models["gptcore"], models["huggingface"]
    idx = torch.randint(config.vocab_size, (1, 10), device=device)
    even = (10 + new + 63) // 64 * 64  # which attention's kernels like
    decoder = Decoder(ours, 1, min(config.block_size, even)).compile()
    greedy = sampler(temperature=0)
    runs: dict[str, Run] = {
        "gptcore": lambda: generate_cached(decoder, idx, new, greedy),
        "huggingface": lambda: theirs.generate(
            idx,
            attention_mask=torch.ones_like(idx),
            max_new_tokens=new,
            do_sample=False,
        ),
    }
    if "nanogpt" in models:
        nano = models["nanogpt"]
        runs["nanogpt"] = lambda: nano.generate(idx, new, top_k=1)
    seconds = _seconds(runs, device, work.repeats)
    needed = decode_bytes(
        config, count_parameters(ours), dtype.itemsize, 10 + new // 2
    )
    limit = ceilings.copy_gb_per_second * 1e9 / needed
    results = []
    for name, run in runs.items():
        speed = new / statistics.median(seconds[name])
        memory = _peak_memory(run, device, _nbytes(models[name]))
        results.append(
            Result(work.name, "decode", name, speed, None, speed / limit, memory)
        )
    return results


def _compared(results: list[Result]) -> list[Result]:
    """The same with how many times faster we are."""
    ours = next(r for r in results if r.code == "gptcore").tokens_per_second
    return [
        r
        if r.code == "gptcore"
        else dataclasses.replace(r, ratio=ours / r.tokens_per_second)
        for r in results
    ]


def _seconds(
    runs: Mapping[str, Run], device: torch.device, repeats: int
) -> dict[str, list[float]]:
    """Seconds of each run. They take turns, so that a busy machine is unfair to none."""
    import torch

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


def _peak_memory(run: Run, device: torch.device, held: int) -> int | None:
    """The most memory of the device that a run takes, beside what its model holds anyway."""
    from gptcore.measure import peak_bytes

    return held + peak_bytes(run, device) if device.type == "cuda" else None


def _nbytes(model: nn.Module) -> int:
    return sum(weight.nbytes for weight in model.parameters())


def show(measured: Bench) -> None:
    """Print what was measured as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for heading in ("model", "work", "code"):
        table.add_column(heading, no_wrap=True)
    for heading in ("tokens/s", "TFLOP/s", "of limit", "memory", "ratio"):
        table.add_column(heading, justify="right")
    for r in measured.results:
        table.add_row(
            r.work,
            r.what,
            r.code,
            f"{r.tokens_per_second:,.0f}",
            "" if r.tflops is None else f"{r.tflops:.3g}",
            f"{r.share:.1%}",
            "" if r.peak_memory is None else f"{r.peak_memory / 1e9:.1f} GB",
            "" if r.ratio is None else f"{r.ratio:.2f}",
        )
    console = Console()
    console.print(table)
    console.print(
        f"{measured.device}, {measured.threads} threads, {measured.dtype}, torch "
        f"{measured.torch}. Limits: training {measured.ceilings.matmul_tflops:.3g} TFLOP/s, as a "
        f"large matrix product; decoding {measured.ceilings.copy_gb_per_second:.4g} GB/s, as a "
        f"large copy. Ratio: our speed to theirs. Peak memory of the process: "
        f"{measured.process_peak_memory / 1e9:.1f} GB.",
        highlight=False,
    )


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m gptcore.bench",
        description="Measure training and generation beside the machine's ceilings, "
        "transformers and nanoGPT.",
    )
    parser.add_argument(
        "--nanogpt",
        type=Path,
        metavar="PATH",
        help="a checkout of nanoGPT to compare with",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the measurements there too"
    )
    parser.add_argument(
        "--quick", action="store_true", help="the debug model only, a few seconds"
    )
    given = parser.parse_args(arguments)
    import torch

    works = QUICK if given.quick else CUDA if torch.cuda.is_available() else CPU
    try:
        if given.json:
            try_place(given.json)  # now, and not after minutes
        measured = bench(works, given.nanogpt)
        show(measured)
        if given.json:
            text = json.dumps(dataclasses.asdict(measured), indent=2) + "\n"
            with replacing(given.json) as part:
                part.write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
