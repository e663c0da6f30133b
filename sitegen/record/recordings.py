"""`Execution` -> `Recording`: outputs as text files that a reviewer can read, and back.

A block's recording is `recordings/LESSON/PROFILE/BLOCK.json`, its figures are files beside it.
The inline values of a lesson stand together in `recordings/LESSON/PROFILE.values.json`. With each
stands the trace of the execution that made it. `recordings/resources.json` says which resources
there were when anything was recorded.

Each holds a digest of all that it says, so that an edit by hand is noticed. It is no signature:
who can read this module can forge one.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sitegen.errors import SiteError
from sitegen.files import refuse_links, remove, write_if_changed
from sitegen.output import BINARY, Output
from sitegen.trace import Trace

_OWN_FILES = {"image/svg+xml": ".svg", **BINARY}


class DamagedRecordingError(Exception):
    """A recording that is not what was written there: cut short, edited by hand, or moved."""


@dataclass(frozen=True)
class Provenance:
    """On what, when and for how long a recording was made."""

    device: str = "cpu"
    versions: Mapping[str, str] = field(default_factory=dict)
    date: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Recording:
    """The outputs of one block under one profile, and what they were made from."""

    trace: Trace
    outputs: tuple[Output, ...]
    provenance: Provenance = field(default_factory=Provenance)


@dataclass(frozen=True)
class Value:
    """The recording of an inline value."""

    expression: str
    value: str
    trace: Trace
    damage: str = ""
    """Why it can't be relied on, if it can't."""


class Recordings:
    """All recordings of one course."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, slug: str, profile: str, block_id: str) -> Path:
        return self.folder / slug / profile / f"{block_id}.json"

    def values_path(self, slug: str, profile: str) -> Path:
        return self.folder / slug / f"{profile}.values.json"

    def load(self, slug: str, profile: str, block_id: str) -> Recording | None:
        """The recording of a block, None if there is none.

        Raises:
            DamagedRecordingError: it is not whole.
        """
        path = self.path(slug, profile, block_id)
        data = _read(path)
        if data is None:
            return None
        try:
            figures = {name: path.with_name(name).read_bytes() for name in _figure_names(data)}
            recording = _decode(data, figures)
            if data["digest"] != digest(data, figures):
                what = f"{path.name} or a figure of it" if figures else path.name
                raise DamagedRecordingError(f"{what} was edited by hand")
            if (data["block"], data["profile"]) != (block_id, profile):
                whose = f"block {data['block']!r} under profile {data['profile']}"
                raise DamagedRecordingError(f"{path.name} is the recording of {whose}")
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            raise DamagedRecordingError(f"{path.name} cannot be read: {_why(error)}") from None
        return recording

    def save(self, slug: str, profile: str, block_id: str, recording: Recording) -> None:
        """Write a recording and take away the figures of the one it replaces."""
        path = self.path(slug, profile, block_id)
        before = set(self._figures(path))
        data, figures = _encode(recording, block_id, profile)
        for name, content in figures.items():
            self._write(path.with_name(name), content)
        self._write(path, _json({**data, "digest": digest(data, figures)}))
        for figure in before - {path.with_name(name) for name in figures}:
            remove(figure)

    def delete_profile(self, slug: str, profile: str) -> None:
        """Remove what is recorded of a lesson as a whole."""
        for path in self.folder.glob(f"{slug}/{profile}.*.json"):
            remove(path)

    def delete(self, slug: str, profile: str, block_id: str) -> None:
        """Remove a recording and its figures."""
        path = self.path(slug, profile, block_id)
        for figure in list(self._figures(path)):
            remove(figure)
        remove(path)

    def load_values(self, slug: str, profile: str) -> list[Value]:
        """The inline values of a lesson, in their order in it; each says if it is damaged itself.

        Raises:
            DamagedRecordingError: their file is no list of anything.
        """
        path = self.values_path(slug, profile)
        items = _read(path) or []
        if not isinstance(items, list):
            raise DamagedRecordingError(f"{path.name} cannot be read: it is no list")
        return [_value(item, path.name) for item in items]

    def save_values(self, slug: str, profile: str, values: list[Value]) -> None:
        """Write the inline values of a lesson, in their order in it."""
        path = self.values_path(slug, profile)
        if not values:
            if path.exists():
                remove(path)
            return
        items = [_fields(value) for value in values]
        self._write(path, _json([{**item, "digest": _hash(item)} for item in items]))

    @property
    def _resources_path(self) -> Path:
        return self.folder / "resources.json"

    def resources(self) -> dict[str, frozenset[str]]:
        """By profile, the resources with which blocks have been recorded; they may be gone since.

        Raises:
            SiteError: the note of it can't be read.
        """
        path, noted = self._resources_path, None
        what = f"{path.name} cannot be read: it has no names by profile"
        try:
            noted = _read(path) if path.exists() else {}
        except DamagedRecordingError as error:
            what = str(error)
        if isinstance(noted, dict) and all(map(_is_names, noted.values())):
            return {profile: frozenset(names) for profile, names in noted.items()}
        raise SiteError(f"{self.folder}: {what}; restore it from git")

    def note_resources(self, there: Mapping[str, Collection[str]]) -> None:
        """Add to these, by profile."""
        noted = self.resources()
        new = {
            profile: names
            for profile in sorted(noted.keys() | there.keys())
            if (names := sorted(noted.get(profile, frozenset()).union(there.get(profile, ()))))
        }
        if new:
            self._write(self._resources_path, _json(new))

    def all_blocks(self) -> Iterator[tuple[str, str, str]]:
        """Slug, profile and block id of every recording there is."""
        for path in sorted(self.folder.glob("*/*/*.json")):
            yield path.parent.parent.name, path.parent.name, path.stem

    def all_profiles(self) -> Iterator[tuple[str, str]]:
        """Slug and profile of whatever is recorded of whole lessons."""
        files = self.folder.glob("*/*.*.json")
        yield from sorted({(path.parent.name, path.name.partition(".")[0]) for path in files})

    def _write(self, path: Path, content: str | bytes) -> None:
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:  # lessons that were moved away must not come back empty
            raise SiteError(f"cannot write {path}: {self.folder}: {error.strerror}") from None
        refuse_links([path], self.folder)
        write_if_changed(path, content)

    def _figures(self, path: Path) -> Iterator[Path]:
        for suffix in _OWN_FILES.values():
            for figure in path.parent.glob(f"{path.stem}*{suffix}"):
                rest = figure.name.removeprefix(path.stem).removesuffix(suffix)
                if rest == "" or (rest[0] == "." and rest[1:].isdigit()):
                    yield figure


