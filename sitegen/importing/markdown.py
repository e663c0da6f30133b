"""Markdown of MyST, Quarto, d2l and jupytext as items, and what its front matter says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from sitegen.importing.nodes import Line, Loss, Place

_OF_TOOLS = {"jupytext", "kernelspec", "kernel_info", "language_info", "file_format", "jupyter"}
"""What is for the tool that made the file, and says nothing to a reader."""
_TAKEN = {"title", "description", "subtitle", "bibliography", "execute"}


def read(path: str, text: str) -> tuple[list[Line], Mapping[str, Any], list[Loss]]:
    """The lines below the front matter, what that says, and what of it is lost."""
    lines = text.split("\n")
    meta: Mapping[str, Any] = {}
    first = 0
    if lines[0].strip() == "---":
        ends = (row for row, line in enumerate(lines[1:], 1) if line.strip() in ("---", "..."))
        end = next(ends, 0)
        try:
            found = yaml.safe_load("\n".join(lines[1:end]))
        except yaml.YAMLError:
            found = None
        if end and isinstance(found, dict):
            meta, first = found, end + 1
        elif end and found is None:
            first = end + 1
    items = [Line(line, Place(path, row)) for row, line in enumerate(lines, 1)][first:]
    lost = [
        Loss(Place(path, _line_of(lines, key)), "front matter", f"{key!r} of the front matter")
        for key in meta
        if key not in _OF_TOOLS | _TAKEN
    ]
    return items, meta, lost


def _line_of(lines: list[str], key: str) -> int:
    rows = (row for row, line in enumerate(lines, 1) if re.match(rf"{re.escape(key)}\s*:", line))
    return next(rows, 1)
