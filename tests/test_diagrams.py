"""Diagrams and plots: drawn from the live model, well-formed, themed by class, the same twice."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gptcore import GPT, CausalSelfAttention, GPTConfig
from gptcore.figures.architecture import architecture
from gptcore.figures.attention_map import attention_map, attention_weights
from gptcore.figures.cache_growth import cache_growth
from gptcore.figures.heads import split_and_joined
from gptcore.figures.plots import CYCLE, curves, milestones, residual_std
from gptcore.figures.shift import shifted
from gptcore.figures.svg import FILL, STROKE, Diagram

SVG = "{http://www.w3.org/2000/svg}"


def drawn(config: GPTConfig) -> Diagram:
    with torch.device("meta"):
        return architecture(GPT(config))


@pytest.fixture(scope="module")
def diagram() -> Diagram:
    return drawn(GPTConfig.gpt2())


def words(diagram: Diagram) -> str:
    return "\n".join(element.text or "" for element in ET.fromstring(diagram.svg).iter())


def test_it_says_what_it_shows(diagram: Diagram) -> None:
    root = ET.fromstring(diagram._repr_svg_())
    labels = [element.get("id") for element in (root[0], root[1])]
    assert [root[0].tag, root[1].tag] == [f"{SVG}title", f"{SVG}desc"]
    assert root.get("aria-labelledby") == " ".join(map(str, labels))
    assert root.get("role") == "img"
    assert "12 heads of 64" in str(root[1].text)
    assert "124,439,808 parameters" in repr(diagram)


@pytest.mark.parametrize("config", [GPTConfig.gpt2(), GPTConfig.gpt2_xl(), GPTConfig.debug()])
def test_numbers_are_the_models(config: GPTConfig) -> None:
    shown = words(drawn(config))
    width, heads = config.n_embd, config.n_head
    for number in (
        f"(B, T, {width})",
        f"(B, {heads}, T, {width // heads})",
        f"{config.vocab_size} × {width}",
        f"{config.block_size} × {width}",
        f"{width} → {3 * width}",
        f"{width} → {4 * width}",
        f"logits  (B, T, {config.vocab_size})",
    ):
        assert number in shown
    assert re.search(rf"^{config.n_layer} × [\d,]+$", shown, flags=re.M)


def test_class_boundaries_nest_as_the_modules_do(diagram: Diagram) -> None:
    root = ET.fromstring(diagram.svg)
    parents = {child: parent for parent in root.iter() for child in parent}

    def path(element: ET.Element | None) -> list[str]:
        if element is None:
            return []
        name = element.get("data-class")
        return path(parents.get(element)) + ([name] if name else [])

    boxes = [path(element) for element in root.iter() if element.get("data-class")]
    assert boxes == [
        ["GPT"],
        ["GPT", "Block"],
        ["GPT", "Block", "CausalSelfAttention"],
        ["GPT", "Block", "CausalSelfAttention", "Head"],
        ["GPT", "Block", "FeedForward"],
    ]


def test_colours_come_from_classes_with_a_fallback(diagram: Diagram) -> None:
    roles = STROKE.keys() | FILL.keys() | {f"text-{role}" for role in STROKE}
    for element in ET.fromstring(diagram.svg).iter():
        assert element.tag != f"{SVG}style"
        assert "style" not in element.attrib
        if element.tag.removeprefix(SVG) in ("rect", "path", "circle", "line", "text"):
            assert element.get("class") in roles
            assert element.get("fill")


def test_tying_is_drawn_only_where_it_is() -> None:
    with torch.device("meta"):
        model = GPT(GPTConfig.debug())
        tied = architecture(model)
        model.lm_head.weight = torch.nn.Parameter(torch.empty(257, 128))
        untied = architecture(model)
    assert "weights of wte" in words(tied)
    assert "shares its weights with wte" in tied.description
    assert "wte" not in words(untied).split("lm_head", 2)[2]
    assert "the same weights" not in words(untied)


def test_same_bytes_twice_and_ids_by_prefix(diagram: Diagram) -> None:
    assert drawn(GPTConfig.gpt2()) == diagram
    with torch.device("meta"):
        other = architecture(GPT(GPTConfig.gpt2()), prefix="other")
    ids = re.findall(r'\bid="([^"]+)"', diagram.svg + other.svg)
    assert len(ids) == len(set(ids)) == 4


def test_all_text_is_large_enough_for_a_phone(diagram: Diagram) -> None:
    root = ET.fromstring(diagram.svg)
    scale = 350 / float(root.attrib["width"])
    assert min(float(t.attrib["font-size"]) * scale for t in root.iter(f"{SVG}text")) >= 11


@pytest.mark.parametrize("tokens", [9, 12, 13, 200])
def test_a_cache_of_any_length_stays_within_its_picture(tokens: int) -> None:
    root = ET.fromstring(cache_growth([(0, tokens - 1), (tokens - 1, 1)]).svg)
    cells = [rect for rect in root.iter(f"{SVG}rect") if rect.get("rx") == "4"]
    assert len(cells) == 2 * tokens - 1
    ends = [float(rect.attrib["x"]) + float(rect.attrib["width"]) for rect in cells]
    assert max(ends) <= float(root.attrib["width"])
    starts = sorted({float(rect.attrib["x"]) for rect in cells})
    assert len(starts) == tokens
    assert starts[1] - starts[0] > float(cells[0].attrib["width"])


def test_a_cache_of_few_tokens_has_squares() -> None:
    root = ET.fromstring(cache_growth([(0, 4), (4, 1)]).svg)
    cell = next(rect for rect in root.iter(f"{SVG}rect") if rect.get("rx") == "4")
    assert cell.attrib["width"] == cell.attrib["height"] == "24"


def test_plot_names_every_curve_apart() -> None:
    figure = residual_std({"a": [0.1, 0.9], "b": [0.1, 0.9], "c": [0.1, 0.2]}, log=True)
    (axes,) = figure.axes
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in axes.texts]
    assert [label.get_text() for label in axes.texts] == ["c", "a", "b"]
    assert not any(one.overlaps(two) for one in boxes for two in boxes if one is not two)


def test_the_lowest_point_of_a_line_is_ringed() -> None:
    falling, turning = ([0, 5, 9], [3.0, 2.0, 1.0]), ([0, 5, 9], [3.0, 2.0, 2.5])
    (axes,) = curves({"a": falling, "b": turning}, "x", "y", lowest="b").axes
    (marked,) = curves({"a": falling, "b": turning}, "x", "y").axes
    assert len(axes.lines) == len(marked.lines) + 1
    assert axes.lines[-1].get_xydata().tolist() == [[5.0, 2.0]]
    assert "lowest" in [text.get_text() for text in axes.texts]
    (axes,) = milestones([3.0] * 10, {0: 3.0, 5: 2.0, 9: 2.5}).axes
    assert axes.lines[-1].get_xydata().tolist() == [[5.0, 2.0]]


def test_a_drawing_without_counts_gives_no_total_away(diagram: Diagram) -> None:
    with torch.device("meta"):
        uncounted = architecture(GPT(GPTConfig.gpt2()), counts=False)
    assert "parameters" not in words(uncounted)
    assert not re.search(r"\d,\d{3}", words(uncounted))
    assert "50257 × 768" in words(uncounted)
    assert re.search(r"\d,\d{3}", words(diagram))


def test_every_colour_of_a_plot_follows_the_theme_and_is_no_part_of_the_model() -> None:
    house = (Path(__file__).resolve().parents[1] / "static" / "style.css").read_text("utf-8")
    themed = set(re.findall(r"--figure-([0-9a-f]{6}):", house))
    assert {colour.removeprefix("#") for colour in CYCLE} <= themed
    roles = ("attention", "ffn", "embedding", "norm", "residual")
    assert not set(CYCLE) & {STROKE[role] for role in roles}
    assert len(set(CYCLE)) == len(CYCLE)


def test_an_attention_map_shows_what_the_model_computes() -> None:
    torch.manual_seed(0)
    model = GPT(GPTConfig(block_size=8, vocab_size=16, n_layer=2, n_head=2, n_embd=8)).eval()
    weights = attention_weights(model, torch.arange(5), layer=1, head=0)
    assert torch.allclose(weights.sum(-1), torch.ones(5))
    assert weights.triu(1).eq(0).all()
    drawing = attention_map(weights, list("abcde"), "A head")
    squares = ET.fromstring(drawing.svg).findall(f".//{SVG}rect")
    assert len(squares) == 5 * 6 // 2
    with pytest.raises(IndexError):
        attention_weights(model, torch.arange(5), layer=2, head=0)


class Recent(CausalSelfAttention):
    """Attends the less, the longer ago."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (self.split_heads(part) for part in self.c_attn(x).chunk(3, dim=-1))
        ago = torch.arange(x.shape[1]) - torch.arange(x.shape[1])[:, None]
        bias = torch.where(ago > 0, -torch.inf, 3.0 * ago)
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.c_proj(y.transpose(1, 2).flatten(2))


