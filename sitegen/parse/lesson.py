"""The data of a lesson as its author wrote it. Nothing here reads files, executes or renders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from markdown_it.token import Token

Compare = Literal["exact", "numbers", "none"]
COMPARE: tuple[Compare, ...] = get_args(Compare)
"""From the strictest rule to the loosest."""

DEFAULT_RTOL = 1e-4
DEFAULT_TIMEOUT = 120.0


@dataclass(frozen=True)
class Options:
    """What an author may say of a block between the braces of its fence."""

    hide: bool = False
    """Run the block and show what it displays, but not its code."""
    fold: bool = False
    """Show the code closed, to be opened by the reader."""
    hide_output: bool = False
    """Run the block and show its code, but not what it displays."""
    fold_output: bool = False
    """Show what the block displays closed, to be opened by the reader."""
    hl: tuple[int, ...] = ()
    """Lines to highlight, counted from 1."""
    title: str = ""
    """A heading above the code, such as a file name."""
    raises: str = ""
    """The exception that the block must raise; it is then the block's output."""
    needs: tuple[str, ...] = ()
    """Resources without which the block is replayed from its recording."""
    only: str = ""
    """The one profile under which the block exists."""
    compare: Compare = "exact"
    """How a fresh output is held against the recording."""
    rtol: float = DEFAULT_RTOL
    """Relative tolerance of `compare=numbers`."""
    timeout: float = DEFAULT_TIMEOUT
    """Seconds after which the block counts as an endless loop."""
    no_run: bool = False
    """Show the code, never run it."""
    source: str = ""
    """The library definition that the code must agree with, such as `package.module.Name`."""
    check: bool = False
    """The block says whether the answer to the exercise that it stands in is right."""


@dataclass(frozen=True)
class Block:
    """One fenced Python block of a lesson."""

    id: str
    """Unique in its lesson; `block-3` where the author gave none."""
    code: str
    line: int
    """The line of the Markdown file on which the code begins, counted from 1."""
    options: Options = field(default_factory=Options)

    @property
    def fence_line(self) -> int:
        """The line of the opening fence, where errors about options point."""
        return self.line - 1


@dataclass(frozen=True)
class Inline:
    """A value in running text, `{python} expression`, evaluated where it stands."""

    id: str
    code: str
    line: int
    only: str = ""
    """The one profile that it exists under, as the text around it."""


Cell = Block | Inline


@dataclass(frozen=True)
class Heading:
    """A heading that can be linked to; those inside components have no place in the contents."""

    id: str
    title: str
    level: int
    line: int
    in_contents: bool = True


@dataclass(frozen=True)
class Link:
    """A link to another place of the site, to be checked: `slug#anchor`, `slug`, `#anchor`."""

    target: str
    line: int
    named: bool = True
    """Whether the author gave it words; if not, it takes the name of what it leads to."""


@dataclass(frozen=True)
class Cited:
    """A work that a lesson cites, by its key."""

    key: str
    line: int


@dataclass(frozen=True)
class FrontMatter:
    """What stands between the `---` lines. `lines` maps a key's path to its line."""

    title: str
    slug: str
    order: int
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    lines: Mapping[tuple[str | int, ...], int] = field(default_factory=dict, repr=False)

    def text(self, key: str) -> str:
        """A string of the front matter, empty where the author gave none."""
        return str(self.data.get(key, ""))

    def rows(self, key: str) -> Sequence[Mapping[str, Any]]:
        """A list of mappings of the front matter, such as `teaches`."""
        return self.data.get(key) or ()


@dataclass(frozen=True)
class Lesson:
    """One `lessons/NAME.md`, parsed."""

    path: str
    """Relative to the course's folder, as every message names it."""
    text: str = field(repr=False)
    meta: FrontMatter
    cells: tuple[Cell, ...]
    """Blocks and inline values in the order in which they are executed."""
    headings: tuple[Heading, ...] = field(repr=False, default=())
    anchors: frozenset[str] = field(repr=False, default=frozenset())
    """Every id on the page that a link may name."""
    links: tuple[Link, ...] = field(repr=False, default=())
    names: Mapping[str, str] = field(repr=False, default_factory=dict)
    """What is at an anchor, as a link without words says it: "Figure 2.1", "(2.1)", a title."""
    cited: tuple[Cited, ...] = field(repr=False, default=())
    files: tuple[str, ...] = field(repr=False, default=())
    """Images and other files beside the lesson that it shows or links to."""
    tokens: tuple[Token, ...] = field(repr=False, default=())
    warnings: tuple[str, ...] = field(repr=False, default=())
    """What is no mistake, and yet not what the author may think: `path:line: message`."""

    @property
    def slug(self) -> str:
        return self.meta.slug

    @property
    def former(self) -> Sequence[str]:
        """Slugs that it had."""
        given = self.meta.data.get("formerly")
        return [one for one in given if isinstance(one, str)] if isinstance(given, list) else []

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(cell for cell in self.cells if isinstance(cell, Block))

    @property
    def sections(self) -> frozenset[str]:
        """The ids of its headings, of those on the page that a link may name."""
        return frozenset(heading.id for heading in self.headings if heading.id)

    def __str__(self) -> str:
        return self.path
