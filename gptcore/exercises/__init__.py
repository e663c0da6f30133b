"""An answer to an exercise -> a `Verdict`: whether it is right, and if not, why.

In: what a learner wrote, mostly a function, which is tried on small numbers. Out: a verdict that
a page and a notebook show. What an answer raises is told in it; only what is no `Exception`, such
as KeyboardInterrupt, goes through. A module for each lesson; no check knows of lessons' texts,
pages or notebooks.
"""

from gptcore.exercises.building_nanogpt import (
    check_attention,
    check_attention_weights,
    check_block,
    check_block_parameters,
    check_feed_forward,
    check_gpt,
    check_greedy,
    check_head,
    check_join_heads,
    check_measure,
)
from gptcore.exercises.loading_real_weights import (
    check_config,
    check_load,
    check_renamed,
    check_same_function,
    check_transposed,
)
from gptcore.exercises.pretraining import (
    check_accumulate,
    check_clipping,
    check_learning_rate,
    check_peaks,
    check_split,
    check_training_step,
    check_window,
)
from gptcore.exercises.verdict import Verdict, WrongAnswerError

__all__ = [
    "Verdict",
    "WrongAnswerError",
    "check_accumulate",
    "check_attention",
    "check_attention_weights",
    "check_block",
    "check_block_parameters",
    "check_clipping",
    "check_config",
    "check_feed_forward",
    "check_gpt",
    "check_greedy",
    "check_head",
    "check_join_heads",
    "check_learning_rate",
    "check_load",
    "check_measure",
    "check_peaks",
    "check_renamed",
    "check_same_function",
    "check_split",
    "check_training_step",
    "check_transposed",
    "check_window",
]
