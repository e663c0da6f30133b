"""Lessons of a few lines, run under observation in a process of their own."""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import linecache
import multiprocessing
import os
import re
import subprocess
import sys
import traceback
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from unittest import mock

from sitegen.execute.snapshot import Files
from sitegen.parse.lesson import Block
from sitegen.parse.tokens import short_hash
from sitegen.record.recordings import Recording
from sitegen.record.replay import Standing, World, settled, walk
from sitegen.trace import Change, Program, Trace
from sitegen.trace.cells import code_hash
from sitegen.trace.observe import Observer, Piece


@dataclass(frozen=True)
class Ran:
    """What came of the cells that ran, by their ids; the last may have failed."""

    shown: Mapping[str, str] = field(default_factory=dict)
    traces: Mapping[str, Trace] = field(default_factory=dict)
    failure: str = ""


def pieces(codes: Mapping[str, str]) -> list[Piece]:
    """The cells of a lesson, one below the other."""
    found: list[Piece] = []
    line = 1
    for id_, code in codes.items():
        found.append(Piece(id_, code, line, False, own(codes, id_, line)))
        line += code.count("\n") + 2
    return found


def own(codes: Mapping[str, str], id_: str, line: int) -> dict[str, str]:
    """What a cell's trace says of the cell itself."""
    above = list(codes)[: list(codes).index(id_)]
    return {
        "code": code_hash(Block(id_, codes[id_], line)),
        "profile": short_hash(["cpu"]),
        "line": short_hash([str(line)]),
        "above": short_hash(codes[one] for one in above),
        "lines": short_hash([*(codes[one] for one in above), codes[id_]]),
    }


def run(
    codes: Mapping[str, str],
    root: Path,
    packages: Sequence[str] = ("mylib",),
    only: Collection[str] = (),
) -> Ran:
    """Run the cells, or some, in a fresh process, which imports the packages anew."""
    _, server = _small_process()
    server.send((codes, root, packages, [*(only or codes)], {**os.environ}))
    found: Ran = server.recv()
    return found


@functools.cache
def _small_process() -> tuple[subprocess.Popen[bytes], Connection]:
    """One that is quickly copied: that of the tests has imported all that any of them needs."""
    mine, other = multiprocessing.Pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", f"import watched; watched.serve({other.fileno()})"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        pass_fds=[other.fileno()],
    )
    other.close()
    return process, mine


def serve(descriptor: int) -> None:
    """Run what is asked for, until nobody asks any more."""
    home = Connection(descriptor)
    with contextlib.suppress(EOFError):
        while True:
            home.send(run_in_a_copy(*home.recv()))


def run_in_a_copy(
    codes: Mapping[str, str],
    root: Path,
    packages: Sequence[str],
    only: Collection[str],
    environment: Mapping[str, str],
) -> Ran:
    """As `run`, in a copy of the process that calls it."""
    context = multiprocessing.get_context("fork")
    mine, other = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(codes, root, packages, only, environment, other))
    process.start()
    other.close()
    try:
        found: Ran = mine.recv()
    except EOFError:
        found = Ran(failure="OBSERVER\nits process ended")
    process.join(30)
    return found


def _run(
    codes: Mapping[str, str],
    root: Path,
    packages: Sequence[str],
    only: Collection[str],
    environment: Mapping[str, str],
    home: Connection,
) -> None:
    shown: dict[str, str] = {}
    traces: dict[str, Trace] = {}
    failure = ""
    try:
        sys.dont_write_bytecode = True
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(root)
        temporary = root.with_name(root.name + "-temporary")
        temporary.mkdir(exist_ok=True)
        sys.path.insert(0, str(root))
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        files = Files(temporary, root, frozenset())
        observer = Observer(root, packages, files, "l.md")
        observer.start(module.__dict__)
        _teach_linecache(codes)
        for piece in (one for one in pieces(codes) if one.id in only):
            stream = io.StringIO()
            observer.begin(piece)
            try:
                tree = ast.parse("\n" * (piece.line - 1) + piece.code)
                code = observer.compiled(tree, "exec")
                with contextlib.redirect_stdout(stream):
                    exec(code, module.__dict__)
            except Exception:
                failure = traceback.format_exc()
                break
            traces[piece.id] = observer.end(True)
            shown[piece.id] = re.sub(" at 0x[0-9a-f]+", "", stream.getvalue())
    except BaseException:
        failure = "OBSERVER\n" + traceback.format_exc()
    home.send(Ran(shown, traces, failure))
    home.close()
    os._exit(0)


def _teach_linecache(codes: Mapping[str, str]) -> None:
    """Let code be seen where it stands, as a session does."""
    lines: list[str] = []
    for piece in pieces(codes):
        lines += [""] * (piece.line - 1 - len(lines)) + piece.code.splitlines()
    linecache.cache["l.md"] = (len(lines), None, [f"{line}\n" for line in lines], "l.md")


@dataclass(frozen=True)
class Replayed:
    """By turns: which cells held, and of the others what had changed."""

    held: tuple[str, ...]
    changed: Mapping[str, tuple[Change, ...]]


def replay(
    codes: Mapping[str, str],
    before: Mapping[str, Trace],
    execute: Callable[[str], Trace | None],
    root: Path,
    packages: Sequence[str] = ("mylib",),
    environment: Mapping[str, str] = os.environ,
) -> Replayed:
    """Let every cell stand in its turn; `execute` gives the trace of one that does not hold."""
    held: list[str] = []
    changed: dict[str, tuple[Change, ...]] = {}
    with mock.patch.dict(os.environ, environment, clear=True):
        world = _world(codes, root, packages)
        rows = standing(codes, before, root, packages)
        for place, id_ in enumerate(codes):
            row = rows[place]
            assert row.holds or row.is_wanted, "all above has run"
            if row.holds:
                held.append(id_)
                continue
            changed[id_] = row.changes
            trace = execute(id_)
            if trace is None:
                break
            rows = settled(rows, id_, replace(row, recording=Recording(trace, ())), world)
    return Replayed(tuple(held), changed)


def standing(
    codes: Mapping[str, str],
    traces: Mapping[str, Trace],
    root: Path,
    packages: Sequence[str] = ("mylib",),
) -> list[Standing]:
    """How the cells of a lesson stand of which these traces are recorded."""
    rows = [
        Standing(
            Block(piece.id, piece.code, piece.line),
            Recording(traces[piece.id], ()) if piece.id in traces else None,
        )
        for piece in pieces(codes)
    ]
    return walk(rows, _world(codes, root, packages))


def _world(codes: Mapping[str, str], root: Path, packages: Sequence[str]) -> World:
    return World(Program(root, packages), {piece.id: piece.own for piece in pieces(codes)})
