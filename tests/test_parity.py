"""At full width our GPT and HuggingFace's GPT-2 are the same function.

At full depth too: test_pretrained.
"""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from gptcore import GPT, GPTConfig

# HuggingFace's Conv1D stores these as (in, out), nn.Linear as (out, in).
TRANSPOSED = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")


def converted(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: weight.t().contiguous() if name.endswith(TRANSPOSED) else weight.clone()
        for name, weight in weights.items()
    }


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(n_layer=2, attn_implementation="eager")).eval()
    for name, weight in model.named_parameters():
        if name.endswith("bias"):  # zero at first: a bias left out would not show
            nn.init.normal_(weight, std=0.02)
    return model


@pytest.fixture(scope="module")
def ours(theirs: nn.Module) -> GPT:
    model = GPT(GPTConfig(n_layer=2)).eval()
    model.load_state_dict(converted(theirs.state_dict()))
    return model


def difference(ours: nn.Module, theirs: nn.Module, length: int) -> float:
    idx = torch.randint(50257, (1, length), generator=torch.Generator().manual_seed(length))
    with torch.no_grad():
        return (ours(idx)[0] - theirs(idx).logits).abs().max().item()


@pytest.mark.parametrize("length", [1, 8, 1024])
def test_logits_agree_in_float32(ours: GPT, theirs: nn.Module, length: int) -> None:
    assert difference(ours, theirs, length) < 1e-5


def test_logits_agree_in_float64(ours: GPT, theirs: nn.Module) -> None:
    exact_ours, exact_theirs = copy.deepcopy(ours).double(), copy.deepcopy(theirs).double()
    for length in (1, 8, 64):
        assert difference(exact_ours, exact_theirs, length) < 1e-12, length


def test_cross_entropy_agrees(ours: GPT, theirs: nn.Module) -> None:
    idx = torch.randint(50257, (2, 9), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        _, loss = ours(idx[:, :-1], idx[:, 1:])
        theirs_loss = theirs(idx, labels=idx).loss
    torch.testing.assert_close(loss, theirs_loss)
