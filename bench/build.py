"""Builds of a lesson that trains a small model, beside one process that runs the same code."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, str(ROOT / "build_site.py")]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
REPEATS = 5
GOAL = 1.3
"""Of a cold build to one process."""

BLOCKS = [
    "import torch\nfrom torch import nn\nfrom lib import batch\ntorch.manual_seed(0)",
    "model = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64))",
    "optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)",
    *(
        "for step in range(60):\n"
        "    x, y = batch()\n"
        "    loss = nn.functional.mse_loss(model(x), y)\n"
        "    optimizer.zero_grad()\n"
        "    loss.backward()\n"
        "    optimizer.step()\n"
        f"print('part {part}:', loss.item())"
        for part in range(6)
    ),
    "print('done')",
]
LIBRARY = """\
import torch


def batch():
    x = torch.randn(64, 64)
    return x, x.sin()
"""
CONFIGURATION = """\
[tool.lessonsite]
title = "Bench"
packages = ["lib"]
preload = ["torch", "torch._dynamo"]
"""


def main() -> int:
    """Measure and print; 1 if the cold build misses its goal by far."""
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder)
        write_course(course)
        floor = median(lambda: run([sys.executable, "script.py"], course))
        cold = median(lambda: run(COMMAND, course), before=lambda: clean(course))
        nothing = median(lambda: run(COMMAND, course))
        prose = median(lambda: run(COMMAND, course), before=lambda: edit(course, "Prose"))
        last = median(lambda: run(COMMAND, course), before=lambda: edit(course, "'done"))
    run(COMMAND, ROOT)
    own = median(lambda: run(COMMAND, ROOT))
    table = Table("work", "seconds", "goal", title=f"Medians of {REPEATS}, one thread")
    table.add_row("one process, the same code", f"{floor:.2f}", "")
    table.add_row("cold build, ten blocks", f"{cold:.2f}", f"{GOAL * floor:.2f}")
    table.add_row("  ratio", f"{cold / floor:.2f}", f"{GOAL}")
    table.add_row("nothing changed", f"{nothing:.2f}", "0.50")
    table.add_row("a word of prose changed", f"{prose:.2f}", "1.00")
    table.add_row("last block changed", f"{last:.2f}", f"{floor:.2f}")
    table.add_row("this course, nothing changed", f"{own:.2f}", "0.25")
    table.add_row("  first edit below a training of a minute", f"{first_edit():.2f}", "5.00")
    Console().print(table)
    return int(cold / floor > 1.15 * GOAL)


def first_edit() -> float:
    """Seconds of a build of this course, built here before, after an edit below a training."""
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder)
        for name in ("lessons", "course"):
            shutil.copytree(ROOT / name, course / name)
        shutil.copy(ROOT / "pyproject.toml", course)
        (course / "gptcore").symlink_to(ROOT / "gptcore")
        path = course / "lessons" / "pretraining.md"
        text = path.read_text("utf-8")
        begin = text.index("```python {#hard-and-easy")
        end = text.index("\n```", begin)
        for number in range(2):  # the values of the first build are the second one's
            path.write_text(f"{text[:end]}\nprint({number}){text[end:]}", "utf-8")
            began = time.perf_counter()
            run(COMMAND, course)
    return time.perf_counter() - began


def write_course(course: Path) -> None:
    (course / "lessons").mkdir()
    (course / "lib").mkdir()
    (course / "pyproject.toml").write_text(CONFIGURATION)
    (course / "lib" / "__init__.py").write_text(LIBRARY)
    fences = [f"```python\n{code}\n```\n" for code in BLOCKS]
    head = "---\ntitle: Bench\nslug: bench\norder: 1\n---\n\nProse.\n\n"
    (course / "lessons" / "bench.md").write_text(head + "\n".join(fences))
    (course / "script.py").write_text("\n".join(BLOCKS))


def clean(course: Path) -> None:
    for name in ("site", "lessons/recordings", ".lessonsite_cache"):
        shutil.rmtree(course / name, ignore_errors=True)


def edit(course: Path, word: str) -> None:
    path = course / "lessons" / "bench.md"
    path.write_text(path.read_text().replace(word, f"{word} again", 1))


def median(measured: Callable[[], object], before: Callable[[], object] | None = None) -> float:
    """The median time of some calls, in seconds, each after what prepares it."""
    times = []
    for _ in range(REPEATS):
        if before:
            before()
        began = time.perf_counter()
        measured()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, check=True)
