"""Text from a model, one token at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress

import torch
from torch import Tensor

from gptcore.checks import check_ids, whole_number
from gptcore.decode import Decoder
from gptcore.language_model import LanguageModel, config_of, device_of
from gptcore.sampling import Choose, sample, sampler
from gptcore.stock import UnknownModelError, check
from gptcore.stop import Stop, Stops
from gptcore.tokenizer import Tokenizer

PIECE = 16
"""New tokens after which it is looked at what was written, and a GPU waited for."""

GRAPH_FROM = 32
"""New tokens from which on a step recorded as a CUDA graph saves more than recording costs."""


@torch.no_grad()
def generate(
    model: LanguageModel,
    idx: Tensor,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    use_cache: bool = True,
    generator: torch.Generator | None = None,
    stop: Stop = None,
    tokenizer: Tokenizer | None = None,
) -> Tensor:
    """Continue idx, (B, T), by max_new_tokens: gives (B, T + max_new_tokens), idx first.

    `temperature`, `top_k` and `top_p` are those of `sample`. A seeded generator makes the result
    repeatable. Dropout is off meanwhile; the model's mode is as before afterwards.

    A row ends with what comes first of `stop`: an id, a text, or one of several. A text needs the
    tokenizer that spells it. The result is as long as the longest row; a shorter one repeats its
    last id. With a tokenizer no id is chosen that it lacks, as in a padded vocabulary.

    With `use_cache` keys and values are kept, and each token is read once, until block_size
    tokens are reached. Positions are absolute: from there on the window slides, every token in it
    moves to another position, and it has to be read anew for each token, as without a cache. So it
    is from the beginning with a model that is not `gptcore.GPT` as it stands, but changed, wrapped
    or watched by hooks.

    Raises TypeError or ValueError for arguments that nothing can be generated from,
    FloatingPointError where the logits are no numbers.
    """
    config = config_of(model)
    max_new_tokens = check_request(config.vocab_size, idx, max_new_tokens)
    choose = sampler(temperature, top_k, top_p, generator, n_vocab(tokenizer))
    stops = Stops(stop, tokenizer, config.vocab_size)
    read: Whole | Kept = Whole(model)
    room = config.block_size - idx.shape[1]
    with eval_mode(model):
        if use_cache and max_new_tokens and room >= 0:
            length = idx.shape[1] + min(room, max_new_tokens - 1)
            with suppress(UnknownModelError):
                read = Kept(prepared(model, idx, length, max_new_tokens))
        text, _ = _write(read, idx, max_new_tokens, choose, stops)
    return text


def prepared(
    model: LanguageModel, idx: Tensor, length: int, max_new_tokens: int
) -> Decoder:
    """A decoder for a text; on a GPU, where it pays, with its step recorded as a graph."""
    batch_size = len(idx)
    if not graph_pays(idx.device, max_new_tokens):
        return Decoder(model, batch_size, length)
    # Attention's kernels like lengths that 64 divides.
    even = min(config_of(model).block_size, (length + 63) // 64 * 64)
    return Decoder(model, batch_size, even).record()


def graph_pays(device: torch.device, max_new_tokens: int) -> bool:
    """Whether so many steps are worth a CUDA graph."""
    return device.type == "cuda" and max_new_tokens >= GRAPH_FROM


class Whole:
    """Reads all that a model can see, for every token again."""

    def __init__(self, model: LanguageModel) -> None:
        self.model = model
        self.block_size = config_of(model).block_size

    def __call__(self, text: Tensor, length: int) -> Tensor:
        """The logits after the first `length` ids of each row: (B, T) -> (B, vocab_size)."""
        logits, _ = self.model(text[:, max(0, length - self.block_size) : length])
        return logits[:, -1]


class Kept:
    """Reads every token once, by a decoder, as long as the text fits into block_size.

    That the model is one that the decoder knows is seen to before, once for each text.
    """

    def __init__(self, decoder: Decoder, starts: Tensor | None = None) -> None:
        self.decoder, self.starts, self.begun = decoder, starts, False
        self.model = decoder.model
        self.whole = Whole(self.model)

    def __call__(self, text: Tensor, length: int) -> Tensor:
        """`Whole`'s, for a `length` that is one more than the last."""
        if length > self.whole.block_size:
            return self.whole(text, length)
        if self.begun:
            return self.decoder.step(text.narrow(1, length - 1, 1))
        self.begun = True
        return self.decoder.begin(text[:, :length], self.starts)


