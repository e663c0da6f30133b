"""Front matter: YAML between `---` lines, checked against a schema, each error with its line."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import yaml

from sitegen.errors import SourceError, did_you_mean
from sitegen.lesson import FrontMatter

Path = tuple[str | int, ...]

try:
    _Loader: Any = yaml.CSafeLoader
except AttributeError:  # PyYAML without libyaml
    _Loader = yaml.SafeLoader


@dataclass(frozen=True)
class Text:
    """A string, if `choices` are given one of them."""

    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Number:
    """A whole number."""


@dataclass(frozen=True)
class Map:
    """A mapping with these keys; with `other`, any key whose value has that shape."""

    keys: dict[str, Shape]
    required: tuple[str, ...] = ()
    other: Shape | None = None


@dataclass(frozen=True)
class Items:
    """A list of one shape."""

    item: Shape


Shape = Text | Number | Map | Items

DEPTHS = ("MENTIONED", "INTRODUCED", "DEVELOPED", "APPLIED")

SCHEMA = Map(
    {
        "title": Text(),
        "slug": Text(),
        "order": Number(),
        "load": Text(("BUILD", "STRETCH", "CONSOLIDATE")),
        "type": Text(("hands-on", "conceptual")),
        "notebook": Text(),
        "summary": Text(),
        "teaches": Items(
            Map(
                {"concept": Text(), "depth": Text(DEPTHS), "notes": Text(), "section": Text()},
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
        "scope": Map({"is": Items(Text()), "is_not": Items(Text())}),
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
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            lines = _lines(path, node)
            data = loader.construct_document(node) if node else {}
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(str(error.problem or error.context).split())
        raise SourceError(path, _line(mark), f"front matter is not valid YAML: {problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise SourceError(path, 2, f"front matter is not valid YAML: {problem}") from None
    _check(path, data, SCHEMA, (), lines)
    slug = data["slug"]
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug):
        raise SourceError(
            path, lines[("slug",)], f"slug {slug!r} is to be lower-case words joined by hyphens"
        )
    if slug in ("index", "404"):
        raise SourceError(path, lines[("slug",)], f"slug {slug!r} is the generator's own page")
    return FrontMatter(data["title"], slug, data["order"], data, lines)


def _line(mark: yaml.Mark | None) -> int:
    return (mark.line if mark else 0) + 2


def _lines(path: str, root: yaml.Node | None) -> dict[Path, int]:
    """The line of every key and item, by its path."""
    lines: dict[Path, int] = {}

    def walk(node: yaml.Node, place: Path, above: tuple[int, ...]) -> None:
        lines.setdefault(place, _line(node.start_mark))
        if id(node) in above:
            raise SourceError(path, _line(node.start_mark), "an alias that contains itself")
        above = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                name = key.value if isinstance(key.value, str) else str(key.value)
                if (*place, name) in lines:
                    raise SourceError(path, _line(key.start_mark), f"{name!r} is given twice")
                lines[(*place, name)] = _line(key.start_mark)
                walk(value, (*place, name), above)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                walk(item, (*place, index), above)

    if root is not None:
        walk(root, (), ())
    return lines


def _check(path: str, value: Any, shape: Shape, place: Path, lines: dict[Path, int]) -> None:
    line = lines.get(place, 2)
    name = ".".join(map(str, place)) or "front matter"

    def wrong(wanted: str) -> SourceError:
        return SourceError(path, line, f"{name} is to be {wanted}, not {_short(value)}")

    if isinstance(shape, Text):
        if not isinstance(value, str) or not value.strip():
            raise wrong("a text" if not isinstance(value, (int, float)) else "a text in quotes")
        if shape.choices and value not in shape.choices:
            raise wrong("one of " + ", ".join(shape.choices))
    elif isinstance(shape, Number):
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong("a whole number")
    elif isinstance(shape, Items):
        if not isinstance(value, list):
            raise wrong("a list")
        for index, item in enumerate(value):
            _check(path, item, shape.item, (*place, index), lines)
    else:
        if not isinstance(value, dict):
            raise wrong("a mapping of keys to values")
        for key in shape.required:
            if key not in value:
                raise SourceError(path, line, f"{name} lacks {key!r}")
        for key, item in value.items():
            inner = shape.keys.get(key) if isinstance(key, Hashable) else None
            inner = inner or shape.other
            if inner is None:
                at = lines.get((*place, str(key)), line)
                hint = did_you_mean(str(key), shape.keys)
                raise SourceError(path, at, f"unknown key {key!r} in {name}: {hint}")
            _check(path, item, inner, (*place, str(key)), lines)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
