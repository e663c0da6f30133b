"""Weights on disk, read one tensor at a time.

A file is opened anew for every tensor: what has been read of a mapped file counts as memory of the
process until the file is closed, and would double that of a model.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

# In the order of preference, as `transformers` writes and wrote them.
NAMES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)

PICKLED = (".bin", ".pt", ".pth")
SUFFIXES = (".safetensors", *PICKLED)


@dataclass(frozen=True)
class Stored:
    """Named weights: their shapes, and how to read one."""

    where: str
    shapes: dict[str, tuple[int, ...]]
    read: Callable[[str], Tensor]


def in_memory(
    weights: Mapping[str, Tensor], where: str = "the state dict"
) -> Stored:
    """Weights that a state dict holds."""
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    return Stored(where, shapes, weights.__getitem__)


def on_disk(path: Path, locate: Callable[[str], Path] | None = None) -> Stored:
    """Weights in a file, or in those that an index names, which `locate` finds.

    Raises ValueError for a file that is damaged or of no known kind.
    """
    if path.name.endswith(".index.json"):
        find = locate or path.parent.joinpath
        index = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
        parts = [_one_file(find(name)) for name in sorted(set(index.values()))]
        read = {name: part.read for part in parts for name in part.shapes}
        shapes = {name: s for part in parts for name, s in part.shapes.items()}
        return Stored(path.name, shapes, lambda name: read[name](name))
    return _one_file(path)


def _one_file(path: Path) -> Stored:
    if path.suffix == ".safetensors":
        return _safetensors(path)
    if path.suffix in PICKLED:
        return _pickled(path)
    raise ValueError(f"{path} is no weight file; known are {', '.join(SUFFIXES)}")


def _safetensors(path: Path) -> Stored:
    def read(name: str) -> Tensor:
        with _damage_named(path), safe_open(path, "pt") as file:
            return file.get_tensor(name)

    with _damage_named(path), safe_open(path, "pt") as file:
        names = file.keys()
        shapes = {n: tuple(file.get_slice(n).get_shape()) for n in names}
    return Stored(path.name, shapes, read)


def _pickled(path: Path) -> Stored:
    def weights() -> dict[str, Tensor]:
        with _damage_named(path):
            return torch.load(
                path, map_location="cpu", mmap=True, weights_only=True
            )

    shapes = {name: tuple(weight.shape) for name, weight in weights().items()}
    return Stored(path.name, shapes, lambda name: weights()[name])


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing") from None
    except (
        SafetensorError,
        RuntimeError,
        EOFError,
        pickle.UnpicklingError,
    ) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{path} is damaged or cut short ({reason}); fetch it again"
        ) from error
