"""Cells of code: their options and tags as those of blocks, and IPython's commands as Python."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Mapping
from typing import Any

import yaml

from sitegen.importing.braces import unread
from sitegen.importing.nodes import (
    Block,
    Cell,
    Component,
    Node,
    Nothing,
    Place,
    Shown,
    anchor,
    is_python,
    words,
)
from sitegen.parse.attributes import Attributes
from sitegen.parse.tokens import parse

_FIGURES = re.compile(r"%\s*(?:matplotlib\b.*|config\s+InlineBackend\b.*|pylab\s+inline\s*)$")
"""Magics about how figures are shown, which are shown here without them."""

_TAGS = {
    "hide-input": ["fold"],
    "remove-input": ["hide"],
    "hide-output": ["fold-output"],
    "remove-output": ["hide-output"],
    "hide-cell": ["fold", "fold-output"],
    "remove-cell": ["hide", "hide-output"],
    "skip-execution": ["no-run"],
}
_SETTINGS: Mapping[tuple[str, Any], list[str]] = {
    ("echo", False): ["hide"],
    ("eval", False): ["no-run"],
    ("output", False): ["hide-output"],
    ("include", False): ["hide", "hide-output"],
    ("code-fold", True): ["fold"],
    ("code-fold", "show"): [],
    **{(name, True): [] for name in ("echo", "eval", "output", "include")},
    **{("error", False): [], ("code-fold", False): [], ("output", "asis"): []},
}
"""What Quarto's options are here."""

_MAGIC = re.compile(r"^(?P<indent>[ \t]*)(?P<sign>%%?|!!?|\?{1,2}(?=\w))(?P<rest>.*)$")
_CALL = re.compile(
    r"^(?P<indent>[ \t]*)get_ipython\(\)\."
    r"(?P<what>run_line_magic|run_cell_magic|magic|system)\((?P<given>.*)\)[ \t]*$",
    re.M,
)
_HELP = re.compile(r"^[ \t]*[\w.]+\?{1,2}[ \t]*$")
_TIMED = re.compile(r"(?:-\w+\s*\d*\s+)*(?P<code>.+)$", re.S)


def nodes(cell: Cell) -> list[Node]:
    """What a cell is in a lesson: a block, or what is only shown; in a figure, if it has one."""
    code, given = _quarto(cell.code)
    options = {**cell.options, **(given or {})}
    if not is_python(cell.language):
        shown = Shown(cell.place, cell.language.lower(), code)
        shown.lose("cell", f"a cell in {cell.language}: shown, and not run; only Python is")
        return [shown]
    node = _python(cell, code)
    if node is None:
        return []
    if given is None:
        node.lose("option", "options that can't be read stand as comments in the code")
    if isinstance(node, Block):
        _tag(node, cell)
        inner = options.pop("mystnb", None)
        inner = inner if isinstance(inner, dict) else {}
        figure = inner.pop("figure", None)
        options |= inner
        if isinstance(figure, dict):
            options |= {f"fig-{key}": value for key, value in figure.items()}
        return [_with_options(node, options)]
    return [node]


def shown(place: Place, language: str, code: str, given: Attributes) -> Node:
    """Code that is not run; of Python with a title, and lines that stand out, as others say it."""
    kept = dict(given.values)
    node = Shown(place, language, code)
    if is_python(language):
        title = _first(kept, "title", "filename", "caption", "lst-cap")
        lines = _lines(_first(kept, "emphasize-lines", "hl_lines", "code-line-numbers"), code)
        node.options = [f'title="{_quoted(title)}"'] * bool(title) + [f"hl={lines}"] * bool(lines)
        node.id = anchor(given.id)
    elif given.id:
        kept["id"] = given.id
    for one in unread(Attributes("", given.classes[1:], kept, given.flags)):
        node.lose("option", f"{words(one)!r} of code that is shown says nothing here")
    return node


def _first(values: dict[str, str], *names: str) -> str:
    """The first of these that there is, taken out."""
    return next((values.pop(name) for name in names if name in values), "")


