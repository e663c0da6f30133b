"""Pictures of a model, drawn from the model itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from xml.etree.ElementTree import Element

from torch import nn

from gptcore.figures.svg import (
    ARROWHEAD,
    WIDTH,
    Diagram,
    arrow,
    document,
    group,
    shape,
    text,
)
from gptcore.language_model import unwrapped
from gptcore.model import GPT, Block, CausalSelfAttention, FeedForward
from gptcore.verify import count_parameters

STREAM = 38  # x of the residual stream's middle
LANE = 116  # x of the arrows within a sub-layer
LEFT, RIGHT = 76, 366  # of a sub-layer
TIE = 386  # x of the line from wte to lm_head
ROW = 34  # height of a box
GAP = 36  # between two boxes: an arrow, and the shape beside it
PAD = 12  # from a boundary to what it holds

IN_MODEL: dict[str, type[nn.Module]] = {
    "transformer.wte": nn.Embedding,
    "transformer.wpe": nn.Embedding,
    "transformer.ln_f": nn.LayerNorm,
    "lm_head": nn.Linear,
}
IN_BLOCK: dict[str, type[nn.Module]] = {
    "ln_1": nn.LayerNorm,
    "attn.c_attn": nn.Linear,
    "attn.c_proj": nn.Linear,
    "ln_2": nn.LayerNorm,
    "mlp.c_fc": nn.Linear,
    "mlp.gelu": nn.GELU,
    "mlp.c_proj": nn.Linear,
}


def architecture(
    model: GPT, prefix: str = "architecture", counts: bool = True
) -> Diagram:
    """The whole model from token ids to logits, with the classes that it is made of.

    Every number is read off the model's own modules; `counts` are those of parameters. `prefix`
    begins the ids in the SVG: two diagrams on one page need two. A compiled or wrapped model is
    drawn as what is within.

    Raises ValueError for a model of other parts than are drawn, or whose blocks differ.
    """
    model = unwrapped(model)
    _check_parts(model)
    pen = Pen(counts)
    with pen.boundary(
        type(model).__name__, 4, WIDTH - 4, pen.count(model, " parameters")
    ):
        source = _draw_embeddings(pen, model)
        _draw_blocks(pen, list(model.transformer.h))
        target = _draw_output(pen, model, source)
        if _tied(model):
            pen.tie(source, target)
    _draw_legend(pen, _tied(model))
    total = f" {count_parameters(model):,} parameters." if counts else ""
    return document(
        pen.canvas,
        WIDTH,
        pen.y,
        "The architecture of GPT",
        _describe(model) + total,
        prefix,
    )


class Pen:
    """Draws from the top down; `y` is where the next thing begins."""

    def __init__(self, counts: bool) -> None:
        self.counts = counts
        self.y = 4.0
        self.canvas = group()

    def add(self, *elements: Element) -> None:
        self.canvas.extend(elements)

    def count(self, module: nn.Module, unit: str = "") -> str:
        """How many parameters a module has, if that is to be drawn."""
        return f"{count_parameters(module):,}{unit}" if self.counts else ""

    @contextmanager
    def boundary(
        self,
        name: str,
        left: float,
        right: float,
        note: str,
        label_x: float = 0,
    ) -> Iterator[None]:
        """A dashed line around what the class `name` does."""
        around, top = self.canvas, self.y
        self.canvas = group(data_class=name)
        frame = shape("rect", "boundary", x=left, y=top, width=right - left, rx=9)
        label = text(label_x or left + PAD, top + 23, name, mono=True, bold=True)
        self.add(
            frame, label, text(right - PAD, top + 23, note, "muted", anchor="end")
        )
        self.y += ROW + 2
        yield
        self.y += PAD
        frame.attrib |= {"height": f"{self.y - top:g}", "stroke-dasharray": "5 4"}
        around.append(self.canvas)
        self.canvas = around

    def box(
        self,
        role: str,
        name: str,
        what: str,
        note: str,
        left: float,
        right: float,
        under: str = "",
    ) -> float:
        """One layer: its name in the model, what it does, its parameters. Gives its middle."""
        height = ROW + 18 if under else ROW
        top, base = self.y, self.y + ROW / 2 + 4.5
        self.add(
            shape(
                "rect", role, x=left, y=top, width=right - left, height=height, rx=6
            ),
            text(left + PAD, base, name, role, mono=True, bold=True),
            text(left + PAD + 66, base, what),
            text(right - PAD, base + height - ROW, note, "muted", anchor="end"),
        )
        if under:
            self.add(text(left + PAD + 66, base + 18, under))
        self.y += height
        return top + height / 2

    def flow(self, words: str, x: float = LANE) -> None:
        """An arrow down, with what flows beside it."""
        self.add(
            arrow(x, self.y + 4, self.y + GAP - 4),
            text(x + 14, self.y + GAP / 2 + 4.5, words, "muted"),
        )
        self.y += GAP

    def stream(self, top: float) -> None:
        """The residual stream from top to here, behind everything."""
        band = shape(
            "rect",
            "residual",
            x=STREAM - 5,
            y=top,
            width=10,
            height=self.y - top,
            rx=5,
        )
        self.canvas.insert(0, band)

    def stream_shape(self, words: str) -> None:
        self.add(text(STREAM + 20, self.y + 17, words, "residual"))
        self.y += 26

    def branch(self) -> None:
        """Out of the residual stream into a sub-layer."""
        y = self.y
        self.add(
            _line(f"M{STREAM + 5},{y} H{LANE - 10} q10,0 10,10 v14 {ARROWHEAD}")
        )
        self.y += 28

    def join(self) -> None:
        """From a sub-layer back into the residual stream."""
        self.y += 28
        self.add(_line(f"M{LANE},{self.y - 24} v14 q0,10 -10,10 H{STREAM + 15}"))
        self.plus(self.y)
        self.y += 12

    def plus(self, y: float) -> None:
        """Where something is added to the residual stream."""
        x = STREAM
        self.add(
            _line(f"M{x + 20.5},{y - 4.5} l-5.5,4.5 l5.5,4.5"),
            shape("circle", "residual", cx=x, cy=y, r=11, stroke_width=1.5),
            shape(
                "path",
                "residual",
                d=f"M{x - 5},{y} h10 M{x},{y - 5} v10",
                stroke_width=1.8,
            ),
        )

    def tie(self, top: float, bottom: float) -> None:
        """Two layers, one matrix."""
        corners = [(RIGHT, top), (TIE, top), (TIE, bottom), (RIGHT, bottom)]
        self.add(*(_tie(*start, *end) for start, end in pairwise(corners)))


def _check_parts(model: GPT) -> None:
    """Refuse, by ValueError, what would be drawn as something that it is not."""
    blocks = [name for name, _ in model.transformer.h.named_children()]
    kinds = {
        f"transformer.h.{i}.{name}": kind
        for i in blocks
        for name, kind in IN_BLOCK.items()
    }
    parts = dict(model.named_modules(remove_duplicate=False))
    for name, kind in (IN_MODEL | kinds).items():
        part = parts.get(name)
        if type(part) is not kind:
            found = "missing" if part is None else f"a {type(part).__name__}"
            raise ValueError(
                f"{name} is {found}, and drawn as a {kind.__name__}; draw another model by hand"
            )
    shapes = [
        {name: tuple(weight.shape) for name, weight in block.named_parameters()}
        for block in model.transformer.h
    ]
    if not shapes or any(one != shapes[0] for one in shapes):
        raise ValueError(
            "transformer.h is to hold one block or more, all alike: one is drawn"
        )


def _draw_embeddings(pen: Pen, model: GPT) -> float:
    """Token ids to the start of the residual stream. Gives the height of wte."""
    wte, wpe = model.transformer.wte, model.transformer.wpe
    pen.flow("token ids (B, T)")
    token = pen.box(
        "embedding", "wte", "token embedding", pen.count(wte), LEFT, RIGHT,
        f"{wte.num_embeddings} × {wte.embedding_dim}",
    )  # fmt: skip
    pen.y += 12
    position = pen.box(
        "embedding", "wpe", "position embedding", pen.count(wpe), LEFT, RIGHT,
        f"{wpe.num_embeddings} × {wpe.embedding_dim}",
    )  # fmt: skip
    pen.add(
        _line(f"M{LEFT},{token} H{STREAM + 8} m5.5,-4.5 l-5.5,4.5 l5.5,4.5"),
        _line(f"M{LEFT},{position} H{STREAM + 15}"),
    )
    pen.plus(position)
    pen.y += 8
    pen.stream_shape(_stream_shape(model))
    return token


def _draw_blocks(pen: Pen, blocks: list[Block]) -> None:
    block = blocks[0]
    width = block.attn.c_proj.out_features
    name = type(block).__name__
    pen.y += 8
    with pen.boundary(
        name, 14, 377, f"{len(blocks)} × {pen.count(block)}".rstrip(), label_x=58
    ):
        pen.branch()
        _draw_norm(pen, "ln_1", block.ln_1)
        _draw_attention(pen, block.attn)
        pen.join()
        pen.stream_shape(f"(B, T, {width})")
        pen.y += 8
        pen.branch()
        _draw_norm(pen, "ln_2", block.ln_2)
        _draw_feed_forward(pen, block.mlp)
        pen.join()
    pen.stream_shape(f"(B, T, {width})")
    pen.y += 8


def _draw_norm(pen: Pen, name: str, norm: nn.LayerNorm) -> None:
    pen.box("norm", name, "layer norm", pen.count(norm), LEFT, RIGHT)
    pen.flow(f"(B, T, {norm.normalized_shape[0]})")


def _draw_attention(pen: Pen, attn: CausalSelfAttention) -> None:
    width, heads = attn.c_proj.in_features, attn.n_head
    size = width // heads
    with pen.boundary(type(attn).__name__, LEFT, RIGHT, pen.count(attn)):
        _draw_linear(pen, "attention", "c_attn", attn.c_attn)
        pen.flow(f"q, k, v  (B, {heads}, T, {size})")
        with pen.boundary(
            "Head", LEFT + PAD, RIGHT - PAD, f"{heads} × {size} wide"
        ):
            _draw_scores(pen, heads, size)
        pen.flow(f"side by side  (B, T, {width})")
        _draw_linear(pen, "attention", "c_proj", attn.c_proj)


def _draw_scores(pen: Pen, heads: int, size: int) -> None:
    """What a head computes, with its causal mask as a little picture."""
    left, right, cell = LEFT + 2 * PAD, RIGHT - 2 * PAD, 9
    pen.add(
        shape(
            "rect",
            "attention",
            x=left,
            y=pen.y,
            width=right - left,
            height=66,
            rx=6,
        ),
        text(left + PAD, pen.y + 27, f"softmax(q kᵀ / √{size}) v"),
        text(left + PAD, pen.y + 48, f"scores  (B, {heads}, T, T)", "muted"),
    )
    for row in range(5):
        for column in range(5):
            x, y = right - PAD - (5 - column) * cell, pen.y + 10.5 + row * cell
            seen = "text-attention" if column <= row else "paper"
            pen.add(
                shape(
                    "rect",
                    seen,
                    x=x,
                    y=y,
                    width=cell - 1.5,
                    height=cell - 1.5,
                    rx=1.5,
                )
            )
    pen.y += 66


def _draw_feed_forward(pen: Pen, mlp: FeedForward) -> None:
    with pen.boundary(type(mlp).__name__, LEFT, RIGHT, pen.count(mlp)):
        _draw_linear(pen, "ffn", "c_fc", mlp.c_fc)
        pen.flow(f"(B, T, {mlp.c_fc.out_features})")
        form = "GELU, tanh form" if mlp.gelu.approximate == "tanh" else "GELU"
        pen.box("ffn", "gelu", form, "", LEFT + PAD, RIGHT - PAD)
        pen.flow(f"(B, T, {mlp.c_proj.in_features})")
        _draw_linear(pen, "ffn", "c_proj", mlp.c_proj)


def _draw_linear(pen: Pen, role: str, name: str, linear: nn.Linear) -> None:
    what = f"{linear.in_features} → {linear.out_features}"
    pen.box(role, name, what, pen.count(linear), LEFT + PAD, RIGHT - PAD)


def _draw_output(pen: Pen, model: GPT, start: float) -> float:
    """The end of the residual stream, which began at start, to logits. Gives lm_head's height."""
    norm, head = model.transformer.ln_f, model.lm_head
    pen.stream(start - 16)
    pen.box("norm", "ln_f", "layer norm", pen.count(norm), 14, RIGHT)
    pen.flow(_stream_shape(model), STREAM)
    note = (
        "weights of wte" if _tied(model) and head.bias is None else pen.count(head)
    )
    what = f"{head.in_features} → {head.out_features}"
    middle = pen.box("embedding", "lm_head", what, note, 14, RIGHT)
    pen.flow(f"logits  (B, T, {head.out_features})", STREAM)
    return middle


