"""Where things stand in the drawings of a curriculum: plain numbers, for templates to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from sitegen.curriculum.model import Concept, Curriculum, Depth
from sitegen.parse.frontmatter import LOADS

COLUMN = 88
"""Width of a lesson in the chart of loads, in units of the drawing."""

LEVEL = 44
"""Height of one level of load."""

ROW = 20
"""Height of a row in the graph of requirements."""

MARGIN = 80
"""Room for the arcs, left of the names."""

LETTER = 6.3
"""Width of a letter at 13 units, as wide as system fonts have it."""

BULGE = 100
"""How far the longest arc reaches to the left."""


@dataclass(frozen=True)
class Bar:
    """One lesson in the chart of loads."""

    x: int
    y: int
    height: int
    load: str
    new: int
    title: tuple[str, ...]
    """In lines that fit the bar."""


@dataclass(frozen=True)
class Chart:
    """The loads of the lessons, one bar each."""

    width: int
    height: int
    bars: tuple[Bar, ...]


def load_chart(curriculum: Curriculum) -> Chart:
    """A bar for each lesson that has a load; the steeper the lesson, the higher."""
    taught = [teaching for teaching in curriculum.teachings if teaching.load]
    top = 28
    floor = top + LEVEL * len(LOADS)
    bars = []
    for index, teaching in enumerate(taught):
        height = LEVEL * (LOADS.index(teaching.load) + 1)
        bars.append(
            Bar(
                x=COLUMN * index + 4,
                y=floor - height,
                height=height,
                load=teaching.load.capitalize(),
                new=len(curriculum.new(teaching)),
                title=tuple(wrap(teaching.title, 13)),
            )
        )
    lines = max((len(bar.title) for bar in bars), default=0)
    return Chart(COLUMN * len(bars), floor + 14 + 16 * lines, tuple(bars))


@dataclass(frozen=True)
class Row:
    """One line of the graph: a heading, a prior source, or a concept."""

    id: str
    text: str
    y: int
    kind: str
    """`heading`, `lesson`, `source` or `concept`."""
    depth: Depth | None = None
    needed: bool = True


@dataclass(frozen=True)
class Arc:
    """A requirement: from where a concept is taught to the lesson that needs it."""

    start: str
    end: str
    y1: int
    y2: int
    bulge: int
    title: str


@dataclass(frozen=True)
class Graph:
    """Rows under each other, joined by arcs at their left."""

    width: int
    height: int
    left: int
    """Where arcs end and rows begin."""
    rows: tuple[Row, ...]
    arcs: tuple[Arc, ...]


def requirement_graph(curriculum: Curriculum) -> Graph:
    """The concepts in the order in which they are taught, each joined to the lessons it serves."""
    ends: dict[tuple[str, str], list[str]] = {}
    for teaching in curriculum.teachings:
        for need in teaching.requires:
            for concept in curriculum.taught_in(teaching, need.concept):
                ends.setdefault((_row_of(curriculum, concept), teaching.slug), []).append(
                    f"{need.concept} ({need.depth.name.lower()})"
                )
    rows = _rows(curriculum, {start for start, _ in ends})
    heights = {row.id: row.y for row in rows}
    longest = max((abs(heights[a] - heights[b]) for a, b in ends), default=1)
    arcs = [
        Arc(
            start,
            end,
            heights[start],
            heights[end],
            round(14 + (BULGE - 14) * (abs(heights[end] - heights[start]) / longest) ** 0.6),
            ", ".join(names),
        )
        for (start, end), names in ends.items()
    ]
    letters = max((len(row.text) for row in rows), default=0)
    width = MARGIN + 24 + round(LETTER * letters)
    return Graph(width, ROW * len(rows) + ROW // 2, MARGIN, tuple(rows), tuple(arcs))


def _row_of(curriculum: Curriculum, concept: Concept) -> str:
    """Prior concepts share the row of their source; there are many, and they aren't the topic."""
    prior = {source.slug for source in curriculum.prior.sources}
    return concept.source if concept.source in prior else f"{concept.source}#{concept.name}"


def _rows(curriculum: Curriculum, needed: set[str]) -> Sequence[Row]:
    named: list[tuple[str, str, str, Depth | None]] = []
    sources = [source for source in curriculum.prior.sources if source.slug in needed]
    if sources:
        named.append(("", "Before this course", "heading", None))
        named += [(source.slug, source.title, "source", None) for source in sources]
    for teaching in curriculum.teachings:
        named.append((teaching.slug, teaching.title, "lesson", None))
        named += [
            (f"{teaching.slug}#{concept.name}", concept.name, "concept", concept.depth)
            for concept in teaching.teaches
        ]
    return [
        Row(name, text, ROW * index + ROW // 2 + 5, kind, depth, name in needed)
        for index, (name, text, kind, depth) in enumerate(named)
    ]
