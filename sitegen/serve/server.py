"""Serves a `Screen` over HTTP on this machine alone.

Files come from memory by their exact names, so there is no way out of the site. A page comes
with a script that listens to `/.serve/events` and renews it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from html import escape
from http.client import HTTP_PORT
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import MimeTypes
from multiprocessing.connection import wait
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
GLANCE = 0.2
"""Seconds after which it is seen that a listener has gone: each page that was left is one."""

_FOLDER = Path(__file__).parent
_SCRIPTS = {f"{OWN}{name}": _FOLDER / name for name in ("reload.js", "reload.css")}
_BARE = b"<!DOCTYPE html><html lang=en><head><title>No page</title></head><body></body></html>"
_BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
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
    most = 100
    """So many connections are answered at a time, each by a thread of its own."""
    patience = 30.0
    """Seconds that a client has for a request, and for taking an answer."""

    def __init__(self, screen: Screen, port: int) -> None:
        """Raises SiteError if the port can't be had."""
        self.screen = screen
        self._free = threading.BoundedSemaphore(self.most)
        self._asking: dict[socket.socket, float] = {}
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

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        with contextlib.suppress(OSError):
            request.sendall(_BUSY)
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._asking.pop(request, None)
            self._free.release()

    def asks(self, connection: socket.socket) -> None:
        """Begin to wait for the next request of a client."""
        self._asking[connection] = time.monotonic()

    def asked(self, connection: socket.socket) -> None:
        """A request is there."""
        self._asking.pop(connection, None)

    def service_actions(self) -> None:
        """End connections that send too little, however little they send at a time."""
        late = time.monotonic() - self.patience
        for connection, since in list(self._asking.items()):
            if since < late:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "lessonsite"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.patience)

    def handle_one_request(self) -> None:
        self.server.asks(self.connection)
        super().handle_one_request()

    def do_GET(self) -> None:
        self.server.asked(self.connection)
        # What is not read here would be read as the next request.
        lengths = self.headers.get_all("Content-Length", [])
        if "Transfer-Encoding" in self.headers or any(length != "0" for length in lengths):
            self.close_connection = True
            self._send(400, b"No request that is answered here has a body.\n", "text/plain")
            return
        # A page elsewhere whose name leads to this machine must not read what is served here.
        hosts = [host.lower() for host in self.headers.get_all("Host", [])]
        if len(hosts) != 1 or hosts[0] not in self.server.hosts:
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
        if self.close_connection:
            self.send_header("Connection", "close")
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
        last = time.monotonic()
        while not screen.closed and not self._has_gone():
            view = screen.after(number, GLANCE)
            if view is not None:
                number = view.number
                yield b"data: " + json.dumps(view.state).encode() + b"\n\n"
            elif time.monotonic() - last > PULSE:
                yield b": still here\n\n"
            else:
                continue
            last = time.monotonic()

    def _has_gone(self) -> bool:
        try:
            there = wait([self.connection], 0)
            return bool(there) and not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

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
