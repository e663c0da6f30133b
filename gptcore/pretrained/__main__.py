"""`python -m gptcore.pretrained gpt2 --prompt "..."` loads, verifies and generates."""

from __future__ import annotations

import argparse
import sys

import torch

from gptcore.config import GPTConfig
from gptcore.model import GPT
from gptcore.pretrained.convert import load, reference
from gptcore.tokenizer import byte_tokenizer, decode, gpt2_tokenizer
from gptcore.verify import verify


def main(arguments: list[str] | None = None) -> int:
    """The command: load, verify against `transformers`, generate."""
    parser = argparse.ArgumentParser(
        prog="python -m gptcore.pretrained",
        description="Load a GPT-2 into gptcore, verify it against transformers, and let it write.",
    )
    parser.add_argument(
        "source", help="a name on the hub, a folder or a weight file"
    )
    parser.add_argument(
        "--prompt",
        default="Alan Turing theorized that computers would one day become",
    )
    parser.add_argument("--max-new-tokens", type=int, default=40)
    parser.add_argument(
        "--temperature", type=float, default=0.0, help="0, the default, is greedy"
    )
    given = parser.parse_args(arguments)
    if not given.prompt:
        parser.error("--prompt is empty; give at least one character")
    try:
        model = load(given.source, dtype=torch.float32)
        report = verify(model, reference(given.source))
        print(report)
        print()
        print(
            _written(model, given.prompt, given.max_new_tokens, given.temperature)
        )
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0 if report.passed else 1


def _written(model: GPT, prompt: str, count: int, temperature: float) -> str:
    own = model.config.vocab_size == GPTConfig.gpt2().vocab_size
    tokenizer = gpt2_tokenizer() if own else byte_tokenizer()
    idx = torch.tensor([tokenizer.encode(prompt)])
    return decode(tokenizer, model.generate(idx, count, temperature)[0])


if __name__ == "__main__":
    sys.exit(main())
