"""The server alone: what a client may send it, how much of it, and how slowly."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from small_course import wait_until

from sitegen.serve.server import Server
from sitegen.serve.view import Screen

LARGE = bytes(30_000_000)


@pytest.fixture
def start(monkeypatch) -> Iterator[Callable[..., Server]]:
    running: list[Server] = []

    def server(most: int = 100, patience: float = 30.0) -> Server:
        monkeypatch.setattr(Server, "most", most)
        monkeypatch.setattr(Server, "patience", patience)
        screen = Screen()
        screen.show({"index.html": b"the page", "one.html": b"another", "large.bin": LARGE})
        running.append(Server(screen, 0).__enter__())
        return running[-1]

    yield server
    for one in running:
        one.__exit__()


def connect(server: Server) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    connection.settimeout(20)
    return connection


def request(server: Server, path: str = "/", *headers: str, method: str = "GET") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", *headers, "", ""]
    return "\r\n".join(lines).encode()


def rest(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    found = b""
    try:
        while part := connection.recv(65536):
            found += part
    except ConnectionResetError:  # it had more to read than it wanted
        pass
    return found


def served(server: Server) -> int:
    """How many threads answer."""
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


BODIES = {
    "of a length": ["Content-Length: {}"],
    "of a length with a sign": ["Content-Length: +{}"],
    "of two lengths": ["Content-Length: 0", "Content-Length: {}"],
    "in chunks": ["Transfer-Encoding: chunked"],
    "in chunks and of no length": ["Content-Length: 0", "Transfer-Encoding: chunked"],
    "in an encoding that nobody knows": ["Transfer-Encoding: x"],
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", BODIES.values(), ids=BODIES)
def test_a_body_is_not_read_as_the_next_request(start, headers: list[str], method: str) -> None:
    server = start()
    hidden = request(server, "/one.html")
    with connect(server) as connection:
        given = [header.format(len(hidden)) for header in headers]
        connection.sendall(request(server, "/", *given, method=method) + hidden)
        answer = rest(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"another" not in answer
    assert b"Connection: close" in answer


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "DELETE", "TRACE", "BREW"])
def test_other_methods_are_refused_and_their_body_is_not_read(start, method: str) -> None:
    server = start()
    hidden = request(server, "/one.html")
    with connect(server) as connection:
        sent = request(server, "/", f"Content-Length: {len(hidden)}", method=method)
        connection.sendall(sent + hidden)
        answer = rest(connection)
    assert answer.startswith(b"HTTP/1.1 501 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_requests_one_after_the_other_are_answered_on_one_connection(start) -> None:
    server = start()
    with connect(server) as connection:
        last = request(server, "/one.html", "Connection: close")
        connection.sendall(request(server, "/", "Content-Length: 0") + last)
        answer = rest(connection)
    assert answer.count(b"HTTP/1.1 200 ") == 2
    assert b"the page" in answer
    assert b"another" in answer


def test_two_hosts_are_none(start) -> None:
    server = start()
    with connect(server) as connection:
        connection.sendall(request(server, "/", "Host: evil.test", "Connection: close"))
        assert rest(connection).startswith(b"HTTP/1.1 403 ")


def test_no_more_connections_are_answered_at_a_time_than_there_are_threads_for(start) -> None:
    server = start(most=4)
    held = [connect(server) for _ in range(4)]
    wait_until(lambda: served(server) == 4)
    for _ in range(20):
        with connect(server) as connection:
            assert rest(connection).startswith(b"HTTP/1.1 503 ")
        assert served(server) <= 4
    for connection in held:
        connection.close()

    def answered() -> bool:
        with connect(server) as connection:
            connection.sendall(request(server, "/", "Connection: close"))
            return rest(connection).startswith(b"HTTP/1.1 200 ")

    wait_until(answered)


def silent(server: Server, connection: socket.socket) -> None:
    """Says nothing at all."""


def slow(server: Server, connection: socket.socket) -> None:
    """Says a letter now and then."""

    def drip() -> None:
        try:
            for letter in "GET / HTTP/1.1\r\n" + "X: y\r\n" * 1000:
                connection.sendall(letter.encode())
                if threading.Event().wait(0.05):
                    return
        except OSError:
            pass

    threading.Thread(target=drip, daemon=True).start()


def deaf(server: Server, connection: socket.socket) -> None:
    """Asks for much and takes nothing."""
    connection.sendall(request(server, "/large.bin"))


def idle(server: Server, connection: socket.socket) -> None:
    """Has had an answer and asks nothing more."""
    connection.sendall(request(server, "/"))
    assert connection.recv(9) == b"HTTP/1.1 "


@pytest.mark.parametrize("client", [silent, slow, deaf, idle])
def test_a_slow_client_keeps_no_thread_for_long(start, client) -> None:
    server = start(most=4, patience=0.3)
    connections = [connect(server) for _ in range(4)]
    for connection in connections:
        client(server, connection)
    wait_until(lambda: served(server) == 0)
    for connection in connections:
        connection.close()


def test_pages_that_were_left_keep_no_thread(start) -> None:
    server = start(most=4)
    for _ in range(20):
        wait_until(lambda: served(server) < 4)
        with connect(server) as connection:
            connection.sendall(request(server, "/.serve/events"))
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
    wait_until(lambda: served(server) == 0)


def test_who_waits_for_news_may_wait(start) -> None:
    server = start(patience=0.3)
    with connect(server) as connection:
        connection.sendall(request(server, "/.serve/events"))
        stream = connection.makefile("rb")
        while not stream.readline().startswith(b"data: "):
            pass
        threading.Event().wait(1.0)
        server.screen.show({"index.html": b"news"})
        assert stream.readline() == b"\n"
        assert stream.readline().startswith(b"data: ")
