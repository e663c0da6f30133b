"""Links from where a page first mentions a concept to what is recorded of it."""

from __future__ import annotations

import re
from collections.abc import Mapping


class Glossary:
    """The concepts of a course, by their names in small letters, and where each is told of."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places
        names = sorted(places, key=len, reverse=True)
        # Tags and entities come first: no concept is looked for in them.
        self._names = re.compile(
            rf"<[^>]*>|&#?\w+;|\b(?:{'|'.join(map(re.escape, names))})\b", re.I
        )
        self._met: set[str] = set()

    def begin(self) -> None:
        """A new page: nothing was mentioned yet."""
        self._met = set()

    def linked(self, html: str) -> str:
        """Text of a page with the first mention of each concept as a link."""
        return self._names.sub(self._link, html) if self._places else html

    def _link(self, found: re.Match[str]) -> str:
        name = found[0].lower()
        if name in self._met or name not in self._places:
            return found[0]
        self._met.add(name)
        return f'<dfn><a href="{self._places[name]}">{found[0]}</a></dfn>'
