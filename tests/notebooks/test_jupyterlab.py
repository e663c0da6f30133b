"""A notebook of this course in a real JupyterLab: it opens, cells run, an answer is checked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from course_notebooks import COURSE, ENVIRONMENT, LESSONS
from playwright.sync_api import Browser, Locator, expect
from small_course import wait_until

from sitegen.render.notebook import notebooks
from sitegen.render.publish import publish_part

LESSON = next(lesson for lesson in LESSONS if lesson.slug == "pretraining")


@pytest.fixture
def jupyterlab(tmp_path: Path) -> Iterator[str]:
    """The address of a server for the course's notebooks."""
    folder = tmp_path / "notebooks"
    publish_part(tmp_path, notebooks(COURSE.config, LESSONS))
    home = tmp_path / "jupyter"
    environment = {
        **os.environ,
        **ENVIRONMENT,
        **{f"JUPYTER_{kind}_DIR": str(home / kind) for kind in ("CONFIG", "DATA", "RUNTIME")},
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
    }
    # All cells at once, and not only those in view.
    settings = home / "settings" / "@jupyterlab/notebook-extension" / "tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"windowingMode": "none"}')
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
def test_a_notebook_opens_and_its_last_exercise_runs(jupyterlab, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{jupyterlab}lab/tree/{LESSON.meta.text('notebook')}")
    notebook = page.locator(".jp-Notebook")
    expect(notebook.locator("h1").first).to_contain_text(LESSON.meta.title, timeout=60_000)
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)

    def run(cell: Locator, answer: str = "") -> Locator:
        cell.locator(".jp-InputArea-editor").click()
        if answer:
            page.keyboard.press("Control+a")
            page.keyboard.insert_text(answer)
        before = cell.locator(".jp-InputPrompt").inner_text()
        page.keyboard.press("Control+Enter")
        prompt = re.compile(r"\[(?!\*)(?!%s)" % (re.escape(before.strip("[]: ")) or "none"))
        expect(cell.locator(".jp-InputPrompt")).to_have_text(prompt, timeout=60_000)
        return cell.locator(".jp-OutputArea-output").last

    cells = notebook.locator(".jp-CodeCell")
    last = cells.count() - 2  # the last one shows values that the text after it speaks of
    expect(run(cells.first)).to_contain_text("profile cpu, on cpu")
    run(cells.nth(last - 1))
    expect(run(cells.nth(last))).to_contain_text("Not answered yet: write what accumulate is to do")
    run(cells.nth(last - 1), "def accumulate(model, x, y, parts):\n    model(x, y)[1].backward()")
    expect(run(cells.nth(last))).to_contain_text("✓ Right")
    page.close()
