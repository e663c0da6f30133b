"""What all tests of a process share: its threads, a warm start of workers, and one browser."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from multiprocessing import forkserver, util

import pytest
from browser import launch
from playwright.sync_api import Browser, sync_playwright

if "PYTEST_XDIST_WORKER" in os.environ:
    # Side by side, processes with a thread for each core stand in each other's way.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than cores: tests that wait for a browser or a server leave theirs idle."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def _temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A folder for those of all processes, since one that a test kills leaves its own behind."""
    # These are there already, and are removed by whoever made them.
    tmp_path_factory.getbasetemp()
    util.get_temp_dir()
    with (
        # pytest's own are too deep for a socket.
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture(scope="session", autouse=True)
def _warm_workers(_temporary_files: None) -> Iterator[None]:
    """One fork server for builds that this process makes in one environment, one after the other.

    It imports what every worker needs, which takes longer than most lessons of tests.
    """
    stop, start = forkserver._forkserver._stop, forkserver.ensure_running
    environment: dict[str, str] = {}

    def ensure_running() -> None:
        now = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        if environment != now:
            stop()
            environment.clear()
            environment.update(now)
        start()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forkserver._forkserver, "_stop", lambda: None)
        patch.setattr(forkserver, "ensure_running", ensure_running)
        yield
    stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = launch(playwright)
        if found is None:
            pytest.skip("no Chromium on this machine: python tests/pages/browser.py gets one")
        yield found
        found.close()
