"""After the first run of a block, only what an edit reaches is run; and nothing can tell."""

from __future__ import annotations

import os
import re
import signal
import socket
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_course import Course, wait_until

from sitegen.serve import workers
from sitegen.serve.loop import TRIES, Loop
from sitegen.serve.view import Note, Screen


@pytest.fixture(autouse=True)
def always_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "SNAPSHOT_WORTH", 0.0)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(tmp_path / "course")


@pytest.fixture
def loop(course: Course) -> Iterator[Loop]:
    with Loop(course.root, Screen()) as loop:
        yield loop


COUNT = "open('../runs', 'a').write"  # outside of the course, whose files are watched
THREE_BLOCKS = f"""
    ```python {{#first}}
    {COUNT}('1')
    state = [1]
    ```

    Prose.

    ```python {{#second}}
    {COUNT}('2')
    state.append(2)
    ```

    ```python {{#third}}
    {COUNT}('3')
    print(state)
    ```
    """


def runs(course: Course) -> str:
    """The blocks that ran since this was asked last."""
    path = course.root.parent / "runs"
    text = path.read_text() if path.exists() else ""
    path.write_text("")
    return text


def failures(loop: Loop) -> list[Note]:
    return [note for note in loop.screen.view.notes if note.kind == "failed"]


def test_a_block_is_run_again_without_those_before_it(course, loop) -> None:
    course.lesson(THREE_BLOCKS)
    loop.round()
    assert runs(course) == "123"
    for old, new, ran, shown in (
        ("print(state)", "print(state, 'a')", "3", "[1, 2] a"),
        ("print(state, 'a')", "print(state, 'b')", "3", "[1, 2] b"),
        ("append(2)", "append(3)", "23", "[1, 3] b"),
        ("print(state, 'b')", "print(state, 'c')", "3", "[1, 3] c"),
        ("[1]", "[0]", "123", "[0, 3] c"),
        ("append(3)", "append(4)", "23", "[0, 4] c"),
        ("Prose.", "Longer\nprose.", "", "[0, 4] c"),  # blocks below have other lines now
        ("print(state, 'c')", "print(state, 'd')", "23", "[0, 4] d"),
        ("print(state, 'd')", "print(state, 'e')", "3", "[0, 4] e"),
    ):
        course.edit("lessons/one.md", old, new)
        loop.round()
        assert (runs(course), shown in course.page()) == (ran, True), new


def test_what_was_forgotten_or_put_in_between_has_the_state_of_its_place(course, loop) -> None:
    course.lesson(
        THREE_BLOCKS.replace("state.append(2)", "state.append(2); print('so far', state)")
    )
    loop.round()
    runs(course)
    course.recording("second").unlink()
    loop.round()
    assert runs(course) == "2"
    assert "so far [1, 2]" in course.page()
    new = f"Prose.\n\n```python {{#new}}\n{COUNT}('n')\nprint('new', state)\n```"
    course.edit("lessons/one.md", "Prose.", new)
    loop.round()
    assert runs(course) == "n23"  # as far as is known, print might alter what it is given
    assert "new [1]" in course.page()


def test_what_fails_is_tried_again_from_where_it_failed(course, loop) -> None:
    course.lesson(THREE_BLOCKS)
    loop.round()
    runs(course)
    for old, new, message in (
        ("print(state)", "print(state / 0)", "lessons/one.md:21: block 'third' raised TypeError"),
        ("(state / 0)", "(nowhere)", "lessons/one.md:21: block 'third' raised NameError"),
        ("(nowhere)", "(__import__('os')._exit(3))", "ended its process with exit code 3"),
        ("_exit(3)", "abort()", "was killed by SIGABRT"),
        ("abort()", "kill(0, 9)", "was killed by SIGKILL"),
    ):
        course.edit("lessons/one.md", old, new)
        loop.round()
        assert [message in note.message for note in failures(loop)] == [True], failures(loop)
        assert runs(course) == "3"
    course.edit("lessons/one.md", "__import__('os').kill(0, 9)", "state, 'mended'")
    loop.round()
    assert not failures(loop)
    assert runs(course) == "3"


def test_an_endless_loop_ends_after_its_time(course, loop) -> None:
    course.lesson(THREE_BLOCKS.replace("#third", "#third timeout=1"))
    loop.round()
    runs(course)
    course.edit("lessons/one.md", "print(state)", "while True: pass")
    loop.round()
    assert "block 'third' ran longer than 1 s" in failures(loop)[0].message
    assert runs(course) == "3"


def test_an_edited_library_leaves_no_snapshot_of_the_old_one(course, loop) -> None:
    course.write("lib/__init__.py", "VALUE = 1\n")
    course.lesson("""
        ```python {#first}
        from lib import VALUE
        ```

        ```python {#second}
        print('value', VALUE, 'a')
        ```
        """)
    loop.round()
    course.edit("lib/__init__.py", "1", "2")
    course.edit("lessons/one.md", "'a'", "'b'")
    loop.round()
    assert "value 2 b" in course.page()


