"""`Lesson` -> notebooks for Jupyter: one with its exercises open, one with their solutions.

They are made from the lesson's text alone, and hold no outputs: who opens one, runs it.
"""

from __future__ import annotations

import inspect
import json
import re
import textwrap
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from markdown_it.token import Token

from sitegen.errors import not_utf8
from sitegen.execute.manners import seed_cell
from sitegen.parse import components
from sitegen.parse.citations import CITATION, citations
from sitegen.parse.config import Config
from sitegen.parse.lesson import Block, Lesson
from sitegen.parse.parser import (
    EXERCISE,
    INLINE_PREFIX,
    NUMBERED,
    ONLY,
    anchor,
    is_external,
    is_file,
)
from sitegen.parse.skeleton import skeleton, solution
from sitegen.render.links import place_of
from sitegen.render.references import Reference, shown

FOLDER = "notebooks"

QUOTED = ("aside", "insight", "misconception", "statement", "tip", "warning")
"""Components that stand beside the text: a notebook has no margin, and quotes them."""

REVEALED = ("diagnose", EXERCISE, "predict")
"""Components that ask first: what stands after the question is folded."""

_KINDS = {
    "diagnose": "Diagnose",
    EXERCISE: "Exercise",
    "insight": "Insight",
    "misconception": "Misconception",
    "next": "Next",
    "predict": "Predict",
    "summary": "Takeaways",
    "tip": "Tip",
    "warning": "Warning",
}

_AS_ON_THE_PAGE = f"""\
import importlib.util


{inspect.getsource(seed_cell)}

get_ipython().events.register(
    "pre_run_cell",
    lambda cell, seed=seed_cell: seed(cell.raw_cell.partition("\\n")[0].removeprefix("# ")),
)
if importlib.util.find_spec("matplotlib"):
    get_ipython().run_line_magic("matplotlib", "inline")
    get_ipython().run_line_magic("config", "InlineBackend.figure_formats = ['svg']")
"""
"""Seeds as on the page, where the first line of a cell is the id of its block; drawings."""

_IN_COLAB = """\
import os
import subprocess
import sys

if "google.colab" in sys.modules and not os.path.isfile("pyproject.toml"):
    clone = ["git", "clone", "--quiet", "--depth", "1", {repository!r}, "course"]
    subprocess.run(clone, check=True)
    os.chdir("course")
    sys.path.insert(0, os.getcwd())
    if needed := {needed!r}:
        pip = [sys.executable, "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, *needed], check=True)

"""

_SPANS = re.compile(
    rf"""(?P<ticks>`+)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)
      | (?P<image>!?)\[(?P<text>(?:[^\[\]`]|`[^`]*`)*)\]\((?P<target>[^()\s]+)\)
      | {CITATION}
      | \[\^(?P<note>[^\]\s]+)\](?P<defines>:)?
      | \[(?P<variant>(?:[^\[\]`]|`[^`]*`|\[(?:[^\[\]`]|`[^`]*`)*\])*)\]\{{only=(?P<only>[\w-]+)\}}
      | [ \t]*\{{\#[\w.:-]+\}}[ \t]*$""",
    re.X | re.S | re.M,
)
"""What a lesson's Markdown has beyond a notebook's, and code, in which it means nothing."""

_FORMATTED = re.compile(r"""f(["'])\{(.+?)(?:![rsa])?(?::[-+<>=^,.%\w]*)?\}\1""")


@dataclass(frozen=True)
class Text:
    """Markdown, and the expressions whose values it speaks of."""

    markdown: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Code:
    """A code cell."""

    id: str
    source: str
    hidden: bool = False
    tags: tuple[str, ...] = ()


Piece = Text | Code


def paths(lesson: Lesson) -> tuple[str, str]:
    """Where in the site a lesson's notebook and its solutions stand; empty if it has none."""
    name = lesson.meta.text("notebook")
    if not name:
        return "", ""
    stem = PurePosixPath(name).stem
    return f"{FOLDER}/{name}", f"{FOLDER}/{stem}-solutions.ipynb"


BRANCH = "notebooks"
"""The branch of the course's repository that holds its notebooks: the workflow puts them there."""


def colab_url(config: Config, lesson: Lesson) -> str:
    """Where Colab opens a lesson's notebook; empty where it can't."""
    found = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?", config.repository)
    name = lesson.meta.text("notebook")
    if not (found and name):
        return ""
    return f"https://colab.research.google.com/github/{found[1]}/blob/{BRANCH}/{name}"


