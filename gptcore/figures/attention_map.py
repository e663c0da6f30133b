"""What each token of a text attends to, in one head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gptcore.figures.svg import WIDTH, Diagram, document, group, shape, text
from gptcore.generate import eval_mode
from gptcore.model import GPT

LEFT, TOP = 34, 62


@torch.no_grad()
def attention_weights(model: GPT, idx: Tensor, layer: int, head: int) -> Tensor:
    """How much each token of idx, (T), takes from each: (T, T), each row's sum is 1.

    `layer` and `head` count from 0; IndexError if the model has no such. ValueError if it attends
    otherwise than by softmax(q kᵀ / √head_size) v.
    """
    attn = model.transformer.h[layer].attn
    seen: list[Tensor] = []
    hooks = (
        attn.c_attn.register_forward_hook(lambda *called: seen.append(called[-1])),
        attn.c_proj.register_forward_pre_hook(
            lambda *called: seen.extend(called[-1])
        ),
    )
    try:
        with eval_mode(model):
            model(idx[None])
    finally:
        for hook in hooks:
            hook.remove()
    qkv, mixed = seen  # (1, T, 3 * C) and (1, T, C)
    parts = (attn.split_heads(part) for part in (*qkv.chunk(3, dim=-1), mixed))
    q, k, v, taken = (part[0, head] for part in parts)  # each (T, head_size)
    scores = q @ k.T / q.shape[-1] ** 0.5
    past = torch.ones(
        len(idx), len(idx), dtype=torch.bool, device=idx.device
    ).tril()
    weights = scores.masked_fill(~past, -torch.inf).softmax(dim=-1)
    off = (weights @ v - taken).abs().max()
    if off > 0.05 * taken.abs().max():  # more than rounding, in whatever dtype
        raise ValueError(
            f"transformer.h.{layer}.attn, a {type(attn).__name__}, attends otherwise than by its "
            "queries and keys alone; draw what it computes itself"
        )
    return weights


def attention_map(
    weights: Tensor,
    tokens: Sequence[str],
    title: str,
    prefix: str = "attention-map",
) -> Diagram:
    """A square for each pair of tokens, the fuller the more the row's takes from the column's.

    `weights` is (T, T), `tokens` are how its rows are named. `prefix` begins the ids in the SVG.
    """
    count = len(tokens)
    cell = (WIDTH - LEFT - 8) / count
    canvas = group()
    canvas.append(text(8, 24, title, bold=True))
    for place, token in enumerate(tokens):
        middle = LEFT + (place + 0.5) * cell
        canvas.append(
            text(middle, TOP - 8, token, mono=True, anchor="middle", size=12)
        )
        canvas.append(
            text(8, TOP + (place + 0.7) * cell, token, mono=True, size=12)
        )
    for row in range(count):
        for column in range(row + 1):
            share = weights[row, column].item()
            square = shape(
                "rect",
                "share",
                x=LEFT + column * cell,
                y=TOP + row * cell,
                width=cell - 1.5,
                height=cell - 1.5,
                rx=2,
                opacity=max(0.05, share),
            )
            canvas.append(square)
    row = int(weights.diagonal().argmin()) if count > 1 else 0
    most = int(weights[row].argmax())
    return document(
        canvas,
        WIDTH,
        TOP + count * cell + 8,
        title,
        f"Rows are tokens, columns what they attend to. Row {row + 1}, {tokens[row]!r}, takes "
        f"{weights[row, most].item():.0%} from column {most + 1}, {tokens[most]!r}.",
        prefix,
    )
