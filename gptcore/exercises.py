"""Says whether an answer to one of the course's exercises is right, and if not, why.

Each check takes what a learner wrote, mostly a function, tries it on small numbers and
gives a `Verdict`. What an answer raises is told in it; only what is no `Exception`, such as
KeyboardInterrupt, goes through.
"""

from __future__ import annotations

import copy
import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from html import escape
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gptcore.config import GPTConfig
from gptcore.data import play
from gptcore.mapping import PAIRS
from gptcore.model import GPT
from gptcore.pretrained import to_weights
from gptcore.schedule import lr_at
from gptcore.tokenizer import byte_tokenizer

Answer = Callable[..., Any]


@dataclass(frozen=True)
class Verdict:
    """What a check found."""

    kind: Literal["right", "wrong", "error", "empty"]
    message: str

    @property
    def right(self) -> bool:
        """Whether the answer is what was asked for."""
        return self.kind == "right"

    @property
    def headline(self) -> str:
        """The kind in words."""
        return {
            "right": "Right",
            "wrong": "Not yet",
            "error": "Your code raised an error",
            "empty": "Not answered yet",
        }[self.kind]

    def __repr__(self) -> str:
        return f"{self.headline}: {self.message}"

    def _repr_html_(self) -> str:
        sign = "✓" if self.right else "✗"
        return (
            f'<p class="verdict {self.kind}"><strong>{sign} {self.headline}:</strong> '
            f"{escape(self.message)}</p>"
        )


class WrongAnswerError(Exception):
    """A mistake that a check recognized, in a sentence that helps."""


def _check(
    praise: str,
) -> Callable[[Callable[[Answer], None]], Callable[[Answer], Verdict]]:
    """Make a function that raises `WrongAnswerError` into one that gives a `Verdict`."""

    def decorate(examine: Callable[[Answer], None]) -> Callable[[Answer], Verdict]:
        @functools.wraps(examine)
        def check(answer: Answer) -> Verdict:
            try:
                with torch.random.fork_rng():
                    torch.manual_seed(0)
                    examine(answer)
            except WrongAnswerError as mistake:
                return Verdict("wrong", str(mistake))
            except Exception as error:
                if isinstance(error, NotImplementedError) and not error.args:
                    name = getattr(answer, "__name__", "the answer")
                    return Verdict(
                        "empty", f"write what {name} is to do, and run both"
                    )
                return Verdict("error", f"{type(error).__name__}: {error}")
            return Verdict("right", praise)

        return check

    return decorate


def _compare(
    got: object, right: Tensor, mistakes: Mapping[str, Tensor], what: str = "result"
) -> None:
    """Raise unless `got` is `right`; if it is one of the mistakes, say its sentence."""
    if not isinstance(got, Tensor):
        raise WrongAnswerError(
            f"the {what} is a {type(got).__name__}, not a tensor"
        )
    if _same(got, right):
        return
    for sentence, wrong in mistakes.items():
        if _same(got, wrong):
            raise WrongAnswerError(sentence)
    if got.shape != right.shape:
        shapes = f"{tuple(got.shape)}, not {tuple(right.shape)}"
        raise WrongAnswerError(f"the {what} has the shape {shapes}")
    if got.isnan().any():
        raise WrongAnswerError(
            f"there is nan in the {what}: a row that is all -inf?"
        )
    raise WrongAnswerError(f"the shape of the {what} is right, its values are not")


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(
        one.detach().double(), other.detach().double(), rtol=1e-4, atol=1e-6
    )


def _compare_numbers(
    got: object, right: float, mistakes: Mapping[str, float]
) -> None:
    got = _plain(got)
    if isinstance(got, bool) or not isinstance(got, int | float):
        raise WrongAnswerError(f"that is a {type(got).__name__}, not a number")
    for sentence, wrong in mistakes.items():
        if got == wrong:
            raise WrongAnswerError(sentence)
    if got != right:
        raise WrongAnswerError(f"{got:,} is {abs(got - right):,} off")


