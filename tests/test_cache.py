"""With a cache or without it: the same tokens. And a cache that is not misused in silence."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import gptcore
from gptcore import GPT, Block, CausalSelfAttention, GPTConfig, KVCache
from gptcore.cache import forward_cached
from gptcore.decode import Decoder
from gptcore.generate import (
    Whole,
    generate,
    generate_batch,
    generate_cached,
    graph_pays,
)
from gptcore.model import FeedForward, flash_attention
from gptcore.sampling import sampler
from gptcore.stock import difference

GREEDY = sampler(temperature=0)
CONFIG = dataclasses.replace(GPTConfig.debug(), block_size=32, dropout=0.5)


@pytest.fixture(scope="module")
def model() -> GPT:
    torch.manual_seed(0)
    model = GPT(CONFIG)
    for weight in model.parameters():  # so that the next token depends on the text
        weight.data *= 4
    return model.double()


@pytest.fixture
def reading(model: GPT) -> Iterator[GPT]:
    """The model, without dropout for a while."""
    yield model.eval()
    model.train()


def ids(batch: int, time: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(batch * 100 + time)
    return torch.randint(CONFIG.vocab_size, (batch, time), generator=generator)


@pytest.mark.parametrize("prompt", [1, 7, 31, 32, 40], ids=lambda n: f"prompt-{n}")
@pytest.mark.parametrize(
    "choice",
    [{"temperature": 0}, {"temperature": 0.8}, {"top_k": 5}, {"top_p": 0.7}],
    ids=["greedy", "temperature", "top_k", "top_p"],
)
def test_same_tokens_with_and_without_a_cache_also_past_the_block(
    model: GPT, prompt: int, choice: dict[str, Any]
) -> None:
    def text(use_cache: bool) -> torch.Tensor:
        generator = torch.Generator().manual_seed(1)
        return model.generate(
            ids(2, prompt), 30, use_cache=use_cache, generator=generator, **choice
        )

    assert torch.equal(text(True), text(False))


@pytest.mark.parametrize(("use_cache", "passes"), [(True, 7), (False, 20)])
def test_a_cache_spares_passes_until_the_window_slides(
    model: GPT, use_cache: bool, passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    whole, first = Whole.__call__, Decoder.begin

    def counted(original: Any) -> Any:
        return lambda *given: seen.append(1) or original(*given)

    monkeypatch.setattr(Whole, "__call__", counted(whole))
    monkeypatch.setattr(Decoder, "begin", counted(first))
    model.generate(ids(1, 20), 20, use_cache=use_cache)
    assert len(seen) == passes + use_cache  # of the whole, and the prompt's


def test_a_batch_of_one_is_sampled_as_it_is_alone(model: GPT) -> None:
    prompt, how = ids(1, 5), {"temperature": 2.0, "top_k": 50, "top_p": 0.9}
    one, two = (torch.Generator().manual_seed(1) for _ in range(2))
    alone = model.generate(prompt, 20, **how, generator=one)
    assert generate_batch(model, prompt.tolist(), 20, **how, generator=two) == alone.tolist()


def test_logits_are_those_of_the_whole_sequence(model: GPT) -> None:
    idx = ids(3, 20)
    model.eval()
    with torch.no_grad():
        whole, _ = model(idx)
        cache = KVCache.of(model, 3)
        pieces = [forward_cached(model, idx[:, :9], cache)]  # several at once, then
        pieces += [forward_cached(model, idx[:, t : t + 1], cache) for t in range(9, 15)]
        pieces += [forward_cached(model, idx[:, 15:], cache)]  # several after others
    model.train()
    places = [8, *range(9, 15), 19]
    torch.testing.assert_close(torch.stack(pieces, 1), whole[:, places], rtol=0, atol=1e-12)


def test_padded_prompts_give_what_they_give_alone(model: GPT) -> None:
    prompts = [ids(1, n)[0].tolist() for n in (1, 5, 12, 3)]
    together = generate_batch(model, prompts, 15, temperature=0)
    alone = [
        model.generate(torch.tensor([prompt]), 15, temperature=0)[0].tolist() for prompt in prompts
    ]
    assert together == alone


def test_a_sequence_ends_with_the_stop_token_and_the_others_go_on(model: GPT) -> None:
    prompts = [ids(1, n)[0].tolist() for n in (4, 6)]
    first, second = generate_batch(model, prompts, 12, temperature=0)
    stop = next(i for i in first[4:] if i not in second[6:])
    short, long = generate_batch(model, prompts, 12, temperature=0, stop=stop)
    assert short == first[: first.index(stop, 4) + 1]
    assert long == second


def test_a_reset_cache_knows_nothing_of_the_last_prompt(model: GPT) -> None:
    cache = KVCache.of(model)
    model.eval()
    with torch.no_grad():
        fresh = forward_cached(model, ids(1, 4), cache)
        forward_cached(model, ids(1, 9), cache)
        cache.reset()
        again = forward_cached(model, ids(1, 4), cache)
    model.train()
    assert torch.equal(fresh, again)


def test_a_full_cache_refuses_the_next_token(reading: GPT) -> None:
    cache = KVCache.of(reading, max_length=4)
    with torch.no_grad():
        forward_cached(reading, ids(1, 4), cache)
        with pytest.raises(ValueError, match="4 of 4 places are taken, and 1 more"):
            forward_cached(reading, ids(1, 1), cache)


def test_a_cache_of_another_batch_is_refused(reading: GPT) -> None:
    with pytest.raises(ValueError, match="holds 2 sequences, idx 1"):
        forward_cached(reading, ids(1, 4), KVCache.of(reading, 2))


@pytest.mark.parametrize("length", [0, 33])
def test_a_cache_of_no_length_or_longer_than_the_positions_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"max_length {length} is not from 1 to block_size 32"):
        KVCache(CONFIG, max_length=length)


def test_a_full_cache_keeps_nothing_in_silence() -> None:
    cache = KVCache(CONFIG, max_length=2)
    kept = torch.ones(1, CONFIG.n_head, 1, CONFIG.head_size)
    for _ in range(2):
        cache.update(0, kept, kept)
        cache.length += 1
    with pytest.raises(ValueError, match="2 of 2 places are taken, and 1 more"):
        cache.update(0, kept, kept)


def test_nothing_is_recorded_for_gradients(reading: GPT) -> None:
    cache, decoder = KVCache.of(reading), Decoder(reading)
    with torch.enable_grad():
        for _ in range(2):
            assert not forward_cached(reading, ids(1, 1), cache).requires_grad
        logits = [decoder.read(ids(1, 2)), decoder.step(ids(1, 1)), decoder.step(ids(1, 1))]
    assert not any(one.requires_grad for one in (*logits, cache.keys, decoder.cache.keys))


def test_ids_that_are_no_batch_are_refused(reading: GPT) -> None:
    decoder, row = Decoder(reading), torch.tensor([1])
    with pytest.raises(ValueError, match=r"idx\[None\] makes a batch of one"):
        forward_cached(reading, row, KVCache.of(reading))
    with pytest.raises(ValueError, match=r"idx\[None\] makes a batch of one"):
        decoder.read(row)
    with pytest.raises(ValueError, match=r"token has shape \(1,\); expected \(1, 1\)"):
        decoder.step(row)


@pytest.mark.parametrize(
    ("prompts", "said"),
    [
        ([], "at least one prompt"),
        ([[1], []], "at least one id"),
        ([[1] * 30], "exceed block_size"),
    ],
)
def test_batches_that_make_no_sense_are_refused(
    model: GPT, prompts: list[list[int]], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        generate_batch(model, prompts, 5)


def test_the_cache_of_gpt2_takes_36864_bytes_a_token_in_16_bits() -> None:
    cache = KVCache(GPTConfig.gpt2(), device="meta", dtype=torch.bfloat16)
    assert cache.nbytes == 36_864 * 1024


def test_dropout_is_off_while_generating(model: GPT) -> None:
    assert model.training
    texts = {tuple(model.generate(ids(1, 5), 10, temperature=0)[0].tolist()) for _ in range(3)}
    assert len(texts) == 1
    assert model.training


def test_a_decoder_agrees_with_the_whole_sequence_at_every_place(model: GPT) -> None:
    idx = ids(3, 32)
    model.eval()
    decoder = Decoder(model, 3)
    with torch.no_grad():
        whole, _ = model(idx)
        steps = [decoder.read(idx[:, :5])]
        steps += [decoder.step(idx[:, t : t + 1]).clone() for t in range(5, 32)]
    model.train()
    torch.testing.assert_close(torch.stack(steps, 1), whole[:, 4:], rtol=0, atol=1e-12)


def test_a_decoder_forgets_the_last_prompt(reading: GPT) -> None:
    decoder = Decoder(reading)
    generate_cached(decoder, ids(1, 20), 10, GREEDY)
    again = generate_cached(decoder, ids(1, 3), 10, GREEDY)
    assert torch.equal(again, reading.generate(ids(1, 3), 10, temperature=0))


def test_a_decoder_without_biases(model: GPT) -> None:
    bare = GPT(dataclasses.replace(CONFIG, bias=False)).double()
    texts = [bare.generate(ids(1, 3), 9, temperature=0, use_cache=c) for c in (True, False)]
    assert torch.equal(*texts)


def test_a_full_decoder_refuses_the_next_token(reading: GPT) -> None:
    decoder = Decoder(reading, max_length=4)
    with torch.no_grad():
        decoder.read(ids(1, 4))
        with pytest.raises(ValueError, match="4 of 4 places are taken, and 1 more"):
            decoder.step(ids(1, 1))


def test_the_step_is_one_graph_whose_shapes_do_not_change(model: GPT) -> None:
    """torch.compile must not break it, nor compile it again for another token."""
    model.eval()
    decoder, plain = Decoder(model, 2), Decoder(model, 2)
    decoder.run = torch.compile(  # no compiler is needed: the trace is what counts
        decoder.forward, backend="eager", fullgraph=True, dynamic=False
    )
    with torch.no_grad(), torch.compiler.set_stance("default"):
        decoder.read(ids(2, 3))
        plain.read(ids(2, 3))
        for step in range(6):
            stance = "default" if step == 0 else "fail_on_recompile"
            with torch.compiler.set_stance(stance):
                got = decoder.step(ids(2, 1))
            assert torch.equal(got, plain.step(ids(2, 1)))
    model.train()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_compiled_decoder_gives_the_same_text(device: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA GPU")
    torch.manual_seed(0)
    model = GPT(CONFIG).to(device).eval()
    decoder = Decoder(model).compile()
    for length in (5, 3):
        prompt = ids(1, length).to(device)
        compiled = generate_cached(decoder, prompt, 20, GREEDY)
        assert torch.equal(compiled, model.generate(prompt, 20, temperature=0))


def test_generating_under_autocast(model: GPT) -> None:
    single = GPT(CONFIG)
    with torch.autocast("cpu", torch.bfloat16):
        assert single.generate(ids(2, 5), 40, temperature=0).shape == (2, 45)


def test_generated_text_may_be_trained_on(model: GPT) -> None:
    text = model.generate(ids(1, 5), 10)
    _, loss = model(text[:, :-1], text[:, 1:])
    loss.backward()
    model.zero_grad()
    assert not text.is_inference()


# Models that were changed


class Parallel(Block):
    """Attention and feed-forward beside each other."""

    def forward(self, x: Tensor) -> Tensor:
        return x + self.attn(self.ln_1(x)) + self.mlp(self.ln_2(x))


class Doubled(GPT):
    def forward(self, idx: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        logits, loss = super().forward(idx, targets)
        return logits.flip(-1), loss


class Named(GPT):
    def name(self) -> str:
        return "a model"


class Lora(nn.Module):
    def __init__(self, inner: nn.Linear) -> None:
        super().__init__()
        self.inner = inner
        self.down = nn.Linear(inner.in_features, 2, bias=False)
        self.up = nn.Linear(2, inner.out_features, bias=False)
        self.to(inner.weight.dtype)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) + self.up(self.down(x))


class Windowed(CausalSelfAttention):
    """Each token sees the last three alone."""

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (self.split_heads(part) for part in self.c_attn(x).chunk(3, -1))
        time = x.shape[1]
        near = torch.ones(time, time, dtype=torch.bool).tril().triu(-2)
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=near)
        return self.c_proj(y.transpose(1, 2).flatten(2))


class Alibi(CausalSelfAttention):
    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (self.split_heads(part) for part in self.c_attn(x).chunk(3, -1))
        place = torch.arange(x.shape[1])
        bias = (place[None] - place[:, None]).to(x.dtype)
        bias = bias.masked_fill(bias > 0, -torch.inf)
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.c_proj(y.transpose(1, 2).flatten(2))


class Wrapped(nn.Module):
    """As DistributedDataParallel: the model is within, and nothing else shines through."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *given: Any) -> Any:
        return self.module(*given)


