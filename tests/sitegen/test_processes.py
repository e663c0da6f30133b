"""Processes and threads of blocks do what they do in a script, and end with their lesson."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from small_course import Course, wait_until

from sitegen.errors import BlockError, CombinedError, SiteError, printable

METHODS = ("fork", "spawn", "forkserver")

SET_UP = """
from __future__ import annotations
import multiprocessing as mp, os, sys, time
from collections import namedtuple
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
import numpy
import lib

FACTOR = 3
table = dict(zip("ab", range(2)))
array = numpy.arange(4)
Pair = namedtuple("Pair", "left right")
try:
    import nosuch
except ImportError:
    nosuch = None

@dataclass
class Point:
    x: Absent
    def double(self):
        return Point(2 * self.x)

def triple(x):
    return FACTOR * x

def say(*words):
    print(*words)

def fail():
    raise ValueError("of a child")

def sum_of_array(x):
    return int(array.sum()) + x

def start(method, target, *args):
    process = mp.get_context(method).Process(target=target, args=args, name="child")
    process.start()
    process.join()
    return process.exitcode
"""

CASES = {
    "a function of the lesson": ("print(start(METHOD, triple, 2))", "0\n"),
    "a function that prints": (
        "print('before')\nprint(start(METHOD, say, 'in', METHOD))\nprint('after')",
        "before\nin METHOD\n0\nafter\n",
    ),
    "a function of a library": ("print(start(METHOD, lib.shout, 'word'))", "WORD\n0\n"),
    "a pool": (
        "with mp.get_context(METHOD).Pool(2) as pool:\n    print(pool.map(triple, [1, 2, 3]))",
        "[3, 6, 9]\n",
    ),
    "a pool with a function of a library": (
        "with mp.get_context(METHOD).Pool(2) as pool:\n    print(pool.map(lib.square, [1, 2]))",
        "[1, 4]\n",
    ),
    "an executor": (
        "with ProcessPoolExecutor(2, mp_context=mp.get_context(METHOD)) as pool:\n"
        "    print(list(pool.map(triple, [1, 2])))",
        "[3, 6]\n",
    ),
    "values of the lesson's classes": (
        "with mp.get_context(METHOD).Pool(1) as pool:\n"
        "    print(pool.map(Point.double, [Point(4)]), pool.map(repr, [Pair(1, 2)]))",
        "[Point(x=8)] ['Pair(left=1, right=2)']\n",
    ),
    "a function of the block itself": (
        "def own(x):\n    return x, table, nosuch\n"
        "with mp.get_context(METHOD).Pool(1) as pool:\n    print(pool.map(own, [1]))",
        "[(1, {'a': 0, 'b': 1}, None)]\n",
    ),
    "data that a block has changed": (
        "table['a'] = METHOD\ndef look(key):\n    return table[key]\n"
        "with mp.get_context(METHOD).Pool(1) as pool:\n    print(pool.map(look, 'a'))",
        "['METHOD']\n",
    ),
    "a queue and a lock": (
        "def put(queue, lock):\n    with lock:\n        queue.put(FACTOR)\n"
        "context = mp.get_context(METHOD)\nqueue = context.Queue()\n"
        "code = start(METHOD, put, queue, context.Lock())\nprint(code, queue.get())",
        "0 3\n",
    ),
    "who it is": (
        "def who():\n    print(__name__.replace('mp_', ''), __file__, mp.current_process().name)\n"
        "start(METHOD, who);",
        "__main__ lessons/one.md child\n",
    ),
    "an error that a pool hands on": (
        "try:\n    with mp.get_context(METHOD).Pool(1) as pool:\n        pool.apply(fail)\n"
        "except ValueError as error:\n    print(error)",
        "of a child\n",
    ),
    "the guard of scripts": (
        "if __name__ == '__main__':\n    print(start(METHOD, say, 'guarded'))",
        "guarded\n0\n",
    ),
    "a child's display": ("print(start('fork', display, 'shown'))", "'shown'\n0\n"),
    "a manager": (
        "def put(shared):\n    shared['key'] = FACTOR\n"
        "with mp.get_context(METHOD).Manager() as manager:\n"
        "    shared = manager.dict()\n    start(METHOD, put, shared)\n    print(dict(shared))",
        "{'key': 3}\n",
    ),
    "a child of a child": (
        "def nested(method):\n    return start(method, say, 'grandchild')\n"
        "print(start(METHOD, nested, METHOD))",
        "grandchild\n0\n",
    ),
    "the method that is set": (
        "mp.set_start_method(METHOD, force=True)\n"
        "with mp.Pool(1) as pool:\n    print(pool.map(triple, [1]))\n"
        "mp.set_start_method(None, force=True)",
        "[3]\n",
    ),
    "a subprocess of asyncio": (
        "import asyncio\nasync def run():\n"
        "    process = await asyncio.create_subprocess_exec('echo', 'x')\n"
        "    return await process.wait()\nprint(asyncio.run(run()))",
        "x\n0\n",
    ),
    "os.fork, and a child that leaves the block": (
        "if os.fork():\n    print(os.waitstatus_to_exitcode(os.wait()[1]))\n"
        "else:\n    print('child')",
        "child\n0\n",
    ),
    "os.fork, and a child that exits": (
        "if os.fork() == 0:\n    sys.exit(3)\nprint(os.waitstatus_to_exitcode(os.wait()[1]))",
        "3\n",
    ),
    "os.fork, and a child that fails": (
        "if os.fork() == 0:\n    sys.stderr = open(os.devnull, 'w'); fail()\n"
        "print(os.waitstatus_to_exitcode(os.wait()[1]))",
        "1\n",
    ),
    "os.fork": (
        "if os.fork() == 0:\n    print('child')\n    os._exit(0)\nos.wait()\nprint('parent')",
        "child\nparent\n",
    ),
    "a subprocess between two prints": (
        "import subprocess\nprint('1')\nsubprocess.run(['echo', '2'])\nprint('3')\n"
        "print('4', file=sys.stderr)\nos.system('echo 5 >&2')\nprint('6', file=sys.stderr)",
        "1\n2\n3\n4\n5\n6\n",
    ),
    "a shell that names its streams": (
        "print('1')\nos.system('echo 2 > /dev/stdout; echo 3 | tee /dev/stderr > /dev/null');",
        "1\n2\n3\n",
    ),
    "Python as a subprocess": (
        "import subprocess\n"
        "print(subprocess.check_output([sys.executable, '-c', 'print(6 * 7)'], text=True))",
        "42\n\n",
    ),
    "its streams as files": (
        "import subprocess\nsubprocess.run(['echo', 'x'], stdout=sys.stdout, stderr=sys.stderr)\n"
        "sys.stdout.buffer.write(b'y\\n');",
        "x\ny\n",
    ),
    "what C has printed": (
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.puts(b'from C');",
        "from C\n",
    ),
    "the process that it runs in": (
        "import threading\nprint(mp.current_process().name, mp.parent_process(), sys.argv, "
        "mp.get_start_method(), threading.active_count())",
        "MainProcess None ['lessons/one.md'] DEFAULT 1\n",
    ),
}


def with_methods(cases: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Those that name METHOD, once for each."""
    found = {}
    for name, (code, text) in cases.items():
        if "METHOD" not in code:
            found[name] = code, text
            continue
        for method in METHODS:
            told = text.replace("METHOD", method)
            found[f"{name}, by {method}"] = code.replace("METHOD", repr(method)), told
    return found


