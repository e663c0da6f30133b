"""What all tests of a process share: its threads, and one browser, beside which none can be."""

from __future__ import annotations

import os
from collections.abc import Iterator

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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = launch(playwright)
        if found is None:
            pytest.skip("no Chromium on this machine: python tests/pages/browser.py gets one")
        yield found
        found.close()
