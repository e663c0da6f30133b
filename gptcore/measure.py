"""Looking inside a model while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gptcore.generate import eval_mode
from gptcore.model import GPT


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


def written_by(work: Callable[[], object]) -> int:
    """Bytes of all tensors that the operations in `work` make; a view makes none.

    What a fused operation keeps to itself, in registers or in a cache, never gets to memory and
    is not in it.
    """
    with _Written() as written:
        work()
    return sum(written.sizes.values())


class _Written(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[int, int] = {}
        self._kept: list[Tensor] = []  # so that no address is used twice

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        before = {
            one.untyped_storage().data_ptr()
            for one in args
            if isinstance(one, Tensor)
        }
        made = func(*args, **(kwargs or {}))
        for one in made if isinstance(made, tuple | list) else (made,):
            if isinstance(one, Tensor):
                storage = one.untyped_storage()
                if storage.data_ptr() not in before:
                    self.sizes[storage.data_ptr()] = storage.nbytes()
                    self._kept.append(one)
        return made
