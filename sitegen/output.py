"""What a block displays: a list of outputs, each a MIME bundle as in Jupyter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["stdout", "stderr", "display", "error"]

PICTURES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
}
"""Types of binary pictures, each with the ending of its files."""

FILES = {"application/octet-stream": ".bin"}
"""Types of what is to be had as a file and not to be seen: the weights of a model, a data set."""

BINARY = {**PICTURES, **FILES}
"""Types that are held as base64."""

SHOWN_TYPES = (
    "image/svg+xml",
    "text/html",
    "text/markdown",
    "text/latex",
    *PICTURES,
    *FILES,
    "application/json",
    "text/plain",
)
"""The MIME types that are kept, the one to be shown first."""


@dataclass(frozen=True)
class Output:
    """One thing displayed; a stream or an error is a bundle of `text/plain` alone."""

    kind: Kind
    data: Mapping[str, str] = field(default_factory=dict)
    picture: Mapping[str, str | int] = field(default_factory=dict)
    """What was said of a picture: `width` and `height` in pixels, `alt`."""
    needs: str = ""
    """What would be needed to show the rest of it, such as "plotly's script"."""

    @property
    def text(self) -> str:
        return self.data.get("text/plain", "")


def stream(name: Literal["stdout", "stderr"], text: str) -> Output:
    """What was written to a stream without anything else in between."""
    return Output(name, {"text/plain": text})


def best_type(output: Output) -> str:
    """The richest MIME type of a bundle."""
    return next(kind for kind in SHOWN_TYPES if kind in output.data)
