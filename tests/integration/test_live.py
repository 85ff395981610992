"""The live stream shows every row that one may see, in order, once, whatever happens to the line."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import create_access_token, decode_token
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import Connection, Engine, create_engine, text

from app.core.extensions import db
from app.ledger import service as ledger
from app.live.access import load_views
from tests import factories
from tests.factories import Street

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 10.0


@dataclass
class Stream:
    """A client of the hub, by hand, so that nothing reconnects behind the test's back."""

    port: int
    status: int = 0
    head: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    closed: bool = False
    _line: socket.socket | None = None
    _buffer: bytes = b""

    def open(self, headers: dict[str, str], method: str = "GET", path: str = "/api/v1/live") -> Stream:
        """Send the request and read the head."""
        self._line = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S)
        lines = [f"{method} {path} HTTP/1.1", "Host: test", *(f"{k}: {v}" for k, v in headers.items())]
        self._line.sendall("\r\n".join([*lines, "", ""]).encode())
        while b"\r\n\r\n" not in self._buffer:
            part = self._line.recv(65536)
            assert part, "the hub closed without an answer"
            self._buffer += part
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        self.head = head.decode()
        self.status = int(self.head.split()[1])
        if self.status == 200:
            self._parse()  # what came in one piece with the head
        return self

    def read(self, how_many: int, within_s: float = WAIT_S) -> list[dict[str, Any]]:
        """Wait until *how_many* events have come in all (or the stream has ended)."""
        deadline = time.monotonic() + within_s
        while len(self.events) < how_many and not self.closed:
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"{len(self.events)} of {how_many} events after {within_s} s: {self.events}"
            self._pull(left_s)
        return self.events

    def greeted(self) -> Stream:
        """Wait for the first block, which says where the stream stands."""
        deadline = time.monotonic() + WAIT_S
        while not self.ids:
            assert time.monotonic() < deadline
            self._pull(WAIT_S)
        return self

    def wait_closed(self, within_s: float) -> None:
        """Wait for the hub to end the stream."""
        deadline = time.monotonic() + within_s
        while not self.closed:
            assert time.monotonic() < deadline, "the stream is still open"
            self._pull(deadline - time.monotonic())

    def cut(self) -> None:
        """Lose the line."""
        assert self._line is not None
        self._line.close()

    def _pull(self, within_s: float) -> None:
        assert self._line is not None
        self._line.settimeout(max(0.05, within_s))
        try:
            part = self._line.recv(65536)
        except TimeoutError:
            return
        self._buffer += part
        self._parse()
        if not part:
            self.closed = True

    def _parse(self) -> None:
        while b"\r\n" in self._buffer:
            size, rest = self._buffer.split(b"\r\n", 1)
            length = int(size, 16)
            if len(rest) < length + 2:
                break
            self._buffer = rest[length + 2 :]
            if length == 0:
                self.closed = True
                return
            for block in rest[:length].decode().strip("\n").split("\n\n"):
                self._block(block)

    def _block(self, block: str) -> None:
        found = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if "id" in found:
            self.ids.append(found["id"])
        if "event" in found:
            self.events.append({"event": found["event"], "id": found["id"], **json.loads(found["data"])})


@dataclass
class Hub:
    """A running hub."""

    app: Flask
    port: int
    process: subprocess.Popen[bytes]
    streams: list[Stream] = field(default_factory=list)

    def stream(self, headers: dict[str, str], last_id: str | None = None, **request: str) -> Stream:
        """Open a stream."""
        more = {"Last-Event-ID": last_id} if last_id else {}
        self.streams.append(Stream(self.port))
        return self.streams[-1].open(headers | more, **request)


@pytest.fixture
def hub(app: Flask, fresh_hub_environment: dict[str, str]) -> Iterator[Hub]:
    """The real server program on a free port of the loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("granian")), "--interface", "asgi", "--workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--no-ws", "--log-level", "warning"]
    process = subprocess.Popen([*command, "app.live.hub:app"], cwd=ROOT, env=fresh_hub_environment)
    try:
        _wait_until_ready(port, process)
        running = Hub(app, port, process)
        yield running
        for stream in running.streams:
            stream.cut()
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def fresh_hub_environment(app: Flask) -> dict[str, str]:
    """Environment of the hub: the test's database and secret."""
    settings = app.config["SETTINGS"]
    return os.environ | {
        "IRONFEET_MODE": settings.mode,
        "SECRET_KEY": settings.secret_key,
        "DATABASE_URL": settings.database_url,
    }


