"""Whatever happens to a build: no half-written file, and the next one mends what is left."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import COMMAND

LESSON = """
    ```python {#a}
    print("number NUMBER")
    ```

    ```python {#b}
    import matplotlib.pyplot as plt
    plt.plot([1, NUMBER])
    plt.show()
    ```

    It is `{python} NUMBER`.
    """


def write(course, number: int) -> None:
    for order, slug in enumerate(("one", "two")):
        course.lesson(LESSON.replace("NUMBER", str(number)), slug=slug, order=order)


def start(course) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(COMMAND)],
        cwd=course.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_whole(course) -> None:
    """Every file is one that a build meant to write."""
    for page in (course.root / "site").glob("*.html"):
        assert page.read_text("utf-8").endswith("</html>\n"), page
    for recording in (course.root / "lessons" / "recordings").rglob("[!.]*.json"):
        json.loads(recording.read_text("utf-8"))
    for figure in (course.root / "lessons" / "recordings").rglob("[!.]*.svg"):
        assert figure.read_text("utf-8").rstrip().endswith("</svg>"), figure


def test_a_build_killed_at_any_moment_leaves_whole_files(course) -> None:
    write(course, 0)
    began = time.perf_counter()
    course.build()
    longest = time.perf_counter() - began
    moments = random.Random(4)
    for number in range(1, 51):
        write(course, number)
        build = start(course)
        time.sleep(moments.uniform(0, longest))
        build.kill()
        build.communicate()
        assert_whole(course)
    course.build()
    assert "number 50" in course.page("one")
    assert not list(course.root.rglob(".*.tmp"))
    assert course.run("--check").code == 0


def test_a_killed_build_leaves_no_worker_behind(course) -> None:
    mark = f"{os.getpid()}{random.randrange(10**9)}"
    course.lesson(
        f"\n```python {{#a}}\nopen('pid', 'w').write(str(__import__('os').getpid()))\n"
        f"mark = '{mark}'\nwhile True: pass\n```\n"
    )
    build = start(course)
    pid = course.root / "pid"
    deadline = time.monotonic() + 20
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    worker = int(pid.read_text())
    build.kill()
    build.communicate()
    deadline = time.monotonic() + 5
    while alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(worker)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_interrupt_ends_the_build_in_one_line(course) -> None:
    course.lesson("\n```python {#a}\nwhile True: pass\n```\n")
    build = start(course)
    time.sleep(1.5)
    build.send_signal(signal.SIGINT)
    _, err = build.communicate(timeout=20)
    assert build.returncode == 130
    assert err == "interrupted; the last site stays as it was\n"


def test_two_builds_at_once_do_not_disturb_each_other(course) -> None:
    write(course, 1)
    builds = [start(course) for _ in range(3)]
    errors = [build.communicate()[1] for build in builds]
    assert [build.returncode for build in builds] == [0, 0, 0], errors
    assert_whole(course)
    assert course.run("--check").code == 0


def test_a_full_disk_leaves_the_last_site(course, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("this machine lets no test mount a small disk")
    try:
        write(course, 1)
        course.build("--out", str(disk / "site"))
        before = {path: path.read_bytes() for path in (disk / "site").rglob("*") if path.is_file()}
        free = shutil.disk_usage(disk).free
        (disk / "ballast").write_bytes(bytes(max(0, free - 8192)))
        course.lesson("x" * 30_000, slug="three", order=3)
        write(course, 2)
        run = course.run("--out", str(disk / "site"))
        assert run.code == 2
        assert "No space left on device" in run.err
        assert len(run.err.strip().splitlines()[-1:]) == 1
        after = {path: path.read_bytes() for path in (disk / "site").rglob("*") if path.is_file()}
        assert after == before
        (disk / "ballast").unlink()
        course.build("--out", str(disk / "site"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_recordings_that_cannot_be_written_are_named(course) -> None:
    course.write("lessons/recordings", "a file, not a folder")
    write(course, 1)
    run = course.run()
    assert run.code == 2
    assert "cannot write" in run.err
    assert "recordings" in run.err
    assert "Traceback" not in run.err
    assert not (course.root / "site").exists()


def test_a_site_folder_that_is_a_file_is_left_alone(course) -> None:
    course.write("site", "mine")
    write(course, 1)
    run = course.run()
    assert run.code == 2
    assert "it is a file" in run.err
    assert (course.root / "site").read_text() == "mine"


def test_files_that_no_build_wrote_are_left_alone(course) -> None:
    write(course, 1)
    course.build()
    course.write("site/mine.txt", "mine")
    write(course, 2)
    course.build()
    assert (course.root / "site" / "mine.txt").read_text() == "mine"
