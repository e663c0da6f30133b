"""With a cache or without it: the same tokens. And a cache that is not misused in silence."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from gptcore import GPT, GPTConfig, KVCache
from gptcore.cache import forward_cached
from gptcore.decode import Decoder
from gptcore.generate import Whole, generate_batch, generate_cached, sampler

GREEDY = sampler(temperature=0)
CONFIG = dataclasses.replace(GPTConfig.debug(), block_size=32, dropout=0.5)


@pytest.fixture(scope="module")
def model() -> GPT:
    torch.manual_seed(0)
    model = GPT(CONFIG)
    for weight in model.parameters():  # so that the next token depends on the text
        weight.data *= 4
    return model.double()


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
    whole, first = Whole.__call__, Decoder.read

    def counted(original: Any) -> Any:
        return lambda *given: seen.append(1) or original(*given)

    monkeypatch.setattr(Whole, "__call__", counted(whole))
    monkeypatch.setattr(Decoder, "read", counted(first))
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


def test_a_full_cache_refuses_the_next_token(model: GPT) -> None:
    cache = KVCache.of(model, max_length=4)
    with torch.no_grad():
        forward_cached(model, ids(1, 4), cache)
        with pytest.raises(ValueError, match="4 of 4 places are taken, and 1 more"):
            forward_cached(model, ids(1, 1), cache)


def test_a_cache_of_another_batch_is_refused(model: GPT) -> None:
    with pytest.raises(ValueError, match="holds 2 sequences, idx 1"):
        forward_cached(model, ids(1, 4), KVCache.of(model, 2))


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


def test_nothing_is_recorded_for_gradients(model: GPT) -> None:
    model.eval()
    cache, decoder = KVCache.of(model), Decoder(model)
    with torch.enable_grad():
        for _ in range(2):
            assert not forward_cached(model, ids(1, 1), cache).requires_grad
        logits = [decoder.read(ids(1, 2)), decoder.step(ids(1, 1)), decoder.step(ids(1, 1))]
    assert not any(one.requires_grad for one in (*logits, cache.keys, decoder.cache.keys))


def test_ids_that_are_no_batch_are_refused(model: GPT) -> None:
    decoder, row = Decoder(model), torch.tensor([1])
    with pytest.raises(ValueError, match=r"idx\[None\] makes a batch of one"):
        forward_cached(model, row, KVCache.of(model))
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


def test_a_decoder_forgets_the_last_prompt(model: GPT) -> None:
    decoder = Decoder(model)
    model.eval()
    generate_cached(decoder, ids(1, 20), 10, GREEDY)
    again = generate_cached(decoder, ids(1, 3), 10, GREEDY)
    model.train()
    assert torch.equal(again, model.generate(ids(1, 3), 10, temperature=0))


def test_a_decoder_without_biases(model: GPT) -> None:
    bare = GPT(dataclasses.replace(CONFIG, bias=False)).double()
    texts = [bare.generate(ids(1, 3), 9, temperature=0, use_cache=c) for c in (True, False)]
    assert torch.equal(*texts)


def test_a_full_decoder_refuses_the_next_token(model: GPT) -> None:
    decoder = Decoder(model, max_length=4)
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