def _wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while True:
        assert process.poll() is None, "the hub ended"
        assert time.monotonic() < deadline, "the hub does not answer"
        try:
            probe = Stream(port).open({})
            probe.cut()
            if probe.status == 401:
                return
        except OSError:
            time.sleep(0.05)


@pytest.fixture
def street(database: str) -> Street:
    """The synthetic street."""
    return factories.make_street()


def record(app: Flask, street: Street, name: str, *, action: str = "round.started", place: str = "") -> None:
    """One committed ledger row."""
    with app.app_context():
        ledger.record(
            action,
            actor_id=None,
            street_code=street.code,
            place_code=place or street.units[0],
            subject_kind="round",
            subject_id=name,
            data={"名": "行\n二"},
        )
        db.session.commit()


def names(events: list[dict[str, Any]]) -> list[str]:
    """Which rows came, in which order."""
    return [event.get("subject_id", event["event"]) for event in events]


@pytest.fixture
def supervisor(client: FlaskClient, street: Street) -> dict[str, str]:
    """Headers of the supervisor of P1."""
    return factories.sign_in(client, factories.make_user("supervisor", street.areas[0]).username)


def test_rows_come_in_order_and_only_those_one_may_see(
    hub: Hub, client: FlaskClient, street: Street, supervisor: dict[str, str]
) -> None:
    dispatcher = factories.sign_in(client, factories.make_user("dispatcher", street.code).username)
    mine, theirs = hub.stream(supervisor).greeted(), hub.stream(dispatcher).greeted()
    assert "text/event-stream" in mine.head
    record(hub.app, street, "1")
    record(hub.app, street, "other-area", place=street.units[1])
    record(hub.app, street, "looked", action="track.viewed")
    record(hub.app, street, "signed-in", action="user.signed_in")
    record(hub.app, street, "review", action="review.decided")
    record(hub.app, street, "tracked", action="track.recorded")
    for number in range(2, 12):
        record(hub.app, street, str(number), action="check_in.recorded")
    numbers = [str(number) for number in range(2, 12)]
    assert names(mine.read(13)) == ["1", "review", "tracked", *numbers]
    assert names(theirs.read(12)) == ["1", "other-area", *numbers]
    assert mine.events[0]["data"] == {"名": "行\n二"}
    assert mine.events[0]["place_code"] == street.units[0]


def test_a_cut_line_resumes_without_loss_or_repetition(
    hub: Hub, street: Street, supervisor: dict[str, str]
) -> None:
    stream = hub.stream(supervisor).greeted()
    before_any = stream.ids[0]
    for number in range(3):
        record(hub.app, street, str(number))
    last_id = stream.read(3)[-1]["id"]
    stream.cut()
    for number in range(3, 6):
        record(hub.app, street, str(number))
    resumed = hub.stream(supervisor, last_id)
    record(hub.app, street, "6")
    assert names(resumed.read(4)) == ["3", "4", "5", "6"]
    assert names(hub.stream(supervisor, before_any).read(7)) == [str(n) for n in range(7)]


@pytest.mark.parametrize("last_id", ["99999999999-1", "x", "1", "-", "1-²", "9" * 30 + "-1"])
def test_a_position_out_of_reach_means_load_anew(
    hub: Hub, street: Street, supervisor: dict[str, str], last_id: str
) -> None:
    stream = hub.stream(supervisor, last_id)
    assert names(stream.read(1)) == ["reset"]
    record(hub.app, street, "after")
    assert names(stream.read(2)) == ["reset", "after"]


def test_a_row_that_commits_late_is_not_lost(hub: Hub, street: Street, supervisor: dict[str, str]) -> None:
    stream = hub.stream(supervisor).greeted()
    engine: Engine = create_engine(hub.app.config["SETTINGS"].database_url)
    with engine.connect() as slow:
        slow.execute(
            text(
                "insert into ledger_row (street_code, actor_kind, action, subject_kind, subject_id,"
                " place_code, data) values (:street, 'user', 'round.started', 'round', 'slow', :place, '{}')"
            ),
            {"street": street.code, "place": street.units[0]},
        )
        record(hub.app, street, "fast")
        time.sleep(1.2)
        slow.commit()
    engine.dispose()
    assert names(stream.read(2)) == ["slow", "fast"]


