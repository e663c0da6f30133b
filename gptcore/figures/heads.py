"""Where the numbers of each token go when heads are split, and when they are joined again."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

import torch
from torch import Tensor

from gptcore.figures.svg import WIDTH, Diagram, arrow, document, group, shape, text

LEFT, ROW = 8, 21
GAP = 62  # between two stages, with an arrow and a shape in it


def split_and_joined(
    split: Callable[[Tensor], Tensor],
    join: Callable[[Tensor], Tensor],
    n_embd: int,
    tokens: int = 4,
    followed: int = 1,
    prefix: str = "heads",
) -> Diagram:
    """The way of `tokens` tokens of `n_embd` numbers through `split` and `join`.

    `split` makes (B, n_head, T, head_size) of (B, T, n_embd), and `join` the reverse. Each piece
    bears the number of the token that it is of, found by sending these numbers themselves; the
    pieces of the `followed` token are filled. `prefix` begins the ids in the SVG.
    """
    numbers = torch.arange(tokens)[None, :, None].expand(1, tokens, n_embd)
    heads = split(numbers.contiguous())  # (1, n_head, T, head_size)
    joined = join(heads)  # (1, T, n_embd)
    n_head, size = heads.shape[1], heads.shape[3]
    of_heads = heads[0, :, :, 0].tolist()  # a list for each head
    of_rows = joined[0, :, ::size].tolist()  # a list for each token

    pitch = (WIDTH - 2 * LEFT) / n_head
    canvas = group()
    canvas.append(text(LEFT, 24, "Split into heads, and joined again", bold=True))

    def pieces(y: float, rows: list[list[int]], inset: float) -> None:
        for row, of_tokens in enumerate(rows):
            for place, token in enumerate(of_tokens):
                canvas.extend(
                    _piece(
                        LEFT + place * pitch + inset,
                        y + row * ROW,
                        pitch - 2 * inset,
                        token,
                        token == followed,
                    )
                )

    height = tokens * ROW
    y = 60.0
    canvas.append(_shape(y, f"(B, T, {n_embd})", "a row for each token"))
    pieces(y, [[token] * n_head for token in range(tokens)], 0.5)
    y += height + GAP
    canvas.extend(_step(y, "split"))
    canvas.append(_shape(y, f"(B, {n_head}, T, {size})", "a box for each head"))
    for head in range(n_head):
        frame = shape(
            "rect",
            "boundary",
            x=LEFT + head * pitch + 1.5,
            y=y - 4,
            width=pitch - 3,
            height=height + 5,
            rx=4,
        )
        canvas.append(frame)
    pieces(y, [list(row) for row in zip(*of_heads, strict=True)], 4.5)
    y += height + GAP
    canvas.extend(_step(y, "attention in each head, then join"))
    canvas.append(_shape(y, f"(B, T, {n_embd})", "side by side again"))
    pieces(y, of_rows, 0.5)
    y += height + 22
    canvas.append(
        text(
            LEFT,
            y,
            f"A number says which token a piece is of; token {followed} is filled.",
            "muted",
            size=12,
        )
    )
    return document(
        canvas,
        WIDTH,
        y + 12,
        "Heads, split and joined again",
        f"{tokens} tokens of {n_embd} numbers each, split into {n_head} heads of {size}. "
        + _said("head", of_heads)
        + " Joined again, "
        + _said("row", of_rows).lower(),
        prefix,
    )


def _piece(
    x: float, y: float, width: float, token: int, filled: bool
) -> list[Element]:
    role, ink = ("share", "paper") if filled else ("attention", "ink")
    box = shape("rect", role, x=x, y=y, width=width, height=ROW - 3, rx=3)
    label = text(x + width / 2, y + 13.5, str(token), ink, anchor="middle", size=12)
    return [box, label]


def _shape(y: float, sizes: str, words: str) -> Element:
    """What stands above a stage that begins at y."""
    return text(LEFT, y - 12, f"{sizes}  {words}", "muted")


def _step(y: float, words: str) -> list[Element]:
    """Down to the stage that begins at y, with what is done on the way."""
    top, tip = y - GAP + 4, y - 30
    return [arrow(LEFT + 8, top, tip), text(LEFT + 24, tip - 6, words)]


def _said(one: str, of_tokens: list[list[int]]) -> str:
    """Which tokens' pieces are where, in words."""
    if all(set(tokens) == {index} for index, tokens in enumerate(of_tokens)):
        return f"Each {one} holds one token, and none of the others."
    if all(tokens == of_tokens[0] for tokens in of_tokens):
        return f"Each {one} holds pieces of the tokens {_listed(of_tokens[0])}."
    parts = "; ".join(
        f"{one} {index} holds pieces of the tokens {_listed(tokens)}"
        for index, tokens in enumerate(of_tokens)
    )
    return f"{parts.capitalize()}."


def _listed(tokens: list[int]) -> str:
    return ", ".join(map(str, tokens))
