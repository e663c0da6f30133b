"""What is told of a model before it is built is what it then does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gptcore import GPT, GPTConfig, KVCache
from gptcore.decode import Decoder
from gptcore.generate import generate_cached, generate_naive
from gptcore.laws import attainable, best_size, cache_bytes, positions_read, predicted_loss

CONFIG = GPTConfig(block_size=32, vocab_size=11, n_layer=3, n_head=2, n_embd=8)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_a_cache_takes_what_is_allocated(dtype: torch.dtype) -> None:
    cache = KVCache(CONFIG, batch_size=3, max_length=5, dtype=dtype)
    assert cache_bytes(CONFIG, 5, 3, dtype.itemsize) == cache.nbytes


def test_without_more_words_a_cache_is_of_one_sequence_in_16_bits() -> None:
    assert cache_bytes(CONFIG, 5) == KVCache(CONFIG, max_length=5, dtype=torch.bfloat16).nbytes


@pytest.mark.parametrize("prompt", [1, 4])
@pytest.mark.parametrize("new", [1, 2, 7])
def test_positions_are_those_that_are_read(prompt: int, new: int) -> None:
    model, seen = GPT(CONFIG).eval(), []
    idx = torch.ones(1, prompt, dtype=torch.int64)
    model.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[1]))
    generate_naive(model, idx, new)
    assert positions_read(prompt, new, cached=False) == sum(seen)
    decoder = Decoder(GPT(CONFIG).eval())
    generate_cached(decoder, idx, new)
    assert positions_read(prompt, new, cached=True) == decoder.cache.length


@pytest.mark.parametrize("cached", [True, False])
def test_for_no_token_nothing_is_read(cached: bool) -> None:
    assert positions_read(9, 0, cached) == 0


def test_memory_bounds_what_does_little_with_a_byte_and_arithmetic_the_rest() -> None:
    assert [attainable(100.0, 10.0, per_byte) for per_byte in (1, 5, 10, 20)] == [10, 50, 100, 100]


def test_the_fit_gives_what_it_gives_for_gopher_and_chinchilla() -> None:
    """By hand from Hoffmann et al. 2022, equation 10, for the sizes of their table 1."""
    assert predicted_loss(280e9, 300e9) == pytest.approx(1.9933, abs=1e-4)
    assert predicted_loss(70e9, 1.4e12) == pytest.approx(1.9366, abs=1e-4)


@pytest.mark.parametrize("compute", [1e18, 1e21, 6e23])
def test_no_size_is_better_than_the_best(compute: float) -> None:
    best = best_size(compute)
    near = best * np.linspace(0.9, 1.1, 21)
    losses = [predicted_loss(size, compute / 6 / size) for size in near]
    assert np.argmin(losses) == 10