def test_a_stream_ends_with_its_token(hub: Hub, supervisor: dict[str, str]) -> None:
    with hub.app.app_context():
        claims = decode_token(supervisor["Authorization"].removeprefix("Bearer "))
        token = create_access_token(
            claims["sub"], expires_delta=timedelta(seconds=2), additional_claims={"sid": claims["sid"]}
        )
    stream = hub.stream({"Authorization": f"Bearer {token}"}).greeted()
    stream.wait_closed(5)
    late = hub.stream({"Authorization": f"Bearer {token}"})
    assert late.status == 401


@pytest.mark.parametrize(
    ("request_", "status"),
    [({"method": "POST"}, 405), ({"method": "HEAD"}, 405), ({"path": "/api/v1/other"}, 404), ({}, 401)],
)
def test_errors_are_problem_documents(hub: Hub, request_: dict[str, str], status: int) -> None:
    stream = hub.stream({}, **request_)
    assert stream.status == status
    assert "application/problem+json" in stream.head


def test_who_may_not_follow_is_refused(hub: Hub, client: FlaskClient, street: Street) -> None:
    patroller = factories.sign_in(client, factories.make_user("patroller", street.units[0]).username)
    assert hub.stream(patroller).status == 403
    for broken in ("Bearer x.y.z", "Basic eDp5", "Bearer"):
        assert hub.stream({"Authorization": broken}).status == 401
    supervisor = factories.sign_in(client, factories.make_user("supervisor", street.areas[0]).username)
    assert client.delete("/api/v1/sessions/current", headers=supervisor).status_code < 300
    assert hub.stream(supervisor).status == 401


def test_hundreds_of_idle_streams_all_hear_the_next_row(
    hub: Hub, street: Street, supervisor: dict[str, str]
) -> None:
    streams = [hub.stream(supervisor) for _ in range(300)]
    assert {stream.status for stream in streams} == {200}
    for stream in streams:
        stream.greeted()
    record(hub.app, street, "news")
    started_at = time.monotonic()
    for stream in streams:
        assert names(stream.read(1)) == ["news"]
    assert time.monotonic() - started_at < 5
    memory_kb = sum(int(_status(pid, "VmRSS")) for pid in _family(hub.process.pid))
    assert memory_kb < 400_000


def test_it_ends_in_order_with_streams_open(hub: Hub, supervisor: dict[str, str]) -> None:
    stream = hub.stream(supervisor).greeted()
    started_at = time.monotonic()
    hub.process.terminate()
    assert hub.process.wait(10) == 0
    assert time.monotonic() - started_at < 8
    stream.wait_closed(2)


def _family(pid: int) -> list[int]:
    """The process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def _status(pid: int, name: str) -> str:
    line = next(
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name)
    )
    return line.split()[1]


def test_demo_accounts_see_no_stream_in_production(
    app: Flask, client: FlaskClient, street: Street, owner_db: Connection
) -> None:
    factories.sign_in(client, factories.make_user("leader", street.code, "demo", demo=True).username)
    factories.sign_in(client, factories.make_user("leader", street.code, "real").username)
    found = owner_db.execute(
        text("select s.id, u.username from sign_in_session s join app_user u on u.id = s.user_id")
    )
    names = {row.id: row.username for row in found}

    async def seen_by(demo: bool) -> set[str]:
        address = app.config["SETTINGS"].database_url.replace("+psycopg", "")
        async with AsyncConnectionPool(address, min_size=1, max_size=1, open=False) as pool:
            return {names[session] for session in await load_views(pool, list(names), demo=demo)}

    with ThreadPoolExecutor(1) as apart:  # from the loop that drives a browser in tests of pages
        assert apart.submit(asyncio.run, seen_by(demo=True)).result() == {"demo", "real"}
        assert apart.submit(asyncio.run, seen_by(demo=False)).result() == {"real"}
