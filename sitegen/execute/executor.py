"""`Lesson` -> `Execution`: runs cells in worker processes, one lesson each, several at once."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any

from sitegen.errors import BlockError, say
from sitegen.execute.environment import environment
from sitegen.execute.forkserver import launcher
from sitegen.execute.keeper import Ended
from sitegen.execute.messages import (
    Done,
    Failed,
    Finished,
    Job,
    Lacking,
    Late,
    Rested,
    Started,
    Unfinished,
)
from sitegen.execute.plan import Plan
from sitegen.execute.process import Process
from sitegen.execute.snapshot import Snapshots
from sitegen.output import Output
from sitegen.parse.config import Config
from sitegen.parse.lesson import DEFAULT_TIMEOUT, Block, Cell, Lesson
from sitegen.trace import Trace
from sitegen.trace.cells import own

IMPORTED = ("sitegen.execute.worker", "IPython.core.interactiveshell", "numpy")
"""Before the first job comes, beside what the course names."""


@dataclass(frozen=True)
class Result:
    """What one cell displayed, how long it ran, and on what."""

    cell: Cell
    outputs: tuple[Output, ...]
    seconds: float
    made_on: Mapping[str, str] = field(default_factory=dict)
    """The device, and versions by name."""
    trace: Trace | None = None
    """What the cell read and left, if that was observed."""


@dataclass(frozen=True)
class Execution:
    """What came of one plan: the results up to the end, or up to the block that failed."""

    lesson: Lesson
    profile: str
    results: tuple[Result, ...]
    error: BlockError | None = None
    failed: Cell | None = None
    """The cell that the error is of, if one had begun."""
    trace: Trace | None = None
    """What the cell that failed had read."""
    ran: tuple[Cell, ...] = ()
    """All whose state the process had in the end."""
    lacking: frozenset[str] = frozenset()
    """The ids of the cells that this machine can't run."""


@dataclass(frozen=True)
class Event:
    """Told while lessons run: a cell began, or ended with this result."""

    lesson: Lesson
    cell: Cell
    result: Result | None = None
    ran: tuple[Cell, ...] = ()
    """All that ran in the same process so far, from the first."""


