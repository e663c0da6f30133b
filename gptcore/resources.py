"""What lessons may need and a machine may lack, asked for by name."""

from __future__ import annotations

import hashlib
import os
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO

from rich.progress import Progress

from gptcore.tokenizer import gpt2_tokenizer


@dataclass(frozen=True)
class File:
    """A public file, known by its content."""

    name: str
    url: str
    sha256: str


TINYSHAKESPEARE = File(
    "tinyshakespeare.txt",
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)


def available(name: str) -> bool:
    """Whether this machine has the resource `name`, or, for a vocabulary, can fetch it."""
    if name == "gpt2-bpe":
        try:
            gpt2_tokenizer()
        except (OSError, RuntimeError, ValueError):
            return False
        return True
    if name == "gpt2-weights":
        return _has_weights()
    return name == "tinyshakespeare" and find(TINYSHAKESPEARE) is not None


def _has_weights() -> bool:
    """Whether GPT-2's weights are in the hub's cache; they are never downloaded unasked."""
    from transformers.utils import cached_file

    try:
        return (
            cached_file("gpt2", "model.safetensors", local_files_only=True)
            is not None
        )
    except OSError:
        return False


def find(file: File) -> Path | None:
    """Where the file lies: in `$GPTCORE_DATA` or in the user's cache folder, if in either."""
    paths = (folder / file.name for folder in places())
    return next((path for path in paths if path.is_file()), None)


def places() -> list[Path]:
    """The folders in which files are looked for, in turn."""
    data = os.environ.get("GPTCORE_DATA")
    return ([Path(data)] if data else []) + [cache_folder()]


def fetch(file: File) -> Path:
    """The path of the file, which is downloaded where this machine does not have it.

    Raises ConnectionError where it can't be had, ValueError if its content is another.
    """
    path = find(file)
    if path is None:
        path = cache_folder() / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        _download(file, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != file.sha256:
        raise ValueError(
            f"{path} is not {file.name}: its SHA-256 begins with {digest[:8]}, not "
            f"{file.sha256[:8]}; delete it, and it is downloaded again"
        )
    return path


def cache_folder() -> Path:
    """The folder for downloads, in the user's cache."""
    return (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gptcore"
    )


def _download(file: File, path: Path) -> None:
    """Write the file when all of it has come, or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with part.open("wb") as target:
            _receive(file, target)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _receive(file: File, target: IO[bytes]) -> None:
    """Raises ConnectionError if not all of it comes."""
    try:
        with (
            urllib.request.urlopen(file.url, timeout=30) as answer,
            Progress() as bar,
        ):
            size = int(answer.headers.get("Content-Length", 0)) or None
            task = bar.add_task(file.name, total=size)
            while block := answer.read(1 << 16):
                target.write(block)
                bar.update(task, advance=len(block))
        if size is not None and target.tell() != size:
            raise OSError(f"{target.tell():,} of {size:,} bytes came")
    except (OSError, HTTPException) as error:  # urllib's own are OSErrors
        tried = " or ".join(map(str, places()))
        raise ConnectionError(
            f"{file.name} is not in {tried}, and cannot be downloaded from {file.url}: {error}; "
            "connect, or put it into a folder and name that in GPTCORE_DATA"
        ) from None
