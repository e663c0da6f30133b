"""What a window of tokens reads, and what it is to predict: the same, one place further on."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from gptcore.figures.svg import WIDTH, Diagram, arrow, document, group, shape, text

LEFT, TOP, HEIGHT, DOWN = 34, 66, 30, 92  # DOWN: from the one row to the other


def shifted(
    x: Tensor, y: Tensor, name: Callable[[int], str], prefix: str = "shift"
) -> Diagram:
    """The tokens x above those that follow them, y, both (T); `name` gives the text of an id.

    What stands in both rows is filled, and a dashed line joins the two places of a token.
    `prefix` begins the ids in the SVG. Raises ValueError unless x and y are equally long.
    """
    if x.shape != y.shape:
        raise ValueError(f"{len(x)} tokens have {len(y)} that follow them")
    count = len(x)
    again = [bool(y[t] == x[t + 1]) for t in range(count - 1)]
    pitch = (WIDTH - LEFT - 8) / count
    canvas = group()
    canvas.append(
        text(8, 24, "What is read, and what is to be predicted", bold=True)
    )
    for t in range(count):
        middle = LEFT + (t + 0.5) * pitch
        canvas.append(
            text(middle, TOP - 10, str(t), "muted", anchor="middle", size=12)
        )
        canvas.append(arrow(middle, TOP + HEIGHT + 5, TOP + DOWN - 5))
    for t in range(count - 1):
        if again[t]:
            start, end = LEFT + (t + 0.72) * pitch, LEFT + (t + 1.28) * pitch
            same = shape(
                "line",
                "boundary",
                x1=start,
                y1=TOP + DOWN - 3,
                x2=end,
                y2=TOP + HEIGHT + 3,
                stroke_width=1.2,
            )
            same.set("stroke-dasharray", "3 4")
            canvas.append(same)
    rows = (("x", x, [False, *again]), ("y", y, [*again, False]))
    for top, (label, ids, both) in zip((TOP, TOP + DOWN), rows, strict=True):
        canvas.append(text(8, top + 20, label, mono=True, bold=True))
        for t, token in enumerate(ids.tolist()):
            box = shape(
                "rect",
                "kept" if both[t] else "boundary",
                x=LEFT + t * pitch + 1.5,
                y=top,
                width=pitch - 3,
                height=HEIGHT,
                rx=4,
            )
            words = text(
                LEFT + (t + 0.5) * pitch,
                top + 19.5,
                _visible(name(token)),
                mono=True,
                anchor="middle",
                size=12,
            )
            canvas.extend((box, words))
    height = TOP + DOWN + HEIGHT + 24
    canvas.append(
        text(
            8, height, "An arrow: what is to be predicted. A dashed line: the same token.",
            "muted", size=12,
        )
    )  # fmt: skip
    pairs = "; ".join(
        f"at {t}, {name(one)!r} is read and {name(next_one)!r} is to be predicted"
        for t, (one, next_one) in enumerate(
            zip(x.tolist(), y.tolist(), strict=True)
        )
    )
    return document(
        canvas,
        WIDTH,
        height + 12,
        "Shifted by one",
        f"Two rows of {count} tokens. {pairs[0].upper()}{pairs[1:]}. "
        f"{sum(again)} tokens stand in both rows, one place apart.",
        prefix,
    )


def _visible(token: str) -> str:
    return token.replace("\n", "↵").replace(" ", "␣")
