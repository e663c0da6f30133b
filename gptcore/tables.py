"""Measurements as tables: plain text in a terminal, a real table on a page or in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header. Cells that begin like numbers stand right-aligned."""

    header: Sequence[str]
    rows: Sequence[Sequence[object]]

    def __repr__(self) -> str:
        lines = [[str(cell) for cell in row] for row in (self.header, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        numeric = self._numeric()
        return "\n".join(
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, numeric, strict=True)
            ).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        numeric = self._numeric()
        head = "".join(
            _cell("th", *pair) for pair in zip(self.header, numeric, strict=True)
        )
        body = "".join(
            self._row_tag(index)
            + "".join(_cell("td", *pair) for pair in zip(row, numeric, strict=True))
            + "</tr>"
            for index, row in enumerate(self.rows)
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _row_tag(self, index: int) -> str:
        return "<tr>"

    def _numeric(self) -> list[bool]:
        return [
            all(str(cell).lstrip("-+")[:1].isdigit() for cell in cells)
            for _, *cells in zip(self.header, *self.rows, strict=True)
        ]


def _cell(tag: str, content: object, right: bool) -> str:
    style = ' class="number"' if right else ""
    return f"<{tag}{style}>{escape(str(content))}</{tag}>"