def notebooks(
    config: Config,
    lessons: Sequence[Lesson],
    names: Mapping[str, str] | None = None,
    references: Mapping[str, Reference] | None = None,
) -> dict[str, bytes]:
    """All notebooks of these lessons, by their paths in the site.

    `names` says what links without words lead to, `references` what is cited.
    """
    found = {}
    for lesson in lessons:
        for path, solved in zip(paths(lesson), (False, True), strict=True):
            if path:
                text = notebook(config, lesson, solved, names, references)
                found[path] = text.encode("utf-8")
    return found


def notebook(
    config: Config,
    lesson: Lesson,
    solved: bool,
    names: Mapping[str, str] | None = None,
    references: Mapping[str, Reference] | None = None,
) -> str:
    """One notebook as JSON, with solutions or with the skeletons of what is to be written."""
    writer = _Writer(config, lesson, solved, names or {}, references or {})
    lines = lesson.text.split("\n")
    first = next((token.map[0] for token in lesson.tokens if token.map), len(lines))
    pieces = [
        writer.opening(),
        writer.setup(),
        *writer.pieces(lesson.tokens, first, len(lines)),
        writer.bibliography(),
    ]
    data = {
        "cells": list(_cells(pieces)),
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _cells(pieces: Sequence[Piece]) -> Iterator[dict[str, Any]]:
    """Texts that follow each other share a cell; the values they speak of are printed after it."""
    number = 0
    texts: list[Text] = []
    for piece in (*pieces, None):
        if isinstance(piece, Text):
            texts.append(piece)
            continue
        markdown = "\n\n".join(filter(None, (text.markdown.strip("\n") for text in texts)))
        values = list(dict.fromkeys(value for text in texts for value in text.values))
        number += bool(markdown)
        if markdown:
            yield _cell("markdown", f"text-{number}", markdown)
        if values:
            yield _code_cell(Code(f"values-{number}", _printed(values)))
        if piece is not None:
            yield _code_cell(piece)
        texts = []


def _code_cell(code: Code) -> dict[str, Any]:
    metadata: dict[str, Any] = {"jupyter": {"source_hidden": True}} if code.hidden else {}
    if code.tags:
        metadata["tags"] = list(code.tags)
    cell = _cell("code", code.id, code.source.rstrip(), metadata)
    return {**cell, "execution_count": None, "outputs": []}


def _cell(
    kind: str, name: str, source: str, metadata: dict[str, Any] | None = None
) -> dict[str, Any]:
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):  # all that the format allows
        name = f"block-{zlib.crc32(name.encode()):08x}"
    return {
        "cell_type": kind,
        "id": name,
        "metadata": metadata or {},
        "source": source.splitlines(keepends=True),
    }


def _printed(values: Sequence[str]) -> str:
    prints = (f"print({_short(value) + ' ='!r}, {value})" for value in values)
    return "\n".join(("# The values that the text above speaks of", *prints))


def _short(expression: str) -> str:
    """An expression as one reads it: without the format of what it gives."""
    formatted = _FORMATTED.fullmatch(expression)
    return formatted[2] if formatted else expression


