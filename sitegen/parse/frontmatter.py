"""Front matter: YAML between `---` lines, checked against a schema, each error with its line."""

from __future__ import annotations

import re

from sitegen.errors import SourceError, raise_all
from sitegen.parse import schema
from sitegen.parse.lesson import FrontMatter
from sitegen.parse.schema import Items, Map, Number, Text, TextOr

DEPTHS = ("MENTIONED", "INTRODUCED", "DEVELOPED", "APPLIED")

LOADS = ("CONSOLIDATE", "BUILD", "STRETCH")

_CONCEPT = Text(about="The concept's name, the same in every lesson.")
_DEPTH = Text(DEPTHS, about="How well a reader knows it.")
_SECTION = Text(about="The anchor of the section, or `block-` and a block's id.")

SCHEMA = Map(
    {
        "title": Text(about="The lesson's title."),
        "slug": Text(about="Its name in links and its page: lower-case words and hyphens."),
        "formerly": Items(Text(), about="Slugs that it had: their pages lead to it."),
        "order": Number(about="Its place among the lessons; no two have the same."),
        "load": Text(LOADS, about="How much it asks of a reader."),
        "type": Text(("hands-on", "conceptual"), about="Whether readers program or think."),
        "notebook": Text(about="The file name of the notebook with its exercises."),
        "summary": Text(about="One or two sentences, for the home page and for search engines."),
        "preview": Text(about="The block whose figure stands on the home page."),
        "teaches": Items(
            Map(
                {
                    "concept": _CONCEPT,
                    "depth": _DEPTH,
                    "notes": Text(about="What exactly is said of it."),
                    "section": _SECTION,
                    "extends": Text(about="The known concept of which it is a further step."),
                    "used_in": Items(_SECTION, about="Where the lesson puts it to use."),
                },
                ("concept", "depth"),
            ),
            about="The concepts that it teaches, each with the depth reached.",
        ),
        "requires": Items(
            Map(
                {
                    "concept": _CONCEPT,
                    "depth": _DEPTH,
                    "source": Text(about="The slug of what taught it."),
                    "gap": Text(about="What a reader lacks all the same."),
                    "resolution": Text(about="How the lesson makes up for the gap."),
                    "section": _SECTION,
                },
                ("concept", "depth"),
            ),
            about="The concepts that a reader brings, each with the depth needed.",
        ),
        "misconceptions": Items(
            Map(
                {
                    "claim": Text(about="What readers are likely to believe."),
                    "why": Text(about="Why one believes it."),
                    "shown_wrong_in": _SECTION,
                },
                ("claim", "why", "shown_wrong_in"),
            ),
            about="Beliefs that are likely and wrong, and where each is taken apart.",
        ),
        "modalities": Map(
            {}, other=_SECTION, about="Ways in which it speaks, such as `visual`, and where."
        ),
        "examples": Items(
            Map(
                {
                    "what": Text(about="The example."),
                    "kind": Text(("positive", "negative"), about="Within the idea, or beyond it."),
                    "section": _SECTION,
                },
                ("what", "kind", "section"),
            ),
            about="Examples of its idea and of where that ends.",
        ),
        "scope": Map(
            {
                "is": Items(Text(), about="What the lesson is about."),
                "is_not": Items(
                    TextOr(
                        Map(
                            {
                                "what": Text(about="What is left out."),
                                "to": Text(about="Where it is found instead."),
                            },
                            ("what", "to"),
                        )
                    ),
                    about="What it is not about; `what` and `to` say where that is found.",
                ),
            },
            about="What the component `constraints` shows.",
        ),
        "mental_models": Items(Text(), about="Sentences that should stick."),
        "analogies": Items(Text(), about="What it compares things with."),
        "next": Text(about="The slug of the lesson to follow."),
    },
    required=("title", "slug", "order"),
    about="Front matter of a lesson.",
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
    meta, mistakes = examine(path, text)
    raise_all(mistakes)
    return meta


def examine(path: str, text: str) -> tuple[FrontMatter, list[SourceError]]:
    """As `parse`, but returns what is wrong, with what can be read all the same.

    Raises:
        SourceError: it is no YAML.
    """
    data, lines, mistakes = schema.examine(path, text, SCHEMA, "front matter", first=2)
    data = data if isinstance(data, dict) else {}
    title, slug, order = data.get("title"), data.get("slug"), data.get("order")
    notebook = data.get("notebook", "x.ipynb")

    def wrong(key: str, message: str) -> None:
        mistakes.append(SourceError(path, lines.get((key,), lines[()]), message))

    if isinstance(slug, str) and slug.strip() and (problem := slug_problem(slug)):
        wrong("slug", problem)
    formerly = data.get("formerly")
    for index, former in enumerate(formerly if isinstance(formerly, list) else ()):
        if isinstance(former, str) and (problem := slug_problem(former)):
            line = lines["formerly", index]
            mistakes.append(SourceError(path, line, f"formerly: {problem}"))
    # The notebook with the solutions has a name of its own, made from this one.
    if isinstance(notebook, str) and not re.fullmatch(
        r"[\w-][\w.-]*(?<!-solutions)\.ipynb", notebook
    ):
        wrong("notebook", f"notebook {notebook!r} is to be a file name, such as {slug}.ipynb")
    meta = FrontMatter(
        title if isinstance(title, str) else "",
        slug if isinstance(slug, str) else "",
        order if isinstance(order, int) else 0,
        data,
        lines,
    )
    return meta, mistakes


def slug_problem(slug: str) -> str:
    """What is wrong with the slug of a lesson, empty if nothing is."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug):
        return f"slug {slug!r} is to be lower-case words joined by hyphens"
    if slug in ("index", "404"):
        return f"slug {slug!r} is the generator's own page"
    return ""
