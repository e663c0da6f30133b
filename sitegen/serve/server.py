"""Serves a `Screen` over HTTP on this machine alone.

Files come from memory by their exact names, so there is no way out of the site. A page comes
with a script that listens to `/.serve/events` and renews it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
import threading
from collections.abc import Iterator
from html import escape
from http.client import HTTP_PORT
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import MimeTypes
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sitegen.errors import SiteError
from sitegen.serve.view import Screen, View

ADDRESS = "127.0.0.1"
OWN = ".serve/"
"""Begins the names of what the loop itself serves; no file of a site has such a name."""
PULSE = 15.0
"""Seconds of silence after which a listener is told that the server is still there."""

_FOLDER = Path(__file__).parent
_SCRIPTS = {f"{OWN}{name}": _FOLDER / name for name in ("reload.js", "reload.css")}
_BARE = b"<!DOCTYPE html><html lang=en><head><title>No page</title></head><body></body></html>"
_TYPES = MimeTypes()  # the library's own table, not the machine's
for _suffix, _type in {
    ".js": "text/javascript",  # as all Pythons from 3.12 on have it
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".webp": "image/webp",
}.items():
    _TYPES.add_type(_type, _suffix)


class Server(ThreadingHTTPServer):
    """Answers for one screen; a context manager that serves while it is entered."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, screen: Screen, port: int) -> None:
        """Raises SiteError if the port can't be had."""
        self.screen = screen
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            reason = "is taken" if error.errno == errno.EADDRINUSE else f"({error.strerror})"
            raise SiteError(
                f"cannot serve: port {port} {reason}; name another, as in --serve {port + 1}"
            ) from None
        self.port = int(self.server_address[1])
        names = (ADDRESS, "localhost")
        self.hosts = {f"{name}:{self.port}" for name in names}
        if self.port == HTTP_PORT:  # browsers leave it out
            self.hosts.update(names)

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.port}/"

    def __enter__(self) -> Server:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.screen.close()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "lessonsite"
    sys_version = ""

    def do_GET(self) -> None:
        # A page elsewhere whose name leads to this machine must not read what is served here.
        if self.headers.get("Host", "").lower() not in self.server.hosts:
            self._send(403, b"This server answers to its own address alone.\n", "text/plain")
            return
        name = unquote(urlsplit(self.path).path).removeprefix("/") or "index.html"
        view = self.server.screen.view
        if name == f"{OWN}events":
            self._send_events()
        elif name in _SCRIPTS:
            self._send(200, _SCRIPTS[name].read_bytes(), _type_of(name))
        elif name in view.files:
            self._send(200, _content(view, name), _type_of(name))
        else:
            self._send(404, _content(view, name, "404.html"), "text/html")

    do_HEAD = do_GET  # noqa: N815

    def _send(self, code: int, content: bytes, kind: str) -> None:
        self.send_response(code)
        text = kind.startswith("text/") or kind in ("image/svg+xml", "application/json")
        self._send_headers(f"{kind}; charset=utf-8" if text else kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _send_headers(self, kind: str) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-cache, no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")

    def _send_events(self) -> None:
        """Tell the state of the view, now and whenever it changes."""
        self.close_connection = True
        self.send_response(200)
        self._send_headers("text/event-stream; charset=utf-8")
        self.end_headers()
        if self.command == "HEAD":
            return
        with contextlib.suppress(OSError):
            for message in self._messages():
                self.wfile.write(message)

    def _messages(self) -> Iterator[bytes]:
        screen, number = self.server.screen, -1
        while not screen.closed:
            view = screen.after(number, PULSE)
            if view is None:
                yield b": still here\n\n"
                continue
            number = view.number
            yield b"data: " + json.dumps(view.state).encode() + b"\n\n"

    def log_message(self, format: str, *args: object) -> None:
        pass


def _type_of(name: str) -> str:
    return _TYPES.guess_type(name)[0] or "application/octet-stream"


def _content(view: View, name: str, instead: str = "") -> bytes:
    """A file as it is, a page with what renews it."""
    content = view.files.get(instead or name, _BARE)
    if not (instead or name).endswith(".html"):
        return content
    digest = view.digests.get(name, "")
    tags = (
        f'<script src="/{OWN}reload.js" data-file="{escape(name)}" data-digest="{digest}"></script>'
        f'<link rel="stylesheet" href="/{OWN}reload.css">'
    ).encode()
    head = re.search(rb"<head\b[^>]*>", content)
    place = head.end() if head else len(content)
    return content[:place] + tags + content[place:]
