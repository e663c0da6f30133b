"""Cells run one after the other in one namespace, and what they display is collected.

Nothing here knows of files or recordings, nor of the process that it happens in.
"""

from __future__ import annotations

import ast
import base64
import builtins
import contextlib
import functools
import importlib
import io
import linecache
import os
import random
import re
import sys
import time
import traceback
import types
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sitegen.execute import resources
from sitegen.execute.messages import Failed, Finished, Job
from sitegen.output import SHOWN_TYPES, Output, stream
from sitegen.parse.lesson import Block, Cell
from sitegen.trace.observe import Observer, Piece

MAX_CHARACTERS = 1_000_000
"""Of one block's text; what is over is counted and left out."""


class Session:
    """The state that the blocks of a lesson share: one `__main__` module, one shell."""

    def __init__(self, job: Job, descriptors: Any) -> None:
        self.descriptors = descriptors
        self.observer: Observer | None = None
        self.outputs: list[Output | _Growing] = []
        self.module = types.ModuleType("__main__")
        self.module.__file__ = job.path
        sys.modules["__main__"] = self.module
        self.show = self._make_display()
        self.module.__dict__.update(__builtins__=builtins, display=self.show)
        self.take_up(job)

    def take_up(self, job: Job) -> None:
        """Run the cells of this job from now on."""
        self.job = job
        self._teach_linecache()
        # A library that keeps random state must be there before the first seeding.
        for name in job.modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)

    def _make_display(self) -> Callable[[Any], Any]:
        """IPython's `display`, made to end up here; of its shell nothing else is used."""
        from IPython.core.displaypub import DisplayPublisher
        from IPython.core.interactiveshell import InteractiveShell
        from IPython.display import display
        from traitlets.config import Config

        session = self

        class Publisher(DisplayPublisher):
            def publish(self, data: Any, *_: Any, **__: Any) -> None:
                session.display(data)

            def clear_output(self, wait: bool = False) -> None:
                session.outputs.clear()

        class Shell(InteractiveShell):
            def showtraceback(self, exc_tuple: Any = None, *_: Any, **__: Any) -> None:
                raise exc_tuple[1]  # a display method that fails is a failure of its block

        config = Config()
        config.HistoryManager.enabled = False
        hooks = sys.excepthook, sys.displayhook
        shell = Shell.instance(config=config, user_module=self.module, display_pub_class=Publisher)
        sys.excepthook, sys.displayhook = hooks
        assert shell.display_formatter is not None
        formatters = shell.display_formatter.formatters
        formatters["image/svg+xml"].for_type_by_name("matplotlib.figure", "Figure", _figure)
        shell.display_formatter.active_types = list(SHOWN_TYPES)
        return display

    def _teach_linecache(self) -> None:
        """Let tracebacks and `inspect.getsource` see the lesson's code at its true lines."""
        lines: list[str] = []
        for cell in (*self.job.ran, *self.job.cells):
            if isinstance(cell, Block):
                lines.extend([""] * (cell.line - 1 - len(lines)))
                lines.extend(cell.code.splitlines())
        text = [line + "\n" for line in lines]
        linecache.cache[self.job.path] = (sum(map(len, text)), None, text, self.job.path)

    def lacks(self, cell: Cell) -> bool | Failed:
        """Whether this machine has not all resources that a block needs, if that can be told."""
        needs = cell.options.needs if isinstance(cell, Block) else ()
        try:
            return not all(resources.available(name, self.job.packages) for name in needs)
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{os.path.relpath(last.filename, self.job.root)}:{last.lineno}"
            summary = traceback.format_exception_only(error)[-1].strip()
            wanted = f"whether this machine has {', '.join(needs)} can't be told"
            message = f"block {cell.id!r}: {wanted}: {place}: {summary}"
            return Failed(cell.id, cell.line, message, "")

    def run(self, cell: Cell) -> Finished | Failed:
        self.outputs = []
        start = self.descriptors.seek(0, os.SEEK_END)
        # An inline value's id is its place among others: what it shows must not depend on that.
        _seed(cell.id if isinstance(cell, Block) else cell.code)
        if self.observer:
            self.observer.begin(self._piece(cell))
        began = time.perf_counter()
        try:
            with self._capture():
                self._execute(cell)
        except BaseException as error:
            failure = self._failure(cell, error)
            if failure is not None:
                return failure
        else:
            raises = cell.options.raises if isinstance(cell, Block) else ""
            if raises:
                return Failed(
                    cell.id, cell.line, f"block {cell.id!r} raised nothing, not {raises}", ""
                )
        seconds = time.perf_counter() - began
        raised = isinstance(cell, Block) and bool(cell.options.raises)
        trace = self.observer.end(finished=not raised) if self.observer else None
        self._collect_descriptors(start)
        return Finished(cell.id, tuple(tidy(self.outputs)), seconds, trace)

    def _piece(self, cell: Cell) -> Piece:
        own = (self.job.own or {}).get(cell.id, {})
        return Piece(cell.id, cell.code, cell.line, not isinstance(cell, Block), own)

    def _execute(self, cell: Cell) -> None:
        namespace = self.module.__dict__
        if not isinstance(cell, Block):
            text = "\n" * (cell.line - 1) + cell.code
            code = self._compiled(ast.parse(text, self.job.path, "eval"), "eval")
            self.outputs.append(Output("display", {"text/plain": str(eval(code, namespace))}))
            return
        tree = ast.parse("\n" * (cell.line - 1) + cell.code, self.job.path)
        last = tree.body[-1] if tree.body else None
        shown = isinstance(last, ast.Expr) and not cell.code.rstrip().endswith(";")
        if shown:
            tree.body.pop()
        exec(self._compiled(tree, "exec"), namespace)
        if isinstance(last, ast.Expr) and shown:
            value = eval(self._compiled(ast.Expression(last.value), "eval"), namespace)
            namespace["_"] = value
            if value is not None:
                self.show(value)
        if "matplotlib.pyplot" in sys.modules:
            from sitegen.execute.figures import show_open_figures

            show_open_figures()

    def _compiled(self, tree: ast.Module | ast.Expression, mode: str) -> types.CodeType:
        if self.observer:
            return self.observer.compiled(tree, mode)
        code: types.CodeType = _compile(tree, self.job.path, mode)
        return code

    @contextlib.contextmanager
    def _capture(self) -> Iterator[None]:
        streams = sys.stdout, sys.stderr, warnings.formatwarning
        sys.stdout, sys.stderr = _Stream("stdout", self), _Stream("stderr", self)
        warnings.formatwarning = lambda message, category, *_: f"{category.__name__}: {message}\n"
        try:
            yield
        finally:
            sys.stdout, sys.stderr, warnings.formatwarning = streams

    def write(self, name: Literal["stdout", "stderr"], text: str) -> None:
        """Append to the last output if it is the same stream."""
        last = self.outputs[-1] if self.outputs else None
        if isinstance(last, _Growing) and last.kind == name:
            last.parts.append(text)
        else:
            self.outputs.append(_Growing(name, [text]))

    def display(self, data: Any) -> None:
        kept = {kind: _text(data[kind]) for kind in SHOWN_TYPES if kind in data}
        base64.b64decode(kept.get("image/png", ""))  # raises here, where the author's line is known
        if kept:
            self.outputs.append(Output("display", kept))

    def _collect_descriptors(self, start: int) -> None:
        """What was written past Python, as by a subprocess, comes after what Python wrote."""
        end = self.descriptors.seek(0, os.SEEK_END)
        if end > start:
            self.descriptors.seek(start)
            raw = self.descriptors.read(min(end - start, MAX_CHARACTERS))
            self.write("stdout", raw.decode("utf-8", "replace"))

    def _failure(self, cell: Cell, error: BaseException) -> Failed | None:
        """None if the block was to raise this; it is then its output."""
        summary = "".join(traceback.format_exception_only(error)).strip()
        raises = cell.options.raises if isinstance(cell, Block) else ""
        if raises and _is_named(error, raises):
            self.outputs.append(Output("error", {"text/plain": summary}))
            return None
        where = _line_of(error, self.job.path) or cell.line
        what = f"block {cell.id!r}" if isinstance(cell, Block) else "inline value"
        wanted = f", not {raises}" if raises else ""
        if isinstance(error, SyntaxError) and error.filename == self.job.path:
            message = f"{what} is not Python: {error.msg}{wanted}"
            return Failed(cell.id, where, message, "")
        first = summary.splitlines()[0] if summary else type(error).__name__
        trace = _readable_traceback(error, self.job)
        return Failed(cell.id, where, f"{what} raised {first}{wanted}", trace)


