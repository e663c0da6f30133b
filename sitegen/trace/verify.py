"""Whether a trace holds, and what changed if it does not. Nothing is imported or run for that.

The things that a trace may have read:

- `code`, `line`, `profile`: the cell's own;
- `function M.Q`, `name M.X`, `import M`, `module M`, `names M`, `text M`, `packages`: of the
  followed packages, as `sitegen.trace.program` has them;
- `file PATH`, `folder PATH`: by content, relative to the course, or to a folder that an
  environment variable names;
- `environment NAME`: a variable;
- `lesson NAME`, `state M.X`, `process PART`: what the cells above left; `above` is their code;
  `lines`: theirs and its own as they stand; `unbound NAMES`: what no cell above bound;
  `all names`: which there are.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sitegen.parse.tokens import short_hash
from sitegen.trace.program import ABSENT, NOTHING, Program
from sitegen.trace.trace import Trace

OF_PROGRAM = frozenset(["function", "name", "import", "module", "names", "text", "packages"])
LEFT = ("lesson ", "state ", "process ")
"""How things begin that cells leave to those below."""
ALL_NAMES = "all names"
"""The thing that was read where it matters which names the lesson has."""
OR = "|"
"""Between the two hashes of a file as it was found and as the cell left it: it may be either."""
INITIAL = "initial"
"""The hash of what no cell has left otherwise; of a lesson's name, that there is none."""


@dataclass(frozen=True)
class Change:
    """A thing that a trace read and that is another now."""

    thing: str
    was: str
    now: str

    @property
    def name(self) -> str:
        """The thing, as a message names it."""
        kind, _, rest = self.thing.partition(" ")
        return {
            "code": "its code",
            "line": "its line",
            "lines": "the lines above",
            "above": "the code above",
            "import": f"the import of {rest}",
            "module": f"{rest} (on import)",
            "names": f"the names of {rest}",
            "text": f"the text of {rest}",
            "packages": "the packages",
            "environment": f"${rest}",
            "process": f"the process's {rest}",
            "profile": "how traces are made",
            "all": "the names that there are",
        }.get(kind, rest or self.thing)

    def __str__(self) -> str:
        if self.now == ABSENT:
            return f"{self.thing} is gone"
        return f"{self.thing} {'is new' if self.was == ABSENT else 'changed'}"


@dataclass(frozen=True)
class State:
    """What the cells of a lesson left up to some place, by thing."""

    hashes: Mapping[str, str] = field(default_factory=dict)
    makers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For each thing the cells that made it what it is: who bound it last, and changed it since."""
    loaded: frozenset[str] = frozenset()
    """The followed modules that were imported."""

    def after(self, cell: str, trace: Trace) -> State:
        """The state once a cell with this trace has run, or was replayed."""
        makers = dict(self.makers)
        for thing in trace.changes:
            makers[thing] = (*makers.get(thing, ()), cell)
        makers.update(dict.fromkeys(trace.binds, (cell,)))
        return State({**self.hashes, **trace.leaves}, makers, self.loaded | frozenset(trace.loads))

    def hash(self, thing: str) -> str:
        """Of a thing as it was left."""
        return self.hashes.get(thing, INITIAL)


@dataclass(frozen=True)
class Surroundings:
    """Everything else that a cell may read."""

    program: Program
    root: Path
    own: Mapping[str, str] = field(default_factory=dict)
    """Of the cell and its lesson: `code`, `line`, `lines`, `profile`, `above`."""
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def hash(self, thing: str) -> str | None:
        """Of a thing as it is now; None where this machine can't tell."""
        kind, _, rest = thing.partition(" ")
        if kind in OF_PROGRAM:
            return self.program.hash(thing)
        if kind == "environment":
            return variable_hash(self.environment.get(rest))
        if kind in ("file", "folder"):
            path = self.path(rest)
            if path is None:
                return None
            return file_hash(path) if kind == "file" else folder_hash(path)
        return self.own.get(thing, ABSENT)

    def path(self, name: str) -> Path | None:
        """Where a file lies here; None if that is in a folder that isn't named here."""
        if not name.startswith("$"):
            return self.root / name
        variable, _, rest = name[1:].partition("/")
        folder = self.environment.get(variable)
        return Path(folder, rest) if folder else None


