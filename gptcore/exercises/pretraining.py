"""Checks of the exercises of *Pretraining*."""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gptcore.data import play
from gptcore.exercises.verdict import (
    Answer,
    WrongAnswerError,
    compare,
    judge,
    plain,
    same,
)
from gptcore.schedule import lr_at
from gptcore.tokenizer import byte_tokenizer


@judge("one row of ids to learn from, another that no update touches.")
def check_split(answer: Answer) -> None:
    """`answer(text, tokenizer)` gives the ids of the first 90 % of a text, and the rest."""
    text, tokenizer = play()[:1000], byte_tokenizer()
    ids = torch.tensor(tokenizer.encode(text))
    training, validation = answer(text, tokenizer)
    for part in (training, validation):
        if isinstance(part, Tensor) and part.is_floating_point():
            raise WrongAnswerError("the ids are floats: an id is a whole number")
    compare(
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
    compare(
        validation,
        ids[900:],
        {
            "the validation text is text that the model trains on": ids[:100],
            "the validation part is the whole text: leave out what is trained on": ids,
        },
        "validation part",
    )


@judge("what follows each token is the next one.")
def check_window(answer: Answer) -> None:
    """`answer(ids, start, block_size)` gives what is read and what follows each token."""
    ids = torch.randperm(50)
    x, y = answer(ids, 7, 8)
    same = "x and y are the same: each token would be asked to predict itself"
    back = "y is shifted the wrong way: it holds the token before each, not after"
    short = "a token is missing at the end: y reaches one further than x"
    swapped = "x and y are exchanged: y is the later one"
    compare(x, ids[7:15], {swapped: ids[8:16], short: ids[7:14]}, "x")
    compare(y, ids[8:16], {same: ids[7:15], back: ids[6:14], short: ids[8:15]}, "y")


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


@judge("every position counts, and no step is longer than the leash.")
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
    if same(losses[:1], last_losses[:1]):
        raise WrongAnswerError("only the last position counts: take them all")
    if not same(losses[:1], right_losses[:1]):
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
    compare(weight, right_weight, mistakes, "weights after three steps")


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


@judge("a straight line up, half a cosine down, and min_lr at the end.")
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
    got = [plain(answer(step, high, low, warmup, last)) for step in range(last + 1)]
    if not all(isinstance(rate, int | float) for rate in got):
        raise WrongAnswerError(
            "a rate is a number: is there a step without a return?"
        )
    compare(torch.tensor(got).double(), right, mistakes, "schedule")


Run = Callable[..., Sequence[float]]
"""A training that an answer makes use of, by name: `run(max_lr=..., max_norm=...)`."""


@judge("the best rate lies between one that crawls and one that is too much.")
def check_peaks(answer: Answer, run: Run) -> None:
    """`answer()` gives the final loss by the peak rate, for rates on both sides of the best.

    A final loss is the mean of the last 20; at the best rate it is found once more with `run`.
    """
    losses = answer()
    if not isinstance(losses, dict) or not losses:
        raise WrongAnswerError(
            "give a dictionary: the final loss for each peak rate"
        )
    if len(losses) < 4:
        raise WrongAnswerError(
            f"{len(losses)} rates are too few to see a pattern: try 4"
        )
    losses = {peak: plain(loss) for peak, loss in losses.items()}
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
    again = list(run(max_lr=best))[-20:]
    mean = sum(again) / len(again)
    if not math.isclose(losses[best], mean, rel_tol=0.03):
        raise WrongAnswerError(
            f"a run with {best:g} ends at {mean:.2f}, not at {losses[best]:.2f}: let "
            "peaks run the trainings, and take the mean of their last 20 losses"
        )


@judge("two runs that differ in the leash alone.")
def check_clipping(answer: Answer, run: Run) -> None:
    """`answer(max_norm)` gives the losses of a short run with gradients clipped to that.

    The clipped one begins as `run` does; later ones may differ, where adding up has no order.
    """
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
    again = run(max_norm=1.0)
    if not all(
        math.isclose(mine, theirs, rel_tol=0.03)
        for mine, theirs in zip(clipped[:5], again[:5], strict=True)
    ):
        began = ", ".join(f"{loss:.2f}" for loss in again[:5])
        raise WrongAnswerError(
            f"a run clipped to 1 begins with {began}, and yours does not: let "
            "losses_with run the training, and change nothing but max_norm"
        )


@judge("four small batches, one large gradient.")
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
    compare(
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
