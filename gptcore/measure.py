"""Looking inside a model while it runs, and at the clock."""

from __future__ import annotations

import time
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gptcore.decode import cuda_graph
from gptcore.generate import eval_mode
from gptcore.model import GPT

T = TypeVar("T")


def seconds_waited(
    work: Callable[[], object], device: torch.device, repeats: int = 5
) -> float:
    """Seconds from a call of `work` until all of it is done: the shortest of several.

    What the call itself takes is part of it. One more call goes before, to warm up.
    """
    times = []
    for _ in range(repeats + 1):
        _wait(device)  # a GPU works on when a call has come back
        began = time.perf_counter()
        work()
        _wait(device)
        times.append(time.perf_counter() - began)
    return min(times[1:])


def seconds_worked(
    work: Callable[[T], Tensor],
    inputs: Sequence[T],
    device: torch.device,
    repeats: int = 5,
) -> float:
    """Seconds that `work` takes the device for one of the inputs: the shortest of several means.

    On CUDA without the calls: all of them are recorded as one graph, which is replayed and timed
    by the device. Elsewhere calls are part of it. The results for all inputs are held at once;
    give so many inputs that no cache holds them, where it is about memory.
    """
    results: list[Tensor] = []

    def every() -> Tensor:
        results[:] = [work(one) for one in inputs]
        return results[-1]

    if device.type != "cuda":
        return seconds_waited(every, device, repeats) / len(inputs)
    replay = cuda_graph(every)
    times = []
    for _ in range(repeats + 1):
        began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        began.record()
        replay()
        ended.record()
        ended.synchronize()
        times.append(began.elapsed_time(ended) / 1000)  # it tells milliseconds
    return min(times[1:]) / len(inputs)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


@torch.no_grad()
def residual_std(model: GPT, idx: Tensor) -> list[float]:
    """Standard deviation of the residual stream for idx, (B, T), over all its numbers.

    The first is that of the embeddings, then comes one after each block: n_layer + 1 in all.
    """
    stds: list[float] = []

    def record(_module: object, _inputs: object, output: Tensor) -> None:
        stds.append(output.float().std().item())

    stages = [model.transformer.drop, *model.transformer.h]
    hooks = [stage.register_forward_hook(record) for stage in stages]
    try:
        with eval_mode(model):
            model(idx)
    finally:
        for hook in hooks:
            hook.remove()
    return stds


def peak_bytes(work: Callable[[], object], device: torch.device) -> int:
    """The most bytes that `work` takes on `device` at one time, what it gives back included.

    On CUDA the allocator knows. Elsewhere the tensors of all operations are counted for as long
    as they live; what a fused operation keeps to itself, in registers or in a cache, is no tensor.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return torch.cuda.max_memory_allocated() - before
    with _Alive() as alive:
        work()
    return alive.peak


class _Alive(TorchDispatchMode):
    """Counts the bytes of the storages that operations made and some tensor still has."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = self.now = 0
        self._holders: Counter[int] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        given = {
            one.untyped_storage().data_ptr()
            for one in args
            if isinstance(one, Tensor)
        }
        made = func(*args, **(kwargs or {}))
        for one in made if isinstance(made, tuple | list) else (made,):
            if isinstance(one, Tensor):
                self._hold(one, given)
        self.peak = max(self.peak, self.now)
        return made

    def _hold(self, tensor: Tensor, given: Collection[int]) -> None:
        storage = tensor.untyped_storage()
        place, size = storage.data_ptr(), storage.nbytes()
        if place not in self._holders:
            if place in given:  # a view of what there was before
                return
            self.now += size
        self._holders[place] += 1
        weakref.finalize(tensor, self._release, place, size)

    def _release(self, place: int, size: int) -> None:
        self._holders[place] -= 1
        if not self._holders[place]:
            del self._holders[place]
            self.now -= size