def verify(trace: Trace, state: State, surroundings: Surroundings) -> tuple[Change, ...]:
    """What a trace read and is another now, in order; nothing if it holds.

    A part of the process that a trace doesn't name was as it is from the start, and an import
    of its own that it doesn't name did nothing.
    """
    return tuple(_changes(trace, state, surroundings))


def _changes(trace: Trace, state: State, surroundings: Surroundings) -> Iterator[Change]:
    for thing, was in sorted(trace.reads.items()):
        kind, _, rest = thing.partition(" ")
        if kind == "unbound":
            for name in rest.split():
                if state.hash(f"lesson {name}") not in (INITIAL, ABSENT):
                    yield Change(f"lesson {name}", ABSENT, state.hash(f"lesson {name}"))
            continue
        if thing == ALL_NAMES:
            if names_hash(state.hashes) != was:
                yield Change(thing, was, names_hash(state.hashes))
            continue
        is_left = thing.startswith(LEFT)
        now = state.hash(thing) if is_left else surroundings.hash(thing)
        if now is not None and now not in was.split(OR):
            yield Change(thing, was, str(now))
    for thing in [f"import {module}" for module in trace.loads]:
        if thing not in trace.reads and (does := str(surroundings.hash(thing))) != NOTHING:
            yield Change(thing, NOTHING, does)
    for thing, now in sorted(state.hashes.items()):
        if thing not in trace.reads and now != INITIAL and _is_read_unsaid(thing, trace):
            yield Change(thing, INITIAL, now)


def _is_read_unsaid(thing: str, trace: Trace) -> bool:
    """Whether a trace says of something that was left that it was as in the beginning."""
    kind, _, name = thing.partition(" ")
    if kind == "process":
        return name != "files" or any(one.startswith(("file ", "folder ")) for one in trace.reads)
    module, _, _ = name.rpartition(".")
    said = (f"name {name}", f"names {module}", "packages")
    return kind == "state" and any(one in trace.reads for one in said)


def reads(trace: Trace, thing: str) -> bool:
    """Whether a trace read a thing that a cell above may leave, be it without saying so."""
    if thing in trace.reads or _is_read_unsaid(thing, trace):
        return True
    kind, _, name = thing.partition(" ")
    if kind != "lesson":
        return False
    unbound = (one for one in trace.reads if one.startswith("unbound "))
    return ALL_NAMES in trace.reads or any(name in one.split()[1:] for one in unbound)


def needs(cell: str, traces: Mapping[str, Trace], states: Mapping[str, State]) -> tuple[str, ...]:
    """The cells that rebuild what one reads, in order; `states` is what there is before each."""
    found: set[str] = set()
    todo = [cell]
    while todo:
        one = todo.pop()
        state, trace = states[one], traces[one]
        makers = {maker for thing in trace.reads for maker in state.makers.get(thing, ())}
        todo.extend(makers - found)
        found |= makers
    return tuple(one for one in traces if one in found)


def names_hash(left: Mapping[str, str]) -> str:
    """Of the names that a lesson has, given the hash of each thing that its cells left."""
    names = (thing for thing, hash_ in left.items() if thing.startswith("lesson "))
    return short_hash(sorted(name for name in names if left[name] != ABSENT))


def either(found: str | None, left: str) -> str:
    """Of a file that a cell read and wrote, both hashes: what it leaves, it is to find again."""
    return left if found is None or found == left else f"{found}{OR}{left}"


def variable_hash(value: str | None) -> str:
    """Of an environment variable. Where something lies on a machine makes no difference."""
    if value is None or os.path.isabs(value):
        return "place"
    return short_hash([value])


def file_hash(path: Path) -> str:
    """Of a file by its content; `absent` if there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    except OSError as error:
        return "folder" if os.path.isdir(path) else f"errno-{error.errno}"


def folder_hash(path: Path) -> str:
    """Of a folder by the names in it, but for those that tools keep to themselves."""
    try:
        names = sorted(one for one in os.listdir(path) if not is_litter(one))
    except OSError:
        return ABSENT
    return short_hash(names)


def is_litter(name: str) -> bool:
    """Whether tools leave files of that name, which no lesson reads."""
    return name.startswith(".") or name.endswith(("~", ".pyc")) or name == "__pycache__"
