"""Greedy text from prompts of ten tokens, of all codes in turns."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch

from gptcore.bench.ceilings import Run, peak_memory, reading, seconds
from gptcore.bench.works import Ceilings, Result, Work, compared, decode_bytes
from gptcore.decode import Decoder
from gptcore.generate import generate_cached
from gptcore.sampling import sampler
from gptcore.verify import count_parameters


def decoded(
    work: Work,
    models: Mapping[str, Any],
    device: torch.device,
    dtype: torch.dtype,
    ceilings: Ceilings,
    streams: int = 1,
) -> tuple[Result, ...]:
    """Tokens a second of all streams together, of every model in `dtype`."""
    config, new = work.config, work.new_tokens
    for model in models.values():
        model.to(dtype).eval()
    runs = _runs(work, models, device, streams)
    taken = seconds(runs, device, work.repeats)
    needed = decode_bytes(
        config,
        count_parameters(models["gptcore"]),
        dtype.itemsize,
        10 + new // 2,
        streams,
    )
    # As fast as so many bytes are read, or, for a few on a GPU, as many more would be.
    fastest = min(
        reading(needed, device, dtype), needed / ceilings.read_gb_per_second / 1e9
    )
    results = []
    for name, run in runs.items():
        speed = streams * new / statistics.median(taken[name])
        model = models[name.partition(",")[0]]
        held = sum(weight.nbytes for weight in model.parameters())
        memory = peak_memory(run, device, held)
        share = speed * fastest / streams
        what = "decode" if streams == 1 else "batch"
        results.append(Result(work.name, what, name, speed, None, share, memory))
    return compared(results)


def _runs(
    work: Work, models: Mapping[str, Any], device: torch.device, streams: int
) -> dict[str, Run]:
    config, new = work.config, work.new_tokens
    idx = torch.randint(config.vocab_size, (streams, 10), device=device)
    even = (10 + new + 63) // 64 * 64  # which attention's kernels like
    length = min(config.block_size, even)
    ours = models["gptcore"]
    decoders = {"gptcore": Decoder(ours, streams, length).compile()}
    if device.type == "cuda" and find_spec("triton"):
        from gptcore.fused import fuse  # which needs it

        decoders["gptcore, fused"] = fuse(Decoder(ours, streams, length))
    greedy = sampler(temperature=0)
    theirs = models["huggingface"]
    runs: dict[str, Run] = {
        name: partial(generate_cached, decoder, idx, new, greedy)
        for name, decoder in decoders.items()
    }
    runs["huggingface"] = lambda: theirs.generate(
        idx,
        attention_mask=torch.ones_like(idx),
        max_new_tokens=new,
        do_sample=False,
    )
    if "nanogpt" in models:
        nano = models["nanogpt"]
        runs["nanogpt"] = lambda: nano.generate(idx, new, top_k=1)
    return runs
