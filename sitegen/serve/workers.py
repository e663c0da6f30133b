"""Worker processes that are kept from one round to the next, their imports done already."""

from __future__ import annotations

import contextlib

from sitegen.execute.executor import Executor
from sitegen.parse.config import Config
from sitegen.serve.library import Sight

SNAPSHOT_WORTH = 0.1
"""Seconds of work that are not done twice: less is not felt, and a snapshot costs some 10 ms."""


class Workers:
    """A context manager that leaves no process behind."""

    def __init__(self, profile: str, jobs: int) -> None:
        self.profile = profile
        self.jobs = jobs
        self._processes = contextlib.ExitStack()
        self._executor: Executor | None = None
        self._config: Config | None = None
        self._library: object = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.close()

    def ready(self, config: Config, sight: Sight) -> tuple[Executor, bool]:
        """Processes for the configuration and the library as they are; whether they are others."""
        same_library = sight.identity == self._library
        if self._executor and config == self._config and (same_library or not _imports_own(config)):
            if not same_library:
                self._executor.drop()
                self._library = sight.identity
            return self._executor, not same_library
        self._processes.close()
        self._executor = self._processes.enter_context(
            Executor(config, self.profile, self.jobs, SNAPSHOT_WORTH, observe=True)
        )
        self._config, self._library = config, sight.identity
        return self._executor, True


def _imports_own(config: Config) -> bool:
    """Whether what is imported once, for all lessons, is the author's own code."""
    preloaded = {name.partition(".")[0] for name in config.preload}
    ours = {__name__.partition(".")[0]} & set(config.packages)
    return bool(ours) or any(any(config.root.glob(f"{name}*")) for name in preloaded)
