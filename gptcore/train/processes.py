"""One run in several processes: which one this is, and what they tell each other."""

from __future__ import annotations

import os

import torch
from torch import Tensor, distributed

from gptcore.profile import Profile


def own_device(profile: Profile) -> torch.device:
    """The device for this process: of a machine's GPUs, the one that the launcher gives it."""
    if profile.device.type != "cuda":
        return profile.device
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))


def join(device: torch.device) -> dict[str, int]:
    """This process's place among those that torch's launcher started, if it did."""
    if "RANK" not in os.environ:
        return {}
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return {
        "rank": distributed.get_rank(),
        "world_size": distributed.get_world_size(),
    }


def mean_of_processes(value: Tensor) -> Tensor:
    """The mean over all processes of a run, the value itself if there is one."""
    if distributed.is_initialized():
        distributed.all_reduce(value)
        value = value / distributed.get_world_size()
    return value


def world_size() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_first_process() -> bool:
    """Whether this process is the one that saves and prints."""
    return not distributed.is_initialized() or distributed.get_rank() == 0
