"""Generation: repeatable, bounded by what was asked, and the model as it was afterwards."""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gptcore import GPT, GPTConfig
from gptcore.decode import Decoder
from gptcore.generate import generate, generate_batch, generate_cached
from gptcore.sampling import sample, sampler
from gptcore.tokenizer import byte_tokenizer, decode

PROMPT = torch.tensor([[1, 2, 3], [7, 8, 9]])


@pytest.fixture(scope="module")
def model() -> GPT:
    torch.manual_seed(0)
    model = GPT(dataclasses.replace(GPTConfig.debug(), block_size=8, dropout=0.5))
    for weight in model.parameters():  # so that the likeliest id depends on the text
        weight.data *= 5
    return model


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_same_seed_same_text(model: GPT) -> None:
    first = model.generate(PROMPT, 12, generator=seeded())
    assert torch.equal(first, model.generate(PROMPT, 12, generator=seeded()))
    assert not torch.equal(first, model.generate(PROMPT, 12, generator=seeded(1)))


def test_prompt_comes_first_and_longer_text_than_a_block_is_fine(model: GPT) -> None:
    result = model.generate(PROMPT, 20)
    assert result.shape == (2, 23)
    assert torch.equal(result[:, :3], PROMPT)
    assert torch.equal(model.generate(PROMPT, 0), PROMPT)
    assert model.generate(result, 1).shape == (2, 24)


def test_greedy_takes_the_likeliest_next(model: GPT) -> None:
    greedy = model.generate(PROMPT, 5, temperature=0)
    model.eval()
    with torch.no_grad():
        logits, _ = model(greedy[:, :-1])
    model.train()
    assert torch.equal(logits[:, 2:].argmax(-1), greedy[:, 3:])


@pytest.mark.parametrize(
    "one_choice", [{"top_k": 1}, {"top_p": 1e-9}, {"temperature": 1e-30}, {"temperature": 1e-50}]
)
def test_one_choice_is_greedy(model: GPT, one_choice: dict[str, Any]) -> None:
    greedy = model.generate(PROMPT, 10, temperature=0)
    assert torch.equal(model.generate(PROMPT, 10, **one_choice), greedy)


def test_modes_are_restored(model: GPT) -> None:
    model.train()
    model.transformer.h[1].eval()
    modes = [part.training for part in model.modules()]
    model.generate(PROMPT, 1)
    assert [part.training for part in model.modules()] == modes
    with pytest.raises(TypeError):
        model.generate(PROMPT, 1, top_k=1.5)  # type: ignore[arg-type]
    assert [part.training for part in model.modules()] == modes
    model.train()


def test_nothing_to_differentiate(model: GPT) -> None:
    assert not model.generate(PROMPT, 1).requires_grad


def draw(logits: list[float], count: int = 20_000, **options: Any) -> Tensor:
    """How often each id is chosen."""
    rows = torch.tensor([logits]).expand(count, -1)
    chosen = sample(rows, generator=seeded(), **options).flatten()
    return chosen.bincount(minlength=len(logits)) / count


def shares(*chances: float) -> list[float]:
    return [math.log(chance) for chance in chances]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.5, 0.1, 0.3, 0.1]),
        ({"top_k": 2}, [5 / 8, 0, 3 / 8, 0]),
        ({"top_k": 99}, [0.5, 0.1, 0.3, 0.1]),
        ({"top_p": 0.6}, [5 / 8, 0, 3 / 8, 0]),
        ({"top_p": 1.0}, [0.5, 0.1, 0.3, 0.1]),
        ({"top_k": 2, "top_p": 0.6}, [1.0, 0, 0, 0]),  # p is of what k has left: 5/8 reach it
        ({"temperature": 0.5}, [25 / 36, 1 / 36, 9 / 36, 1 / 36]),
        ({"temperature": math.inf}, [0.25] * 4),
    ],
)
def test_sample_follows_the_distribution(options: dict[str, Any], expected: list[float]) -> None:
    frequencies = draw(shares(0.5, 0.1, 0.3, 0.1), **options)
    torch.testing.assert_close(frequencies, torch.tensor(expected), atol=0.015, rtol=0)
    assert not frequencies[torch.tensor(expected) == 0].any()


def test_no_temperature_is_too_high_for_top_k() -> None:
    choose = sampler(temperature=math.inf, top_k=2, generator=seeded())
    logits = torch.tensor(shares(0.5, 0.1, 0.3, 0.1)).expand(400, 4)
    assert choose(logits).flatten().bincount(minlength=4)[[1, 3]].sum() == 0


