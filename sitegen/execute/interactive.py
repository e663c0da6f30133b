"""What needs a script to be shown: whose it is, and the picture that there may be instead."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
from collections.abc import Mapping
from typing import Any

WIDGET = "application/vnd.jupyter.widget-view+json"

_MAKERS = {
    "plotly": "plotly",
    "vega": "altair",
    "bokeh": "bokeh",
    "holoviews": "holoviews",
    "jupyter.widget": "ipywidgets",
    "geo+json": "a map",
    "javascript": "JavaScript",
}
"""Who makes types with such a word in their name."""

_SCRIPT = re.compile(r"<script\b[^>]*>(?P<code>.*?)</script\s*>", re.S | re.I)
_FRAME = re.compile(r"""frames\[0\]\s*=\s*["']data:image/png;base64,([A-Za-z0-9+/=\\\s]+)["']""")
_SIGNS = (
    ("plotly", re.compile(r"plotly", re.I)),
    ("altair", re.compile(r"vega-?embed|vegaEmbed", re.I)),
    ("bokeh", re.compile(r"bokeh", re.I)),
    ("an animation of matplotlib", re.compile(r"new Animation\(frames")),
)


def maker(kind: str) -> str:
    """Whose script shows a MIME type; empty if it is none that needs one."""
    if not kind.startswith("application/") or kind in ("application/json", "application/pdf"):
        return ""
    return next((name for word, name in _MAKERS.items() if word in kind), "")


def only_loads(data: Mapping[str, Any]) -> bool:
    """Whether a bundle shows nothing, and only brings a library's script."""
    return any("_load." in kind for kind in data) or "bk-notebook-logo" in str(
        data.get("text/html", "")
    )


def without_scripts(html: str) -> tuple[str, str, str]:
    """HTML without its scripts, whose they were, and the first picture that one of them shows.

    A script is never recorded: no page runs it, and libraries put megabytes into it.
    """
    scripts = [found[0] for found in _SCRIPT.finditer(html)]
    if not scripts:
        return html, "", ""
    code = "\n".join(scripts)
    name = next((name for name, sign in _SIGNS if sign.search(code)), "a script")
    frame = _FRAME.search(code)
    return _SCRIPT.sub("", html), name, re.sub(r"[\\\s]", "", frame[1]) if frame else ""


def own_picture(value: Any) -> Mapping[str, str]:
    """The picture that a chart makes of itself where its library has an exporter installed."""
    library = type(value).__module__.partition(".")[0]
    if library == "altair" and hasattr(value, "save"):
        drawn = io.StringIO()
        # Without an exporter, or of a chart that it can't draw: the page then says what is missing.
        with contextlib.suppress(Exception):
            value.save(drawn, format="svg")
            return {"image/svg+xml": drawn.getvalue()}
    return {}


def exported(kind: str, content: Any) -> Mapping[str, str]:
    """The picture that a library makes of what it describes under a MIME type, if it can."""
    if "plotly" in kind:
        with contextlib.suppress(Exception):
            plotly = importlib.import_module("plotly.io")
            return {"image/svg+xml": plotly.to_image(content, format="svg").decode("utf-8")}
    return {}
