"""A fused step computes what the plain one does. Interpreted, it is slow, and needs no GPU.

With Triton 3.9, say: that of 3.6 can't interpret a loop's bounds beside the newest NumPy.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch
from torch import Tensor

from gptcore import GPT, GPTConfig
from gptcore.decode import Decoder
from gptcore.generate import generate_cached
from gptcore.sampling import sampler

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cuda" if torch.cuda.is_available() and not INTERPRETED else "cpu"
REASON = (
    "needs Triton, which torch brings where it knows CUDA"
    if find_spec("triton") is None
    else ""
    if INTERPRETED or DEVICE == "cuda"
    else "needs a CUDA GPU, or TRITON_INTERPRET=1 from the beginning"
)
needs_triton = pytest.mark.skipif(bool(REASON), reason=REASON)
if not REASON:
    from gptcore.fused import fuse

# n_embd, n_head, vocab_size, bias: head sizes from 16 to 64, and what is no power of two.
SHAPES = [(96, 6, 101, True), (96, 3, 257, False), (128, 2, 64, True), (72, 3, 33, False)]


def built(
    n_embd: int, n_head: int, vocab_size: int, bias: bool, block_size: int = 64, n_layer: int = 2
) -> GPT:
    torch.manual_seed(n_embd + n_head)
    model = GPT(GPTConfig(block_size, vocab_size, n_layer, n_head, n_embd, bias=bias))
    for weight in model.parameters():  # biases and gains that matter, and text that depends on them
        weight.data += 0.05 * torch.randn_like(weight)
    return model.to(DEVICE).eval()


def ids(model: GPT, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randint(model.config.vocab_size, shape, generator=generator).to(DEVICE)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few programs with much to do each, which the interpreter computes one after the other."""
    if INTERPRETED:
        monkeypatch.setattr("gptcore.fused.ONE", 128)
        monkeypatch.setattr("gptcore.fused.PROGRAMS", 1)


