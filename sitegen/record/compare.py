"""Holds fresh outputs against recorded ones under a block's `compare` rule."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence

from sitegen.output import FILES, Output, best_type
from sitegen.parse.lesson import Options
from sitegen.parse.tokens import short_hash

_FLOAT = re.compile(
    r"""(?<![\w.])[-+]?
        (?:\d{1,3}(?:,\d{3})+|\d+)?       # 1,234 or 1234 or nothing
        (?:\.\d*)?(?:[eE][-+]?\d+)?
        (?![\w])""",
    re.X,
)


def differences(
    recorded: Sequence[Output], fresh: Sequence[Output], options: Options, name: str
) -> str:
    """A unified diff of what disagrees, empty if the outputs agree."""
    if options.compare == "none":
        return ""
    before, after = _as_text(recorded), _as_text(fresh)
    if before == after:
        return ""
    if options.compare == "numbers" and _agree_in_numbers(before, after, options.rtol):
        return ""
    return unified_diff(before, after, f"{name} (recorded)", f"{name} (fresh)")


def unified_diff(before: str, after: str, old: str, new: str) -> str:
    """The usual diff, without line ends that a terminal would show."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), old, new, lineterm="")
    return "\n".join(lines).replace("\x1b", "\N{SYMBOL FOR ESCAPE}")  # colours are to be read here


def _as_text(outputs: Sequence[Output]) -> str:
    """All that a page would show; of a bundle its richest form and its text."""
    parts = []
    for output in outputs:
        if output.kind == "display":
            kind = best_type(output)
            said = [f"{name}={value}" for name, value in output.picture.items()]
            data = output.data[kind]
            shown = f"{short_hash([data])}, {len(data):,} characters" if kind in FILES else data
            parts.append(f"[{' '.join((kind, *said))}]\n{shown}")
        else:
            parts.append(f"[{output.kind}]\n{output.text}")
    return "\n".join(parts)


def _agree_in_numbers(before: str, after: str, rtol: float) -> bool:
    """Whether only numbers differ, whole ones not at all, others by no more than `rtol`."""
    old, new = _numbers(before), _numbers(after)
    if len(old) != len(new) or _shape(before) != _shape(after):
        return False
    return all(_close(a, b, rtol) for a, b in zip(old, new, strict=True))


def _numbers(text: str) -> list[str]:
    return [found for found in _FLOAT.findall(text) if any(map(str.isdigit, found))]


def _shape(text: str) -> str:
    """The text with its numbers left out; padding before a number goes with it."""
    return re.sub(r"[ \t]*#", "#", _FLOAT.sub(lambda m: "#" if m[0] else "", text))


def _close(a: str, b: str, rtol: float) -> bool:
    if a == b:
        return True
    if not any(sign in (a + b) for sign in ".eE"):
        return False
    x, y = float(a.replace(",", "")), float(b.replace(",", ""))
    return math.isclose(x, y, rel_tol=rtol)