def _plain(value: Any) -> Any:
    """A number of torch or NumPy as Python's own; anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


# Building nanoGPT


@_check("each row sums to 1, and no token looks ahead.")
def check_attention_weights(answer: Answer) -> None:
    """`answer(q, k)`, each (B, T, head_size), gives causal weights, (B, T, T)."""
    q, k = torch.randn(2, 5, 9), torch.randn(2, 5, 9)
    scores = q @ k.transpose(1, 2)  # (B, T, T)
    scaled = scores / math.sqrt(9)
    past = torch.ones(5, 5, dtype=torch.bool).tril()

    def weights(scores: Tensor, past: Tensor = past, dim: int = -1) -> Tensor:
        return F.softmax(scores.masked_fill(~past, -math.inf), dim=dim)

    mistakes = {
        "every token still sees those after it: fill their scores with -inf": F.softmax(
            scaled, dim=-1
        ),
        "it is the columns that sum to 1: take softmax over the last dimension, "
        "the tokens that are looked at": weights(scaled, dim=-2),
        "the scores are not divided by sqrt(head_size)": weights(scores),
        "the scores are divided by head_size, not by its root": weights(scores / 9),
        "the rows no longer sum to 1: mask the scores, before softmax": F.softmax(
            scaled, dim=-1
        )
        * past,
        "the mask is the wrong way round: tokens see only what comes after": weights(
            scaled, past.t()
        ),
    }
    _compare(answer(q, k), weights(scaled), mistakes, "weights")


@_check("every token has the numbers of all its heads side by side again.")
def check_join_heads(answer: Answer) -> None:
    """`answer(y)` turns (B, n_head, T, head_size) into (B, T, C)."""
    y = torch.randn(2, 4, 6, 8)
    mistakes = {
        "the shape is right and the values are not: a reshape alone cuts in memory "
        "order; bring T before the heads first": y.reshape(2, 6, 32),
        "the heads' numbers are interleaved: keep each head's together": y.permute(
            0, 2, 3, 1
        ).flatten(2),
    }
    _compare(answer(y), y.transpose(1, 2).flatten(2), mistakes)


@_check("for any width, and for GPT-2's it is 7,087,872.")
def check_block_parameters(answer: Answer) -> None:
    """`answer(n_embd)` gives the number of parameters in one block."""
    for c in (16, 768):
        squares = 12 * c * c
        mistakes = {
            "the matrices are all there; the biases and the layer norms are not": squares,
            "the two layer norms are missing, a scale and a shift each": squares
            + 9 * c,
            "one layer norm is missing: a block has two": squares + 11 * c,
            "the biases of the linear layers are missing": squares + 4 * c,
            "attention's c_proj is missing": squares - c * c + 12 * c,
            "c_attn makes queries, keys and values: three squares": squares
            - 2 * c * c
            + 11 * c,
        }
        _compare_numbers(answer(c), squares + 13 * c, mistakes)


@_check(
    "likeliest first, one at a time, and never more context than the model has."
)
def check_greedy(answer: Answer) -> None:
    """`answer(model, idx, new)` continues idx, (B, T), by the likeliest tokens."""
    model = _tiny_gpt(block_size=6)
    idx = torch.randint(model.config.vocab_size, (2, 4))
    for new in (2, 9):
        right = _greedy(model, idx, new)
        mistakes = {
            "the result is the new tokens alone: append them to idx": right[:, 4:],
            "the prediction after the first token is used, not that after the last": (
                _greedy(model, idx, new, position=0)
            ),
            "the oldest tokens are kept and the newest cropped: it is the last "
            "block_size that count": _greedy(model, idx, new, newest=False),
        }
        try:
            got = answer(model, idx, new)
        except ValueError as error:
            if "block_size" not in str(error):
                raise
            raise WrongAnswerError(
                "the context grows past block_size: crop it to the last block_size tokens"
            ) from None
        if not _same_ids(got, right) and not _same_ids(
            got, answer(model, idx, new)
        ):
            raise WrongAnswerError(
                "two calls give two texts: take the likeliest, don't sample"
            )
        _compare(got, right, mistakes)


def _same_ids(one: object, other: object) -> bool:
    tensors = isinstance(one, Tensor) and isinstance(other, Tensor)
    return tensors and torch.equal(one, other)  # type: ignore[arg-type]


@torch.no_grad()
def _greedy(
    model: GPT, idx: Tensor, new: int, position: int = -1, newest: bool = True
) -> Tensor:
    size = model.config.block_size
    for _ in range(new):
        logits, _ = model(idx[:, -size:] if newest else idx[:, :size])
        likeliest = logits[:, position].argmax(dim=-1, keepdim=True)  # (B, 1)
        idx = torch.cat((idx, likeliest), dim=1)
    return idx


@_check("now try it on the configs that you wonder about.")
def check_measure(answer: Answer) -> None:
    """`answer(config)` gives the number of parameters, and tokens generated per second."""
    for width in (16, 32):
        config = _tiny_config(n_embd=width)
        model = GPT(config)
        twice = sum(weight.numel() for weight in model.state_dict().values())
        began = time.perf_counter()
        parameters, speed = map(_plain, answer(config))
        seconds = time.perf_counter() - began
        tied = (
            "the tied matrix is counted twice: it is one parameter with two names"
        )
        _compare_numbers(parameters, model.num_params()["total"], {tied: twice})
        if not isinstance(speed, int | float) or not 0 < speed < math.inf:
            raise WrongAnswerError(
                f"{speed!r} is no speed: tokens divided by seconds"
            )
        if speed < 1 / seconds:
            raise WrongAnswerError(
                "that is slower than one token in all the time it took: divide tokens "
                "by seconds, not seconds by tokens"
            )


# Pretraining


@_check("one row of ids to learn from, another that no update touches.")
def check_split(answer: Answer) -> None:
    """`answer(text, tokenizer)` gives the ids of the first 90 % of a text, and the rest."""
    text, tokenizer = play()[:1000], byte_tokenizer()
    ids = torch.tensor(tokenizer.encode(text))
    training, validation = answer(text, tokenizer)
    for part in (training, validation):
        if isinstance(part, Tensor) and part.is_floating_point():
            raise WrongAnswerError("the ids are floats: an id is a whole number")
    _compare(
        training,
        ids[:900],
        {
            "all of the text is in the training part, and the validation text with "
            "it: training is to end where validation begins": ids,
            "the parts are the wrong way round: train on the first 90 %": ids[900:],
            "training is to be the first 90 %, not the last": ids[100:],
        },
        "training part",
    )
    _compare(
        validation,
        ids[900:],
        {
            "the validation text is text that the model trains on": ids[:100],
            "the validation part is the whole text: leave out what is trained on": ids,
        },
        "validation part",
    )


@_check("what follows each token is the next one.")
def check_window(answer: Answer) -> None:
    """`answer(ids, start, block_size)` gives what is read and what follows each token."""
    ids = torch.randperm(50)
    x, y = answer(ids, 7, 8)
    same = "x and y are the same: each token would be asked to predict itself"
    back = "y is shifted the wrong way: it holds the token before each, not after"
    short = "a token is missing at the end: y reaches one further than x"
    swapped = "x and y are exchanged: y is the later one"
    _compare(x, ids[7:15], {swapped: ids[8:16], short: ids[7:14]}, "x")
    _compare(
        y, ids[8:16], {same: ids[7:15], back: ids[6:14], short: ids[8:15]}, "y"
    )


class _Bigram(nn.Module):
    """The smallest language model: a row of scores for each token. (B, T) -> (B, T, V)."""

    def __init__(self) -> None:
        super().__init__()
        self.scores = nn.Embedding(7, 7)
        nn.init.normal_(self.scores.weight, std=0.4)

    def forward(
        self, idx: Tensor, targets: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        logits = 10 * self.scores(idx)  # so that its gradient is longer than 1
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@_check("every position counts, and no step is longer than the leash.")
def check_training_step(answer: Answer) -> None:
    """`answer(model, x, y, optimizer)` makes one update, clipped to 1, and gives its loss."""
    start = _Bigram()
    batches = [torch.randint(7, (2, 3, 5)) for _ in range(3)]

    def run(step: Answer) -> tuple[Tensor, Tensor, Tensor | None]:
        """The losses of three steps, then the weights and what gradient is left."""
        model = copy.deepcopy(start)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        losses = [float(step(model, x, y, optimizer)) for x, y in batches]
        weight = model.scores.weight
        return torch.tensor(losses), weight.detach(), weight.grad

    right_losses, right_weight, _ = run(_step)
    last_losses, _, _ = run(functools.partial(_step, positions=slice(-1, None)))
    _, unclipped, _ = run(functools.partial(_step, clip=None))
    _, piled_up, _ = run(functools.partial(_step, zero=False))
    try:
        losses, weight, gradient = run(answer)
    except (RuntimeError, ValueError) as error:
        if "target" not in str(error):
            raise
        raise WrongAnswerError(
            "cross_entropy wants one row of scores for each target: flatten the logits "
            "to (B * T, V) and y to (B * T), as view(-1) does"
        ) from None
    if _same(losses[:1], last_losses[:1]):
        raise WrongAnswerError("only the last position counts: take them all")
    if not _same(losses[:1], right_losses[:1]):
        raise WrongAnswerError(
            "that is not the mean cross-entropy over all positions: flatten logits and y"
        )
    # A step may also end with zero_grad, which tells nothing of clipping.
    late = gradient is not None and 0 < gradient.norm() < 1.001
    mistakes = {
        "you clip after the step, when it has been taken: clip before it"
        if late
        else "the step is taken with the whole gradient: clip between backward and step": (
            unclipped
        ),
        "gradients pile up from step to step: zero_grad first": piled_up,
    }
    _compare(weight, right_weight, mistakes, "weights after three steps")


def _step(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    optimizer: torch.optim.Optimizer,
    positions: slice = slice(None),
    clip: float | None = 1.0,
    zero: bool = True,
) -> float:
    logits, _ = model(x)
    logits, y = logits[:, positions], y[:, positions]
    loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
    if zero:
        optimizer.zero_grad()
    loss.backward()
    if clip:
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return loss.item()


@_check("a straight line up, half a cosine down, and min_lr at the end.")
def check_learning_rate(answer: Answer) -> None:
    """`answer(step, max_lr, min_lr, warmup_steps, max_steps)` gives the rate of a step."""
    high, low, warmup, last = 1.0, 0.1, 10, 60

    def curve(rate: Callable[[int], float]) -> Tensor:
        return torch.tensor([rate(step) for step in range(last + 1)]).double()

    def warmed(rate: Callable[[float], float]) -> Tensor:
        """The ramp as it is to be, then a rate by how much of the rest is done."""
        return curve(
            lambda step: (
                high * (step + 1) / warmup
                if step < warmup
                else rate((step - warmup) / (last - warmup))
            )
        )

    def cosine(done: float) -> float:
        return 0.5 * (1 + math.cos(math.pi * done))

    mistakes = {
        "there is no warmup: a cosine from the very start": curve(
            lambda step: low + (high - low) * cosine(step / last)
        ),
        "it falls to 0, not to min_lr": warmed(lambda done: high * cosine(done)),
        "the cosine counts from step 0, so the rate jumps when warmup ends: count "
        "from the end of warmup": curve(
            lambda step: (
                high * (step + 1) / warmup
                if step < warmup
                else low + (high - low) * cosine(step / last)
            )
        ),
        "it falls along a straight line, not a cosine": warmed(
            lambda done: high + (low - high) * done
        ),
        "the half is missing: 1 + cos goes from 2 to 0": warmed(
            lambda done: low + (high - low) * 2 * cosine(done)
        ),
        "the rate rises after warmup: 1 + cos falls, 1 - cos rises": warmed(
            lambda done: low + (high - low) * (1 - cosine(done))
        ),
        "a whole wave fits in: half a cosine goes from 0 to pi, not to 2 pi": warmed(
            lambda done: low + (high - low) * cosine(2 * done)
        ),
        "the rate stays at max_lr after warmup": warmed(lambda done: high),
    }
    right = curve(
        lambda step: lr_at(
            step, max_lr=high, min_lr=low, warmup_steps=warmup, max_steps=last
        )
    )
    got = [
        _plain(answer(step, high, low, warmup, last)) for step in range(last + 1)
    ]
    if not all(isinstance(rate, int | float) for rate in got):
        raise WrongAnswerError(
            "a rate is a number: is there a step without a return?"
        )
    _compare(torch.tensor(got).double(), right, mistakes, "schedule")


@_check("the best rate lies between one that crawls and one that is too much.")
def check_peaks(answer: Answer) -> None:
    """`answer()` gives the final loss by the peak rate, for rates on both sides of the best."""
    losses = answer()
    if not isinstance(losses, dict) or not losses:
        raise WrongAnswerError(
            "give a dictionary: the final loss for each peak rate"
        )
    if len(losses) < 4:
        raise WrongAnswerError(
            f"{len(losses)} rates are too few to see a pattern: try 4"
        )
    losses = {peak: _plain(loss) for peak, loss in losses.items()}
    peaks = sorted(losses)
    if peaks[-1] < 100 * peaks[0]:
        raise WrongAnswerError(
            "your rates are too close together: let each be several times the one before"
        )
    if len(set(losses.values())) == 1:
        raise WrongAnswerError("all losses are the same: is the rate used at all?")
    # A run that broke down, with a loss that is no number, was too high by far.
    best = min(peaks, key=lambda peak: (math.isnan(losses[peak]), losses[peak]))
    if best == peaks[-1]:
        raise WrongAnswerError(
            "your best rate is the highest: go higher until it hurts"
        )
    if best == peaks[0]:
        raise WrongAnswerError(
            "your best rate is the lowest: go lower until it crawls"
        )


@_check("two runs that differ in the leash alone.")
def check_clipping(answer: Answer) -> None:
    """`answer(max_norm)` gives the losses of a short run with gradients clipped to that."""
    clipped, free = answer(1.0), answer(math.inf)
    for losses in (clipped, free):
        if not isinstance(losses, Sequence) or len(losses) < 10:
            raise WrongAnswerError(
                "give a list with the loss of each update, 10 at least"
            )
    if clipped[0] != free[0]:
        raise WrongAnswerError(
            "the runs differ before the first update: begin both with the same seed, "
            "a new model and new batches"
        )
    if list(clipped) == list(free):
        raise WrongAnswerError("both runs are the same: is max_norm used?")


@_check("four small batches, one large gradient.")
def check_accumulate(answer: Answer) -> None:
    """`answer(model, x, y, parts)` leaves the gradient of the whole batch in the model."""
    model = _Bigram()
    x, y = torch.randint(7, (2, 8, 5))
    model(x, y)[1].backward()
    right = _gradient(model)
    model.zero_grad()
    model(x[-2:], y[-2:])[1].backward()
    last = _gradient(model)
    model.zero_grad()
    answer(model, x, y, 4)
    if model.scores.weight.grad is None:
        raise WrongAnswerError(
            "there is no gradient: call backward, not zero_grad, last"
        )
    _compare(
        _gradient(model),
        right,
        {
            "it is four times too long: each loss is a mean over a quarter, so divide "
            "it by parts": 4 * right,
            "only the last part is in it: let backward add up, zero nothing between": (
                last
            ),
            "only the last part is in it, and divided": last / 4,
            "it is four times too short: divide once": right / 4,
        },
        "gradient",
    )


def _gradient(model: _Bigram) -> Tensor:
    gradient = model.scores.weight.grad
    assert gradient is not None
    return gradient.clone()


# Loading real weights

CONV1D = tuple(
    pair.ours.rpartition("{}")[2] for pair in PAIRS if pair.kind == "transpose"
)
"""How the names end of what their GPT-2 stores as (in, out)."""


@_check("the four matrices of a block, and nothing else.")
def check_transposed(answer: Answer) -> None:
    """`answer(name)` says whether the tensor of that name has to be transposed."""
    names = _tiny_gpt().state_dict()
    wrong = [name for name in names if bool(answer(name)) != name.endswith(CONV1D)]
    if not wrong:
        return
    if all(
        name.endswith(("wte.weight", "wpe.weight", "lm_head.weight"))
        for name in wrong
    ):
        raise WrongAnswerError(
            "embeddings are tables, stored the same way by both: two dimensions alone "
            "don't make a Conv1D"
        )
    if all(name.endswith("attn.c_proj.weight") for name in wrong):
        raise WrongAnswerError(
            "attn.c_proj is a Conv1D, too: it is square, so no shape will tell you"
        )
    if all(name.endswith("bias") for name in wrong):
        raise WrongAnswerError("a bias has one dimension, and nothing to transpose")
    said = "copied" if wrong[0].endswith(CONV1D) else "transposed"
    more = f", and of {len(wrong) - 1} more you say the wrong thing"
    raise WrongAnswerError(
        f"{wrong[0]} is not to be {said}{more if len(wrong) > 1 else ''}"
    )


@_check("every tensor in its place, and the right way round.")
def check_load(answer: Answer) -> None:
    """`answer(model, theirs)` copies a state dict of theirs into a GPT, in place."""
    source, model = _tiny_gpt(), _tiny_gpt()
    right = source.state_dict()
    fresh = {name: weight.clone() for name, weight in model.state_dict().items()}
    answer(model, _as_theirs(source))
    got = model.state_dict()
    if all(torch.equal(got[name], fresh[name]) for name in got):
        raise WrongAnswerError(
            "nothing has changed in the model: write into its tensors with copy_"
        )
    for name, weight in got.items():
        if torch.equal(weight, right[name]):
            continue
        if torch.equal(weight, fresh[name]):
            raise WrongAnswerError(f"{name} was not loaded")
        if weight.ndim == 2 and torch.equal(
            weight, right[name].t().reshape_as(weight)
        ):
            square = weight.shape[0] == weight.shape[1]
            raise WrongAnswerError(
                f"{name} is square, so it fits untransposed, and is wrong"
                if square
                else f"{name} was reshaped: that fits, and mixes up all of its numbers"
            )
        if weight.shape[0] == weight.shape[-1] and torch.equal(
            weight.t(), right[name]
        ):
            raise WrongAnswerError(f"{name} is transposed and is to be copied")
        raise WrongAnswerError(f"{name} holds other numbers than theirs")


@_check("rounding passes, and the smallest mistake does not.")
def check_same_function(answer: Answer) -> None:
    """`answer(one, other, idx)` says whether two GPTs compute the same function."""
    model = _tiny_gpt()
    idx = torch.randint(model.config.vocab_size, (2, 8))
    reordered, exact, ruined = (copy.deepcopy(model) for _ in range(3))
    with torch.no_grad():
        for one, two in zip(
            reordered.transformer.h, ruined.transformer.h, strict=True
        ):
            # The hidden units in another order: the same sums, rounded differently.
            units = torch.randperm(one.mlp.c_fc.weight.shape[0])
            one.mlp.c_fc.weight.copy_(one.mlp.c_fc.weight[units])
            one.mlp.c_fc.bias.copy_(one.mlp.c_fc.bias[units])
            one.mlp.c_proj.weight.copy_(one.mlp.c_proj.weight[:, units])
            two.attn.c_proj.weight.copy_(two.attn.c_proj.weight.t().clone())
    for block in exact.transformer.h:
        block.mlp.gelu = nn.GELU()
    before = next(model.parameters()).dtype
    verdicts = [
        bool(answer(model, other, idx)) for other in (reordered, exact, ruined)
    ]
    if verdicts == [True, True, True]:
        raise WrongAnswerError(
            "it says yes to everything, even to a ruined attention"
        )
    if verdicts[1]:
        raise WrongAnswerError(
            "it says yes to the exact GELU: too coarse. Compare logits, not tokens, and "
            "in float64, where the tolerance can be small"
        )
    if not verdicts[0]:
        raise WrongAnswerError(
            "it says no to the same function, summed in another order: allow for "
            "rounding, and compute in float64, where there is little of it"
        )
    if verdicts[2]:
        raise WrongAnswerError("it says yes to a transposed attn.c_proj")
    if next(model.parameters()).dtype != before:
        raise WrongAnswerError(
            "it leaves the models in float64: convert copies of them"
        )


@_check(
    "the shapes tell everything but the heads, and of those there is one per 64."
)
def check_config(answer: Answer) -> None:
    """`answer(theirs)` reads the `GPTConfig` off a state dict of theirs."""
    for name, layers, width in (("medium", 24, 1024), ("small", 12, 768)):
        right = GPTConfig(1024, 50257, layers, width // 64, width)
        with torch.device("meta"):
            got = answer(_as_theirs(GPT(right)))
        if not isinstance(got, GPTConfig):
            raise WrongAnswerError(
                f"that is a {type(got).__name__}, not a GPTConfig"
            )
        hints = {
            "n_layer": "blocks are numbered from 0",
            "n_head": "there is a head for every 64 numbers of the width",
            "n_embd": "c_attn is three times as wide as the model, c_fc four times",
            "vocab_size": "wte has a row for every token",
            "block_size": "wpe has a row for every position",
        }
        for field in fields(GPTConfig):
            value, wanted = getattr(got, field.name), getattr(right, field.name)
            if field.name in hints and value != wanted:
                raise WrongAnswerError(
                    f"{field.name} of GPT-2 {name} is {wanted}, not {value}: "
                    f"{hints[field.name]}"
                )


def _as_theirs(model: GPT) -> dict[str, Tensor]:
    """A state dict in their layout, where the tied matrix has both of its names."""
    weights = to_weights(model)
    return weights | {"lm_head.weight": weights["transformer.wte.weight"]}


def _tiny_config(block_size: int = 16, n_embd: int = 16) -> GPTConfig:
    return GPTConfig(block_size, vocab_size=37, n_layer=2, n_head=2, n_embd=n_embd)


def _tiny_gpt(block_size: int = 16) -> GPT:
    """A model with weights so large that every mistake shows."""
    model = GPT(_tiny_config(block_size)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return model
