"""Formulas in rows and columns: environments, and what names a row at its end."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, field

from sitegen.render import mathsymbols as symbols
from sitegen.render.mathparse import TEXT, Formula, Style, enclosed, hint
from sitegen.render.mathread import FormulaError, Reader, Token, length, split
from sitegen.render.mathspace import Atom, element, nodes_of


@dataclass(frozen=True)
class Layout:
    """How the cells of one table are set."""

    environment: symbols.Environment
    columns: str = ""
    """Alignments, over and over; centred if empty."""
    rules: Sequence[str] = field(default=())
    """The rules before each column and behind the last: "", "line" or "lines"."""


def begin(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    """`\\begin{...}` up to its `\\end{...}`."""
    line = reader.line
    title = reader.word(f"\\{name}")
    environment = symbols.ENVIRONMENTS.get(title)
    if environment is None:
        near = hint(title, symbols.ENVIRONMENTS)
        raise FormulaError(f"unknown environment '{title}'{near}", line)
    source = reader.until(r"\begin", line)
    closing = reader.word(r"\end")
    if closing != title:
        raise FormulaError(f"'\\begin{{{title}}}' ends as '\\end{{{closing}}}'", reader.line)
    inner = Reader(source, line)
    layout = _layout(environment, title, inner)
    taggable, formula.taggable = formula.taggable, environment.numbered and formula.taggable
    node = table(formula, inner.rest(), layout, style)
    formula.taggable = taggable
    if title.startswith("multline"):
        node[0][-1].set("class", "left")
        node[-1][-1].set("class", "right")
    if environment.small:
        node = element("mstyle", node, scriptlevel=str(style.level + 1), displaystyle="false")
    sides = (environment.left, environment.right)
    return Atom(enclosed([node], *sides) if any(sides) else node)


def substack(formula: Formula, name: str, reader: Reader, style: Style) -> Atom:
    """Lines of indices."""
    source = reader.argument(f"\\{name}")
    return Atom(table(formula, source, Layout(symbols.Environment(looks="small rows")), style))


def rows(formula: Formula, source: Sequence[Token]) -> ET.Element:
    """A formula of several lines without an environment around them."""
    return table(formula, source, Layout(symbols.ENVIRONMENTS["gather"]), TEXT)


def _layout(environment: symbols.Environment, title: str, reader: Reader) -> Layout:
    given = ""
    if environment.argument == "required":
        given = reader.word(f"\\begin{{{title}}}")
    elif environment.argument == "optional":
        given = "".join(token.text for token in reader.optional() or ())
    if environment.columns or environment.looks == "rows" or not given:
        return Layout(environment, environment.columns)
    if not re.fullmatch(r"[\s|]*([lcr][\s|]*)+", given):
        message = f"cannot read the columns '{given}': l, c, r, and | for a rule"
        raise FormulaError(message, reader.line)
    bars = re.split("[lcr]", given.replace(" ", ""))
    names = tuple(("", "line", "lines")[min(len(bar), 2)] for bar in bars)
    return Layout(environment, re.sub(r"[^lcr]", "", given), names)


def table(formula: Formula, source: Sequence[Token], layout: Layout, style: Style) -> ET.Element:
    """The rows between `\\\\`, the cells between `&`."""
    environment = layout.environment
    style = style.smaller() if environment.small else style
    found: list[ET.Element] = []
    tags: list[ET.Element | None] = []
    outer, formula.tag = formula.tag, None
    parts = split(source, r"\\", r"\cr")
    for number, part in enumerate(parts):
        reader = Reader(part)
        if found and (skip := _skip(reader)):
            found[-1].set("style", f"--skip:{skip}")
        ruled = False
        while reader.peek() in (r"\hline", r"\hdashline"):
            ruled = bool(reader.next())
        if found and number == len(parts) - 1 and not reader.peek():
            if ruled:
                looks = f"{found[-1].get('class', '')} ruled-below"
                found[-1].set("class", looks.strip())
            break
        cells = (
            _cell(formula, cell, column, layout, style)
            for column, cell in enumerate(split(reader.rest(), "&"))
        )
        found.append(element("mtr", *cells, class_="ruled" if ruled else ""))
        tags.append(formula.tag)
        formula.tag = None
    formula.tag = outer
    if any(tag is not None for tag in tags):
        return tagged(found, tags, environment.looks)
    display = "true" if environment.display else ""
    return element("mtable", *found, class_=environment.looks, displaystyle=display)


def _cell(
    formula: Formula, source: Sequence[Token], column: int, layout: Layout, style: Style
) -> ET.Element:
    columns, rules = layout.columns, layout.rules
    if columns and not layout.environment.repeat and column >= len(columns):
        line = source[0].line if source else 0
        raise FormulaError(f"a row has more than its {len(columns)} columns", line)
    side = columns[column % len(columns)] if columns else "c"
    # `&=` is spaced as if something stood before it.
    paired = layout.environment.looks == "align" and side != "r"
    nodes = nodes_of(formula.atoms(Reader(source), style), style.level, "ord" if paired else "")
    looks = [{"l": "left", "r": "right", "c": ""}[side]]
    if rules:
        looks.append(f"{rules[column]}-before" if rules[column] else "")
        if column == len(columns) - 1 and rules[-1]:
            looks.append(f"{rules[-1]}-after")
    return element("mtd", *nodes, class_=" ".join(filter(None, looks)))


def _skip(reader: Reader) -> str:
    """The space that brackets right behind `\\\\` ask for, "" if they do not."""
    if reader.peek(skip=False) == "*":
        reader.raw()
    if reader.peek(skip=False) != "[":
        return ""
    return length("".join(token.text for token in reader.optional() or ()), reader.line)


def tag(formula: Formula, name: str, reader: Reader, style: Style) -> None:
    """`\\tag{...}`, which belongs to the row that it stands in."""
    line = reader.line
    starred = reader.peek() == "*" and bool(reader.next())
    source = reader.argument(f"\\{name}")
    if not formula.taggable or formula.tag is not None:
        message = r"'\tag' stands once in a displayed formula, or in a row of align or gather"
        raise FormulaError(message, line)
    words = "".join(token.text for token in source)
    text = Token(r"\text", line), Token("{", line), *source, Token("}", line)
    content = formula.group(text, TEXT)
    if words and not starred:
        content = element("mrow", element("mtext", text="("), content, element("mtext", text=")"))
    formula.tag = content


def tagged(
    found: Sequence[ET.Element], tags: Sequence[ET.Element | None], looks: str
) -> ET.Element:
    """Rows as wide as the text, each with what names it at its end."""
    width = max(map(len, found))
    for row_node, name in zip(found, tags, strict=True):
        row_node.extend(element("mtd") for _ in range(width - len(row_node)))
        row_node.insert(0, element("mtd", class_="edge"))
        row_node.append(element("mtd", *([] if name is None else [name]), class_="edge right"))
    return element("mtable", *found, class_=f"{looks} tagged", displaystyle="true")