def write_blocks(course: Course, codes: list[str]) -> None:
    course.write(
        "lib/__init__.py",
        "def square(x):\n    return x * x\n\ndef shout(word):\n    print(word.upper())\n",
    )
    blocks = [SET_UP, *codes]
    course.lesson(
        "".join(f"\n```python {{#b{number}}}\n{code}\n```\n" for number, code in enumerate(blocks))
    )


def test_processes_do_what_they_do_in_a_script(course) -> None:
    import multiprocessing

    cases = with_methods(CASES)
    write_blocks(course, [code for code, _ in cases.values()])
    course.build()
    default = multiprocessing.get_context().get_start_method()
    for number, (name, (_, text)) in enumerate(cases.items(), 1):
        assert (name, course.text(f"b{number}")) == (name, text.replace("DEFAULT", default))
    assert not course.processes()


@pytest.mark.parametrize("method", METHODS)
def test_the_traceback_of_a_child_is_on_the_page_without_this_machine_s_paths(
    course, method
) -> None:
    write_blocks(course, [f"start({method!r}, fail)"])
    course.build()
    text = course.text("b1")
    assert text.startswith("Process child:\nTraceback (most recent call last):\n")
    assert 'File "multiprocessing/process.py", line' in text
    raised = '    raise ValueError("of a child")'
    lines = (course.root / "lessons" / "one.md").read_text("utf-8").split("\n")
    place = f'  File "lessons/one.md", line {lines.index(raised) + 1}, in fail\n'
    assert f"{place}{raised}\nValueError: of a child\n1" in text
    assert not re.search(r"/(usr|home|root|tmp|opt|work)/", text)


