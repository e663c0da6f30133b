"""The benchmark measures what it says, by formulas that hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from gptcore import GPT, GPTConfig, KVCache
from gptcore.bench import QUICK, decode_bytes, flops_per_token, main
from gptcore.model import masked_attention

CONFIG = GPTConfig(block_size=64, vocab_size=257, n_layer=2, n_head=2, n_embd=64)

NANOGPT = """\
from dataclasses import dataclass
import torch
import gptcore

@dataclass
class GPTConfig:
    block_size: int = 1
    vocab_size: int = 1
    n_layer: int = 1
    n_head: int = 1
    n_embd: int = 1
    dropout: float = 0.0
    bias: bool = True

class GPT(gptcore.GPT):
    def __init__(self, config):
        print("number of parameters: 1M")
        super().__init__(gptcore.GPTConfig(**vars(config)))

    @torch.no_grad()
    def generate(self, idx, max_new_tokens, temperature=1.0, top_k=None):
        return super().generate(idx, max_new_tokens, temperature, top_k, use_cache=False)
"""


def test_training_flops_are_those_that_torch_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gptcore.model.flash_attention", masked_attention)  # which is counted
    model = GPT(CONFIG)
    idx = torch.zeros(3, 64, dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        _, loss = model(idx, idx)
        loss.backward()
    parameters = sum(weight.numel() for weight in model.parameters())
    expected = flops_per_token(CONFIG, parameters, 64) * idx.numel()
    assert counter.get_total_flops() == pytest.approx(expected, rel=0.02)  # biases, layer norms


def test_a_token_reads_the_weights_and_the_cache() -> None:
    config = GPTConfig.gpt2()
    with torch.device("meta"):
        model = GPT(config)
    parameters = sum(weight.numel() for weight in model.parameters())
    whole = decode_bytes(config, parameters, 2, config.block_size)
    alone = decode_bytes(config, parameters, 2, 0)
    assert whole - alone == KVCache(config, device="meta", dtype=torch.bfloat16).nbytes
    assert alone == 2 * (124_439_808 - 1024 * 768)


def test_a_quick_run_compares_all_three_and_writes_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.py").write_text(NANOGPT)
    file = tmp_path / "bench.json"
    assert main(["--quick", "--nanogpt", str(tmp_path), "--json", str(file)]) == 0
    measured = json.loads(file.read_text())
    done = [(r["work"], r["what"], r["code"]) for r in measured["results"]]
    codes = ("gptcore", "huggingface", "nanogpt")
    assert done == [("debug", what, code) for what in ("train", "decode") for code in codes]
    ceilings = measured["ceilings"]
    by_work = {(r["what"], r["code"]): r for r in measured["results"]}
    for (what, code), result in by_work.items():
        ours = by_work[what, "gptcore"]["tokens_per_second"]
        ratio = pytest.approx(ours / result["tokens_per_second"])
        assert result["ratio"] == (None if code == "gptcore" else ratio)
    train = by_work["train", "gptcore"]
    assert train["share"] == pytest.approx(train["tflops"] / ceilings["matmul_tflops"])
    parameters = sum(weight.numel() for weight in GPT(QUICK[0].config).parameters())
    flops = flops_per_token(QUICK[0].config, parameters, QUICK[0].length)
    assert train["tflops"] * 1e12 == pytest.approx(train["tokens_per_second"] * flops)
    decode = by_work["decode", "gptcore"]
    needed = decode_bytes(QUICK[0].config, parameters, 4, 10 + QUICK[0].new_tokens // 2)
    limit = ceilings["copy_gb_per_second"] * 1e9 / needed
    assert decode["share"] == pytest.approx(decode["tokens_per_second"] / limit)
    assert "nanogpt" in capsys.readouterr().out


def test_a_folder_without_nanogpt_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--quick", "--nanogpt", str(tmp_path)]) == 2
    assert "has no model.py; name a checkout of nanoGPT" in capsys.readouterr().err


def test_the_place_is_tried_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gptcore.bench.bench", lambda *given: pytest.fail("it was measured"))
    assert main(["--quick", "--json", str(tmp_path)]) == 2
    assert f"cannot write {tmp_path}: it is a folder" in capsys.readouterr().err
