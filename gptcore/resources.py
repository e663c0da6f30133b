"""What lessons may need and a machine may lack, asked for by name."""

from __future__ import annotations

from gptcore.tokenizer import gpt2_tokenizer


def available(name: str) -> bool:
    """Whether this machine has the resource `name`, or can fetch it."""
    if name == "gpt2-bpe":
        try:
            gpt2_tokenizer()
        except (OSError, RuntimeError, ValueError):
            return False
        return True
    return False
