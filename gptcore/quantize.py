"""A model in 8 bits by row: a quarter of the size, as a file that a page can load and run."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from gptcore.config import GPTConfig
from gptcore.generate import eval_mode
from gptcore.language_model import device_of, unwrapped
from gptcore.model import GPT

ROUNDING = 0.05
"""What logits may be off by, computed in another order, of their standard deviation."""

LARGEST = 127
"""Of the whole numbers that a row is written in, from -127 to 127."""


@dataclass(frozen=True)
class Rows:
    """A matrix as whole numbers, (rows, columns) in int8, and what each row of them counts in."""

    numbers: Tensor
    steps: Tensor  # (rows), float32

    def matrix(self) -> Tensor:
        """What they stand for, float32; off by half a step at most."""
        return self.numbers * self.steps[:, None]

    @property
    def nbytes(self) -> int:
        """What both take."""
        return self.numbers.nbytes + self.steps.nbytes


@dataclass(frozen=True)
class Quantized:
    """A model's weights: matrices by rows, vectors as they are. A tied matrix stands once."""

    config: GPTConfig
    matrices: Mapping[str, Rows] = field(repr=False)
    vectors: Mapping[str, Tensor] = field(repr=False)

    def model(self) -> GPT:
        """A model that computes with what is left of the weights; float32, in eval mode."""
        model = GPT(self.config)
        state = {name: rows.matrix() for name, rows in self.matrices.items()}
        state |= self.vectors
        state["lm_head.weight"] = state["transformer.wte.weight"]
        model.load_state_dict(state)
        return model.eval()

    @property
    def nbytes(self) -> int:
        """What all of it takes, in memory and but for a header in a file."""
        matrices = sum(rows.nbytes for rows in self.matrices.values())
        return matrices + sum(vector.nbytes for vector in self.vectors.values())


def quantized(model: GPT) -> Quantized:
    """The weights in 8 bits. Each row's largest becomes 127, so that none of it is cut off.

    The model itself stays as it is, on whatever device it is. A compiled or wrapped model is taken
    as what is within.

    Raises ValueError for a model of other weights than `gptcore.GPT` has with its config, or that
    computes something else with them, or whose head is not tied to its embeddings: that would get
    lost. And for weights that are no numbers.
    """
    model = unwrapped(model)
    _check_weights(model)
    if model.lm_head.weight is not model.transformer.wte.weight:
        raise ValueError(
            "lm_head.weight is not tied to transformer.wte.weight; tie it: one parameter for both"
        )
    _check_function(model)
    matrices, vectors = {}, {}
    for name, weight in model.state_dict().items():
        weight = weight.detach().float().cpu()
        if name == "lm_head.weight":
            continue  # tied to wte
        if weight.dim() == 1:
            vectors[name] = weight.clone()
            continue
        steps = weight.abs().amax(dim=1) / LARGEST
        steps = torch.where(steps > 0, steps, 1.0)  # a row of zeros has no largest
        numbers = (weight / steps[:, None]).round().to(torch.int8)
        matrices[name] = Rows(numbers, steps)
    return Quantized(model.config, matrices, vectors)


def _check_weights(model: GPT) -> None:
    """Refuse, by ValueError, weights of other names or shapes than GPT's with this config."""
    plain, held = _on_meta(model).state_dict(), model.state_dict()
    for name in (*plain, *held):
        if (
            name not in held
            or name not in plain
            or held[name].shape != plain[name].shape
        ):
            there = tuple(held[name].shape) if name in held else "missing"
            expected = tuple(plain[name].shape) if name in plain else "not there"
            raise ValueError(
                f"{name} is {there}, and in GPT with this config {expected}"
            )
        if not held[name].isfinite().all():
            raise ValueError(
                f"{name} holds nan or inf; load or train the model anew"
            )


def _check_function(model: GPT) -> None:
    """Refuse, by ValueError, a model that computes something else than GPT with its weights."""
    plain = _on_meta(model).eval()
    plain.load_state_dict(model.state_dict(), assign=True)
    config = model.config
    several = torch.arange(min(16, config.block_size), device=device_of(model))
    idx = (7 * several % config.vocab_size)[None]  # (1, T)
    with torch.no_grad(), eval_mode(model):
        theirs, ours = model(idx)[0].float(), plain(idx)[0].float()
    off = (theirs - ours).abs().max() / ours.std()
    if not off < ROUNDING:
        raise ValueError(
            "the model computes something else than GPT with its weights: its logits are off by "
            f"{off:.2g} of their standard deviation; take changes and hooks back before"
        )


def _on_meta(model: GPT) -> GPT:
    with torch.device("meta"):
        return GPT(model.config)


@dataclass(frozen=True)
class WeightsFile:
    """Quantized weights as a file under a title, for a page that runs the model."""

    title: str
    weights: Quantized

    def to_bytes(self) -> bytes:
        """A header as JSON after its length in 4 bytes, then the numbers, little-endian.

        The header holds the config, and of each weight where in the numbers it begins. All begin
        at multiples of 4 bytes: matrices in int8, the steps of their rows and vectors in float32.
        """
        parts: list[bytes] = []

        def add(values: Tensor) -> int:
            start = sum(map(len, parts))
            data = values.numpy().tobytes()
            parts.append(data + bytes(-len(data) % 4))
            return start

        weights: dict[str, dict[str, object]] = {
            name: {
                "shape": list(rows.numbers.shape),
                "numbers": add(rows.numbers),
                "steps": add(rows.steps),
            }
            for name, rows in self.weights.matrices.items()
        }
        for name, vector in self.weights.vectors.items():
            weights[name] = {"shape": list(vector.shape), "values": add(vector)}
        described = {"config": asdict(self.weights.config), "weights": weights}
        header = json.dumps(described, separators=(",", ":")).encode()
        header += b" " * (-len(header) % 4)
        return b"".join((len(header).to_bytes(4, "little"), header, *parts))

    def __repr__(self) -> str:
        return self.title

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        data = base64.b64encode(self.to_bytes()).decode("ascii")
        return {"application/octet-stream": data, "text/plain": repr(self)}
