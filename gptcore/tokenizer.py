"""From text to ids and back, by tiktoken at both scales."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import tiktoken
import torch

END_OF_TEXT = "<|endoftext|>"

# tiktoken asks the environment for the folder of its files, whenever it is called.
_folder = Path(os.environ.get("GPTCORE_DATA", "/nowhere"), "tiktoken")
if _folder.is_dir():
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(_folder))


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

    Its two files come from `$TIKTOKEN_CACHE_DIR`; where that was not set as this module was
    imported, from `$GPTCORE_DATA/tiktoken` if there is such a folder, else from tiktoken's own
    cache. What is not there is downloaded into it. Raises FileNotFoundError if that fails.
    """
    try:
        return tiktoken.get_encoding("gpt2")
    except OSError as error:  # requests' errors are OSErrors
        raise FileNotFoundError(
            "GPT-2's tokenizer is not on this machine and could not be downloaded; connect once, "
            "or point GPTCORE_DATA at a folder that holds tiktoken/"
        ) from error


def decode(tokenizer: Tokenizer, ids: Iterable[int] | torch.Tensor) -> str:
    """The text of a row of ids; bytes that are no UTF-8 become U+FFFD.

    Raises ValueError for an id that the tokenizer lacks, as a padded vocabulary may produce.
    """
    row = [int(id_) for id_ in ids]
    unknown = [id_ for id_ in row if not 0 <= id_ < tokenizer.n_vocab]
    if unknown:
        raise ValueError(
            f"id {unknown[0]} is not in tokenizer {tokenizer.name!r}, which has 0 to "
            f"{tokenizer.n_vocab - 1}; give the model the same vocab_size"
        )
    return tokenizer.decode(row)
