"""`Lesson` -> `Execution`: runs cells in worker processes, one lesson each, several at once."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import forkserver, util
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from sitegen.errors import BlockError, SiteError
from sitegen.execute import preload, worker
from sitegen.execute.messages import Done, Failed, Finished, Job, Rested, Started
from sitegen.execute.plan import Plan
from sitegen.execute.snapshot import Snapshots
from sitegen.output import Output
from sitegen.parse.config import BUILT_IN, Config
from sitegen.parse.lesson import DEFAULT_TIMEOUT, Block, Cell, Lesson
from sitegen.trace import Trace
from sitegen.trace.cells import own

ENVIRONMENT = {
    # One thread each: the order of additions, and so the last digits of a sum, must not
    # depend on how many cores a machine has.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "PYTHONHASHSEED": "0",
    # What a developer has switched on for his own runs must not show in outputs. Empty is off.
    **dict.fromkeys(
        (
            "PYTHONDEBUG",
            "PYTHONDEVMODE",
            "PYTHONFAULTHANDLER",
            "PYTHONINSPECT",
            "PYTHONMALLOCSTATS",
            "PYTHONOPTIMIZE",
            "PYTHONPROFILEIMPORTTIME",
            "PYTHONTRACEMALLOC",
            "PYTHONVERBOSE",
            "PYTHONWARNDEFAULTENCODING",
            "PYTHONWARNINGS",
        ),
        "",
    ),
    "PYTHONUTF8": "1",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "COLUMNS": "100",
    "NO_COLOR": "1",
    "MPLBACKEND": "module://sitegen.execute.pyplot_backend",
    "MATPLOTLIBRC": str(Path(__file__).with_name("matplotlibrc")),
}


@dataclass(frozen=True)
class Result:
    """What one cell displayed, and how long it ran."""

    cell: Cell
    outputs: tuple[Output, ...]
    seconds: float
    trace: Trace | None = None
    """What the cell read and left, if that was observed."""


@dataclass(frozen=True)
class Execution:
    """What came of one plan: the results up to the end, or up to the block that failed."""

    lesson: Lesson
    profile: str
    results: tuple[Result, ...]
    provenance: dict[str, str] = field(default_factory=dict)
    error: BlockError | None = None
    failed: Cell | None = None
    """The cell that the error is of, if one had begun."""


@dataclass(frozen=True)
class Event:
    """Told while lessons run: a cell began, or ended after so many seconds."""

    lesson: Lesson
    cell: Cell
    seconds: float | None = None


class Executor:
    """Worker processes for one course; a context manager that leaves none behind.

    Entering starts the fork server, which imports in the background while others work. Workers
    leave a snapshot after each `snapshot_worth` seconds of work, so that a later plan need not
    begin from nothing; none if that is None. With `observe`, results have traces.

    Raises:
        SiteError: there is no folder for the socket that workers are reached through.
    """

    def __init__(
        self,
        config: Config,
        profile: str = "cpu",
        jobs: int = 0,
        snapshot_worth: float | None = None,
        observe: bool = False,
    ) -> None:
        self.config = config
        self.profile = profile
        self.jobs = jobs or os.cpu_count() or 1
        self.snapshot_worth = snapshot_worth
        self.observe = observe

    def __enter__(self) -> Executor:
        self._scratch = tempfile.TemporaryDirectory(prefix="lessonsite-")
        self._running: list[_Worker] = []
        self._snapshots = Snapshots()
        forks = "forkserver" in multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context("forkserver" if forks else "spawn")
        own = ("sitegen.execute.worker", "IPython.core.interactiveshell", "numpy")
        modules = [*own, *self.config.preload]
        path = [str(BUILT_IN), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._environment = {
            **ENVIRONMENT,
            preload.VARIABLE: os.pathsep.join(modules),
            "PYTHONPATH": os.pathsep.join(path),
        }
        if forks:
            self._context.set_forkserver_preload([preload.__name__])
            try:
                with self._prepared():
                    forkserver.ensure_running()
            except OSError as error:
                raise SiteError(
                    f"worker processes can't be reached through {tempfile.gettempdir()}: {error}; "
                    "name another folder, with a short path: TMPDIR=/tmp"
                ) from None
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()
        with contextlib.suppress(AttributeError):
            forkserver._forkserver._stop()  # type: ignore[attr-defined]
        self._scratch.cleanup()

    @contextlib.contextmanager
    def _prepared(self) -> Iterator[None]:
        """What a new interpreter inherits, for as long as one is being started."""
        before = {name: os.environ.get(name) for name in self._environment}
        os.environ.update(self._environment)
        # Nor must the options of this one, such as -O, show in outputs.
        options = vars(util)["_args_from_interpreter_flags"]
        vars(util)["_args_from_interpreter_flags"] = list
        try:
            yield
        finally:
            vars(util)["_args_from_interpreter_flags"] = options
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def run(
        self, plans: Sequence[Plan], tell: Callable[[Event], None], interrupt: Any = None
    ) -> Iterator[Execution]:
        """Start to run the plans, several at once, and yield each as it ends.

        That is over early when `interrupt`, a socket or the like, can be read. The next call takes
        up what still runs and is wanted then too, and ends what is not.
        """
        waiting = self._not_running(plans)
        self._start_some(waiting)
        return self._executions(waiting, tell, interrupt)

    def _executions(
        self, waiting: list[Plan], tell: Callable[[Event], None], interrupt: Any
    ) -> Iterator[Execution]:
        while self._running:
            ready = self._ready(interrupt)
            if ready is None:
                return
            for running in ready:
                execution = running.step(tell)
                if execution is not None:
                    self._running.remove(running)
                    running.kill()
                    self._start_some(waiting)
                    yield execution

    def _start_some(self, waiting: list[Plan]) -> None:
        while waiting and len(self._running) < self.jobs:
            self._running.append(self._start(waiting.pop(0)))

    def drop(self) -> None:
        """End whatever runs or rests."""
        for running in self._running:
            running.kill()
        self._running.clear()
        self._snapshots.drop()

    def keep(self, slugs: Collection[str]) -> None:
        """Let the snapshots of all other lessons go."""
        self._snapshots.drop(but=slugs)

    def _not_running(self, plans: Sequence[Plan]) -> list[Plan]:
        """What is left to start of the plans, after workers with other plans were ended."""
        left = list(plans)
        for running in list(self._running):
            same = next((plan for plan in left if plan.asks_the_same(running.plan)), None)
            if same is None:
                self._running.remove(running)
                running.kill()
            else:
                left.remove(same)
        return left

    def _start(self, plan: Plan) -> _Worker:
        """Begin to run a plan, from a snapshot if there is one that serves."""
        job = Job(
            path=plan.lesson.path,
            root=str(self.config.root),
            cells=plan.cells,
            ran=(),
            needs=dict(plan.needs),
            packages=self.config.packages,
            profile=self.profile,
            modules=_random_modules(plan.lesson),
            scratch=self._scratch.name,
            written=self._written(),
            snapshot_worth=self.snapshot_worth,
            own=own(plan.lesson, self.profile) if self.observe else None,
        )
        home, away = self._context.Pipe()
        process = self._snapshots.go_on(plan, job, away)
        if process is None:
            process = self._context.Process(target=worker.run, args=(job, away), daemon=False)
            with self._prepared(), _main_module_hidden():
                process.start()
        away.close()
        return _Worker(plan, self.profile, process, home, self._snapshots)

    def _written(self) -> tuple[str, ...]:
        config = self.config
        known = [config.output, config.recordings, *config.lessons.glob("*.md")]
        return tuple(map(str, known))

    def _ready(self, interrupt: Any) -> list[_Worker] | None:
        """The workers with something to say: a message, an end, or no time left."""
        left = min(running.deadline for running in self._running) - time.monotonic()
        sources = [source for running in self._running for source in running.sources]
        interrupts = [interrupt] if interrupt else []
        ready = wait([*sources, *interrupts], timeout=max(left, 0))
        if interrupt in ready:
            return None
        now = time.monotonic()
        return [
            running
            for running in self._running
            if running.deadline <= now or any(source in ready for source in running.sources)
        ]


def _random_modules(lesson: Lesson) -> tuple[str, ...]:
    """Those with random numbers of their own, which are seeded for each block if they are there.

    Of the whole lesson, so that it makes no difference which of its blocks are run.
    """
    torch = any(re.search(r"\b(import|from)\s+torch\b", cell.code) for cell in lesson.cells)
    return ("numpy", "torch") if torch else ("numpy",)


class _Worker:
    """One lesson while it runs, as seen from the generator."""

    def __init__(
        self, plan: Plan, profile: str, process: Any, home: Connection, snapshots: Snapshots
    ) -> None:
        self.plan = plan
        self.profile = profile
        self.process = process
        self.home = home
        self.snapshots = snapshots
        self.cells = {cell.id: cell for cell in plan.cells}
        self.results: list[Result] = []
        self.current: Cell | None = None
        # Until the first block begins, the worker only imports.
        self.deadline = time.monotonic() + DEFAULT_TIMEOUT

    @property
    def sources(self) -> tuple[Any, ...]:
        return self.home, self.process.sentinel

    def step(self, tell: Callable[[Event], None]) -> Execution | None:
        """Take one message; the `Execution` if the lesson is over."""
        try:
            message = self.home.recv() if self.home.poll() else None
            if isinstance(message, Rested):
                self.snapshots.receive(self.plan.lesson.slug, message, self.home)
        except (EOFError, OSError):
            return self._fail(self._death())
        if message is None:
            if time.monotonic() >= self.deadline:
                return self._fail(self._timeout())
            return self._fail(self._death()) if not self.process.is_alive() else None
        if isinstance(message, Started):
            self.current = cell = self.cells[message.cell]
            limit = cell.options.timeout if isinstance(cell, Block) else DEFAULT_TIMEOUT
            self.deadline = time.monotonic() + limit
            tell(Event(self.plan.lesson, cell))
        elif isinstance(message, Finished):
            cell = self.cells[message.cell]
            self.results.append(Result(cell, message.outputs, message.seconds, message.trace))
            self.deadline = time.monotonic() + DEFAULT_TIMEOUT
            tell(Event(self.plan.lesson, cell, message.seconds))
        elif isinstance(message, Failed):
            return self._fail(self._error(message.line, message.message, message.detail))
        elif isinstance(message, Done):
            return self._execution(message.provenance)
        return None

    def kill(self) -> None:
        """End the worker and everything that its blocks started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(Exception):
            self.process.kill()
        self.process.join()
        self.home.close()

    def _execution(self, provenance: dict[str, str]) -> Execution:
        return Execution(self.plan.lesson, self.profile, tuple(self.results), provenance)

    def _fail(self, error: BlockError) -> Execution:
        return replace(self._execution({}), error=error, failed=self.current)

    def _error(self, line: int, message: str, trace: str = "") -> BlockError:
        detail = excerpt(self.plan.lesson, line)
        return BlockError(
            self.plan.lesson.path, line, message, f"{detail}\n{trace}" if trace else detail
        )

    def _timeout(self) -> BlockError:
        cell = self.current
        if isinstance(cell, Block):
            limit = cell.options.timeout
            return self._error(
                cell.line,
                f"block {cell.id!r} ran longer than {limit:g} s; is there an endless loop? "
                "If it needs the time, say timeout=... in its braces",
            )
        line = cell.line if cell else 1
        return self._error(line, f"ran longer than {DEFAULT_TIMEOUT:g} s")

    def _death(self) -> BlockError:
        self.process.join(5)
        code = self.process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            how = f"was killed by {name}" + ("; out of memory?" if name == "SIGKILL" else "")
        else:
            how = f"ended its process with exit code {code}"
        cell = self.current
        what = f"block {cell.id!r}" if isinstance(cell, Block) else "the lesson's worker"
        return self._error(cell.line if cell else 1, f"{what} {how}")


def excerpt(lesson: Lesson, line: int, around: int = 2) -> str:
    """The lesson's lines about `line`, numbered, that one marked."""
    lines = lesson.text.split("\n")
    first, last = max(1, line - around), min(len(lines), line + around)
    width = len(str(last))
    return "\n".join(
        f"{'>' if number == line else ' '} {number:{width}} | {lines[number - 1]}".rstrip()
        for number in range(first, last + 1)
    )


@contextlib.contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Keep `multiprocessing` from importing the caller's script again in every worker."""
    main = sys.modules["__main__"]
    hidden = {name: main.__dict__.get(name) for name in ("__file__", "__spec__")}
    main.__dict__["__spec__"] = None
    main.__dict__.pop("__file__", None)
    try:
        yield
    finally:
        main.__dict__.update(hidden)