@torch.no_grad()
def generate_naive(
    model: LanguageModel, idx: Tensor, max_new_tokens: int, choose: Choose = sample
) -> Tensor:
    """Continue idx, (B, T), by max_new_tokens, reading all of it again for each.

    `choose` picks the next ids by their logits. The model is to be in eval mode.
    """
    for _ in range(max_new_tokens):
        context = idx[:, -model.config.block_size :]  # all that the model can see
        logits, _ = model(context)  # (B, T, vocab_size)
        new = choose(logits[:, -1])  # only the last token's next is unknown: (B, 1)
        idx = torch.cat((idx, new), dim=1)  # (B, T + 1)
    return idx


@torch.no_grad()
def generate_cached(
    decoder: Decoder, idx: Tensor, max_new_tokens: int, choose: Choose = sample
) -> Tensor:
    """Continue idx, (B, T), by max_new_tokens, 1 or more, reading each token once.

    For a decoder that is made, and on a GPU compiled, once and used for many prompts. Its model
    is to be in eval mode. Raises ValueError if the decoder's max_length is not enough,
    FloatingPointError where the logits are no numbers.
    """
    check(decoder.model)
    max_new_tokens = check_request(
        decoder.model.config.vocab_size, idx, max_new_tokens
    )
    text, _ = _write(Kept(decoder), idx, max_new_tokens, choose)
    return text


@torch.no_grad()
def generate_batch(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: Stop = None,
    generator: torch.Generator | None = None,
    tokenizer: Tokenizer | None = None,
) -> list[list[int]]:
    """Continue several prompts of different lengths at once: the ids of each, prompt first.

    `stop` and `tokenizer` are those of `generate`: a sequence ends with its stop, and the others go
    on. Shorter prompts are padded on the left; a model that the cache can't serve reads one after
    the other instead. At temperature 0 each gives what it would give alone; above, the rows share
    one stream of random numbers.

    Raises ValueError if the longest prompt and its continuation exceed block_size, TypeError for
    prompts that are no rows of ids, and what `generate` raises.
    """
    device = device_of(model)
    config = config_of(model)
    prompts = rows_of_ids(prompts, config.vocab_size)
    max_new_tokens = whole_number("max_new_tokens", max_new_tokens)
    longest = max(map(len, prompts), default=0)
    if not prompts or not all(prompts):
        raise ValueError(
            "prompts are to hold at least one prompt, each of at least one id"
        )
    total = longest + max_new_tokens
    if total > config.block_size:
        raise ValueError(
            f"a prompt of {longest} and {max_new_tokens} new tokens exceed block_size "
            f"{config.block_size}; ask for fewer, or use generate, whose window slides"
        )
    starts = [longest - len(prompt) for prompt in prompts]
    rows = [
        [0] * start + prompt for start, prompt in zip(starts, prompts, strict=True)
    ]
    idx = torch.tensor(rows, device=device)  # (B, longest)
    check_request(config.vocab_size, idx, max_new_tokens)
    choose = sampler(temperature, top_k, top_p, generator, n_vocab(tokenizer))
    stops = Stops(stop, tokenizer, config.vocab_size)
    read: Whole | Kept
    with eval_mode(model):
        try:
            length = max(1, total - 1)
            decoder = prepared(model, idx, length, max_new_tokens)
            read = Kept(decoder, torch.tensor(starts, device=device))
        except UnknownModelError:
            read = Whole(model)
            if any(starts):  # which it can't leave out
                alone = (
                    torch.tensor([prompt], device=device) for prompt in prompts
                )
                texts = [
                    _write(read, one, max_new_tokens, choose, stops)[0]
                    for one in alone
                ]
                return [text[0].tolist() for text in texts]
        text, new = _write(read, idx, max_new_tokens, choose, stops)
    return [
        row[start : longest + count]
        for row, start, count in zip(text.tolist(), starts, new, strict=True)
    ]


