"""Checks of the exercises of *Loading real weights*."""

from __future__ import annotations

import copy
from dataclasses import fields

import torch
from torch import Tensor, nn

from gptcore.config import GPTConfig
from gptcore.exercises.models import tiny_gpt
from gptcore.exercises.verdict import Answer, WrongAnswerError, judge
from gptcore.model import GPT
from gptcore.pretrained import to_weights
from gptcore.pretrained.mapping import PAIRS

CONV1D = tuple(
    pair.ours.rpartition("{}")[2] for pair in PAIRS if pair.kind == "transpose"
)
"""How the names end of what their GPT-2 stores as (in, out)."""


@judge("the four matrices of a block, and nothing else.")
def check_transposed(answer: Answer) -> None:
    """`answer(name)` says whether the tensor of that name has to be transposed."""
    names = tiny_gpt().state_dict()
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


@judge("every tensor in its place, and the right way round.")
def check_load(answer: Answer) -> None:
    """`answer(model, theirs)` copies a state dict of theirs into a GPT, in place."""
    source, model = tiny_gpt(), tiny_gpt()
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


@judge("every weight under its name of today, and no mask.")
def check_renamed(answer: Answer) -> None:
    """`answer(stored)` gives an older checkpoint's tensors the names of today."""
    right = _as_theirs(tiny_gpt())
    masks = {
        f"transformer.h.{layer}.attn.{name}": mask
        for layer in range(2)
        for name, mask in (
            ("bias", torch.ones(1, 1, 16, 16).tril()),
            ("masked_bias", torch.tensor(-1e4)),
        )
    }
    whole = {**right, **masks}
    bare = {
        name.removeprefix("transformer."): weight for name, weight in whole.items()
    }
    for stored in (bare, whole):
        got = answer(dict(stored))
        if not isinstance(got, dict):
            raise WrongAnswerError(f"that is a {type(got).__name__}, not a dict")
        _check_names(set(got), set(right))
        for name, weight in right.items():
            if not torch.equal(got[name], weight):
                raise WrongAnswerError(
                    f"{name} holds other numbers than before: only names are to change"
                )


def _check_names(got: set[str], right: set[str]) -> None:
    """Raise for names that are not just those of today, with the mistake that made them."""
    missing, more = sorted(right - got), sorted(got - right)
    if any(name.startswith("transformer.transformer.") for name in more):
        raise WrongAnswerError(
            "newer checkpoints have the prefix already, and you gave it to them again"
        )
    if any(name.endswith((".attn.bias", ".attn.masked_bias")) for name in more):
        raise WrongAnswerError(
            f"{more[0]} is the causal mask or a part of it, and no weight: leave it out"
        )
    if "transformer.lm_head.weight" in more:
        raise WrongAnswerError(
            "lm_head stands beside the transformer: it has no prefix"
        )
    if any(f"transformer.{name}" in right for name in more):
        raise WrongAnswerError(f"{more[0]} still lacks the prefix transformer.")
    if missing and all(name.endswith("attn.c_attn.bias") for name in missing):
        raise WrongAnswerError(
            f"{missing[0]} is gone with the masks: its name ends in attn.bias, too. "
            "Ask for .attn.bias, with the dot before it"
        )
    if missing:
        raise WrongAnswerError(f"{missing[0]} is missing")
    if more:
        raise WrongAnswerError(f"{more[0]} is no name of today")


@judge("rounding passes, and the smallest mistake does not.")
def check_same_function(answer: Answer) -> None:
    """`answer(one, other, idx)` says whether two GPTs compute the same function."""
    model = tiny_gpt()
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


@judge(
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
