"""An outside server on this machine that behaves as badly as a test wants it to."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived, and when (monotonic seconds)."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


Behaviour = Callable[["Peer", Received, socket.socket], None]


def answer(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    """Answers like a decent server."""
    lines = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    raw = "\r\n".join([*lines, "", ""]).encode() + body

    def behave(_peer: Peer, _request: Received, connection: socket.socket) -> None:
        connection.sendall(raw)

    return behave


def hang(peer: Peer, _request: Received, connection: socket.socket) -> None:
    """Never answers; notes when the caller went away."""
    peer.wait_for_end(connection)


def trickle_head(peer: Peer, _request: Received, connection: socket.socket) -> None:
    """A byte of the status line every 50 ms, for ever."""
    _trickle(peer, connection, b"HTTP/1.1 201 " + b"x" * 10_000)


def trickle_body(peer: Peer, _request: Received, connection: socket.socket) -> None:
    """A good head, and then a body by the byte."""
    connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 10000\r\n\r\n")
    _trickle(peer, connection, b"x" * 10_000)


def _trickle(peer: Peer, connection: socket.socket, raw: bytes) -> None:
    for byte in raw:
        if peer.ending.wait(0.05):
            return
        try:
            connection.sendall(bytes([byte]))
        except OSError:
            return


def close_in_the_middle(_peer: Peer, _request: Received, connection: socket.socket) -> None:
    """Half an answer, and the line is cut."""
    connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nhalf")


def close_at_once(_peer: Peer, _request: Received, _connection: socket.socket) -> None:
    """No answer at all."""


def babble(_peer: Peer, _request: Received, connection: socket.socket) -> None:
    """Something that is not HTTP."""
    connection.sendall(b"220 mail.example.com ESMTP\r\n")


@dataclass
class Peer:
    """The server: what it got, what it does, how many callers it has had at once."""

    behaviour: Behaviour = field(default_factory=lambda: answer(201))
    received: list[Received] = field(default_factory=list)
    ended_at: list[float] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)
    most_at_once: int = 0
    port: int = 0
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def origin(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def wait_for_end(self, connection: socket.socket) -> None:
        """Until the caller hangs up or the test is over."""
        connection.settimeout(0.05)
        while not self.ending.is_set():
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def handle(self, connection: socket.socket) -> None:
        """One caller."""
        request = _read(connection)
        if request is None:
            return
        with self._lock:
            self.received.append(request)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            self.behaviour(self, request, connection)
        finally:
            with self._lock:
                self._now -= 1
                self.ended_at.append(time.monotonic())


def _read(connection: socket.socket) -> Received | None:
    raw = b""
    while b"\r\n\r\n" not in raw:
        more = connection.recv(65536)
        if not more:
            return None
        raw += more
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    method, path, _ = first.split(" ", 2)
    return Received(method, path, headers, body, time.monotonic())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128


@contextmanager
def running(behaviour: Behaviour | None = None) -> Iterator[Peer]:
    """A peer that listens for as long as the block lasts."""
    peer = Peer()
    if behaviour is not None:
        peer.behaviour = behaviour

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            peer.handle(self.request)

    with _Server(("127.0.0.1", 0), Handler) as server:
        peer.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield peer
        finally:
            peer.ending.set()
            server.shutdown()
            thread.join()


def wecom_answer(code: Any = 0) -> Behaviour:
    """What a group robot answers."""
    body = f'{{"errcode": {code}, "errmsg": "said"}}'.encode()
    return answer(200, body, Content_Type="application/json")
