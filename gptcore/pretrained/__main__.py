"""`python -m gptcore.pretrained gpt2 --prompt "..."` loads, verifies and generates."""

from __future__ import annotations

import argparse
import sys

import tiktoken
import torch

from gptcore.checks import check_count
from gptcore.pretrained.convert import load, reference
from gptcore.pretrained.vocabulary import tokenizer_of
from gptcore.sampling import sampler
from gptcore.tokenizer import Tokenizer, decode
from gptcore.verify import verify


def main(arguments: list[str] | None = None) -> int:
    """The command: load, verify against `transformers`, generate."""
    parser = argparse.ArgumentParser(
        prog="python -m gptcore.pretrained",
        description="Load a GPT-2 into gptcore, verify it against transformers, and let it write.",
    )
    parser.add_argument(
        "source",
        help="a name on the hub, a folder, a weight file or a checkpoint of gptcore.train",
    )
    parser.add_argument(
        "--prompt",
        default="Alan Turing theorized that computers would one day become",
    )
    parser.add_argument("--max-new-tokens", type=int, default=40)
    parser.add_argument(
        "--temperature", type=float, default=0.0, help="0, the default, is greedy"
    )
    parser.add_argument(
        "--tokenizer",
        metavar="PATH",
        help="the folder or tokenizer.json of its tokenizer; else what is beside the weights",
    )
    parser.add_argument("--stop", metavar="TEXT", help="end the text with this one")
    given = parser.parse_args(arguments)
    for name in ("prompt", "stop"):
        if getattr(given, name) == "":
            parser.error(f"--{name} is empty; give at least one character")
    try:
        check_count("--max-new-tokens", given.max_new_tokens, 0)
        sampler(given.temperature)
    except ValueError as error:
        parser.error(str(error))
    try:
        model = load(given.source, dtype=torch.float32)
        tokenizer = tokenizer_of(
            given.source, model.config.vocab_size, given.tokenizer
        )
        ids = _ids(tokenizer, given.prompt)
        report = verify(model, reference(given.source))
        print(report)
        print()
        written = model.generate(
            torch.tensor([ids]),
            given.max_new_tokens,
            given.temperature,
            stop=given.stop,
            tokenizer=tokenizer,
        )
        print(decode(tokenizer, written[0]))
    except (OSError, ValueError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0 if report.passed else 1


def _ids(tokenizer: Tokenizer, prompt: str) -> list[int]:
    if isinstance(
        tokenizer, tiktoken.Encoding
    ):  # which refuses <|endoftext|> by default
        ids = tokenizer.encode(prompt, allowed_special="all")
    else:
        ids = tokenizer.encode(prompt)
    if not ids:
        raise ValueError(f"{tokenizer.name} has no id for any of the prompt")
    return ids


if __name__ == "__main__":
    sys.exit(main())