AWKWARD = {
    "a place in an open file": """
        open("lines.txt", "w").write("".join(f"line {n}\\n" for n in range(5000)))
        lines = open("lines.txt")
        shown = next(lines)
        ---
        shown = [next(lines) for _ in range(3000)][-1]
        ---
        shown = next(lines)
    """,
    "a file that is written": """
        log = open("log.txt", "w")
        ---
        shown = log.write("word")
        ---
        log.flush()
        shown = open("log.txt").read()
    """,
    "a temporary folder": """
        import os, tempfile
        folder = tempfile.mkdtemp()
        shown = os.listdir(folder)
        ---
        os.mkdir(os.path.join(folder, "new"))
        ---
        os.mkdir(os.path.join(folder, "last"))
        shown = sorted(os.listdir(folder))
    """,
    "temporary files of a name": """
        import pathlib, tempfile
        path = pathlib.Path(tempfile.gettempdir(), "known")
        path.mkdir()
        ---
        (path / "a").write_text("a")
        ---
        (path / "a").write_text((path / "a").read_text() + "b")
        shown = (path / "a").read_text(), len(list(path.parent.iterdir()))
    """,
    "the working directory and the environment": """
        import os
        os.mkdir("sub") if not os.path.exists("sub") else None
        os.chdir("sub")
        os.environ["OWN"] = "1"
        ---
        os.chdir("..")
        os.environ["OWN"] += "2"
        ---
        shown = os.path.basename(os.getcwd()), os.environ["OWN"]
    """,
    "a file that grows": """
        open("log.txt", "w").close()
        ---
        open("log.txt", "a").write("x")
        ---
        open("log.txt", "a").write("y")
        shown = open("log.txt").read()
    """,
    "a database": """
        import sqlite3
        db = sqlite3.connect("lessons/count.sqlite")
        db.execute("create table if not exists count (n)")
        db.execute("delete from count")
        db.commit()
        db.close()
        ---
        db = sqlite3.connect("lessons/count.sqlite")
        db.execute("insert into count values (1)")
        db.commit()
        db.close()
        ---
        db = sqlite3.connect("lessons/count.sqlite")
        shown = db.execute("select count(*) from count").fetchall()
    """,
    "random numbers": """
        import random, numpy
        generator = random.Random(1)
        other = numpy.random.default_rng(1)
        ---
        shown = generator.random(), other.random(), random.random()
        ---
        shown = generator.random(), other.random(), random.random(), numpy.random.rand()
    """,
    "a running thread": """
        import threading, queue
        asked, answers = queue.Queue(), queue.Queue()
        def serve():
            while True:
                answers.put(asked.get() + 1)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        shown = thread.name
        ---
        asked.put(1)
        ---
        asked.put(10)
        shown = answers.get(timeout=5), answers.get(timeout=5)
    """,
    "a running process": """
        import subprocess
        cat = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ---
        cat.stdin.write("a line\\n")
        cat.stdin.flush()
        ---
        shown = cat.stdout.readline()
    """,
    "a running process without pipes": """
        import subprocess
        process = subprocess.Popen(["sleep", "100"])
        ---
        shown = process.poll()
        ---
        shown = process.poll()
    """,
    "shared memory": """
        import mmap
        shared = mmap.mmap(-1, 1)
        ---
        shared[0] += 1
        ---
        shared[0] += 1
        shown = shared[0]
    """,
    "a pipe": """
        import os
        end, start = os.pipe()
        ---
        os.write(start, b"word")
        ---
        shown = os.read(end, 100)
    """,
    "the code of what was defined before": """
        import inspect
        def double(x):
            return 2 * x
        ---
        class Kept:
            value = 1
        ---
        def new():
            return 0
        shown = inspect.getsource(double), inspect.getsource(Kept), inspect.getsource(new)
    """,
    "warnings that are given once": """
        import warnings
        def warn():
            warnings.warn("once")
        warn()
        ---
        warn()
        ---
        warn()
        shown = len(__warningregistry__)
    """,
    "words past Python": """
        import os
        os.system("echo first")
        ---
        os.write(1, b"second")
        ---
        os.write(1, b"third")
    """,
}


@pytest.mark.parametrize("code", AWKWARD.values(), ids=AWKWARD)
def test_a_clean_build_shows_the_same(course, loop, code: str) -> None:
    """Of three blocks the second and the third are edited, in turns."""
    blocks = textwrap.dedent(code).strip().split("---\n")
    course.lesson(
        "\n```python {#start}\nshown = 0\n```\n"
        + "".join(
            f"\n```python {{#part-{part}}}\n{block}\nprint('part {part}, edit 0:', shown)\n```\n"
            for part, block in enumerate(blocks, 1)
        )
    )
    loop.round()
    for edit, part in enumerate((3, 2, 3, 3, 2), 1):
        text = (course.root / "lessons" / "one.md").read_text()
        (before,) = re.findall(rf"part {part}, edit \d", text)
        course.edit("lessons/one.md", before, f"part {part}, edit {edit}")
        loop.round()
        assert not failures(loop)
        assert f"part {part}, edit {edit}" in course.page()
    shown = course.snapshot("site")
    course.build("--fresh")
    assert course.snapshot("site") == shown


