"""From text to ids and back, by tiktoken at both scales."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import tiktoken
import torch

from gptcore.checks import whole_number

END_OF_TEXT = "<|endoftext|>"

GPT2_FILES = {
    "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/vocab.bpe": (
        "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"
    ),
    "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/encoder.json": (
        "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783"
    ),
}
"""Where the files of GPT-2's vocabulary are published, and the SHA-256 of each."""


class Tokenizer(Protocol):
    """What turns a text into ids from 0 to below `n_vocab`, and back: as tiktoken does."""

    @property
    def name(self) -> str: ...

    @property
    def n_vocab(self) -> int: ...

    def encode(self, text: str, /) -> list[int]: ...

    def decode(self, tokens: list[int], /) -> str: ...


def byte_tokenizer() -> tiktoken.Encoding:
    """Each byte of UTF-8 is its own id, 256 is end of text: works for any text, offline."""
    return tiktoken.Encoding(
        name="bytes",
        pat_str=r"(?s).",  # no merge crosses a character, and there are none within
        mergeable_ranks={bytes([byte]): byte for byte in range(256)},
        special_tokens={END_OF_TEXT: 256},
        explicit_n_vocab=257,
    )


def gpt2_tokenizer() -> tiktoken.Encoding:
    """GPT-2's byte-pair encoding, 50,257 ids.

    Its two files come from the first of `vocabulary_places` that holds both. Where none does,
    tiktoken downloads them into its own cache. Raises FileNotFoundError if that fails.
    """
    places = vocabulary_places()
    found = next((folder for folder in places if holds_vocabulary(folder)), None)
    try:
        with _cache_of_tiktoken(found):
            return tiktoken.get_encoding("gpt2")
    # requests' errors are OSErrors; the other is of what came, which was something else.
    except (OSError, ValueError) as error:
        tried = ", ".join(f"{folder} ({why})" for folder, why in places.items())
        host = next(iter(GPT2_FILES)).split("/")[2]
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise FileNotFoundError(
            f"GPT-2's vocabulary is not whole in {tried}, and can't be downloaded from {host} "
            f"({reason}); connect once, or point GPTCORE_DATA at a folder that holds tiktoken/"
        ) from error


def vocabulary_places() -> dict[Path, str]:
    """The folders that may hold GPT-2's vocabulary, in turn, and what names each."""
    settings = {
        "TIKTOKEN_CACHE_DIR": Path(),
        "DATA_GYM_CACHE_DIR": Path(),
        "GPTCORE_DATA": Path("tiktoken"),
    }
    places = {
        Path(folder, within): name
        for name, within in settings.items()
        if (folder := os.environ.get(name))
    }
    return places | {
        Path(tempfile.gettempdir(), "data-gym-cache"): "tiktoken's own"
    }


def holds_vocabulary(folder: Path) -> bool:
    """Whether both files are there and whole, as tiktoken keeps them: by their addresses."""
    try:
        return all(
            hashlib.sha256((folder / cached_name(url)).read_bytes()).hexdigest()
            == digest
            for url, digest in GPT2_FILES.items()
        )
    except OSError:
        return False


def cached_name(url: str) -> str:
    """What tiktoken calls a file in its cache."""
    return hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest()


@contextmanager
def _cache_of_tiktoken(folder: Path | None) -> Iterator[None]:
    """Let tiktoken read from a folder; it asks the environment whenever it is called."""
    before = os.environ.get("TIKTOKEN_CACHE_DIR")
    if folder is not None:
        os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    try:
        yield
    finally:
        if before is not None:
            os.environ["TIKTOKEN_CACHE_DIR"] = before
        elif folder is not None:
            del os.environ["TIKTOKEN_CACHE_DIR"]


def decode(tokenizer: Tokenizer, ids: Iterable[int] | torch.Tensor) -> str:
    """The text of a row of ids; bytes that are no UTF-8 become U+FFFD.

    Raises ValueError for an id that the tokenizer lacks, as a padded vocabulary may produce,
    TypeError for what is no row of ids.
    """
    row = [whole_number("id", id_) for id_ in ids]
    unknown = [id_ for id_ in row if not 0 <= id_ < tokenizer.n_vocab]
    if unknown:
        raise ValueError(
            f"id {unknown[0]} is not in tokenizer {tokenizer.name!r}, which has 0 to "
            f"{tokenizer.n_vocab - 1}; give the model the same vocab_size"
        )
    return tokenizer.decode(row)
