"""One browser for all tests of a process: Playwright allows no second one beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser import launch
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = launch(playwright)
        if found is None:
            pytest.skip("no Chromium on this machine: python tests/pages/browser.py gets one")
        yield found
        found.close()
