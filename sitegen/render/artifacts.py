"""Outputs that are files: where on the site each is, for readers to have and scripts to load."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sitegen.output import FILES, Output
from sitegen.render.results import Results


@dataclass(frozen=True)
class Artifact:
    """A file that a block made under one profile."""

    name: str
    """`LESSON/BLOCK.PROFILE` and so on, by which a script finds it among those that are loaded."""
    about: str
    """What it is, as its block says it."""
    ending: str
    data: str = field(repr=False)
    """As base64."""

    @property
    def path(self) -> str:
        """Of the file itself, in the site."""
        return f"files/{self.name}{self.ending}"

    @property
    def script(self) -> str:
        """Of the same as a script: from a folder a browser loads scripts, but fetches nothing."""
        return f"files/{self.name}.js"

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.data) * 3 // 4 - self.data[-2:].count("=")

    def files(self) -> dict[str, bytes]:
        """What the site has of it, by its paths."""
        loaded = f'(self.artifacts ??= {{}})["{self.name}"] = "{self.data}";\n'
        return {self.path: base64.b64decode(self.data), self.script: loaded.encode("ascii")}


def artifact(output: Output, name: str) -> Artifact | None:
    """The file that an output is, if it is one."""
    for kind, ending in FILES.items():
        if kind in output.data:
            return Artifact(name, output.text, ending, output.data[kind])
    return None


def made(slug: str, block: str, profile: str, outputs: Sequence[Output]) -> list[Artifact | None]:
    """Of each output of a block the file that it is, None for others."""
    found: list[Artifact | None] = []
    for output in outputs:
        number = len(list(filter(None, found))) + 1
        name = f"{slug}/{block}.{profile}" + (f"-{number}" if number > 1 else "")
        found.append(artifact(output, name))
    return found


Artifacts = Mapping[str, Mapping[str, Sequence[Artifact]]]
"""Files by the names of their blocks and profiles."""


def artifacts(slug: str, results: Results) -> Artifacts:
    """The files of a lesson."""
    found: dict[str, dict[str, Sequence[Artifact]]] = {}
    for block, shown in results.blocks.items():
        for one in shown:
            outputs = one.recording.outputs if one.recording else ()
            if files := list(filter(None, made(slug, block, one.profile.name, outputs))):
                found.setdefault(block, {})[one.profile.name] = files
    return found
