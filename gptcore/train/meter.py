"""The numbers of each update, and the alarm where one is none.

A GPU works on what it was told a while ago. To read a number of the update at hand is to wait for
it, and then it waits for the next orders. So its numbers are sent for, read when somebody looks at
them, and looked at here an update late. On a CPU they are there.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Numbers:
    """What is told of an update."""

    loss: float
    grad_norm: float
    seconds: float


class Coming:
    """The same, on its way from a GPU: who asks for a number waits until it is there."""

    def __init__(self, loss: Tensor, grad_norm: Tensor, began: Any) -> None:
        both = torch.stack((loss, grad_norm.to(loss.dtype)))
        self._both: Any = both.to("cpu", non_blocking=True)
        self._here: Any = moment()
        self._began: Any = began
        self._ended: Any = None
        self._arrived: Numbers | None = None

    def end(self) -> None:
        """Nothing that belongs to the update comes after this."""
        self._ended = moment()

    def arrive(self) -> None:
        """Wait, and be plain numbers from now on."""
        self._arrived = Numbers(self.loss, self.grad_norm, self.seconds)
        self._both = self._here = self._began = self._ended = None

    @property
    def loss(self) -> float:
        return self._arrived.loss if self._arrived else self._read(0)

    @property
    def grad_norm(self) -> float:
        return self._arrived.grad_norm if self._arrived else self._read(1)

    @property
    def seconds(self) -> float:
        """Between the beginning and the end, on the device's own clock."""
        if self._arrived:
            return self._arrived.seconds
        self._ended.synchronize()
        return float(self._began.elapsed_time(self._ended)) / 1000

    def _read(self, place: int) -> float:
        self._here.synchronize()
        return float(self._both.tolist()[place])

    def __reduce__(self) -> tuple[type[Numbers], tuple[float, float, float]]:
        """Copied or kept, they are plain numbers."""
        return Numbers, (self.loss, self.grad_norm, self.seconds)


class Meter:
    """Reads the numbers of one update after the other, and stops a run that has none.

    `start`, then `look` as soon as there is a loss and a gradient, then `stop`. Where
    validation or saving is due, `settle` first: then neither is of what came of no number.
    """

    def __init__(
        self, device: torch.device, checkpoint: Path | None = None
    ) -> None:
        self.late = reads_late(device)
        self.checkpoint = checkpoint
        self._unseen: list[tuple[int, Numbers | Coming]] = []
        self._coming: list[Coming] = []

    def start(self) -> None:
        """The update begins now."""
        self._began = moment() if self.late else time.perf_counter()

    def look(self, step: int, loss: Tensor, grad_norm: Tensor) -> None:
        """Raises FloatingPointError if one is no number, on a GPU with the update that follows."""
        now: Numbers | Coming
        if self.late:
            now = Coming(loss, grad_norm, self._began)
        else:
            now = Numbers(loss.item(), grad_norm.item(), 0.0)
        self._now = now
        self._unseen.append((step, now))
        self._see(leave=1 if self.late else 0)

    def settle(self) -> None:
        """Wait for all; raises FloatingPointError if the last update had numbers that are none."""
        self._see(leave=0)
        while self._coming:
            self._coming.pop().arrive()

    def stop(self) -> Numbers | Coming:
        """The update has ended: its numbers."""
        if isinstance(self._now, Coming):
            self._now.end()
            self._coming.append(self._now)
            if len(self._coming) > 2:  # the one before the last has been waited for
                self._coming.pop(0).arrive()
            return self._now
        seconds = time.perf_counter() - self._began
        return Numbers(self._now.loss, self._now.grad_norm, seconds)

    def _see(self, leave: int) -> None:
        while len(self._unseen) > leave:
            step, numbers = self._unseen.pop(0)
            loss, norm = numbers.loss, numbers.grad_norm
            if not (math.isfinite(loss) and math.isfinite(norm)):
                raise FloatingPointError(stopped(step, loss, norm, self.checkpoint))


def reads_late(device: torch.device) -> bool:
    """Whether a number of this device has to be waited for."""
    return device.type == "cuda"


def moment() -> Any:
    """This point in what the GPU has been told to do."""
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def stopped(step: int, loss: float, norm: float, checkpoint: Path | None) -> str:
    """What to tell of a run whose loss or gradient is no number, and where to go on from."""
    kept = checkpoint if checkpoint and checkpoint.exists() else None
    rest = (
        f"the last good checkpoint is {kept}" if kept else "there is no checkpoint"
    )
    return (
        f"the loss is {loss} and the gradient norm {norm} at step {step}; {rest}; "
        "try a lower max_lr or more warmup"
    )
