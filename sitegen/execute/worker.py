"""A process of its own for the cells of one lesson: what holds it in, and the order of events.

Orders come in, messages go out.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
from collections.abc import Iterable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from sitegen.execute import resources
from sitegen.execute.environment import PROFILE, is_ours
from sitegen.execute.keeper import Desk
from sitegen.execute.kept import KeptValues
from sitegen.execute.messages import Done, Failed, Job, Lacking, Started
from sitegen.execute.plan import Order
from sitegen.execute.session import Session
from sitegen.execute.snapshot import Files, Taker
from sitegen.trace import memory
from sitegen.trace.observe import Observer
from sitegen.trace.sources import Finder


def run(job: Job, home: Connection, desk: Desk) -> None:
    """Entry of the worker process."""
    os.setsid()
    _bound_memory(job.profile)
    os.chdir(job.root)
    sys.argv = [job.path]
    sys.path.insert(0, job.root)
    sys.meta_path.insert(0, Finder(job.packages))
    importlib.invalidate_caches()
    os.environ[PROFILE] = job.profile
    os.environ["IPYTHONDIR"] = job.scratch
    if job.asked:
        home.send(resources.lacking(job.asked, job.packages))
        os._exit(0)
    # What blocks leave among temporary files goes with the build.
    temporary = tempfile.tempdir = os.environ["TMPDIR"] = tempfile.mkdtemp(dir=job.scratch)
    files = Files(Path(temporary), Path(job.root), frozenset(map(Path, job.written)))
    snapshots = Taker(job.snapshot_worth, files) if job.snapshot_worth is not None else None
    session = Session(job, desk)
    if job.own is not None:
        session.observer = Observer(files.course, job.packages, files, job.path, is_ours)
        memory.recall(Path(job.cache), session.observer.program)
        session.observer.start(session.module.__dict__)
        session.kept = KeptValues(session.observer, job.path)
    _work(session, snapshots, job, home)


def _work(session: Session, snapshots: Taker | None, job: Job, home: Connection) -> None:
    """Run cells as they are ordered, and end the process."""
    ran = job.ran
    while (order := _next(home)) is not None:
        cell = order.cell
        lacking = session.lacks(cell)
        if isinstance(lacking, Failed):
            home.send(lacking)
            break
        if lacking:
            home.send(Lacking(cell.id))
            continue
        home.send(Started(cell.id))
        message = session.run(cell, order.given)
        home.send(message)
        _send(session.take_late(), home)
        if isinstance(message, Failed):
            break
        ran += (cell,)
        if snapshots:
            go_on = partial(_go_on, session, snapshots)
            snapshots.offer(ran, message.seconds, home, session.desk, go_on)
    else:
        _send(session.unfinished(), home)
        home.send(Done())
    home.close()
    # Threads and exit handlers that a block left behind have no say in when a lesson ends.
    os._exit(0)


def _next(home: Connection) -> Order | None:
    """What to run; nothing if there is nobody any more to say so."""
    with contextlib.suppress(EOFError, OSError):
        found: Order | None = home.recv()
        return found
    return None


def _send(messages: Iterable[object], home: Connection) -> None:
    for message in messages:
        home.send(message)


def _go_on(session: Session, snapshots: Taker, job: Job, home: Connection, desk: Desk) -> None:
    """Do another job with the state that there is."""
    session.take_up(job, desk)
    _work(session, snapshots, job, home)


def _bound_memory(profile: str) -> None:
    """Let a block that takes all memory end itself, and not the generator or the machine."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    if profile != "cpu":
        return  # a GPU's driver reserves far more addresses than there is memory
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        limit = total * 3 // 4
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
