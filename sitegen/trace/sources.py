"""Imports what the author works on from its source, always.

Python takes a compiled file for up to date if the source has the same size and was written in the
same second, which an edit may well be.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import types
from collections.abc import Sequence
from typing import Any


class Loader(importlib.machinery.SourceFileLoader):
    """Without knowing a source's age, a loader neither reads nor writes compiled files."""

    def path_stats(self, path: str | bytes) -> Any:
        raise OSError


class Finder(importlib.abc.MetaPathFinder):
    """Finds what belongs to followed packages."""

    def __init__(self, packages: Sequence[str]) -> None:
        self.packages = packages

    def loader(self, name: str, path: str) -> Loader:
        """What loads the module of this name."""
        return Loader(name, path)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] not in self.packages:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = self.loader(spec.loader.name, spec.loader.path)
            spec.cached = None
        return spec
