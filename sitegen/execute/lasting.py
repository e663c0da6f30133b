"""Outputs without what is another in every run, so that two runs of one block agree."""

from __future__ import annotations

import re

from sitegen.execute.places import without_places

_MARKUP = re.compile(
    r"""(?P<style><style\b[^>]*>.*?</style\s*>)
      | <!--.*?-->
      | <[A-Za-z/!?](?:[^<>"']|"[^"]*"|'[^']*')*+>""",
    re.X | re.S | re.I,
)
_ATTRIBUTE = re.compile(r"""(?<=[\s"'])([\w:-]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)""")
_IDENTIFIES = re.compile(r"(?:xml:)?id|for|headers|list|aria-\w+|data-[\w-]+", re.I)
"""Attributes that hold ids, alone or several, as they are; all others refer to them with a `#`."""
_NAME = re.compile(r"[\w-]+")
_REFERENCE = re.compile(r"(?<=#)[\w-]+")
_COUNTED = re.compile(r"(?:[A-Za-z]+(?:2d)?[-_])+\d{1,4}")
"""Ids that say what they are of and number it: matplotlib's `line2d_3`, an author's `stage-0`."""
_RANDOM = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"
)
"""What `uuid` makes."""
_MADE = re.compile(r"<metadata\b[^>]*>.*?</metadata\s*>|<metadata\b[^>]*/>", re.S)

_BAR_WIDTH = 24
_BAR = re.compile(r"(?P<percent>\d+)%\|(?P<bar>[^|\n]*)\|(?= *\S+/\S+ \[)")
_TEMPO = (
    # tqdm's, with and without a total; what the author adds to it stays
    re.compile(r"(?<=\[)\d+:[\d:]+<[\d:?]+, *[^,\]\n]*(?=[,\]])"),
    re.compile(r"(?<=\w \[)\d+:[\d:]+, *[^,\]\n]*/[^,\]\n]*(?=[,\]])"),
    # rich's and Keras's
    re.compile(r"(?<=%) +\d+:\d\d:\d\d(?= *$)", re.M),
    re.compile(r"(?<=[━\]])(?: -)? (?:\d+[hms])+ \d+[mu]?s/\w+"),
)


def lasting_text(text: str) -> str:
    """Without what UTF-8 can't hold, addresses, places of this machine, speed of progress bars."""
    text = without_places(text.encode("utf-8", "replace").decode("utf-8"))
    text = re.sub(r"\bat 0x[0-9a-fA-F]{6,}", "at 0x…", text)
    if "%" in text or "/" in text:
        text = _BAR.sub(_same_width, text)
        for tempo in _TEMPO:
            text = tempo.sub("…" if tempo in _TEMPO[:2] else " …", text)
    return text


def bars(text: str) -> list[str]:
    """What the progress bars in a text are of, if there is nothing but such; else nothing."""
    found = [
        re.fullmatch(r"(.*?) *\d+%\|[^|]*\| *\S+/(\S+) \[.*\]", line)
        for line in text.split("\n")
        if line
    ]
    return [f"{one[1]}/{one[2]}" for one in found if one] if all(found) else []


def _same_width(bar: re.Match[str]) -> str:
    """A bar's width depends on how fast it was, for the speed takes its place."""
    sign = next((sign for sign in "█#" if sign in bar["bar"]), "█")
    filled = min(int(bar["percent"]), 100) * _BAR_WIDTH // 100
    return f"{bar['percent']}%|{sign * filled:{_BAR_WIDTH}}|"


def lasting_drawing(svg: str) -> str:
    """An SVG document without what says when it was made, and with canonical ids."""
    start = svg.find("<svg")
    svg = _MADE.sub("", svg[max(start, 0) :])
    return re.sub(r"[ \t]+$", "", canonical_ids(svg), flags=re.M)


def canonical_ids(markup: str) -> str:
    """Markup with ids named `id-1`, `id-2`, ... in their order, and so wherever it refers to them.

    An id that is also a word of the text stays, and one that is a word and a number.
    """
    markup = re.sub(r"\bat 0x[0-9a-fA-F]{6,}", "at 0x…", markup)
    found = [one for tag in _MARKUP.finditer(markup) for one in _ids(tag)]
    found += _RANDOM.findall(" ".join(tag[0] for tag in _MARKUP.finditer(markup)))
    said = set(_NAME.findall(_MARKUP.sub(" ", markup)))
    wanted = [name for name in dict.fromkeys(found) if name not in said]
    names = {name: f"id-{number}" for number, name in enumerate(wanted, start=1)}
    if not names:
        return markup

    def renamed(found: re.Match[str]) -> str:
        return names.get(found[0], found[0])

    def within(attribute: re.Match[str]) -> str:
        name, equals, value = attribute.groups()
        if _IDENTIFIES.fullmatch(name):
            value = _NAME.sub(renamed, value)
        else:
            value = _REFERENCE.sub(renamed, value)
        return f"{name}{equals}{_RANDOM.sub(renamed, value)}"

    def everywhere(tag: re.Match[str]) -> str:
        if tag["style"]:
            return _RANDOM.sub(renamed, _REFERENCE.sub(renamed, tag[0]))
        return _ATTRIBUTE.sub(within, tag[0])

    return _MARKUP.sub(everywhere, markup)


def _ids(tag: re.Match[str]) -> list[str]:
    """Those that a tag gives, or that a style sheet selects by."""
    if tag["style"]:
        names = re.findall(r"#([\w-]+)(?=[^{}]*\{)", tag[0])
    else:
        given = (one for one in _ATTRIBUTE.finditer(tag[0]) if one[1].lower() == "id")
        names = [one[3].strip("\"'") for one in given]
    return [name for name in names if _NAME.fullmatch(name) and not _COUNTED.fullmatch(name)]
