"""What all tests share: who runs which, threads, a warm start of workers, and one browser."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import util
from multiprocessing.connection import Connection

import pytest
from browser import launch
from playwright.sync_api import Browser, expect, sync_playwright

from sitegen.errors import SiteError
from sitegen.execute import executor
from sitegen.execute.forkserver import Process, launcher
from sitegen.execute.messages import Job

if "PYTEST_XDIST_WORKER" in os.environ:
    # Side by side, processes with a thread for each core stand in each other's way.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than cores: tests that wait for a browser or a server leave theirs idle."""
    return (os.cpu_count() or 1) + 1


LONGEST = (
    "test_executed",
    "test_guide",
    "test_quality",
    "test_lessons",
    "test_gpu_profile",
    "test_never_wrong",
    "test_determinism",
    "test_jupyterlab",
    "test_snapshots",
    "test_traces_property",
    "test_in_a_browser",
    "test_faults",
    "test_pages",
    "test_mutants",
    "test_pretrained",
)
"""Files to begin with, so that no core waits for the last."""
OF_ONE_LESSON_EACH = ("test_executed", "test_lessons")
"""Files whose tests share nothing that takes long to make, and take long themselves."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; those of one file to one process, which makes what they share once."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONGEST)))
    for item in items:
        alone = item.path.stem in OF_ONE_LESSON_EACH
        name = item.nodeid if alone else item.path.relative_to(item.config.rootpath).as_posix()
        item.add_marker(pytest.mark.xdist_group(re.sub(r"\W+", "-", name)))


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


class _Warm:
    """A launcher of workers that stays when a build is over, for the next in its environment."""

    def __init__(self, environment: Mapping[str, str], modules: Sequence[str]) -> None:
        self.made_for: object = (_own(environment), [*modules])
        self.launcher = launcher(environment, modules)

    def start(self, job: Job, away: Connection) -> Process:
        try:
            return self.launcher.start(job, away)
        except SiteError:
            self.made_for = None  # it has ended
            raise

    def close(self) -> None:
        """Nothing: whoever keeps it closes it."""


def _own(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in environment.items() if not name.startswith("PYTEST")}


@pytest.fixture(scope="session", autouse=True)
def _warm_workers(_temporary_files: None) -> Iterator[None]:
    """One fork server for the builds that this process makes in one environment.

    It imports what every worker needs, which takes longer than most lessons of tests.
    """
    kept: list[_Warm] = []

    def warm(environment: Mapping[str, str], modules: Sequence[str]) -> _Warm:
        if not kept or kept[0].made_for != (_own(environment), [*modules]):
            let_go()
            kept.append(_Warm(environment, modules))
        return kept[0]

    def let_go() -> None:
        while kept:
            kept.pop().launcher.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executor, "launcher", warm)
        yield
    let_go()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = launch(playwright)
        if found is None:
            pytest.skip("no Chromium on this machine: python tests/pages/browser.py gets one")
        # Beside lessons that train, a page's script has to wait for longer than the usual 5 s.
        expect.set_options(timeout=30_000)
        yield found
        found.close()
