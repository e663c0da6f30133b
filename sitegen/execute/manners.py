"""What a cell can rely on wherever it runs: on a page or, as part of the source, in a notebook.

Nothing of the generator is imported here, and what a function needs it imports itself: a notebook
takes its source, and the author's names stand beside it.
"""

from __future__ import annotations


def seed_cell(name: str) -> None:
    """Give a cell random numbers of its own, which depend on nothing that ran before."""
    import random
    import sys
    import zlib

    number = zlib.crc32(name.encode())
    random.seed(number)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(number)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(number)
