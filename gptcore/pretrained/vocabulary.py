"""The tokenizer of a model: its own where it brings one, else the one that its size tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer as Trained
from tokenizers.implementations import ByteLevelBPETokenizer

from gptcore.pretrained.files import check_whole
from gptcore.pretrained.source import fetch_beside
from gptcore.tokenizer import Tokenizer, byte_tokenizer, gpt2_tokenizer

PADDING = 512
"""Below so many ids beyond the tokenizer's are padding, which makes products faster."""


class OwnTokenizer:
    """A trained tokenizer from a file, as generation and the command use one."""

    def __init__(self, name: str, trained: Trained | ByteLevelBPETokenizer) -> None:
        self.name = name
        self._trained = trained
        self.n_vocab = 1 + max(trained.get_vocab().values(), default=-1)

    def encode(self, text: str, /) -> list[int]:
        """The ids of a text, and none that the file would put around it."""
        return list(self._trained.encode(text, add_special_tokens=False).ids)

    def decode(self, tokens: list[int], /) -> str:
        """The text of ids, special ones included."""
        return str(self._trained.decode(tokens, skip_special_tokens=False))


def tokenizer_of(
    source: str | Path, vocab_size: int, named: str | Path | None = None
) -> Tokenizer:
    """The tokenizer for a model from `source`, or the one in a file or folder that is named.

    In a folder it is tokenizer.json, or vocab.json and merges.txt. Without one it is GPT-2's, or
    bytes, if `vocab_size` is theirs, or padded beyond. Raises ValueError for a tokenizer of
    another model or none, FileNotFoundError for one that is not to be had.
    """
    if named is not None and Path(named).is_file() and not _is_half(named):
        return _checked(_trained(Path(named)), vocab_size)
    own = _own(named if named is not None else source)
    if own is not None:
        return _checked(own, vocab_size)
    if named is not None:
        raise FileNotFoundError(
            f"{named} has no tokenizer.json, and no vocab.json with merges.txt"
        )
    known: tuple[tuple[int, Callable[[], Tokenizer]], ...] = (
        (50257, gpt2_tokenizer),
        (257, byte_tokenizer),
    )
    for size, make in known:
        if size <= vocab_size < size + PADDING:
            return make()
    raise ValueError(
        f"{source} has a vocabulary of {vocab_size} and no tokenizer.json beside it; GPT-2's has "
        "50257 ids and bytes have 257, so what its ids mean is unknown: name a tokenizer"
    )


def _is_half(named: str | Path) -> bool:
    return Path(named).name in ("vocab.json", "merges.txt")


def _own(source: str | Path) -> OwnTokenizer | None:
    whole = fetch_beside(source, "tokenizer.json")
    if whole is not None:
        return _trained(whole)
    parts = [fetch_beside(source, name) for name in ("vocab.json", "merges.txt")]
    if None in parts:
        return None
    vocab, merges = map(str, parts)
    try:
        return OwnTokenizer(vocab, ByteLevelBPETokenizer(vocab, merges))
    except Exception as error:
        raise ValueError(
            f"{vocab} and {merges} are no tokenizer: {error}"
        ) from None


def _trained(path: Path) -> OwnTokenizer:
    check_whole(path)
    try:
        return OwnTokenizer(str(path), Trained.from_file(str(path)))
    except Exception as error:  # the library raises nothing narrower
        raise ValueError(f"{path} is no tokenizer: {error}") from None


def _checked(tokenizer: Tokenizer, vocab_size: int) -> Tokenizer:
    if not vocab_size - PADDING < tokenizer.n_vocab <= vocab_size:
        raise ValueError(
            f"{tokenizer.name} has {tokenizer.n_vocab} ids and the model {vocab_size}: "
            "it is the tokenizer of another"
        )
    return tokenizer
