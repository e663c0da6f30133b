"""Recordings of a profile that this machine can't execute, and runs that were cut short."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from small_course import COMMAND, Course, Run, wait_until

from sitegen.execute.plan import Straight
from sitegen.execute.progress import Progress
from sitegen.parse.parser import parse_lesson

LESSON = """
    ```python {#a}
    from lib import scale

    print("a", scale())
    ```

    ```python {#b}
    print("b")
    ```

    It is `{python} scale()`.
    """

LIBRARY = """
    import os


    def scale():
        return {"cpu": "small", "gpu": "large"}[os.environ["LESSON_PROFILE"]]
    """

KILLS = int(os.environ.get("LESSONSITE_KILLS", "2"))
"""Random moments at which builds are killed, per profile."""


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """`--gpu` on a machine without one: no block here asks for it."""

    def record(course: Course, *arguments: str) -> Run:
        with monkeypatch.context() as patch:
            patch.setattr("sitegen.cli._want_gpu", lambda: None)
            return course.run("--gpu", *arguments)

    return record


@pytest.fixture
def both(tmp_path: Path, gpu: Callable[..., Run]) -> Course:
    course = Course(tmp_path / "course")
    course.write("lib/__init__.py", LIBRARY)
    course.lesson(LESSON)
    course.build()
    assert gpu(course).code == 0
    return course


def drift(course: Course, *arguments: str) -> list[Mapping[str, Any]]:
    run = course.run("--check", *arguments)
    found: list[Mapping[str, Any]] = run.report["drift"]
    assert run.code == bool(found)
    return found


def forge(course: Course) -> None:
    recording = course.recording("a", profile="gpu")
    recording.write_text(recording.read_text("utf-8").replace("large", "huge"), "utf-8")


def edit(course: Course) -> None:
    course.edit("lib/__init__.py", "large", "huge")


def delete(course: Course) -> None:
    course.recording("b", profile="gpu").unlink()


def cut(course: Course) -> None:
    course.recording("a", profile="gpu").write_text("{", "utf-8")


CASES: dict[str, tuple[Callable[[Course], object], str, str]] = {
    "forged": (forge, "damaged", "edited by hand"),
    "cut short": (cut, "damaged", "cannot be read"),
    "deleted": (delete, "missing", "'b' under profile gpu has no recording"),
    "stale": (edit, "stale", "lib.scale changed"),
}


@pytest.mark.parametrize(("change", "kind", "message"), CASES.values(), ids=CASES)
def test_what_is_wrong_under_another_profile_is_drift_and_says_who_mends_it(
    both, change, kind, message
) -> None:
    assert drift(both) == []
    change(both)
    both.build()  # what is of this machine's profile is mended
    found = drift(both)
    # What reads of a recording that can't be read may be another, too.
    assert found[0]["kind"] == kind
    assert {one["kind"] for one in found} <= {kind, "stale"}
    assert found[0]["file"] == "lessons/one.md"
    assert message in found[0]["message"]
    assert "build_site.py --gpu records it anew, on a machine with gpu" in found[0]["message"]


@pytest.mark.parametrize("change", [forge, cut, edit], ids=lambda change: change.__name__)
def test_a_build_does_not_fall_back_in_silence(both, change) -> None:
    change(both)
    for _ in range(2):  # the second has nothing to do, and tells of it all the same
        run = both.build()
        assert "warning: " in run.err
        assert "one#a under gpu" in run.report["marked"]
        assert "one#b under gpu" not in run.report["marked"]
    assert re.search(r"<p[^>]*partial", both.page())


def test_what_is_only_to_be_marked_is_no_drift_unless_the_check_is_strict(both, gpu) -> None:
    both.configure('profiles = { gpu = { stale = "marked" } }\n')
    edit(both)
    both.build()
    run = both.run("--check")
    assert (run.code, run.report["drift"]) == (0, [])
    assert "warning: lessons/one.md:8: block 'a' under profile gpu: its recording" in run.err
    assert "out of date" in both.page()
    assert {one["kind"] for one in drift(both, "--strict")} == {"stale"}
    delete(both)  # that is no matter of age
    assert [one["kind"] for one in drift(both)] == ["missing"]
    assert gpu(both).report["executed"] == ["one#a", "one#b"]
    assert drift(both, "--strict") == []


def test_a_profile_leads_without_what_no_machine_could_record(both, gpu) -> None:
    both.edit("lessons/one.md", "It is", "```python {#c needs=oven}\nprint(3)\n```\n\nIt is")
    both.build()
    run = gpu(both)
    assert run.report["awaited"] == ["one#c"]
    page = both.page()
    assert 'data-lead="gpu"' in page
    assert not re.search(r"<p[^>]*partial", page)
    assert page.count("Not recorded: no machine so far had oven.") == 2  # under each profile
    check = both.run("--check", "--strict")
    assert check.report["drift"] == []
    for what in ("block 'c'", "block 'c' under profile gpu"):
        assert f"{what} is not recorded, for no machine so far had oven" in check.err


def test_a_dry_run_says_what_would_be_executed_and_why(both) -> None:
    assert both.run("--dry-run").report["would_execute"] == []
    both.edit("lessons/one.md", 'print("b")', 'print("c")')
    edit(both)
    before = both.snapshot()
    run = both.run("--dry-run")
    assert run.report["would_execute"] == [
        {"block": "one#a", "why": "lib.scale changed"},
        {"block": "one#b", "why": "its code changed"},
    ]
    assert run.report["executed"] == []
    assert "one#a: lib.scale changed\n" in run.out
    assert "2 would be executed, 0 replayed" in run.out
    assert both.snapshot() == before
    both.recording("b").unlink()
    both.build("--dry-run", "--gpu")
    (_, b) = both.run("--dry-run").report["would_execute"]
    assert b["why"] == "no recording"


SLOW = "".join(
    f"\n```python {{#b{number}}}\nimport time; time.sleep(0.15)\nprint({number})\n```\n"
    f"\nValue `{{python}} {number} + 1`.\n"
    for number in range(6)
)

RECORD = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from sitegen import cli
cli._want_gpu = lambda: None
sys.exit(cli.main(sys.argv[1:]))
"""