@dataclass
class _Growing:
    """A stream that is still being written to."""

    kind: Literal["stdout", "stderr"]
    parts: list[str]


class _Stream(io.TextIOBase):
    """Stands in for `sys.stdout` or `sys.stderr` while a block runs."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, name: Literal["stdout", "stderr"], session: Session) -> None:
        self.name = name
        self.session = session

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() takes a str, not {type(text).__name__}")
        self.session.write(self.name, text)
        return len(text)


def _figure(figure: Any) -> str:
    from sitegen.execute.figures import figure_svg

    return figure_svg(figure)


def _text(value: Any) -> str:
    """What a MIME bundle holds; binary content as base64."""
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else str(value)


# The author's code, and not under what this module imports from `__future__`.
_compile = functools.partial(compile, dont_inherit=True)


def tidy(outputs: Sequence[Output | _Growing]) -> Iterator[Output]:
    """Streams as a reader would see them: no control codes, bounded, nothing empty."""
    for output in outputs:
        if isinstance(output, Output):
            data = {kind: _lasting(text) for kind, text in output.data.items()}
            if "text/plain" in data:
                data["text/plain"] = _as_on_a_terminal(data["text/plain"])
            yield Output(output.kind, data)
            continue
        text = _as_on_a_terminal(_lasting("".join(output.parts)))
        if len(text) > MAX_CHARACTERS:
            left_out = len(text) - MAX_CHARACTERS
            text = f"{text[:MAX_CHARACTERS]}\n… {left_out:,} more characters left out\n"
        if text:
            yield stream(output.kind, text)


def _as_on_a_terminal(text: str) -> str:
    """Colours and cursor moves taken out; of a line overwritten after `\\r` the last state."""
    text = re.sub(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-_])", "", text)
    text = text.replace("\r\n", "\n")
    text = re.sub(r"^[^\n]*\r(?=[^\n\r])", "", text, flags=re.M).replace("\r", "")
    while (shorter := re.sub("[^\n\b]\b", "", text)) != text:
        text = shorter
    text = text.replace("\b", "")
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "\N{REPLACEMENT CHARACTER}", text)


def _lasting(text: str) -> str:
    """Without what UTF-8 can't hold, and without addresses: they are others in every run."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return re.sub(r"\bat 0x[0-9a-fA-F]{6,}", "at 0x…", text)


