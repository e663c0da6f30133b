"""Their weights in our classes, and ours in their layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from gptcore.config import GPTConfig
from gptcore.files import put_back, replacing, try_place, why_unreadable
from gptcore.language_model import unwrapped
from gptcore.model import GPT
from gptcore.pretrained.files import Stored, in_memory, read_json
from gptcore.pretrained.mapping import (
    WRAPPERS,
    check_shapes,
    empty,
    our_shapes,
    pairs,
    their_names,
    their_shapes,
)
from gptcore.pretrained.source import fetch_beside, open_source
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
    what is not a GPT-2 of that config, by the name of what is missing, unexpected or wrong,
    TypeError for a dtype that is none of floating point.
    """
    if dtype is not None and not getattr(dtype, "is_floating_point", False):
        raise TypeError(
            f"dtype {dtype!r} is none for weights; use torch.float32, or None as they are stored"
        )
    found, settings = open_source(source)
    if found.own is not None:
        check_same(config or found.own, found.own, str(source))
        return _build(found, found.own, dtype, device)
    if settings is not None:
        theirs = config_from(settings, str(source))
        check_same(config or theirs, theirs, str(source))
        config = config or theirs
    model = _build(found, config or _published(found), dtype, device)
    writing = fetch_beside(source, "generation_config.json")
    came = Came(settings, read_json(writing) if writing else None)
    model.came = came  # type: ignore[assignment]
    return model


@dataclass(frozen=True)
class Came:
    """What came with a model beside its weights, to go out with it again."""

    config: dict[str, Any] | None
    generation: dict[str, Any] | None


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

    With a loaded model goes what came with it: all else that config.json said, and
    generation_config.json, if there was one. All files are written whole, or none is. A compiled
    or wrapped model is saved as what is within.

    Raises ValueError for a model that their layout cannot express, or whose parts compute something
    else than GPT-2's, OSError where nothing can be written.
    """
    model = unwrapped(model)
    if not isinstance(model, GPT):
        raise ValueError(f"{type(model).__name__} is no GPT; save its state_dict()")
    if not model.config.bias:
        raise ValueError("the model has bias=False; GPT-2's layout has biases")
    _check_parts(model)
    if model.lm_head.weight is not model.transformer.wte.weight:
        raise ValueError(
            "lm_head.weight is not tied to transformer.wte.weight; tie it: one parameter for both"
        )
    came = getattr(model, "came", Came(None, None))
    settings = settings_of(model.config, came.config)
    for name in ("dtype", "torch_dtype"):
        if name in settings:
            settings[name] = str(model.lm_head.weight.dtype).removeprefix("torch.")
    texts = {"config.json": settings, "generation_config.json": came.generation}
    folder = Path(folder)
    written = [name for name, content in texts.items() if content is not None]
    for name in (*written, "model.safetensors"):  # none of them, if one can't be
        try_place(folder / name)
    with ExitStack() as stack:
        for name in (*texts, "model.safetensors"):
            stack.enter_context(put_back(folder / name))
        for name, content in texts.items():
            if content is None:  # and what is there is of another model
                (folder / name).unlink(missing_ok=True)
            else:
                part = stack.enter_context(replacing(folder / name))
                text = json.dumps(content, indent=2) + "\n"
                part.write_text(text, encoding="utf-8")
        part = stack.enter_context(replacing(folder / "model.safetensors"))
        save_file(to_weights(model), part, {"format": "pt"})


def _check_parts(model: GPT) -> None:
    """Refuse, by ValueError, a model that computes something else than GPT-2 with its config.

    What dropout there is, and who watches by hooks, is no matter of the weights.
    """
    parts, plain = (
        dict(one.named_modules(remove_duplicate=False))
        for one in (model, empty(model.config))
    )
    for name in (*plain, *parts):
        mine, expected = parts.get(name), plain.get(name)
        where = name or type(model).__name__
        if mine is None or expected is None:
            raise ValueError(
                f"{where} is {'missing' if mine is None else 'no part of GPT-2'}; its layout has "
                "no place for a model of other parts"
            )
        if _forward(mine) != _forward(expected):
            raise ValueError(
                f"{where} computes otherwise than in GPT-2, as {type(mine).__name__}; loaded "
                "again, it would be another function"
            )
        for key, value in vars(expected).items():
            if key[0] == "_" or key in ("training", "p", "dropout_p"):
                continue
            found = getattr(mine, key, None)
            if found != value:
                raise ValueError(
                    f"{where}.{key} is {found}, and in GPT-2 with this config {value}"
                )
    weights, shapes = model.state_dict(), our_shapes(model.config)
    for name in (*shapes, *weights):
        shape = tuple(weights[name].shape) if name in weights else "missing"
        if shape != shapes.get(name):
            raise ValueError(
                f"{name} is {shape}, and in GPT-2 with this config {shapes.get(name, 'not there')}"
            )


def _forward(part: nn.Module) -> object:
    """The code that a call of a part runs."""
    return getattr(part.forward, "__func__", part.forward)


def to_weights(model: GPT) -> dict[str, Tensor]:
    """A model's weights in their layout, each on its own memory; a tied one once."""
    model = unwrapped(model)
    ours = model.state_dict()
    return {
        pair.theirs: _converted(ours[pair.ours], pair.kind == "transpose")
        for pair in pairs(model.config)
        if pair.kind != "tied"
    }


