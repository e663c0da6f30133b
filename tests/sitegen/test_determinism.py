"""The same text gives the same bytes, wherever and however it is built."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from small_course import Course

LIBRARY = """
    import numpy


    class Square:
        def _repr_svg_(self):
            return '<svg xmlns="http://www.w3.org/2000/svg"><rect id="a" width="9"/></svg>'


    def noise():
        return numpy.random.rand(3).round(6)
    """

LESSON = """
    Text with $x^2$.

    ```python {#numbers}
    import os, random, time, locale, shutil, sys
    from lib import Square, noise

    print({"b", "a", "c"}, hash("x"), random.random(), noise())
    print(time.strftime("%Z %H %B", time.localtime(0)), locale.getlocale())
    print(os.path.basename(os.getcwd()), shutil.get_terminal_size().columns)
    print(__debug__, sys.warnoptions)
    print(sum(0.1 for _ in range(1000)), os.environ["OMP_NUM_THREADS"], Square)
    ```

    ```python {#figure}
    import matplotlib.pyplot as plt
    plt.plot(noise(), label="words")
    plt.legend();
    ```

    ```python {#drawing}
    Square()
    ```

    It is `{python} noise()`.
    """


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Course:
    course = Course(tmp_path_factory.mktemp("first") / "course")
    course.write("lib/__init__.py", LIBRARY)
    course.configure('preload = ["matplotlib.pyplot"]')
    for order, slug in enumerate(("one", "two", "three")):
        course.lesson(LESSON, slug=slug, order=order)
    course.build()
    return course


def copy(course: Course, folder: Path) -> Course:
    """What an author has of it, in another place."""
    found = Course(folder / "course")
    shutil.copy(course.root / "pyproject.toml", found.root)
    for name in ("lib", "lessons"):
        shutil.copytree(course.root / name, found.root / name, dirs_exist_ok=True)
    return found


def made(course: Course) -> dict[str, str]:
    """Every file of the site and of the recordings.

    Seconds are those of the machine, and a recording's digest covers them.
    """
    folders = (course.root / "site", course.root / "lessons" / "recordings")
    return {
        path.relative_to(course.root).as_posix(): re.sub(
            r'"seconds": [\d.]+|"digest": "\w+"|"\w+\.html": "\w+"'
            r"|(under \d+|\d+) s\b|\d{4}-\d\d-\d\d",
            "",
            path.read_text("utf-8", errors="replace"),
        )
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


SETTINGS = {
    "one lesson at a time": (("--jobs", "1"), {"PYTHONHASHSEED": "7"}),
    "another zone and language": ((), {"TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "de_DE.UTF-8"}),
    "a developer's switches": (
        (),
        {"PYTHONPROFILEIMPORTTIME": "1", "PYTHONOPTIMIZE": "1", "PYTHONWARNINGS": "error"},
    ),
    "without assertions": ((), {"PYTHONOPTIMIZE": "1"}),
    "Python's development mode": ((), {"PYTHONDEVMODE": "1"}),
    "other threads and a wider terminal": (
        ("--jobs", "3"),
        {"OMP_NUM_THREADS": "4", "COLUMNS": "200"},
    ),
}


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [  # where warnings are errors, an old library may not be imported at all
        pytest.param(*given, id=name, marks=[pytest.mark.newest] if "switches" in name else [])
        for name, given in SETTINGS.items()
    ],
)
def test_a_clean_build_elsewhere_gives_the_same_bytes(
    first, tmp_path, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    course = copy(first, tmp_path / "a longer path")
    shutil.rmtree(course.root / "lessons" / "recordings")
    run = course.run_apart(*arguments, **environment)
    assert run.code == 0, run.err
    assert len(run.report["executed"]) == 9
    assert made(course) == made(first)


def test_a_site_from_recordings_is_the_same_to_the_byte(first, tmp_path) -> None:
    course = copy(first, tmp_path / "elsewhere")
    assert course.executed() == []
    assert course.snapshot("site") == first.snapshot("site")
    assert course.snapshot("lessons") == first.snapshot("lessons")


def test_executing_again_changes_no_recording(first) -> None:
    before = first.snapshot()
    assert len(first.executed("--fresh")) == 9
    assert first.snapshot() == before