def test_a_model_that_attends_otherwise_is_not_drawn_as_if_it_did_not() -> None:
    torch.manual_seed(0)
    config = GPTConfig(block_size=8, vocab_size=16, n_layer=1, n_head=2, n_embd=8)
    model = GPT(config)
    model.transformer.h[0].attn = Recent(config)
    with pytest.raises(ValueError, match=r"h\.0\.attn, a Recent, attends otherwise"):
        attention_weights(model, torch.arange(5), layer=0, head=0)


def test_an_attention_map_is_of_a_model_without_dropout() -> None:
    model = GPT(dataclasses.replace(GPTConfig.debug(), dropout=0.5, block_size=8))
    maps = [attention_weights(model, torch.arange(5), layer=1, head=0) for _ in range(2)]
    assert torch.equal(*maps)
    assert model.training


@pytest.mark.parametrize("token", ["\x00", "\x1b", "\ufffe", "\ud800"])
def test_a_token_that_no_xml_may_hold_is_drawn_as_unknown(token: str) -> None:
    drawing = attention_map(torch.ones(1, 1), [token], f"A {token}")
    assert words(drawing).count("\ufffd") >= 2
    assert drawing.svg.encode()


class Lora(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda m: setattr(m.transformer.h[1].attn, "c_attn", Lora(m.lm_head)),
            r"h\.1\.attn\.c_attn is a Lora, and drawn as a Linear",
        ),
        (lambda m: setattr(m.transformer.h[0].mlp, "gelu", nn.ReLU()), "gelu is a ReLU"),
        (lambda m: setattr(m.transformer, "ln_f", nn.RMSNorm(128)), "ln_f is a RMSNorm"),
        (lambda m: delattr(m.transformer, "wpe"), "wpe is missing"),
        (lambda m: setattr(m.transformer, "h", nn.ModuleList()), "one block or more"),
        (
            lambda m: setattr(m.transformer.h[1].mlp, "c_fc", nn.Linear(128, 99)),
            "one block or more, all alike",
        ),
    ],
)
def test_other_parts_are_not_drawn_as_gpts_own(change: Callable[[Any], object], said: str) -> None:
    model = GPT(GPTConfig.debug())
    change(model)
    with pytest.raises(ValueError, match=said):
        architecture(model)


