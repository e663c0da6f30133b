"""The GPT that learners build: sizes, names, initialization, causality, refusals."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor, nn

from gptcore import GPT, Block, CausalSelfAttention, GPTConfig, Head, MultiHeadAttention
from gptcore.measure import residual_std
from gptcore.model import flash_attention, masked_attention
from gptcore.profile import active
from gptcore.tokenizer import byte_tokenizer, decode

DEBUG = GPTConfig.debug()


@pytest.fixture(scope="module")
def model() -> GPT:
    torch.manual_seed(0)
    return GPT(DEBUG)


@pytest.fixture(scope="module")
def gpt2() -> GPT:
    torch.manual_seed(0)
    return GPT(GPTConfig.gpt2())


def ids(*shape: int, vocab_size: int = 257) -> Tensor:
    return torch.randint(vocab_size, shape, generator=torch.Generator().manual_seed(1))


# What it consists of


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("gpt2", 124_439_808),
        ("gpt2-medium", 354_823_168),
        ("gpt2-large", 774_030_080),
        ("openai-community/gpt2-xl", 1_557_611_200),
    ],
)
def test_each_size_has_the_published_number_of_parameters(name: str, total: int) -> None:
    with torch.device("meta"):
        counts = GPT(GPTConfig.named(name)).num_params()
    assert counts.pop("total") == total
    assert sum(counts.values()) == total


def test_gpt2_parameters_by_component() -> None:
    with torch.device("meta"):
        counts = GPT(GPTConfig.gpt2()).num_params()
    assert counts == {
        "token embeddings": 38_597_376,
        "position embeddings": 786_432,
        "attention": 28_348_416,
        "feed-forward": 56_669_184,
        "layer norms": 38_400,
        "total": 124_439_808,
    }


def test_no_bias_leaves_none(model: GPT) -> None:
    bare = GPT(dataclasses.replace(DEBUG, bias=False))
    assert not [name for name, _ in bare.named_parameters() if name.endswith("bias")]
    assert bare(ids(1, 3))[0].shape == (1, 3, 257)


def test_five_pytorch_classes_are_all_it_takes(model: GPT) -> None:
    leaves = {type(part) for part in model.modules() if not list(part.children())}
    assert leaves == {nn.Linear, nn.Embedding, nn.LayerNorm, nn.GELU, nn.Dropout}


def test_output_and_token_embedding_are_one_tensor(model: GPT) -> None:
    assert model.lm_head.weight.data_ptr() == model.transformer.wte.weight.data_ptr()


def test_state_dict_names_are_gpt2s(gpt2: GPT) -> None:
    names = list(gpt2.state_dict())
    assert len(names) == 149  # both names of the tied matrix, no mask buffer
    assert len(list(gpt2.parameters())) == 148
    layer = [name.removeprefix("transformer.h.11.") for name in names if ".h.11." in name]
    assert layer == [
        f"{part}.{kind}"
        for part in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
        for kind in ("weight", "bias")
    ]


def test_mask_of_a_head_is_not_saved() -> None:
    head = Head(DEBUG, 32)
    assert "mask" in dict(head.named_buffers())
    assert "mask" not in head.state_dict()


# Initialization


def test_weights_start_as_gpt2s(gpt2: GPT) -> None:
    for name, weight in gpt2.named_parameters():
        if name.endswith("bias"):
            assert not weight.any(), name
        elif "ln_" in name:
            assert (weight == 1).all(), name
        else:
            std = 0.02 / math.sqrt(24) if "c_proj" in name else 0.02
            assert weight.std().item() == pytest.approx(std, rel=0.01), name
            assert abs(weight.mean().item()) < std / 100, name


def test_untrained_loss_is_near_that_of_a_uniform_guess(gpt2: GPT) -> None:
    tokens = ids(2, 65, vocab_size=50257)
    with torch.no_grad():
        _, loss = gpt2(tokens[:, :-1], tokens[:, 1:])
    # Logits are then about normal with this variance, which adds half of it to ln(V).
    variance = 768 * 0.02**2
    assert loss.item() == pytest.approx(math.log(50257) + variance / 2, abs=0.1)


def test_residual_std_grows_less_with_scaled_projections(model: GPT) -> None:
    stds = residual_std(model, ids(2, 64))
    assert len(stds) == DEBUG.n_layer + 1
    assert stds[0] == pytest.approx(0.02 * math.sqrt(2), rel=0.1)
    for name, weight in (plain := GPT(DEBUG)).named_parameters():
        if name.endswith("c_proj.weight"):
            nn.init.normal_(weight, std=0.02)
    assert residual_std(plain, ids(2, 64))[-1] > 1.5 * stds[-1]
    assert not any(part._forward_hooks for part in model.modules())


# What it computes


def test_both_attentions_agree() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 4, 37, 16, dtype=torch.float64)
    torch.testing.assert_close(masked_attention(q, k, v), flash_attention(q, k, v))


def test_batched_heads_are_the_loop_over_heads() -> None:
    torch.manual_seed(0)
    loop, batched = MultiHeadAttention(DEBUG).double(), CausalSelfAttention(DEBUG).double()
    parts = [getattr(head, name) for name in ("query", "key", "value") for head in loop.heads]
    batched.c_attn.weight.data = torch.cat([part.weight for part in parts])
    batched.c_attn.bias.data = torch.cat([part.bias for part in parts])
    batched.c_proj.load_state_dict(loop.c_proj.state_dict())
    x = torch.randn(2, 50, DEBUG.n_embd, dtype=torch.float64)
    torch.testing.assert_close(loop(x), batched(x))


@pytest.mark.parametrize("part", [MultiHeadAttention, CausalSelfAttention, Block])
def test_a_part_keeps_the_shape_of_the_stream(part: type[nn.Module]) -> None:
    x = torch.randn(2, 5, DEBUG.n_embd)
    assert part(DEBUG)(x).shape == x.shape


def test_no_token_sees_its_future(model: GPT) -> None:
    before = ids(1, 20)
    after = before.clone()
    after[0, 12] = (after[0, 12] + 1) % 257
    with torch.no_grad():
        difference = (model(before)[0] - model(after)[0]).abs().amax(dim=-1)[0]
    assert not difference[:12].any()
    assert (difference[12:] > 0).all()


@pytest.mark.parametrize(
    "place",
    [
        "transformer.drop",
        "transformer.h.0.attn",
        "transformer.h.0.attn.dropout",
        "transformer.h.0.mlp.dropout",
    ],
)
def test_each_dropout_acts_and_in_training_only(place: str) -> None:
    torch.manual_seed(0)
    model, tokens = GPT(DEBUG), ids(1, 20)
    part = model.get_submodule(place)
    setattr(part, "dropout_p" if place.endswith("attn") else "p", 0.3)
    assert not torch.equal(model(tokens)[0], model(tokens)[0])
    model.eval()
    assert torch.equal(model(tokens)[0], model(tokens)[0])


def test_loss_is_the_mean_over_counted_targets(model: GPT) -> None:
    tokens, targets = ids(2, 8), ids(2, 8)
    targets[:, 4:] = -100
    with torch.no_grad():
        logits, loss = model(tokens, targets)
    chances = logits[:, :4].log_softmax(-1).gather(-1, targets[:, :4, None])
    torch.testing.assert_close(loss, -chances.mean())


# Refusals: what is wrong, and what would be right


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_embd": 100}, "n_embd 100 is not divisible by n_head 12; use e.g. 96 or 108"),
        ({"n_embd": 8}, "n_embd 8 is not divisible by n_head 12; use e.g. 12"),
        ({"n_layer": 0}, "n_layer 0 is no count; use a whole number from 1 up"),
        ({"block_size": -1}, "block_size -1 is no count; use a whole number from 1 up"),
        ({"vocab_size": 50257.0}, "vocab_size 50257.0 is no count; use a whole number from 1 up"),
        ({"n_head": True}, "n_head True is no count; use a whole number from 1 up"),
        ({"n_embd": "768"}, "n_embd '768' is no count; use a whole number from 1 up"),
        ({"dropout": 1.0}, "dropout 1.0 is no probability; use 0 to below 1"),
        ({"dropout": -0.1}, "dropout -0.1 is no probability; use 0 to below 1"),
        ({"dropout": math.nan}, "dropout nan is no probability; use 0 to below 1"),
        ({"bias": None}, "bias None is neither True nor False"),
    ],
)
def test_config_refuses(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011
        GPTConfig(**wrong)  # type: ignore[arg-type]
    assert str(error.value) == message


def test_config_refuses_an_unknown_name() -> None:
    with pytest.raises(ValueError, match="the names are gpt2, gpt2-medium, gpt2-large, gpt2-xl"):
        GPTConfig.named("gpt3")


@pytest.mark.parametrize(
    ("idx", "targets", "error", "message"),
    [
        ([[1, 2]], None, TypeError, "idx is a list; pass a tensor of token ids, (B, T)"),
        (
            torch.zeros(1, 2),
            None,
            TypeError,
            "idx has dtype torch.float32; token ids are torch.int64",
        ),
        (
            ids(3),
            None,
            ValueError,
            "idx has shape (3,); expected (B, T); idx[None] makes a batch of one",
        ),
        (ids(1, 2, 3), None, ValueError, "idx has shape (1, 2, 3); expected (B, T)"),
        (
            ids(1, 0),
            None,
            ValueError,
            "idx has shape (1, 0) and holds no token; pass at least one",
        ),
        (
            ids(1, 129),
            None,
            ValueError,
            "idx holds 129 tokens, but block_size is 128; crop it: idx[:, -128:]",
        ),
        (
            ids(1, 4),
            ids(1, 3),
            ValueError,
            "targets have shape (1, 3), idx (1, 4); each token needs one target",
        ),
        (
            ids(1, 4),
            ids(1, 4).int(),
            TypeError,
            "targets have dtype torch.int32; cross-entropy needs torch.int64",
        ),
    ],
)
def test_forward_refuses(
    model: GPT, idx: Tensor, targets: Tensor | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as raised:
        model(idx, targets)
    assert str(raised.value) == message


# Tokenizers and profiles


def test_bytes_go_there_and_back() -> None:
    tokenizer = byte_tokenizer()
    text = "Zoë says:\n\t“naïve” 🙂\r\n"
    assert tokenizer.encode(text) == list(text.encode())
    assert decode(tokenizer, torch.tensor(tokenizer.encode(text))) == text
    assert tokenizer.encode("<|endoftext|>", allowed_special="all") == [256]


def test_any_ids_decode_and_unknown_ones_are_named() -> None:
    assert decode(byte_tokenizer(), [65, 200, 66]) == "A\ufffdB"
    with pytest.raises(ValueError, match="id 257 is not in tokenizer 'bytes', which has 0 to 256"):
        decode(byte_tokenizer(), [65, 257])


def test_profile_cpu_fits_its_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LESSON_PROFILE", "cpu")
    profile = active()
    assert (profile.name, profile.config, profile.dtype) == ("cpu", DEBUG, torch.float32)
    assert profile.tokenizer().n_vocab == profile.config.vocab_size


def test_profile_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LESSON_PROFILE", "tpu")
    with pytest.raises(ValueError, match="LESSON_PROFILE is 'tpu'; use cpu or gpu"):
        active()
    monkeypatch.setenv("LESSON_PROFILE", "gpu")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(RuntimeError, match="needs a CUDA GPU"):
        active()
