"""What stands between braces in Pandoc, Quarto and MyST: ids, classes and values."""

from __future__ import annotations

import re

from sitegen.parse.attributes import Attributes, parse_attributes

_TRAILING = re.compile(r"\s*\{(?P<inner>[^{}]*)\}\s*$")


def attributes(text: str) -> Attributes:
    """What the text between braces says; as a whole a flag, if it can't be read."""
    try:
        return parse_attributes(text.replace("\u201c", '"').replace("\u201d", '"'))
    except ValueError:
        return Attributes(flags=(text.strip(),))


def trailing(text: str) -> tuple[str, Attributes]:
    """A text, and what the braces at its end say."""
    braces = _TRAILING.search(text)
    return (text[: braces.start()], attributes(braces["inner"])) if braces else (text, Attributes())


def unread(given: Attributes, *read: str) -> list[str]:
    """What stands between braces, all but its id and what is read."""
    values = (f"{key}={value}" for key, value in given.values.items())
    found = (*given.classes, *values, *given.flags)
    return [one for one in found if one.partition("=")[0] not in read]
