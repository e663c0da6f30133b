"""Front matter: YAML between `---` lines, checked against a schema, each error with its line."""

from __future__ import annotations

import re

from sitegen import schema
from sitegen.errors import SourceError
from sitegen.lesson import FrontMatter
from sitegen.schema import Items, Map, Number, Text, TextOr

DEPTHS = ("MENTIONED", "INTRODUCED", "DEVELOPED", "APPLIED")

LOADS = ("CONSOLIDATE", "BUILD", "STRETCH")

SCHEMA = Map(
    {
        "title": Text(),
        "slug": Text(),
        "order": Number(),
        "load": Text(LOADS),
        "type": Text(("hands-on", "conceptual")),
        "notebook": Text(),
        "summary": Text(),
        "preview": Text(),
        "teaches": Items(
            Map(
                {
                    "concept": Text(),
                    "depth": Text(DEPTHS),
                    "notes": Text(),
                    "section": Text(),
                    "extends": Text(),
                    "used_in": Items(Text()),
                },
                ("concept", "depth"),
            )
        ),
        "requires": Items(
            Map(
                {
                    "concept": Text(),
                    "depth": Text(DEPTHS),
                    "source": Text(),
                    "gap": Text(),
                    "resolution": Text(),
                    "section": Text(),
                },
                ("concept", "depth"),
            )
        ),
        "misconceptions": Items(
            Map(
                {"claim": Text(), "why": Text(), "shown_wrong_in": Text()},
                ("claim", "why", "shown_wrong_in"),
            )
        ),
        "modalities": Map({}, other=Text()),
        "examples": Items(
            Map(
                {"what": Text(), "kind": Text(("positive", "negative")), "section": Text()},
                ("what", "kind", "section"),
            )
        ),
        "scope": Map(
            {
                "is": Items(Text()),
                "is_not": Items(TextOr(Map({"what": Text(), "to": Text()}, ("what", "to")))),
            }
        ),
        "mental_models": Items(Text()),
        "analogies": Items(Text()),
        "next": Text(),
    },
    required=("title", "slug", "order"),
)


def split(path: str, text: str) -> tuple[str, str]:
    """The YAML between the first two `---` lines, and the Markdown after them.

    The Markdown keeps its line numbers: what stood before it is left as empty lines.
    """
    lines = text.split("\n")
    if not lines or lines[0].rstrip() != "---":
        raise SourceError(
            path, 1, "no front matter; begin with '---', title, slug and order, and '---' again"
        )
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == "---":
            return "\n".join(lines[1:number]), "\n" * (number + 1) + "\n".join(lines[number + 1 :])
    raise SourceError(path, 1, "front matter is not closed; end it with a line '---'")


def parse(path: str, text: str) -> FrontMatter:
    """Read and check the YAML `text` of the file at `path`, where it begins on line 2."""
    data, lines = schema.read(path, text, SCHEMA, "front matter", first=2)
    slug = data["slug"]
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug):
        raise SourceError(
            path, lines[("slug",)], f"slug {slug!r} is to be lower-case words joined by hyphens"
        )
    if slug in ("index", "404"):
        raise SourceError(path, lines[("slug",)], f"slug {slug!r} is the generator's own page")
    return FrontMatter(data["title"], slug, data["order"], data, lines)