def recorded(course: Course, profile: str) -> dict[str, str]:
    """The recordings, but for the seconds that they took."""
    folder = course.root / "lessons" / "recordings" / "one"
    files = [*folder.glob(f"{profile}/*.json"), *folder.glob(f"{profile}.values.json")]
    return {
        path.name: re.sub(r'"(seconds|digest)": [^\n]*', "", path.read_text("utf-8"))
        for path in files
    }


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_a_build_that_is_killed_keeps_what_had_ended(tmp_path: Path, profile: str) -> None:
    arguments = ["--gpu"] if profile == "gpu" else []
    command = [sys.executable, "-c", RECORD, str(COMMAND.parent), *arguments]
    whole = Course(tmp_path / "whole")
    whole.lesson(SLOW)
    subprocess.run(command, cwd=whole.root, check=True, capture_output=True)
    wanted = recorded(whole, profile)
    assert len(wanted) == 7
    choice = random.Random(0)
    for number in range(KILLS):
        course = Course(tmp_path / f"killed-{number}")
        course.lesson(SLOW)
        moment = choice.uniform(0, 0.15)
        after = choice.randint(1, 5)
        process = subprocess.Popen(command, cwd=course.root, stderr=subprocess.DEVNULL)
        wait_until(lambda: len(blocks(course)) >= after)  # noqa: B023
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept = recorded(course, profile)
        assert len(blocks(course)) >= after
        values = kept.pop(f"{profile}.values.json", "")
        assert kept.items() <= wanted.items()
        assert all('"digest"' not in one for one in kept.values())
        assert values.count("expression") >= len(kept) - 1
        report = course.root / "report.json"
        rest = [*command, "--report", str(report)]
        subprocess.run(rest, cwd=course.root, check=True, capture_output=True)
        executed = json.loads(report.read_text("utf-8"))["executed"]
        left = wanted.keys() - kept.keys() - {f"{profile}.values.json"}
        assert {f"{name.removeprefix('one#')}.json" for name in executed} == left
        assert recorded(course, profile) == wanted


def blocks(course: Course) -> list[Path]:
    return [
        path
        for path in (course.root / "lessons" / "recordings").glob("one/*/*.json")
        if not path.name.startswith(".")
    ]


