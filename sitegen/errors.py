"""What can go wrong, each kind with its exit code. They are printed in one place, `cli.main`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import PurePath

COMMAND = "lessonsite" if PurePath(sys.argv[0]).stem == "lessonsite" else "build_site.py"
"""The command as it was called, for messages that say what to call."""


def printable(text: str) -> str:
    """Text for a terminal: what would move its cursor, colour it or reverse it is spelled out."""
    return re.sub(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]",
        lambda found: found[0].encode("unicode_escape").decode("ascii"),
        text,
    )


def say(*lines: object) -> None:
    """Tell the author that something is wrong, on standard error."""
    print(*(printable(str(line)) for line in lines), sep="\n", file=sys.stderr, flush=True)


class SiteError(Exception):
    """Wrong use or malformed input: one clear line, exit code 2."""

    exit_code = 2

    def __str__(self) -> str:
        return printable(super().__str__())


class SourceError(SiteError):
    """A mistake at a place in a file that a person wrote: `path:line: message`."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path = path
        self.line = line
        self.message = message


class BlockError(SourceError):
    """A block that failed while it ran; `detail` shows the code around it and the traceback."""

    exit_code = 1

    def __init__(self, path: str, line: int, message: str, detail: str = "") -> None:
        super().__init__(path, line, message)
        self.detail = detail

    def __str__(self) -> str:
        return super().__str__() + (f"\n{printable(self.detail)}" if self.detail else "")


class CombinedError(SiteError):
    """Several errors found in one pass, in the order of their places."""

    def __init__(self, errors: Sequence[SiteError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = tuple(errors)
        self.exit_code = max(error.exit_code for error in errors)


def not_utf8(path: str, error: UnicodeDecodeError) -> SourceError:
    """What to say of a file that could not be decoded."""
    line = error.object.count(b"\n", 0, error.start) + 1
    return SourceError(path, line, "not UTF-8; save the file as UTF-8")


def flat(errors: Iterable[SiteError]) -> tuple[SiteError, ...]:
    """Each error by itself."""
    found: list[SiteError] = []
    for error in errors:
        found += flat(error.errors) if isinstance(error, CombinedError) else (error,)
    return tuple(found)


def raise_all(errors: Sequence[SiteError]) -> None:
    """Raise nothing, the one error, or a `CombinedError`."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise CombinedError(errors)


def did_you_mean(word: str, known: Iterable[str], listed: Iterable[str] | None = None) -> str:
    """The end of an error about an unknown word: the nearest known one, or those to be listed.

    These are all of them, unless some are told apart.
    """
    import difflib  # an error's price, and not every build's

    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    listed = known if listed is None else sorted(listed)
    return f"known are: {', '.join(listed)}" if listed else "none is known here"
