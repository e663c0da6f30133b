"""Builds of courses that grow: what a lesson more costs, and what nothing and one symbol cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.build import COMMAND

SIZES = (25, 50, 100, 200)
BLOCKS = 20
SYMBOLS = 100
"""Functions of the library; every block calls one."""


def main() -> int:
    """Measure and print; 1 if editing a symbol ran other blocks than those that call it."""
    table = Table(
        "lessons", "blocks", "cold", "per block", "nothing", "one symbol", "ran", "peak RSS",
        title="Seconds; every block calls one function of the library",
    )  # fmt: skip
    wrong = 0
    for lessons in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            course = Path(folder)
            write_course(course, lessons)
            cold, _, memory = build(course)
            nothing, _, _ = build(course)
            library = course / "lib.py"
            library.write_text(library.read_text().replace("x + 7\n", "x + 1007\n"))
            symbol, ran, _ = build(course)
        blocks = lessons * BLOCKS
        wrong += ran != blocks // SYMBOLS
        table.add_row(
            str(lessons), str(blocks), f"{cold:.1f}", f"{cold / blocks * 1e3:.1f} ms",
            f"{nothing:.2f}", f"{symbol:.1f}", str(ran), f"{memory / 1024:.0f} MiB",
        )  # fmt: skip
    Console().print(table)
    return int(wrong > 0)


def write_course(course: Path, lessons: int) -> None:
    (course / "lessons").mkdir()
    (course / "pyproject.toml").write_text(
        '[tool.lessonsite]\ntitle = "Scale"\npackages = ["lib"]\n'
    )
    functions = [f"def f{number}(x):\n    return x + {number}\n" for number in range(SYMBOLS)]
    (course / "lib.py").write_text("\n\n".join(functions))
    for lesson in range(lessons):
        fences = []
        for block in range(BLOCKS):
            name = f"f{(lesson * BLOCKS + block) % SYMBOLS}"
            fences.append(f"Text.\n\n```python\nfrom lib import {name}\n\n{name}({block})\n```\n")
        head = f"---\ntitle: Lesson {lesson}\nslug: lesson-{lesson}\norder: {lesson}\n---\n\n"
        (course / "lessons" / f"lesson-{lesson}.md").write_text(head + "\n".join(fences))


def build(course: Path) -> tuple[float, int, int]:
    """Seconds, how many blocks ran, and the memory of the largest process in KiB."""
    report = course / "report.json"
    began = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, "--report", str(report)],
        cwd=course,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    assert status == 0
    return seconds, len(json.loads(report.read_text())["executed"]), usage.ru_maxrss


if __name__ == "__main__":
    sys.exit(main())
