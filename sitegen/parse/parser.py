"""Text -> `Lesson`: reads one Markdown file and says, with its line, what is wrong with it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.rules_block.table import escapedSplit
from markdown_it.token import Token

from sitegen.errors import SourceError, not_utf8, raise_all
from sitegen.parse import foreign, frontmatter
from sitegen.parse.attributes import Attributes, block_options, parse_attributes
from sitegen.parse.lesson import (
    Block,
    Cell,
    Cited,
    FrontMatter,
    Heading,
    Inline,
    Lesson,
    Link,
)
from sitegen.parse.markdown import FORMULAS, MISTAKES, MarkdownError, make_parser
from sitegen.parse.skeleton import MarkError, check_marks, has_solution

INLINE_PREFIX = "{python}"
PYTHON = ("python", "py", "python3", "ipython")
"""What others call the language of blocks that run here: `python`."""
PAGE_IDS = ("main", "theme", "bibliography")
"""Ids that every page has already."""
EXERCISE = "exercise"
"""The component that blocks with a solution, and those that check it, stand in."""
NUMBERED = {"figure": "Figure", "table": "Table"}
"""Components with a number, and what they are called."""
ONLY = "only"
"""The component that holds text of one profile."""

_TRAILING_BRACES = re.compile(r"\s*\{(#[^{}]*)\}\s*$")
_MISSPELT = re.compile(rf"\{{({'|'.join(PYTHON)})\}}", re.I)
_FIGURE_MAGIC = re.compile(
    r"^%(?:matplotlib[ \t]+inline|config[ \t]+InlineBackend\b.*)[ \t]*$",
    re.M,
)
_EXTERNAL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//")


def read_lesson(root: Path, path: Path) -> Lesson:
    """Parse the lesson in the file `path` of the course in `root`; raises as `parse_lesson`."""
    return _sound(*examine_file(root, path))


def parse_lesson(path: str, text: str) -> Lesson:
    """Parse `text`, which messages place in the file `path`.

    Raises:
        SiteError: the text is malformed; each error names its line and what would be right.
    """
    return _sound(*examine(path, text))


def _sound(lesson: Lesson | None, mistakes: Sequence[SourceError]) -> Lesson:
    raise_all(mistakes)
    assert lesson
    return lesson


def examine_file(root: Path, path: Path) -> tuple[Lesson | None, list[SourceError]]:
    """As `examine`, of the file `path` of the course in `root`."""
    name = path.relative_to(root).as_posix()
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return None, [not_utf8(name, error)]
    except OSError as error:
        return None, [SourceError(name, 1, f"cannot be read: {error.strerror}")]
    return examine(name, text)


def examine(path: str, text: str) -> tuple[Lesson | None, list[SourceError]]:
    """The lesson in `text`, as far as it can be read, and its mistakes in the order of lines.

    None stands for a text of which nothing can be said.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    mistakes: list[SourceError] = []
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        return None, [SourceError(path, line, "a NUL byte; lessons are plain UTF-8 text")]
    try:
        header, body = frontmatter.split(path, text)
    except SourceError as error:
        return None, [error]
    meta = FrontMatter("", "", 0)
    try:
        meta, wrong = frontmatter.examine(path, header)
        mistakes += wrong
    except SourceError as error:
        mistakes.append(error)
    of_markdown: list[MarkdownError] = []
    tokens = _parser().parse(body, {MISTAKES: of_markdown})
    reader = _Reader(path, body.split("\n"), meta.order)
    reader.read(tokens)
    mistakes += [SourceError(path, error.line + 1, str(error)) for error in of_markdown]
    mistakes += reader.mistakes
    lesson = Lesson(
        path=path,
        text=text,
        meta=meta,
        cells=tuple(reader.cells),
        headings=tuple(reader.headings),
        anchors=frozenset(reader.ids),
        links=tuple(reader.links),
        names=reader.names,
        cited=tuple(reader.cited),
        files=tuple(sorted(reader.files)),
        tokens=tuple(tokens),
        warnings=tuple(message for _, message in sorted(reader.warnings)),
    )
    return lesson, sorted(mistakes, key=lambda mistake: mistake.line)


