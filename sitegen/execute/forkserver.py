"""Worker processes: a server imports once and forks one for each job.

The server is an interpreter of its own, with an environment and options that don't depend on the
generator's. It is asked through a socket that it inherits, and each worker gets what it is to
use, its job and its connections, as descriptors. With the generator it ends, and all below it.

Where `fork` is not safe each worker is a fresh interpreter, and has to import by itself.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import IO, Protocol

from sitegen.errors import SiteError
from sitegen.execute import keeper
from sitegen.execute.keeper import Lines
from sitegen.execute.messages import Job
from sitegen.execute.process import PATIENCE, Process

FORK_IS_SAFE = hasattr(os, "fork") and sys.platform != "darwin"
"""On macOS a fork of a process that has used the system's libraries may crash."""


class Launcher(Protocol):
    """Starts workers; has to be closed."""

    def start(self, job: Job, away: Connection) -> Process:
        """Begin to do a job; what is to be told goes through `away`."""
        ...

    def close(self) -> None: ...


def launcher(environment: Mapping[str, str], modules: Sequence[str]) -> Launcher:
    """What suits this system; `modules` are imported once, where that serves all workers."""
    return ForkServer(environment, modules) if FORK_IS_SAFE else Interpreters(environment)


class ForkServer:
    """The server as the generator sees it. It imports while the generator goes on."""

    def __init__(self, environment: Mapping[str, str], modules: Sequence[str]) -> None:
        self._requests, theirs = socket.socketpair()
        self._server = _interpreter("serve", environment, [theirs.fileno()], *modules)
        theirs.close()

    def start(self, job: Job, away: Connection) -> Process:
        control, kept = Pipe()
        with _written(job) as file, kept:
            try:
                descriptors = [file.fileno(), away.fileno(), kept.fileno()]
                socket.send_fds(self._requests, [b"!"], descriptors)
            except OSError:
                code = self._server.wait(PATIENCE)
                raise SiteError(
                    f"the process that starts workers has ended with exit code {code}; "
                    "does a module named under preload end it?"
                ) from None
        return Process(control)

    def close(self) -> None:
        self._requests.close()
        self._server.terminate()  # is heeded while it imports
        _wait_for(self._server)


class Interpreters:
    """An interpreter for each worker, and one for its keeper."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._keepers: list[subprocess.Popen[bytes]] = []

    def start(self, job: Job, away: Connection) -> Process:
        control, kept = Pipe()
        with _written(job) as file, kept:
            descriptors = [file.fileno(), away.fileno(), kept.fileno()]
            self._keepers = [one for one in self._keepers if one.poll() is None]
            self._keepers.append(_interpreter("keep", self._environment, descriptors))
        return Process(control)

    def close(self) -> None:
        for one in self._keepers:
            _wait_for(one)


def _interpreter(
    function: str, environment: Mapping[str, str], descriptors: Sequence[int], *arguments: str
) -> subprocess.Popen[bytes]:
    """A fresh one, under no options, that calls a function of this module."""
    # The first place to import from would be the working directory.
    code = f"import sys; del sys.path[0]; from {__name__} import {function}; {function}()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, descriptors), *arguments],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        pass_fds=descriptors,
    )


def _written(job: Job) -> IO[bytes]:
    """A job as a file without a name."""
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
    pickle.dump(job, file)
    file.seek(0)
    return file


def _wait_for(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def serve() -> None:
    """The server: import, then fork a keeper for each request until there are no more."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    requests.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # is the generator's concern
    for name in sys.argv[2:]:
        # A module that cannot be imported is the concern of the block that wants it.
        with contextlib.suppress(Exception, SystemExit):
            importlib.import_module(name)
    gc.freeze()  # what stays to the end: nobody needs to look through it for garbage
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how keepers end
    keeper.adopt()
    while True:
        with contextlib.suppress(InterruptedError):
            message, descriptors, *_ = socket.recv_fds(requests, 1, 3)
            if not message:
                break
            if os.fork() == 0:
                requests.close()
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _keep_forked(*descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
    keeper.end_children()


def _keep_forked(job: int, home: int, control: int) -> None:
    """Be the keeper of a worker that is forked from here."""
    keeper.adopt()
    mine = Connection(control)

    def start(lines: Lines) -> int:
        pid = os.fork()
        if pid == 0:
            mine.close()
            _work(job, home, lines.leave_to_keeper())
        os.close(job)
        os.close(home)
        return pid

    try:
        keeper.keep(mine, start)
    finally:
        os._exit(0)


def keep() -> None:
    """An interpreter that starts another as a worker, and keeps it."""
    job, home, control = map(int, sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keeper.adopt()

    def start(lines: Lines) -> int:
        window = lines.window.fileno()
        code = f"import sys; del sys.path[0]; from {__name__} import work; work()"
        worker = subprocess.Popen(
            [sys.executable, "-c", code, str(job), str(home), str(window)],
            pass_fds=(job, home, window),
            stdin=subprocess.DEVNULL,
            stdout=lines.writer,
            stderr=lines.writer,
        )
        os.close(job)
        os.close(home)
        worker.returncode = 0  # the keeper asks the system itself
        return worker.pid

    keeper.keep(Connection(control), start)


def work() -> None:
    """A worker in an interpreter of its own."""
    job, home, window = map(int, sys.argv[1:])
    os.set_inheritable(window, False)
    _work(job, home, Connection(window))


def _work(job: int, home: int, window: Connection) -> None:
    """Do a job and end, whatever happens."""
    os.set_inheritable(home, False)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    keeper.end_with_parent()
    try:
        from sitegen.execute import worker

        with open(job, "rb") as file:
            order: Job = pickle.load(file)
        worker.run(order, Connection(home), keeper.Desk(window))
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)
