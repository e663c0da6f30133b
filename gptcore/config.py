"""The sizes of a GPT, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from gptcore.checks import check_count


@dataclass(frozen=True)
class GPTConfig:
    """The numbers that fix a GPT's shape. The defaults are GPT-2 small.

    `block_size` is the longest sequence in tokens, `n_embd` the width of the residual stream.
    `dropout` is a probability: 0 suits pretraining, where data is seen about once; GPT-2 itself
    used 0.1, which helps as soon as a small text is read many times. `bias` switches the additive
    terms of the linear layers and the layer norms together, as GPT-2 has them.

    Raises ValueError for a field that no model can be built from.
    """

    block_size: int = 1024
    vocab_size: int = 50257  # 256 bytes + 50,000 merges + end of text
    n_layer: int = 12
    n_head: int = 12
    n_embd: int = 768
    dropout: float = 0.0
    bias: bool = True

    def __post_init__(self) -> None:
        for name in ("block_size", "vocab_size", "n_layer", "n_head", "n_embd"):
            check_count(name, getattr(self, name), 1)
        _check_heads(self.n_embd, self.n_head)
        if not _is_number(self.dropout) or not 0 <= self.dropout < 1:
            raise ValueError(
                f"dropout {self.dropout!r} is no probability; use 0 to below 1"
            )
        if not isinstance(self.bias, bool):
            raise ValueError(f"bias {self.bias!r} is neither True nor False")

    @property
    def head_size(self) -> int:
        """Width of one head: the residual stream's is split among the heads."""
        return self.n_embd // self.n_head

    @classmethod
    def debug(cls) -> Self:
        """Small enough for any CPU, over bytes: 256 of them and end of text."""
        return cls(block_size=128, vocab_size=257, n_layer=4, n_head=4, n_embd=128)

    @classmethod
    def gpt2(cls) -> Self:
        """GPT-2 small, 124 million parameters."""
        return cls(n_layer=12, n_head=12, n_embd=768)

    @classmethod
    def gpt2_medium(cls) -> Self:
        """GPT-2 medium, 355 million parameters."""
        return cls(n_layer=24, n_head=16, n_embd=1024)

    @classmethod
    def gpt2_large(cls) -> Self:
        """GPT-2 large, 774 million parameters."""
        return cls(n_layer=36, n_head=20, n_embd=1280)

    @classmethod
    def gpt2_xl(cls) -> Self:
        """GPT-2 XL, 1558 million parameters."""
        return cls(n_layer=48, n_head=25, n_embd=1600)

    @classmethod
    def named(cls, name: str) -> Self:
        """The config of a model on the hub, as in "gpt2-xl" or "openai-community/gpt2-xl".

        Raises ValueError for any other name.
        """
        sizes = {
            "gpt2": cls.gpt2,
            "gpt2-medium": cls.gpt2_medium,
            "gpt2-large": cls.gpt2_large,
            "gpt2-xl": cls.gpt2_xl,
        }
        size = sizes.get(name.removeprefix("openai-community/"))
        if size is None:
            raise ValueError(
                f"no GPT-2 is named {name!r}; the names are {', '.join(sizes)}"
            )
        return size()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_heads(n_embd: int, n_head: int) -> None:
    if n_embd % n_head:
        below, above = n_embd // n_head * n_head, (n_embd // n_head + 1) * n_head
        better = f"{below} or {above}" if below else f"{above}"
        raise ValueError(
            f"n_embd {n_embd} is not divisible by n_head {n_head}; use e.g. {better}"
        )
