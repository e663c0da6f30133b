"""What a browser is to see at a moment: the files of the site, and what is wrong or under way."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal


@dataclass(frozen=True)
class Note:
    """Something to tell at a cell of a page, at the top of a page, or on all pages."""

    kind: Literal["failed", "running"]
    message: str
    detail: str = ""
    page: str = ""
    """The file of the page in the site; empty for all of them."""
    cell: str = ""
    """The id of a block or inline value; empty for the top of the page."""


@dataclass(frozen=True)
class View:
    """The site as it stands in memory. Nothing else is ever served."""

    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """By the path in the site."""
    notes: tuple[Note, ...] = ()
    number: int = 0

    @cached_property
    def digests(self) -> dict[str, str]:
        """A short hash of each file, by its path."""
        return {
            name: hashlib.sha256(content).hexdigest()[:16] for name, content in self.files.items()
        }

    @property
    def state(self) -> dict[str, Any]:
        """What a page has to know so as to renew itself."""
        return {"files": self.digests, "notes": [asdict(note) for note in self.notes]}


class Screen:
    """Holds the view of the moment; many threads wait for the next one."""

    def __init__(self) -> None:
        self.view = View()
        self._changed = threading.Condition()
        self._closed = False

    def show(self, files: Mapping[str, bytes], notes: tuple[Note, ...] = ()) -> None:
        """Replace the view, unless it is the same again."""
        if files == self.view.files and notes == self.view.notes:
            return
        view = View(files, notes, self.view.number + 1)
        view.digests  # noqa: B018 - made here once, and not by every thread that waits
        with self._changed:
            self.view = view
            self._changed.notify_all()

    def after(self, number: int, seconds: float) -> View | None:
        """The newest view if it is not that number, or as soon as there is one.

        None after so many seconds, and at once if the screen is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self.view.number != number, seconds)
            return None if self._closed or self.view.number == number else self.view

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Let all that wait go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