class _Writer:
    """Turns the tokens of one lesson into pieces of a notebook; the text is the author's own."""

    def __init__(
        self,
        config: Config,
        lesson: Lesson,
        solved: bool,
        names: Mapping[str, str],
        references: Mapping[str, Reference],
    ) -> None:
        self.names = names
        self.references = references
        self.config = config
        self.lesson = lesson
        self.solved = solved
        self.lines = lesson.text.split("\n")

    def opening(self) -> Text:
        """The title, and what the reader has in hand."""
        meta = self.lesson.meta
        own, solutions = paths(self.lesson)
        title, exercises = meta.title, PurePosixPath(own).name
        about = (
            f"The solutions to the exercises of `{exercises}`."
            if self.solved
            else "Run the cells from top to bottom. Where it says `# YOUR CODE HERE`, write; "
            "the cell below it says whether you are right. The solutions are in "
            f"`{PurePosixPath(solutions).name}`."
        )
        page = f"[the lesson's page]({self.config.base_url}/{self.lesson.slug}.html)"
        where = f"This is {page} as a notebook." if self.config.base_url else ""
        texts = [f"# {title}", meta.text("summary"), where, about]
        return Text("\n\n".join(filter(None, texts)))

    def setup(self) -> Code:
        """The course's own beginning, if it has one, and what makes cells show what blocks show."""
        own = ""
        if begin := self.config.notebook_setup:
            try:
                own = begin.read_text(encoding="utf-8").strip() + "\n\n"
            except UnicodeDecodeError as error:
                raise not_utf8(begin.relative_to(self.config.root).as_posix(), error) from None
        return Code("setup", self.elsewhere() + own + _AS_ON_THE_PAGE)

    def elsewhere(self) -> str:
        """What gets the course where it is not: in Colab, whose machines begin empty."""
        if not self.config.repository:
            return ""
        needed = [*self.config.notebook_requirements]
        return _IN_COLAB.format(repository=self.config.repository, needed=needed)

    def pieces(self, tokens: Sequence[Token], first: int, last: int) -> list[Piece]:
        """What stands from line `first` up to line `last`, given the tokens there."""
        found: list[Piece] = []
        index, line = 0, first
        while index < len(tokens):
            token = tokens[index]
            special = token.type in ("component_open", "fence") or (
                token.type == "math_block" and "id" in token.meta
            )
            if special and token.map and "callout" not in token.meta:  # which Jupyter draws, too
                found.append(self.prose(line, token.map[0]))
                line = token.map[1]
                if token.type == "math_block":
                    found.append(Text(f"$$\n{token.content.strip()}\n$$"))
                elif token.type == "fence":
                    found.append(self.fence(token))
                else:
                    end = components.end_of_component(tokens, index)
                    found += self.component(tokens[index:end])
                    index = end
            index += 1
        found.append(self.prose(line, last))
        return found

    def prose(self, first: int, last: int) -> Text:
        # What stood in a list beside a block may be indented, and would be taken for code.
        return self.text(textwrap.dedent("\n".join(self.lines[first:last])))

    def text(self, markdown: str) -> Text:
        """The author's Markdown without what only a page of the site can show."""
        values: list[str] = []

        def changed(found: re.Match[str]) -> str:
            if found["ticks"]:
                code = found["code"].strip()
                if not code.startswith(INLINE_PREFIX):
                    return found[0]
                values.append(code.removeprefix(INLINE_PREFIX).strip())
                return f"{found['ticks']}{_short(values[-1])}{found['ticks']}"
            if found["only"]:
                inner = self.text(found["variant"])
                values.extend(inner.values if self.runs(found["only"]) else ())
                other = _SPANS.match(markdown, found.end())  # the same in another's words
                beside = " / " if other and other["only"] else ""
                return f"{inner.markdown} ({self.label(found['only'])}){beside}"
            if found["cited"]:
                return self.cited(found[0], found["cited"])
            if found["target"]:
                return self.link(found["image"], found["text"], found["target"])
            if found["note"]:
                return f"<sup>{found['note']}</sup>" + (" " if found["defines"] else "")
            return ""

        return Text(_SPANS.sub(changed, markdown), tuple(values))

    def label(self, profile: str) -> str:
        """How a reader is told of a profile."""
        return next(one.label for one in self.config.profiles if one.name == profile)

    def runs(self, only: str) -> bool:
        """Whether a notebook runs what is of one profile: of the one that every machine has."""
        return only in ("", self.config.profiles[0].name)

    def link(self, image: str, text: str, target: str) -> str:
        text = self.text(text).markdown or (not image and self.name(target)) or ""
        if is_external(target):
            return f"{image}[{text}]({target})"
        page, _, place = target.partition("#")
        if is_file(page):
            return f"{image}[{text}]({self.config.base_url or '..'}/{target})"
        if not self.config.base_url:
            return text
        page = (page or self.lesson.slug).removesuffix(".html")
        return f"[{text}]({self.config.base_url}/{page}.html{'#' if place else ''}{place})"

    def name(self, target: str) -> str:
        """What a link without words says."""
        return self.names.get(place_of(target, self.lesson.slug), "")

    def cited(self, whole: str, text: str) -> str:
        """A citation as one reads it."""
        words = []
        for one in citations(text):
            if one.key not in self.references:
                return whole
            said = self.references[one.key].cited(one)
            words.append(", ".join(filter(None, (said, one.place))))
        return f"({'; '.join(words)})" if words else whole

    def bibliography(self) -> Text:
        """What the lesson cites, at its end."""
        cited = shown((one.key for one in self.lesson.cited), self.references)
        rows = "\n".join(f"- {one.markdown()}" for one in cited)
        return Text(f"## References\n\n{rows}" if cited else "")

    def fence(self, token: Token) -> Piece:
        block = token.meta.get("cell")
        if not isinstance(block, Block):
            return Text(f"{token.markup}{token.meta['language']}\n{token.content}{token.markup}")
        options = block.options
        if options.no_run or not self.runs(options.only):
            note = f"Under the profile {options.only} only:\n\n" if options.only else ""
            return Text(f"{note}{token.markup}python\n{block.code}{token.markup}")
        code = (solution if self.solved else skeleton)(block.code)
        needs = f", needs {', '.join(options.needs)}" if options.needs else ""
        return Code(
            anchor(block.id),
            f"# {block.id}{needs}\n{code}",
            hidden=options.hide or options.fold,
            tags=("raises-exception",) if options.raises else (),
        )

    def component(self, tokens: Sequence[Token]) -> list[Piece]:
        name = tokens[0].info
        heading, body = components.titled(tokens[1:])
        first, *folded = components.parts(body)
        if name in REVEALED and not first.body and folded:
            first, *folded = folded
        head = self.head(tokens[0], heading)
        if name in NUMBERED and name != "table":  # the caption of a table stands above it
            return [*self.part(first), *(one for part in folded for one in self.part(part)), head]
        intro = self.part(first)
        if name == "constraints" and not body:
            intro = [self.scope()]
        if name == "predict":
            intro.append(Text("*Your prediction:* …"))
        if name in REVEALED:
            summaries = _summaries(name, [bool(part.title) for part in folded])
            rest = [
                piece
                for part, summary in zip(folded, summaries, strict=True)
                for piece in _details(
                    part.title[0].content if part.title else summary,
                    self.part(part, with_title=False),
                )
            ]
        else:
            rest = [piece for part in folded for piece in self.part(part)]
        pieces = [head, *intro, *rest]
        if name == ONLY and not self.runs(tokens[0].meta["only"]):
            pieces = [Text(one.markdown) if isinstance(one, Text) else one for one in pieces]
        return _quoted(pieces) if name in QUOTED else pieces

    def head(self, token: Token, heading: Token | None) -> Text:
        if token.info == ONLY:
            return Text(f"*{self.label(token.meta['only'])}:*")
        kind = _KINDS.get(token.info, "")
        if number := token.meta.get("number"):
            title = self.text(heading.content if heading else "")
            return Text(f"**{number}.** {title.markdown}".strip(), title.values)
        level = token.meta["attributes"].values.get("level", "")
        kind += f" ({level})" if kind and level else ""
        title = self.text(heading.content if heading else "")
        words = ": ".join(filter(None, (kind, title.markdown)))
        return Text(f"**{words}**" if words else "", title.values)

    def part(self, part: components.Part, with_title: bool = True) -> list[Piece]:
        title = self.text(part.title[0].content if part.title and with_title else "")
        found: list[Piece] = [Text(f"**{title.markdown}**", title.values)] if part.title else []
        places = [token.map for token in part.body if token.map]
        if not places:
            return found if with_title else []
        first, last = min(place[0] for place in places), max(place[1] for place in places)
        return [*(found if with_title else ()), *self.pieces(part.body, first, last)]

    def scope(self) -> Text:
        """What the lesson is about and what not, which the front matter says."""
        scope = self.lesson.meta.data.get("scope", {})
        lines = []
        for key, title in (("is", "This lesson is about"), ("is_not", "It is not about")):
            rows = [
                row if isinstance(row, str) else f"{row['what']} ({row['to']})"
                for row in scope.get(key, ())
            ]
            lines += [f"**{title}**", "", *(f"- {row}" for row in rows), ""] if rows else []
        return self.text("\n".join(lines))


