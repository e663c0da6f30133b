"""Where weights come from: a file, a folder or the hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gptcore.pretrained.files import NAMES, SUFFIXES, Stored, on_disk, read_json
from gptcore.pretrained.their_config import config_from


def open_source(source: str | Path) -> tuple[Stored, dict[str, Any] | None]:
    """The weights, unread, and the contents of config.json, which a single file may lack.

    Raises FileNotFoundError or ConnectionError for what is not to be had, ValueError for a file
    that is damaged or of no known kind.
    """
    path = Path(source)
    if path.is_file():
        found, beside = on_disk(path), path.with_name("config.json")
        described = found.own is None and beside.is_file()
        return found, read_json(beside) if described else None
    if path.is_dir():
        settings = path / "config.json"
        if (path / "adapter_config.json").is_file() and not settings.is_file():
            raise ValueError(
                f"{path} holds an adapter and not the model that it changes; merge the two, and "
                "load what comes out"
            )
        if not settings.is_file():
            raise FileNotFoundError(
                f"{path} has no config.json; is it a model's folder?"
            )
        kept = (path / name for name in NAMES)
        weights = next((file for file in kept if file.is_file()), None)
        if weights is None:
            raise FileNotFoundError(f"{path} has none of {', '.join(NAMES)}")
        return on_disk(weights), read_json(settings)
    if path.suffix in SUFFIXES:
        raise FileNotFoundError(f"{path} is missing")
    return _open_hub(str(source))


def is_checkpoint(source: str | Path) -> bool:
    """Whether a source is a file that holds its config itself, as `gptcore.train` writes it."""
    path = Path(source)
    return path.is_file() and on_disk(path).own is not None


def fetch_beside(source: str | Path, name: str) -> Path | None:
    """A file that came with a model: in its folder, or on the hub; None if there is none."""
    path = Path(source)
    if path.exists() or path.suffix in SUFFIXES:
        found = path / name if path.is_dir() else path.with_name(name)
        if path.name == name:
            return path
        return found if os.path.lexists(found) else None  # a dead link is a fault
    try:
        return _fetch(str(source), name)
    except ConnectionError:  # what is in the cache was enough so far
        return None


def _open_hub(name: str) -> tuple[Stored, dict[str, Any]]:
    settings = read_json(_required(name, "config.json"))
    config_from(settings, name)  # before anything large is downloaded
    fetched = (_fetch(name, file) for file in NAMES)
    weights = next((path for path in fetched if path is not None), None)
    if weights is None:
        raise FileNotFoundError(f"{name} on the hub has none of {', '.join(NAMES)}")
    return on_disk(weights, lambda shard: _required(name, shard)), settings


def _required(source: str, name: str) -> Path:
    path = _fetch(source, name)
    if path is None:
        raise FileNotFoundError(f"{source} on the hub has no {name}")
    return path


def _fetch(source: str, name: str) -> Path | None:
    """A file of a model on the hub, through `transformers` and its cache; None if it lacks it."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )
    from transformers.utils import cached_file

    try:
        path = cached_file(source, name)
    except OSError as error:
        match error.__cause__:
            case LocalEntryNotFoundError():
                raise ConnectionError(
                    f"{source} is not in the cache, and the hub is out of reach; connect once, "
                    "or pass a folder that holds config.json and model.safetensors"
                ) from error
            case RepositoryNotFoundError() | HFValidationError():
                raise FileNotFoundError(
                    f"{source} is no folder, no file and no model on the hub; "
                    'the published ones are "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"'
                ) from error
            case EntryNotFoundError():
                return None
        raise
    return None if path is None else Path(path)