def reference(source: str | Path) -> nn.Module:
    """Their own model with the same weights, in float32 and eval mode, to compare with."""
    found, settings = open_source(source)
    if found.own is not None:
        return _translated(_build(found, found.own, torch.float32, "cpu"))
    settings = settings or settings_of(_published(found))
    try:
        return _their_own(source, found, settings).float().eval()
    except Exception as error:  # theirs raises whatever its libraries do
        reason = why_unreadable(error)
        raise ValueError(f"transformers can't load {source}: {reason}") from error


def _their_own(
    source: str | Path, found: Stored, settings: dict[str, Any]
) -> nn.Module:
    """Their model, by their own reader but for a single file and for names with prefixes."""
    from transformers import GPT2Config, GPT2LMHeadModel

    # How it answers and by which kernel is no matter of the function.
    config = GPT2Config(
        **{**settings, "return_dict": True, "_attn_implementation": None}
    )
    if not Path(source).is_file() and not any(map(WRAPPERS.match, found.shapes)):
        return GPT2LMHeadModel.from_pretrained(
            str(source), config=config, dtype=torch.float32
        )
    theirs = GPT2LMHeadModel(config)
    names = their_names(found.shapes)
    weights = {today: found.read(stored) for today, stored in names.items()}
    weights.setdefault("lm_head.weight", weights["transformer.wte.weight"])
    theirs.load_state_dict(weights)
    return theirs


def _translated(model: GPT) -> nn.Module:
    """Their own model with the weights of one of ours; biases that it lacks are 0."""
    from transformers import GPT2Config, GPT2LMHeadModel

    theirs = GPT2LMHeadModel(GPT2Config(**settings_of(model.config)))
    weights = to_weights(model)
    weights["lm_head.weight"] = weights["transformer.wte.weight"]
    theirs.load_state_dict(weights, strict=model.config.bias)
    if not model.config.bias:
        for part in theirs.modules():
            bias = getattr(part, "bias", None)
            if isinstance(bias, nn.Parameter):
                # They can't leave it out: so it is 0, and no parameter.
                del part.bias
                part.register_buffer("bias", torch.zeros_like(bias))
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
    own = found.own is not None
    expected = our_shapes(config) if own else their_shapes(config)
    check_shapes(_shapes_today(found), expected, config, found.where)
    _check_tied(found, names, device)
    weights = {}
    for pair in pairs(config):
        if pair.kind != "tied":
            name = names[pair.ours if own else pair.theirs]
            weight = _read(found, name, device).to(device, dtype)
            transposed = pair.kind == "transpose" and not own
            weights[pair.ours] = _converted(weight, transposed)
    model = empty(config)
    weights["lm_head.weight"] = weights["transformer.wte.weight"]
    model.load_state_dict(weights, assign=True)
    return model.eval()


def _read(found: Stored, name: str, device: torch.device | str) -> Tensor:
    """A weight for a device. Raises ValueError for one that holds no plain floating point."""
    weight = found.read(name).detach()
    if not weight.is_floating_point():
        raise ValueError(
            f"{found.where}: {name} is in {weight.dtype}, as quantized weights are; "
            "load those in float32, float16 or bfloat16"
        )
    if weight.layout is not torch.strided:
        raise ValueError(
            f"{found.where}: {name} is in {weight.layout}; save it as to_dense() gives it"
        )
    if weight.is_meta and torch.device(device).type != "meta":
        raise ValueError(
            f"{found.where}: {name} is on the meta device, which holds no numbers"
        )
    return weight


def _converted(weight: Tensor, transposed: bool) -> Tensor:
    """A copy of its own: it must not change with its source, nor keep a file open."""
    weight = weight.t() if transposed else weight
    return weight.clone(memory_format=torch.contiguous_format)


def _check_tied(
    found: Stored, names: Mapping[str, str], device: torch.device | str
) -> None:
    if "lm_head.weight" not in names:
        return
    head, wte = names["lm_head.weight"], names["transformer.wte.weight"]
    one, other = (_read(found, name, device) for name in (head, wte))
    if one.is_meta or torch.equal(one, other):
        return
    if other.isnan().any():  # which equals nothing, itself included
        raise ValueError(f"{found.where}: {wte} holds nan; get or train it anew")
    raise ValueError(
        f"{found.where}: {head} differs from wte.weight; in GPT-2 they are one matrix"
    )
