"""A run on disk: everything it needs to go on as if it had never stopped.

Of several processes, the first saves and all load. Weights, optimizer and data go on for all of
them, but the random numbers are those of the first: in the others, dropout starts anew.
"""

from __future__ import annotations

import pickle
import random
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed
from torch.optim import Optimizer

from gptcore.checks import check_count
from gptcore.data import Batches
from gptcore.files import replacing, why_unreadable
from gptcore.language_model import config_of, unwrapped
from gptcore.model import GPT


def save(
    path: Path, step: int, model: GPT, optimizer: Optimizer, batches: list[Batches]
) -> None:
    """Write a checkpoint after `step` updates; a file that is there is replaced in one step.

    A compiled or wrapped model is saved as what is within.

    Raises OSError where it can't be written; what was there is then as before.
    """
    model = unwrapped(model)
    state = {
        "step": step,
        "config": asdict(config_of(model)),
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "names": names_of(optimizer, model),
        "batches": [one.state_dict() for one in batches],
        "random": random_states(next(model.parameters()).device),
    }
    with replacing(path) as part:
        torch.save(state, part)


def load(
    path: Path, model: GPT, optimizer: Optimizer, batches: list[Batches]
) -> int:
    """Continue from a checkpoint; gives the number of updates done.

    The optimizer goes on with what it has gathered, and with the settings it was made with now.

    Raises ValueError if it is damaged, or of another model or optimizer, or of another text;
    nothing is changed then.
    """
    model = unwrapped(model)
    device = next(model.parameters()).device
    state = _read(path, device)
    try:
        _check(state, model, optimizer, batches)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RuntimeError,
        TypeError,
    ) as error:
        why = f"{type(error).__name__}: {why_unreadable(error)}"
        raise ValueError(f"{path} is damaged: {why}") from None
    model.load_state_dict(state["model"])
    settings = [
        {name: value for name, value in group.items() if name != "params"}
        for group in optimizer.param_groups
    ]
    optimizer.load_state_dict(state["optimizer"])
    for group, wanted in zip(optimizer.param_groups, settings, strict=True):
        group.update(wanted)
    # Validation may come or go: its batches then begin anew.
    for one, saved in zip(batches, state["batches"], strict=False):
        one.load_state_dict(saved)
    if not distributed.is_initialized() or distributed.get_rank() == 0:
        set_random_states(state["random"], device)
    return int(state["step"])


def updates(path: Path) -> int:
    """How many a checkpoint comes after; raises ValueError if it can't be read."""
    return int(_read(path, torch.device("meta"))["step"])  # and no weights


def _read(path: Path, device: torch.device) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(
            path, map_location=device, weights_only=True
        )
        missing = {
            "step",
            "config",
            "model",
            "optimizer",
            "batches",
            "random",
        } - set(state)
        if missing:
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    except (
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
        EOFError,
        pickle.UnpicklingError,
    ) as error:
        why = why_unreadable(error)
        if isinstance(error, pickle.UnpicklingError) and zipfile.is_zipfile(path):
            why = "it holds Python's own objects, such as a whole model"
        raise ValueError(
            f"{path} is no checkpoint that can be read: {why}"
        ) from None
    return state


def _check(
    state: dict[str, Any], model: GPT, optimizer: Optimizer, batches: list[Batches]
) -> None:
    """Look at all that is to be assigned; what is damaged may raise whatever it does."""
    check_count("step", state["step"], 0)
    _check_model(state, model)
    _check_optimizer(state, optimizer, model)
    if not state["batches"]:
        raise ValueError("it lacks its place in the text")
    for one, saved in zip(batches, state["batches"], strict=False):
        one.check(saved)
    _check_random_states(state["random"], next(model.parameters()).device)


def _check_model(state: dict[str, Any], model: GPT) -> None:
    """Refuse, by ValueError, weights of another config, or of parts that were changed."""
    config, mine = state["config"], asdict(config_of(model))
    if config != mine:
        differing = [
            f"{name} {config.get(name, 'unset')}, not {mine.get(name, 'unset')}"
            for name in mine | config
            if config.get(name, "unset") != mine.get(name, "unset")
        ]
        raise ValueError(f"it is of another model, with {'; '.join(differing)}")
    kept, wanted = (
        {name: _form(weight) for name, weight in weights.items()}
        for weights in (state["model"], model.state_dict())
    )
    names = (*wanted, *kept)
    other = next((n for n in names if kept.get(n) != wanted.get(n)), None)
    if other:
        raise ValueError(
            f"it is of a model with other parts: its {other} is {kept.get(other, 'missing')}, "
            f"and here {wanted.get(other, 'missing')}"
        )


