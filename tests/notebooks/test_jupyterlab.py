"""A notebook of this course in a real JupyterLab: it opens, and runs from first to last cell."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from course_notebooks import ENVIRONMENT, LESSONS, read
from playwright.sync_api import Browser, expect
from small_course import wait_until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the notebook of the last lesson lies."""
    found = tmp_path / "notebooks"
    found.mkdir()
    nbformat.write(read(LESSONS[-1], solved=False, steps=60), found / "lesson.ipynb")
    return found


@pytest.fixture
def jupyterlab(folder: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a server for that folder."""
    home = tmp_path / "jupyter"
    environment = {
        **os.environ,
        **ENVIRONMENT,
        **{f"JUPYTER_{kind}_DIR": str(home / kind) for kind in ("CONFIG", "DATA", "RUNTIME")},
        "IPYTHONDIR": str(home / "ipython"),
    }
    options = ["--no-browser", "--allow-root", "--port=0", f"--notebook-dir={folder}"]
    options += ["--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: _answers(home / "RUNTIME"))
        yield _url(home / "RUNTIME")
    finally:
        server.terminate()
        server.wait(20)


def _url(runtime: Path) -> str:
    (running,) = runtime.glob("jpserver-*.json")
    url: str = json.loads(running.read_text("utf-8"))["url"]
    return url


def _answers(runtime: Path) -> bool:
    try:
        with urllib.request.urlopen(f"{_url(runtime)}api") as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):  # not there yet, or its address not written yet
        return False


@pytest.mark.browser
def test_a_notebook_opens_and_all_its_cells_run(jupyterlab, folder, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{jupyterlab}lab/tree/lesson.ipynb")
    notebook = page.locator(".jp-Notebook")
    expect(notebook.locator("h1").first).to_contain_text(LESSONS[-1].meta.title, timeout=60_000)
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    last = notebook.locator(".jp-CodeCell").last
    expect(last.locator(".jp-OutputArea-output")).to_contain_text("124,439,808", timeout=180_000)
    page.keyboard.press("Control+s")

    wait_until(lambda: bool(_cells(folder) and _cells(folder)[-1].outputs))
    cells = _cells(folder)
    setup = next(cell for cell in cells if cell.id == "setup")
    assert setup.outputs[0].text == "profile cpu, on cpu\n"
    shown = [output.get("data", {}) for cell in cells for output in cell.outputs]
    assert any("image/svg+xml" in data for data in shown)
    page.close()


def _cells(folder: Path) -> list[nbformat.NotebookNode]:
    """The code cells as they are saved; none while they are being written."""
    with contextlib.suppress(nbformat.reader.NotJSONError):
        book = nbformat.read(folder / "lesson.ipynb", as_version=4)
        return [cell for cell in book.cells if cell.cell_type == "code"]
    return []