def test_top_k_keeps_just_k_among_equals() -> None:
    assert (draw([0.0, 0.0, 0.0, 0.0], top_k=2) > 0).sum() == 2


def test_rows_are_sampled_apart() -> None:
    logits = torch.tensor([[9.0, 0.0, 0.0], [0.0, 0.0, 9.0]])
    assert sample(logits, top_k=1).tolist() == [[0], [2]]


class Silent:
    """No tokenizer yet."""

    def __init__(self, n_vocab: int = 0) -> None:
        self.n_vocab = n_vocab


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"idx": torch.zeros(1, 0, dtype=torch.int64)}, ValueError, "holds no token"),
        ({"idx": torch.tensor([1, 2])}, ValueError, r"idx\[None\] makes a batch of one"),
        ({"idx": torch.tensor([[1.0]])}, TypeError, "token ids are torch.int64"),
        ({"idx": torch.tensor([[257]])}, ValueError, "an id outside 0 to 256"),
        ({"idx": torch.tensor([[-1]])}, ValueError, "an id outside 0 to 256"),
        ({"max_new_tokens": -1}, ValueError, "max_new_tokens -1 is negative; use 0 or more"),
        ({"temperature": -0.5}, ValueError, "temperature -0.5 is not 0 or above; use 0 for greedy"),
        ({"max_new_tokens": 2.0}, TypeError, "max_new_tokens 2.0 is no whole number"),
        ({"max_new_tokens": None}, TypeError, "max_new_tokens None is no whole number"),
        ({"temperature": math.nan}, ValueError, "temperature nan is not 0 or above"),
        ({"temperature": "1"}, TypeError, "temperature '1' is no number"),
        ({"temperature": None}, TypeError, "temperature None is no number"),
        ({"temperature": torch.ones(2)}, TypeError, r"temperature tensor.* is no number"),
        ({"temperature": 10**400}, ValueError, "temperature is too large for a float"),
        ({"generator": 42}, TypeError, "generator 42 is no torch.Generator"),
        ({"top_k": math.nan}, TypeError, "top_k nan is no whole number"),
        ({"top_k": "3"}, TypeError, "top_k '3' is no whole number"),
        ({"top_k": True}, TypeError, "top_k True is no whole number"),
        ({"top_p": "0.9"}, TypeError, "top_p '0.9' is no number"),
        ({"top_p": math.nan}, ValueError, "top_p nan is no share"),
        ({"tokenizer": "gpt2"}, TypeError, "tokenizer is a str; pass one with n_vocab"),
        ({"tokenizer": Silent()}, TypeError, "tokenizer is a Silent; pass one with n_vocab"),
        ({"stop": "a", "tokenizer": Silent(9)}, TypeError, "Silent, which can't decode"),
        ({"top_k": 0}, ValueError, "top_k 0 keeps no id; use 1 or more, or None to keep all"),
        ({"top_p": 0.0}, ValueError, "top_p 0.0 is no share; use above 0 up to 1, or None"),
        ({"top_p": 1.1}, ValueError, "top_p 1.1 is no share; use above 0 up to 1, or None"),
    ],
)
def test_generate_refuses(
    model: GPT, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        model.generate(**({"idx": PROMPT, "max_new_tokens": 1} | arguments))


def test_a_choice_by_itself_refuses_what_would_prefer_the_unlikeliest() -> None:
    with pytest.raises(ValueError, match=r"temperature -0\.5 is not 0 or above"):
        sample(torch.tensor([[3.0, 0.0]]), temperature=-0.5)


def test_targets_that_are_no_tensor_are_refused(model: GPT) -> None:
    with pytest.raises(TypeError, match="targets are a list; pass a tensor of token ids"):
        model(PROMPT, [[1, 2, 3]])


@pytest.mark.parametrize("count", [np.int8(120), np.uint8(255)])
@pytest.mark.parametrize("use_cache", [True, False])
def test_a_small_integer_type_counts_on(model: GPT, count: Any, use_cache: bool) -> None:
    text = model.generate(PROMPT, count, temperature=0, use_cache=use_cache)
    assert torch.equal(text, model.generate(PROMPT, int(count), temperature=0))


def test_an_id_of_a_prompt_is_looked_at_before_it_is_put_into_a_tensor(model: GPT) -> None:
    for id_ in (257, -1, 2**70):
        with pytest.raises(ValueError, match="prompts hold an id outside 0 to 256"):
            generate_batch(model, [[1], [id_]], 2)


@pytest.mark.parametrize(
    ("count", "idx", "error"),
    [(-1, PROMPT, ValueError), (2.0, PROMPT, TypeError), (1, PROMPT + 999, ValueError)],
)
def test_a_decoder_is_asked_for_what_makes_sense(
    model: GPT, count: Any, idx: torch.Tensor, error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"max_new_tokens|an id outside"):
        generate_cached(Decoder(copy.deepcopy(model).eval(), len(idx)), idx, count)


def test_nothing_is_kept_for_a_gradient(model: GPT) -> None:
    """Neither in a model that the cache can't serve, nor within the caller's own inference mode."""
    seen: set[bool] = set()
    handle = model.lm_head.register_forward_hook(lambda *_: seen.add(torch.is_grad_enabled()))
    try:
        model.generate(PROMPT, 3)
        generate_batch(model, [[1], [2, 3]], 3)
        with torch.inference_mode():
            model.generate(PROMPT, 3, use_cache=False)
    finally:
        handle.remove()
    assert seen == {False}


class Bigrams(nn.Module):
    """What follows each id, as a table that nothing trains."""

    def __init__(self) -> None:
        super().__init__()
        self.config = GPTConfig(block_size=8, vocab_size=5)
        self.register_buffer("table", torch.eye(5).roll(1, 1))

    def forward(self, idx: torch.Tensor) -> tuple[torch.Tensor, None]:
        return self.table[idx], None


def test_a_model_without_weights_writes_too() -> None:
    model = Bigrams()
    assert generate(model, torch.tensor([[3]]), 3, temperature=0).tolist() == [[3, 4, 0, 1]]
    assert generate_batch(model, [[3], [1]], 2, temperature=0) == [[3, 4, 0], [1, 2, 3]]


def test_prompts_of_one_length_draw_the_same_with_a_cache_and_without(model: GPT) -> None:
    rows = [[1, 2], [3, 4]]
    expected = generate_batch(model, rows, 6, generator=seeded())
    handle = model.register_forward_hook(lambda *_: None)
    try:
        assert generate_batch(model, rows, 6, generator=seeded()) == expected
    finally:
        handle.remove()


@pytest.mark.parametrize("kind", [np.float32, np.float64, torch.tensor])
def test_numbers_of_any_library_are_numbers(model: GPT, kind: Any) -> None:
    count = np.int64 if kind is not torch.tensor else torch.tensor
    how = {"temperature": kind(0.5), "top_k": count(3), "top_p": kind(0.75)}
    plain = {"temperature": 0.5, "top_k": 3, "top_p": 0.75}
    texts = [
        model.generate(PROMPT, n, generator=seeded(), **h) for n, h in ((5, plain), (count(5), how))
    ]
    assert torch.equal(*texts)


@pytest.mark.parametrize(
    "kind", [list, tuple, np.array, torch.tensor, lambda row: torch.tensor(row, dtype=torch.int32)]
)
def test_prompts_may_be_rows_of_any_kind(model: GPT, kind: Any) -> None:
    rows = [[1, 2, 3], [4]]
    expected = generate_batch(model, rows, 4, temperature=0)
    assert generate_batch(model, [kind(row) for row in rows], 4, temperature=0) == expected
    assert generate_batch(model, (row for row in rows), 4, temperature=0) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "prompts", [["ab", "c"], [1, 2], "ab", [[1.0]], torch.ones(2, 2), torch.tensor([1, 2]), None]
)
def test_prompts_that_are_no_rows_of_ids_are_refused(model: GPT, prompts: Any) -> None:
    with pytest.raises(TypeError, match="prompts are to be rows of token ids"):
        generate_batch(model, prompts, 2)