def test_what_a_child_lacks_is_said_in_one_line_and_does_not_hang(course) -> None:
    write_blocks(
        course,
        [
            "try:\n"
            "    with mp.get_context('spawn').Pool(1) as pool:\n"
            "        pool.map(sum_of_array, [1])\n"
            "except NameError as error:\n    print(error)",
            "class Made:\n    value = array.sum()\n"
            "    def twice(self): return 2\n"
            "with mp.get_context('spawn').Pool(1) as pool:\n"
            "    pool.map(Made.twice, [Made()])",
        ],
    )
    run = course.run()
    assert run.code == 1
    assert course.text("b1") == "name 'array' is not defined\n"
    first = next(line for line in run.err.splitlines() if "block 'b2'" in line)
    assert "name 'Made' is not defined: a process that multiprocessing starts afresh has" in first
    assert "or use the start method fork" in first
    assert str(course.root) not in run.err
    assert sys.prefix not in run.err


@pytest.mark.parametrize("workers", ["fork", "spawn"])
def test_torch_loads_data_with_workers(course, workers: str) -> None:
    pytest.importorskip("torch")
    course.lesson(f"""
        ```python {{#a}}
        from torch.utils.data import DataLoader, Dataset

        class Squares(Dataset):
            def __len__(self): return 6
            def __getitem__(self, index): return index * index

        loader = DataLoader(
            Squares(), batch_size=2, num_workers=2, multiprocessing_context={workers!r}
        )
        [batch.tolist() for batch in loader]
        ```
        """)
    course.build()
    assert course.text() == "[[0, 1], [4, 9], [16, 25]]"


def test_joblib_finds_functions_of_the_lesson(course) -> None:
    pytest.importorskip("joblib")
    course.lesson("""
        ```python {#a}
        from joblib import Parallel, delayed
        def square(x): return x * x
        Parallel(n_jobs=2)(delayed(square)(x) for x in range(4))
        ```
        """)
    course.build()
    assert course.text() == "[0, 1, 4, 9]"


HANGS = {
    "an empty queue": "import multiprocessing\nmultiprocessing.Queue().get()",
    "a child that does not end": "import subprocess\nsubprocess.run(['sleep', '600'])",
    "a lock": "import threading\nprint('so far')\nlock = threading.Lock()\n"
    "lock.acquire()\nlock.acquire()",
}


def test_what_waits_is_not_called_an_endless_loop(course) -> None:
    for number, code in enumerate(HANGS.values()):
        course.lesson(f"\n```python {{#a timeout=1}}\n{code}\n```\n", f"l{number}", number)
    run = course.run("--jobs", "3")
    assert run.code == 1
    assert run.err.count("block 'a' ran longer than 1 s and waits: for a process, a lock or") == 3
    assert "endless" not in run.err
    assert "The last that it printed:\nso far\n" in run.err
    assert not course.processes()