def _summaries(name: str, titled: Sequence[bool]) -> list[str]:
    """What folded parts are called that have no title of their own."""
    last = {"diagnose": "The diagnosis", EXERCISE: "Explanation"}.get(name, "Reveal")
    hints = "Hint" if len(titled) == 2 else "Hint {}"
    others = hints if name == EXERCISE else last
    return [others.format(number) for number in range(1, len(titled))] + [last] * bool(titled)


def _details(summary: str, pieces: Sequence[Piece]) -> list[Piece]:
    """Folded; but not what holds cells, which nothing can enclose."""
    if any(isinstance(piece, Code) for piece in pieces):
        return [Text(f"**{summary}**"), *pieces]
    texts = [piece for piece in pieces if isinstance(piece, Text)]
    inner = "\n\n".join(text.markdown.strip("\n") for text in texts if text.markdown.strip())
    values = tuple(value for text in texts for value in text.values)
    opening = f"<details>\n<summary>{summary}</summary>"
    return [Text(f"{opening}\n\n{inner}\n\n</details>", values)]


def _quoted(pieces: Sequence[Piece]) -> list[Piece]:
    """Texts as quotations; those that follow each other make one."""
    found: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Code):
            found.append(piece)
            continue
        if not piece.markdown.strip():
            continue
        quote = "\n".join(f"> {line}".rstrip() for line in piece.markdown.strip("\n").split("\n"))
        if found and isinstance(before := found[-1], Text):
            found[-1] = Text(f"{before.markdown}\n>\n{quote}", before.values + piece.values)
        else:
            found.append(Text(quote, piece.values))
    return found
