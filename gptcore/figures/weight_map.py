"""The map of the weights, seen: two module trees with arrows, and a table. Drawn from `PAIRS`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from xml.etree.ElementTree import Element

from gptcore.config import GPTConfig
from gptcore.figures.svg import WIDTH, Diagram, document, group, shape, text
from gptcore.pretrained.mapping import PAIRS, Kind, Pair, their_shapes
from gptcore.tables import Table

LEFT, RIGHT = 10, 268  # where the trees begin
TAIL, TIP = 166, 262  # of the arrows
ROW, INDENT = 22, 10
COLOURS: dict[Kind, str] = {
    "copy": "#64748b",
    "transpose": "#a3164a",
    "tied": "#8e24aa",
}
MEANING: dict[Kind, str] = {
    "copy": "copy: as it is",
    "transpose": "transpose: (in, out) becomes (out, in)",
    "tied": "tied: the same matrix as wte, skipped",
}
PARTS = {  # of a name -> the kind of part, and its colour's role
    "wte": "embedding",
    "wpe": "embedding",
    "lm_head": "embedding",
    "attn": "attention",
    "mlp": "ffn",
    "ln_": "norm",
}
COMPONENT = {
    "embedding": "embeddings",
    "attention": "attention",
    "ffn": "feed-forward",
    "norm": "layer norm",
}


def diagram(config: GPTConfig, prefix: str = "weight-map") -> Diagram:
    """Their modules on the left, ours on the right, an arrow for each weight.

    A layer is drawn once for all. An arrow and the names at its two ends carry the weight's name
    as `data-map`. `prefix` begins the ids in the SVG: two diagrams on one page need two.
    """
    pairs = [
        pair for pair in PAIRS if config.bias or not pair.ours.endswith("bias")
    ]
    canvas = group()
    ends = []
    for x, title, names in (
        (LEFT, "transformers", [pair.theirs for pair in pairs]),
        (RIGHT, "gptcore", [pair.ours for pair in pairs]),
    ):
        canvas.append(text(x, 20, title, bold=True))
        heights, lines = _tree(names, pairs, x, config.n_layer)
        canvas.extend(lines)
        ends.append(heights)
    theirs, ours = ends
    for pair in pairs:
        canvas.append(_arrow(pair, theirs[pair.theirs], ours[pair.ours]))
    bottom = max(*theirs.values(), *ours.values()) + 36
    canvas.extend(_legend(bottom))
    return document(
        canvas,
        WIDTH,
        bottom + len(MEANING) * 24,
        "How GPT-2's weights map onto our classes",
        _describe(pairs, config.n_layer),
        prefix,
    )


@dataclass(frozen=True, repr=False)
class WeightTable(Table):
    """The same as rows: name there, shape there, name here, shape here, what happens."""

    pairs: Sequence[Pair]  # of each row

    def _row_tag(self, index: int) -> str:
        pair = self.pairs[index]
        return f'<tr class="{pair.kind}" data-map="{escape(pair.ours)}">'


def table(config: GPTConfig) -> WeightTable:
    """Every weight once, those of a layer once for all, by the kind of part."""
    there = their_shapes(config)
    rows = []
    for pair in PAIRS:
        if pair.in_layer(0).theirs not in there:
            continue
        shape_there = there[pair.in_layer(0).theirs]
        shape_here = shape_there[::-1] if pair.kind == "transpose" else shape_there
        names = (_of_layers(n, config.n_layer) for n in (pair.theirs, pair.ours))
        part = COMPONENT[_role(pair.ours)]
        theirs, ours = names
        cells = (part, theirs, str(shape_there), ours, str(shape_here), pair.kind)
        rows.append((pair, cells))
    order = list(COMPONENT.values())
    rows.sort(key=lambda row: order.index(row[1][0]))
    header = ("part", "transformers", "shape", "gptcore", "shape", "kind")
    return WeightTable(header, [cells for _, cells in rows], [p for p, _ in rows])


def _tree(
    names: Sequence[str], pairs: Sequence[Pair], x: float, layers: int
) -> tuple[dict[str, float], list[Element]]:
    """The modules that names come from, indented: the height of each name, and the drawing."""
    heights: dict[str, float] = {}
    lines: list[Element] = []
    above: list[str] = []
    y = 24.0
    for name, pair in zip(names, pairs, strict=True):
        *modules, module, kind = name.replace("h.{}", "h {}").split(".")
        for depth, label in enumerate(modules):
            if modules[: depth + 1] != above[: depth + 1]:
                y += ROW
                words = _of_layers(label.replace("h {}", "h.{}"), layers)
                lines.append(text(x + depth * INDENT, y, words, "muted", True))
        above = modules
        y += ROW
        leaf = text(
            x + len(modules) * INDENT,
            y,
            f"{module}.{kind}",
            _role(name),
            mono=True,
            size=12,
        )
        leaf.set("data-map", pair.ours)
        lines.append(leaf)
        heights[name] = y
    return heights, lines


def _arrow(pair: Pair, start: float, end: float) -> Element:
    """From a name there to a name here, with what happens on the way."""
    arrow = group(data_map=pair.ours)
    arrow.set("class", pair.kind)
    arrow.append(_line(pair.kind, TAIL, start - 4, TIP, end - 4))
    if pair.kind == "transpose":
        middle, above = (TAIL + TIP) / 2, (start + end) / 2 - 8
        words = text(middle, above, ".t()", mono=True, anchor="middle", size=12)
        words.set("style", f"fill:{COLOURS[pair.kind]}")
        arrow.append(words)
    return arrow


def _line(kind: Kind, x1: float, y1: float, x2: float, y2: float) -> Element:
    """A line with a head; a dashed one without, where nothing moves."""
    head = (
        ""
        if kind == "tied"
        else f" M{x2 - 6},{y2 - 4.5} L{x2},{y2} L{x2 - 6},{y2 + 4.5}"
    )
    line = shape("path", kind, d=f"M{x1},{y1} L{x2},{y2}{head}", stroke_width=1.6)
    # As a style, so that a page may put its own colour for this one.
    line.set("style", f"stroke:{COLOURS[kind]}")
    if kind == "tied":
        line.set("stroke-dasharray", "3 4")
    return line


def _legend(top: float) -> Iterable[Element]:
    for place, (kind, meaning) in enumerate(MEANING.items()):
        y = top + place * 24
        yield _line(kind, LEFT, y - 4, LEFT + 34, y - 4)
        yield text(LEFT + 46, y, meaning, size=12)


def _describe(pairs: Sequence[Pair], layers: int) -> str:
    by_kind = {
        kind: ", ".join(_of_layers(p.ours, layers) for p in pairs if p.kind == kind)
        for kind in MEANING
    }
    return (
        f"Each weight of transformers' GPT-2 beside ours of the same name, {layers} layers drawn "
        f"as one. Transposed: {by_kind['transpose']}. Tied to wte and skipped: "
        f"{by_kind['tied']}. All others are copied: {by_kind['copy']}."
    )


def _of_layers(name: str, layers: int) -> str:
    """A name with the numbers of all layers in it."""
    numbers = "h.0" if layers == 1 else f"h.0 … h.{layers - 1}"
    return name.replace("h.{}", numbers)


def _role(name: str) -> str:
    return next(role for part, role in PARTS.items() if part in name)