def test_a_run_of_some_minutes_ends_in_time_and_the_next_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = Course(tmp_path / "course")
    course.lesson(
        "\n```python {#a}\nprint('a')\n```\n\n```python {#b}\nimport time\ntime.sleep(60)\n```\n"
    )

    @contextlib.contextmanager
    def over(minutes: float) -> Iterator[socket.socket]:
        """The time is over as soon as the second block runs."""
        assert minutes == 3
        bell, rope = socket.socketpair()

        def ring() -> None:
            wait_until(lambda: course.recording("a").exists())
            rope.send(b"!")

        threading.Thread(target=ring).start()
        yield bell

    with monkeypatch.context() as patch:
        patch.setattr("sitegen.build._alarm", over)
        run = course.build("--minutes", "3")
    assert run.report["executed"] == ["one#a"]
    assert "1 blocks recorded, 1 left, the next one#b" in run.err
    assert "Not recorded yet." in course.page()
    course.edit("lessons/one.md", "time.sleep(60)", "print('b')")
    assert course.executed() == ["b"]


def test_what_was_recorded_before_a_failure_stays(tmp_path: Path) -> None:
    course = Course(tmp_path / "course")
    course.lesson("\n```python {#a}\nprint('a')\n```\n\n```python {#b}\n1 / 0\n```\n")
    assert course.run().code == 1
    made = json.loads(course.recording("a").read_text("utf-8"))["made"]
    assert made["device"] == "cpu"
    assert made["python"].startswith("3.")
    course.edit("lessons/one.md", "1 / 0", "print('b')")
    assert course.executed() == ["b"]


def test_a_failing_block_does_not_withhold_a_first_site(tmp_path: Path) -> None:
    course = Course(tmp_path / "course")
    course.lesson("\n```python {#a}\nprint('fine')\n```\n\n```python {#b}\n1 / 0\n```\n")
    course.lesson("\n```python {#c}\nprint('well')\n```\n", slug="two", order=2)
    run = course.run()
    assert run.code == 1
    assert "fine" in course.page()
    assert "It failed: block &#39;b&#39; raised ZeroDivisionError" in course.page()
    assert "well" in course.page("two")
    before = course.snapshot("site")
    course.edit("lessons/one.md", "'fine'", "'finer'")
    assert course.run().code == 1
    assert course.snapshot("site") == before


GPU = """
    import torch

    torch.cuda.is_available = lambda: True
    torch.cuda.get_device_name = lambda: "a large one"
    """


def test_what_a_lesson_recorded_before_it_failed_says_on_what(tmp_path, gpu, monkeypatch) -> None:
    course = Course(tmp_path / "course")
    course.write("gpu_stand_in.py", GPU)
    course.configure('preload = ["gpu_stand_in"]\n')
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(course.root), str(COMMAND.parent)]))
    course.lesson("\n```python {#a}\nprint('a')\n```\n\n```python {#b}\n1 / 0\n```\n")
    run = gpu(course)
    assert "block 'b' raised ZeroDivisionError" in run.err
    made = json.loads(course.recording("a", profile="gpu").read_text("utf-8"))["made"]
    assert made["device"] == "a large one"


ALONE = """
    ```python {#a}
    import os, pathlib, time

    busy = pathlib.Path(os.environ["BUSY"])
    busy.mkdir()  # fails while another lesson is here
    time.sleep(0.2)
    busy.rmdir()
    ```
    """


def test_lessons_that_measure_on_a_gpu_run_one_after_the_other(tmp_path, gpu, monkeypatch) -> None:
    monkeypatch.setenv("BUSY", str(tmp_path / "busy"))
    course = Course(tmp_path / "course")
    for order, slug in enumerate(("one", "two", "three")):
        course.lesson(ALONE, slug=slug, order=order)
    assert gpu(course).code == 0


@pytest.mark.parametrize(
    ("seconds", "at_once", "left"),
    [
        ((30, 20), 1, "under a minute left"),
        ((100, 80), 1, "about 3 min left"),
        ((100, 80), 2, "about 2 min left"),
        ((), 1, ""),
    ],
)
def test_a_progress_line_says_about_how_long_it_takes(seconds, at_once, left) -> None:
    text = "---\ntitle: L\nslug: l{}\norder: 1\n---\n\n```python {{#a}}\n1\n```\n"
    lessons = [parse_lesson(f"lessons/l{n}.md", text.format(n)) for n in range(2)]
    plans = [Straight(lesson, tuple(lesson.blocks)) for lesson in lessons]
    expected = {(f"l{n}", "a"): float(one) for n, one in enumerate(seconds)}
    assert Progress(plans, expected, at_once).time_left() == left
