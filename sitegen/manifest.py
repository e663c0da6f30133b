"""The list of the files that a site consists of, as the last build left them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from sitegen.files import write_if_changed

MANIFEST = ".files.json"
"""What the last build wrote, each file with its digest. It says that a folder is the generator's,
and what in it may be replaced and taken away. While a build writes, a file has two digests, of
what it was and of what it will be."""
HOME = "index.html"
"""The page that every whole site has."""


def intact(output: Path) -> bool:
    """Whether the folder holds just what the last build wrote."""
    digests = read_manifest(output) or {}
    return HOME in digests and all(
        is_one_of(output / name, [digest]) for name, digest in digests.items()
    )


def read_manifest(output: Path) -> dict[str, str] | None:
    """What the last build wrote, by the path in the site; None where no list says so."""
    try:
        digests = json.loads((output / MANIFEST).read_text(encoding="utf-8")).items()
        if not all(re.fullmatch("[0-9a-f]{16}( [0-9a-f]{16})*", digest) for _, digest in digests):
            return None
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return None
    # Whoever edited the list must not have other files removed.
    return {name: digest for name, digest in digests if _is_below(PurePosixPath(name))}


def write_manifest(output: Path, digests: Mapping[str, str]) -> None:
    """Note what a build wrote, given digests by the path in the site."""
    write_if_changed(output / MANIFEST, manifest_text(digests))


def manifest_text(digests: Mapping[str, str]) -> str:
    """The list as it is written."""
    return json.dumps(digests, indent=0, sort_keys=True) + "\n"


def digests_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """What the list says of files."""
    return {name: _digest(content) for name, content in files.items()}


def is_one_of(path: Path, digests: Sequence[str]) -> bool:
    """Whether there is a file, and no link to one, with one of these digests."""
    return not path.is_symlink() and path.is_file() and _digest(path.read_bytes()) in digests


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _is_below(path: PurePosixPath) -> bool:
    return not path.is_absolute() and ".." not in path.parts
