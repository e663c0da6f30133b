"""The config.json of their GPT-2 and our `GPTConfig`: what answers to what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gptcore.config import GPTConfig
from gptcore.pretrained.mapping import Shapes

SIZES = {  # ours: theirs
    "block_size": "n_positions",
    "vocab_size": "vocab_size",
    "n_layer": "n_layer",
    "n_head": "n_head",
    "n_embd": "n_embd",
}
# What their class can do and ours does not: each must be as GPT-2 has it.
FIXED: dict[str, tuple[Any, ...]] = {
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "layer_norm_epsilon": (1e-5,),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
    "tie_word_embeddings": (True,),
}

END_OF_TEXT_ID = 50256
"""What their class takes for the id that begins and ends a text, where config.json names none."""


def config_from(
    settings: Mapping[str, Any], where: str = "config.json"
) -> GPTConfig:
    """Our config for the contents of their config.json, without dropout.

    Raises ValueError for what is not a GPT-2, or is one that our classes would not compute.
    """
    kind = settings.get("model_type", "gpt2")  # early files leave it out
    if kind != "gpt2":
        raise ValueError(f"{where} is not a GPT-2: its config.json says {kind!r}")
    missing = [name for name in SIZES.values() if name not in settings]
    if missing:
        raise ValueError(f"{where}: config.json lacks {', '.join(missing)}")
    sizes = {ours: settings[theirs] for ours, theirs in SIZES.items()}
    try:
        config = GPTConfig(**sizes)
    except ValueError as error:
        raise ValueError(f"{where}: in config.json {error}") from None
    inner = 4 * config.n_embd
    for name, allowed in {**FIXED, "n_inner": (None, inner)}.items():
        value = settings.get(name, allowed[0])
        if value not in allowed:
            raise ValueError(
                f"{where}: config.json has {name} {value!r}, and GPT-2 {allowed[-1]!r}; "
                "our classes would compute something else"
            )
    return config


def settings_of(
    config: GPTConfig, came: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What config.json says of a model with our config: what came in with it, in today's sizes.

    Of a model that came from nowhere it says what is known. Which ids begin and end a text isn't;
    that it is none does stand there, where the vocabulary lacks the one that they would take.
    """
    sizes = {theirs: getattr(config, ours) for ours, theirs in SIZES.items()}
    if came is not None:
        return {**came, **sizes}
    ends = (
        ()
        if config.vocab_size > END_OF_TEXT_ID
        else ("bos_token_id", "eos_token_id")
    )
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        **sizes,
        **dict.fromkeys(ends),
        **{name: allowed[0] for name, allowed in FIXED.items()},
        **dict.fromkeys(
            ("attn_pdrop", "embd_pdrop", "resid_pdrop"), config.dropout
        ),
    }


def check_same(config: GPTConfig, theirs: GPTConfig, where: str) -> None:
    """Refuse a config whose sizes are not those of config.json, by ValueError."""
    for name in SIZES:
        if getattr(config, name) != getattr(theirs, name):
            raise ValueError(
                f"{where} has {name} {getattr(theirs, name)}, and the config given "
                f"{getattr(config, name)}; leave the config out"
            )


def published(shapes: Shapes, where: str) -> GPTConfig:
    """The published config whose depth and width weights have, by their names of today.

    How many heads there are, no weight tells: for other sizes it has to be said. Raises
    ValueError for those.
    """
    width = shapes.get("transformer.wte.weight", (0, 0))[-1]
    layers = sum(name.endswith(".ln_1.weight") for name in shapes)
    if not layers:
        raise ValueError(f"{where} is not a GPT-2: it has no h.0.ln_1.weight")
    for size in ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"):
        config = GPTConfig.named(size)
        if (config.n_layer, config.n_embd) == (layers, width):
            return config
    raise ValueError(
        f"{where} has no config.json beside it, and {layers} layers of width {width} are no "
        "published GPT-2; pass config=GPTConfig(...)"
    )
