"""A model in 8 bits: near to what it was, as small as it says, whole in its file."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gptcore import GPT, GPTConfig
from gptcore.quantize import Quantized, WeightsFile, quantized

CONFIG = GPTConfig(block_size=9, vocab_size=13, n_layer=2, n_head=3, n_embd=15, dropout=0.1)


@pytest.fixture
def model() -> GPT:
    torch.manual_seed(0)
    return GPT(CONFIG)


def test_each_number_is_off_by_half_a_step_at_most(model: GPT) -> None:
    for name, rows in quantized(model).matrices.items():
        weight = model.get_parameter(name).detach()
        assert rows.numbers.dtype == torch.int8
        assert (rows.numbers.abs().amax(dim=1) == 127).all()
        off = (rows.matrix() - weight).abs()
        assert (off <= 0.5001 * rows.steps[:, None]).all()


def test_a_row_of_zeros_stays_one(model: GPT) -> None:
    model.transformer.wpe.weight.data[3] = 0
    rows = quantized(model).matrices["transformer.wpe.weight"]
    assert not rows.matrix()[3].any()


def test_a_model_of_them_is_like_the_one_they_came_from(model: GPT) -> None:
    model.transformer.h[0].ln_1.bias.data += 0.25
    again = quantized(model).model()
    idx = torch.arange(9)[None]
    assert again.config == CONFIG
    assert not again.training
    assert again.lm_head.weight is again.transformer.wte.weight
    assert torch.equal(again.transformer.h[0].ln_1.bias, model.transformer.h[0].ln_1.bias)
    torch.testing.assert_close(again(idx)[0], model.eval()(idx)[0], atol=5e-3, rtol=0)


def test_the_model_stays_as_it_is_and_what_is_kept_too(model: GPT) -> None:
    kept, before = quantized(model), [weight.clone() for weight in model.parameters()]
    assert all(map(torch.equal, model.parameters(), before))
    assert model.training
    vectors = {name: vector.clone() for name, vector in kept.vectors.items()}
    for weight in model.parameters():
        weight.data += 1
    assert all(torch.equal(kept.vectors[name], vector) for name, vector in vectors.items())


def test_it_takes_a_byte_for_each_number_of_a_matrix_and_four_for_each_row(model: GPT) -> None:
    kept = quantized(model)
    matrices = [weight for weight in model.parameters() if weight.dim() == 2]
    vectors = [weight for weight in model.parameters() if weight.dim() == 1]
    expected = sum(weight.numel() + 4 * len(weight) for weight in matrices)
    assert kept.nbytes == expected + sum(4 * weight.numel() for weight in vectors)


def header_and_numbers(data: bytes) -> tuple[dict[str, object], bytes]:
    end = 4 + int.from_bytes(data[:4], "little")
    return json.loads(data[4:end]), data[end:]


def test_a_file_holds_all_of_it_where_its_header_says(model: GPT) -> None:
    kept = quantized(model)
    data = WeightsFile("a model", kept).to_bytes()
    header, numbers = header_and_numbers(data)
    assert GPTConfig(**header["config"]) == CONFIG  # type: ignore[arg-type]
    assert (len(data) - len(numbers)) % 4 == 0
    described = header["weights"]
    assert isinstance(described, dict)
    assert described.keys() == kept.matrices.keys() | kept.vectors.keys()

    def read(kind: type, start: int, shape: list[int]) -> np.ndarray:
        assert start % 4 == 0
        return np.frombuffer(numbers, kind, int(np.prod(shape)), start).reshape(shape)

    for name, rows in kept.matrices.items():
        said = described[name]
        shape = said["shape"]
        assert (read(np.int8, said["numbers"], shape) == rows.numbers.numpy()).all()
        assert (read(np.float32, said["steps"], shape[:1]) == rows.steps.numpy()).all()
    for name, vector in kept.vectors.items():
        said = described[name]
        assert (read(np.float32, said["values"], said["shape"]) == vector.numpy()).all()
    padding = len(numbers) - kept.nbytes
    assert 0 <= padding < 4 * len(described)


def test_a_notebook_gets_the_file_under_its_title(model: GPT) -> None:
    file = WeightsFile("after 5 updates", quantized(model))
    shown = file._repr_mimebundle_()
    assert shown["text/plain"] == repr(file) == "after 5 updates"
    assert base64.b64decode(shown["application/octet-stream"]) == file.to_bytes()


class Wrapper(nn.Module):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module


def test_a_wrapped_model_is_taken_as_what_is_within(model: GPT) -> None:
    def written(kept: Quantized) -> bytes:
        return WeightsFile("", kept).to_bytes()

    for wrapped in (torch.compile(model, backend="eager"), Wrapper(model)):
        assert written(quantized(wrapped)) == written(quantized(model))  # type: ignore[arg-type]


def test_an_untied_head_is_refused_and_not_lost(model: GPT) -> None:
    model.lm_head.weight = nn.Parameter(model.lm_head.weight.detach() * 2)
    with pytest.raises(ValueError, match=r"lm_head\.weight is not tied to transformer\.wte"):
        quantized(model)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda m: setattr(m, "lm_head", nn.Sequential(nn.Tanh(), m.lm_head)),
            r"lm_head\.weight is missing, and in GPT with this config \(",
        ),
        (
            lambda m: setattr(m.transformer, "ln_f", nn.RMSNorm(m.config.n_embd)),
            r"ln_f\.bias is missing",
        ),
        (
            lambda m: m.register_parameter("gain", nn.Parameter(torch.ones(2))),
            r"gain is \(2,\), and in GPT with this config not there",
        ),
    ],
)
def test_a_model_of_other_weights_is_refused_by_name(
    model: GPT, change: Callable[[Any], object], said: str
) -> None:
    change(model)
    with pytest.raises(ValueError, match=said):
        quantized(model)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: setattr(m.transformer.h[0].mlp, "gelu", nn.ReLU()),
        lambda m: setattr(m.transformer.h[1].attn, "n_head", 5),
        lambda m: m.transformer.h[0].register_forward_hook(lambda _, __, made: 2 * made),
    ],
)
def test_a_model_that_computes_otherwise_is_refused(
    model: GPT, change: Callable[[Any], object]
) -> None:
    for weight in model.parameters():
        weight.data *= 4
    change(model)
    with pytest.raises(ValueError, match="computes something else than GPT with its weights"):
        quantized(model)


def test_weights_that_are_no_numbers_are_refused_by_name(model: GPT) -> None:
    model.transformer.h[0].mlp.c_fc.weight.data[3, 1] = torch.nan
    with pytest.raises(ValueError, match=r"h\.0\.mlp\.c_fc\.weight holds nan or inf"):
        quantized(model)


def test_a_model_of_a_lesson_is_taken_if_it_computes_the_same(model: GPT) -> None:
    class Mine(GPT):
        def forward(self, idx: Any, targets: Any = None) -> Any:
            return super().forward(idx, targets)

    mine = Mine(CONFIG)
    mine.load_state_dict(model.state_dict())
    assert quantized(mine).matrices.keys() == quantized(model).matrices.keys()
