"""The list of the files that a site consists of, as the last build left them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from sitegen.files import write_if_changed

MANIFEST = ".files.json"
"""What the last build wrote, so that this one takes away what is no longer wanted."""


def intact(output: Path) -> bool:
    """Whether the folder holds just what the last build wrote."""
    digests = read_manifest(output)
    return bool(digests) and all(
        path.is_file() and digest_of(path.read_bytes()) == digest
        for path, digest in ((output / name, digest) for name, digest in digests.items())
    )


def read_manifest(output: Path) -> dict[str, str]:
    """What the last build wrote, by the path in the site."""
    try:
        digests = json.loads((output / MANIFEST).read_text(encoding="utf-8")).items()
    except (OSError, ValueError, AttributeError):
        return {}
    # Whoever edited the manifest must not have other files removed.
    root = output.resolve()
    return {
        name: digest for name, digest in digests if (output / name).resolve().is_relative_to(root)
    }


def write_manifest(output: Path, digests: Mapping[str, str]) -> None:
    """Note what a build wrote, given digests by the path in the site."""
    text = json.dumps(digests, indent=0, sort_keys=True)
    write_if_changed(output / MANIFEST, text + "\n")


def digest_of(content: bytes) -> str:
    """What the manifest says of a file."""
    return hashlib.sha256(content).hexdigest()[:16]