class Shouting(nn.Parameter):
    """A tensor of a kind of its own, as quantized weights are."""


def every_block(change: Callable[[Block], object]) -> Callable[[GPT], object]:
    def changed(model: GPT) -> None:
        for block in model.transformer.h:
            change(block)

    return changed


def of_class(model: nn.Module, kind: type[nn.Module]) -> None:
    model.__class__ = kind


def swap(block: Block, part: str, make: Callable[[Any], nn.Module]) -> None:
    owner, _, name = part.rpartition(".")
    inside = block.get_submodule(owner)
    setattr(inside, name, make(getattr(inside, name)))


def instance_forward(model: GPT) -> None:
    original = model.forward
    model.forward = lambda *given: (original(*given)[0].flip(-1), None)  # type: ignore[method-assign]


def shift(module: nn.Module, given: Any, result: Tensor) -> Tensor:
    return result.roll(1, -1)


def rms(norm: nn.LayerNorm) -> nn.Module:
    return nn.RMSNorm(norm.normalized_shape, eps=1e-5, dtype=norm.weight.dtype)


def untie(model: GPT) -> None:
    model.lm_head.weight = nn.Parameter(model.lm_head.weight.detach().roll(1, 0))


def half_a_model(model: GPT) -> None:
    for block in model.transformer.h:
        block.mlp.c_fc = nn.Sequential(AsFloat(), block.mlp.c_fc.float(), AsDouble())


