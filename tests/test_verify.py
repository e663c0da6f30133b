"""The comparison in float64 convicts every mistake, also those that text and loss let pass."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from gptcore import GPT, GPTConfig
from gptcore.pretrained import from_weights
from gptcore.verify import verify

CONFIG = GPTConfig(block_size=32, vocab_size=97, n_layer=3, n_head=4, n_embd=32)


@pytest.fixture(scope="module")
def theirs() -> Any:
    torch.manual_seed(0)
    sizes = {"n_positions": 32, "vocab_size": 97, "n_layer": 3, "n_head": 4, "n_embd": 32}
    model = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=None, eos_token_id=None))
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.1)
    return model


@pytest.fixture
def ours(theirs: Any) -> GPT:
    return from_weights(theirs.state_dict(), CONFIG)


def test_the_same_weights_are_the_same_function(ours: GPT, theirs: Any) -> None:
    report = verify(ours, theirs)
    assert report.passed
    assert report.difference_float64 < 1e-12
    assert 0 < report.difference_float32 < 1e-4
    assert report.agreement == 1
    assert report.tied
    assert report.parameters == report.their_parameters == sum(ours.num_params().values()) / 2


def test_neither_model_is_changed(ours: GPT, theirs: Any) -> None:
    models, before = (ours, theirs), [copy.deepcopy(m.state_dict()) for m in (ours, theirs)]
    modes = [m.training for m in models]
    verify(ours, theirs)
    for model, state in zip(models, before, strict=True):
        for name, weight in model.state_dict().items():
            assert torch.equal(weight, state[name])
            assert weight.dtype == torch.float32
    assert [m.training for m in models] == modes


def untransposed(model: GPT) -> None:
    weight = model.transformer.h[2].attn.c_proj.weight
    weight.data = weight.data.t().contiguous()


def swapped(model: GPT) -> None:
    weight = model.transformer.h[0].attn.c_attn.weight
    q, k, v = weight.data.chunk(3)
    weight.data = torch.cat((k, q, v))


def exact_gelu(model: GPT) -> None:
    for block in model.transformer.h:
        block.mlp.gelu = nn.GELU()


def untied(model: GPT) -> None:
    model.lm_head.weight = nn.Parameter(model.lm_head.weight.detach().clone())


MISTAKES: dict[str, Callable[[GPT], object]] = {
    "c_proj of the last layer untransposed": untransposed,
    "queries and keys swapped": swapped,
    "exact GELU": exact_gelu,
    "a bias left out": lambda m: m.transformer.h[0].attn.c_attn.bias.data.zero_(),
    "positions shifted": lambda m: m.transformer.wpe.weight.data.copy_(
        m.transformer.wpe.weight.data.roll(1, 0)
    ),
    "another epsilon": lambda m: setattr(m.transformer.ln_f, "eps", 1e-6),
    "untied": untied,
    "not a number": lambda m: m.transformer.ln_f.bias.data[0].fill_(torch.nan),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_does_not_pass(ours: GPT, theirs: Any, mistake: Callable[[GPT], object]) -> None:
    mistake(ours)
    assert not verify(ours, theirs).passed


def test_the_report_shows_its_findings(ours: GPT, theirs: Any) -> None:
    report = verify(ours, theirs)
    parameters = f"{report.parameters:,}"
    for shown in (str(report), report._repr_html_()):
        assert parameters in shown
        assert "difference in float64" in shown
        assert "100.0%" in shown
    exact_gelu(ours)
    assert "NO" in str(verify(ours, theirs))


def test_the_tokens_may_be_given(ours: GPT, theirs: Any) -> None:
    ours.transformer.wpe.weight.data[31] += 1  # a place that 3 tokens do not reach
    assert verify(ours, theirs, torch.tensor([[1, 2, 3], [4, 5, 6]])).passed
    assert not verify(ours, theirs).passed


FINDINGS = [
    {"tied": False},
    {"parameters": 1},
    {"difference_float64": 1e-9},
    {"difference_float64": math.nan},
]


@pytest.mark.parametrize("found", FINDINGS, ids=str)
def test_each_finding_alone_convicts(ours: GPT, theirs: Any, found: dict[str, Any]) -> None:
    report = dataclasses.replace(verify(ours, theirs), largest_logit=1.0)
    assert report.passed
    assert not dataclasses.replace(report, **found).passed


def test_the_tolerance_is_of_the_largest_logit(ours: GPT, theirs: Any) -> None:
    report = dataclasses.replace(verify(ours, theirs), difference_float64=5e-12)
    assert dataclasses.replace(report, largest_logit=10.0).passed
    assert not dataclasses.replace(report, largest_logit=1.0).passed


def test_agreement_falls_where_texts_part(ours: GPT, theirs: Any) -> None:
    ours.transformer.h[0].ln_1.weight.data.mul_(-3)
    assert verify(ours, theirs).agreement < 1