def test_a_changed_part_is_drawn_as_it_is() -> None:
    model = GPT(GPTConfig.debug())
    for block in model.transformer.h:
        block.mlp.gelu = nn.GELU()
    assert "GELU, tanh form" not in words(architecture(model))
    wrapped = architecture(nn.DataParallel(model))  # type: ignore[arg-type]
    assert words(wrapped) == words(architecture(model))


def join(y: torch.Tensor) -> torch.Tensor:
    return y.transpose(1, 2).flatten(2)


def pieces(drawing: Diagram) -> list[list[int]]:
    """The numbers of the tokens, by row from the top."""
    rows: dict[str, list[int]] = {}
    for label in ET.fromstring(drawing.svg).iter(f"{SVG}text"):
        if (label.text or "").isdigit():
            rows.setdefault(label.attrib["y"], []).append(int(label.text or ""))
    return list(rows.values())


@pytest.mark.parametrize("config", [GPTConfig.debug(), GPTConfig.gpt2(), GPTConfig.gpt2_xl()])
def test_each_head_is_drawn_with_a_piece_of_every_token(config: GPTConfig) -> None:
    with torch.device("meta"):
        split = GPT(config).transformer.h[0].attn.split_heads
    drawing = split_and_joined(split, join, config.n_embd)
    assert pieces(drawing) == 3 * [[token] * config.n_head for token in range(4)]
    assert f"(B, {config.n_head}, T, {config.head_size})" in words(drawing)
    assert "Joined again, each row holds one token, and none" in drawing.description


def test_heads_that_are_split_the_wrong_way_are_drawn_as_they_are() -> None:
    drawing = split_and_joined(lambda x: x.reshape(1, 4, -1, 2), join, 8)
    *_, split, joined = (pieces(drawing)[row : row + 4] for row in (0, 4, 8))
    assert split == joined == [[0, 1, 2, 3]] * 4
    assert "Each head holds one token, and none of the others" in drawing.description


def test_filled_are_the_pieces_of_one_token() -> None:
    svg = split_and_joined(lambda x: x.unflatten(2, (2, 4)).transpose(1, 2), join, 8).svg
    filled = [
        rect for rect in ET.fromstring(svg).iter(f"{SVG}rect") if rect.get("class") == "share"
    ]
    assert len(filled) == 3 * 2


def test_a_shift_leads_from_each_token_to_the_next() -> None:
    ids = torch.tensor([3, 1, 4, 1, 5])
    drawing = shifted(ids[:-1], ids[1:], lambda i: f"t {i}")
    root = ET.fromstring(drawing.svg)
    names = [label.text for label in root.iter(f"{SVG}text") if (label.text or "").startswith("t␣")]
    assert names == [f"t␣{i}" for i in (3, 1, 4, 1, 1, 4, 1, 5)]
    assert len(root.findall(f".//{SVG}line")) == 3
    kinds = [rect.get("class") for rect in root.iter(f"{SVG}rect")]
    assert kinds == ["boundary", "kept", "kept", "kept", "kept", "kept", "kept", "boundary"]
    assert "'t 3' is read and 't 1' is to be predicted" in drawing.description


def test_rows_that_are_not_shifted_are_not_drawn_as_if_they_were() -> None:
    x = torch.tensor([1, 2, 3])
    drawing = shifted(x, x, str)
    assert not ET.fromstring(drawing.svg).findall(f".//{SVG}line")
    assert "0 tokens stand in both rows" in drawing.description
    with pytest.raises(ValueError, match="3 tokens have 2"):
        shifted(x, x[1:], str)
