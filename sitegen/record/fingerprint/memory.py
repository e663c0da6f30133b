"""Fingerprints of the last build, so that one in which nothing changed need not make them anew.

They are kept by a hash of all that they are made from: the units, every file of the library,
and the code of the analysis itself. What is missing, or not what was written, is made again.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from sitegen.parse import tokens
from sitegen.parse.tokens import short_hash
from sitegen.record.fingerprint.library import Library
from sitegen.record.fingerprint.units import LINE, Fingerprint, Unit, fingerprints


class Memory:
    """A file of fingerprints. It is of use to one machine, and not to be committed."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._before: dict[str, list[Any]] = {}
        self._now: dict[str, list[Any]] = {}
        with contextlib.suppress(OSError, ValueError, TypeError):
            self._before = dict(json.loads(file.read_text(encoding="utf-8")))

    def fingerprints(
        self, units: Sequence[Unit], library: Library, profile: str
    ) -> list[Fingerprint]:
        """As `sitegen.record.fingerprint.fingerprints`."""
        fields = [repr(replace(unit, line=0)) for unit in units]
        key = short_hash([_analysis(), library.digest, profile, *fields])
        lines = [unit.line for unit in units]
        with contextlib.suppress(TypeError, ValueError, KeyError):
            known = self._now[key] if key in self._now else self._before[key]
            at, rows = known
            found = [
                Fingerprint(str(digest), tuple(needs), dict(parts)) for digest, needs, parts in rows
            ]
            if at in (None, lines):
                self._now[key] = known
                return found
        made = fingerprints(units, library, profile)
        moves = any(part.startswith(LINE) for item in made for part in item.parts)
        rows = [[item.digest, item.needs, dict(item.parts)] for item in made]
        self._now[key] = [lines if moves else None, rows]
        return made

    def save(self) -> None:
        """Write what was asked for since, and forget the rest."""
        if self._now.keys() != self._before.keys():
            partial = self.file.with_name(f"{self.file.name}.{os.getpid()}")
            with contextlib.suppress(OSError):
                self.file.parent.mkdir(parents=True, exist_ok=True)
                partial.write_text(json.dumps(self._now), encoding="utf-8")
                partial.replace(self.file)
        self._before, self._now = self._now, {}


@cache
def _analysis() -> str:
    """A hash of the code that makes fingerprints."""
    files = [*sorted(Path(__file__).parent.glob("*.py")), Path(tokens.__file__)]
    return short_hash(file.read_text(encoding="utf-8") for file in files)