def digest(data: Mapping[str, Any], figures: Mapping[str, bytes]) -> str:
    """A hash of all that a recording's file says but itself, and of the figures that it names."""
    said = {key: value for key, value in data.items() if key != "digest"}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in figures.items()}
    return _hash([said, hashes])


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, OSError, RecursionError) as error:
        raise DamagedRecordingError(f"{path.name} cannot be read: {_why(error)}") from None


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _why(error: Exception) -> str:
    """What is wrong with a file, as its author can use it."""
    match error:
        case KeyError():
            return f"it lacks {error}"
        case FileNotFoundError():
            return f"{Path(error.filename).name} is missing"
        case OSError():
            return f"{Path(error.filename).name}: {error.strerror}"
        case RecursionError():
            return "it is nested too deep"
        case TypeError() | AttributeError():
            return "it is laid out as no recording is"
    return str(error)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """What a reviewer reads and what counts must not be two different lines."""
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError("a key is given twice")
    return data


def _json(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _encode(
    recording: Recording, block_id: str, profile: str
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What the file of a recording says, and its figures by the names of their files."""
    figures: dict[str, bytes] = {}
    outputs: list[dict[str, Any]] = []
    for index, output in enumerate(recording.outputs):
        written: dict[str, Any] = {}
        for kind, text in output.data.items():
            if kind in _OWN_FILES:
                number = 1 + sum(kind in one.data for one in recording.outputs[:index])
                suffix = "" if number == 1 else f".{number}"
                name = f"{block_id}{suffix}{_OWN_FILES[kind]}"
                figures[name] = base64.b64decode(text) if kind in BINARY else text.encode()
                written[kind] = {"file": name}
            else:
                written[kind] = text.splitlines(keepends=True)
        outputs.append({"kind": output.kind, "data": written, **_said(output)})
    made = recording.provenance
    data = {
        "block": block_id,
        "profile": profile,
        "made": {
            "device": made.device,
            "date": made.date,
            "seconds": round(made.seconds, 3),
            **made.versions,
        },
        "outputs": outputs,
        "trace": str(recording.trace).splitlines(),
    }
    return data, figures


def _figure_names(data: Mapping[str, Any]) -> list[str]:
    """The files that a recording names, each in its own folder."""
    return [
        Path(value["file"]).name
        for output in data["outputs"]
        for kind, value in output["data"].items()
        if kind in _OWN_FILES
    ]


def _decode(data: Mapping[str, Any], figures: Mapping[str, bytes]) -> Recording:
    made = dict(data["made"])
    return Recording(
        trace=_trace(data["trace"]),
        outputs=tuple(_output(item, figures) for item in data["outputs"]),
        provenance=Provenance(
            device=made.pop("device"),
            date=made.pop("date"),
            seconds=float(made.pop("seconds")),
            versions=made,
        ),
    )


def _output(item: Mapping[str, Any], figures: Mapping[str, bytes]) -> Output:
    data = {}
    for kind, value in item["data"].items():
        if kind in _OWN_FILES:
            content = figures[Path(value["file"]).name]
            data[kind] = (
                base64.b64encode(content).decode("ascii")
                if kind in BINARY
                else content.decode("utf-8")
            )
        else:
            data[kind] = "".join(value)
    return Output(item["kind"], data, item.get("picture", {}), item.get("needs", ""))


def _said(output: Output) -> dict[str, Any]:
    """What is recorded of an output besides its data, where there is such."""
    said = {"picture": dict(output.picture), "needs": output.needs}
    return {key: value for key, value in said.items() if value}


def _trace(lines: Sequence[str]) -> Trace:
    return Trace.parse("".join(f"{line}\n" for line in lines))


def _value(item: Any, file: str) -> Value:
    """An inline value as it is recorded; of a damaged one, what still says whose it is."""
    item = item if isinstance(item, dict) else {}
    said = {key: item.get(key) for key in ("expression", "value", "trace")}
    whole = item.keys() == {*said, "digest"} and item["digest"] == _hash(said)
    damage = "" if whole else f"its value in {file} was edited by hand"
    try:
        trace = _trace(said["trace"] or ())
    except (TypeError, ValueError):
        trace, damage = Trace(), f"its value in {file} has no trace"
    expression, value = (
        text if isinstance(text, str) else "" for text in (said["expression"], said["value"])
    )
    return Value(expression, value, trace, damage)


def _fields(value: Value) -> dict[str, Any]:
    return {
        "expression": value.expression,
        "value": value.value,
        "trace": str(value.trace).splitlines(),
    }


def _hash(data: Any) -> str:
    text = json.dumps(data, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