class AsFloat(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.float()


class AsDouble(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.double()


class Always(nn.Module):
    """A dropout that does not know of eval mode, and strikes out the same each time."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (torch.arange(x.shape[-1]) % 5 > 0)


def second_head(model: GPT) -> None:
    model.lm_head = nn.Sequential(model.lm_head, nn.Tanh())  # type: ignore[assignment]


def shorter(model: GPT) -> None:
    del model.transformer.h[1]


def lower_temperature(model: GPT) -> None:
    model.transformer.h[0].attn.n_head = 2


def mixed_up(model: GPT) -> None:
    model.transformer.h[0].register_forward_pre_hook(lambda _, given: (given[0] * 2,))


def compiled_of_another(model: GPT) -> None:
    first, last = model.transformer.h[0], model.transformer.h[-1]
    first.compile(backend="eager")
    last._compiled_call_impl = first._compiled_call_impl


def odd_weight(model: GPT) -> None:
    linear = model.transformer.h[0].mlp.c_fc
    linear.weight = Shouting(linear.weight.detach())


def parametrized(model: GPT) -> None:
    parametrize.register_parametrization(model.transformer.h[0].attn.c_proj, "weight", nn.Tanh())


CHANGED: dict[str, Callable[[GPT], object]] = {
    "parallel blocks": every_block(lambda block: of_class(block, Parallel)),
    "a forward hook": lambda model: model.transformer.h[1].register_forward_hook(shift),
    "a hook on a layer within": lambda model: model.transformer.h[0].mlp.c_fc.register_forward_hook(
        shift
    ),
    "a forward pre-hook": mixed_up,
    "GPT.forward overridden": lambda model: of_class(model, Doubled),
    "forward of one instance": instance_forward,
    "LoRA around c_attn": every_block(lambda block: swap(block, "attn.c_attn", Lora)),
    "RMSNorm for a layer norm": every_block(lambda block: swap(block, "ln_1", rms)),
    "RMSNorm at the end": lambda model: setattr(
        model.transformer, "ln_f", rms(model.transformer.ln_f)
    ),
    "compiled in place": lambda model: model.compile(backend="eager"),
    "blocks compiled in place": every_block(lambda block: block.compile(backend="eager")),
    "a call that is compiled, and another's": compiled_of_another,
    "a parametrized weight": parametrized,
    "weight norm": lambda model: nn.utils.parametrizations.weight_norm(
        model.transformer.h[0].mlp.c_fc
    ),
    "spectral norm": lambda model: nn.utils.spectral_norm(model.transformer.h[0].mlp.c_fc),
    "pruned": lambda model: prune.random_unstructured(
        model.transformer.h[0].mlp.c_fc, "weight", 0.5
    ),
    "a tensor of its own kind": odd_weight,
    "another activation": every_block(lambda block: swap(block.mlp, "gelu", lambda _: nn.ReLU())),
    "the exact GELU": every_block(lambda block: swap(block.mlp, "gelu", lambda _: nn.GELU())),
    "another epsilon": every_block(lambda block: setattr(block.ln_2, "eps", 0.1)),
    "attention of a window": every_block(lambda block: of_class(block.attn, Windowed)),
    "ALiBi": every_block(lambda block: of_class(block.attn, Alibi)),
    "another number of heads": lower_temperature,
    "an untied head": untie,
    "a head of two parts": second_head,
    "a block fewer": shorter,
    "the same block twice": lambda model: setattr(
        model.transformer, "h", nn.ModuleList([model.transformer.h[0]] * 4)
    ),
    "a layer in another dtype": half_a_model,
    "dropout that never rests": every_block(lambda block: setattr(block.mlp, "dropout", Always())),
    "an attribute more": lambda model: setattr(model, "tokenizer", "bytes"),
    "a split of its own": lambda model: setattr(
        model.transformer.h[0].attn,
        "split_heads",
        lambda x: CausalSelfAttention.split_heads(model.transformer.h[0].attn, x).flip(-1),
    ),
    "a subclass with one more method": lambda model: of_class(model, Named),
    "frozen": lambda model: model.requires_grad_(False),
    "no change": lambda model: None,
}
SERVED = {
    "compiled in place",
    "blocks compiled in place",
    "an untied head",
    "the same block twice",
    "an attribute more",
    "frozen",
    "no change",
}
"""What the cached path computes all the same."""


def learnt() -> GPT:
    """A model whose next token depends on the text."""
    torch.manual_seed(0)
    model = GPT(dataclasses.replace(CONFIG, n_embd=32, block_size=16)).double()
    for weight in model.parameters():
        weight.data *= 8
    return model


def written(model: Any, use_cache: bool) -> list[int]:
    return generate(model, ids(1, 5), 14, temperature=0, use_cache=use_cache)[0].tolist()


@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_model_writes_the_same_with_a_cache_and_without(name: str) -> None:
    model = learnt()
    CHANGED[name](model)
    assert written(model, use_cache=True) == written(model, use_cache=False)
    assert (difference(model.eval()) == "") == (name in SERVED)


@pytest.mark.parametrize("name", ["LoRA around c_attn", "a forward hook", "ALiBi"])
def test_a_batch_of_a_changed_model_gives_what_each_gives_alone(name: str) -> None:
    model = learnt()
    CHANGED[name](model)
    prompts = [ids(1, n)[0].tolist() for n in (2, 6)]
    alone = [
        generate(model, torch.tensor([prompt]), 8, temperature=0)[0].tolist() for prompt in prompts
    ]
    assert generate_batch(model, prompts, 8, temperature=0) == alone


@pytest.mark.parametrize("wrap", [Wrapped, lambda m: torch.compile(m, backend="eager")])
def test_a_wrapped_model_writes_what_is_within(wrap: Callable[[GPT], Any]) -> None:
    model = learnt()
    expected = written(model, use_cache=False)
    assert written(wrap(model), use_cache=True) == expected
    assert difference(model.eval()) == ""  # having been wrapped changes nothing


def with_other(module: ModuleType, **functions: Any) -> ModuleType:
    """A module like another, but for some of its functions."""
    copy = ModuleType(module.__name__)
    vars(copy).update(vars(module) | functions)
    return copy


PATCHES: dict[str, tuple[str, Any]] = {
    "Block.forward": ("gptcore.model.Block.forward", Parallel.forward),
    "Linear.forward": (
        "torch.nn.Linear.forward",
        lambda self, x: nn.functional.linear(x, self.weight * 2, self.bias),
    ),
    "flash_attention": (
        "gptcore.model.flash_attention",
        lambda q, k, v, dropout_p=0.0: flash_attention(q, k.roll(1, -1), v),
    ),
    "torch's attention": (
        "torch.nn.functional.scaled_dot_product_attention",
        lambda q, k, v, **_: v,
    ),
    "Module.__call__": (
        "torch.nn.Module.__call__",
        lambda self, *given, **named: self._call_impl(*given, **named),
    ),
    "a call with an argument of its own": (
        "torch.nn.GELU.forward",
        functools.partialmethod(lambda self, times, x: nn.functional.gelu(x) * times, 0.5),
    ),
    "all functions that the model sees": (
        "gptcore.model.F",
        with_other(nn.functional, scaled_dot_product_attention=lambda q, k, v, **_: v),
    ),
    "all functions that torch's layers see": (
        "torch.nn.modules.linear.F",
        with_other(
            nn.functional, linear=lambda x, weight, bias: nn.functional.linear(x, weight * 2, bias)
        ),
    ),
    "positions": (
        "torch.arange",
        lambda *given, arange=torch.arange, **named: arange(*given, **named).flip(0),
    ),
    "what a tensor can do": (
        "torch.Tensor.chunk",
        lambda self, *given, chunk=torch.Tensor.chunk, **named: chunk(self, *given, **named)[::-1],
    ),
    "an operator": (
        "torch.Tensor.__matmul__",
        lambda self, other, mul=torch.Tensor.matmul: mul(self, other) * 2,
    ),
}


@pytest.mark.parametrize(
    ("owner", "name", "value", "served"),
    [
        # As transformers does for good as soon as it makes a model.
        (nn.Module, "smart_apply", lambda self, change: self, True),
        (Block, "__slotnames__", [], True),  # which copy and pickle leave behind
        (nn.Linear, "__call__", lambda self, x: self.forward(x) * 2, False),
        (nn.GELU, "_call_impl", lambda self, x: self.forward(x) * 2, False),
        (Block, "ln_2", property(lambda self: self.ln_1), False),
    ],
)
def test_what_a_class_gains_counts_if_a_call_would_find_it(
    owner: type, name: str, value: Any, served: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = learnt().eval()
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, value, raising=False)
        assert written(model, use_cache=True) == written(model, use_cache=False)
        assert (difference(model) == "") == served
    assert difference(model) == ""


@pytest.mark.parametrize("name", PATCHES)
def test_code_that_was_replaced_is_not_taken_for_the_old(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = learnt().eval()
    with monkeypatch.context() as patch:
        patch.setattr(*PATCHES[name])
        assert written(model, use_cache=True) == written(model, use_cache=False)
        assert difference(model)
    assert difference(model) == ""


def built_with(change: Callable[[Any], object]) -> Callable[[type], Callable[..., None]]:
    """What makes a constructor that changes what the class's own has built."""

    def changed(kind: type) -> Callable[..., None]:
        own = kind.__init__

        def build(self: Any, *given: Any, **named: Any) -> None:
            own(self, *given, **named)
            change(self)

        return build

    return changed


BUILT_OTHERWISE: dict[str, tuple[type, Callable[[type], Any]]] = {
    "RMSNorm in a block": (Block, built_with(lambda one: swap(one, "ln_1", rms))),
    "more heads": (
        CausalSelfAttention,
        built_with(lambda one: setattr(one, "n_head", 2 * one.n_head)),
    ),
    "another activation": (
        FeedForward,
        built_with(lambda one: setattr(one, "gelu", nn.Sequential(nn.GELU(), nn.Tanh()))),
    ),
    "a head of two parts": (
        GPT,
        built_with(lambda one: setattr(one, "lm_head", nn.Sequential(nn.Tanh(), one.lm_head))),
    ),
}


@pytest.mark.parametrize("name", BUILT_OTHERWISE)
def test_a_class_that_builds_otherwise_is_not_taken_for_the_old(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, change = BUILT_OTHERWISE[name]
    with monkeypatch.context() as patch:
        patch.setattr(kind, "__init__", change(kind))
        model = learnt().eval()
        assert written(model, use_cache=True) == written(model, use_cache=False)
        assert f"{kind.__name__}.__init__ was changed" in difference(model)
    assert difference(learnt().eval()) == ""


def test_a_part_of_an_undeclared_class_is_none_of_the_old(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(nn.RMSNorm):
        def __init__(self, size: int, eps: float, bias: bool) -> None:
            super().__init__(size)

    monkeypatch.setattr(nn, "LayerNorm", Mine)
    model = learnt().eval()
    assert written(model, use_cache=True) == written(model, use_cache=False)
    assert "torch.nn.LayerNorm was changed" in difference(model)


def test_code_that_was_reloaded_in_place_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a notebook's autoreload does it: the same function, with other code."""
    model = learnt().eval()
    monkeypatch.setattr(Block.forward, "__code__", Parallel.forward.__code__)
    assert written(model, use_cache=True) == written(model, use_cache=False)
    assert "Block.forward was changed" in difference(model)


class Steeper(TorchFunctionMode):
    """Every linear layer with twice its weight."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is nn.functional.linear:
            args = (args[0], args[1] * 2, *args[2:])
        return func(*args, **(kwargs or {}))


class Softer(TorchDispatchMode):
    """Every GELU with half its result."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        return made / 2 if func is torch.ops.aten.gelu.default else made


@pytest.mark.parametrize("mode", [Steeper, Softer])
def test_a_mode_that_computes_otherwise_is_obeyed(mode: Callable[[], Any]) -> None:
    model = learnt().eval()
    plain = written(model, use_cache=False)
    with mode():
        text = written(model, use_cache=True)
        assert text == written(model, use_cache=False) != plain
    with torch.device("cpu"):  # a mode too, and of torch
        assert difference(model) == ""


def test_what_was_changed_before_the_library_came_is_not_taken_for_torchs_own() -> None:
    lines = """
import torch
own = torch.nn.functional.linear
torch.nn.functional.linear = lambda x, weight, bias=None: own(x, weight * 2, bias)
import gptcore
from gptcore.stock import difference
print(difference(gptcore.GPT(gptcore.GPTConfig(n_layer=1, n_head=1, n_embd=8)).eval()))
"""
    ran = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    assert ran.stdout == "torch.nn.functional.linear was changed\n"


def test_what_was_changed_is_not_declared_by_importing_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Block, "forward", lambda self, x: x)
    importlib.reload(gptcore)
    assert difference(learnt().eval()) == "Block.forward was changed"


def no_first(self: Any) -> None:
    self.first = nn.ModuleList()[0]


def unwritten(model: GPT) -> None:
    raise NotImplementedError("your turn")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gptcore.model.Block.__init__", built_with(no_first)(Block)),
        ("gptcore.model.init_weights", unwritten),
        ("torch.nn.init.normal_", lambda weight, std: weight.fill_(weight.mean().item())),
    ],
)
def test_a_constructor_that_cannot_build_any_more_is_not_run(
    name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = learnt()
    monkeypatch.setattr(name, value)
    assert written(model, use_cache=True) == written(model, use_cache=False)


def test_a_config_or_setting_that_nothing_can_be_built_with_goes_the_plain_way() -> None:
    model = learnt()
    model.transformer.ln_f.bias_of_mine = torch.zeros(2)
    model.transformer.h[0].ln_1.eps = torch.tensor(1e-5)
    assert written(model, use_cache=True) == written(model, use_cache=False)
    model.config = dataclasses.replace(model.config)
    object.__setattr__(model.config, "n_head", 3)
    assert written(model, use_cache=True) == written(model, use_cache=False)
    assert "held against" in difference(model.eval())


def test_sparse_weights_are_none_of_the_cache() -> None:
    model = learnt().requires_grad_(False).float()
    part = model.transformer.h[0].mlp.c_fc
    part.weight = nn.Parameter(part.weight.to_sparse(), requires_grad=False)
    assert written(model, use_cache=True) == written(model, use_cache=False)


def test_hooks_on_all_modules_are_run() -> None:
    model, seen = learnt(), []
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, *_: seen.append(type(module)) if isinstance(module, Block) else None
    )
    try:
        text = written(model, use_cache=True)
    finally:
        handle.remove()
    assert len(seen) == 14 * CONFIG.n_layer
    assert text == written(model, use_cache=False)


@pytest.mark.parametrize("name", sorted(CHANGED.keys() - SERVED))
def test_a_decoder_and_a_cache_refuse_what_they_do_not_know(name: str) -> None:
    model = learnt().eval()
    CHANGED[name](model)
    for use in (
        lambda: Decoder(model),
        lambda: forward_cached(model, ids(1, 3), KVCache(model.config)),
    ):
        with pytest.raises(ValueError, match="the cached path computes GPT as it stands"):
            use()


def test_a_decoder_notices_a_hook_that_came_later() -> None:
    model = learnt().eval()
    decoder = Decoder(model)
    model.transformer.h[0].register_forward_hook(shift)
    said = r"model\.transformer\.h\.0\.forward_hooks is not as"
    with pytest.raises(ValueError, match=said):
        decoder.read(ids(1, 3))
    with pytest.raises(ValueError, match=said):
        generate_cached(decoder, ids(1, 3), 2)


def test_a_model_in_training_with_dropout_is_no_model_to_keep_of() -> None:
    with pytest.raises(ValueError, match="model is in training mode, with dropout"):
        Decoder(learnt())


# A step recorded as a graph


def recorded(step: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """What `cuda_graph` does, by a call: warm up, run once, and write where that wrote."""
    for _ in range(3):
        step()
    result = step()

    def replay() -> Tensor:
        # Not to be resized and not to be another: a graph writes where it wrote.
        result.copy_(step())
        return result

    return replay


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Steps are recorded on this machine as they would be on a GPU; gives how often."""
    made: list[int] = []
    monkeypatch.setattr("gptcore.decode.cuda_graph", lambda step: made.append(1) or recorded(step))
    monkeypatch.setattr(
        "gptcore.generate.graph_pays", lambda device, new: graph_pays(torch.device("cuda"), new)
    )
    return made


@pytest.mark.parametrize("choice", [{"temperature": 0}, {"top_k": 5}])
@pytest.mark.parametrize("prompt", [1, 7, 30])
def test_a_recorded_step_writes_the_same(
    model: GPT, graphs: list[int], choice: dict[str, Any], prompt: int
) -> None:
    texts = [
        model.generate(
            ids(2, prompt), 40, use_cache=c, generator=torch.Generator().manual_seed(1), **choice
        )
        for c in (True, False)
    ]
    assert torch.equal(*texts)
    assert graphs == [1]


def test_a_batch_of_unequal_prompts_is_recorded_too(model: GPT, graphs: list[int]) -> None:
    large = GPT(dataclasses.replace(CONFIG, block_size=64)).double()
    prompts = [ids(1, n)[0].tolist() for n in (1, 5, 12)]
    together = generate_batch(large, prompts, 33, temperature=0)
    assert graphs == [1]
    alone = [large.generate(torch.tensor([p]), 33, temperature=0, use_cache=False) for p in prompts]
    assert together == [one[0].tolist() for one in alone]


@pytest.mark.parametrize(
    ("device", "new", "pays"), [("cuda", 31, 0), ("cuda", 32, 1), ("cpu", 99, 0)]
)
def test_a_graph_is_for_a_gpu_and_a_few_dozen_tokens(device: str, new: int, pays: int) -> None:
    assert graph_pays(torch.device(device), new) == bool(pays)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_replays_what_the_plain_way_gives() -> None:
    torch.manual_seed(0)
    model = GPT(CONFIG).cuda()
    texts = [
        model.generate(ids(2, 5).cuda(), 60, temperature=0, use_cache=c) for c in (True, False)
    ]
    assert torch.equal(*texts)