class Sleepers:
    """Two processes without environment, each in its own session: code that starts them, and who
    of them is there. They sleep a number of seconds of their own, since tests run side by side.
    """

    def __init__(self) -> None:
        seconds = str(100_000 + uuid.uuid4().int % 10**12)
        self.command = f"sleep\0{seconds}\0".encode()
        self.code = f"""
import os, subprocess
subprocess.Popen(["sleep", "{seconds}"], start_new_session=True, env={{}})
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve("/bin/sleep", ["sleep", "{seconds}"], {{}})
    os._exit(0)
os.wait()
open("began", "w").close()
"""

    def __len__(self) -> int:
        found = 0
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                found += (entry / "cmdline").read_bytes() == self.command
        return found


ENDS = {
    "its end": "",
    "an error": "1 / 0",
    "an exit": "os._exit(0)",
    "its time": "while True: pass",
    "a kill": "os.kill(os.getpid(), 9)",
}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who adopted whom")
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_no_process_outlives_a_lesson_in_whichever_session(course, end: str) -> None:
    sleepers = Sleepers()
    course.lesson(f"\n```python {{#a timeout=2}}{sleepers.code}{end}\n```\n")
    assert course.run().code == (1 if end else 0)
    assert (course.root / "began").exists()
    wait_until(lambda: not len(sleepers))  # a process that was killed takes a moment to end
    assert not course.processes()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who adopted whom")
def test_no_process_outlives_a_killed_build_in_whichever_session(course) -> None:
    sleepers = Sleepers()
    course.lesson(f"\n```python {{#a}}{sleepers.code}while True: pass\n```\n")
    build = course.start()
    wait_until((course.root / "began").exists)
    wait_until(lambda: len(sleepers) == 2)
    build.kill()
    build.wait(20)
    wait_until(lambda: not len(sleepers) and not course.processes())


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no folder shows the shared memory")
def test_no_shared_memory_outlives_a_lesson(course) -> None:
    course.lesson("""
        ```python {#a}
        import multiprocessing, os
        from multiprocessing.shared_memory import SharedMemory
        pool = multiprocessing.get_context("spawn").Pool(1)
        memory = SharedMemory(create=True, size=10)
        open("name", "w").write(memory.name)
        pool.map(abs, [1]), os.path.exists("/dev/shm/" + memory.name)
        ```
        """)
    course.build()
    assert course.text() == "([1], True)"
    assert not Path("/dev/shm", (course.root / "name").read_text()).exists()


def test_streams_are_bounded_while_they_are_collected(course) -> None:
    course.lesson("""
        ```python {#before compare=none hide}
        import os, re, subprocess
        def peaks():
            "Most memory that this process and its parent ever had, in kB."
            texts = (open(f"/proc/{pid}/status").read() for pid in (os.getpid(), os.getppid()))
            return [int(re.search(r"VmHWM:\\s+(\\d+)", text)[1]) for text in texts]
        first = peaks()
        ```

        ```python {#printed}
        for _ in range(3000): print("x" * 99_999)
        ```

        ```python {#shelled}
        subprocess.run("yes | head -c 300000000", shell=True);
        ```

        ```python {#bar}
        for n in range(100_000): print("\\r" + f"{n} " + "=" * 90, end="")
        ```

        ```python {#grown}
        [now - then < 60_000 for now, then in zip(peaks(), first)]
        ```
        """)
    course.build()
    for block in ("printed", "shelled"):
        text = course.text(block)
        assert len(text) < 1_000_100
        assert text.endswith("\n… 299,000,000 more characters left out\n")
    assert course.text("bar") == "99999 " + "=" * 90
    assert course.text("grown") == "[True, True]"


THREADS = """
```python {#a}
import threading, time
from concurrent.futures import ThreadPoolExecutor
def late(word):
    for _ in range(100):
        if go.is_set(): break
        time.sleep(0.1)
    print(word)
go = threading.Event()
thread = threading.Thread(target=late, args=("of a",))
thread.start()
with ThreadPoolExecutor(1) as pool: pool.submit(print, "in time").result()
```

```python {#b}
print("first")
go.set()
thread.join()
print("second")
```

```python {#c}
def sleep(): time.sleep(60)
left = threading.Thread(target=sleep, name="left")
left.start()
pool = ThreadPoolExecutor(1)
pool.submit(print, "own").result()
```

```python {#d}
pool.submit(print, "of d").result()
```
"""