@cache
def _parser() -> MarkdownIt:
    return make_parser()


class _Reader:
    """One walk over the tokens: finds cells, headings and links, and marks their tokens."""

    def __init__(self, path: str, lines: list[str], order: int) -> None:
        self.path = path
        self.lines = lines
        self.order = order
        self.counts: Counter[str] = Counter()
        """How many figures, tables and equations have a number so far."""
        self.names: dict[str, str] = {}
        self.cited: list[Cited] = []
        self.cells: list[Cell] = []
        self.headings: list[Heading] = []
        self.links: list[Link] = []
        self.files: set[str] = set()
        self.ids: dict[str, int] = {}
        self.variants: list[str] = []
        """The profiles that the text at this place is of, the innermost last."""
        self.notes: dict[tuple[int, int], str] = {}
        """Of each reference to a footnote, by its number and which of them it is, the profile."""
        self.blocks = 0
        self.inlines = 0
        self.mistakes: list[SourceError] = []
        self.warnings: list[tuple[int, str]] = []

    def error(self, line: int, message: str) -> SourceError:
        return SourceError(self.path, line, message)

    def read(self, tokens: Sequence[Token]) -> None:
        line, columns = 1, 0
        components: list[Token] = []
        for index, token in enumerate(tokens):
            if token.map:
                line = token.map[0] + 1
            with self.going_on():
                if token.type == "fence":
                    self.fence(token, in_exercise=any(one.info == EXERCISE for one in components))
                elif token.type == "component_open":
                    components.append(token)
                    if token.info == ONLY:
                        self.variants.append(_title(tokens[index + 1 : index + 3]))
                    self.component(token)
                elif token.type == "component_close":
                    if components.pop().info == ONLY:
                        self.variants.pop()
                elif token.type == "heading_open":
                    if not components:
                        self.lower(token, tokens[index + 2])
                    self.heading(token, tokens[index + 1], in_contents=not components)
                elif token.type == "thead_open":
                    columns = 0
                elif token.type == "th_open":
                    columns += 1
                elif token.type == "tr_open" and columns and token.map:
                    self.row(token.map[0], columns)
                elif token.type == "math_block_label":
                    self.equation(token, line)
                elif token.type == "paragraph_open" and token.map:
                    self.text(*token.map)
                elif token.type == "inline":
                    self.inline(token, line)
        for token in tokens:
            self.footnote(token)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Note a mistake, so that those after it are found, too."""
        try:
            yield
        except SourceError as error:
            self.mistakes.append(error)

    def row(self, number: int, columns: int) -> None:
        """Tell of cells that a table has no column for."""
        cells = self.cells_of(number)
        if len(cells) > columns:
            lost = "|".join(cells[columns:]).strip()
            self.warn(
                number + 1,
                f"a row of {len(cells)} cells in a table of {columns} columns: {lost!r} is not "
                "shown; a | within a cell is written \\|, in code, too",
            )

    def text(self, first: int, end: int) -> None:
        """Tell of a table that is none, for its head has not as many cells as the rule below."""
        for number in range(first + 1, end):
            heads, rules = self.cells_of(number - 1), self.cells_of(number)
            is_rule = len(rules) > 1 and all(re.fullmatch(r"\s*:?-+:?\s*", one) for one in rules)
            if is_rule and 1 < len(heads) != len(rules):
                self.warn(
                    number,
                    f"a table with {len(heads)} cells in its head and {len(rules)} in the rule "
                    "below is shown as text; a | within a cell is written \\|, in code, too",
                )

    def cells_of(self, number: int) -> list[str]:
        """Of a line as the row of a table."""
        cells = escapedSplit(self.lines[number].lstrip("> \t").rstrip())
        return cells[not cells[0] : len(cells) - (not cells[-1])]  # without outer bars

    def warn(self, line: int, message: str) -> None:
        self.warnings.append((line, f"{self.path}:{line}: {message}"))

    def claim(self, name: str, line: int, what: str = "") -> None:
        """Take an id of the page, which is given once."""
        if name in PAGE_IDS:
            raise self.error(line, f"id {name!r} is one that every page has; choose another")
        if name in self.ids:
            raise self.error(
                line,
                f"duplicate {what or f'id {name!r}'}, given first on line {self.ids[name]}; "
                "rename one",
            )
        self.ids[name] = line

    def fence(self, token: Token, in_exercise: bool) -> None:
        assert token.map is not None
        line = token.map[0] + 1
        # Of an unclosed fence markdown-it takes what there is; the last line tells.
        last = self.lines[token.map[1] - 1].lstrip("> \t").rstrip()
        if token.map[1] - token.map[0] < 2 or not re.fullmatch(
            f"{re.escape(token.markup[0])}{{{len(token.markup)},}}", last
        ):
            raise self.error(line, f"fence is not closed; end the block with {token.markup}")
        language, _, rest = token.info.strip().partition(" ")
        if "{" in language:
            language, _, rest = token.info.strip().partition("{")
            rest = "{" + rest
        token.meta = {"language": language}
        if not language and rest:
            raise self.error(line, foreign.fence(token.info.strip()))
        if rest and language != "python" and language.lower() in PYTHON:
            raise self.error(line, f"options are for blocks that run: python, not {language}")
        if language != "python":
            return
        token.content = self.without_magics(token.content, line)
        attributes = self.attributes(rest.strip(), line)
        try:
            options = block_options(attributes, token.content)
        except ValueError as error:
            raise self.error(line, str(error)) from None
        options = replace(options, only=self.within(options.only, line))
        self.blocks += 1
        name = attributes.id or f"block-{self.blocks}"
        if not re.fullmatch(r"[\w-]+", name):  # it names files, and `a.2` is a figure of `a`
            raise self.error(line, f"block id {name!r} is to be letters, digits, - and _")
        self.claim(anchor(name), line, f"block id {name!r}")
        if options.title:
            self.names[anchor(name)] = options.title
        block = Block(name, token.content, line + 1, options)
        self.exercise(block, in_exercise)
        self.cells.append(block)
        token.meta["cell"] = block

    def without_magics(self, code: str, line: int) -> str:
        """Code with the lines about formats of figures as comments: figures are shown anyway."""
        if not _FIGURE_MAGIC.search(code) or _is_python(code):
            return code
        for found in _FIGURE_MAGIC.finditer(code):
            at = line + 1 + code.count("\n", 0, found.start())
            self.warn(
                at,
                f"{found[0].strip()!r} has no effect: figures are shown as drawings without it; "
                "remove the line",
            )
        return _FIGURE_MAGIC.sub(r"# \g<0>", code)

    def exercise(self, block: Block, in_exercise: bool) -> None:
        """Check the marks of a solution, and that what belongs to an exercise is in one."""
        try:
            check_marks(block.code)
        except MarkError as error:
            raise self.error(block.line + error.line - 1, str(error)) from None
        solved = has_solution(block.code)
        if solved:
            self.claim(anchor(solution_id(block.id)), block.fence_line)
        if not in_exercise and (solved or block.options.check):
            what = "a solution" if solved else "a check"
            raise self.error(block.fence_line, f"{what} outside of a ':::{EXERCISE}'; open one")

    def attributes(self, text: str, line: int) -> Attributes:
        if not text:
            return Attributes()
        if not (text.startswith("{") and text.endswith("}")):
            raise self.error(
                line, f"cannot read {text!r} after the language; write ```python {{#id option}}"
            )
        try:
            return parse_attributes(text[1:-1])
        except ValueError as error:
            raise self.error(line, str(error)) from None

    def component(self, token: Token) -> None:
        assert token.map is not None
        line = token.map[0] + 1
        text = token.meta["attributes"]
        token.meta = {"attributes": Attributes(), "line": line}
        try:
            attributes = parse_attributes(text)
        except ValueError as error:
            raise self.error(line, str(error)) from None
        token.meta["attributes"] = attributes
        if token.info == ONLY:
            self.only(token, line)
        if attributes.id:
            self.claim(attributes.id, line)
        if kind := NUMBERED.get(token.info):
            token.meta["number"] = f"{kind} {self.number(kind)}"
            if attributes.id:
                self.names[attributes.id] = token.meta["number"]

    def number(self, kind: str) -> str:
        """The next of a kind, such as 2.3: the third of the lesson whose order is 2."""
        self.counts[kind] += 1
        return f"{self.order}.{self.counts[kind]}"

    def equation(self, token: Token, line: int) -> None:
        """A displayed formula with a label: `$$...$$ (label)`. It has a number, or its own tag."""
        name = token.info
        token.type = "math_block"
        token.meta = {"id": name}
        if not re.fullmatch(r"[\w.:-]+", name):
            message = f"label {name!r} of a formula is to be letters, digits, and - . : _"
            raise self.error(line, message)
        self.claim(name, line)
        own = re.search(r"\\tag\*?\{([^{}]*)\}", token.content)
        number = own[1] if own else self.number("Equation")
        if own is None:
            token.content = f"{token.content.rstrip()} \\tag{{{number}}}"
        self.names[name] = f"({number})"

    def lower(self, opening: Token, closing: Token) -> None:
        """Make a section of a heading that would be a second title of the page."""
        if opening.tag == "h1" and opening.map:
            line = opening.map[0] + 1
            self.warn(line, "'#' is a second title, shown as '##'; the front matter has the first")
            opening.tag = closing.tag = "h2"

    def heading(self, token: Token, inline: Token, in_contents: bool) -> None:
        assert token.map is not None
        line = token.map[0] + 1
        braces = _TRAILING_BRACES.search(inline.content)
        name = ""
        if braces and inline.children and inline.children[-1].type == "text":
            last = inline.children[-1]
            last.content = _TRAILING_BRACES.sub("", last.content)
            inline.content = inline.content[: braces.start()]
            name = self.attributes(braces[0].strip(), line).id
        if any(child.type == "span_open" for child in inline.children or ()):
            raise self.error(line, "a heading is the same under every profile: leave out only=")
        title = _plain(inline)
        if not name and in_contents:  # within a component, a heading names one of its parts
            name = self.free(slugify(title) or "section")
        if name:
            self.claim(name, line)
            self.names[name] = title
        token.meta = {"id": name}
        self.headings.append(Heading(name, title, int(token.tag[1]), line, in_contents))

    def free(self, slug: str) -> str:
        name, number = slug, 1
        while name in self.ids or name in PAGE_IDS:
            number += 1
            name = f"{slug}-{number}"
        return name

    def inline(self, token: Token, line: int) -> None:
        first = token.map[0] + 1 if token.map else line
        lines = {id(child): at for child, at in _with_lines(token, first)}
        for child, message in foreign.take_out(token.children or ()):
            self.warn(lines[id(child)], message)
        children = token.children or []
        for index, (child, at) in enumerate(_with_lines(token, first)):
            following = children[index + 1].type if index + 1 < len(children) else ""
            with self.going_on():
                self.child(child, at, following)

    def child(self, child: Token, at: int, following: str) -> None:
        """Read a part of running text, on the line `at`, before one of another type."""
        if child.type == "code_inline" and child.content.startswith(INLINE_PREFIX):
            self.value(child, at)
        elif child.type == "code_inline" and _MISSPELT.match(child.content):
            raise self.error(at, f"cannot read `{child.content}`; write `{{python}} expression`")
        elif child.type in ("link_open", "image"):
            target = str(child.attrs.get("href") or child.attrs.get("src") or "")
            if target and not is_external(target):
                self.link(unquote(target), at, following != "link_close")
            elif child.type == "image" and not target.startswith("data:"):
                raise self.error(at, f"picture from elsewhere: put {target!r} into this folder")
        elif child.type in FORMULAS:
            child.meta = {"line": at}
        elif child.type == "citation":
            self.cited += [Cited(one.key, at) for one in child.meta["cited"]]
        elif child.type == "footnote_ref":
            self.notes[child.meta["id"], child.meta["subId"]] = self.within("", at)
        elif child.type == "span_open":
            self.span(child, at)
        elif child.type == "span_close":
            self.variants.pop()

    def footnote(self, token: Token) -> None:
        """Mark a footnote, and each way back from it, with the profiles that refer to it."""
        if token.type == "footnote_open":
            names = {name for (note, _), name in self.notes.items() if note == token.meta["id"]}
            token.meta["shown"] = "" if "" in names else " ".join(sorted(names))
        elif token.type == "footnote_anchor":
            token.meta["shown"] = self.notes.get((token.meta["id"], token.meta["subId"]), "")

    def only(self, token: Token, line: int) -> None:
        """Text of one profile: `:::only gpu`."""
        name = self.variants[-1]
        token.meta |= {"only": name}
        if not re.fullmatch(r"[\w-]+", name):
            raise self.error(line, f"cannot read ':::only {name}'; write ':::only PROFILE'")
        self.enclosed(line)

    def span(self, token: Token, line: int) -> None:
        """Half a sentence of one profile: `[text]{only=gpu}`."""
        name = str(token.attrs.get("only", ""))
        unknown = token.meta.get("insecure_attrs")
        token.meta = {"only": name, "line": line}
        self.variants.append(name)
        if not name or unknown:
            raise self.error(line, "cannot read what follows [...]; write '[text]{only=PROFILE}'")
        self.enclosed(line)

    def enclosed(self, line: int) -> None:
        """A text of one profile within one of another would never be shown."""
        *around, name = self.variants
        if around and around[-1] != name:
            message = f"only {name!r} within a text of {around[-1]!r} is never shown"
            raise self.error(line, message)

    def within(self, only: str, line: int) -> str:
        """The profile of a block that says `only`, which has to be that of the text around it."""
        around = self.variants[-1] if self.variants else ""
        if only and around and only != around:
            raise self.error(line, f"only={only} within a text of {around!r} is never shown")
        return only or around

    def link(self, target: str, line: int, named: bool = True) -> None:
        self.links.append(Link(target, line, named))
        page, _, _ = target.partition("#")
        if is_file(page):
            self.files.add(page)

    def value(self, token: Token, line: int) -> None:
        expression = token.content.removeprefix(INLINE_PREFIX).strip()
        if not expression:
            raise self.error(line, "empty inline value; write `{python} expression`")
        self.inlines += 1
        cell = Inline(f"inline-{self.inlines}", expression, line, self.within("", line))
        self.cells.append(cell)
        token.meta = {"cell": cell}


def _is_python(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError):
        return False
    return True


def _with_lines(token: Token, line: int) -> Iterator[tuple[Token, int]]:
    """The children of an inline token, each with its line in the file."""
    for child in token.children or ():
        yield child, line
        if child.type in ("softbreak", "hardbreak"):
            line += 1
        else:
            line += child.content.count("\n")


def _title(tokens: Sequence[Token]) -> str:
    """The title of a component, given what follows its opening."""
    titled = bool(tokens) and tokens[0].type == "component_title_open"
    return tokens[1].content if titled else ""


def _plain(token: Token) -> str:
    return "".join(
        child.content.removeprefix(INLINE_PREFIX).lstrip()
        if child.type == "code_inline"
        else child.content
        for child in token.children or ()
        if child.type in ("text", "code_inline", "text_special", *FORMULAS)
    ).strip()


def is_external(target: str) -> bool:
    """Whether a link leads out of the site."""
    return bool(_EXTERNAL.match(target))


def is_file(page: str) -> bool:
    """Whether a link, up to its `#`, names a file beside the lesson, and no page."""
    return ("." in page or "/" in page) and not page.endswith(".html")


def anchor(block_id: str) -> str:
    """The id that a block has on its page."""
    return f"block-{block_id}"


def solution_id(block_id: str) -> str:
    """The id that a block has where it stands with its solution."""
    return f"{block_id}-solution"


def slugify(title: str) -> str:
    """An anchor made from a heading, as on GitHub: lower-case words joined by hyphens."""
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", title.lower())).strip("-")
