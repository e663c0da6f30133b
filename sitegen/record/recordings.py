"""`Execution` -> `Recording`: outputs as text files that a reviewer can read, and back.

A block's recording is `recordings/LESSON/PROFILE/BLOCK.json`, its figures are files beside it.
The inline values of a lesson stand together in `recordings/LESSON/PROFILE.values.json`, and what
all of its recordings were made from in `recordings/LESSON/PROFILE.sources.json`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sitegen.errors import SiteError
from sitegen.files import remove, write_if_changed
from sitegen.output import PICTURES, Output

_OWN_FILES = {"image/svg+xml": ".svg", **PICTURES}


class DamagedRecordingError(Exception):
    """A recording that is not what was written: cut short, or edited by hand."""


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

    fingerprint: str
    outputs: tuple[Output, ...]
    provenance: Provenance = field(default_factory=Provenance)


@dataclass(frozen=True)
class Value:
    """The recording of an inline value."""

    expression: str
    value: str
    fingerprint: str


Sources = Mapping[str, Sequence[str]]
"""A short hash of each thing that recordings were made from, by its name; where some are out of
date, the hash of each state in which it was used."""


class Recordings:
    """All recordings of one course."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, slug: str, profile: str, block_id: str) -> Path:
        return self.folder / slug / profile / f"{block_id}.json"

    def values_path(self, slug: str, profile: str) -> Path:
        return self.folder / slug / f"{profile}.values.json"

    def sources_path(self, slug: str, profile: str) -> Path:
        return self.folder / slug / f"{profile}.sources.json"

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
            outputs = tuple(_decode(item, path.parent) for item in data["outputs"])
            made = dict(data["made"])
            recording = Recording(
                fingerprint=str(data["fingerprint"]),
                outputs=outputs,
                provenance=Provenance(
                    device=made.pop("device"),
                    date=made.pop("date"),
                    seconds=float(made.pop("seconds")),
                    versions=made,
                ),
            )
            if data["digest"] != _digest(outputs):
                raise DamagedRecordingError(f"{path.name} was edited by hand")
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            raise DamagedRecordingError(f"{path.name} cannot be read: {error}") from None
        return recording

    def save(self, slug: str, profile: str, block_id: str, recording: Recording) -> None:
        """Write a recording and take away the figures of the one it replaces."""
        path = self.path(slug, profile, block_id)
        before = set(self._figures(path))
        outputs: list[dict[str, Any]] = []
        for output in recording.outputs:
            written = {}
            for kind, text in output.data.items():
                if kind in _OWN_FILES:
                    number = 1 + sum(kind in o.data for o in recording.outputs[: len(outputs)])
                    suffix = "" if number == 1 else f".{number}"
                    figure = path.with_name(f"{block_id}{suffix}{_OWN_FILES[kind]}")
                    self._write(figure, _to_file(kind, text))
                    before.discard(figure)
                    written[kind] = {"file": figure.name}
                else:
                    written[kind] = text.splitlines(keepends=True)  # type: ignore[assignment]
            outputs.append({"kind": output.kind, "data": written, **_said(output)})
        made = recording.provenance
        data = {
            "fingerprint": recording.fingerprint,
            "made": {
                "device": made.device,
                "date": made.date,
                "seconds": round(made.seconds, 3),
                **made.versions,
            },
            "outputs": outputs,
            "digest": _digest(recording.outputs),
        }
        self._write(path, _json(data))
        for figure in before:
            remove(figure)

    def delete_profile(self, slug: str, profile: str) -> None:
        """Remove what is recorded of a lesson as a whole."""
        for path in (self.values_path(slug, profile), self.sources_path(slug, profile)):
            if path.exists():
                remove(path)

    def delete(self, slug: str, profile: str, block_id: str) -> None:
        """Remove a recording and its figures."""
        path = self.path(slug, profile, block_id)
        for figure in list(self._figures(path)):
            remove(figure)
        remove(path)

    def load_values(self, slug: str, profile: str) -> list[Value]:
        """The inline values of a lesson, in their order in it.

        Raises:
            DamagedRecordingError: their file is not whole.
        """
        path = self.values_path(slug, profile)
        try:
            items = [dict(item) for item in _read(path) or ()]
            digests = [item.pop("digest") for item in items]
            values = [Value(**item) for item in items]
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedRecordingError(f"{path.name} cannot be read: {error}") from None
        if digests != [_hash(asdict(value)) for value in values]:
            raise DamagedRecordingError(f"{path.name} was edited by hand")
        return values

    def save_values(self, slug: str, profile: str, values: list[Value]) -> None:
        """Write the inline values of a lesson, in their order in it."""
        path = self.values_path(slug, profile)
        if not values:
            if path.exists():
                remove(path)
            return
        items = [asdict(value) for value in values]
        self._write(path, _json([{**item, "digest": _hash(item)} for item in items]))

    def load_sources(self, slug: str, profile: str) -> Sources:
        """What the recordings of a lesson were made from; nothing if that can't be read."""
        try:
            data = _read(self.sources_path(slug, profile)) or {}
            return {str(name): str(hashes).split() for name, hashes in data.items()}
        except (DamagedRecordingError, AttributeError):
            return {}

    def save_sources(self, slug: str, profile: str, sources: Sources) -> None:
        """Write what the recordings of a lesson were made from, a line for each thing."""
        path = self.sources_path(slug, profile)
        if sources:
            rows = {name: " ".join(hashes) for name, hashes in sorted(sources.items())}
            self._write(path, _json(rows))
        elif path.exists():
            remove(path)

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
        write_if_changed(path, content)

    def _figures(self, path: Path) -> Iterator[Path]:
        for suffix in _OWN_FILES.values():
            for figure in path.parent.glob(f"{path.stem}*{suffix}"):
                rest = figure.name.removeprefix(path.stem).removesuffix(suffix)
                if rest == "" or (rest[0] == "." and rest[1:].isdigit()):
                    yield figure


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, OSError) as error:
        raise DamagedRecordingError(f"{path.name} cannot be read: {error}") from None


def _json(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _to_file(kind: str, text: str) -> str | bytes:
    return base64.b64decode(text) if kind in PICTURES else text


def _decode(item: Mapping[str, Any], folder: Path) -> Output:
    data = {}
    for kind, value in item["data"].items():
        if kind in _OWN_FILES:
            path = folder / Path(value["file"]).name
            data[kind] = (
                base64.b64encode(path.read_bytes()).decode("ascii")
                if kind in PICTURES
                else path.read_bytes().decode("utf-8")
            )
        else:
            data[kind] = "".join(value)
    return Output(item["kind"], data, item.get("picture", {}), item.get("needs", ""))


def _said(output: Output) -> dict[str, Any]:
    """What is recorded of an output besides its data, where there is such."""
    said = {"picture": dict(output.picture), "needs": output.needs}
    return {key: value for key, value in said.items() if value}


def _digest(outputs: tuple[Output, ...]) -> str:
    """A hash of all outputs, so that a recording edited by hand is noticed."""
    canonical: list[list[Any]] = []
    for output in outputs:
        data = dict(output.data)
        for kind in PICTURES.keys() & data.keys():  # base64 may be broken into lines or not
            data[kind] = hashlib.sha256(base64.b64decode(data[kind])).hexdigest()
        canonical.append([output.kind, sorted(data.items()), *filter(None, [_said(output)])])
    return _hash(canonical)


def _hash(data: Any) -> str:
    text = json.dumps(data, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
