"""Builds the course in the folder it is called from: `python build_site.py --help`."""

import sys
from pathlib import Path


def run() -> int:
    """The command; what it needs and is not installed is told, whenever it is missed."""
    try:
        from sitegen.cli import main

        return main()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "sitegen":
            raise
        needed = Path(__file__).parent / "docs" / "adopting" / "requirements.txt"
        print(f"{error.name} is not installed: python -m pip install -r {needed}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(run())
