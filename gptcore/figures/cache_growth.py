"""How a cache grows while a model writes, drawn from what a real one held."""

from __future__ import annotations

from collections.abc import Sequence

from gptcore.figures.svg import WIDTH, Diagram, document, group, shape, text

LEFT, TOP, SIZE = 74, 44, 24
ROW = SIZE + 8


def cache_growth(
    steps: Sequence[tuple[int, int]], prefix: str = "cache-growth"
) -> Diagram:
    """A row for each pass: how many tokens were in the cache, and how many were read.

    `steps` holds these two numbers for each pass, the prompt's first. `prefix` begins the ids in
    the SVG: two diagrams on one page need two.
    """
    longest = max([1, *map(sum, steps)])
    pitch = min(SIZE + 3, (WIDTH - LEFT) / longest)
    width = pitch * SIZE / (SIZE + 3)
    canvas = group()
    for index, (cached, new) in enumerate(steps):
        y = TOP + index * ROW
        canvas.append(
            text(8, y + 17, "prompt" if index == 0 else f"token {index}", size=12)
        )
        for place in range(cached + new):
            role = "kept" if place < cached else "attention"
            x = LEFT + place * pitch
            canvas.append(
                shape("rect", role, x=x, y=y, width=width, height=SIZE, rx=4)
            )
    y = TOP + len(steps) * ROW + 12
    for x, role, words in (
        (8, "kept", "K and V kept"),
        (150, "attention", "Q, K and V computed"),
    ):
        canvas.append(shape("rect", role, x=x, y=y, width=16, height=16, rx=3))
        canvas.append(text(x + 24, y + 13, words, size=12))
    canvas.append(
        text(
            8,
            24,
            "What each pass computes, and what it finds in the cache",
            bold=True,
        )
    )
    computed = sum(new for _, new in steps)
    total = sum(cached + new for cached, new in steps)
    return document(
        canvas,
        WIDTH,
        y + 30,
        "Growth of a KV cache",
        f"{len(steps)} passes. With the cache {computed} tokens are computed, without it {total}.",
        prefix,
    )