def test_what_a_thread_prints_belongs_to_the_block_that_started_it(course) -> None:
    course.lesson(THREADS)
    run = course.build()
    assert (course.text("a"), course.text("b")) == ("in time\nof a\n", "first\nsecond\n")
    assert (course.text("c"), course.text("d")) == ("own\n", "of d\n")
    told = [line for line in run.err.splitlines() if line.startswith("warning:")]
    assert [line.partition(", ")[0] for line in told] == [
        "warning: lessons/one.md:8: block 'a': a thread printed 'of a' when the block had ended",
        "warning: lessons/one.md:29: block 'c': its thread 'left' has not ended with the lesson",
    ]


WITHOUT_FORK = """
import sys
from sitegen.cli import main
from sitegen.execute import forkserver
forkserver.FORK_IS_SAFE = False
sys.exit(main(sys.argv[1:]))
"""


def test_where_fork_is_not_safe_each_worker_is_an_interpreter(course) -> None:
    sleepers = Sleepers()
    course.lesson(
        f"\n```python {{#a}}{sleepers.code}print('one')\nos.system('echo two');\n```\n\n"
        "```python {#b}\ndef f(x): return 2 * x\nimport multiprocessing\n"
        "with multiprocessing.get_context('spawn').Pool(1) as pool: print(pool.map(f, [1]))\n```\n"
    )
    course.lesson("\n```python {#a}\nimport os\nos._exit(3)\n```\n", "two", 2)
    course.lesson("\n```python {#a timeout=1}\nwhile True: pass\n```\n", "three", 3)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_FORK],
        cwd=course.root,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
            course.mark.partition("=")[0]: course.mark.partition("=")[2],
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "two.md:8: block 'a' ended its process with exit code 3" in done.stderr
    assert "three.md:8: block 'a' ran longer than 1 s; is there an endless loop?" in done.stderr
    assert done.stderr.count("lessons/") == 2
    assert (course.text("a"), course.text("b")) == ("one\ntwo\n", "[2]\n")
    assert not course.processes()
    assert not len(sleepers)


def test_where_fork_is_not_safe_a_check_finds_what_a_build_recorded(course) -> None:
    course.lesson("\n```python {#a}\nimport random\nrandom.random()\n```\n")
    for arguments, said in (([], "1 executed"), (["--check"], "no drift: 1 executed")):
        command = [sys.executable, "-c", WITHOUT_FORK, *arguments]
        path = str(Path(__file__).resolve().parents[2])
        done = subprocess.run(
            command,
            cwd=course.root,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr.count("error")) == (0, 0), done.stderr
        assert said in done.stdout


def test_no_error_moves_the_cursor_of_the_author_s_terminal(course) -> None:
    message = r"\x1b]0;title\x07\x1b[2J\x1b[31mred\x9b1m \u202eback\r\b"
    course.lesson(f"\n```python {{#a}}\nprint('{message}')\nraise ValueError('{message}')\n```\n")
    course.lesson("\n```python {#a}\nprint('\\x1b[2J')\nimport os; os._exit(1)\n```\n", "two", 2)
    run = course.run()
    assert run.code == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", run.err)
    assert r"\x1b]0;title\x07\x1b[2J\x1b[31mred\x9b1m \u202eback\r\x08" in run.err


def test_every_kind_of_error_is_printable() -> None:
    error = SiteError("a\x1b[1mb\nc\td\u2028")
    assert str(error) == printable(error.args[0]) == "a\\x1b[1mb\nc\td\\u2028"
    block = BlockError("x\x07.md", 1, "\x1b", "detail\x9b")
    assert str(CombinedError([error, block])) == f"{error}\nx\\x07.md:1: \\x1b\ndetail\\x9b"
