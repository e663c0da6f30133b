"""Plots that are moved compute what the library computes, and say so."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page

from gptcore import GPTConfig, KVCache, laws
from gptcore.schedule import lr_at

pytestmark = pytest.mark.browser
SCRIPT = Path(__file__).resolve().parents[2] / "course" / "static" / "functions.js"


def rates() -> Iterator[tuple[list[float], float]]:
    for peak, floor, warmup, steps in product((1e-5, 6e-4, 0.1), (0, 0.1), (0, 1, 30), (40, 450)):
        for step in (0, 1, warmup, 17, steps // 2, steps - 1, steps, steps + 5):
            plan = {"max_lr": peak, "min_lr": floor * peak, "warmup_steps": warmup}
            yield [step, peak, floor * peak, warmup, steps], lr_at(step, max_steps=steps, **plan)


def shares() -> Iterator[tuple[list[float], list[float]]]:
    scores = torch.tensor([2.0, 1.0, 0.5, -1.0], dtype=torch.float64)
    for temperature, k in product((0.05, 0.5, 1, 2, 5), (1, 2, 3, 4)):
        kept = torch.full_like(scores, -math.inf)
        kept[scores.topk(k).indices] = scores.topk(k).values
        yield [temperature, k], torch.softmax(kept / temperature, -1).tolist()


def caches() -> Iterator[tuple[list[float], float]]:
    for layers, width, tokens, batch in product((1, 12), (64, 768), (1, 100), (1, 32)):
        config = GPTConfig(block_size=128, n_layer=layers, n_head=4, n_embd=width)
        for size, dtype in ((2, torch.bfloat16), (4, torch.float32)):
            allocated = KVCache(config, batch, tokens, device="meta", dtype=dtype).nbytes
            assert laws.cache_bytes(config, tokens, batch, size) == allocated
            yield [layers, width, tokens, batch, size], allocated


def positions() -> Iterator[tuple[list[float], float]]:
    for prompt, new, cached in product((1, 4, 10), (0, 1, 6, 100), (True, False)):
        yield [prompt, new, cached], laws.positions_read(prompt, new, cached)


def speeds() -> Iterator[tuple[list[float], float]]:
    for peak, bandwidth, x in product((1e9, 3e14), (1e9, 3e12), (0.05, 1, 104.1, 2000)):
        yield [peak, bandwidth, x], laws.attainable(peak, bandwidth, x)


def losses() -> Iterator[tuple[list[float], float]]:
    for n, d in product((1e6, 124439808, 7e10), (1e8, 1.4e12)):
        yield [n, d], laws.predicted_loss(n, d)


def sizes() -> Iterator[tuple[list[float], float]]:
    for compute in (1e18, 5.9e23, 1e26):
        yield [compute], laws.best_size(compute)


GRIDS = {
    "lr_at": (
        "(step, maxLr, minLr, warmup, steps) => lrAt(step, {maxLr, minLr, warmup, steps})",
        rates,
    ),
    "probabilities": ("(t, k) => probabilities([2, 1, 0.5, -1], t, k)", shares),
    "cache_bytes": ("cacheBytes", caches),
    "positions_read": ("positionsRead", positions),
    "attainable": ("attainable", speeds),
    "predicted_loss": ("predictedLoss", losses),
    "best_size": ("bestSize", sizes),
}


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.add_script_tag(content=SCRIPT.read_text("utf-8"))
    yield page
    page.close()


@pytest.mark.parametrize(("function", "grid"), GRIDS.values(), ids=GRIDS)
def test_a_port_is_the_librarys_function(function: str, grid: Callable, page: Page) -> None:
    given, wanted = zip(*grid(), strict=True)
    found = page.evaluate(f"rows => rows.map((row) => ({function})(...row))", given)
    for one, other, row in zip(found, wanted, given, strict=True):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-300), row


def test_the_best_size_is_where_the_loss_is_least() -> None:
    for compute in (1e18, 1e22, 1e26):
        best = laws.best_size(compute)

        def loss(size: float, compute: float = compute) -> float:
            return laws.predicted_loss(size, compute / 6 / size)

        assert loss(best) < min(loss(0.99 * best), loss(1.01 * best))


def test_a_cache_reads_what_its_growth_shows() -> None:
    assert laws.positions_read(4, 6, True) == 4 + 5
    assert laws.positions_read(4, 6, False) == 4 + 5 + 6 + 7 + 8 + 9