class Executor:
    """Worker processes for one course; a context manager that leaves none behind.

    Entering starts the fork server, which imports in the background while others work. Workers
    leave a snapshot after each `snapshot_worth` seconds of work, so that a later plan need not
    begin from nothing; none if that is None. With `observe`, results have traces.
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
        self._scratch = tempfile.TemporaryDirectory(
            prefix="lessonsite-", ignore_cleanup_errors=True
        )
        self._running: list[_Worker] = []
        self._snapshots = Snapshots()
        self._asked = set[str]()
        self._lacking = frozenset[str]()
        """Of the resources asked for so far, those that this machine has not."""
        self._launcher = launcher(environment(), [*IMPORTED, *self.config.preload])
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()
        self._launcher.close()
        self._scratch.cleanup()

    def run(
        self, plans: Sequence[Plan], tell: Callable[[Event], None], interrupt: Any = None
    ) -> Iterator[Execution]:
        """Start to run the plans, several at once, and yield each as it ends.

        That is over early when `interrupt`, a socket or the like, can be read. The next call takes
        up what still runs and is wanted then too, and ends what is not.
        """
        waiting = self._not_running(plans)
        asked = sorted(set(_needs(waiting)) - self._asked)
        free = [plan for plan in waiting if set(asked).isdisjoint(_needs([plan]))]
        bound = [plan for plan in waiting if plan not in free]
        # At once, for the caller has other things to do meanwhile; but what runs alone may
        # measure, and nothing is to go on beside it.
        if self.jobs > 1 or not asked:
            self._start_some(free)
        return self._executions(free, bound, asked, tell, interrupt)

    def _executions(
        self,
        waiting: list[Plan],
        bound: list[Plan],
        asked: Sequence[str],
        tell: Callable[[Event], None],
        interrupt: Any,
    ) -> Iterator[Execution]:
        """Run what waits, and what is bound to resources once it is known which there are."""
        with contextlib.ExitStack() as stack:
            question = stack.enter_context(self._asking(asked)) if asked else None

            def start() -> None:
                if self.jobs > 1 or question is None:
                    self._start_some(waiting)

            start()
            while self._running or question:
                ready = self._ready(interrupt, question)
                if ready is None:
                    return
                if question and question.is_over:
                    self._asked.update(asked)
                    self._lacking |= question.answer()
                    stack.close()
                    question = None
                    waiting += bound
                    start()
                for running in ready:
                    execution = running.step(tell)
                    if execution is not None:
                        self._running.remove(running)
                        running.kill()
                        start()
                        yield execution

    @contextlib.contextmanager
    def _asking(self, names: Sequence[str]) -> Iterator[_Question]:
        """Ask which of these resources this machine lacks.

        Beforehand, so that nothing is run for a block that can't be, and in a process of its own,
        for what is imported to answer is no part of a lesson. Where there is no answer, the
        block's turn will tell.
        """
        home, away = Pipe()
        with home:
            with away:
                process = self._launcher.start(self._job(asked=tuple(names)), away)
            try:
                yield _Question(home)
            finally:
                process.kill()

    def _start_some(self, waiting: list[Plan]) -> None:
        while waiting and len(self._running) < self.jobs:
            self._running.append(self._start(waiting.pop(0)))

    @property
    def is_busy(self) -> bool:
        """Whether anything runs."""
        return bool(self._running)

    @property
    def is_awaited(self) -> bool:
        """Whether what runs has something to say, and may not go on before."""
        return bool(wait([source for one in self._running for source in one.sources], timeout=0))

    def drop(self) -> None:
        """End whatever runs or rests, and forget what was asked for: the library may be another."""
        for running in self._running:
            running.kill()
        self._running.clear()
        self._snapshots.drop()
        self._asked.clear()
        self._lacking = frozenset()

    def keep(self, slugs: Collection[str]) -> None:
        """Let the snapshots of all other lessons go."""
        self._snapshots.drop(but=slugs)

    def _not_running(self, plans: Sequence[Plan]) -> list[Plan]:
        """What is left to start of the plans, after workers with other plans were ended."""
        left = list(plans)
        for running in list(self._running):
            same = next((plan for plan in left if running.takes_up(plan)), None)
            if same is None:
                self._running.remove(running)
                running.kill()
            else:
                left.remove(same)
        return left

    def _start(self, plan: Plan) -> _Worker:
        """Begin to run a plan, from a snapshot if there is one that serves."""
        job = self._job(
            path=plan.lesson.path,
            cells=plan.lesson.cells,
            modules=_random_modules(plan.lesson),
            own=own(plan.lesson, self.profile) if self.observe else None,
        )
        home, away = Pipe()
        with away:
            went_on = self._snapshots.go_on(plan, job, away)
            process, ran = went_on or (self._launcher.start(job, away), ())
        lacking = {
            cell.id
            for cell in plan.lesson.blocks
            if not self._lacking.isdisjoint(cell.options.needs)
        }
        return _Worker(plan, self.profile, process, home, self._snapshots, ran, lacking)

    def _job(self, **given: Any) -> Job:
        return Job(
            root=str(self.config.root),
            packages=self.config.packages,
            profile=self.profile,
            scratch=self._scratch.name,
            cache=str(self.config.cache),
            written=self._written(),
            snapshot_worth=self.snapshot_worth,
            **given,
        )

    def _written(self) -> tuple[str, ...]:
        config = self.config
        known = [config.output, config.recordings, *config.lessons.glob("*.md")]
        return tuple(map(str, known))

    def _ready(self, interrupt: Any, question: _Question | None) -> list[_Worker] | None:
        """The workers with something to say: a message, an end, or no time left."""
        awaited: list[_Worker | _Question] = [*self._running]
        if question:
            awaited.append(question)
        left = min(one.deadline for one in awaited) - time.monotonic()
        sources = [source for one in awaited for source in one.sources]
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


def _needs(plans: Sequence[Plan]) -> tuple[str, ...]:
    """The resources that blocks of these plans need."""
    blocks = (cell for plan in plans for cell in plan.cells if isinstance(cell, Block))
    return tuple(sorted({name for block in blocks for name in block.options.needs}))


def _random_modules(lesson: Lesson) -> tuple[str, ...]:
    """Those with random numbers of their own, which are seeded for each block if they are there.

    Of the whole lesson, so that it makes no difference which of its blocks are run.
    """
    torch = any(re.search(r"\b(import|from)\s+torch\b", cell.code) for cell in lesson.cells)
    return ("numpy", "torch") if torch else ("numpy",)


class _Question:
    """What is still to be told of the resources of this machine."""

    def __init__(self, home: Connection) -> None:
        self.sources = (home,)
        self.deadline = time.monotonic() + DEFAULT_TIMEOUT

    @property
    def is_over(self) -> bool:
        return self.sources[0].poll() or self.deadline <= time.monotonic()

    def answer(self) -> frozenset[str]:
        """Those that are lacking; none where nothing came in time."""
        (home,) = self.sources
        with contextlib.suppress(EOFError, OSError):
            if home.poll():
                return frozenset(home.recv())
        return frozenset()


class _Worker:
    """One lesson while it runs, as seen from the generator."""

    def __init__(
        self,
        plan: Plan,
        profile: str,
        process: Process,
        home: Connection,
        snapshots: Snapshots,
        ran: Sequence[Cell],
        lacking: set[str],
    ) -> None:
        self.plan = plan
        self.had = tuple(ran)
        self.lacking = lacking
        self.profile = profile
        self.process = process
        self.home = home
        self.snapshots = snapshots
        self.results: list[Result] = []
        self.ordered: Cell | None = None
        self.current: Cell | None = None
        # Until the first block begins, the worker only imports.
        self.deadline = time.monotonic() + DEFAULT_TIMEOUT
        self._order()

    @property
    def ran(self) -> tuple[Cell, ...]:
        """The cells whose state there is."""
        return *self.had, *(result.cell for result in self.results)

    def takes_up(self, plan: Plan) -> bool:
        """Go on with another plan, if what runs is a beginning of it; whether that is so."""
        same = plan.lesson.path == self.plan.lesson.path and plan.takes_up(self.ran, self.ordered)
        if same:
            self.plan = plan
        return same

    def _order(self) -> None:
        """Have the next cell run, or the process end."""
        order = self.plan.next(self.ran, self.lacking)
        self.ordered = order.cell if order else None
        with contextlib.suppress(OSError):  # it has ended, and that will be noticed
            self.home.send(order)

    def _cell(self, id_: str) -> Cell:
        known = [result.cell for result in self.results if result.cell.id == id_]
        if self.ordered and self.ordered.id == id_:
            return self.ordered
        return known[-1]

    @property
    def sources(self) -> tuple[Any, ...]:
        return self.home, self.process.control

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
            self.process.join(0)
            return self._fail(self._death()) if self.process.ended else None
        if isinstance(message, Started):
            self.current = cell = self._cell(message.cell)
            limit = cell.options.timeout if isinstance(cell, Block) else DEFAULT_TIMEOUT
            self.deadline = time.monotonic() + limit
            tell(Event(self.plan.lesson, cell))
        elif isinstance(message, Finished):
            cell = self._cell(message.cell)
            result = Result(cell, message.outputs, message.seconds, message.made_on, message.trace)
            self.results.append(result)
            self.deadline = time.monotonic() + DEFAULT_TIMEOUT
            tell(Event(self.plan.lesson, cell, result, self.ran))
            self._order()
        elif isinstance(message, Lacking):
            self.lacking.add(message.cell)
            self._order()
        elif isinstance(message, Late):
            late = self._with_late(message)
            if late:
                tell(Event(self.plan.lesson, late.cell, late, self.ran))
        elif isinstance(message, Unfinished):
            self._warn(
                message.cell,
                f"its thread {message.thread!r} has not ended with the lesson, and what that would "
                "still print is not on the page; join it in the block",
            )
        elif isinstance(message, Failed):
            error = self._error(message.line, message.message, message.detail)
            return replace(self._fail(error), trace=message.trace)
        elif isinstance(message, Done):
            return self._execution()
        return None

    def kill(self) -> None:
        """End the worker and everything that its blocks started."""
        self.process.kill()
        self.home.close()

    def _with_late(self, message: Late) -> Result | None:
        """The result of the cell that started threads with what they printed since; says so.

        None for a cell that ran before this process went on.
        """
        places = [i for i, one in enumerate(self.results) if one.cell.id == message.cell]
        if not places:
            return None
        index = places[-1]
        before = self.results[index]
        self.results[index] = replace(before, outputs=before.outputs + message.outputs)
        text = "".join(output.text for output in message.outputs).strip()
        self._warn(
            message.cell,
            f"a thread printed {text[:40]!r} when the block had ended, which is shown with that "
            "block; join the thread in the block, for another time it may come too late",
        )
        return self.results[index]

    def _warn(self, cell: str, message: str) -> None:
        line = next((one.line for one in self.ran if one.id == cell), 1)
        where = f"{self.plan.lesson.path}:{line}"
        say(f"warning: {where}: block {cell!r}: {message}")

    def _execution(self) -> Execution:
        return Execution(
            self.plan.lesson,
            self.profile,
            tuple(self.results),
            ran=self.ran,
            lacking=frozenset(self.lacking),
        )

    def _fail(self, error: BlockError) -> Execution:
        return replace(self._execution(), error=error, failed=self.current)

    def _error(self, line: int, message: str, trace: str = "") -> BlockError:
        detail = excerpt(self.plan.lesson, line)
        return BlockError(
            self.plan.lesson.path, line, message, f"{detail}\n{trace}" if trace else detail
        )

    def _timeout(self) -> BlockError:
        self.process.kill()
        ended = self.process.ended or Ended()
        cell = self.current
        if isinstance(cell, Block):
            how = (
                " and waits: for a process, a lock or an answer that does not come?"
                if ended.waited
                else "; is there an endless loop?"
            )
            return self._error(
                cell.line,
                f"block {cell.id!r} ran longer than {cell.options.timeout:g} s{how} "
                "If it needs the time, say timeout=... in its braces",
                _last_words(ended),
            )
        line = cell.line if cell else 1
        return self._error(line, f"ran longer than {DEFAULT_TIMEOUT:g} s", _last_words(ended))

    def _death(self) -> BlockError:
        self.process.join(5)
        ended = self.process.ended or Ended()
        if ended.code is None:
            how = "ended without a word; does a module named under preload end its process?"
        elif ended.code < 0:
            name = signal.Signals(-ended.code).name
            how = f"was killed by {name}" + ("; out of memory?" if name == "SIGKILL" else "")
        else:
            how = f"ended its process with exit code {ended.code}"
        cell = self.current
        what = f"block {cell.id!r}" if isinstance(cell, Block) else "the lesson's worker"
        return self._error(cell.line if cell else 1, f"{what} {how}", _last_words(ended))


def _last_words(ended: Ended) -> str:
    return f"The last that it printed:\n{ended.said.rstrip()}" if ended.said.strip() else ""


def excerpt(lesson: Lesson, line: int, around: int = 2) -> str:
    """The lesson's lines about `line`, numbered, that one marked."""
    lines = lesson.text.split("\n")
    first, last = max(1, line - around), min(len(lines), line + around)
    width = len(str(last))
    return "\n".join(
        f"{'>' if number == line else ' '} {number:{width}} | {lines[number - 1]}".rstrip()
        for number in range(first, last + 1)
    )
