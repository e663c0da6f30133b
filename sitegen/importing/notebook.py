"""Jupyter notebooks as items: their Markdown line by line, their code cell by cell."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from sitegen.errors import SourceError
from sitegen.importing.nodes import Cell, Item, Line, Loss, Place, safe

_EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/svg+xml": ".svg",
    "image/gif": ".gif",
    "image/webp": ".webp",
}


@dataclass
class Notebook:
    """What a notebook holds."""

    items: list[Item]
    language: str = "python"
    attachments: dict[str, bytes] = field(default_factory=dict)
    """Pictures that are in it, by the names that they are given here."""
    losses: list[Loss] = field(default_factory=list)


def read(path: str, text: str) -> Notebook:
    """The items of a notebook, given its JSON.

    Raises:
        SourceError: it is none.
    """
    try:
        data = json.loads(text)
        sheets = data["worksheets"] if data["nbformat"] == 3 else [data]
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
    except (ValueError, KeyError, TypeError):
        said = "no notebook of format 3 or 4; Jupyter's nbconvert makes one: --to notebook"
        raise SourceError(path, 1, said) from None
    metadata = data.get("metadata", {})
    kernel = metadata.get("kernelspec", {}).get("language")
    language = kernel or metadata.get("language_info", {}).get("name", "python")
    found = Notebook([], language)
    for number, cell in enumerate(cells, start=1):
        source = _text(cell.get("source", cell.get("input", "")))
        place = Place(path, 1, number)
        tags = tuple(cell.get("metadata", {}).get("tags", ()))
        if cell.get("cell_type") == "code":
            hidden = cell.get("metadata", {}).get("jupyter", {})
            tags += ("hide-input",) if hidden.get("source_hidden") else ()
            tags += ("hide-output",) if hidden.get("outputs_hidden") else ()
            raised = _raised(cell.get("outputs", ()))
            if source.strip():
                found.items.append(Cell(source, place, language, tags, {}, raised))
            continue
        if not source.strip():
            continue
        if cell.get("cell_type") == "heading":
            source = f"{'#' * cell.get('level', 1)} {' '.join(source.split())}"
        if cell.get("cell_type") == "raw":
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", source)), default=0))
            source = f"{fence}\n{source}\n{fence}"
        if "remove-cell" in tags or "remove_cell" in tags:
            said = f"a text that was tagged remove-cell: {safe(source)}"
            found.losses.append(Loss(place, "tag", said))
            continue
        source = _attached(source, cell.get("attachments", {}), found, number)
        found.items += [
            Line(line, Place(path, row, number))
            for row, line in enumerate([*source.split("\n"), ""], start=1)
        ]
    return found


def _text(source: Any) -> str:
    return "".join(source) if isinstance(source, list) else str(source)


def _raised(outputs: Sequence[Mapping[str, Any]]) -> str:
    kinds = ("error", "pyerr")
    names = (one.get("ename", "") for one in outputs if one.get("output_type") in kinds)
    return next((str(name) for name in names), "")


def _attached(source: str, attachments: Mapping[str, Any], found: Notebook, number: int) -> str:
    """The text, with files in the place of the pictures that its cell holds."""
    for name, bundle in attachments.items():
        for kind, extension in _EXTENSIONS.items():
            if kind in bundle:
                file = f"{number}-{re.sub(r'[^a-zA-Z0-9]+', '-', name.rsplit('.', 1)[0])}"
                data = _text(bundle[kind])
                content = data.encode() if kind == "image/svg+xml" else base64.b64decode(data)
                found.attachments[file + extension] = content
                for named in (name, quote(name)):
                    source = source.replace(f"attachment:{named}", f"attachment:{file}{extension}")
    return source
