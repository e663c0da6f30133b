"""The benchmark measures what it says, by formulas that hold."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from gptcore import GPT, GPTConfig, KVCache
from gptcore.bench import QUICK, __main__, decode_bytes, flops_per_token
from gptcore.bench.__main__ import main
from gptcore.bench.decoding import decoded
from gptcore.bench.models import nanogpt_otherwise, ours_and_theirs, their_nanogpt
from gptcore.bench.training import trained
from gptcore.bench.works import Ceilings
from gptcore.model import masked_attention
from gptcore.train import TrainConfig

CONFIG = GPTConfig(block_size=64, vocab_size=257, n_layer=2, n_head=2, n_embd=64)

NANOGPT = """\
from dataclasses import dataclass
import torch
import gptcore

@dataclass
class GPTConfig:
    # Its own GELU is the exact one.
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
        for block in self.transformer.h:
            block.mlp.gelu = torch.nn.GELU()

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


def test_many_streams_read_the_weights_once_and_a_cache_each() -> None:
    one, many = (decode_bytes(CONFIG, 10**6, 2, 30, streams) for streams in (1, 5))
    assert many - one == 4 * KVCache(CONFIG, max_length=30, dtype=torch.bfloat16).nbytes


ALONE = ("gptcore", "huggingface", "nanogpt")
TRAINED = (*ALONE, "nanogpt, tanh GELU", "nanogpt, 320 ids")


def test_a_quick_run_compares_all_and_writes_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.py").write_text(NANOGPT)
    file = tmp_path / "bench.json"
    assert main(["--quick", "--nanogpt", str(tmp_path), "--json", str(file)]) == 0
    measured = json.loads(file.read_text())
    done = [(r["work"], r["what"], r["code"]) for r in measured["results"]]
    asked = {"train": TRAINED, "decode": ALONE, "batch": ALONE}
    assert done == [("debug", what, code) for what, codes in asked.items() for code in codes]
    ceilings = measured["ceilings"]
    assert all(value > 0 for value in ceilings.values())
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
    out = capsys.readouterr().out
    assert all(code in out for code in TRAINED)
    assert "Not measured: a GPU (torch finds no CUDA here); GPT-2 small (--quick)." in out
    assert measured["date"] in out


@pytest.mark.parametrize("streams", [1, 4])
def test_the_limit_of_decoding_is_to_read_what_a_token_needs(
    streams: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def reading(nbytes: int, *_: object) -> float:
        read.append(nbytes)
        return 1e-3

    monkeypatch.setattr("gptcore.bench.decoding.reading", reading)
    models = ours_and_theirs(QUICK[0].config, None)
    device = torch.device("cpu")
    results = decoded(QUICK[0], models, device, torch.float32, Ceilings(1, 1, 1e-9), streams)
    parameters = sum(weight.numel() for weight in models["gptcore"].parameters())
    length = 10 + QUICK[0].new_tokens // 2
    assert read == [decode_bytes(QUICK[0].config, parameters, 4, length, streams)]
    for result in results:
        assert result.share == pytest.approx(result.tokens_per_second / streams * 1e-3)


def test_the_same_function_is_compared_too(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(NANOGPT)
    as_it_comes = their_nanogpt(CONFIG, tmp_path)
    others = nanogpt_otherwise(CONFIG, tmp_path)
    forms = [
        {m.approximate for m in model.modules() if isinstance(m, torch.nn.GELU)}
        for model in (as_it_comes, *others.values())
    ]
    assert forms == [{"none"}, {"tanh"}, {"none"}]
    assert [model.config.vocab_size for model in others.values()] == [257, 320]


def test_only_what_is_asked_for_is_measured_and_the_rest_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bench.json"
    assert main(["--quick", "--only", "decode", "--json", str(file)]) == 0
    measured = json.loads(file.read_text())
    assert {r["what"] for r in measured["results"]} == {"decode"}
    told = capsys.readouterr().out.rpartition("Not measured: ")[2]
    assert told.startswith("train (--only); batch (--only); nanoGPT (name a checkout of it")
    with pytest.raises(SystemExit) as end:
        main(["--only", "decode,dance"])
    assert end.value.code == 2
    assert "'dance' is none of train, decode, batch" in capsys.readouterr().err


def test_results_come_one_after_the_other_and_what_came_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bench.json"
    seen: list[int] = []
    original = __main__.replacing

    def interrupting(path: Path) -> Any:
        if seen:
            raise KeyboardInterrupt
        seen.append(1)
        return original(path)

    monkeypatch.setattr(__main__, "replacing", interrupting)
    assert main(["--quick", "--only", "decode,batch", "--json", str(file)]) == 130
    measured = json.loads(file.read_text())
    assert {r["what"] for r in measured["results"]} == {"decode"}
    assert f"interrupted; {file} has what came before" in capsys.readouterr().err


@pytest.mark.parametrize("given", [None, "/elsewhere"])
def test_kernels_are_kept_for_the_next_run(
    given: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    seen = {}
    for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"):
        monkeypatch.setenv(name, given or "")
        if given is None:
            monkeypatch.delenv(name)

    def bench(*_: Any) -> Any:
        seen.update(os.environ)
        raise OSError("enough")

    monkeypatch.setattr(__main__, "bench", bench)
    assert main([]) == 2
    expected = given or f"{tmp_path}/gptcore/kernels/inductor"
    assert seen["TORCHINDUCTOR_CACHE_DIR"] == expected


def test_a_folder_without_nanogpt_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--quick", "--nanogpt", str(tmp_path)]) == 2
    assert "has no model.py; name a checkout of nanoGPT" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def", "model.py cannot be imported: SyntaxError: invalid syntax (model.py, line 1)"),
        ("raise OSError('one\\ntwo')", "model.py cannot be imported: OSError: one"),
        ("class GPT: ...", "model.py has no GPTConfig; name a checkout of nanoGPT"),
    ],
)
def test_a_model_py_that_is_not_nanogpt_s_is_refused(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.py").write_text(text)
    assert main(["--quick", "--nanogpt", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path}/{said}\n"


def test_no_model_is_made_that_is_not_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.py").write_text(NANOGPT)
    assert main(["--quick", "--only", "decode", "--nanogpt", str(tmp_path)]) == 0
    assert capsys.readouterr().err.count("number of parameters") == 1


def test_ours_is_trained_as_gptcore_trains_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def preparing(model: Any, plan: TrainConfig) -> Any:
        asked.append((model, plan.compile))
        return model

    monkeypatch.setattr("gptcore.bench.training.prepared", preparing)
    models = ours_and_theirs(QUICK[0].config, None)
    trained(QUICK[0], models, torch.device("cpu"), torch.float32, Ceilings(1, 1, 1))
    assert asked == [(models["gptcore"], False)]


def test_the_place_is_tried_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(__main__, "bench", lambda *given: pytest.fail("it was measured"))
    assert main(["--quick", "--json", str(tmp_path)]) == 2
    assert f"cannot write {tmp_path}: it is a folder" in capsys.readouterr().err
