"""What the last build was made from, so that one with nothing to do is over at once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from sitegen.errors import SiteError
from sitegen.files import write_if_changed
from sitegen.parse.config import Config
from sitegen.record.fingerprint import Library
from sitegen.render.publish import intact

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
        self._file = cache_folder(config) / f"{profile}.json"
        # Taken now: what is edited while the build runs is not in it.
        self._sources = _digest(self._source_files(), [profile, str(config.output), *_versions()])

    def replayed(self) -> list[str] | None:
        """The blocks that the last build replayed or executed, None if there is work to do."""
        try:
            last = json.loads(self._file.read_text(encoding="utf-8"))
            same = last["sources"] == self._sources and last["recordings"] == self._recordings()
            return (
                [str(name) for name in last["blocks"]]
                if same and intact(self.config.output)
                else None
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, blocks: list[str]) -> None:
        """Note that a build came to its end and that nothing was out of date in it."""
        data = {"sources": self._sources, "recordings": self._recordings(), "blocks": blocks}
        with contextlib.suppress(SiteError):  # a cache that can't be written is none
            write_if_changed(self._file, json.dumps(data, indent=1) + "\n")

    def _recordings(self) -> str:
        return _digest(_files(self.config.recordings))

    def _source_files(self) -> Iterable[Path]:
        config = self.config
        yield config.root / "pyproject.toml"
        yield from (
            path for path in _files(config.lessons) if config.recordings not in path.parents
        )
        library = Library(config.root, config.packages)
        yield from (config.root / path for path in library.files)
        for folder in (*config.templates, *config.static, Path(__file__).parent):
            yield from _files(folder)


def cache_folder(config: Config) -> Path:
    """The cache of a course, made so that git does not see it."""
    if not config.cache.is_dir():
        with contextlib.suppress(SiteError):
            write_if_changed(config.cache / ".gitignore", "*\n")
    return config.cache


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")


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
