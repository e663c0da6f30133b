"""What is installed: a wheel of the generator alone, tried out from a folder elsewhere.

In CI each Python that is supported runs this file by itself, in an environment that holds the
wheel and its dependencies: `LESSONSITE_WHEEL_INSTALLED=1`. Elsewhere the wheel is unpacked in
front of everything, with a torch that can't be imported.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
INSTALLED = "LESSONSITE_WHEEL_INSTALLED" in os.environ

NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Sums\n", "\n", "Adding up."]},
        {
            "cell_type": "code",
            "metadata": {},
            "source": ["sum(range(5))"],
            "outputs": [],
            "execution_count": None,
        },
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="builds the wheel")
    folder = tmp_path_factory.mktemp("wheel")
    code = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(folder)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return folder / made.stdout.split()[-1]


@pytest.fixture(scope="module")
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, str]:
    """In which the installed generator is the one that is found, and torch is not."""
    inherited = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    if INSTALLED:
        return inherited
    place = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(request.getfixturevalue("wheel")) as archive:
        archive.extractall(place)
    (place / "torch.py").write_text("raise ModuleNotFoundError(name='torch')\n")
    return {**inherited, "PYTHONPATH": str(place)}


class Folder:
    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self.root = root
        self.environment = {**environment, "PYTHONUNBUFFERED": "1"}

    def call(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "sitegen", *arguments]
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def served(self) -> Iterator[int]:
        """The port at which `--serve` has the site."""
        command = [sys.executable, "-m", "sitegen", "--serve", "0"]
        with subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout
            said = ""
            try:
                for line in process.stdout:
                    said += line
                    if found := re.search(r"http://[\w.]+:(\d+)", line):
                        yield int(found[1])
                        return
                pytest.fail(said)
            finally:
                process.send_signal(signal.SIGINT)
                process.stdout.read()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, environment: Mapping[str, str]) -> Folder:
    return Folder(tmp_path_factory.mktemp("my-course"), environment)


@pytest.mark.skipif(INSTALLED, reason="there is no wheel to look at")
def test_the_wheel_holds_the_generator_and_nothing_of_the_course(wheel: Path) -> None:
    assert wheel.stat().st_size < 1_000_000
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in names} == {"sitegen"}
    for kind in ("templates", "static"):
        files = (path for path in (ROOT / kind).rglob("*") if path.is_file())
        assert {f"sitegen/{path.relative_to(ROOT).as_posix()}" for path in files} <= names
    assert not [name for name in names if "recordings/" in name or name.startswith("tests/")]


def test_what_is_tried_is_what_is_installed(folder: Folder) -> None:
    code = "import sitegen; print(sitegen.__file__)"
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, cwd=folder.root, env=folder.environment, capture_output=True)
    assert not Path(found.stdout.decode().strip()).is_relative_to(ROOT)


def test_a_course_from_nothing(folder: Folder) -> None:
    said = folder.call("--new", "first-lesson")
    root = folder.root
    for name in (
        "pyproject.toml",
        "requirements.txt",
        ".gitignore",
        ".pre-commit-config.yaml",
        ".github/workflows/site.yml",
        ".github/workflows/pull-request.yml",
        "lessons/first-lesson.md",
    ):
        assert f"wrote {name}\n" in said
        assert (root / name).is_file()
    (root / "mine.ipynb").write_text(json.dumps(NOTEBOOK))
    assert "wrote lessons/mine.md" in folder.call("--import", "mine.ipynb")
    lesson = root / "lessons" / "mine.md"
    lesson.write_text(lesson.read_text().replace("slug:", "notebook: mine.ipynb\nslug:"))
    folder.call()
    assert ">10<" in (root / "site" / "mine.html").read_text()
    assert "<svg" in (root / "site" / "first-lesson.html").read_text()
    assert (root / "site" / "static" / "style.css").read_bytes() == (
        ROOT / "static" / "style.css"
    ).read_bytes()
    assert "no drift" in folder.call("--check")
    assert "wrote site/notebooks/mine.ipynb" in folder.call("--notebooks")
    for port in folder.served():
        deadline = time.monotonic() + 60
        while b"<h1>First lesson</h1>" not in (page := _page(port, "first-lesson.html")):
            assert time.monotonic() < deadline, page.decode()
            time.sleep(0.1)


def _page(port: int, name: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", f"/{name}", headers={"Host": f"localhost:{port}"})
    return connection.getresponse().read()


def test_the_version_stands_in_one_place(folder: Folder) -> None:
    found = (ROOT / "sitegen" / "version.py").read_text("utf-8")
    version = re.search(r'__version__ = "(.+)"', found)
    assert version
    assert folder.call("--version").split()[-1] == version[1]
    assert f"## {version[1]}\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["dynamic"] == ["version"]
