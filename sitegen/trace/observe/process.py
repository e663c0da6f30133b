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
import types
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any

from sitegen.parse.tokens import short_hash
from sitegen.trace.observe.graph import are_same


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


class Attributes:
    """What modules that are not followed hold, to see what the lesson puts into them.

    What was there is held on to, so that what is there later can be told from it by identity.
    """

    def __init__(self) -> None:
        self._before: dict[str, dict[str, Any]] = {}
        self._inside: dict[str, Insides] = {}
        self.put: dict[str, dict[str, Any]] = {}
        """By module and name, what the lesson put there."""

    def note(self, modules: Mapping[str, types.ModuleType]) -> None:
        """Remember what these modules hold now."""
        self._before = {name: dict(vars(module)) for name, module in modules.items()}
        self._inside = {name: _insides(module) for name, module in modules.items()}

    def look(
        self,
        modules: Mapping[str, types.ModuleType],
        words: Collection[str],
        stored: Collection[str],
    ) -> set[str]:
        """The modules into which something was put since.

        That is what they hold under names that are among the words, and what is in their public
        containers and classes; there, what is a library's own counts only where the code that ran
        binds an attribute of that name, since libraries finish their classes as they are used.
        """
        found: set[str] = set()
        any_name = not _BY_NAME.isdisjoint(words)
        for name in modules.keys() & self._before.keys():
            before, now = self._before[name], vars(modules[name])
            for word in before.keys() | now.keys() if any_name else words:
                same = before.get(word, _NOTHING) is now.get(word, _NOTHING)
                if not same and not isinstance(now.get(word), types.ModuleType):
                    self.put.setdefault(name, {})[word] = now.get(word)
                    found.add(name)
            inside, was = _insides(modules[name]), self._inside[name]
            for holder in inside.keys() & was.keys():
                if not are_same(inside[holder], was[holder]):
                    held = now[holder]
                    put = _public(held) if isinstance(held, type) else held
                    if isinstance(held, type):
                        changed = _public_changes(was[holder], inside[holder])
                        named = any_name or not changed.keys().isdisjoint(stored)
                        if not named and all(_is_own(one, name) for one in changed.values()):
                            continue
                    self.put.setdefault(name, {})[holder] = put
                    found.add(name)
        return found


Insides = dict[str, tuple[Any, ...]]
"""By the name of a container or class, all that it holds; names before values."""


def _public(kind: type) -> dict[str, Any]:
    return {name: held for name, held in vars(kind).items() if not name.startswith("_")}


def _public_changes(before: tuple[Any, ...], now: tuple[Any, ...]) -> dict[str, Any]:
    """What a class holds by other names, or otherwise, than it did; but for what it keeps back."""
    was, is_ = (
        dict(zip(one[: len(one) // 2], one[len(one) // 2 :], strict=True)) for one in (before, now)
    )
    return {
        name: is_.get(name)
        for name in was.keys() | is_.keys()
        if not name.startswith("_") and was.get(name, _NOTHING) is not is_.get(name, _NOTHING)
    }


def _is_own(value: Any, module: str) -> bool:
    """Whether a function or class belongs to the same library as a module."""
    origin = getattr(value, "__module__", None) or ""
    return origin.partition(".")[0] == module.partition(".")[0]


def _insides(module: types.ModuleType) -> Insides:
    """What is in the public containers of a module, and in its own public classes.

    What libraries keep for themselves, such as results they found before, is not public.
    """
    found: Insides = {}
    package = module.__name__.partition(".")[0]
    for name, value in list(vars(module).items()):
        if name.startswith("_"):
            continue
        kind = type(value)
        if kind is list or kind is set:
            found[name] = tuple(value)
        elif kind is dict:
            found[name] = (*value, *value.values())
        elif isinstance(value, type) and value.__module__.partition(".")[0] == package:
            members = vars(value)
            found[name] = (*members, *members.values())
    return found


_NOTHING = object()
_BY_NAME = frozenset(("setattr", "delattr", "__setattr__", "__dict__", "vars"))
"""Words after which an attribute may be set whose name the code does not have."""
