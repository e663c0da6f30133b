"""From a text to batches of token ids, and where the texts come from."""

from __future__ import annotations

from copy import copy
from importlib.resources import files
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from gptcore.checks import check_count
from gptcore.resources import TINYSHAKESPEARE, fetch


def play() -> str:
    """The play that comes with this library, 41,000 letters in the form of TinyShakespeare."""
    return files("gptcore").joinpath("corpus/play.txt").read_text(encoding="ascii")


def tinyshakespeare() -> str:
    """A million letters of Shakespeare, from this machine or downloaded.

    Raises ConnectionError or ValueError as `gptcore.resources.fetch` does.
    """
    return fetch(TINYSHAKESPEARE).read_text(encoding="utf-8")


def split(text: str, share: float = 0.9) -> tuple[str, str]:
    """The beginning of a text to train on, and its end, cut after a line, to validate on.

    Raises ValueError for a share that is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"share {share!r} is not between 0 and 1; use e.g. 0.9")
    cut = text.find("\n", int(len(text) * share)) + 1 or len(text)
    return text[:cut], text[cut:]


def row_of_ids(ids: Any) -> Tensor:
    """Token ids as one row of int64; raises ValueError for what is none."""
    row = None if isinstance(ids, str | bytes) else torch.as_tensor(ids)
    if row is None or row.ndim != 1 or row.is_floating_point():
        what = (
            type(ids).__name__
            if row is None
            else f"{row.dtype}, {tuple(row.shape)}"
        )
        raise ValueError(
            f"ids are to be one row of whole numbers, and are {what}; encode the text first"
        )
    return row.long()


class TokenDataset(Dataset[tuple[Tensor, Tensor]]):
    """Windows over a row of token ids: `dataset[i]` is what is read, and what follows each.

    Both are int64, (block_size); the second is the first, shifted by one. There is a window for
    every `stride` tokens.

    Raises ValueError if the ids don't fill one window, or are no row of whole numbers.
    """

    def __init__(
        self, ids: list[int] | Tensor, block_size: int, stride: int = 1
    ) -> None:
        check_count("block_size", block_size, 1)
        check_count("stride", stride, 1)
        self.ids = row_of_ids(ids)
        self.block_size = block_size
        self.stride = stride
        if len(self.ids) <= block_size:
            raise ValueError(
                f"{len(self.ids)} tokens are too few for one window of {block_size} and the "
                "token after it; take a longer text, or a smaller block_size"
            )

    def __len__(self) -> int:
        return (len(self.ids) - self.block_size - 1) // self.stride + 1

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        start = range(0, len(self) * self.stride, self.stride)[index]
        window = self.ids[start : start + self.block_size + 1]  # (block_size + 1)
        return window[:-1], window[1:]

    def windows(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Several at once: for (B) indices, each (B, block_size)."""
        window = torch.arange(self.block_size + 1, device=indices.device)
        places = indices[:, None] * self.stride + window  # (B, block_size + 1)
        window = self.ids[places]
        return window[:, :-1], window[:, 1:]


class Batches:
    """Endless random batches: every window comes once before any comes again.

    An iterator that never starts over by itself, and can be continued where it was:
    `state_dict` holds its place. Of several processes, each takes its own part of every batch.
    Gives (x, y), each int64, (batch_size / world_size, block_size), gathered on `device`: ids and
    order are there, so that nothing has to be sent for a batch.
    """

    def __init__(
        self,
        dataset: TokenDataset,
        batch_size: int,
        seed: int = 0,
        device: torch.device | str = "cpu",
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        check_count("batch_size", batch_size, 1)
        if batch_size % world_size:
            raise ValueError(
                f"batch_size {batch_size} is not divisible by the {world_size} processes"
            )
        self.dataset = copy(dataset)
        self.dataset.ids = dataset.ids.to(device)
        self.batch_size = batch_size
        self.device = device
        self.part = slice(
            rank * batch_size // world_size, (rank + 1) * batch_size // world_size
        )
        self.generator = torch.Generator().manual_seed(seed)
        self.position = 0
        self._shuffle()

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> tuple[Tensor, Tensor]:
        chosen, missing = [], self.batch_size
        while missing:
            if self.position >= len(self.order):
                self._shuffle()
            taken = self.order[self.position : self.position + missing]
            chosen.append(taken)
            missing -= len(taken)
            self.position += len(taken)
        return self.dataset.windows(torch.cat(chosen)[self.part])

    def _shuffle(self) -> None:
        self._before = self.generator.get_state()
        # Drawn on the CPU, whose random numbers are the same everywhere.
        order = torch.randperm(
            len(self.dataset), generator=self.generator, device="cpu"
        )
        self.order = order.to(self.device)
        self.position = 0

    def state_dict(self) -> dict[str, Any]:
        """Where it is, for `load_state_dict`."""
        return {
            "generator": self._before,
            "position": self.position,
            "windows": len(self.dataset),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where another was, over the same dataset.

        Raises ValueError as `check` does.
        """
        self.check(state)
        self.generator.set_state(state["generator"].cpu())
        self._shuffle()
        self.position = state["position"]

    def check(self, state: dict[str, Any]) -> None:
        """Refuse, by ValueError, to continue what was over a dataset of another length.

        What is no such state may raise other errors.
        """
        windows = state.get("windows", len(self.dataset))
        if windows != len(self.dataset):
            raise ValueError(
                f"the text has {len(self.dataset)} windows, and that of the run so far {windows}; "
                "go on with the same text, or begin anew"
            )
        check_count("position", state["position"], 0)
        if state["position"] > windows:
            raise ValueError(
                f"position {state['position']} is not within the {windows} windows of the text"
            )
        torch.Generator().set_state(state["generator"].cpu())
