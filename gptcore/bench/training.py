"""Steps of AdamW on one batch, of all codes in turns."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gptcore.bench.ceilings import Run, peak_memory, seconds
from gptcore.bench.works import Ceilings, Result, Work, compared, flops_per_token
from gptcore.train import TrainConfig, prepared
from gptcore.verify import count_parameters


def trained(
    work: Work,
    models: Mapping[str, nn.Module],
    device: torch.device,
    dtype: torch.dtype,
    ceilings: Ceilings,
) -> tuple[Result, ...]:
    """Tokens a second of every model; of ours as `gptcore.train` trains it."""
    config = work.config
    tokens = torch.randint(
        config.vocab_size, (work.batch, work.length + 1), device=device
    )
    steps = {
        name: _step(name, model.train(), tokens, dtype)
        for name, model in models.items()
    }
    taken = seconds(steps, device, work.repeats)
    results = []
    for name, step in steps.items():
        speed = work.batch * work.length / statistics.median(taken[name])
        parameters = count_parameters(models["gptcore"])
        tflops = speed * flops_per_token(config, parameters, work.length) / 1e12
        share = tflops / ceilings.matmul_tflops
        # The weights, and AdamW's two moments.
        held = 3 * sum(weight.nbytes for weight in models[name].parameters())
        memory = peak_memory(step, device, held)
        results.append(
            Result(work.name, "train", name, speed, tflops, share, memory)
        )
    for model in models.values():
        model.zero_grad()
    return compared(results)


def _step(name: str, model: Any, tokens: Tensor, dtype: torch.dtype) -> Run:
    """One step of AdamW. On CUDA in `dtype` by autocast, ours and nanoGPT's compiled."""
    cuda = tokens.device.type == "cuda"
    idx, targets = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    called: Any = model
    if name == "gptcore":
        called = prepared(model, TrainConfig(max_steps=1, compile=cuda))
    elif cuda and name != "huggingface":
        called = torch.compile(model)

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
