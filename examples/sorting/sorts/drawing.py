"""Pictures of sorting, drawn by the values themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BAR = 32
GAP = 14
HEIGHT = 72
ROW = HEIGHT + 24


@dataclass(frozen=True)
class Trace:
    """What a sort holds from step to step: a row of runs each, small items as low bars."""

    rows: Sequence[Sequence[Sequence[int]]]
    name: str

    def _repr_svg_(self) -> str:
        highest = max(item for run in self.rows[0] for item in run)
        width = max(sum(_width(run) for run in row) + GAP * (len(row) - 1) for row in self.rows)
        bars = []
        for number, row in enumerate(self.rows):
            x, floor = 0, (number + 1) * ROW - 6
            for run in row:
                kind = "sorted" if len(run) > 1 else "single"
                for item in run:
                    tall = HEIGHT * item / highest
                    bars.append(
                        f'<rect class="{kind}" x="{x}" y="{floor - tall:.1f}" '
                        f'width="{BAR - 4}" height="{tall:.1f}" rx="2"/>'
                        f'<text x="{x + (BAR - 4) / 2}" y="{floor - tall - 3:.1f}" '
                        f'text-anchor="middle" font-size="12">{item}</text>'
                    )
                    x += BAR
                x += GAP
        steps = "; ".join(" | ".join(" ".join(map(str, run)) for run in row) for row in self.rows)
        return _svg(width, len(self.rows) * ROW, self.name, f"Runs, row by row: {steps}", bars)


def _width(run: Sequence[int]) -> int:
    return BAR * len(run)


def _svg(width: float, height: float, title: str, about: str, shapes: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="figure trace" '
        f'viewBox="0 0 {width} {height}" width="{width}">'
        f"<title>{title}</title><desc>{about}</desc>{''.join(shapes)}</svg>"
    )
