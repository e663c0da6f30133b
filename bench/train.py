"""`python -m bench.train NANOGPT`: our training loop beside nanoGPT's `train.py`, on this CPU.

Same shape of model, same text, same batch, one thread; seconds an update, without validation.
NANOGPT is the folder of a checkout of it.
"""

from __future__ import annotations

import argparse
import os
import pickle
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from gptcore import GPT
from gptcore.data import Batches, TokenDataset, play
from gptcore.profile import cpu
from gptcore.train import TrainConfig, train

STEPS, WARM = 80, 20
PROFILE = cpu()
CONFIG = replace(PROFILE.config, block_size=PROFILE.budget.block_size)
IDS = PROFILE.tokenizer().encode(play())


def main() -> int:
    """Measure both, in turns, and print the ratio."""
    parser = argparse.ArgumentParser(prog="python -m bench.train", description=main.__doc__)
    parser.add_argument("nanogpt", type=Path)
    folder = parser.parse_args().nanogpt
    torch.set_num_threads(1)
    rounds = [(ours(), theirs(folder)) for _ in range(3)]
    mine, other = (statistics.median(times) for times in zip(*rounds, strict=True))
    print(f"gptcore  {1 / mine:6.1f} updates/s")
    print(f"nanoGPT  {1 / other:6.1f} updates/s")
    print(f"ratio    {other / mine:6.2f}  (goal: at least 1.0)")
    return 0


def ours() -> float:
    """Median seconds of one of our updates."""
    torch.manual_seed(0)
    size = PROFILE.budget.batch_size
    batches = Batches(TokenDataset(IDS, CONFIG.block_size), size)
    plan = TrainConfig(STEPS, max_lr=1e-3, min_lr=1e-4, warmup_steps=10)
    events = list(train(GPT(CONFIG), batches, plan))
    tokens = size * CONFIG.block_size
    return statistics.median(tokens / event.tokens_per_second for event in events[WARM:])


def theirs(folder: Path) -> float:
    """Median seconds of one of nanoGPT's iterations, as it prints them."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary, "nanoGPT")
        shutil.copytree(folder, copy)
        data = copy / "data" / "bench"
        data.mkdir(parents=True)
        for name in ("train", "val"):
            np.array(IDS, dtype=np.uint16).tofile(data / f"{name}.bin")
        (data / "meta.pkl").write_bytes(_meta())
        options = {
            "dataset": "bench",
            "device": "cpu",
            "compile": False,
            "dtype": "float32",
            "bias": True,
            "gradient_accumulation_steps": 1,
            "batch_size": PROFILE.budget.batch_size,
            "block_size": CONFIG.block_size,
            "n_layer": CONFIG.n_layer,
            "n_head": CONFIG.n_head,
            "n_embd": CONFIG.n_embd,
            "max_iters": STEPS,
            "lr_decay_iters": STEPS,
            "warmup_iters": 10,
            "eval_iters": 1,
            "eval_interval": 10**6,
            "log_interval": 1,
        }
        done = subprocess.run(
            [sys.executable, "train.py", *(f"--{key}={value}" for key, value in options.items())],
            cwd=copy,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise SystemExit(f"nanoGPT's train.py failed: {done.stderr.strip().splitlines()[-1]}")
    times = [float(ms) / 1000 for ms in re.findall(r"time ([\d.]+)ms", done.stdout)]
    return statistics.median(times[WARM:])


def _meta() -> bytes:
    return pickle.dumps({"vocab_size": CONFIG.vocab_size})


if __name__ == "__main__":
    sys.exit(main())
