"""Builds the course in the folder it is called from: `python build_site.py --help`."""

import sys

from sitegen.__main__ import run

if __name__ == "__main__":
    sys.exit(run())