def _draw_legend(pen: Pen, tied: bool) -> None:
    entries = {
        "attention": "attention",
        "embedding": "embedding",
        "ffn": "feed-forward",
        "norm": "layer norm",
        "residual": "residual stream",
        "boundary": "one class",
    }
    if tied:
        entries["tie"] = "the same weights"
    pen.y += 18
    for place, (role, words) in enumerate(entries.items()):
        x, y = 16 + place % 2 * 190, pen.y + place // 2 * 26
        pen.add(_swatch(role, x, y), text(x + 32, y + 11.5, words))
    pen.y += (len(entries) + 1) // 2 * 26 + 20
    pen.add(
        text(
            16,
            pen.y,
            "B sequences of T tokens." + " On the right: parameters." * pen.counts,
            "muted",
        ),
        text(16, pen.y + 20, "Dropout is left out.", "muted"),
    )
    pen.y += 32


def _swatch(role: str, x: float, y: float) -> Element:
    if role == "tie":
        return _tie(x, y + 7, x + 22, y + 7)
    swatch = shape("rect", role, x=x, y=y, width=22, height=14, rx=4)
    if role == "boundary":
        swatch.set("stroke-dasharray", "5 4")
    return swatch


def _describe(model: GPT) -> str:
    parts = model.transformer
    block = parts.h[0]
    attn, mlp, stream = block.attn, block.mlp, _stream_shape(model)
    sharing = "which shares its weights with wte, " if _tied(model) else ""
    return (
        f"Token ids (B, T) become vectors through wte ({parts.wte.num_embeddings} × "
        f"{parts.wte.embedding_dim}); wpe ({parts.wpe.num_embeddings} × "
        f"{parts.wpe.embedding_dim}) adds their positions. This residual stream {stream} runs "
        f"through {len(parts.h)} × {type(block).__name__}. Each adds to it twice: "
        f"{type(attn).__name__} after ln_1, with {attn.n_head} heads of "
        f"{attn.c_proj.in_features // attn.n_head}, and {type(mlp).__name__} after ln_2, "
        f"{mlp.c_fc.in_features} to {mlp.c_fc.out_features} and back. Then ln_f, and lm_head, "
        f"{sharing}gives logits (B, T, {model.lm_head.out_features})."
    )


def _stream_shape(model: GPT) -> str:
    return f"(B, T, {model.transformer.wte.embedding_dim})"


def _tied(model: GPT) -> bool:
    return model.transformer.wte.weight is model.lm_head.weight


def _line(d: str) -> Element:
    return shape("path", "line", d=d, stroke_width=1.5)


def _tie(x1: float, y1: float, x2: float, y2: float) -> Element:
    line = shape("line", "embedding", x1=x1, y1=y1, x2=x2, y2=y2, stroke_width=1.8)
    line.set("stroke-dasharray", "3 4")
    return line
