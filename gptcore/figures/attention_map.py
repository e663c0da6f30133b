"""What each token of a text attends to, in one head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gptcore.figures.svg import WIDTH, Diagram, document, group, shape, text
from gptcore.model import GPT

LEFT, TOP = 34, 62


@torch.no_grad()
def attention_weights(model: GPT, idx: Tensor, layer: int, head: int) -> Tensor:
    """How much each token of idx, (T), takes from each: (T, T), each row's sum is 1.

    `layer` and `head` count from 0; IndexError if the model has no such.
    """
    attn = model.transformer.h[layer].attn
    seen: list[Tensor] = []
    hook = attn.c_attn.register_forward_hook(
        lambda module, inputs, output: seen.append(output)
    )
    try:
        model(idx[None])
    finally:
        hook.remove()
    q, k, _ = (attn.split_heads(part) for part in seen[0].chunk(3, dim=-1))
    q, k = q[0, head], k[0, head]  # each (T, head_size)
    scores = q @ k.T / q.shape[-1] ** 0.5
    past = torch.ones(
        len(idx), len(idx), dtype=torch.bool, device=idx.device
    ).tril()
    return scores.masked_fill(~past, -torch.inf).softmax(dim=-1)


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