@pytest.mark.parametrize("ids", [PROMPT, torch.tensor([1.5]), "12", [None]])
def test_what_is_no_row_of_ids_is_not_decoded(ids: Any) -> None:
    with pytest.raises(TypeError, match="is no whole number"):
        decode(byte_tokenizer(), ids)


# Where a text ends


@pytest.fixture(scope="module")
def talker() -> GPT:
    torch.manual_seed(0)
    model = GPT(GPTConfig(block_size=16, vocab_size=257, n_layer=2, n_head=2, n_embd=32)).double()
    for weight in model.parameters():
        weight.data *= 6
    return model


def whole(model: GPT, count: int = 30, **how: Any) -> list[int]:
    return model.generate(PROMPT[:1], count, temperature=0, **how)[0].tolist()


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("place", [0, 3, 20])  # the last one past the block
@pytest.mark.parametrize(
    "several",
    [
        lambda end: end,
        lambda end: [end],
        lambda end: (256, end),
        lambda end: {end, 256},
        lambda end: torch.tensor(end),
        lambda end: torch.tensor([end, 256]),
        lambda end: [bytes([end]).decode("latin-1")] if end < 128 else [end],
    ],
)
def test_a_text_ends_with_the_first_of_its_stops(
    talker: GPT, several: Any, place: int, use_cache: bool
) -> None:
    text = whole(talker)
    end = text[3 + place]
    stopped = whole(talker, stop=several(end), tokenizer=byte_tokenizer(), use_cache=use_cache)
    assert stopped == text[: text.index(end, 3) + 1]
    prompt = PROMPT[:1].tolist()
    if place < 10:
        batch = generate_batch(talker, prompt, 12, 0, stop=several(end), tokenizer=byte_tokenizer())
        assert batch == [stopped]


