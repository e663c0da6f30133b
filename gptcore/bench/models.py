"""The models that are compared: ours, and those of other code with the same sizes."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import sys
from pathlib import Path
from typing import Any

from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.utils import logging

from gptcore.config import GPTConfig
from gptcore.model import GPT
from gptcore.pretrained.their_config import settings_of


def ours_and_theirs(config: GPTConfig, nanogpt: Path | None) -> dict[str, Any]:
    """A model of each code by its name, nanoGPT's if its folder is given.

    Raises FileNotFoundError or ValueError if that is none.
    """
    logging.set_verbosity_error()
    settings = settings_of(config)
    # Nothing ends a text early: all are to generate the same number of tokens.
    settings |= {"eos_token_id": None, "bos_token_id": None, "pad_token_id": 0}
    models: dict[str, Any] = {
        "gptcore": GPT(config),
        "huggingface": GPT2LMHeadModel(GPT2Config(**settings)),
    }
    if nanogpt is not None:
        models["nanogpt"] = their_nanogpt(config, nanogpt)
    return models


def nanogpt_otherwise(config: GPTConfig, nanogpt: Path) -> dict[str, Any]:
    """nanoGPT as it doesn't come: with our GELU, and with its vocabulary padded as it trains.

    As it comes it has the exact GELU, which is another function than GPT-2's, and on some machines
    a cheaper one. 50,304 ids instead of 50,257 is what its own training takes.
    """
    same = their_nanogpt(config, nanogpt)
    for part in same.modules():
        if isinstance(part, nn.GELU):
            part.approximate = "tanh"
    padded = dataclasses.replace(
        config, vocab_size=-(-config.vocab_size // 64) * 64
    )
    return {
        "nanogpt, tanh GELU": same,
        f"nanogpt, {padded.vocab_size} ids": their_nanogpt(padded, nanogpt),
    }


def their_nanogpt(config: GPTConfig, nanogpt: Path) -> Any:
    """nanoGPT's own class with our sizes."""
    theirs = imported(nanogpt)
    with contextlib.redirect_stdout(sys.stderr):  # it prints its size
        return theirs.GPT(theirs.GPTConfig(**dataclasses.asdict(config)))


def imported(nanogpt: Path) -> Any:
    """The module `model.py` of a checkout of nanoGPT.

    Raises FileNotFoundError if it has none, ValueError if that is another's.
    """
    path = nanogpt / "model.py"
    if not path.is_file():
        raise FileNotFoundError(
            f"{nanogpt} has no model.py; name a checkout of nanoGPT"
        )
    spec = importlib.util.spec_from_file_location("nanogpt_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever others' code raises
        why = str(error).partition("\n")[0]
        raise ValueError(
            f"{path} cannot be imported: {type(error).__name__}: {why}"
        ) from error
    for name in ("GPT", "GPTConfig"):
        if not hasattr(module, name):
            raise ValueError(f"{path} has no {name}; name a checkout of nanoGPT")
    return module