def _write(
    read: Whole | Kept,
    idx: Tensor,
    max_new_tokens: int,
    choose: Choose,
    stops: Stops | None = None,
) -> tuple[Tensor, list[int]]:
    """Continue idx, (B, T): gives the text, and how many of its new ids are each row's own.

    A GPU is waited for only now and then: what it has written is looked at in pieces.
    """
    start, pieces = idx.shape[1], PIECE if idx.is_cuda else 1
    try:
        room = idx.new_zeros(len(idx), max_new_tokens)
    except (RuntimeError, TypeError):  # the latter beyond what 64 bits count
        raise ValueError(
            f"max_new_tokens {max_new_tokens} are more than memory holds; ask for fewer"
        ) from None
    text = torch.cat((idx, room), dim=1).long()  # (B, T + max_new_tokens)
    ends: list[int | None] = [None] * len(idx)
    peaks: list[
        Tensor
    ] = []  # the largest logit of each row: no number if one isn't
    seen = 0
    # What is ours alone may do without what differentiating needs.
    with torch.inference_mode() if isinstance(read, Kept) else nullcontext():
        for count in range(1, max_new_tokens + 1):
            length = start + count - 1  # of what is there
            logits = read(text, length)  # (B, vocab_size)
            peaks.append(logits.amax(dim=-1))
            try:
                text.narrow(1, length, 1).copy_(choose(logits))
            except RuntimeError:  # which says nothing of the cause
                _check_numbers(read.model, peaks, count)
                raise
            if len(peaks) == PIECE or count == max_new_tokens:
                _check_numbers(read.model, peaks, count)
                peaks.clear()
            if stops and (count % pieces == 0 or count == max_new_tokens):
                new = text[:, start : length + 1].tolist()
                ends = [
                    stops.length(row, seen) if known is None else known
                    for known, row in zip(ends, new, strict=True)
                ]
                seen = count
                if None not in ends:
                    break
    _check_numbers(read.model, peaks, seen)
    counts = [max_new_tokens if known is None else known for known in ends]
    for row, count in enumerate(counts):
        text[row, start + count :] = text[row, start + count - 1]
    return text[:, : start + max(counts)], counts


def _check_numbers(model: LanguageModel, peaks: list[Tensor], count: int) -> None:
    """Refuse logits that are no numbers, by FloatingPointError: no choice among them is one."""
    if not peaks or math.isfinite(torch.stack(peaks).sum().item()):
        return
    sums = [peak.sum().item() for peak in peaks]
    count += 1 + next(i for i, one in enumerate(sums) if not math.isfinite(one))
    count -= len(peaks)
    broken = (
        name
        for name, weight in model.named_parameters()
        if not weight.isfinite().all()
    )
    cause = next(broken, None)
    raise FloatingPointError(
        f"the logits are no numbers at new token {count}: "
        + (
            f"{cause} holds nan or inf; load or train the model anew"
            if cause
            else "all weights are finite, so it overflows on the way; try float32"
        )
    )


@contextmanager
def eval_mode(model: LanguageModel) -> Iterator[None]:
    """Turn dropout off for a while, then give every part the mode it had."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def rows_of_ids(
    prompts: Iterable[Iterable[int]], vocab_size: int
) -> list[list[int]]:
    """Prompts as plain rows of ids of the vocabulary, be they lists, arrays or tensors."""
    try:
        rows = [[whole_number("id", id_) for id_ in prompt] for prompt in prompts]
    except TypeError:
        raise TypeError(
            "prompts are to be rows of token ids, as in [[1, 2], [3]]; encode texts first"
        ) from None
    if any(not 0 <= id_ < vocab_size for row in rows for id_ in row):
        raise ValueError(
            f"prompts hold an id outside 0 to {vocab_size - 1}, the model's vocabulary"
        )
    return rows


def n_vocab(tokenizer: Tokenizer | None) -> int | None:
    """How many ids may be chosen: all, or those that the tokenizer has."""
    if tokenizer is None:
        return None
    n_vocab = getattr(tokenizer, "n_vocab", None)
    if not isinstance(n_vocab, int) or n_vocab < 1:
        raise TypeError(
            f"tokenizer is a {type(tokenizer).__name__}; pass one with n_vocab, encode and decode, "
            "as those of gptcore.tokenizer and gptcore.pretrained.vocabulary"
        )
    return n_vocab


def check_request(vocab_size: int, idx: Tensor, max_new_tokens: int) -> int:
    """Refuse arguments of `generate` that make no sense, before the first token is made.

    Gives max_new_tokens, of whatever integer type, as an int.
    """
    check_ids(idx)
    max_new_tokens = whole_number("max_new_tokens", max_new_tokens)
    if not 0 <= int(idx.min()) <= int(idx.max()) < vocab_size:
        raise ValueError(
            f"idx holds an id outside 0 to {vocab_size - 1}, the model's vocabulary"
        )
    if max_new_tokens < 0:
        raise ValueError(
            f"max_new_tokens {max_new_tokens} is negative; use 0 or more"
        )
    return max_new_tokens
