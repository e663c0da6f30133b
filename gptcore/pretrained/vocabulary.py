"""The tokenizer of a model: its own where it brings one, else the one that its size tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer as Trained
from tokenizers.implementations import ByteLevelBPETokenizer

from gptcore.files import why_unreadable
from gptcore.pretrained.files import check_whole, read_json
from gptcore.pretrained.source import fetch_beside, is_checkpoint
from gptcore.tokenizer import (
    END_OF_TEXT,
    Tokenizer,
    byte_tokenizer,
    gpt2_tokenizer,
)

HALVES = ("vocab.json", "merges.txt")
OTHERS = ("vocab.txt", "spiece.model", "tokenizer.model")
NAMING = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
"""The files that say of the older two which ids are whole words besides, as <|user|>."""

PADDING = 512
"""Below so many ids beyond the tokenizer's are padding, which makes products faster."""


class OwnTokenizer:
    """A trained tokenizer from a file, as generation and the command use one."""

    def __init__(self, name: str, trained: Trained) -> None:
        trained.no_truncation()  # both are set by a call of `transformers`, and saved
        trained.no_padding()
        self.name = name
        self._trained = trained
        self.n_vocab = 1 + max(trained.get_vocab().values(), default=-1)

    def encode(self, text: str, /) -> list[int]:
        """The ids of a text, and none that the file would put around it.

        Raises ValueError for a text that it has no ids for.
        """
        try:
            return list(self._trained.encode(text, add_special_tokens=False).ids)
        except Exception as error:  # the library raises nothing narrower
            raise ValueError(
                f"{self.name} can't encode the text: {why_unreadable(error)}"
            ) from None

    def decode(self, tokens: list[int], /) -> str:
        """The text of ids, special ones included."""
        return str(self._trained.decode(tokens, skip_special_tokens=False))


def tokenizer_of(
    source: str | Path, vocab_size: int, named: str | Path | None = None
) -> Tokenizer:
    """The tokenizer for a model from `source`, or the one in a file or folder that is named.

    In a folder it is tokenizer.json, or vocab.json and merges.txt. A checkpoint, and a folder
    without any tokenizer, have GPT-2's, or bytes, if `vocab_size` is theirs, or padded beyond.
    Raises ValueError for a tokenizer of another model, of another kind or none, FileNotFoundError
    for one that is not to be had.
    """
    if named is not None:
        return _checked(_named(named), vocab_size)
    if not is_checkpoint(source):  # what lies beside one is of something else
        own = _own(source)
        if own is not None:
            return _checked(own, vocab_size)
        _check_no_other(source)
    known: tuple[tuple[int, Callable[[], Tokenizer]], ...] = (
        (50257, gpt2_tokenizer),
        (257, byte_tokenizer),
    )
    for size, make in known:
        if size <= vocab_size < size + PADDING:
            return make()
    raise ValueError(
        f"{source} has a vocabulary of {vocab_size} and brings no tokenizer; GPT-2's has 50257 ids "
        "and bytes have 257, so what its ids mean is unknown: name a tokenizer"
    )


def _named(named: str | Path) -> OwnTokenizer:
    path = Path(named)
    if path.is_file() and path.name not in HALVES:
        return _read(Trained.from_file, path)
    own = _own(named)
    if own is None:
        raise FileNotFoundError(
            f"{named} has no tokenizer.json, and no vocab.json with merges.txt"
        )
    return own


def _own(source: str | Path) -> OwnTokenizer | None:
    whole = fetch_beside(source, "tokenizer.json")
    if whole is not None:
        return _read(Trained.from_file, whole)
    halves = [fetch_beside(source, name) for name in HALVES]
    folder = next((half.parent for half in halves if half is not None), None)
    if folder is None:
        return None
    for name in NAMING:  # from the hub they come into the same folder
        fetch_beside(source, name)
    return _read(_from_two_files, *(folder / name for name in HALVES))


def _check_no_other(source: str | Path) -> None:
    """Refuse, by ValueError, a source that brings a tokenizer of a kind that is not read here."""
    others = [name for name in OTHERS if fetch_beside(source, name) is not None]
    settings = fetch_beside(source, "tokenizer_config.json")
    kind = read_json(settings).get("tokenizer_class") if settings else None
    if kind not in (None, "GPT2Tokenizer", "GPT2TokenizerFast"):
        others.append(f"a {kind}")
    if others:
        raise ValueError(
            f"{source} brings a tokenizer that is not read here, {', '.join(others)}; "
            "name its tokenizer.json"
        )


def _from_two_files(vocab: str, merges: str) -> Trained:
    """The tokenizer of vocab.json and merges.txt, with the whole words that are named beside."""
    from transformers import PreTrainedTokenizerFast

    bare = ByteLevelBPETokenizer(vocab, merges)
    trained = PreTrainedTokenizerFast.from_pretrained(
        str(Path(vocab).parent), tokenizer_object=Trained.from_str(bare.to_str())
    ).backend_tokenizer
    if trained.token_to_id(END_OF_TEXT) is not None:  # GPT-2's own is named nowhere
        trained.add_special_tokens([END_OF_TEXT])
    return trained


def _read(read: Callable[..., Trained], *paths: Path) -> OwnTokenizer:
    for path in paths:
        check_whole(path)
    name = " with ".join(map(str, paths))
    try:
        return OwnTokenizer(name, read(*map(str, paths)))
    except Exception as error:  # the library raises nothing narrower
        reason = why_unreadable(error)
        raise ValueError(f"{name} is no tokenizer: {reason}") from None


def _checked(tokenizer: Tokenizer, vocab_size: int) -> Tokenizer:
    if not vocab_size - PADDING < tokenizer.n_vocab <= vocab_size:
        raise ValueError(
            f"{tokenizer.name} has {tokenizer.n_vocab} ids and the model {vocab_size}: "
            "it is the tokenizer of another"
        )
    return tokenizer