def both(
    model: GPT, prompts: Tensor, starts: list[int] | None, steps: int, room: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Logits of each step and at last the cache, as the plain step gives them and the fused."""
    plain, fused = (Decoder(model, len(prompts), room) for _ in range(2))
    fuse(fused)
    given = None if starts is None else torch.tensor(starts, device=DEVICE)
    for decoder in (plain, fused):
        decoder.read(prompts, given)
    tokens = ids(model, steps, len(prompts), 1)
    texts = [[d.step(token).clone() for token in tokens] for d in (plain, fused)]
    for decoder, text in zip((plain, fused), texts, strict=True):
        text += [decoder.cache.keys, decoder.cache.values]
    return texts[0], texts[1]


def assert_equal_in_float32(plain: list[Tensor], fused: list[Tensor]) -> None:
    for one, other in zip(plain, fused, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-5, atol=4e-6)


@needs_triton
@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("starts", [[0], [3], None, [2, 0, 4]], ids=str)
def test_logits_and_cache_are_those_of_the_plain_step(
    shape: tuple[int, int, int, bool], starts: list[int] | None
) -> None:
    model = built(*shape)
    prompts = ids(model, 2 if starts is None else len(starts), 5)
    assert_equal_in_float32(*both(model, prompts, starts, steps=3, room=37))


@needs_triton
@pytest.mark.parametrize("batch", [1, 2])
def test_at_the_width_of_gpt2(batch: int) -> None:
    model = built(768, 12, 301, True, n_layer=1)
    assert_equal_in_float32(*both(model, ids(model, batch, 4), None, steps=1, room=9))


@needs_triton
@pytest.mark.usefixtures("large")
def test_more_sequences_than_one_program_takes() -> None:
    model = built(32, 2, 19, True, n_layer=1)
    starts = [n % 4 for n in range(37)]
    assert_equal_in_float32(*both(model, ids(model, 37, 4), starts, steps=2, room=7))


@needs_triton
@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("starts", [[0], [131], [5, 127]], ids=str)
def test_a_text_longer_than_what_attention_reads_at_once(starts: list[int]) -> None:
    model = built(48, 3, 19, True, n_layer=1, block_size=300)
    prompts = ids(model, len(starts), 254)
    assert_equal_in_float32(*both(model, prompts, starts, steps=4, room=271))


@needs_triton
@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("shape", SHAPES[:2], ids=str)
def test_greedy_text_is_the_same_from_several_prompts(
    shape: tuple[int, int, int, bool],
) -> None:
    model, greedy = built(*shape), sampler(temperature=0)
    plain, fused = Decoder(model), fuse(Decoder(model))
    texts = set()
    for length in (9, 1, 20):  # a shorter one after a longer one: what was kept is not read
        prompt = ids(model, 1, length)
        expected = generate_cached(plain, prompt, 40, greedy)
        assert torch.equal(generate_cached(fused, prompt, 40, greedy), expected)
        texts.add(tuple(expected[0, length:].tolist()))
    assert len(texts) == 3


@needs_triton
@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("batch", [1, 3])
def test_in_16_bits_within_their_rounding(dtype: torch.dtype, batch: int) -> None:
    """The interpreter cuts numbers off where a GPU rounds them."""
    model = built(96, 3, 101, True).to(dtype)
    prompts = ids(model, batch, 5)
    *plain, _, _ = both(model, prompts, None, steps=4, room=37)[0]
    *fused, _, _ = both(model, prompts, None, steps=4, room=37)[1]
    exact, _, _ = both(model.float(), prompts, None, steps=4, room=37)[0][-3:]
    assert fused[0].dtype == dtype
    for one, other in zip(plain, fused, strict=True):
        bound = 4 * torch.finfo(dtype).eps * one.abs().max().item()
        torch.testing.assert_close(other, one, rtol=0, atol=bound)
    torch.testing.assert_close(fused[-1].float(), exact, rtol=0, atol=bound)


@needs_triton
@pytest.mark.usefixtures("large")
def test_weights_that_lie_otherwise_are_read_as_they_mean() -> None:
    model = built(*SHAPES[0])
    plain, fused = Decoder(model), fuse(Decoder(model).compile())
    prompt = ids(model, 1, 3)
    for decoder in (plain, fused):
        decoder.read(prompt)
    one, other = (d.step(prompt[:, :1]) for d in (plain, fused))
    torch.testing.assert_close(other, one, rtol=1e-5, atol=4e-6)


@needs_triton
@pytest.mark.usefixtures("large")
def test_each_step_writes_into_the_same_memory() -> None:
    model = built(*SHAPES[0])
    decoder = fuse(Decoder(model))
    decoder.read(ids(model, 1, 3))
    one, other = (decoder.step(ids(model, 1, 1)) for _ in range(2))
    assert one.data_ptr() == other.data_ptr()
    assert one.shape == (1, model.config.vocab_size)


@needs_triton
def test_what_it_does_not_compute_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = built(*SHAPES[0])
    with pytest.raises(
        TypeError, match=r"computes in float32, and this model is in torch\.float64"
    ):
        fuse(Decoder(model.double()))
    monkeypatch.setattr("gptcore.fused.INTERPRETED", False)
    with pytest.raises(RuntimeError, match="runs on CUDA, and this model is on cpu; use compile"):
        fuse(Decoder(model.cpu().float()))


def test_without_triton_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "gptcore.fused", raising=False)
    monkeypatch.setitem(sys.modules, "triton", None)
    with pytest.raises(ModuleNotFoundError, match=r"^a fused step needs Triton, .* isn't here$"):
        importlib.import_module("gptcore.fused")


def test_who_does_not_ask_for_it_does_not_load_it() -> None:
    code = "import sys, gptcore.decode, gptcore.generate; sys.exit('gptcore.fused' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
