"""What a block displays while it runs: streams that grow, displays that are renewed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sitegen.execute.interactive import exported, maker, only_loads, without_scripts
from sitegen.execute.keeper import KEPT
from sitegen.execute.lasting import bars, canonical_ids, lasting_drawing, lasting_text
from sitegen.execute.streams import Name
from sitegen.execute.terminal import as_on_a_terminal
from sitegen.output import BINARY, PICTURES, SHOWN_TYPES, Kind, Output, stream

MAX_CHARACTERS = 1_000_000
"""Of one block's text; what is over is counted and left out."""


@dataclass
class Growing:
    """A stream that is still being written to, and how many characters of it are left out."""

    kind: Name
    parts: list[str] = field(default_factory=list)
    length: int = 0
    left_out: int = 0

    def add(self, text: str) -> None:
        kept = text[: max(KEPT - self.length, 0)]
        self.parts.append(kept)
        self.length += len(kept)
        self.left_out += len(text) - len(kept)


@dataclass
class Displayed:
    """A display that may be renewed until its block ends."""

    output: Output
    id: str = ""
    text: Callable[[], str | None] | None = None
    """For a widget: its state as text, None once it is closed."""


@dataclass
class Outputs:
    """The outputs of one block."""

    items: list[Growing | Displayed | Output] = field(default_factory=list)
    clearing: bool = False

    def write(self, name: Name, text: str) -> None:
        """Append to the last output if it is the same stream."""
        self._clear_if_due()
        self._growing(name).add(text)

    def leave_out(self, name: Name, characters: int) -> None:
        """Count what was written to a stream and not kept."""
        self._growing(name).left_out += characters

    def _growing(self, name: Name) -> Growing:
        last = self.items[-1] if self.items else None
        if not isinstance(last, Growing) or last.kind != name:
            last = Growing(name)
            self.items.append(last)
        return last

    def add(self, kind: Kind, text: str) -> None:
        """An output of text alone."""
        self.items.append(Output(kind, {"text/plain": text}))

    def display(
        self,
        data: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
        name: str = "",
        update: bool = False,
        text: Callable[[], str | None] | None = None,
    ) -> None:
        """Show a MIME bundle; with `update`, in the place of those that were shown as `name`.

        One that an earlier block shows is over; what renews it is shown where that is done.
        """
        self._clear_if_due()
        output = kept(data, metadata or {})
        if output is None:
            output = Output("display")
        same = [one for one in self.items if isinstance(one, Displayed) and one.id == name != ""]
        if update and same:
            for one in same:
                one.output, one.text = output, text
        else:
            self.items.append(Displayed(output, name, text))

    def clear(self, wait: bool = False) -> None:
        """Take all back; with `wait`, as soon as there is something new."""
        self.clearing = wait
        if not wait:
            self.items.clear()

    def _clear_if_due(self) -> None:
        if self.clearing:
            self.clear()

    def finished(self) -> tuple[Output, ...]:
        """As they are recorded."""
        ended = [(one, item) for item in self.items for one in _ended(item)]
        left_out = [item.left_out if isinstance(item, Growing) else 0 for _, item in ended]
        return tuple(tidy([one for one, _ in ended], left_out))


def _ended(item: Growing | Displayed | Output) -> Iterator[Output]:
    if isinstance(item, Growing):
        yield stream(item.kind, "".join(item.parts))
    elif isinstance(item, Output):
        yield item
    else:
        text = item.text() if item.text else item.output.text
        if item.output.data and text is not None:
            data = {**item.output.data, "text/plain": text} if item.text else item.output.data
            yield replace(item.output, data=data)


