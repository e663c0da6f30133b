"""The hashes of things in the followed packages, from one build to the next.

To read the packages takes longer than all else that a build with little to do does. A file keeps
what was asked for, by a hash of the packages' files and of the code that makes the hashes; what is
missing, or not what was written, is made again.
"""

from __future__ import annotations

import contextlib
import json
from functools import cache
from pathlib import Path

from sitegen.errors import SiteError
from sitegen.files import unseen_folder, write_if_changed
from sitegen.parse import tokens
from sitegen.parse.tokens import short_hash
from sitegen.trace.program import Program

_FILE = "program.json"
_MAKERS = ("program.py", "text.py")


def recall(folder: Path, program: Program) -> None:
    """Let a program know the hashes that are kept of just what it is now."""
    with contextlib.suppress(OSError, LookupError, ValueError, TypeError, AttributeError):
        kept = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        if kept["of"] == _key(program):
            program.hashes.update({str(thing): str(hash_) for thing, hash_ in kept["is"].items()})


def keep(folder: Path, program: Program) -> None:
    """Keep the hashes that were asked for, unless an edit meanwhile is in some of them."""
    if Program(program.root, program.packages).digest != program.digest:
        return
    content = json.dumps({"of": _key(program), "is": program.hashes})
    with contextlib.suppress(SiteError):  # a cache that can't be written is none
        write_if_changed(unseen_folder(folder) / _FILE, content)


def _key(program: Program) -> str:
    return short_hash([_analysis(), program.digest, *program.packages])


@cache
def _analysis() -> str:
    files = [*map(Path(__file__).with_name, _MAKERS), Path(tokens.__file__)]
    return short_hash(file.read_text(encoding="utf-8") for file in files)
