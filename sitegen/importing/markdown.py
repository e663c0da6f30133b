"""Markdown of MyST, Quarto, d2l and jupytext as items, and what its front matter says."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import yaml

from sitegen.importing.nodes import Line, Loss, Place

_OF_TOOLS = {"jupytext", "kernelspec", "kernel_info", "language_info", "file_format", "jupyter"}
"""What is for the tool that made the file, and says nothing to a reader."""
_ENDS = {"---": ("---", "..."), "+++": ("+++",)}
"""What ends front matter of YAML and TOML, by what begins it."""
_TAKEN = {"title", "description", "subtitle", "bibliography", "execute", "substitutions"}


def read(path: str, text: str) -> tuple[list[Line], Mapping[str, Any], list[Loss]]:
    """The lines below the front matter, what that says, and what of it is lost."""
    lines = text.split("\n")
    meta: Mapping[str, Any] = {}
    first = 0
    if (mark := lines[0].strip()) in _ENDS:
        end = next((row for row, line in enumerate(lines[1:], 1) if line.strip() in _ENDS[mark]), 0)
        try:
            load = yaml.safe_load if mark == "---" else tomllib.loads
            found = load("\n".join(lines[1:end]))
        except (yaml.YAMLError, tomllib.TOMLDecodeError):
            found = None
        if end and isinstance(found, dict):
            meta, first = found, end + 1
        elif end and found is None:
            first = end + 1
    items = [Line(line, Place(path, row)) for row, line in enumerate(lines, 1)][first:]
    lost = [
        Loss(Place(path, _line_of(lines, key)), "front matter", f"{key!r} of the front matter")
        for key in meta
        if key not in _OF_TOOLS | _TAKEN and not _is_read(meta, key)
    ]
    return items, meta, lost


def _is_read(meta: Mapping[str, Any], key: str) -> bool:
    """Whether all is read of what is read in part."""
    given = meta[key] if isinstance(meta[key], dict) else {}
    if key == "math":
        return len(macros(meta)) == len(given)
    return key == "myst" and list(given) == ["substitutions"]


def macros(meta: Mapping[str, Any]) -> dict[str, str]:
    """Commands of formulas that take nothing, and what they stand for."""
    given = meta.get("math")
    found = given.items() if isinstance(given, dict) else ()
    return {name: text for name, text in found if isinstance(text, str) and "#" not in text}


def substitutions(meta: Mapping[str, Any]) -> dict[str, str]:
    """What stands for names between two pairs of braces."""
    settings = meta.get("myst") if isinstance(meta.get("myst"), dict) else meta
    given = (settings or {}).get("substitutions")
    return {name: str(text) for name, text in given.items()} if isinstance(given, dict) else {}


def _line_of(lines: list[str], key: str) -> int:
    rows = (row for row, line in enumerate(lines, 1) if re.match(rf"{re.escape(key)}\s*:", line))
    return next(rows, 1)
