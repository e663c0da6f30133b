"""What the last build was made from, so that one with nothing to do is over at once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

from sitegen.errors import SiteError
from sitegen.files import tree, unseen_folder, write_if_changed
from sitegen.manifest import intact
from sitegen.parse.config import Config
from sitegen.parse.followed import followed_files
from sitegen.record.recordings import DamagedRecordingError, Recordings
from sitegen.report import Report
from sitegen.trace import Program, Surroundings, Trace

_RENDERERS = (
    "jinja2",
    "latex2mathml",
    "markdown-it-py",
    "mdit-py-plugins",
    "nh3",
    "pygments",
    "ziamath",
)


class Stamp:
    """The state of everything that a whole build under one profile reads and writes."""

    def __init__(self, config: Config, profile: str) -> None:
        self.config = config
        self._file = unseen_folder(config.cache) / f"{profile}.json"
        # Taken now: what is edited while the build runs is not in it.
        self._sources = _digest(self._source_files(), [profile, str(config.output), *_versions()])

    def replayed(self) -> Report | None:
        """What there is to say of a build with nothing to do; None if there is work."""
        try:
            last = json.loads(self._file.read_text(encoding="utf-8"))
            same = last["sources"] == self._sources and last["recordings"] == self._recordings()
            if same and intact(self.config.output) and self._stands(last["outside"]):
                return Report(
                    replayed=list(last["replayed"]),
                    awaited=list(last["awaited"]),
                    marked=list(last["marked"]),
                )
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None

    def save(self, report: Report) -> None:
        """Note that a build came to its end and that nothing it executes was out of date."""
        data = {
            "sources": self._sources,
            "recordings": self._recordings(),
            "outside": self._outside(self._read_outside()),
            "replayed": report.executed + report.replayed,
            "awaited": report.awaited,
            "marked": report.marked,
        }
        with contextlib.suppress(SiteError):  # a cache that can't be written is none
            write_if_changed(self._file, json.dumps(data, indent=1) + "\n")

    def _stands(self, outside: Mapping[str, str]) -> bool:
        return self._outside(outside) == outside

    def _outside(self, things: Iterable[str]) -> dict[str, str]:
        """A hash of files, folders and environment variables as they are now."""
        config = self.config
        around = Surroundings(Program(config.root, config.packages), config.root)
        return {thing: str(around.hash(thing)) for thing in things}

    def _read_outside(self) -> list[str]:
        """What blocks read that is no source of the course."""
        recordings, traces = Recordings(self.config.recordings), list[Trace]()
        for slug, profile, block in recordings.all_blocks():
            with contextlib.suppress(DamagedRecordingError):
                if recording := recordings.load(slug, profile, block):
                    traces.append(recording.trace)
        for slug, profile in recordings.all_profiles():
            with contextlib.suppress(DamagedRecordingError):
                traces += [value.trace for value in recordings.load_values(slug, profile)]
        return sorted({thing for trace in traces for thing in trace.reads if _is_outside(thing)})

    def _recordings(self) -> str:
        return _digest(_files(self.config.recordings))

    def _source_files(self) -> Iterable[Path]:
        config = self.config
        yield config.root / "pyproject.toml"
        yield from (
            path for path in _files(config.lessons) if config.recordings not in path.parents
        )
        yield from (config.root / path for path in followed_files(config.root, config.packages))
        for folder in (*config.templates, *config.static, Path(__file__).parent):
            yield from _files(folder)


def _is_outside(thing: str) -> bool:
    return thing.partition(" ")[0] in ("file", "folder", "environment")


def _files(folder: Path) -> list[Path]:
    return [path for path in tree(folder) if path.suffix != ".pyc"]


def _digest(files: Iterable[Path], texts: Iterable[str] = ()) -> str:
    whole = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        whole.update(f"{path}\0{len(content)}\0".encode())
        whole.update(content)
    whole.update("\0".join(texts).encode())
    return whole.hexdigest()


def _versions() -> list[str]:
    return [platform.python_version(), *(f"{name} {version(name)}" for name in _RENDERERS)]