def test_a_text_of_several_ids_ends_where_it_is_spelled_out(
    talker: GPT, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = iter("ab\n\ncé!\n\nd".encode())
    monkeypatch.setattr("gptcore.sampling.sample", lambda logits, *_: torch.tensor([[next(said)]]))
    bytes_ = byte_tokenizer()
    prompt = torch.tensor([bytes_.encode("a prompt with é!\n")])
    text = generate(talker, prompt, 99, stop=["é!\n", "zz"], tokenizer=bytes_)[0]
    assert decode(bytes_, text[prompt.shape[1] :]) == "ab\n\ncé!\n"


def test_a_row_that_ended_waits_for_the_others(talker: GPT) -> None:
    texts = talker.generate(PROMPT, 12, temperature=0).tolist()
    stop = next(id_ for id_ in texts[0][3:] if id_ not in texts[1][3:])
    first, second = talker.generate(PROMPT, 12, temperature=0, stop=stop).tolist()
    end = texts[0].index(stop, 3) + 1
    assert first == texts[0][:end] + [stop] * (15 - end)
    assert second == texts[1]


def test_a_stop_in_the_prompt_ends_nothing(talker: GPT) -> None:
    assert whole(talker, stop=2)[:3] == [1, 2, 3]
    assert len(whole(talker, stop=2)) > 3


@pytest.mark.parametrize(
    ("stop", "error", "said"),
    [
        (257, ValueError, "stop 257 is outside 0 to 256"),
        (-1, ValueError, "stop -1 is outside"),
        ("", ValueError, "stop is an empty text"),
        ("x", ValueError, "stop 'x' is a text; pass tokenizer="),
        (1.5, TypeError, "stop 1.5 is neither an id nor a text"),
        ([None], TypeError, "stop None is neither"),
        (True, TypeError, "stop True is neither"),
        (b"a", TypeError, "stop b'a' is neither"),
    ],
)
def test_a_stop_that_is_none_is_refused(
    talker: GPT, stop: Any, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        whole(talker, stop=stop)
    with pytest.raises(error, match=said):
        generate_batch(talker, [[1]], 3, stop=stop)


def test_ids_that_the_tokenizer_lacks_are_never_chosen() -> None:
    torch.manual_seed(0)
    padded = GPT(GPTConfig(block_size=16, vocab_size=320, n_layer=1, n_head=1, n_embd=8))
    padded.lm_head.weight.data[257:] *= 100
    hot = {"temperature": 5.0, "generator": seeded()}
    free, bound = (
        padded.generate(PROMPT, 60, tokenizer=tokenizer, **hot)[:, 3:]  # type: ignore[arg-type]
        for tokenizer in (None, byte_tokenizer())
    )
    assert free.max() >= 257
    assert bound.max() < 257


# Logits that are no numbers


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("use_cache", [True, False])
def test_logits_that_are_no_numbers_are_told(
    talker: GPT, temperature: float, use_cache: bool
) -> None:
    broken = copy.deepcopy(talker)
    broken.transformer.h[1].mlp.c_fc.weight.data[0, 0] = math.nan
    said = r"no numbers at new token 1: transformer\.h\.1\.mlp\.c_fc\.weight holds nan or inf"
    with pytest.raises(FloatingPointError, match=said):
        broken.generate(PROMPT, 5, temperature, use_cache=use_cache)
    with pytest.raises(FloatingPointError, match=said):
        generate_batch(broken, [[1, 2], [3]], 5, temperature)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_an_overflow_on_the_way_is_told(talker: GPT, temperature: float) -> None:
    broken = copy.deepcopy(talker).float()
    broken.transformer.ln_f.weight.data.fill_(3e38)
    with pytest.raises(FloatingPointError, match="all weights are finite, so it overflows"):
        broken.generate(PROMPT, 5, temperature)
