"""Fingerprints: a hash of everything that the outputs of a block depend on, and of nothing else.

A fingerprint is made from tokens, so that comments, docstrings, formatting and the version of
Python leave it as it is. It covers the block, the blocks before it that may have bound or
changed what it reads, and the definitions of the followed packages that any of them reaches.
Where the analysis can't be sure it takes more: a block may be executed once too often, and is
never replayed stale.

`Unit`, `Library` and `fingerprints` are the whole of it. A `Memory` spares the analysis where
nothing changed; `definition` and `same_code` serve code that is embedded in lessons.
"""

from sitegen.parse.tokens import same_code
from sitegen.record.fingerprint.definition import Definition, UnknownSymbolError, definition
from sitegen.record.fingerprint.library import Library
from sitegen.record.fingerprint.memory import Memory
from sitegen.record.fingerprint.modules import LibrarySyntaxError
from sitegen.record.fingerprint.units import Fingerprint, Unit, fingerprints

__all__ = [
    "Definition",
    "Fingerprint",
    "Library",
    "LibrarySyntaxError",
    "Memory",
    "Unit",
    "UnknownSymbolError",
    "definition",
    "fingerprints",
    "same_code",
]