def _quoted(text: str) -> str:
    return text.replace('"', "'")


def _lines(text: str, code: str) -> str:
    """Numbers of lines as an option of a block, empty if the code has no such lines."""
    found = ",".join(re.findall(r"\d+(?:-\d+)?", text))
    numbers = [int(one) for one in re.findall(r"\d+", found)]
    return found if numbers and 1 <= min(numbers) <= max(numbers) <= code.count("\n") else ""


def _quarto(code: str) -> tuple[str, dict[str, Any] | None]:
    """The code, and what the lines `#| key: value` above it say; None if they can't be read."""
    head = re.match(r"(?:[ \t]*\n)*((?:#\|.*(?:\n|$))+)", code)
    if head is None:
        return code, {}
    text = re.sub(r"^#\| ?", "", head[1], flags=re.M)
    try:
        options = yaml.safe_load(text)
    except yaml.YAMLError:
        options = None
    return (code[head.end() :], options) if isinstance(options, dict) else (code, None)


def _python(cell: Cell, code: str) -> Node | None:
    """A cell without what IPython adds to Python; None if nothing is left of it."""
    code = _CALL.sub(_called, code)
    block = Block(cell.place, code)
    lines = code.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not _is_python(code):
        return _whole(block, first, code.partition(first)[2].lstrip("\n"))
    if not _is_python(code):
        lines = [made for line in lines for made in _line(block, line)]
    block.code = "\n".join(lines).strip("\n") + "\n"
    if not block.code.strip():
        return Nothing(cell.place, losses=block.losses) if block.losses else None
    if not _is_python(block.code):
        shown = Shown(cell.place, "python", code.strip("\n") + "\n", losses=block.losses)
        shown.lose("cell", f"a cell that is no Python: shown, and not run: {words(first)!r}")
        return shown
    if all(line.startswith("#") or not line.strip() for line in lines) and block.losses:
        return Shown(cell.place, "python", code.strip("\n") + "\n", losses=block.losses)
    return block


def _called(found: re.Match[str]) -> str:
    """A call of IPython, as scripts made of notebooks have it, as it stood in the notebook."""
    try:
        given = ast.literal_eval(f"({found['given']},)")
        name, argument, *rest = map(str, (*given, ""))
    except (SyntaxError, ValueError):
        return found[0]
    if found["what"] == "system":
        return f"{found['indent']}!{name}"
    sign = "%%" if found["what"] == "run_cell_magic" else "%"
    return f"{found['indent']}{sign}{f'{name} {argument}'.strip()}\n{''.join(rest)}".rstrip()


def _whole(block: Block, first: str, rest: str) -> Node | None:
    """A cell that begins with a cell magic."""
    name, _, argument = first[2:].strip().partition(" ")
    if name in ("time", "capture"):
        why = "the page says how long a block took" if name == "time" else "its output is hidden"
        block.lose("magic", f"%%{name} is left out: {why}")
        node = _python(Cell(rest, block.place), rest) or Nothing(block.place)
        node.losses[:0] = block.losses
        if name == "capture" and isinstance(node, Block):
            node.options.append("hide-output")
        return node
    if name == "timeit":
        block.lose("magic", "%%timeit: timed by timeit of the standard library")
        setup = _TIMED.match(argument.strip())
        before = setup["code"] if setup and not argument.strip().startswith("-") else "pass"
        block.code = _timing(rest.strip("\n"), before)
        block.options.append("compare=none")
        return block
    shown = Shown(block.place, "python", f"{first}\n{rest}".strip("\n") + "\n")
    shown.lose("magic", f"%%{name}: the cell is shown, and not run")
    return shown


