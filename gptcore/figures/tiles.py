"""What flash attention computes of the scores: which tiles, and which never."""

from __future__ import annotations

import torch

from gptcore.figures.svg import WIDTH, Diagram, document, group, shape, text

LEFT, TOP, CELL = 96, 66, 27
ROLES = {"seen": "attention", "cut": "partly", "skipped": "boundary"}


def causal_tiles(
    length: int, tile: int, row: int, prefix: str = "causal-tiles"
) -> Diagram:
    """The scores of `length` tokens in tiles of `tile` by `tile`, as the causal mask divides them.

    An arrow shows the way of one row of tiles, `row` from 0. `prefix` begins the ids in the SVG.
    Raises ValueError unless tile divides length and the row is one of the tiles'.
    """
    if length % tile or not 0 <= row < length // tile:
        raise ValueError(
            f"{length} tokens are to be divided by tiles of {tile}, and row {row} one of theirs"
        )
    kinds = _kinds(length, tile)
    count = len(kinds)
    canvas = group()
    for i, kinds_of_row in enumerate(kinds):
        for j, kind in enumerate(kinds_of_row):
            canvas.append(
                shape(
                    "rect",
                    ROLES[kind],
                    x=LEFT + j * CELL,
                    y=TOP + i * CELL,
                    width=CELL - 3,
                    height=CELL - 3,
                    rx=3,
                )
            )
    canvas.append(text(8, 24, "The scores, a tile at a time", bold=True))
    canvas.append(text(LEFT, TOP - 10, "keys, from first to last", size=12))
    canvas.append(text(8, TOP + 17, "queries", size=12))
    y = TOP + (row + 0.5) * CELL - 1.5
    end = LEFT + (row + 1) * CELL
    canvas.append(
        shape("path", "line", d=f"M {LEFT + 4} {y} H {end}", stroke_width=2)
    )
    tip = f"M {end - 5} {y - 5} L {end + 1} {y} L {end - 5} {y + 5}"
    canvas.append(shape("path", "line", d=tip, stroke_width=2))
    y = TOP + count * CELL + 12
    for kind, words in (
        ("seen", "computed whole"),
        ("cut", "on the diagonal: computed, then masked"),
        ("skipped", "in the future: never computed"),
    ):
        canvas.append(
            shape("rect", ROLES[kind], x=8, y=y, width=16, height=16, rx=3)
        )
        canvas.append(text(32, y + 13, words, size=12))
        y += 24
    skipped = sum(
        kind == "skipped" for kinds_of_row in kinds for kind in kinds_of_row
    )
    return document(
        canvas,
        WIDTH,
        y + 8,
        "Tiles of causal attention",
        f"{count} by {count} tiles. {skipped} of {count**2} lie in the future and are skipped. "
        "One row of queries walks through its keys, tile by tile, up to the diagonal.",
        prefix,
    )


def _kinds(length: int, tile: int) -> list[list[str]]:
    """Of each tile, how much the causal mask leaves of it."""
    past = torch.ones(length, length, dtype=torch.bool).tril()
    count = length // tile
    tiles = past.view(count, tile, count, tile).transpose(1, 2).flatten(2)
    return [
        ["seen" if one.all() else "cut" if one.any() else "skipped" for one in row]
        for row in tiles
    ]
