"""The model in the browser is the model in torch: logits, attention, loss, chances and text."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page

from gptcore import GPT, GPTConfig
from gptcore.data import Batches, TokenDataset, play
from gptcore.generate import generate_naive
from gptcore.quantize import LARGEST, Quantized, WeightsFile, quantized
from gptcore.tokenizer import byte_tokenizer
from gptcore.train import TrainConfig, train

pytestmark = pytest.mark.browser
SCRIPT = Path(__file__).resolve().parents[2] / "course" / "static" / "model.js"
CONFIG = GPTConfig(block_size=32, vocab_size=257, n_layer=3, n_head=4, n_embd=64)


@pytest.fixture(scope="module")
def weights() -> Quantized:
    """Of a model that has learned a little, so that its choices are clear."""
    torch.manual_seed(0)
    model = GPT(CONFIG)
    ids = byte_tokenizer().encode(play())
    plan = TrainConfig(80, max_lr=3e-3, min_lr=3e-4, warmup_steps=8)
    for _ in train(model, Batches(TokenDataset(ids, CONFIG.block_size), 12), plan):
        pass
    return quantized(model)


@pytest.fixture(scope="module")
def page(weights: Quantized, browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.add_script_tag(content=SCRIPT.read_text("utf-8"))
    data = base64.b64encode(WeightsFile("a model", weights).to_bytes()).decode()
    page.evaluate(
        """data => {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            self.model = new GPTModel(readWeights(bytes.buffer));
        }""",
        data,
    )
    yield page
    page.close()


def prompts(count: int, longest: int) -> list[list[int]]:
    chance = random.Random(1)
    text = play().encode()
    starts = [chance.randrange(len(text) - longest) for _ in range(count)]
    return [list(text[start : start + chance.randint(1, longest)]) for start in starts]


def test_logits_are_those_of_the_quantized_model(weights: Quantized, page: Page) -> None:
    model = weights.model()
    for ids in prompts(20, CONFIG.block_size):
        found = page.evaluate("ids => Array.from(model.logits(ids))", ids)
        with torch.no_grad():
            wanted = model(torch.tensor([ids]))[0][0, -1]
        assert np.abs(np.array(found) - wanted.numpy()).max() < 1e-3


@pytest.mark.parametrize(
    ("count", "new"), [(50, 20), (8, 40)], ids=["within the window", "as it slides"]
)
def test_greedy_text_is_the_same(count: int, new: int, weights: Quantized, page: Page) -> None:
    model = weights.model()
    for ids in prompts(count, 12):
        found = page.evaluate(
            """([ids, count]) => {
                for (; count > 0; count--) ids.push(draw(chances(model.logits(ids), 0, 0, 0), 0));
                return ids;
            }""",
            [ids, new],
        )
        greedy = generate_naive(
            model, torch.tensor([ids]), new, lambda logits: logits.argmax(-1, keepdim=True)
        )
        assert found == greedy[0].tolist()


def test_attention_is_what_the_model_attends_to(weights: Quantized, page: Page) -> None:
    model, ids = weights.model(), prompts(1, CONFIG.block_size)[0]
    page.evaluate("ids => { model.forget(); model.logits(ids); }", ids)
    seen: list[torch.Tensor] = []
    attn = model.transformer.h[1].attn
    attn.c_attn.register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.no_grad():
        model(torch.tensor([ids]))
    q, k, _ = (attn.split_heads(part) for part in seen[0].chunk(3, dim=-1))
    scores = q @ k.transpose(-2, -1) / CONFIG.head_size**0.5
    past = torch.ones(len(ids), len(ids), dtype=torch.bool).tril()
    wanted = scores.masked_fill(~past, -torch.inf).softmax(-1)[0]
    for head in range(CONFIG.n_head):
        rows = page.evaluate("head => model.attention[1][head].map((row) => [...row])", head)
        for t, row in enumerate(rows):
            assert np.allclose(row, wanted[head, t, : t + 1], atol=1e-4)


def test_the_loss_of_a_text_is_its_cross_entropy(weights: Quantized, page: Page) -> None:
    model = weights.model()
    ids = list(play().encode()[500 : 500 + 3 * CONFIG.block_size + 7])
    with torch.no_grad():
        sums = []
        for start in range(0, len(ids) - 1, CONFIG.block_size):
            window = torch.tensor([ids[start : start + CONFIG.block_size + 1]])
            _, loss = model(window[:, :-1], window[:, 1:])
            sums.append((loss.item(), window.shape[1] - 1))
    wanted = sum(loss * count for loss, count in sums) / sum(count for _, count in sums)
    assert page.evaluate("ids => model.loss(ids)", ids) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(1.0, 0, 0), (0.5, 0, 0), (2.0, 5, 0), (1.0, 0, 0.8), (0.7, 20, 0.5), (1.0, 1, 0)],
)
def test_chances_are_what_sample_draws_from(
    temperature: float, top_k: int, top_p: float, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gptcore import generate

    logits = torch.randn(257, generator=torch.Generator().manual_seed(3)) * 3
    drawn: list[torch.Tensor] = []

    def multinomial(probs: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        drawn.append(probs)
        return probs.argmax(-1, keepdim=True)

    monkeypatch.setattr(generate.torch, "multinomial", multinomial)
    generate.sample(logits[None], temperature, top_k or None, top_p or None)
    wanted = drawn[0][0] / drawn[0][0].sum()
    found = page.evaluate(
        "([logits, t, k, p]) => Array.from(chances(Float32Array.from(logits), t, k, p))",
        [logits.tolist(), temperature, top_k, top_p],
    )
    assert np.allclose(found, wanted, atol=1e-5)


def test_what_is_drawn_follows_the_chances(page: Page) -> None:
    counts = page.evaluate(
        """() => {
            const counts = [0, 0, 0];
            for (let i = 0; i < 1000; i++) counts[draw([0.2, 0.5, 0.3], i / 1000)] += 1;
            return counts;
        }"""
    )
    assert counts == pytest.approx([200, 500, 300], abs=1)


# Quantizing.


def test_no_weight_is_off_by_more_than_half_a_step(weights: Quantized) -> None:
    torch.manual_seed(1)
    model = GPT(CONFIG)
    made = quantized(model)
    for name, rows in made.matrices.items():
        whole = model.state_dict()[name]
        assert (rows.matrix() - whole).abs().le(rows.steps[:, None] / 2 + 1e-9).all(), name
        assert rows.numbers.abs().amax(1).eq(LARGEST).all()
    for name, vector in made.vectors.items():
        assert torch.equal(vector, model.state_dict()[name])


def test_a_row_of_zeros_stays_one() -> None:
    model = GPT(CONFIG)
    with torch.no_grad():
        model.transformer.wpe.weight[3] = 0
    assert quantized(model).model().transformer.wpe.weight[3].abs().max() == 0


def test_the_debug_model_fits_a_megabyte() -> None:
    assert len(WeightsFile("", quantized(GPT(GPTConfig.debug()))).to_bytes()) <= 1_000_000
