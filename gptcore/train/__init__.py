"""Batches of ids -> a trained GPT, told as a series of events.

In: a model, batches and a plan. Out: an event for each update, and checkpoints. `loop` is what a
lesson shows, `meter` reads its numbers, `economical` is what a GPU does instead of the plain
forward pass, `processes` what several processes share; `python -m gptcore.train` is the command.
Nothing here knows where a text came from, or how an event is shown.
"""

from gptcore.train.loop import (
    Step,
    TrainConfig,
    adamw,
    check_run,
    evaluate,
    mixed_precision,
    prepared,
    train,
)
from gptcore.train.meter import Meter
from gptcore.train.processes import (
    is_first_process,
    mean_of_processes,
    world_size,
)

__all__ = [
    "Meter",
    "Step",
    "TrainConfig",
    "adamw",
    "check_run",
    "evaluate",
    "is_first_process",
    "mean_of_processes",
    "mixed_precision",
    "prepared",
    "train",
    "world_size",
]
