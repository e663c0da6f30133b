"""Paths as the author knows them, and none that tells of this machine."""

from __future__ import annotations

import os
import re
import sys


def short_path(path: str, *folders: str) -> str:
    """Relative to one of the folders, or to that which libraries are installed in."""
    for folder in (*folders, *sorted(filter(None, sys.path), key=len, reverse=True)):
        if path.startswith(folder.rstrip(os.sep) + os.sep):
            return os.path.relpath(path, folder)
    return path


def without_places(text: str) -> str:
    """Tracebacks and warnings, such as those of other processes, without this machine's paths."""

    def short(found: re.Match[str]) -> str:
        path = short_path(found[2])
        known = re.split(r"/(?:site|dist)-packages/|/lib/python3\.\d+/", path)
        if path.startswith(os.sep):
            path = known[-1] if len(known) > 1 else f"…/{os.path.basename(path)}"
        return found[1] + path + found[3]

    text = re.sub(r'(\bFile ")(/[^"\n]+)(", line \d)', short, text)
    return re.sub(r"^()(/[^\s:]+\.py)(:\d+: \w+: )", short, text, flags=re.M)
