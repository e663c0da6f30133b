"""Weights on disk, read one tensor at a time.

A file is opened anew for every tensor: what has been read of a mapped file counts as memory of the
process until the file is closed, and would double that of a model.
"""

from __future__ import annotations

import json
import pickle
import re
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from gptcore.config import GPTConfig
from gptcore.files import why_unreadable

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
    own: GPTConfig | None = None
    """The config, if the weights are in our own layout, as in a checkpoint."""


def in_memory(weights: Mapping[str, Any], where: str = "the state dict") -> Stored:
    """Weights that a state dict holds, or a checkpoint of ours or of nanoGPT.

    Raises ValueError for what is neither, and says where in it the weights are.
    """
    if isinstance(weights, nn.Module):
        raise ValueError(f"{where} is a whole model; pass its state_dict()")
    config = _config_in(weights)
    if config is not None:
        return replace(in_memory(weights["model"], where), own=config)
    if not _is_state_dict(weights):
        entries = weights.items() if isinstance(weights, Mapping) else ()
        inside = [key for key, value in entries if _is_state_dict(value) and value]
        hint = f"; its {inside[0]!r} is one: take that alone" if inside else ""
        raise ValueError(f"{where} is no state dict, a tensor for each name{hint}")
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    return Stored(where, shapes, weights.__getitem__)


def _config_in(found: object) -> GPTConfig | None:
    """The config that a checkpoint holds beside the weights, ours or nanoGPT's."""
    if not isinstance(found, Mapping) or not _is_state_dict(found.get("model")):
        return None
    names = {field.name for field in fields(GPTConfig)}
    for place in ("model_args", "config"):
        sizes = found.get(place)
        if isinstance(sizes, Mapping) and names - {"dropout", "bias"} <= set(sizes):
            return GPTConfig(**{n: sizes[n] for n in names if n in sizes})
    return None


def _is_state_dict(found: object) -> bool:
    return isinstance(found, Mapping) and all(
        isinstance(name, str) and isinstance(weight, Tensor)
        for name, weight in found.items()
    )


def on_disk(path: Path, locate: Callable[[str], Path] | None = None) -> Stored:
    """Weights in a file, or in those that an index names, which `locate` finds.

    Raises ValueError for a file that is damaged or of no known kind.
    """
    if path.name.endswith(".index.json"):
        find = locate or path.parent.joinpath
        parts = [_one_file(find(name)) for name in _named_in(path)]
        read = {name: part.read for part in parts for name in part.shapes}
        shapes = {name: s for part in parts for name, s in part.shapes.items()}
        return Stored(path.name, shapes, lambda name: read[name](name))
    return _one_file(path)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises ValueError if it holds anything else."""
    check_whole(path)
    try:
        # Some editors begin a file with a mark that it is UTF-8.
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} is no JSON object, {{...}}")
    return found


def _named_in(index: Path) -> list[str]:
    """The files that an index names, each once."""
    files = read_json(index).get("weight_map")
    if not isinstance(files, dict) or not all(
        isinstance(name, str) for name in files.values()
    ):
        raise ValueError(f"{index} has no weight_map with the file of each weight")
    return sorted(set(files.values()))


def check_whole(path: Path) -> bytes:
    """The start of a file; refuse, by ValueError, one that holds something else than it is named.

    Raises FileNotFoundError if it is missing.
    """
    try:
        with path.open("rb") as file:
            start = file.read(200)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing") from None
    except IsADirectoryError:
        raise ValueError(f"{path} is a folder; put the file in its place") from None
    found = {
        "a pointer of git-lfs; get the file itself by `git lfs pull`": start.startswith(
            b"version https://git-lfs"
        ),
        "empty; fetch it again": not start,
        "a web page; fetch the file that it shows": start.lstrip()[:5].lower()
        in (b"<!doc", b"<html"),
        "in the format of safetensors; name it .safetensors": path.suffix in PICKLED
        and _suffix_for(start) == ".safetensors",
        "in torch's format; name it .pt": path.suffix == ".safetensors"
        and _suffix_for(start) == ".pt",
    }
    wrong = next((what for what, true in found.items() if true), None)
    if wrong:
        raise ValueError(f"{path} is {wrong}")
    return start


def _suffix_for(start: bytes) -> str | None:
    """The suffix for the format that a file has by its first bytes, if it is a known one."""
    if start[8:10] in (b'{"', b"{ "):
        return ".safetensors"
    return ".pt" if start[:2] in (b"PK", b"\x80\x02") else None


def _one_file(path: Path) -> Stored:
    start = check_whole(path)
    suffix = path.suffix if path.suffix in SUFFIXES else _suffix_for(start)
    if suffix == ".safetensors":
        return _safetensors(path)
    if suffix in PICKLED:
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
    mapped = zipfile.is_zipfile(path)  # what torch wrote before 1.6 is no zip file

    def content() -> Any:
        with _damage_named(path):
            return torch.load(
                path, map_location="cpu", mmap=mapped, weights_only=True
            )

    def read(name: str) -> Tensor:
        return in_memory(content(), path.name).read(name)

    held = in_memory(content(), path.name)
    return replace(held, read=read) if mapped else held


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing") from None
    except PermissionError:
        raise
    except (  # all that cut files were seen to give
        SafetensorError,
        RuntimeError,
        OSError,
        EOFError,
        LookupError,
        pickle.UnpicklingError,
        struct.error,
    ) as error:
        # What torch refuses to unpickle, it names as GLOBAL some.module.Name.
        foreign = re.search(r"GLOBAL (\S+)", str(error))
        # Of an old pickle that was cut, the name may be what is cut.
        if foreign and zipfile.is_zipfile(path):
            raise ValueError(
                f"{path} holds a whole pickled object, with {foreign[1]} in it, and no weights "
                "alone; save model.state_dict() instead"
            ) from error
        raise ValueError(
            f"{path} is damaged or cut short ({why_unreadable(error)}); fetch it again"
        ) from error
