"""Nodes -> the text of a lesson, each loss as a comment where it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sitegen.importing.inline import Around, Inline
from sitegen.importing.nodes import (
    ITEM,
    LABEL,
    Block,
    Break,
    Component,
    Formula,
    Heading,
    Loss,
    Node,
    Picture,
    Prose,
    Shown,
    without_roles,
)
from sitegen.parse.parser import slugify

_INDENT = re.compile(r"^[ \t]*(?:>[ \t]*)*")
_ROOM = 600
"""Characters from which on a remark is too long for the margin."""
_EQUATION = re.compile(r"\s*\\begin\{equation\*?\}(.*)\\end\{equation\*?\}\s*", re.S)
_FRAME = re.compile(r"\s*</?(?:p|div|center|figure|table|h[1-6]|section)\b")
_CODE = re.compile(r"^(?: {4}|\t)")


def write(
    nodes: Sequence[Node], around: Around, ids: frozenset[str] = frozenset()
) -> tuple[str, list[Loss]]:
    """The body of a lesson, and all that is lost in it, in order.

    `ids` are those that the document gives, which no heading may take by its words.
    """
    writer = _Writer(around, ids)
    text = writer.body(nodes)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n", writer.losses


class _Writer:
    def __init__(self, around: Around, given: frozenset[str]) -> None:
        self.around = around
        self.given = given
        self.losses: list[Loss] = []
        self.ids: set[str] = set()

    def body(self, nodes: Sequence[Node]) -> str:
        """Nodes one after the other, each below what is lost of it."""
        parts = []
        for node in nodes:
            inline = Inline(self.around, node.lose)
            indent = ""
            if isinstance(node, Prose) and node.lines:
                indent = (_INDENT.match(node.lines[0].text) or [""])[0]
            text = _KINDS[type(node)](self, node, inline) if type(node) in _KINDS else ""
            self.losses += node.losses
            comments = [indent + loss.comment for loss in dict.fromkeys(node.losses)]
            parts.append("\n".join([*comments, *([""] if comments and text else []), text]))
        return "\n\n".join(part for part in parts if part.strip())

    def prose(self, node: Prose, inline: Inline) -> str:
        text = "\n".join(re.sub(r"\s+$", _end, line.text) for line in node.lines).rstrip()
        if all(_CODE.match(line.text) for line in node.lines) and not ITEM.match(text):
            return text  # code by its indentation, or what goes on in a list
        text = _without_frames(inline.text(text), text, inline)
        # A line that only begins with colons or dots would be taken for markup.
        return re.sub(r"^([ \t>]*)(:{3,})", r"\1\\\2", text, flags=re.M)

    def heading(self, node: Heading, inline: Inline) -> str:
        name = node.id
        if not name and (own := slugify(node.text)) in self.given:
            name = f"{own}-section"
        place = f" {{#{self.free(name)}}}" if name else ""
        return f"{'#' * min(node.level, 6)} {inline.text(node.text)}{place}"

    def shown(self, node: Shown, inline: Inline) -> str:
        if node.language == "python":
            return self.python(node, ["no-run", *node.options])
        return _fenced(node.language, node.code)

    def block(self, node: Block, inline: Inline) -> str:
        runs = "no-run" not in node.options
        options = [one for one in node.options if runs or not one.startswith("raises=")]
        return self.python(node, options)

    def python(self, node: Block | Shown, options: Sequence[str]) -> str:
        given = [f"#{self.free(node.id)}"] if node.id else []
        given += options
        return _fenced("python" + (f" {{{' '.join(given)}}}" if given else ""), node.code)

    def formula(self, node: Formula, inline: Inline) -> str:
        labels = LABEL.findall(node.latex)
        latex = self.around.latex(re.sub(rf"\s*{LABEL.pattern}", "", node.latex))
        if whole := _EQUATION.fullmatch(latex):
            latex = whole[1]
        if r"\\" in latex and r"\begin" not in latex:
            around = "aligned" if "&" in latex else "gathered"
            latex = f"\\begin{{{around}}}\n{latex.strip()}\n\\end{{{around}}}"
        if len(labels) > 1:
            node.lose("label", f"one number for a formula of {len(labels)}: {', '.join(labels)}")
        if node.labels:  # its one number stands beside all of it
            for name, inner in (("align", "aligned"), ("gather", "gathered"), ("eqnarray", "")):
                inner = inner or "aligned"
                latex = re.sub(rf"\\(begin|end)\{{{name}\*?\}}", rf"\\\1{{{inner}}}", latex)
        latex = re.sub(r"\n\s*\n", "\n", latex.strip("\n"))
        end = f" ({self.free(node.labels[0])})" if node.labels else ""
        return f"$$\n{latex}\n$${end}"

    def picture(self, node: Picture, inline: Inline) -> str:
        return inline.picture(node.target, without_roles(node.alt).replace("\n", " "))

    def component(self, node: Component, inline: Inline) -> str:
        inner = self.body(node.children)
        title = inline.text(" ".join(node.title.split()))
        if title.startswith("{"):
            title = "\\" + title
        given = [f"#{self.free(node.id)}"] if node.id else []
        given += node.attributes
        braces = f" {{{' '.join(given)}}}" if given else ""
        colons = ":" * max(3, 1 + max(map(len, re.findall(r"^:{3,}", inner, re.M)), default=2))
        # There is little room in the margin.
        large = node.name == "aside" and (len(inner) > _ROOM or re.search(r"```|\$\$|:::", inner))
        name = "statement" if large else node.name
        return f"{colons}{name}{braces}{' ' + title if title else ''}\n{inner}\n{colons}"

    def free(self, name: str) -> str:
        """An id that is given once."""
        found, number = name, 1
        while found in self.ids:
            number += 1
            found = f"{name}-{number}"
        self.ids.add(found)
        return found


def _end(found: re.Match[str]) -> str:
    """Of the end of a line, the two spaces that break it."""
    return "  " if found[0].startswith("  ") else ""


def _without_frames(text: str, written: str, inline: Inline) -> str:
    """A text whose pictures stood within HTML, in which Markdown would show none."""
    if not (_FRAME.match(written) and "<img" in written):
        return text
    inline.lose("HTML", "the HTML around a picture is left out")
    return re.sub(r"</?[a-z][^<>]*>", "", text).strip()


def _fenced(info: str, code: str) -> str:
    ticks = "`" * max(3, 1 + max(map(len, re.findall(r"^\s*(`{3,})", code, re.M)), default=2))
    return f"{ticks}{info}\n{code.rstrip()}\n{ticks}"


_KINDS: dict[type[Node], Callable[..., str]] = {
    Prose: _Writer.prose,
    Heading: _Writer.heading,
    Shown: _Writer.shown,
    Block: _Writer.block,
    Formula: _Writer.formula,
    Picture: _Writer.picture,
    Component: _Writer.component,
    Break: lambda writer, node, inline: "---",
}
