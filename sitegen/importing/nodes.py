"""What a document of another tool consists of, whichever tool that is, and what of it is lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Place:
    """Where something stands in a document."""

    path: str
    line: int
    cell: int = 0
    """Of a notebook, counted from 1; lines are counted in it."""

    def __str__(self) -> str:
        cell = f"cell {self.cell}, line " if self.cell else ""
        return f"{self.path}:{cell}{self.line}"


@dataclass(frozen=True)
class Line:
    """A line of Markdown."""

    text: str
    place: Place


@dataclass(frozen=True)
class Cell:
    """A cell of code, as its document has it."""

    code: str
    place: Place
    language: str = "python"
    tags: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    """Those of Quarto and of MyST's `code-cell`."""
    raised: str = ""
    """The exception among its saved outputs."""


Item = Line | Cell


@dataclass(frozen=True)
class Loss:
    """Something that a lesson can't say as the document did."""

    place: Place
    kind: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"

    @property
    def comment(self) -> str:
        """As it stands in the lesson, where it was."""
        return f"<!-- import: {re.sub('--(?=!?>)', '- -', self.message)} -->"


def safe(text: str) -> str:
    """A text in one line that ends no comment of HTML."""
    return re.sub("-{2,}", "-", " ".join(text.split()))


@dataclass
class Node:
    """A part of a document."""

    place: Place
    losses: list[Loss] = field(default_factory=list, kw_only=True)

    def lose(self, kind: str, message: str) -> None:
        self.losses.append(Loss(self.place, kind, message))


@dataclass
class Prose(Node):
    """A paragraph, list, table or quotation; what is within its lines is still to be read."""

    lines: list[Line]


@dataclass
class Heading(Node):
    """A heading; `id` where the document names it."""

    level: int
    text: str
    id: str = ""


@dataclass
class Shown(Node):
    """Code that is shown and not run; that of Python may have an id and options."""

    language: str
    code: str
    id: str = ""
    options: list[str] = field(default_factory=list)


@dataclass
class Block(Node):
    """Python that is run."""

    code: str
    id: str = ""
    options: list[str] = field(default_factory=list)
    """As they stand between the braces."""


LABEL = re.compile(r"\\label\{([^{}]*)\}")
"""A label within a formula."""


@dataclass
class Formula(Node):
    """A displayed formula."""

    latex: str
    label: str = ""

    @property
    def labels(self) -> list[str]:
        """All that it has, as ids; the first is that of its number."""
        return [name for name in map(anchor, (self.label, *LABEL.findall(self.latex))) if name]


@dataclass
class Picture(Node):
    """A picture that stands by itself."""

    target: str
    alt: str = ""


@dataclass
class Component(Node):
    """A component of the generator with what it encloses; `title` is still to be read."""

    name: str
    title: str = ""
    id: str = ""
    attributes: list[str] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)


@dataclass
class Break(Node):
    """The line between two parts of a component."""


@dataclass
class Nothing(Node):
    """What is left of something that was lost."""


def left_out(place: Place, kind: str, message: str) -> Nothing:
    """In the place of something, what is said of its loss."""
    return Nothing(place, losses=[Loss(place, kind, message)])


Within = Callable[[Sequence[Item]], list[Node]]
"""What reads the items that something encloses."""


def named(node: Node, name: str) -> bool:
    """Give a node a name, unless it has one; whether it can."""
    if isinstance(node, Formula):
        node.label = node.label or name
    elif isinstance(node, (Heading, Block, Component)) or (
        isinstance(node, Shown) and is_python(node.language)
    ):
        node.id = node.id or name
    else:
        return False
    return True


def no_label(name: str) -> str:
    """What is said of the name of something that can have none."""
    return f"the label {name!r} is that of a text, which has none here"


def walk(nodes: Sequence[Node]) -> Iterator[Node]:
    """All nodes, with those inside of others, in order."""
    for node in nodes:
        yield node
        if isinstance(node, Component):
            yield from walk(node.children)


ITEM = re.compile(r"\s*([-*+]|\d+[.)])\s")
"""The beginning of an item of a list."""


def is_python(language: str) -> bool:
    """Whether a language is the one that blocks are in, by whichever of its names."""
    return bool(re.fullmatch(r"i?python[23]?|py", language.lower()))


def without_roles(text: str) -> str:
    """A text with what roles of MyST show in their place."""
    return re.sub(r"\{[\w:]+\}`([^`<]*)[^`]*`", r"\1", text)


def anchor(label: str) -> str:
    """A label as the id of a lesson: letters, digits and hyphens."""
    return re.sub(r"[^\w-]+", "-", label.strip()).strip("-")


def words(text: str, limit: int = 60) -> str:
    """A piece of a document as a message quotes it."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
