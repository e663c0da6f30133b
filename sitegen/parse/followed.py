"""The files of the packages that are followed, found without reading any."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def followed_files(root: Path, packages: Iterable[str]) -> list[Path]:
    """Every file of the packages, relative to the root, but for what tools leave there."""
    found = []
    for package in packages:
        base = root / package
        found.extend([base.with_suffix(".py"), *base.rglob("*")])
    paths = (path.relative_to(root) for path in found if path.is_file())
    return sorted(path for path in paths if not _is_litter(path))


def _is_litter(path: Path) -> bool:
    return path.suffix == ".pyc" or any(part.startswith(".") for part in path.parts)