def _form(tensor: Tensor) -> str:
    """Its shape, and its dtype if that is of whole numbers: fractions of any are taken."""
    kind = "" if tensor.is_floating_point() else f" of {tensor.dtype}"
    return f"{tuple(tensor.shape)}{kind}"


def _check_optimizer(
    state: dict[str, Any], optimizer: Optimizer, model: GPT
) -> None:
    """Refuse, by ValueError, what an optimizer of other weights has gathered."""
    kept, mine = (
        [group["params"] for group in saved["param_groups"]]
        for saved in (state["optimizer"], optimizer.state_dict())
    )
    if kept != mine:
        raise ValueError(
            f"its optimizer is of {[len(g) for g in kept]} weights in groups, and the one here "
            f"of {[len(g) for g in mine]}; freeze and group them as they were, or begin anew"
        )
    for group, theirs in zip(
        optimizer.param_groups, state["optimizer"]["param_groups"], strict=True
    ):
        # Another version of torch may know settings more, or less.
        unknown, unset = group.keys() - theirs.keys(), theirs.keys() - group.keys()
        if unknown and unset:
            raise ValueError(
                f"its optimizer has {', '.join(sorted(unset))}, and the one here "
                f"{', '.join(sorted(unknown))}; go on with the same kind, or begin anew"
            )
    names = names_of(optimizer, model)
    # A checkpoint from before they were saved goes by the weights' places alone.
    for theirs, ours in zip(state.get("names", names), names, strict=True):
        if theirs != ours:
            raise ValueError(
                f"its optimizer has {theirs} where here is {ours}; "
                "register and freeze them as they were, or begin anew"
            )
    _check_gathered(state["optimizer"]["state"], optimizer, names)


def _check_gathered(
    gathered: dict[int, dict[str, Tensor]], optimizer: Optimizer, names: list[str]
) -> None:
    """Refuse, by ValueError, what isn't of the form of the weight that it was gathered for."""
    parts = sorted({part for of_one in gathered.values() for part in of_one})
    weights = [w for group in optimizer.param_groups for w in group["params"]]
    for place, (name, weight) in enumerate(zip(names, weights, strict=True)):
        # A weight that never had a gradient has nothing.
        for part in parts if place in gathered else ():
            form = _form(gathered[place][part])
            wanted = "()" if part == "step" else _form(weight)
            if form != wanted:
                raise ValueError(
                    f"its optimizer's {part} of {name} is {form}, not {wanted}"
                )


def names_of(optimizer: Optimizer, model: GPT) -> list[str]:
    """The weights that an optimizer is of, in its order: it tells them by their places alone."""
    names = {weight: name for name, weight in model.named_parameters()}
    return [
        names.get(weight, "a weight of no name")
        for group in optimizer.param_groups
        for weight in group["params"]
    ]


def random_states(device: torch.device) -> dict[str, Any]:
    """The states of all random numbers that a run on `device` draws, for `set_random_states`."""
    legacy = np.random.get_state(legacy=True)
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "python": random.getstate(),
        "numpy": [
            part.tolist() if isinstance(part, np.ndarray) else part
            for part in legacy
        ],
    }


def set_random_states(states: dict[str, Any], device: torch.device) -> None:
    """Continue as `random_states` found them; a GPU stays as it is if they are a CPU's."""
    torch.set_rng_state(states["torch"].cpu())
    if device.type == "cuda" and states["cuda"] is not None:
        torch.cuda.set_rng_state(states["cuda"].cpu(), device)
    random.setstate(states["python"])
    np.random.set_state(tuple(states["numpy"]))


def _check_random_states(states: dict[str, Any], device: torch.device) -> None:
    """Try them on generators that nothing draws from."""
    torch.Generator().set_state(states["torch"].cpu())
    if device.type == "cuda" and states["cuda"] is not None:
        torch.Generator(device).set_state(states["cuda"].cpu())
    random.Random().setstate(states["python"])
    np.random.RandomState().set_state(tuple(states["numpy"]))
