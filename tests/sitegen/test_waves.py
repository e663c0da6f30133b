"""What an edit runs again: what read it, and what read what came out otherwise; with its needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from small_course import Course, Run, wait_until

from sitegen import course as courses
from sitegen.parse import config as configuration
from sitegen.record.recordings import Provenance, Recording, Recordings
from sitegen.schedule import Evidence, stand
from sitegen.trace import cells


def lay(course: Course, *blocks: tuple[str, str], extra: str = "") -> None:
    course.lesson(
        "".join(f"\n```python {{#{braces}}}\n{code}\n```\n" for braces, code in blocks) + extra
    )


def ran(run: Run) -> list[str]:
    """All blocks that were run, be it only for what they leave, as the progress tells."""
    told = [line.split() for line in run.err.splitlines() if line.startswith("  one#")]
    return [words[0].partition("#")[2] for words in told]


def test_an_edit_goes_as_far_as_what_comes_out_otherwise(course: Course) -> None:
    lay(
        course,
        ("n", "n = 3"),
        ("sign", "positive = n > 0"),
        ("shown", "print(positive)"),
        ("apart", "print(1)"),
    )
    course.build()
    course.edit("lessons/one.md", "n = 3", "n = 4")
    assert course.executed() == ["n", "sign"], "what is positive still stops the wave"
    course.edit("lessons/one.md", "n = 4", "n = -4")
    assert course.executed() == ["n", "sign", "shown"]
    assert course.text("shown") == "False\n"
    course.edit("lessons/one.md", "n = -4", "n = -(2 + 2)")
    assert course.executed() == ["n"]
    assert course.executed() == []


def test_so_it_is_with_the_library(course: Course) -> None:
    course.write(
        "lib/__init__.py", "def half(x):\n    return x // 2\n\n\ndef other():\n    return 1\n"
    )
    lay(
        course,
        ("start", "import lib"),
        ("half", "h = lib.half(5)"),
        ("shown", "print(h)"),
        ("other", "print(lib.other())"),
    )
    course.build()
    course.edit("lib/__init__.py", "x // 2", "int(x / 2)")
    assert course.executed() == ["half"]
    course.edit("lib/__init__.py", "int(x / 2)", "x / 2")
    assert course.executed() == ["half", "shown"]
    assert course.text("shown") == "2.5\n"


def test_what_an_import_does_outside_counts_for_all_below(course: Course) -> None:
    course.write("lib/__init__.py", "import json\n\n\ndef put():\n    json.VALUE = 1\n\n\nput()\n")
    lay(course, ("start", "import json, lib"), ("apart", "n = 3"), ("shown", "print(json.VALUE)"))
    course.build()
    course.edit("lib/__init__.py", "VALUE = 1", "VALUE = 2")
    assert course.executed() == ["start", "apart", "shown"]
    assert course.text("shown") == "2\n"


def test_what_an_import_does_to_other_modules_counts_for_those_who_read_them(
    course: Course,
) -> None:
    course.write("lib/__init__.py", "from lib import known, parts\n")
    course.write("lib/known.py", "PARTS = []\n\n\ndef put(part):\n    PARTS.append(part)\n")
    course.write("lib/parts.py", "from lib import known\n\nknown.put(1)\n")
    lay(
        course,
        ("start", "import lib.parts"),
        ("apart", "n = 3"),
        ("shown", "print(lib.known.PARTS)"),
    )
    course.build()
    course.edit("lib/parts.py", "put(1)", "put(2)")
    assert course.executed() == ["start", "shown"]
    assert course.text("shown") == "[2]\n"


def test_a_build_of_one_lesson_leaves_nothing_that_git_sees(course: Course) -> None:
    lay(course, ("n", "n = 3"))
    course.build("one")
    assert (course.root / ".lessonsite_cache" / ".gitignore").read_text() == "*\n"


def test_only_what_a_block_needs_is_run_with_it(course: Course) -> None:
    lay(
        course,
        ("needed", "xs = [1]"),
        ("apart", "ys = [2] * 1000"),
        ("grown", "xs.append(2)"),
        ("last", "print(xs)"),
    )
    assert ran(course.build()) == ["needed", "apart", "grown", "last"]
    course.edit("lessons/one.md", "print(xs)", "print(len(xs))")
    run = course.build()
    assert run.report["executed"] == ["one#last"]
    assert ran(run) == ["needed", "grown", "last"]
    assert course.text("last") == "2\n"


READS = [
    "print(globals()['a' + 'b'])",
    "print(eval('a' + 'b'))",
    "exec('print(a' + 'b)')",
    "import __main__\nprint(getattr(__main__, 'a' + 'b'))",
    "import sys\nprint(vars(sys.modules['__ma' + 'in__'])['a' + 'b'])",
]


@pytest.mark.parametrize("code", READS)
def test_a_block_that_read_what_was_not_rebuilt_is_run_again_after_all_above(
    code: str, course: Course
) -> None:
    lay(course, ("ab", "ab = 1"), ("other", "other = 2"), ("reads", "print(0)"))
    course.build()
    course.edit("lessons/one.md", "print(0)", code)
    assert course.executed() == ["reads"]
    assert course.text("reads") == "1\n"
    course.edit("lessons/one.md", "ab = 1", "ab = 5")
    assert course.executed()[-1] == "reads"
    assert course.text("reads") == "5\n"
    assert course.run("--check").code == 0


def test_an_error_that_comes_of_what_was_not_rebuilt_is_no_error(course: Course) -> None:
    lay(course, ("ab", "ab = 1"), ("reads", "print(0)"))
    course.build()
    course.edit("lessons/one.md", "print(0)", "print(1 // globals()['a' + 'b'])")
    run = course.build()
    assert run.report["executed"] == ["one#reads"]
    assert "KeyError" not in run.err
    course.edit("lessons/one.md", "globals()['a' + 'b']", "(globals()['a' + 'b'] - 1)")
    run = course.run()
    assert run.code == 1
    assert "ZeroDivisionError" in run.err
    assert "KeyError" not in run.err
    assert run.err.count("raised") == 1


def would(course: Course, *arguments: str) -> tuple[Run, dict[str, str]]:
    run = course.build("--dry-run", *arguments)
    return run, {one["block"]: one["why"] for one in run.report["would_execute"]}


def test_a_dry_run_says_what_may_follow_and_runs_nothing(course: Course) -> None:
    course.write("prices.txt", "3")
    lay(
        course,
        ("start", "factor = 2"),
        ("read", "n = int(open('prices.txt').read())"),
        ("shown", "print(n * factor)"),
        ("apart", "print(1)"),
    )
    course.build()
    course.write("prices.txt", "4")
    before = course.snapshot(".")
    run, why = would(course)
    assert why["one#read"] == "prices.txt changed"
    assert why["one#shown"] == "may follow: block 'read' may leave otherwise what it reads"
    assert "one#apart" not in why
    assert "one#read: prices.txt changed" in run.out
    assert run.report["executed"] == []
    assert "one#apart" in run.report["replayed"]
    assert course.snapshot(".") == before
    assert ran(run) == []
    assert why["one#start"] == "block 'shown' needs what it leaves"
    assert course.executed() == ["read", "shown"]
    assert would(course)[1] == {}


def seconds(run: Run, block: str) -> float:
    """What a block took that was run, as the progress tells."""
    [line] = [line for line in run.err.splitlines() if line.startswith(f"  one#{block} ")]
    return float(line.split()[1])


def test_what_a_costly_block_left_is_brought_back(
    course: Course, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lay(
        course,
        ("above", "print('above')"),
        ("dear", "import time\ntime.sleep(2.01)\nn = {'one': [1]}\nm = n['one']\nprint(n)"),
        ("below", "m.append(2)\nprint(n)"),
    )
    assert seconds(course.build(), "dear") > 2
    course.edit("lessons/one.md", "append(2)", "append(3)")
    run = course.build()
    assert (run.report["executed"], seconds(run, "dear")) == (["one#below"], 0)
    assert course.text("below") == "{'one': [1, 3]}\n", "two names of one thing are that again"
    for file in (tmp_path / "cache").rglob("*.pickle"):
        file.write_bytes(file.read_bytes()[:-9])
    course.edit("lessons/one.md", "append(3)", "append(4)")
    assert seconds(course.build(), "dear") > 2
    assert course.text("below") == "{'one': [1, 4]}\n"


SAID_AGAIN = {
    "the last value that was shown": ("4", "z = 1", "print(_)", 0, "5"),
    "one below it that comes to the same": ("print(1)", "print(2)", "print(_)", 0, "5"),
    "one that is shown no more": ("4", "print(2)", "print(_)", 1, "z = 2"),
    "a name that every lesson has": ("x = 1", "z = 1", "print(Out)", 0, "Out = 5"),
    "one that it has no more for its own": ("Out = 5", "z = 1", "print(Out)", 0, "x = 1"),
    "what shows things": ("x = 1", "z = 1", "display(3)", 0, "display = print"),
}


@pytest.mark.parametrize(("a", "b", "c", "place", "new"), SAID_AGAIN.values(), ids=SAID_AGAIN)
def test_names_that_nobody_wrote_are_read_like_others(
    a: str, b: str, c: str, place: int, new: str, course: Course
) -> None:
    blocks = [("a", a), ("b", b), ("c", c)]
    lay(course, *blocks)
    course.build()
    blocks[place] = (blocks[place][0], new)
    lay(course, *blocks)
    course.build()
    check = course.run("--check")
    assert (check.code, check.report["drift"]) == (0, [])


def test_a_variable_that_the_lesson_sets_itself_is_no_matter_of_the_machine(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(
        course,
        ("asked", "import os\nprint(os.environ.get('SAMPLE', 'none'))"),
        ("set", "os.environ['SAMPLE'] = '1'"),
        ("shown", "print(os.environ['SAMPLE'])"),
    )
    course.build()
    assert course.run("--check").code == 0
    monkeypatch.setenv("SAMPLE", "2")
    assert course.executed() == ["asked"]
    assert course.run("--check").code == 0
    course.edit("lessons/one.md", "= '1'", "= '3'")
    assert course.executed() == ["set", "shown"]
    assert course.text("shown") == "3\n"


FILES = {
    "written and read": ("open('f', 'w').write('1');", "print(open('f').read())"),
    "written twice": ("open('f', 'w').write('1'); open('f', 'w').write('2');", "open('f').read()"),
    "written by a path": (
        "from pathlib import Path\nPath('f').write_text('1');",
        "Path('f').exists()",
    ),
    "by a descriptor": (
        "import os\no = os.open('f', os.O_CREAT | os.O_TRUNC | os.O_WRONLY)\nos.write(o, b'1');",
        "print(open('f').read())",
    ),
    "in a folder of its own": (
        "import os\nos.makedirs('out/a', exist_ok=True)\nopen('out/a/f', 'w').write('1');",
        "print(open('out/a/f').read(), os.path.exists('out/a/g'))",
    ),
    "by a library that nobody hears": (
        "import torch\ntorch.save(torch.ones(1), 'f')",
        "print(torch.load('f'))",
    ),
}


@pytest.mark.parametrize(("write", "read"), FILES.values(), ids=FILES)
def test_a_file_that_the_lesson_writes_itself_need_not_be_there(
    write: str, read: str, course: Course
) -> None:
    lay(course, ("write", write), ("read", read))
    course.build()
    for _ in range(2):
        assert course.run("--check").code == 0
        for file in course.root.glob("**/f"):
            file.unlink()
    course.edit("lessons/one.md", "1", "3")
    course.build()
    assert course.run("--check").code == 0


OVERWRITTEN = {
    "as a whole": "open('f', 'w').write('1');",
    "by a path": "from pathlib import Path\nPath('f').write_text('1');",
    "by another put in its place": "import os\nopen('g', 'w').write('1'); os.replace('g', 'f')",
}


@pytest.mark.parametrize("write", OVERWRITTEN.values(), ids=OVERWRITTEN)
def test_a_file_that_the_lesson_writes_itself_may_lie_there(write: str, course: Course) -> None:
    course.write("f", "what an earlier build has left")
    lay(course, ("write", write), ("read", "print(open('f').read())"))
    course.build()
    for name in ("f", "g"):
        (course.root / name).unlink(missing_ok=True)
        assert course.run("--check").code == 0


def test_a_file_that_somebody_edits_while_the_lesson_runs_is_read_all_the_same(
    course: Course, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("aside")
    begun, edited = folder / "begun", folder / "edited"
    course.write("f", "before")
    wait = (
        f"import os, time\nopen({str(begun)!r}, 'w').close()\n"
        f"while not os.path.exists({str(edited)!r}): time.sleep(0.01)"
    )
    lay(course, ("wait", wait), ("read", "print(open('f').read())"))
    build = course.start()
    wait_until(begun.exists)
    course.write("f", "meanwhile")
    edited.touch()
    assert build.wait(60) == 0
    assert course.text("read") == "meanwhile\n"
    course.write("f", "after")
    assert course.executed() == ["read"]
    assert course.text("read") == "after\n"


@pytest.mark.parametrize("mode", ["a", "r+"])
def test_a_file_that_was_there_counts_though_the_lesson_writes_to_it(
    mode: str, course: Course
) -> None:
    course.write("f", "head ")
    write = f"file = open('f', {mode!r}); file.seek(0, 2); file.write('1'); file.close()"
    lay(course, ("write", write), ("read", "print(open('f').read())"))
    course.build()
    assert course.text("read") == "head 1\n"
    course.write("f", "HEAD ")
    assert course.executed() == ["write", "read"]
    assert course.text("read") == "HEAD 1\n"


UNSTEADY = [
    "import time\nn = time.time()",
    "import random\nn = random.SystemRandom().random()",
    "import os\nn = os.urandom(8)",
    "class Thing: pass\nn = Thing(); n.at = id(n)",
]


@pytest.mark.parametrize("code", UNSTEADY)
def test_what_differs_from_run_to_run_makes_nothing_stale_for_ever(
    code: str, course: Course
) -> None:
    lay(course, ("unsteady", code), ("below", "print(type(n))"), ("last", "print(n is None)"))
    course.build()
    assert course.executed() == []
    course.edit("lessons/one.md", "print(n is None)", "print(n is not None)")
    assert course.executed() == ["last"]
    assert course.executed() == []
    course.edit("lessons/one.md", "print(type(n))", "print(type(n).__name__)")
    assert course.executed() == ["below"]
    assert course.executed() == []


def recorded_elsewhere(course: Course) -> None:
    """Record the lesson under a profile as a machine with a GPU would have."""
    found = courses.load(configuration.load(course.root))
    recordings, own = Recordings(found.config.recordings), cells.own(found.lessons[0], "gpu")
    for standing in stand(found, Evidence.of(found.config))["one"]["cpu"]:
        recording, id_ = standing.recording, standing.cell.id
        assert isinstance(recording, Recording)
        reads = {**recording.trace.reads, "profile": own[id_]["profile"]}
        trace = replace(recording.trace, reads=reads)
        made = Provenance("NVIDIA H100", {"python": "3.12.1"}, "2030-01-02", 1.5)
        recordings.save("one", "gpu", id_, Recording(trace, recording.outputs, made))


def marked(run: Run) -> Sequence[str]:
    marks: Sequence[str] = run.report["marked"]
    return marks


def test_of_another_profile_what_reads_of_a_stale_block_is_marked_too(course: Course) -> None:
    lay(
        course,
        ("n", "n = 3"),
        ("double", "double = 2 * n"),
        ("shown", "print(double)"),
        ("apart", "print(1)"),
    )
    course.build()
    recorded_elsewhere(course)
    assert marked(course.build()) == []
    course.edit("lessons/one.md", "n = 3", "n = 4")
    run = course.build()
    assert marked(run) == [f"one#{id_} under gpu" for id_ in ("n", "double", "shown")]
    assert "block 'n' under profile gpu: its recording was made before its code changed" in run.err
    page = course.page()
    assert "Recorded before the last change of its code." in page
    assert "What it read of block &#39;n&#39; above may be another by now." in page
