"""Items -> nodes: what stands on the lines of a document, in whichever of the conventions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sitegen.importing import cells, directives, divs, tables
from sitegen.importing.braces import attributes, trailing, unread
from sitegen.importing.nodes import (
    ITEM,
    Cell,
    Component,
    Formula,
    Heading,
    Item,
    Line,
    Node,
    Nothing,
    Picture,
    Place,
    Prose,
    Shown,
    anchor,
    is_python,
    left_out,
    named,
    no_label,
    safe,
    words,
)
from sitegen.importing.parts import settled
from sitegen.parse.attributes import Attributes

_FENCE = re.compile(r"^(?P<indent>\s*)(?P<mark>`{3,}(?=[^`]*$)|~{3,})\s*(?P<info>.*)$")
_COLONS = re.compile(r"^\s*(?P<mark>:{3,})\s*(?P<info>\S.*)?$")
_NAMED = re.compile(r"^(?P<name>[A-Za-z][\w-]*)(?:\[(?P<label>.*)\])?(?:\s+(?P<title>[^{\s].*))?$")
"""A container of others that write no braces: `note Title`, `note[Title]`."""
_DIRECTIVE = re.compile(r"^\{(?P<name>[A-Za-z][\w:+.-]*)\}\s*(?P<argument>.*)$")
_HEADING = re.compile(r"^ {0,3}(?P<marks>#{1,6})\s+(?P<text>.*?)(?:\s+#+)?\s*$")
_RULE = re.compile(r"^ {0,3}(=+|-+)\s*$")
_TARGET = re.compile(
    r"""^\s*(?:\((?P<label>[^()\s]+)\)="""
    r"""|<a\s+(?:id|name)=["'](?P<id>[\w.:-]+)["']\s*(?:/>|>\s*</a>))\s*$"""
)
_ATTRIBUTES = re.compile(r"^\s*\{:?\s*(?P<inner>(?:[.#][\w-]+|[\w-]+=\S+|toc\b)[^{}]*)\}\s*$")
"""Those of the text below, as in MyST, or above, as in kramdown."""
_MARK = re.compile(r"^\s*:(?P<name>label|eqlabel|width|height):`(?P<text>[^`]*)`\s*$")
_D2L_TAB = re.compile(r"^\s*:(?P<name>begin_tab|end_tab):(?:`(?P<tabs>[^`]*)`)?\s*$")
_IMAGE = re.compile(r"^\s*!\[(?P<alt>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>[^()\s]+)[^()]*\)")
_ENVIRONMENT = re.compile(
    r"^\s*\\begin\{(equation|align|gather|eqnarray|multline|alignat|split|aligned)(\*?)\}"
)
_FORMULA = re.compile(r"^ {0,3}(\$\$|\\\[)")
_ENDS = {"$$": "$$", "\\[": "\\]"}
"""What ends a formula that begins so."""
_LANGUAGES = ("r", "julia", "bash", "sh", "sql", "ojs", "stata", "rust")
"""Of cells, beside Python."""
_FRAMEWORKS = ("pytorch", "jax", "tensorflow", "mxnet")
_TAB = re.compile(r"^\s*(?:%%tab|#\s?@tab)\s+(?P<tabs>.+?)\s*\n", re.M)
_TOOLS = re.compile(r"^(%load_ext d2lbook\.tab|tab\.interact_select\(.*\))\s*$", re.M)
_BREAK = re.compile(r"^\s*(?:\+\+\+(?P<meta>.*)|\\newpage|\. \. \.)\s*$")
"""The ends of cells in MyST, of pages, and of steps of a slide."""
_ENCLOSING = re.compile(r"^\s*>\s*(?:`{3,}\s*\{|:{3,}\s*\S)")
"""What a quotation can't hold here."""


def structure(
    items: Sequence[Item], tab: str = "", figures: bool = False, comments: bool = False
) -> list[Node]:
    """The nodes of a document; of the frameworks of d2l's tabs, `tab` is kept.

    With `figures`, a picture that stands by itself is one with its words as the caption, as in
    Quarto. With `comments`, a line after `%` is one, as in MyST.
    """
    return settled(_Reader(tab or _first_tab(items), figures, comments).nodes(items))


def _first_tab(items: Sequence[Item]) -> str:
    text = "\n".join(one.code if isinstance(one, Cell) else one.text for one in items)
    named = set(re.findall(r"\w+", " ".join(re.findall(r"(?:@tab|%%tab|begin_tab:)(.*)", text))))
    return next((one for one in _FRAMEWORKS if one in named), "")


class _Reader:
    def __init__(self, tab: str, figures: bool, comments: bool) -> None:
        self.comments = comments
        self.tab = tab
        self.figures = figures

    def nodes(self, items: Sequence[Item]) -> list[Node]:
        found: list[Node] = []
        label = ""
        at = 0
        while at < len(items):
            item = items[at]
            if isinstance(item, Cell):
                new, after = self.cell(item), at + 1
            elif not item.text.strip():
                at += 1
                continue
            elif ends := _BREAK.match(item.text):
                if "tags" in (meta := ends["meta"] or ""):
                    said = f"{words(meta)!r} of a text says nothing here"
                    found.append(left_out(item.place, "tag", said))
                at += 1
                continue
            elif target := _TARGET.match(item.text):
                label, at = anchor(target["label"] or target["id"]), at + 1
                continue
            elif given := _ATTRIBUTES.match(item.text):
                label = anchor(attributes(given["inner"]).id) or label
                if not re.fullmatch(r"#\S+", given["inner"].strip()):
                    said = f"{words(item.text)!r} of a text says nothing here"
                    found.append(left_out(item.place, "markup", said))
                at += 1
                continue
            elif mark := _MARK.match(item.text):
                self.mark(mark, item, found)
                at += 1
                continue
            else:
                new, after = self.at(items, at)
            if label and new:
                new = self.labelled(label, new)
                label = ""
            found += new
            at = after
        return found

    def at(self, items: Sequence[Item], at: int) -> tuple[list[Node], int]:
        """The nodes that begin on a line, and where it goes on after them."""
        line = items[at]
        assert isinstance(line, Line)
        if fence := _FENCE.match(line.text):
            return self.fence(items, at, fence)
        if (colons := _COLONS.match(line.text)) and colons["info"]:
            return self.container(items, at, colons)
        if colons:
            return [], at + 1
        if tabs := _D2L_TAB.match(line.text):
            return self.tabbed(items, at, tabs)
        if heading := _HEADING.match(line.text):
            return self.heading(line.place, len(heading["marks"]), heading["text"]), at + 1
        if _FORMULA.match(line.text) or _ENVIRONMENT.match(line.text):
            return self.formula(items, at)
        if self.comments and line.text.startswith("%"):
            comment = Line(f"<!-- {safe(line.text.lstrip('% '))} -->", line.place)
            return [Prose(line.place, [comment])], at + 1
        return self.prose(items, at)

    def cell(self, cell: Cell) -> list[Node]:
        """A cell of code, unless it is another framework's."""
        code = _TOOLS.sub("", cell.code)
        if code != cell.code and not code.strip():
            return [left_out(cell.place, "tab", "a cell of d2l's own tools is left out")]
        tabs = _TAB.match(code)
        if tabs:
            names = re.findall(r"\w+", tabs["tabs"])
            if self.tab and "all" not in names and self.tab not in names:
                return [self.other(cell.place, "cell", names)]
            code = code[tabs.end() :]
        place = cell.place
        return cells.nodes(Cell(code, place, cell.language, cell.tags, cell.options, cell.raised))

    def mark(self, mark: re.Match[str], line: Line, found: list[Node]) -> None:
        """d2l's marks below what they speak of: its label, its size."""
        node = found[-1] if found else None
        if mark["name"] not in ("label", "eqlabel"):
            if node:
                node.lose("option", f"the {mark['name']} {mark['text']} says nothing here")
            return
        if node is None:
            return
        new = self.labelled(anchor(mark["text"]), [node])
        found[-1:] = new

    def labelled(self, label: str, nodes: list[Node]) -> list[Node]:
        """The nodes, the first of which has a label."""
        first = nodes[0]
        if isinstance(first, Picture):
            figure = Component(first.place, "figure", first.alt, label, [], [first])
            figure.losses, first.losses = first.losses, []
            return [figure, *nodes[1:]]
        if isinstance(first, Prose) and first.lines and first.lines[-1].text.startswith("|"):
            return [Component(first.place, "table", "", label, [], [first]), *nodes[1:]]
        if not named(first, label):
            first.lose("label", no_label(label))
        return nodes

    def fence(self, items: Sequence[Item], at: int, fence: re.Match[str]) -> tuple[list[Node], int]:
        mark, indent = fence["mark"], len(fence["indent"])
        end = at + 1
        close = _closing(mark)
        cell = items[at].place.cell  # of a notebook: what one cell leaves open ends with it
        while end < len(items) and items[end].place.cell == cell:
            if self._is(items[end], close):
                break
            end += 1
        closed = end < len(items) and items[end].place.cell == cell
        inner = [
            Line(re.sub(rf"^\s{{0,{indent}}}", "", one.text), one.place)
            for one in items[at + 1 : end]
            if isinstance(one, Line)
        ]
        found = self.fenced(fence["info"].strip(), inner, items[at].place)
        return self.gated(items, fence["info"], found, end + 1 if closed else end)

    @staticmethod
    def _is(item: Item, pattern: re.Pattern[str]) -> bool:
        return isinstance(item, Line) and bool(pattern.match(item.text))

    def fenced(self, info: str, lines: list[Line], place: Place) -> list[Node]:
        code = "\n".join(line.text for line in lines).rstrip("\n") + "\n"
        here = lines[0].place if lines else place
        directive = _DIRECTIVE.match(info)
        braces = re.match(r"^\{(?P<inner>[^{}]*)\}$", info)
        if directive and _is_cell(directive["name"]):
            return self.cell(Cell(code, here, directive["name"]))
        if directive:
            return self.directive(directive["name"], directive["argument"], lines, place)
        if braces:
            given = attributes(braces["inner"])
            language = (given.classes or ("",))[0]
            first = next(iter(re.split(r"[\s,]+", braces["inner"].strip())), "")
            if _is_cell(first) or "input" in given.classes:
                language = first if not first.startswith(".") else language
                options = {} if "input" in given.classes else cells.options_in(braces["inner"])
                cell = Cell(code, here, language, options=options)
                return self.cell(cell) if code.strip() else []
            if not braces["inner"].startswith("="):
                return [cells.shown(place, language, code, given)]
            raw = Shown(place, braces["inner"][1:], code)
            raw.lose("HTML", "raw text of another format is shown as it is")
            return [raw]
        parts = re.match(r"\W*(?P<language>[\w+#-]*)(?P<rest>.*)$", info)
        assert parts
        language, rest = parts["language"].lower(), parts["rest"].strip()
        if is_python(language):
            language = "pycon" if code.startswith(">>>") else "python"
        return [cells.shown(place, language, code, attributes(rest.strip("{} ")))]

    def directive(
        self, name: str, argument: str, lines: Sequence[Item], place: Place
    ) -> list[Node]:
        return directives.nodes(directives.read(name, argument, lines, place), self.nodes)

    def container(
        self, items: Sequence[Item], at: int, colons: re.Match[str]
    ) -> tuple[list[Node], int]:
        depth, end, fence = 1, at + 1, None
        while end < len(items):
            item = items[end]
            if isinstance(item, Line):
                if fence:
                    fence = None if fence.match(item.text) else fence
                elif opened := _FENCE.match(item.text):
                    fence = _closing(opened["mark"])
                elif inner := _COLONS.match(item.text):
                    depth += 1 if inner["info"] else -1
                    if depth == 0:
                        break
            end += 1
        inside = items[at + 1 : end]
        line, info = items[at], colons["info"].strip()
        assert isinstance(line, Line)
        directive = _DIRECTIVE.match(info)
        if directive:
            found = self.directive(directive["name"], directive["argument"], inside, line.place)
            return self.gated(items, info, found, end + 1)
        given = attributes(info.strip("{} "))
        if parts := _NAMED.match(info):
            title = parts["label"] or parts["title"]
            given = Attributes("", (parts["name"],), {"title": title} if title else {})
        return divs.nodes(given, inside, line.place, self.nodes), end + 1

    def gated(
        self, items: Sequence[Item], info: str, found: list[Node], at: int
    ) -> tuple[list[Node], int]:
        """What `exercise-start` and `solution-start` open goes on up to their `-end`."""
        name = re.match(r"\s*\{([\w:-]+)-start\}", info)
        if name is None or not isinstance(component := found[0], Component):
            return found, at
        pattern = re.compile(rf"^\s*(`{{3,}}|:{{3,}})\s*\{{{name[1]}-end\}}")
        end = at
        while end < len(items) and not self._is(items[end], pattern):
            end += 1
        component.children += self.nodes(items[at:end])
        return found, end

    def tabbed(self, items: Sequence[Item], at: int, tabs: re.Match[str]) -> tuple[list[Node], int]:
        end = at + 1
        while end < len(items) and not self._is(items[end], _D2L_TAB):
            end += 1
        names = re.findall(r"\w+", tabs["tabs"] or "")
        if self.tab in names or not self.tab:
            return self.nodes(items[at + 1 : end]), end + 1
        return [] if names == ["toc"] else [self.other(items[at].place, "text", names)], end + 1

    def other(self, place: Place, what: str, names: Sequence[str]) -> Node:
        """What is of other frameworks."""
        said = f"a {what} of {', '.join(names)} is left out: {self.tab} is kept (--tab)"
        return left_out(place, "tab", said)

    def heading(self, place: Place, level: int, text: str) -> list[Node]:
        title, given = trailing(text)
        node = Heading(place, level, title.strip(), anchor(given.id))
        if lost := unread(given, "unnumbered", "unlisted"):
            node.lose("option", f"{' '.join(lost)!r} of a heading says nothing here")
        if not node.text:
            node.lose("heading", "a heading without words is left out")
            return [Nothing(place, losses=node.losses)]
        return [node]

    def formula(self, items: Sequence[Item], at: int) -> tuple[list[Node], int]:
        line = items[at]
        assert isinstance(line, Line)
        environment = _ENVIRONMENT.match(line.text)
        text, end = line.text.strip(), at + 1
        ends = f"\\end{{{environment[1]}{environment[2]}}}" if environment else _ENDS[text[:2]]
        start = 0 if environment else 2
        while ends not in text[start:] and end < len(items):
            item = items[end]
            if not isinstance(item, Line) or not (item.text.strip() or not environment):
                break
            text += "\n" + item.text.rstrip()
            end += 1
        place = text.find(ends, start)
        if place < 0:
            return [Prose(line.place, [line])], at + 1
        if environment:
            latex, rest = text[: place + len(ends)], text[place + len(ends) :].strip()
        else:
            latex, rest = text[2:place], text[place + 2 :].strip()
        label = ""
        if found := re.match(r"\((?P<label>[^()]+)\)$|\{#(?P<id>[\w:.-]+)[^{}]*\}$", rest):
            label, rest = found["label"] or found["id"], ""
        if rest:  # a sentence goes on after it
            return self.prose(items, at)
        node = Formula(line.place, latex.strip(), anchor(label))
        return [node], end

    def prose(self, items: Sequence[Item], at: int) -> tuple[list[Node], int]:
        """Lines up to an empty one, or to what begins something else."""
        lines: list[Line] = []
        end = at
        while end < len(items):
            item = items[end]
            if not isinstance(item, Line) or not item.text.strip():
                break
            if end > at and self.begins(item.text):
                break
            lines.append(item)
            end += 1
            if len(lines) == 2 and _RULE.match(item.text) and "|" not in lines[0].text:
                level = 1 if item.text.strip().startswith("=") else 2
                if not ITEM.match(lines[0].text):
                    return self.heading(lines[0].place, level, lines[0].text.strip()), end
        if any(_ENCLOSING.match(line.text) for line in lines):
            said = "a quotation that holds more than text: its text stands here"
            inner = [Line(re.sub(r"^\s*> ?", "", line.text), line.place) for line in lines]
            return [left_out(lines[0].place, "quotation", said), *self.nodes(inner)], end
        if tables.has_definitions(lines):
            return [tables.definitions(lines)], end
        if len(lines) == 1 and (picture := self.picture(lines[0])):
            return [picture], end
        return self.captioned(lines, items, end)

    def begins(self, text: str) -> bool:
        """Whether a line ends the paragraph above it."""
        return bool(
            _FENCE.match(text)
            or _COLONS.match(text)
            or _HEADING.match(text)
            or _MARK.match(text)
            or _D2L_TAB.match(text)
            or _BREAK.match(text)
            or _ATTRIBUTES.match(text)
            or _ENVIRONMENT.match(text)
            or _FORMULA.match(text)
        )

    def picture(self, line: Line) -> Node | None:
        """A picture that is alone on its line."""
        found = _IMAGE.match(line.text)
        if found is None:
            return None
        rest = line.text[found.end() :].strip()
        given = Attributes()
        if rest:
            braces = re.fullmatch(r"\{(?P<inner>[^{}]*)\}", rest)
            if braces is None:
                return None
            given = attributes(braces["inner"])
        caption = given.values.get("fig-cap", found["alt"])
        picture = Picture(line.place, found["target"], given.values.get("fig-alt", caption))
        node: Node = picture
        if given.id or (self.figures and caption.strip()):
            node = Component(line.place, "figure", caption, anchor(given.id), [], [picture])
        for said in unread(given, "fig-alt", "fig-cap"):
            node.lose("option", f"{said} of a picture says nothing here")
        return node

    def captioned(
        self, lines: list[Line], items: Sequence[Item], end: int
    ) -> tuple[list[Node], int]:
        """A text; a table, in a component if a caption stands below or above it."""
        after = end
        while after < len(items) and self._is(items[after], re.compile(r"^\s*$")):
            after += 1
        item = items[after] if after < len(items) else None
        beside = self.caption(item) if isinstance(item, Line) else ""
        own = self.caption(lines[-1])
        if own and len(lines) == 1 and isinstance(item, Line) and not self.begins(item.text):
            below, last = self.prose(items, after)  # a caption may stand above its table
            if len(below) == 1 and tables.is_table(below[0]):
                return [tables.captioned(own, below[0])], last
        caption = ""
        if own and len(lines) > 1 and tables.is_table(tables.text(lines[:-1])):
            caption, lines = own, lines[:-1]
        elif beside and tables.is_table(tables.text(lines)):
            caption, end = beside, after + 1
        node = tables.text(lines)
        return [tables.captioned(caption, node) if caption else node], end

    @staticmethod
    def caption(line: Line) -> str:
        marks = _MARK.match(line.text) or _COLONS.match(line.text)
        return "" if marks else tables.caption_of(line.text)


def _closing(mark: str) -> re.Pattern[str]:
    """What closes the fence that this mark opens."""
    return re.compile(rf"^\s*{re.escape(mark[0])}{{{len(mark)},}}\s*$")


def _is_cell(name: str) -> bool:
    """Whether what stands in braces at a fence is a language, and no directive."""
    return is_python(name) or name.lower() in _LANGUAGES
