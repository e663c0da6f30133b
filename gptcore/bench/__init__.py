"""How fast training and generation are here, beside what the machine allows and other code gives.

`python -m gptcore.bench` is the command. `works` says what is measured and holds the formulas,
`ceilings` asks the machine, `models` makes the models, `training` and `decoding` measure them in
turns, `report` shows. On CUDA: bfloat16, flash attention, torch.compile and a CUDA graph for
decoding, beside it `gptcore.fused`; on a CPU float32, and weights laid out for decoding.
"""

from gptcore.bench.works import (
    QUICK,
    Result,
    Work,
    decode_bytes,
    flops_per_token,
)

__all__ = ["QUICK", "Result", "Work", "decode_bytes", "flops_per_token"]
