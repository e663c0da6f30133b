"""What the processes that run blocks inherit."""

from __future__ import annotations

import os
from pathlib import Path

from sitegen.parse.config import BUILT_IN, PACKAGE

FIXED = {
    # One thread each: the order of additions, and so the last digits of a sum, must not
    # depend on how many cores a machine has.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "PYTHONHASHSEED": "0",
    # What a child has printed must not wait in it until it is ended.
    "PYTHONUNBUFFERED": "1",
    "PYTHONUTF8": "1",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "COLUMNS": "100",
    "NO_COLOR": "1",
    "MPLBACKEND": "module://sitegen.execute.pyplot_backend",
    "MATPLOTLIBRC": str(Path(__file__).with_name("matplotlibrc")),
}

PLACES = {
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONEXECUTABLE",
    "PYTHONHOME",
    "PYTHONNOUSERSITE",
    "PYTHONPATH",
    "PYTHONPLATLIBDIR",
    "PYTHONPYCACHEPREFIX",
    "PYTHONUSERBASE",
}
"""Variables that say where Python finds things. What else a developer has switched on for his own
runs must not show in outputs."""


PROFILE = "LESSON_PROFILE"
"""Names the profile of the execution to the blocks."""

KERNELS = {"TORCHINDUCTOR_CACHE_DIR": "inductor", "TRITON_CACHE_DIR": "triton"}
"""Where compilers keep kernels: by default among temporary files, which end with each lesson."""


def is_ours(variable: str) -> bool:
    """Whether the generator decides on a variable, whatever it is where that was started."""
    return variable in FIXED or variable == PROFILE or variable.startswith("PYTHON")


def user_cache() -> Path:
    """A folder of the user's for what is worth keeping from one build to the next."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lessonsite"


def environment() -> dict[str, str]:
    """That of this process, without what would make outputs differ between machines."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") or name in PLACES
    }
    # Where it is installed, the interpreter finds it; and all else in its folder last, as ever.
    checkout = [] if PACKAGE == BUILT_IN else [str(PACKAGE.parent)]
    path = [*checkout, *filter(None, [os.environ.get("PYTHONPATH")])]
    kernels = {name: str(user_cache() / "kernels" / folder) for name, folder in KERNELS.items()}
    found = {**kernels, **inherited, **FIXED}
    if path:
        found["PYTHONPATH"] = os.pathsep.join(path)
    return found
