"""How GPT-2's published weights map onto `gptcore.model.GPT`: as data.

The loader, the exporter, the diagram, the table and the error messages are all made from `PAIRS`.
"Theirs" is the layout of `transformers`' GPT2LMHeadModel, in which OpenAI's weights are published.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch

from gptcore.config import GPTConfig
from gptcore.model import GPT

Kind = Literal["copy", "transpose", "tied"]
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Pair:
    """One weight under its two names; `{}` stands for the number of a layer.

    `kind` says what happens to it: it is copied, or transposed (their Conv1D keeps a matrix as
    (in, out), nn.Linear as (out, in)), or nothing, since it is tied to another that was copied.
    """

    theirs: str
    ours: str
    kind: Kind

    def in_layer(self, layer: int) -> Pair:
        """The same with the number of a layer in its names."""
        return replace(
            self, theirs=self.theirs.format(layer), ours=self.ours.format(layer)
        )


def _same(name: str, kind: Kind = "copy") -> Pair:
    return Pair(name, name, kind)


PAIRS = (
    _same("transformer.wte.weight"),
    _same("transformer.wpe.weight"),
    _same("transformer.h.{}.ln_1.weight"),
    _same("transformer.h.{}.ln_1.bias"),
    _same("transformer.h.{}.attn.c_attn.weight", "transpose"),
    _same("transformer.h.{}.attn.c_attn.bias"),
    _same("transformer.h.{}.attn.c_proj.weight", "transpose"),
    _same("transformer.h.{}.attn.c_proj.bias"),
    _same("transformer.h.{}.ln_2.weight"),
    _same("transformer.h.{}.ln_2.bias"),
    _same("transformer.h.{}.mlp.c_fc.weight", "transpose"),
    _same("transformer.h.{}.mlp.c_fc.bias"),
    _same("transformer.h.{}.mlp.c_proj.weight", "transpose"),
    _same("transformer.h.{}.mlp.c_proj.bias"),
    _same("transformer.ln_f.weight"),
    _same("transformer.ln_f.bias"),
    _same("lm_head.weight", "tied"),
)
PREFIX = "transformer."  # older files leave it out
# What torch.compile and DistributedDataParallel put before the names of what they wrap.
WRAPPERS = re.compile(r"^((_orig_mod|module)\.)+")
# Older files also carry the causal mask. Not every name that ends in attn.bias: c_attn.bias does.
MASK = re.compile(r"transformer\.h\.\d+\.attn\.(masked_)?bias")


def pairs(config: GPTConfig) -> list[Pair]:
    """`PAIRS` with those of a layer repeated for each, and without biases if there are none."""
    of_layer = [pair for pair in PAIRS if "{}" in pair.ours]
    start = PAIRS.index(of_layer[0])
    repeated = [
        pair.in_layer(i) for i in range(config.n_layer) for pair in of_layer
    ]
    every = [*PAIRS[:start], *repeated, *PAIRS[start + len(of_layer) :]]
    return [pair for pair in every if config.bias or not pair.ours.endswith("bias")]


def their_names(stored: Iterable[str]) -> dict[str, str]:
    """Their names of today -> the names in a file, without masks and prefixes of wrappers.

    Raises ValueError for a weight that is there twice, with the prefix and without it.
    """
    names: dict[str, str] = {}
    for name in stored:
        bare = WRAPPERS.sub("", name)
        whole = bare.startswith((PREFIX, "lm_head."))
        today = bare if whole else PREFIX + bare
        if MASK.fullmatch(today):
            continue
        if today in names:
            raise ValueError(
                f"{today} is there twice, as {names[today]} and as {name}; keep one"
            )
        names[today] = name
    return names


def empty(config: GPTConfig) -> GPT:
    """A GPT whose weights have shapes and no memory."""
    with torch.device("meta"):
        return GPT(config)


def their_shapes(config: GPTConfig) -> dict[str, tuple[int, ...]]:
    """The shape of each weight in their layout, for a config."""
    ours = our_shapes(config)
    return {
        pair.theirs: ours[pair.ours][:: -1 if pair.kind == "transpose" else 1]
        for pair in pairs(config)
    }


def our_shapes(config: GPTConfig) -> dict[str, tuple[int, ...]]:
    """The shape of each weight in our own layout, for a config."""
    return {name: tuple(w.shape) for name, w in empty(config).state_dict().items()}


def check_shapes(
    found: Shapes, expected: Shapes, config: GPTConfig, where: str
) -> None:
    """Refuse weights, by their names of today, that are not just the expected ones.

    Raises ValueError that names `where` and what is missing, unexpected or of a wrong shape.
    """
    tied = {pair.theirs for pair in PAIRS if pair.kind == "tied"}
    if not expected.keys() & found.keys():
        example = next(iter(found), "nothing")
        raise ValueError(
            f"{where} is not a GPT-2: it holds {example.removeprefix(PREFIX)}, and none of "
            "wte.weight, wpe.weight, h.0.attn.c_attn.weight, ..."
        )
    faults = {
        "is missing": expected.keys() - found.keys() - tied,
        f"has no place in {config.n_layer} layers of a GPT-2": found.keys()
        - expected.keys(),
    }
    for fault, names in faults.items():
        if names:
            raise ValueError(
                f"{where}: {_listed(names, [*expected, *found])} {fault}"
            )
    wrong = [name for name, shape in found.items() if shape != expected[name]]
    if wrong:
        name = wrong[0]
        more = f", and {len(wrong) - 1} more are wrong" if len(wrong) > 1 else ""
        raise ValueError(
            f"{where}: {name} has shape {found[name]}, and in this layout and config it is "
            f"{expected[name]}{_hint(found[name], expected[name])}{more}"
        )


def _listed(names: Iterable[str], order: list[str]) -> str:
    """The first names in the order of the model, and how many more there are."""
    first, *rest = sorted(names, key=order.index)
    return f"{first} (and {len(rest)} more)" if rest else first


def _hint(found: tuple[int, ...], expected: tuple[int, ...]) -> str:
    if found != expected[::-1]:
        return ""
    return (
        "; it is transposed, as in a state dict of nn.Linear: use load_state_dict"
    )
