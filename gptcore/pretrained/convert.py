"""Their weights in our classes, and ours in their layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from gptcore.config import GPTConfig
from gptcore.model import GPT
from gptcore.pretrained.files import Stored, in_memory
from gptcore.pretrained.mapping import check_shapes, empty, pairs, their_names
from gptcore.pretrained.source import open_source
from gptcore.pretrained.their_config import (
    check_same,
    config_from,
    published,
    settings_of,
)


def load(
    source: str | Path,
    config: GPTConfig | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> GPT:
    """A GPT in eval mode with the weights of `source`, in `dtype` or as they are stored.

    `source` is the name of a GPT-2 on the hub ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl",
    "someone/their-gpt2"), a folder with config.json and weights, or a weight file. Sizes come from
    config.json; for a file without one beside it from `config`, or else from the weights, where
    they are one of the four published ones. Memory never holds more than the weights once and one
    of them a second time; only a file of PyTorch before 1.6 has to be read as a whole.

    Raises FileNotFoundError or ConnectionError for a source that is not to be had, ValueError for
    what is not a GPT-2 of that config, by the name of what is missing, unexpected or wrong.
    """
    found, settings = open_source(source)
    if settings is not None:
        theirs = config_from(settings, str(source))
        check_same(config or theirs, theirs, str(source))
        config = config or theirs
    return _build(found, config or _published(found), dtype, device)


def from_weights(
    weights: Mapping[str, Tensor],
    config: GPTConfig,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> GPT:
    """The same from a state dict in their layout, as `GPT2LMHeadModel.state_dict()` gives it."""
    return _build(in_memory(weights), config, dtype, device)


def save(model: GPT, folder: str | Path) -> None:
    """Write config.json and model.safetensors, which `GPT2LMHeadModel.from_pretrained` loads.

    Raises ValueError for a model that their layout cannot express.
    """
    config = model.config
    if not config.bias:
        raise ValueError("the model has bias=False; GPT-2's layout has biases")
    if model.lm_head.weight is not model.transformer.wte.weight:
        raise ValueError(
            "lm_head.weight is not tied to transformer.wte.weight; tie it: one parameter for both"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(
        json.dumps(settings_of(config), indent=2) + "\n", encoding="utf-8"
    )
    save_file(to_weights(model), folder / "model.safetensors", {"format": "pt"})


def to_weights(model: GPT) -> dict[str, Tensor]:
    """A model's weights in their layout, each on its own memory; a tied one once."""
    ours = model.state_dict()
    return {
        pair.theirs: _converted(ours[pair.ours], pair.kind == "transpose")
        for pair in pairs(model.config)
        if pair.kind != "tied"
    }


def reference(source: str | Path) -> nn.Module:
    """Their own model with the same weights, in float32 and eval mode, to compare with."""
    from transformers import GPT2Config, GPT2LMHeadModel

    if not Path(source).is_file():
        theirs = GPT2LMHeadModel.from_pretrained(str(source), dtype=torch.float32)
        return theirs.eval()
    found, settings = open_source(source)
    theirs = GPT2LMHeadModel(
        GPT2Config(**(settings or settings_of(_published(found))))
    )
    names = their_names(found.shapes)
    weights = {today: found.read(stored) for today, stored in names.items()}
    weights.setdefault("lm_head.weight", weights["transformer.wte.weight"])
    theirs.load_state_dict(weights)
    return theirs.float().eval()


def _published(found: Stored) -> GPTConfig:
    return published(_shapes_today(found), found.where)


def _shapes_today(found: Stored) -> dict[str, tuple[int, ...]]:
    names = their_names(found.shapes)
    return {today: found.shapes[stored] for today, stored in names.items()}


def _build(
    found: Stored,
    config: GPTConfig,
    dtype: torch.dtype | None,
    device: torch.device | str,
) -> GPT:
    names = their_names(found.shapes)
    check_shapes(_shapes_today(found), config, found.where)
    _check_tied(found, names)
    weights = {}
    for pair in pairs(config):
        if pair.kind != "tied":
            weight = found.read(names[pair.theirs]).detach().to(device, dtype)
            weights[pair.ours] = _converted(weight, pair.kind == "transpose")
    model = empty(config)
    weights["lm_head.weight"] = weights["transformer.wte.weight"]
    model.load_state_dict(weights, assign=True)
    model.lm_head.weight = model.transformer.wte.weight  # assigning made two of it
    return model.eval()


def _converted(weight: Tensor, transposed: bool) -> Tensor:
    """A copy of its own: it must not change with its source, nor keep a file open."""
    weight = weight.t() if transposed else weight
    return weight.clone(memory_format=torch.contiguous_format)


def _check_tied(found: Stored, names: Mapping[str, str]) -> None:
    head = names.get("lm_head.weight")
    if head is None:
        return
    if not torch.equal(
        found.read(head), found.read(names["transformer.wte.weight"])
    ):
        raise ValueError(
            f"{found.where}: {head} differs from wte.weight; in GPT-2 they are one matrix"
        )
