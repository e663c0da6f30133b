"""The command as a program: `lessonsite`, `python -m sitegen` and `python build_site.py`."""

from __future__ import annotations

import sys
from pathlib import Path


def run() -> int:
    """The command; where it can't run, or what it lacks, is told in a line."""
    if sys.platform == "win32":
        print(
            "lessonsite runs on Linux and macOS; on Windows call it within WSL "
            "(wsl --install, then pip install it there)",
            file=sys.stderr,
        )
        return 2
    try:
        from sitegen.cli import main

        return main()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "sitegen":
            raise
        said = f"{error.name} is not installed, and the generator needs it"
        print(
            f"{said}: install it with its dependencies: python -m pip install {_source()}",
            file=sys.stderr,
        )
        return 2


def _source() -> str:
    """What pip is to be given: the checkout that this is, or the package's name."""
    folder = Path(__file__).resolve().parents[1]
    return str(folder) if (folder / "pyproject.toml").is_file() else "lessonsite"


if __name__ == "__main__":
    sys.exit(run())
