"""Shapes that YAML data must have, and reading it with the line of every key and item."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from sitegen.errors import SourceError, did_you_mean, raise_all

Place = tuple[str | int, ...]
"""The keys and indices that lead to a value, such as `("teaches", 0, "depth")`."""

Lines = dict[Place, int]

MOST_LETTERS = 1_000_000
MOST_VALUES = 100_000
"""So many keys, items and values there may be, each alias counted as all that it stands for."""
DEEPEST = 30
"""So many lists and mappings may lie in each other; no shape here needs more than six."""
_LONGEST_NUMBER = 100
"""Characters of anything that is no text: numbers with more take long to read."""

try:
    _SafeLoader: Any = yaml.CSafeLoader
except AttributeError:  # PyYAML without libyaml
    _SafeLoader = yaml.SafeLoader


class _Loader(_SafeLoader):
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            is_text = node.tag == "tag:yaml.org,2002:str" or not isinstance(node, yaml.ScalarNode)
            if not is_text and len(node.value) > _LONGEST_NUMBER:
                raise ValueError
            return super().construct_object(node, deep)
        except (AttributeError, LookupError, ValueError):  # of `!!bool maybe`, `2001-13-01`
            problem = f"cannot read {_short(node.value)} as {node.tag.rpartition(':')[2]}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None


@dataclass(frozen=True)
class Text:
    """A string, if `choices` are given one of them."""

    choices: tuple[str, ...] = ()
    about: str = ""
    """What the value says, for the guide and for editors; every shape has one."""


@dataclass(frozen=True)
class Number:
    """A whole number."""

    about: str = ""


@dataclass(frozen=True)
class Map:
    """A mapping with these keys; with `other`, any key whose value has that shape."""

    keys: dict[str, Shape]
    required: tuple[str, ...] = ()
    other: Shape | None = None
    about: str = ""


@dataclass(frozen=True)
class Items:
    """A list of one shape."""

    item: Shape
    about: str = ""


@dataclass(frozen=True)
class TextOr:
    """A string, or a mapping that says more."""

    other: Map
    about: str = ""


Shape = Text | Number | Map | Items | TextOr


def read(path: str, text: str, shape: Shape, what: str, first: int = 1) -> tuple[Any, Lines]:
    """The data in `text`, which begins on line `first` of the file `path`, and its lines.

    Raises:
        SiteError: it is no YAML, too much of it, or not of that shape, each mistake with its line;
            an error calls the whole `what`.
    """
    data, lines, mistakes = examine(path, text, shape, what, first)
    raise_all(mistakes)
    return data, lines


def examine(
    path: str, text: str, shape: Shape, what: str, first: int = 1
) -> tuple[Any, Lines, list[SourceError]]:
    """As `read`, but what is not of that shape is returned with the data.

    Raises:
        SourceError: it is no YAML, or too much of it.
    """
    try:
        _bound(text)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            lines = _lines(path, node, first)
            data = loader.construct_document(node) if node else {}
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first + (mark.line if mark else 0)
        problem = " ".join(str(error.problem or error.context).split())
        raise SourceError(path, line, f"{what} is not valid YAML: {problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise SourceError(path, first, f"{what} is not valid YAML: {problem}") from None
    check = _Check(path, what, lines)
    check.value(data, shape, ())
    return data, lines, sorted(check.mistakes, key=lambda mistake: mistake.line)


def _bound(text: str) -> None:
    """Raise a `YAMLError` for text that is small and stands for more than memory holds."""
    if len(text) > MOST_LETTERS:
        raise yaml.YAMLError(f"{len(text):,} letters; {MOST_LETTERS:,} are the most")
    sizes: dict[str, int] = {}
    total = 0
    open_: list[tuple[str | None, int]] = []  # of each list and mapping, how many came before it
    for event in yaml.parse(text, Loader=_SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, total))
            total += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_.pop()
            if anchor:
                sizes[anchor] = total - before
        elif isinstance(event, yaml.AliasEvent):
            total += sizes.get(event.anchor or "", 1)
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
        if len(open_) > DEEPEST:
            problem = f"lists and mappings {len(open_)} deep; {DEEPEST} are the most"
            raise _too_much(problem, event)
        if total > MOST_VALUES:
            problem = f"more than {MOST_VALUES:,} values, all that aliases stand for counted"
            raise _too_much(problem, event)


def _too_much(problem: str, event: yaml.Event) -> yaml.MarkedYAMLError:
    mark: Any = event.start_mark
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def json_schema(shape: Shape) -> dict[str, Any]:
    """The shape in the words of JSON Schema, draft 7, for editors and other tools."""
    schema: dict[str, Any] = {"description": shape.about} if shape.about else {}
    if isinstance(shape, Text):
        schema |= {"type": "string", "pattern": r"\S"}
        if shape.choices:
            schema["enum"] = list(shape.choices)
    elif isinstance(shape, Number):
        schema["type"] = "integer"
    elif isinstance(shape, Items):
        schema |= {"type": "array", "items": json_schema(shape.item)}
    elif isinstance(shape, TextOr):
        schema["anyOf"] = [json_schema(Text()), json_schema(shape.other)]
    else:
        schema |= {
            "type": "object",
            "properties": {key: json_schema(inner) for key, inner in shape.keys.items()},
            "required": list(shape.required),
            "additionalProperties": json_schema(shape.other) if shape.other else False,
        }
    return schema


def _lines(path: str, root: yaml.Node | None, first: int) -> Lines:
    """The line of every key and item, by its place."""
    lines: Lines = {(): first}

    def walk(node: yaml.Node, place: Place, above: tuple[int, ...]) -> None:
        line = first + node.start_mark.line
        lines.setdefault(place, line)
        if id(node) in above:
            raise SourceError(path, line, "an alias that contains itself")
        above = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                name = key.value if isinstance(key.value, str) else str(key.value)
                at = first + key.start_mark.line
                if (*place, name) in lines:
                    raise SourceError(path, at, f"{name!r} is given twice")
                lines[(*place, name)] = at
                walk(value, (*place, name), above)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                walk(item, (*place, index), above)

    if root is not None:
        walk(root, (), ())
    return lines


class _Check:
    """Holds data against its shape; collects the places where they differ."""

    def __init__(self, path: str, what: str, lines: Lines) -> None:
        self.path = path
        self.what = what
        self.lines = lines
        self.mistakes: list[SourceError] = []

    def value(self, value: Any, shape: Shape, place: Place) -> None:
        if isinstance(shape, Text):
            self.text(value, shape, place)
        elif isinstance(shape, Number):
            if not isinstance(value, int) or isinstance(value, bool):
                self.wrong(value, place, "a whole number")
        elif isinstance(shape, TextOr):
            self.value(value, shape.other if isinstance(value, dict) else Text(), place)
        elif isinstance(shape, Items):
            if not isinstance(value, list):
                self.wrong(value, place, "a list")
                return
            for index, item in enumerate(value):
                self.value(item, shape.item, (*place, index))
        else:
            self.mapping(value, shape, place)

    def text(self, value: Any, shape: Text, place: Place) -> None:
        if not isinstance(value, str) or not value.strip():
            number = isinstance(value, int | float)
            self.wrong(value, place, "a text in quotes" if number else "a text")
        elif shape.choices and value not in shape.choices:
            self.wrong(value, place, "one of " + ", ".join(shape.choices))

    def mapping(self, value: Any, shape: Map, place: Place) -> None:
        if not isinstance(value, dict):
            self.wrong(value, place, "a mapping of keys to values")
            return
        unknown = [key for key in value if not (self.inner(key, shape))]
        self.lacking([key for key in shape.required if key not in value], unknown, place)
        for key in unknown:
            at = (*place, str(key))
            hint = did_you_mean(str(key), shape.keys)
            where = at if at in self.lines else place
            self.mistake(where, f"unknown key {key!r} in {self.name(place)}: {hint}")
        for key, item in value.items():
            if inner := self.inner(key, shape):
                self.value(item, inner, (*place, str(key)))

    def inner(self, key: Any, shape: Map) -> Shape | None:
        """The shape of what stands under a key; None if the key is unknown."""
        return (shape.keys.get(key) if isinstance(key, str) else None) or shape.other

    def lacking(self, keys: Sequence[str], unknown: list[Any], place: Place) -> None:
        """Say which keys are not there; one that is misspelt is taken from the unknown ones."""
        said = []
        for key in keys:
            near = difflib.get_close_matches(key, map(str, unknown), n=1)
            said.append(f"{key!r}, but has {near[0]!r}" if near else repr(key))
            unknown[:] = [one for one in unknown if str(one) not in near]
        if said:
            self.mistake(place, f"{self.name(place)} lacks {' and '.join(said)}")

    def wrong(self, value: Any, place: Place, wanted: str) -> None:
        self.mistake(place, f"{self.name(place)} is to be {wanted}, not {_short(value)}")

    def mistake(self, place: Place, message: str) -> None:
        line = self.lines.get(place, self.lines[()])
        self.mistakes.append(SourceError(self.path, line, message))

    def name(self, place: Place) -> str:
        return ".".join(map(str, place)) or self.what


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
