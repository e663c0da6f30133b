"""Python files of jupytext's percent format as items: cells begin at `# %%`, texts are comments."""

from __future__ import annotations

import re

from sitegen.errors import SourceError
from sitegen.importing.nodes import Cell, Item, Line, Place

_HEAD = re.compile(
    r"^# ?%%+(?!\S)\s*(?P<title>[^\[{=]*?)\s*(?:\[(?P<kind>\w+)\])?"
    r"\s*(?P<options>(?:\{|[\w-]+=).*)?$"
)
_TAGS = re.compile(r"""["']?tags["']?\s*[=:]\s*\[(?P<tags>[^\]]*)\]""")
_LANGUAGE = re.compile(r"""["']?(?:language|magic_args)["']?\s*[=:]\s*["'](?P<name>\w+)""")
_MAGIC = re.compile(r"^# ?(?=[%!]{1,2}\w)")
"""Jupytext keeps the lines that only IPython knows as comments."""


def read(path: str, text: str) -> tuple[list[Item], str]:
    """The items of a file, and its front matter as that of Markdown.

    Raises:
        SourceError: no cell begins in it.
    """
    lines = text.split("\n")
    heads = [row for row, line in enumerate(lines) if _HEAD.match(line)]
    if not heads:
        raise SourceError(path, 1, "no line '# %%' begins a cell: no notebook of jupytext's")
    front = [_uncommented(line) for line in lines[: heads[0]]]
    rest = 0
    if front and front[0] == "---" and "---" in front[1:]:
        rest = front.index("---", 1) + 1
    items: list[Item] = _code(path, lines[rest : heads[0]], rest + 1)
    for start, end in zip(heads, [*heads[1:], len(lines)], strict=True):
        head = _HEAD.match(lines[start])
        assert head
        items += _cell(path, head, lines[start + 1 : end], start + 2)
    return items, "\n".join(front[:rest])


def _cell(path: str, head: re.Match[str], lines: list[str], row: int) -> list[Item]:
    options = head["options"] or ""
    given = _TAGS.search(options)
    tags = tuple(re.findall(r"[\w-]+", given["tags"])) if given else ()
    items: list[Item] = []
    if head["title"]:
        items = _texts(path, [f"**{head['title']}**"], row - 1)
    if head["kind"] not in ("markdown", "md", "raw"):
        language = _LANGUAGE.search(options)
        return items + _code(path, lines, row, language["name"] if language else "python", tags)
    if quoted := re.fullmatch(r'\s*r?("""|\'\'\')\n?(.*?)\n?\1\s*', "\n".join(lines), re.S):
        texts = quoted[2].split("\n")
    else:
        texts = [_uncommented(line) for line in lines]
    if head["kind"] == "raw":
        texts = ["```", *texts, "```"]
    return items + _texts(path, texts, row)


def _texts(path: str, texts: list[str], row: int) -> list[Item]:
    return [Line(text, Place(path, at)) for at, text in enumerate([*texts, ""], row)]


def _code(
    path: str, lines: list[str], row: int, language: str = "python", tags: tuple[str, ...] = ()
) -> list[Item]:
    while lines and not lines[0].strip():
        lines, row = lines[1:], row + 1
    code = "\n".join(_MAGIC.sub("", line) for line in lines).rstrip()
    if language != "python":
        code = "\n".join(map(_uncommented, code.split("\n")))
    return [Cell(code, Place(path, row), language, tags)] if code else []


def _uncommented(line: str) -> str:
    return re.sub(r"^# ?", "", line)
