"""What costly cells left, kept on this machine from one build to the next.

A file holds the values of one cell, by the trace of it: who reads the same leaves the same. They
lie in the user's own cache folder and nowhere else, since to read a pickle is to run its code.
What comes back counts only if it is, by its signature, what was left then; else the cell is run.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import io
import json
import os
import pickle
import platform
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sitegen.execute.environment import user_cache
from sitegen.parse.code import compiled
from sitegen.parse.tokens import short_hash
from sitegen.trace import ABSENT, Trace
from sitegen.trace.observe import Observer
from sitegen.trace.trace import COMES_FROM

WORTH = 2.0
"""Seconds that a cell has to take for its values to be kept."""
MOST = 4 << 30
"""Bytes of all values together; those that were used longest ago go first."""


class KeptValues:
    """The values of costly cells, as a worker leaves and finds them."""

    def __init__(self, observer: Observer, path: str, worth: float = WORTH) -> None:
        self.observer = observer
        self.path = path
        self.worth = worth
        self.folder = user_cache() / "values"

    def keep(self, trace: Trace, given: Trace | None, seconds: float) -> None:
        """Keep what a cell left, if that was dear and can be kept.

        Of one that was run with a `given` trace it is what goes by that, be it not in every bit.
        """
        told = given or trace
        if seconds < self.worth or not (_can_be_kept(trace) and _can_be_kept(told)):
            return
        if not told.leaves.keys() <= trace.leaves.keys():
            return
        leaves = {thing: trace.leaves[thing] for thing in told.leaves}
        file = self._file(told)
        partial = file.with_name(f".{file.name}.{os.getpid()}")
        with contextlib.suppress(Exception):  # an author's objects may refuse, in whatever way
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            content = json.dumps(leaves).encode() + b"\n" + self._dumped(leaves)
            self._make_room(len(content))
            partial.write_bytes(content)
            partial.replace(file)
        partial.unlink(missing_ok=True)

    def restore(self, code: str, line: int, trace: Trace) -> bool:
        """Bind what a cell left when it had this trace; whether that could be done."""
        file = self._file(trace)
        if not (_can_be_kept(trace) and _is_own(file)):
            return False
        before = dict(self.observer.namespace)
        try:
            for module in trace.loads:
                importlib.import_module(module)
            for part in _definitions(code, line):
                exec(compiled(part, self.path, "exec"), self.observer.namespace)
            leaves, content = file.read_bytes().split(b"\n", 1)
            values = self._loaded(content)
            self.observer.namespace.update(values)
            for thing, hash_ in trace.binds.items():
                if hash_ == ABSENT:
                    self.observer.namespace.pop(thing.partition(" ")[2], None)
            if self.observer.adopted(trace, json.loads(leaves)):
                os.utime(file)
                return True
        except Exception:  # made by other versions of its classes, or cut short
            pass
        self.observer.namespace.clear()
        self.observer.namespace.update(before)
        with contextlib.suppress(OSError):
            file.unlink()
        return False

    def _file(self, trace: Trace) -> Path:
        torch = getattr(sys.modules.get("torch"), "__version__", "")
        key = short_hash([str(trace), platform.python_version(), torch])
        return self.folder / f"{key}.pickle"

    def _dumped(self, things: Iterable[str]) -> bytes:
        namespace = self.observer.namespace
        names = [thing.partition(" ")[2] for thing in things]
        values = {
            name: namespace[name]
            for name in names
            if name in namespace and not _is_defined_here(namespace[name])
        }
        shared = self.observer.shared(values)
        buffer = io.BytesIO()
        torch = sys.modules.get("torch")
        with _pickling(shared, self.observer.of_packages()):
            if torch:
                torch.save(values, buffer, pickle_module=_Module)
            else:
                _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(values)
        return buffer.getvalue()

    def _loaded(self, content: bytes) -> Mapping[str, Any]:
        torch = sys.modules.get("torch")
        with _resolving(self.observer.at):
            if torch:
                found = torch.load(io.BytesIO(content), weights_only=False)
            else:
                found = pickle.loads(content)
        return dict(found)

    def _make_room(self, size: int) -> None:
        files = sorted(self.folder.glob("*.pickle"), key=lambda file: file.stat().st_mtime)
        total = size + sum(file.stat().st_size for file in files)
        while total > MOST and files:
            total -= files[0].stat().st_size
            files.pop(0).unlink()


def _can_be_kept(trace: Trace) -> bool:
    """Whether a cell left nothing but values of the lesson whose signatures are sure."""
    leaves = trace.leaves
    return (
        bool(leaves)
        and not trace.unseen
        and all(thing.startswith("lesson ") for thing in leaves)
        and not any(hash_.startswith(COMES_FROM) for hash_ in leaves.values())
    )


def _is_own(file: Path) -> bool:
    """Whether a file is there, and nobody else can have written it."""
    try:
        states = [file.stat(), file.parent.stat()]
    except OSError:
        return False
    return all(one.st_uid == os.getuid() and not one.st_mode & 0o022 for one in states)


def _definitions(code: str, line: int) -> Iterator[ast.Module]:
    """The statements of a cell that do nothing but define: what can't be pickled by itself."""
    for node in ast.parse("\n" * (line - 1) + code).body:
        if isinstance(node, ast.Import | ast.ImportFrom) or (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and not node.decorator_list
        ):
            yield ast.Module([node], [])


def _is_defined_here(value: Any) -> bool:
    if isinstance(value, types.ModuleType):
        return True
    defined = isinstance(value, types.FunctionType | type)
    return defined and value.__module__ == "__main__"


# Objects that other names hold, too, are not pickled: they are named, and found again.

_shared: Mapping[int, tuple[str, int]] = {}
_foreign: frozenset[int] = frozenset()
_resolve: Callable[[str, int], Any] | None = None


@contextlib.contextmanager
def _pickling(shared: Mapping[int, tuple[str, int]], foreign: frozenset[int]) -> Iterator[None]:
    global _shared, _foreign
    _shared, _foreign = shared, foreign
    try:
        yield
    finally:
        _shared, _foreign = {}, frozenset()


@contextlib.contextmanager
def _resolving(at: Callable[[str, int], Any]) -> Iterator[None]:
    global _resolve
    _resolve = at
    try:
        yield
    finally:
        _resolve = None


def found_again(name: str, place: int) -> Any:
    """The object at some place of what a name stands for."""
    assert _resolve
    return _resolve(name, place)


def with_gradient(make: Callable[..., Any], arguments: tuple[Any, ...], gradient: Any) -> Any:
    """A tensor, which alone would come back without."""
    tensor = make(*arguments)
    tensor.grad = gradient
    return tensor


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
            return NotImplemented
        if place := _shared.get(id(value)):
            return found_again, place
        if id(value) in _foreign:
            raise pickle.PicklingError("it is the followed packages' own")
        torch = sys.modules.get("torch")
        if torch and isinstance(value, torch.Tensor) and value.is_leaf and value.grad is not None:
            make, arguments = value.__reduce_ex__(pickle.HIGHEST_PROTOCOL)[:2]
            return with_gradient, (make, arguments, value.grad)
        return NotImplemented


class _Module:
    """What `torch.save` takes for the module `pickle`."""

    Pickler = _Pickler
    dumps = staticmethod(pickle.dumps)
    HIGHEST_PROTOCOL = pickle.HIGHEST_PROTOCOL