def _line(block: Block, line: str) -> list[str]:
    """A line of a cell, if it is one of IPython's, as Python or as a comment."""
    found = _MAGIC.match(line)
    if found is None:
        if _HELP.match(line):
            block.lose("magic", f"{line.strip()!r} asks IPython for help: a comment now")
            return [f"# {line.strip()}"]
        return [line]
    indent, said = found["indent"], line.strip()
    if _FIGURES.match(said):
        block.lose("magic", f"{said!r} is left out: figures are shown without it")
        return []
    name, _, rest = found["rest"].strip().partition(" ")
    if found["sign"] == "%" and name == "timeit" and (timed := _TIMED.match(rest.strip())):
        block.lose("magic", f"{said!r}: timed by timeit of the standard library")
        block.options += [] if "compare=none" in block.options else ["compare=none"]
        return textwrap.indent(_timing(timed["code"]).rstrip("\n"), indent).split("\n")
    if found["sign"] == "%" and name == "time" and rest.strip():
        block.lose("magic", f"{said!r}: not timed; the page says how long the block took")
        return [indent + rest.strip()]
    block.lose("magic", f"{said!r} is not run: a comment now")
    return [f"{indent}pass  # {said}" if indent else f"# {said}"]


def _timing(statement: str, setup: str = "pass") -> str:
    return (
        "import timeit\n\n"
        f"timer = timeit.Timer({statement!r}, {setup!r}, globals=globals())\n"
        "number, seconds = timer.autorange()\n"
        'print(f"{seconds / number:.3g} s per loop")\n'
    )


def _is_python(code: str) -> bool:
    try:
        parse(code)
    except (SyntaxError, ValueError):
        # `await` outside of a function is a notebook's right, and a block's.
        try:
            compile(code, "", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
        except (SyntaxError, ValueError):
            return False
    return True


def _tag(block: Block, cell: Cell) -> None:
    for tag in cell.tags:
        name = tag.replace("_", "-")
        if name == "raises-exception":
            block.options.append(f"raises={cell.raised or 'Exception'}")
            if not cell.raised:
                said = "the tag raises-exception names no error, and may: now it has to raise one"
                block.lose("tag", f"{said}; say raises=NAME")
        elif name in _TAGS:
            block.options += _TAGS[name]
        else:
            block.lose("tag", f"the tag {tag!r} says nothing here")
    if cell.raised and "raises-exception" not in [tag.replace("_", "-") for tag in cell.tags]:
        block.options.append(f"raises={cell.raised}")


def _with_options(block: Block, options: dict[str, Any]) -> Node:
    """The block under the options of its document, in a figure or table if they caption it."""
    caption = ""
    kind = "figure"
    columns: list[str] = []
    label = ""
    for key, value in options.items():
        if (key, value) in _SETTINGS if isinstance(value, (bool, str)) else False:
            block.options += _SETTINGS[key, value]
        elif key == "error" and value is True:
            block.options.append("raises=Exception")
            block.lose("option", "error: true names no error: now one has to be raised")
        elif key in ("label", "name", "fig-name", "lst-label"):
            label = str(value)
        elif key in ("fig-cap", "fig-caption", "tbl-cap"):
            caption = " ".join(str(one) for one in value) if isinstance(value, list) else str(value)
            kind = "table" if key == "tbl-cap" else "figure"
        elif key == "emphasize-lines" and (lines := _lines(str(value), block.code)):
            block.options.append(f"hl={lines}")
        elif key == "layout-ncol":
            columns = [f"layout-ncol={value}"]
        elif key in ("code-summary", "lst-cap"):
            block.options.append(f'title="{_quoted(str(value))}"')
        else:
            said = words(f"{key}: {value}")
            block.lose("option", f"the option {said!r} says nothing here")
    block.options = list(dict.fromkeys(block.options))
    if caption or columns:
        place = block.place
        return Component(place, kind, caption, anchor(label), columns, [block])
    block.id = anchor(label)
    return block


def options_in(braces: str) -> dict[str, Any]:
    """What the braces of a cell say beside its language: `{python, eval=FALSE}`."""
    given = re.findall(r"""([\w.-]+)\s*=\s*("[^"]*"|'[^']*'|[^\s,]+)""", braces)
    known = {"true": True, "false": False}
    return {key: known.get(value.lower(), value.strip("\"'")) for key, value in given}