def _seed(name: str) -> None:
    """Give every cell random numbers of its own that depend on nothing that ran before."""
    seed = zlib.crc32(name.encode())
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)


def _is_named(error: BaseException, name: str) -> bool:
    """Whether `name` is the class of the error, or of one of its bases, dotted or not."""
    return any(
        name in (kind.__name__, f"{kind.__module__}.{kind.__qualname__}")
        for kind in type(error).__mro__
    )


def _line_of(error: BaseException, path: str) -> int | None:
    """The last line of the lesson that the error passed through."""
    if isinstance(error, SyntaxError) and error.filename == path:
        return error.lineno
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == path
    ]
    return lines[-1] if lines else None


def _readable_traceback(error: BaseException, job: Job) -> str:
    """The traceback without the generator's frames, with paths as the author knows them."""
    report = traceback.TracebackException.from_exception(error, compact=True)
    chain: list[traceback.TracebackException] = [report]
    while chain:
        part = chain.pop()
        frames = [frame for frame in part.stack if frame.filename != __file__]
        for frame in frames:
            frame.filename = _short_path(frame.filename, job.root)
        part.stack = traceback.StackSummary.from_list(frames)
        chain.extend(filter(None, (part.__cause__, part.__context__)))
        chain.extend(part.exceptions or ())
    return "".join(report.format()).rstrip()


def _short_path(path: str, root: str) -> str:
    """Relative to the course, or to the folder that libraries are installed in."""
    for folder in (root, *sorted(filter(None, sys.path), key=len, reverse=True)):
        if path.startswith(folder.rstrip(os.sep) + os.sep):
            return os.path.relpath(path, folder)
    return path
