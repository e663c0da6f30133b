"""The site, built once, and a browser to look at it with."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, Page

from sitegen.cli import main

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Visit:
    """A page that is open, and what went wrong on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This course, built from the recordings as they are committed."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        assert main(["--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def server(site: Path) -> Iterator[str]:
    """The address at which the site is served."""
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_address[1]}"
        served.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open an address: `visit(url, width=390, dark=True, scripts=False)`."""
    contexts = []

    def open_page(url: str, width: int = 1280, dark: bool = False, scripts: bool = True) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        visited = Visit(page)
        page.on("console", lambda message: _complain(visited, message.type, message.text))
        page.on("pageerror", lambda error: visited.complaints.append(str(error)))
        page.on("request", lambda request: visited.requests.append(request.url))
        page.on("requestfailed", lambda request: visited.complaints.append(request.url))
        page.goto(url)
        return visited

    yield open_page
    for context in contexts:
        context.close()


def _complain(visited: Visit, kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        visited.complaints.append(f"{kind}: {text}")


def host(url: str) -> str:
    return urlparse(url).netloc
