"""Executed HTML made fit to stand inside a page: it shows, and can't act or leave its box."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from html import escape, unescape
from html.parser import HTMLParser
from itertools import pairwise

import nh3

from sitegen.render import svg
from sitegen.render.house import House, house
from sitegen.render.style import Rule, Sheet, Told, has_colour, inlined, rules, styled

MOST_MEDIA = 3_000_000
"""Characters of sound or film that an output may hold."""

_MATHML = frozenset(
    """math mrow mi mo mn ms mtext mspace mfrac msqrt mroot mstyle merror mpadded mphantom mfenced
    menclose msub msup msubsup munder mover munderover mmultiscripts mprescripts none mtable mtr
    mlabeledtr mtd maction semantics annotation""".split()  # noqa: SIM905
)
_MATHML_ATTRIBUTES = frozenset(
    """display displaystyle scriptlevel mathvariant mathsize mathcolor mathbackground stretchy
    fence separator separators lspace rspace accent accentunder columnalign rowalign columnspacing
    rowspacing columnlines rowlines frame width height depth voffset linethickness minsize maxsize
    symmetric largeop movablelimits encoding open close notation columnspan rowspan
    alttext form""".split()  # noqa: SIM905
)
_MEDIA = {
    "audio": {"controls", "loop", "muted", "src"},
    "video": {"controls", "loop", "muted", "src", "poster", "width", "height"},
    "source": {"src", "type"},
}
_TAGS = (nh3.ALLOWED_TAGS | _MATHML | _MEDIA.keys() | {"section", "tfoot", "progress", "meter"}) - {
    "map",
    "area",
}
_GLOBAL = {"class", "title", "lang", "dir", "role", "aria-label", "aria-hidden", "style"}
_REFERRING = {"id", "for", "headers", "aria-labelledby", "aria-describedby"}
_ATTRIBUTES = {
    **nh3.ALLOWED_ATTRIBUTES,
    **_MEDIA,
    **{tag: set(_MATHML_ATTRIBUTES) for tag in _MATHML},
    "*": _GLOBAL | _REFERRING,
    "details": {"open"},
    "progress": {"value", "max"},
    "meter": {"value", "min", "max", "low", "high", "optimum"},
    "td": nh3.ALLOWED_ATTRIBUTES["td"] | {"width"},
    "th": nh3.ALLOWED_ATTRIBUTES["th"] | {"width"},
    "li": {"value"},
    "ol": {"start", "type", "reversed"},
}
FORMULA_TAGS = _MATHML | frozenset(one.lower() for one in svg.ELEMENTS) | {"span"}
"""What formulas consist of, as markup or as drawings."""
_FRAMES = ("iframe", "frame", "object", "embed")
_RAW_TAGS = _TAGS | svg.ELEMENTS | {"iframe", "a"}
_RAW_ATTRIBUTES = {"*": svg.ATTRIBUTES | set().union(*_ATTRIBUTES.values()) | {"xlink:href"}}
_DROPPED_WHOLE = {
    "script",
    "style",
    "template",
    "noscript",
    "textarea",
    "select",
    "object",
}
_SCHEMES = {"https", "http", "mailto", "data"}
_EMPTY = frozenset(["area", "br", "col", "hr", "img", "source", "wbr"])
_DEEPEST = 150

_PLACE = re.compile("\ue000(\\d+)\ue001")
_PIECES = re.compile(r"""<[A-Za-z/](?:[^"'>]|"[^"]*"|'[^']*')*+>""")
_STYLE = re.compile(r"<style\b[^>]*>(.*?)</style\s*>", re.S | re.I)
_SHOWS = re.compile(r"<(?:img|svg|math|audio|video|hr|progress|meter)\b")
_CELL = re.compile(r"<td\b[^<>]*>[^\ue000]*?</td>")
_TAG_OR_LONG_WORD = re.compile(rf"{_PIECES.pattern}|(?P<word>(?:&#?\w+;|[^\s<&]){{12,}})")
_SIGNS = re.compile(r"&#?\w+;|.")
_PAGE = re.compile(r"#|https?:|mailto:|[a-z0-9-]+\.html(?:#|$)")


@dataclass(frozen=True)
class Cleaned:
    """HTML that can stand on a page."""

    html: str
    coloured: bool
    """Whether it brings colours of its own, which were chosen for a light ground."""

    @property
    def shows(self) -> bool:
        """Whether there is anything to be seen."""
        return bool(_SHOWS.search(self.html) or re.sub(r"<[^>]*>|&nbsp;|\s", "", self.html))


@dataclass
class Parts:
    """Markup of the site's own within an output, each kept behind a sign until all is clean."""

    kept: list[str] = field(default_factory=list)

    def sign(self, markup: str) -> str:
        self.kept.append(markup)
        return f"\ue000{len(self.kept) - 1}\ue001"

    def put_back(self, html: str) -> str:
        """Each where its sign stands in the text; those within a tag are nothing."""
        found, place = [], 0
        for tag in _PIECES.finditer(html):
            found.append(_PLACE.sub(self._markup, html[place : tag.start()]))
            found.append(_PLACE.sub("", tag[0]))
            place = tag.end()
        return "".join((*found, _PLACE.sub(self._markup, html[place:])))

    def _markup(self, sign: re.Match[str]) -> str:
        number = int(sign[1])
        return self.kept[number] if number < len(self.kept) else ""


def without_signs(text: str) -> str:
    """Text in which nothing can be taken for the sign of a part."""
    return re.sub("[\ue000\ue001]", "", text)


def clean(
    html: str,
    prefix: str,
    site: House | None = None,
    told: Told | None = None,
    parts: Parts | None = None,
) -> Cleaned:
    """The HTML without scripts, handlers, forms, frames and what would come from elsewhere.

    Text, tables, drawings, formulas, media that it holds itself, classes and `data-` attributes
    stay. The rules of its styles are written onto its elements, and of all styles those go that
    would take something from its place. Ids get the prefix, and what refers to them. What is lost
    is added to `told`; `parts` are the site's own, which stay as they are.
    """
    site, told = site or _built_in(), told or Told()
    if parts is None:
        parts, html = Parts(), without_signs(html)
    _Losses(told).feed(html)
    sheet = "\n".join(unescape(found) for found in _STYLE.findall(html))
    even = nh3.clean(
        html,
        tags=_RAW_TAGS,
        clean_content_tags=_DROPPED_WHOLE,
        attributes=_RAW_ATTRIBUTES,
        generic_attribute_prefixes={"data-", "aria-"},
        url_schemes=_SCHEMES,
        link_rel=None,
    )
    tree = _Tree()
    tree.feed(even)
    tree.close()
    root = tree.root
    found = [one for one in rules(sheet, told) if not _is_frames(one)] if sheet else []
    _Fitting(prefix, site, told, parts, Sheet(found, root) if found else None).fit(root)
    strict = nh3.clean(
        _serialised(root),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_filter(prefix),
        generic_attribute_prefixes={"data-"},
        url_schemes=_SCHEMES,
        link_rel="noopener",
    )
    # The corner of a table is no heading of anything.
    strict = re.sub(r"<th([^>]*)>\s*</th>", r"<td\1></td>", strict)
    strict = _CELL.sub(lambda cell: _TAG_OR_LONG_WORD.sub(_foldable, cell[0]), strict)
    styles = re.findall(r'\sstyle="([^"]*)"', strict)
    coloured = any(has_colour(unescape(style)) for style in styles)
    return Cleaned(parts.put_back(strict), coloured)


def _foldable(piece: re.Match[str]) -> str:
    """A long word of a cell with the places where a narrow column may break it; a tag as it is.

    They are those of a name, as in `attn.c_proj` or `LayerNorm`; what has none for long is broken
    anywhere.
    """
    if not piece["word"]:
        return piece[0]
    found, run = "", 0
    for before, sign in pairwise(["", *_SIGNS.findall(piece["word"])]):
        named = before in ("_", ".", "/") and sign.isalpha()
        if run > 1 and (named or (before.islower() and sign.isupper()) or run == 12):
            found, run = found + "<wbr>", 0
        found, run = found + sign, run + 1
    return found


@cache
def _built_in() -> House:
    return house()


def _is_frames(rule: Rule) -> bool:
    """Whether a rule is of a table of pandas or polars as such, which the page draws itself."""
    return any("dataframe" in part.classes for part in rule.parts)


class _Losses(HTMLParser):
    """Tells what of raw HTML is not going to be on the page."""

    def __init__(self, told: Told) -> None:
        super().__init__()
        self.told = told

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        kind = {
            "script": "a script",
            "canvas": "<canvas>",
            "foreignobject": "HTML within a drawing",
        }.get(tag, "")
        if tag in _FRAMES:
            kind = "an embedded page"
        elif tag in ("form", "input", "button", "select", "textarea"):
            kind = "controls of a form"
        elif tag == "link" and "stylesheet" in (given.get("rel") or ""):
            kind = "a style sheet from elsewhere"
        elif tag == "meta" and given.get("http-equiv"):
            kind = "<meta http-equiv>"
        if kind:
            self.told.add(kind)
        for name, value in attrs:
            if name.startswith("on"):
                self.told.add("a handler of events")
            elif name in ("src", "srcset", "poster") and tag in ("img", "source", "video", "audio"):
                if not (value or "").lstrip().startswith("data:"):
                    self.told.add("a picture or recording from elsewhere")
            elif (
                name == "href"
                and tag == "a"
                and re.match(r"\s*(?:javascript|data):", value or "", re.I)
            ):
                self.told.add("a link that acts")


class _Tree(HTMLParser):
    """Elements of HTML that nh3 has put in order."""

    def __init__(self) -> None:
        super().__init__()
        self.root = ET.Element("div")
        self.open = [self.root]
        self.skipped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if len(self.open) > _DEEPEST:
            self.skipped += tag not in _EMPTY
            return
        element = ET.SubElement(self.open[-1], tag, {name: value or "" for name, value in attrs})
        if tag not in _EMPTY:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.skipped:
            self.skipped -= 1
        elif any(element.tag == tag for element in self.open[1:]):
            while self.open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        parent = self.open[-1]
        if len(parent):
            parent[-1].tail = (parent[-1].tail or "") + data
        else:
            parent.text = (parent.text or "") + data


_DRAWING_CASE: Mapping[str, str] = {
    name.lower(): name for name in svg.ELEMENTS | svg.ATTRIBUTES if name != name.lower()
}
"""Names of SVG in their true case, which a parser of HTML takes from them."""


@dataclass
class _Fitting:
    """Makes the elements of one output fit."""

    prefix: str
    site: House
    told: Told
    parts: Parts
    sheet: Sheet | None
    drawings: int = 0

    def fit(self, root: ET.Element) -> None:
        ids = {element.get("id", "") for element in root.iter()}
        # Rules are matched against elements as they were: first all styles, then all names.
        styles = {
            element: inlined(element, self.sheet, self.told)
            for element in root.iter()
            if self.sheet or element.get("style")
        }
        left = [root]
        while left:
            parent = left.pop()
            for child in list(parent):
                if child.tag == "title":  # of a document that stands in this one
                    self.exchange(child, "")
                elif child.tag == "svg":
                    self.exchange(child, self.drawing(child))
                elif child.tag in _FRAMES:
                    self.exchange(child, _link(child.get("src", "")), "div")
                elif child.tag == "img" and not child.get("src", "").startswith("data:image/"):
                    self.exchange(child, escape(child.get("alt", "")))
                elif child.tag in ("audio", "video") and not _weight(child):
                    self.exchange(child, f"<p>Left out: {child.tag} from elsewhere.</p>", "div")
                elif child.tag in ("audio", "video") and _weight(child) > MOST_MEDIA:
                    size = f"{_weight(child) * 3 / 4 / 1e6:.1f} MB"
                    self.told.add(f"{child.tag} of {size}")
                    self.exchange(child, f"<p>Left out: {child.tag} of {size}.</p>", "div")
                else:
                    left.append(child)
            if parent is not root:
                self.attributes(parent, styles.get(parent, ""), ids)

    def exchange(self, element: ET.Element, markup: str, tag: str = "span") -> None:
        """Put markup of the site's own in the place of an element."""
        sign = self.parts.sign(markup)
        tail, element.text = element.tail, sign
        element.tag = tag
        element.attrib.clear()
        for child in list(element):
            element.remove(child)
        element.tail = tail

    def drawing(self, element: ET.Element) -> str:
        self.drawings += 1
        for one in element.iter():
            one.tag = _DRAWING_CASE.get(one.tag, one.tag)
            one.attrib = {_DRAWING_CASE.get(name, name): value for name, value in one.items()}
            for name in [name for name in one.attrib if name.startswith("xlink:")]:
                one.set("href", one.attrib.pop(name))
        prefix = f"{self.prefix or 'drawing'}-svg{self.drawings}"
        return svg.drawing(element, prefix, self.site, self.told, {})

    def attributes(self, element: ET.Element, style: str, ids: set[str]) -> None:
        given = element.attrib
        if style:
            given["style"] = style
        else:
            given.pop("style", None)
        if "class" in given:
            free = [one for one in given["class"].split() if one not in self.site.classes]
            given["class"] = " ".join(free)
            if not free:
                del given["class"]
        for name in _REFERRING & given.keys():
            names = [one for one in given[name].split() if one in ids]
            given[name] = " ".join(f"{self.prefix}-{one}" for one in names)
            if not names or not self.prefix:
                del given[name]
        for name in [name for name in given if svg.is_pages_own(name)]:
            del given[name]
        href = given.get("href", "")
        if href.startswith("#") and href[1:] in ids and self.prefix:
            given["href"] = f"#{self.prefix}-{href[1:]}"
        elif href and not _PAGE.match(href.strip()):
            del given["href"]
            self.told.add(f"a link to {href[:60]!r}, which is no page of the site")
        if element.tag in ("audio", "video"):
            given["controls"] = ""


def _link(address: str) -> str:
    """What stands for a page within the page."""
    if not re.match(r"https?://", address):
        return "<p>Left out: a page within this page.</p>"
    address = escape(address)
    return f'<p>A page from elsewhere: <a href="{address}" rel="noopener">{address}</a></p>'


def _weight(element: ET.Element) -> int:
    sources = (one.get("src", "") for one in element.iter())
    return sum(len(source) for source in sources if source.startswith("data:"))


def _serialised(root: ET.Element) -> str:
    return ET.tostring(root, encoding="unicode", method="html")[len("<div>") : -len("</div>")]


def _filter(prefix: str) -> Callable[[str, str, str], str | None]:
    """Drops what would load something from elsewhere, and any name or style that isn't safe."""

    def kept(tag: str, attribute: str, value: str) -> str | None:
        if attribute in ("src", "poster"):
            media = {"img": "image/", "audio": "audio/", "video": "video/"}.get(tag, "")
            kinds = (media,) if media else ("audio/", "video/")
            kinds = ("image/",) if attribute == "poster" else kinds
            return value if value.startswith(tuple(f"data:{kind}" for kind in kinds)) else None
        if attribute == "href" and value.lstrip().lower().startswith("data:"):
            return None
        if attribute in _REFERRING:
            own = all(one.startswith(f"{prefix}-") for one in value.split())
            return value if prefix and own else None
        if attribute == "style":
            return styled(value) or None
        return value

    return kept
