"""Cells run one after the other in one namespace, and what they display is collected.

Nothing here knows of files or recordings, nor of the process that it happens in.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import contextvars
import ctypes
import functools
import importlib
import inspect
import linecache
import os
import re
import sys
import time
import traceback
import types
import warnings
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sitegen.execute import resources
from sitegen.execute.interactive import WIDGET, own_picture
from sitegen.execute.keeper import Desk
from sitegen.execute.kept import KeptValues
from sitegen.execute.lessonmain import HINT, Definitions, Spec
from sitegen.execute.manners import seed_cell
from sitegen.execute.messages import Failed, Finished, Job, Late, Unfinished
from sitegen.execute.outputs import Outputs
from sitegen.execute.places import short_path, without_places
from sitegen.execute.streams import Name, Stream, Threads, parts
from sitegen.execute.terminal import without_colours
from sitegen.output import SHOWN_TYPES
from sitegen.parse.code import compiled, shown_expression
from sitegen.parse.lesson import Block, Cell
from sitegen.trace import Trace
from sitegen.trace.observe import Observer, Piece

_HERE = os.path.dirname(__file__)


class Session:
    """The state that the blocks of a lesson share: one `__main__` module, one shell."""

    def __init__(self, job: Job, desk: Desk) -> None:
        self.observer: Observer | None = None
        self.kept: KeptValues | None = None
        self.outputs = Outputs()
        self.widgets: dict[str, Any] = {}
        self.threads = Threads()
        self.late: dict[str, Outputs] = {}
        self.module = types.ModuleType("__main__")
        self.module.__file__ = job.path
        # What `multiprocessing` calls the main module of a child, whose values come back.
        sys.modules["__main__"] = sys.modules["__mp_main__"] = self.module
        self.definitions = Definitions(job.path, vars(self.module), job.scratch)
        self.module.__spec__ = Spec(self.definitions)
        sys.path.append(str(self.definitions.folder))
        self.show = self._make_display()
        self.module.__dict__.update(__builtins__=builtins, display=self.show)
        self.take_up(job, desk)

    def take_up(self, job: Job, desk: Desk) -> None:
        """Run the cells of this job from now on; what is printed is asked for at the desk."""
        self.job = job
        self.desk = desk
        self.process = os.getpid()
        if self.observer:
            self.observer.process.note_pipes()
        # A library that keeps random state must be there before the first seeding.
        for name in job.modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)

    def _make_display(self) -> Callable[[Any], Any]:
        """IPython's `display`, made to end up here; of its shell nothing else is used."""
        from IPython.core.displaypub import DisplayPublisher
        from IPython.core.formatters import DisplayFormatter
        from IPython.core.interactiveshell import InteractiveShell
        from IPython.display import display
        from traitlets.config import Config

        session = self

        class Publisher(DisplayPublisher):
            def publish(
                self,
                data: Any,
                metadata: Any = None,
                source: Any = None,
                *,
                transient: Any = None,
                update: bool = False,
                **_: Any,
            ) -> None:
                name = str((transient or {}).get("display_id", ""))
                session.display(data, metadata or {}, name, update)

            def clear_output(self, wait: bool = False) -> None:
                session._collect()
                session.outputs.clear(wait)

        class Formatter(DisplayFormatter):
            def format(self, obj: Any, include: Any = None, exclude: Any = None) -> Any:
                data, metadata = super().format(obj, include, exclude)
                if WIDGET in data:
                    session.widgets[data[WIDGET].get("model_id", "")] = obj
                if picture := own_picture(obj):
                    data = {**picture, "text/plain": data.get("text/plain", "")}
                return data, metadata

        class Shell(InteractiveShell):
            def showtraceback(self, exc_tuple: Any = None, *_: Any, **__: Any) -> None:
                raise exc_tuple[1]  # a display method that fails is a failure of its block

        config = Config()
        config.HistoryManager.enabled = False
        hooks = sys.excepthook, sys.displayhook
        shell = Shell.instance(config=config, user_module=self.module, display_pub_class=Publisher)
        sys.excepthook, sys.displayhook = hooks
        shell.display_formatter = Formatter(parent=shell)
        formatters = shell.display_formatter.formatters
        formatters["image/svg+xml"].for_type_by_name("matplotlib.figure", "Figure", _figure)
        # It would be fetched from elsewhere.
        formatters["image/jpeg"].for_type_by_name("IPython.lib.display", "YouTubeVideo", _nothing)
        shell.display_formatter.active_types = [
            kind for kind in (*SHOWN_TYPES, "application/javascript") if kind in formatters
        ]
        os.environ.setdefault("PLOTLY_RENDERER", "plotly_mimetype")  # and opens no browser
        return display

    def _teach_linecache(self, last: Cell) -> None:
        """Let tracebacks and `inspect.getsource` see the code so far, at its true lines."""
        lines: list[str] = []
        for cell in self.job.cells:
            if cell.line > last.line:
                break
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

    def run(self, cell: Cell, given: Trace | None = None) -> Finished | Failed:
        """Run a cell; a `given` trace is that of what it left when it was recorded."""
        self.outputs = Outputs()
        self._teach_linecache(cell)
        self.widgets.clear()
        self.desk.begin()
        # An inline value's id is its place among others: what it shows must not depend on that.
        seed_cell(cell.id if isinstance(cell, Block) else cell.code)
        self.stdout = Stream("stdout", self.threads, self._write_late)
        self.stderr = Stream("stderr", self.threads, self._write_late)
        sys.stdout, sys.stderr = self.stdout, self.stderr
        if self.observer:
            self.observer.begin(self._piece(cell))
        if given and self.kept and self.kept.restore(cell.code, cell.line, given):
            self.desk.take()
            return Finished(cell.id, (), 0.0, _made_on(self.job.profile), given)
        began = time.perf_counter()
        try:
            with self._capture(cell), self._without_children():
                self._execute(cell)
        except BaseException as error:
            failure = self._failure(cell, error)
            if failure is not None:
                return replace(failure, trace=self._trace(finished=False))
        else:
            raises = cell.options.raises if isinstance(cell, Block) else ""
            if raises:
                return Failed(
                    cell.id, cell.line, f"block {cell.id!r} raised nothing, not {raises}", ""
                )
        seconds = time.perf_counter() - began
        raised = isinstance(cell, Block) and bool(cell.options.raises)
        trace = self._trace(not raised, given)
        if trace and self.kept:
            self.kept.keep(trace, given, seconds)
        self._collect()
        outputs, made_on = self.outputs.finished(), _made_on(self.job.profile)
        return Finished(cell.id, outputs, seconds, made_on, trace)

    def _trace(self, finished: bool, given: Trace | None = None) -> Trace | None:
        return self.observer.end(finished, given) if self.observer else None

    def _piece(self, cell: Cell) -> Piece:
        own = (self.job.own or {}).get(cell.id, {})
        return Piece(cell.id, cell.code, cell.line, not isinstance(cell, Block), own)

    @contextlib.contextmanager
    def _without_children(self) -> Iterator[None]:
        """Let a process that a block forks end where that block does, as with a script."""
        try:
            yield
        except BaseException as error:
            if os.getpid() != self.process:
                os._exit(_told_code(error, self.job))
            raise
        if os.getpid() != self.process:
            os._exit(0)

    def _execute(self, cell: Cell) -> None:
        namespace = self.module.__dict__
        if not isinstance(cell, Block):
            asked = ast.parse("\n" * (cell.line - 1) + cell.code, self.job.path, "eval")
            value = self._evaluate([self._compiled(asked, "eval")])
            self.outputs.add("display", without_colours(str(value)))
            return
        tree = ast.parse("\n" * (cell.line - 1) + cell.code, self.job.path)
        self.definitions.add(tree)
        shown = shown_expression(tree, cell.code)
        if shown:
            tree.body.pop()
        codes = [self._compiled(tree, "exec")]
        if shown:
            codes.append(self._compiled(ast.Expression(shown.value), "eval"))
        value = self._evaluate(codes)
        if shown:
            namespace["_"] = value
            if value is not None:
                self.show(value)
        if "matplotlib.pyplot" in sys.modules:
            from sitegen.execute.figures import show_open_figures

            show_open_figures()

    def _compiled(self, tree: ast.Module | ast.Expression, mode: str) -> types.CodeType:
        if self.observer:
            return self.observer.compiled(tree, mode)
        return compiled(tree, self.job.path, mode)

    def _evaluate(self, codes: Sequence[types.CodeType]) -> Any:
        """What the last of a cell's parts gives.

        With `await` in any, all run in the lesson's one event loop.
        """
        if any(map(_awaits, codes)):
            return self._await(self._evaluate_in_loop(codes))
        return [eval(code, self.module.__dict__) for code in codes][-1]

    def _await(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run to its end; context variables that it sets are set for what comes after."""
        context = contextvars.copy_context()
        try:
            return self.loop.run_until_complete(self.loop.create_task(work, context=context))
        finally:
            for variable, value in context.items():
                variable.set(value)

    async def _evaluate_in_loop(self, codes: Sequence[types.CodeType]) -> Any:
        value = None
        for code in codes:
            value = eval(code, self.module.__dict__)
            if _awaits(code):
                value = await value
        return value

    @functools.cached_property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The one in which the lesson may have planned something already."""
        with contextlib.suppress(RuntimeError), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return asyncio.get_event_loop()
        return asyncio.new_event_loop()

    @contextlib.contextmanager
    def _capture(self, cell: Cell) -> Iterator[None]:
        before = warnings.formatwarning
        warnings.formatwarning = lambda message, category, *_: f"{category.__name__}: {message}\n"
        self.threads.current = cell.id
        try:
            yield
        finally:
            _flush()
            warnings.formatwarning = before
            sys.stdout, sys.stderr = self.stdout, self.stderr
            self.threads.current = None

    def _write_late(self, cell: str | None, name: Name, text: str) -> None:
        """Keep what a thread writes when its cell is over."""
        if cell is not None:
            self.late.setdefault(cell, Outputs()).write(name, text)

    def take_late(self) -> Iterator[Late]:
        """What threads of earlier cells have written since this was last asked."""
        late, self.late = self.late, {}
        for cell, outputs in late.items():
            yield Late(cell, outputs.finished())

    def unfinished(self) -> Iterator[Unfinished]:
        """The threads that a script would wait for."""
        for cell, name in self.threads.unfinished():
            yield Unfinished(cell, name)

    def display(
        self, data: Mapping[str, Any], metadata: Mapping[str, Any], name: str, update: bool
    ) -> None:
        """Take what IPython publishes."""
        if os.getpid() != self.process:  # a child of the block: of it there is only what it prints
            print(data.get("text/plain", ""), file=self.stdout)
            return
        cell = self.threads.cell()
        if cell is not None and cell != self.threads.current:
            self.late.setdefault(cell, Outputs()).display(data, metadata, name, update)
            return
        self._collect()
        widget = self.widgets.get((data.get(WIDGET) or {}).get("model_id", ""))
        if widget is None:
            self.outputs.display(data, metadata, name, update)
            return
        if type(widget).__module__.startswith("tqdm."):  # its text is a progress bar like others
            data = {"text/plain": data.get("text/plain", "")}
        self.outputs.display(data, metadata, name, update, functools.partial(_state, widget))

    def _collect(self) -> None:
        """Take what was written until now, by whatever way."""
        written, left_out = self.desk.take()
        name: Name = "stdout"
        for name, text in parts(written):
            self.outputs.write(name, text)
        if left_out:
            self.outputs.leave_out(name, left_out)

    def _failure(self, cell: Cell, error: BaseException) -> Failed | None:
        """None if the block was to raise this; it is then its output."""
        summary = "".join(traceback.format_exception_only(error)).strip()
        raises = cell.options.raises if isinstance(cell, Block) else ""
        if raises and _is_named(error, raises):
            self._collect()
            self.outputs.add("error", summary)
            return None
        where = _line_of(error, self.job.path) or cell.line
        what = f"block {cell.id!r}" if isinstance(cell, Block) else "inline value"
        wanted = f", not {raises}" if raises else ""
        if isinstance(error, SyntaxError) and error.filename == self.job.path:
            message = f"{what} is not Python: {error.msg}{wanted}"
            return Failed(cell.id, where, message, "")
        first = summary.splitlines()[0] if summary else type(error).__name__
        if self._is_missed_in_a_child(error):
            first += f": {HINT}"
        trace = _readable_traceback(error, self.job)
        return Failed(cell.id, where, f"{what} raised {first}{wanted}", trace)

    def _is_missed_in_a_child(self, error: BaseException) -> bool:
        """Whether a process that a block started lacks a name that the lesson has."""
        found = re.fullmatch(r"name '(\w+)' is not defined", str(error))
        elsewhere = type(error.__cause__).__name__.endswith("RemoteTraceback")
        return bool(found and elsewhere and found[1] in vars(self.module))


def _told_code(error: BaseException, job: Job) -> int:
    """What Python does with an error at the end of a process: says it, and gives a code for it."""
    if not isinstance(error, SystemExit):
        print(_readable_traceback(error, job), file=sys.stderr)
        return 1
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xFF
    print(error.code, file=sys.stderr)
    return 1


def _flush() -> None:
    """Write what C has not yet written."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).fflush(None)


def _made_on(profile: str) -> dict[str, str]:
    """The device, and the versions of what numbers depend on."""
    found = {"device": "cpu", "python": ".".join(map(str, sys.version_info[:3]))}
    if torch := sys.modules.get("torch"):
        found["torch"] = torch.__version__.partition("+")[0]
        if profile != "cpu" and torch.cuda.is_available():
            found["device"] = torch.cuda.get_device_name()
    return found


def _figure(figure: Any) -> str:
    from sitegen.execute.figures import figure_svg

    return figure_svg(figure)


def _nothing(_: Any) -> None:
    """A formatter's way to say that there is no such form."""


def _state(widget: Any) -> str | None:
    """A widget as text when its block ends; None once it is closed."""
    return repr(widget) if getattr(widget, "comm", None) is not None else None


def _awaits(code: types.CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_COROUTINE)


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
        frames = [one for one in part.stack if os.path.dirname(one.filename) != _HERE]
        for frame in frames:
            frame.filename = short_path(frame.filename, job.root)
        part.stack = traceback.StackSummary.from_list(frames)
        chain.extend(filter(None, (part.__cause__, part.__context__)))
        chain.extend(part.exceptions or ())
    return without_places("".join(report.format()).rstrip())
