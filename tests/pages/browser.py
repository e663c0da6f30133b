"""A Chromium for the tests: Playwright's own, one that the machine has, or Debian's package.

Run as a program it makes sure that there is one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",  # root has no sandbox, and the pages are our own
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def launch(playwright: Playwright) -> Browser | None:
    """A running browser, None if the machine has none."""
    path = executable(playwright)
    return playwright.chromium.launch(executable_path=path, args=FLAGS) if path else None


def executable(playwright: Playwright) -> str | None:
    """The path of a Chromium on this machine."""
    own = playwright.chromium.executable_path
    return own if Path(own).is_file() else next(filter(None, map(shutil.which, NAMES)), None)


def install() -> bool:
    """Get a Chromium unless there is one; whether there is one now."""
    commands = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        commands += [["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]]
    with sync_playwright() as playwright:
        for command in commands:
            if executable(playwright):
                break
            try:
                subprocess.run(command, timeout=600, check=False)
            except (OSError, subprocess.TimeoutExpired) as error:
                print(error, file=sys.stderr)
        return executable(playwright) is not None


if __name__ == "__main__":
    if not install():
        print("no Chromium is to be had: the tests of the pages will be skipped", file=sys.stderr)
