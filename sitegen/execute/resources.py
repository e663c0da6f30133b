"""What a block may need and a machine may lack.

The generator knows of `gpu`. Of anything else it asks the followed packages: a module
`PACKAGE.resources` with a function `available(name) -> bool` answers for what it names.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from collections.abc import Sequence


def available(name: str, packages: Sequence[str]) -> bool:
    """Whether this machine has the resource; one that no package knows is not there.

    Raises whatever the author's code does.
    """
    if name == "gpu":
        return _has_gpu()
    for package in packages:
        path = f"{package}.resources"
        try:
            module = importlib.import_module(path)
        except ModuleNotFoundError as error:
            if error.name not in (package, path):
                raise
            continue
        if module.available(name):
            return True
    return False


def lacking(names: Sequence[str], packages: Sequence[str]) -> tuple[str, ...]:
    """Those that this machine has not; one that can't be told of is not among them."""
    found = []
    for name in names:
        with contextlib.suppress(Exception):
            if not available(name, packages):
                found.append(name)
    return tuple(found)


def _has_gpu() -> bool:
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()