def test_a_file_that_was_read_and_edited_is_read_again(course, loop) -> None:
    course.write("helper.py", "VALUE = 'old'\n")
    course.write("lessons/data.csv", "old\n")
    course.lesson("""
        ```python {#first}
        import helper
        data = open("lessons/data.csv").read().strip()
        ```

        ```python {#second}
        print(helper.VALUE, data, 'edit 0')
        ```
        """)
    loop.round()
    for number, name in enumerate(("helper.py", "lessons/data.csv"), 1):
        course.edit(name, "old", "newer")  # Python itself overlooks another text of the same size
        course.edit("lessons/one.md", f"edit {number - 1}", f"edit {number}")
        loop.round()
    assert "newer newer edit 2" in course.page()


def test_no_file_is_removed_that_is_not_temporary(course, loop) -> None:
    course.lesson("""
        ```python {#first}
        import tempfile
        tempfile.tempdir = "lessons"
        ```

        ```python {#second}
        print('edit 0')
        ```
        """)
    loop.round()
    mine = course.write("lessons/mine.txt", "mine")
    course.edit("lessons/one.md", "edit 0", "edit 1")
    loop.round()
    assert "edit 1" in course.page()
    assert mine.read_text() == "mine"


def edit_above_while_it_runs(course: Course, loop: Loop) -> None:
    readable, other = socket.socketpair()
    other.send(b"!")
    loop.round(interrupt=readable)  # over as soon as something runs
    course.edit("lessons/one.md", "Prose.", "More than\none line.")
    loop.round()


def test_an_edit_above_a_block_that_runs_does_not_begin_it_anew(course, loop) -> None:
    course.lesson(THREE_BLOCKS.replace("print(state)", "import time; time.sleep(1.5)"))
    edit_above_while_it_runs(course, loop)
    assert runs(course) == "123"
    assert "one line." in course.page()


def test_an_error_of_a_block_that_has_moved_names_its_line(course, loop) -> None:
    course.lesson(THREE_BLOCKS.replace("print(state)", "import time; time.sleep(1); 1 / 0"))
    edit_above_while_it_runs(course, loop)
    assert failures(loop)[0].message.startswith("lessons/one.md:22: block 'third' raised Zero")


def test_snapshots_that_were_killed_are_not_missed(course, loop, monkeypatch) -> None:
    monkeypatch.setenv(*course.mark.split("="))
    course.lesson(THREE_BLOCKS)
    loop.round()
    assert runs(course) == "123"
    resting = [pid for pid in course.processes() if os.getsid(pid) == pid]
    assert len(resting) == 3
    for pid in resting:
        os.kill(pid, signal.SIGKILL)
    course.edit("lessons/one.md", "print(state)", "print(state, 'a')")
    loop.round()
    assert "[1, 2] a" in course.page()
    assert runs(course) == "123"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_snapshot_outlives_the_command(course, serve, number) -> None:
    course.lesson(THREE_BLOCKS.replace("state = [1]", "import time; time.sleep(0.2); state = [1]"))
    serving = serve(course)
    serving.wait_for("[1, 2]")
    resting = [pid for pid in course.processes() if os.getsid(pid) == pid]
    serving.end(number)
    assert resting
    wait_until(lambda: not course.processes())
    time.sleep(0.1)
    assert not course.processes()


def test_what_a_block_starts_that_goes_on_from_a_snapshot_ends_with_it(course, loop) -> None:
    course.lesson(THREE_BLOCKS)
    loop.round()
    code = "import subprocess; child = subprocess.Popen(['sleep', '600'], start_new_session=True)"
    course.edit("lessons/one.md", "print(state)", f"{code}; print(state, child.pid)")
    loop.round()
    (pid,) = re.findall(r"\[1, 2\] (\d+)", course.page())
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"))
    runs(course)
    course.edit("lessons/one.md", "child.pid)", "'again')")
    loop.round()
    assert (runs(course), "[1, 2] again" in course.page()) == ("3", True)


def test_a_block_that_writes_to_its_library_is_not_run_for_ever(course, loop) -> None:
    course.write("lib/__init__.py", "")
    course.lesson("""
        ```python {#first}
        import time
        open("../runs", "a").write("1")
        open("lib/notes.py", "w").write(f"TIME = {time.time_ns()}")
        ```
        """)
    loop.round()
    (failed,) = failures(loop)
    assert failed.message.startswith("lib/notes.py changes whenever this is built")
    assert len(runs(course)) == TRIES + 1
    assert loop.round({course.root / "lib" / "notes.py"}) == []
    assert runs(course) == ""
    course.edit("lessons/one.md", 'open("lib/notes.py", "w").write', "len")
    loop.round({course.root / "lessons" / "one.md"})
    assert not failures(loop)


def test_whoever_tells_of_resources_is_asked_again_once_he_was_edited(course, loop) -> None:
    course.write("lib/resources.py", "def available(name):\n    return False\n")
    course.lesson("\n```python {#a}\n1\n```\n\n```python {#b needs=oven}\nprint(2)\n```\n")
    assert loop.round() == ["one#a"]
    course.edit("lib/resources.py", "False", "True")
    assert loop.round() == ["one#b"]
