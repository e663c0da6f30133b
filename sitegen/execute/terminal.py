"""Text with control codes as it stands on a terminal in the end.

Cursor moves are carried out. Of colours the codes are kept in one form: `\\x1b[1;31m` where a style
begins and `\\x1b[0m` where it ends, within each line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_CODES = re.compile(
    r"""(?P<text>[^\x00-\x08\x0a-\x1f\x7f]+)
      | \x1b\[(?P<arguments>[0-?]*)[ -/]*(?P<final>[@-~])
      | \x1b\][^\x07\x1b]*(?:\x07|\x1b\\)
      | \x1b[ -/]*[0-~]
      | (?P<control>[\s\S])""",
    re.X,
)
_COLOUR_CODE = re.compile(r"\x1b\[[\d;]*m")
_FARTHEST = 1000
"""Lines or columns that one code may move the cursor by."""

Style = tuple[str, ...]
"""The codes of a style, in a fixed order; none is plain text."""

_ENDED_BY = {
    "22": ("1", "2"),
    "23": ("3",),
    "24": ("4",),
    "27": ("7",),
    "29": ("9",),
    "39": ("foreground",),
    "49": ("background",),
}


def as_on_a_terminal(text: str) -> str:
    """Where lines are overwritten their last state; other control codes made visible."""
    text = text.replace("\r\n", "\n")
    if not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text):
        return text
    screen = _Screen()
    for found in _CODES.finditer(text):
        if found["text"]:
            screen.write(found["text"])
        elif found["final"]:
            screen.obey(found["final"], found["arguments"])
        elif found["control"]:
            screen.control(found["control"])
    return screen.text()


def without_colours(text: str) -> str:
    """The text alone."""
    return _COLOUR_CODE.sub("", text)


class _Screen:
    """Lines of characters, each with its style, and a cursor."""

    def __init__(self) -> None:
        self.lines: list[list[tuple[str, Style]]] = [[]]
        self.row = self.column = 0
        self.saved = (0, 0)
        self.pen: dict[str, str] = {}
        self.style: Style = ()
        self.returned = self.moved = False

    def write(self, text: str) -> None:
        line = self.lines[self.row]
        if self.returned:  # what comes after a return replaces the line, however short it is
            line.clear()
            self.returned = False
        line.extend([(" ", ())] * (self.column - len(line)))
        line[self.column : self.column + len(text)] = [(sign, self.style) for sign in text]
        self.column += len(text)

    def control(self, sign: str) -> None:
        if sign == "\n":
            self.go(self.row + 1, 0)
        elif sign == "\r":
            self.column, self.returned = 0, True
        elif sign == "\b":
            self.column = max(self.column - 1, 0)
        elif sign in "\x0b\x0c":
            self.write(sign)
        else:
            self.write("\N{REPLACEMENT CHARACTER}")

    def go(self, row: int, column: int) -> None:
        self.row, self.column, self.returned = max(row, 0), max(column, 0), False
        self.lines.extend([] for _ in range(self.row + 1 - len(self.lines)))

    def obey(self, final: str, arguments: str) -> None:
        if final == "m":
            self.dip(arguments)
            return
        numbers = [
            min(int(part), _FARTHEST) if part.isdigit() else 0 for part in arguments.split(";")
        ]
        first = numbers[0]
        steps = max(first, 1)
        self.moved = True
        if final in "ABEF":
            down = steps if final in "BE" else -steps
            self.go(self.row + down, self.column if final in "AB" else 0)
        elif final in "CD":
            self.go(self.row, self.column + (steps if final == "C" else -steps))
        elif final in "G`":
            self.go(self.row, steps - 1)
        elif final in "Hf":
            self.go(steps - 1, max(numbers[1] if len(numbers) > 1 else 1, 1) - 1)
        elif final in "JK":
            self.erase(first, lines=final == "J")
        elif final == "s":
            self.saved = self.row, self.column
        elif final == "u":
            self.go(*self.saved)

    def erase(self, part: int, lines: bool) -> None:
        """From the cursor on, up to it, or all; of its line, or of the lines beside it, too."""
        line = self.lines[self.row]
        if part == 0:
            del line[self.column :]
        elif part == 1:
            line[: self.column + 1] = [(" ", ())] * min(self.column + 1, len(line))
        else:
            line.clear()
        if lines and part == 0:
            del self.lines[self.row + 1 :]
        elif lines:
            gone = self.lines if part >= 2 else self.lines[: self.row]
            for line in gone:
                line.clear()

    def dip(self, arguments: str) -> None:
        """Change the style that is written in."""
        codes = iter(re.split("[;:]", arguments))
        for code in codes:
            number = int(code) if code.isdigit() else 0
            if number == 0:
                self.pen.clear()
            elif number in (38, 48):
                if colour := _extended(codes):
                    self.pen["foreground" if number == 38 else "background"] = f"{number};{colour}"
            elif 30 <= number <= 37 or 90 <= number <= 97:
                self.pen["foreground"] = str(number)
            elif 40 <= number <= 47 or 100 <= number <= 107:
                self.pen["background"] = str(number)
            elif number in (1, 2, 3, 4, 7, 9):
                self.pen[str(number)] = str(number)
            for key in _ENDED_BY.get(str(number), ()):
                self.pen.pop(key, None)
        self.style = tuple(self.pen[key] for key in sorted(self.pen))

    def text(self) -> str:
        lines = ["".join(_runs(line)) for line in self.lines]
        if self.moved:  # what was wiped leaves nothing behind
            lines = [line.rstrip(" ") for line in lines]
            ended = not lines[-1]
            while len(lines) > 1 and not lines[-1]:
                lines.pop()
            lines += [""] if ended and lines[-1] else []
        return "\n".join(lines)


def _extended(codes: Iterator[str]) -> str:
    """A colour of 256, or of all, as the code after 38 or 48 gives it; empty if it is none."""
    kind = next(codes, "")
    wanted = {"5": 1, "2": 3}.get(kind, 0)
    numbers = [next(codes, "") for _ in range(wanted)]
    whole = wanted and all(part.isdigit() and int(part) < 256 for part in numbers)
    return ";".join((kind, *numbers)) if whole else ""


def _runs(line: list[tuple[str, Style]]) -> Iterator[str]:
    before: Style = ()
    for sign, style in (*line, ("", ())):
        if style != before:
            yield "\x1b[0m" if before else ""
            yield f"\x1b[{';'.join(style)}m" if style else ""
            before = style
        yield sign
