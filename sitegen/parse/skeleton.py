"""Blocks with a solution in them, between nbgrader's marks: what stands without it, and with it."""

from __future__ import annotations

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"

_LEFT_OPEN = "# YOUR CODE HERE\nraise NotImplementedError"


class MarkError(ValueError):
    """Marks that don't pair up; `line` is the line of the code, counted from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def has_solution(code: str) -> bool:
    """Whether a block holds any mark, in pairs or not."""
    return any(_mark(line) for line in code.splitlines())


def check_marks(code: str) -> None:
    """Raise a `MarkError` unless every solution has a beginning, some code and an end."""
    begun, empty = 0, True
    for number, line in enumerate(code.splitlines(), start=1):
        mark = _mark(line)
        if mark == BEGIN:
            if begun:
                raise MarkError(number, f"{BEGIN!r} within a solution; end that first with {END!r}")
            begun, empty = number, True
        elif mark == END:
            if not begun:
                raise MarkError(number, f"{END!r} ends nothing; begin with {BEGIN!r}")
            if empty:
                raise MarkError(number, f"no solution between {BEGIN!r} and {END!r}")
            begun = 0
        elif line.strip():
            empty = False
    if begun:
        raise MarkError(begun, f"the solution is not ended; end it with {END!r}")


def skeleton(code: str) -> str:
    """The code as a learner gets it: in place of each solution a line that asks for it."""
    kept: list[str] = []
    inside = False
    for line in code.splitlines():
        mark = _mark(line)
        if mark == BEGIN:
            indent = line[: len(line) - len(line.lstrip())]
            kept += [indent + asked for asked in _LEFT_OPEN.split("\n")]
        elif not mark and not inside:
            kept.append(line)
        inside = mark == BEGIN or (inside and mark != END)
    return "\n".join(kept) + "\n"


def solution(code: str) -> str:
    """The whole code, without the marks."""
    return "\n".join(line for line in code.splitlines() if not _mark(line)) + "\n"


def _mark(line: str) -> str:
    stripped = line.strip()
    return stripped if stripped in (BEGIN, END) else ""
