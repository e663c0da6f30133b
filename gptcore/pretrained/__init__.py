"""GPT-2's published weights in our own classes, and ours in their layout.

In: a name on the hub, a folder, a file or a state dict. Out: a `GPT`, or a folder that
`transformers` loads. `source` finds weights, `files` reads them one at a time, `mapping` says
which goes where, `convert` does it; `python -m gptcore.pretrained` is the command. Nothing here
knows how a model computes, but for its names and shapes.
"""

from gptcore.pretrained.convert import (
    from_weights,
    load,
    reference,
    save,
    to_weights,
)

__all__ = ["from_weights", "load", "reference", "save", "to_weights"]
