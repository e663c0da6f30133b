"""Two models, one function: the proof that weights were loaded right."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gptcore.model import GPT
from gptcore.tables import Table

# In float64 rounding leaves about 1e-14 of the largest logit, the smallest mistake seen (the
# exact GELU for the tanh form) 1e-5 of it.
TOLERANCE = 1e-12


@dataclass(frozen=True)
class Report:
    """What `verify` found. Differences are the largest between any two logits."""

    parameters: int
    their_parameters: int
    tied: bool
    difference_float32: float
    difference_float64: float
    largest_logit: float
    agreement: float  # share of positions with the same likeliest next token

    @property
    def passed(self) -> bool:
        """Whether the models are the same function: float64 decides, where rounding is small."""
        return (
            self.parameters == self.their_parameters
            and self.tied
            and self.difference_float64 <= TOLERANCE * max(1.0, self.largest_logit)
        )

    @property
    def table(self) -> Table:
        """The findings as rows."""
        return Table(
            ("check", "found"),
            (
                ("parameters, ours", f"{self.parameters:,}"),
                ("parameters, theirs", f"{self.their_parameters:,}"),
                ("lm_head tied to wte", "yes" if self.tied else "no"),
                ("largest logit", f"{self.largest_logit:.4g}"),
                ("difference in float32", f"{self.difference_float32:.2g}"),
                ("difference in float64", f"{self.difference_float64:.2g}"),
                ("same next token", f"{self.agreement:.1%}"),
                ("the same function", "yes" if self.passed else "NO"),
            ),
        )

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def verify(model: GPT, reference: nn.Module, idx: Tensor | None = None) -> Report:
    """Compare a GPT with their model of the same weights, on the CPU, on token ids idx, (B, T).

    The reference is called as `transformers` models are, and gives `.logits`. Without idx, 64
    random ids are read, or block_size if that is less. Neither model is changed.
    """
    if idx is None:
        config = model.config
        generator = torch.Generator().manual_seed(0)
        size = (1, min(64, config.block_size))
        idx = torch.randint(config.vocab_size, size, generator=generator)
    ours, theirs = (
        _logits(model, idx, torch.float32),
        _logits(reference, idx, torch.float32),
    )
    exact_ours, exact_theirs = (
        _logits(m, idx, torch.float64) for m in (model, reference)
    )
    return Report(
        parameters=count_parameters(model),
        their_parameters=count_parameters(reference),
        tied=model.lm_head.weight is model.transformer.wte.weight,
        difference_float32=_largest(ours - theirs),
        difference_float64=_largest(exact_ours - exact_theirs),
        largest_logit=_largest(exact_theirs),
        agreement=(ours.argmax(-1) == theirs.argmax(-1)).float().mean().item(),
    )


@torch.no_grad()
def _logits(model: nn.Module, idx: Tensor, dtype: torch.dtype) -> Tensor:
    """(B, T, vocab_size), by a copy of the model in that dtype."""
    output = copy.deepcopy(model).to("cpu", dtype).eval()(idx)
    return output[0] if isinstance(output, tuple) else output.logits


def _largest(values: Tensor) -> float:
    """NaN if one is."""
    return values.abs().max().item()


def count_parameters(module: nn.Module) -> int:
    """How many parameters a module has; a tied one counts once."""
    return sum(weight.numel() for weight in module.parameters())
