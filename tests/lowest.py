"""Prints the lowest version of everything that the project depends on, as constraints for pip.

`make lowest` installs them and runs the tests. torch is left out: of its CPU builds, the one that
the newest version of Python finds is taken.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def main() -> None:
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    for line in [*project["dependencies"], *project["optional-dependencies"]["gpt"]]:
        found = re.fullmatch(r"([\w-]+)>=([\d.]+),<[\d.]+", line)
        assert found, f"{line}: a dependency is to have a lowest and a highest version"
        name, version = found.groups()
        if name != "torch":
            print(f"{name}=={version}")


if __name__ == "__main__":
    main()
