"""What a graph of objects consists of."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

Key = Hashable


class Node(NamedTuple):
    """What an object is by itself, and what it holds."""

    head: str
    parts: tuple[Any, ...] = ()
    """Text is a plain value, anything else the key of another node."""
    silent: tuple[Any, ...] = ()
    """Parts in which things that are equal may differ, such as measured times."""
    data: bool = False
    """Whether it matters who else holds it."""
    opaque: bool = False
    """Whether it may hold more than can be seen."""


class Text(str):
    """A plain value, as a part of a node."""
