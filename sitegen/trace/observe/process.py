"""The state of the process that every cell may read without saying so, part by part."""

from __future__ import annotations

import contextlib
import gc
import locale
import os
import signal
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from sitegen.parse.tokens import short_hash


class Process:
    """The parts of this process, beside what they were in the beginning."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._variables = dict(os.environ)
        self._first: dict[str, str] = {}
        self.note_pipes()
        self.parts()

    def parts(self) -> dict[str, str]:
        """A hash of each part that is not as it was. Of libraries, those that are loaded count."""
        found = {name: part(self) for name, part in _PARTS.items()}
        for name, part_of in _OF_LIBRARIES.items():
            if module := sys.modules.get(name):
                with contextlib.suppress(AttributeError):  # of another version
                    found[name] = part_of(module)
        hashes = {name: short_hash(map(str, values)) for name, values in found.items()}
        return {
            name: hash_
            for name, hash_ in hashes.items()
            if hash_ != self._first.setdefault(name, hash_)
        }

    def place(self, path: str) -> str:
        """A path as it is the same for every worker."""
        if path.startswith(tempfile.gettempdir()) or not os.path.isabs(path):
            return "~" if os.path.isabs(path) else path
        return os.path.relpath(path, self.root)

    def note_pipes(self) -> None:
        """Take those that are open now for the session's own."""
        self._first_pipes = _pipes()

    def has_pipes(self) -> bool:
        """Whether a pipe or a socket is open that was not in the beginning.

        What is in one can't be looked at without taking it out.
        """
        return not _pipes() <= self._first_pipes

    def variables(self) -> list[str]:
        """The environment variables that were set since, or taken away."""
        now = dict(os.environ)
        names = sorted(self._variables.keys() | now.keys())
        return [f"{n}={now.get(n)}" for n in names if now.get(n) != self._variables.get(n)]


def _pipes() -> set[tuple[int, int]]:
    """Those that are open in this process, by device and number."""
    found = set[tuple[int, int]]()
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):  # the one that the list was read through
            status = os.fstat(int(name))
            if stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode):
                found.add((status.st_dev, status.st_ino))
    return found


_SIGNALS = tuple(signal.valid_signals())


def _signals(_: Process) -> list[str]:
    known = map(signal.getsignal, _SIGNALS)
    return [getattr(one, "__qualname__", str(one)) for one in known]


_PARTS: Mapping[str, Callable[[Process], list[Any]]] = {
    "working directory": lambda process: [os.path.relpath(os.getcwd(), process.root)],
    "environment": Process.variables,
    "sys.path": lambda process: [process.place(one) for one in sys.path if one],
    "sys": lambda _: [sys.argv, sys.getrecursionlimit(), sys.float_repr_style, *sys.flags],
    "hooks": lambda _: [_said(sys.displayhook), _said(sys.excepthook), _said(sys.gettrace())],
    "warnings": lambda _: [warnings.filters, _said(warnings.showwarning)],
    "locale": lambda _: [locale.setlocale(locale.LC_ALL)],
    "signals": _signals,
    "garbage collection": lambda _: [gc.isenabled(), gc.get_threshold()],
}


def _said(function: Any) -> str:
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', function)}"


def _torch(torch: Any) -> list[Any]:
    return [
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
        torch.is_autocast_enabled("cpu"),
        sorted(vars(torch._tensor_str.PRINT_OPTS).items()),
    ]


def _matplotlib(matplotlib: Any) -> list[Any]:
    now, first = matplotlib.rcParams, matplotlib.rcParamsOrig
    differ = (name for name in now if dict.get(now, name) != dict.get(first, name))
    return [(name, dict.get(now, name)) for name in differ if name != "backend"]


def _decimal(decimal: Any) -> list[Any]:
    context = decimal.getcontext()
    return [context.prec, context.rounding, context.Emin, context.Emax, context.clamp]


def _logging(logging: Any) -> list[Any]:
    root: Any = logging.getLogger()
    named = {
        name: state
        for name, one in root.manager.loggerDict.items()
        if isinstance(one, logging.Logger) and (state := _logger(one)) != [0, True, False, [], []]
    }
    return [*_logger(root), root.manager.disable, named, sorted(logging._levelToName.items())]


def _logger(one: Any) -> list[Any]:
    kinds = [[_said(type(part)) for part in parts] for parts in (one.handlers, one.filters)]
    return [one.level, one.propagate, one.disabled, *kinds]


_OF_LIBRARIES: Mapping[str, Callable[[Any], list[Any]]] = {
    "torch": _torch,
    "numpy": lambda numpy: [sorted(numpy.get_printoptions().items()), numpy.geterr()],
    "matplotlib": _matplotlib,
    "logging": _logging,
    "decimal": _decimal,
}