def kept(data: Mapping[str, Any], metadata: Mapping[str, Any]) -> Output | None:
    """Of a bundle what a page can show, or whose script would; None if that is nothing."""
    if only_loads(data):
        return None
    shown = {kind: _text(kind, data[kind]) for kind in SHOWN_TYPES if data.get(kind) is not None}
    makers = sorted(filter(None, map(maker, data)), key="JavaScript".__eq__)
    needs = makers[0] if makers else ""
    for kind in data if needs and not _has_picture(shown) else ():
        shown |= exported(kind, data[kind])
    if "text/html" in shown:
        html, name, frame = without_scripts(shown["text/html"])
        shown["text/html"], needs = html, needs or name
        if frame:
            shown.setdefault("image/png", frame)
    if shown.keys() - {"application/json", "text/plain"}:
        shown.pop("application/json", None)  # the same again, for programs
    for kind in BINARY:
        base64.b64decode(shown.get(kind, ""))  # raises here, where the author's line is known
    shown = {kind: shown[kind] for kind in SHOWN_TYPES if kind in shown}
    if not shown and not needs:
        return None
    shown = shown or {"text/plain": ""}
    return Output("display", shown, _picture(shown, metadata), needs)


def _has_picture(data: Mapping[str, str]) -> bool:
    return any(kind in data for kind in ("image/svg+xml", *PICTURES))


def _picture(data: Mapping[str, str], metadata: Mapping[str, Any]) -> dict[str, str | int]:
    """Width, height and description of the picture, as IPython's `Image` gives them."""
    said: Mapping[str, Any] = next(
        (metadata[kind] for kind in data if isinstance(metadata.get(kind), Mapping)), {}
    )
    found: dict[str, str | int] = {}
    for side in ("width", "height"):
        number = str(said.get(side, "")).removesuffix("px")
        if number.isdigit() and 0 < int(number) < 10_000:
            found[side] = int(number)
    if alt := said.get("alt"):
        found["alt"] = str(alt)
    return found


def _text(kind: str, value: Any) -> str:
    """What a MIME bundle holds; pictures and files as base64."""
    if isinstance(value, bytes):
        return (
            base64.b64encode(value).decode("ascii")
            if kind in BINARY
            else value.decode("utf-8", "replace")
        )
    if kind in BINARY:
        return "".join(str(value).split())  # as recordings have it, in one line
    if kind == "application/json" and not isinstance(value, str):
        return json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return str(value)


def tidy(outputs: Sequence[Output], left_out: Sequence[int] = ()) -> Iterator[Output]:
    """Outputs as a reader is to see them, in every run the same: bounded, and nothing empty.

    Of each stream it may be said how many characters were left out already.
    """
    counts = left_out or [0] * len(outputs)
    lasting = [_lasting(one, count) for one, count in zip(outputs, counts, strict=True)]
    joined: list[Output] = []
    for output in _wanted(lasting):
        last = joined[-1] if joined else None
        if last and output.kind == last.kind and output.kind in ("stdout", "stderr"):
            joined[-1] = stream(output.kind, last.text + output.text)
        else:
            joined.append(output)
    yield from joined


def _wanted(lasting: Sequence[Output]) -> Iterator[Output]:
    for index, output in enumerate(lasting):
        if output.kind in ("stdout", "stderr") and (shown := bars(output.text)):
            later = [
                bar
                for one in lasting[index + 1 :]
                if one.kind == output.kind
                for bar in bars(one.text)
            ]
            if set(shown) <= set(later):
                continue  # of a progress bar its last state
        if output.needs and output == next(iter(lasting[index + 1 :]), None):
            continue  # some libraries publish their parts one by one
        if output.data and (output.kind in ("display", "error") or output.text):
            yield output


def _lasting(output: Output, left_out: int) -> Output:
    data = dict(output.data)
    for kind, text in output.data.items():
        if kind == "image/svg+xml":
            data[kind] = lasting_drawing(lasting_text(text))
        elif kind == "text/html":
            data[kind] = canonical_ids(lasting_text(text))
        elif kind == "text/plain":
            data[kind] = lasting_text(as_on_a_terminal(text))
        elif kind not in BINARY:
            data[kind] = lasting_text(text)
    if output.kind in ("stdout", "stderr"):
        data["text/plain"] = _bounded(data["text/plain"], left_out)
    return replace(output, data=data)


def _bounded(text: str, left_out: int) -> str:
    if len(text) <= MAX_CHARACTERS and not left_out:
        return text
    start = text[:MAX_CHARACTERS]
    opened = start.rfind("\x1b[")
    if opened >= 0 and "m" not in start[opened:]:
        start = start[:opened]
    left_out += len(text) - len(start)
    return f"{start}\n… {left_out:,} more characters left out\n"
