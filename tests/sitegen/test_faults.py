"""Whatever happens to a build: no half-written file, and the next one mends what is left."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_course import wait_until

LESSON = """
    ```python {#a}
    print("number NUMBER")
    ```

    ```python {#b}
    class Square:
        def _repr_svg_(self):
            return '<svg xmlns="http://www.w3.org/2000/svg"><rect width="NUMBER"/></svg>'
    Square()
    ```

    It is `{python} NUMBER`.
    """


def write(course, number: int) -> None:
    for order, slug in enumerate(("one", "two")):
        course.lesson(LESSON.replace("NUMBER", str(number)), slug=slug, order=order)


def assert_whole(course) -> None:
    """Every file is one that a build meant to write."""
    for page in (course.root / "site").glob("*.html"):
        assert page.read_text("utf-8").endswith("</html>\n"), page
    for recording in (course.root / "lessons" / "recordings").rglob("[!.]*.json"):
        json.loads(recording.read_text("utf-8"))
    for figure in (course.root / "lessons" / "recordings").rglob("[!.]*.svg"):
        assert figure.read_text("utf-8").rstrip().endswith("</svg>"), figure


DIES = """
import itertools, os, signal, sys
from sitegen import files
from sitegen.cli import main

steps, whole, replace = itertools.count(1), files._write, os.replace

def die_if_due():
    if next(steps) == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    return True

def half(path, data):
    whole(path, data[: len(data) // 2])
    die_if_due() and whole(path, data)

files._write = half
os.replace = lambda *paths: die_if_due() and replace(*paths)
sys.exit(main([]))
"""


def dies_at(course, step: int) -> bool:
    """Build, and die half through the given write or renaming; false if there are fewer."""
    build = subprocess.run(
        [sys.executable, "-c", DIES, str(step)],
        cwd=course.root,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        timeout=60,
    )
    return build.returncode == -signal.SIGKILL


def test_a_build_killed_within_any_write_leaves_whole_files(course) -> None:
    for number, step in enumerate(range(1, 1000, 5), 1):
        write(course, number)
        if not dies_at(course, step):
            break
        assert_whole(course)
    assert number > 6, "more than five builds died"
    write(course, number + 1)
    course.build()
    assert f"number {number + 1}" in course.page("one")
    assert not list(course.root.rglob(".*.tmp"))
    assert course.run("--check").code == 0


def test_a_killed_build_leaves_no_process_behind(course) -> None:
    course.lesson(
        """
        ```python {#a}
        import subprocess
        subprocess.Popen(["sleep", "600"])
        open("began", "w").close()
        while True: pass
        ```
        """
    )
    build = course.start()
    wait_until((course.root / "began").exists)
    assert len(course.processes()) >= 3
    build.kill()
    build.wait(20)
    wait_until(lambda: not course.processes())


def test_an_interrupt_ends_the_build_in_one_line(course) -> None:
    course.lesson("\n```python {#a}\nopen('began', 'w').close()\nwhile True: pass\n```\n")
    build = course.start()
    wait_until((course.root / "began").exists)
    build.send_signal(signal.SIGINT)
    _, err = build.communicate(timeout=20)
    assert build.returncode == 130
    assert err == "interrupted; the last site stays as it was\n"


def test_builds_at_once_do_not_disturb_each_other(course) -> None:
    write(course, 1)
    builds = [course.start() for _ in range(3)]
    errors = [build.communicate(timeout=60)[1] for build in builds]
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
        assert run.err.splitlines()[-1].endswith("No space left on device")
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


def test_a_file_that_grows_too_large_leaves_the_last_site(course) -> None:
    write(course, 1)
    course.build()
    before = course.snapshot("site")
    course.lesson("x" * 200_000, slug="three", order=3)
    write(course, 2)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    try:
        run = course.run_apart()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert run.code == 2
    assert run.err.splitlines()[-1].endswith("three.html: File too large")
    assert course.snapshot("site") == before
    course.build()
    assert_whole(course)


def test_a_folder_where_a_page_should_be_leaves_the_other_pages(course) -> None:
    write(course, 1)
    course.build()
    (course.root / "site" / "two.html").unlink()
    course.write("site/two.html/mine.txt", "mine")
    before = course.snapshot("site")
    write(course, 2)
    run = course.run()
    assert run.code == 2
    assert run.err.splitlines()[-1].endswith("two.html: it is a folder")
    assert course.snapshot("site") == before


def test_recordings_and_figures_that_are_cut_short_are_made_again(course) -> None:
    write(course, 1)
    course.build()
    good = course.snapshot("site")
    folder = course.root / "lessons" / "recordings"
    for path in folder.rglob("*.*"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert len(course.build().report["executed"]) == 4
    assert course.snapshot("site") == good
    assert course.run("--check").code == 0


def test_a_cache_that_cannot_be_read_is_none(course) -> None:
    write(course, 1)
    course.build()
    good = course.snapshot("site")
    for path in (course.root / ".lessonsite_cache").glob("*.json"):
        path.write_text("[1, {", "utf-8")
    assert course.executed() == []
    assert course.snapshot("site") == good


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
