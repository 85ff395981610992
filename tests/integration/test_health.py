"""``/healthz`` says within two seconds what is not well, and never fails itself."""

from __future__ import annotations

import socket
import time

import pytest
from sqlalchemy import text

from app.core import health
from app.wiring import create_app
from config import read_settings

HEAD = frozenset({"0005"})


def test_all_well_while_a_worker_ticks(client, owner_db):
    owner_db.execute(text("insert into worker_heartbeat values ('here:1', clock_timestamp())"))
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert {name: check["ok"] for name, check in answer.json.items()} == {
        "database": True,
        "migrations": True,
        "worker": True,
    }


@pytest.mark.parametrize(
    ("age", "detail"), [(None, "no worker has ever ticked"), ("2 minutes", "the last tick was 120 s ago")]
)
def test_a_silent_worker_is_a_503(client, owner_db, age, detail):
    if age:
        owner_db.execute(
            text(f"insert into worker_heartbeat values ('x', clock_timestamp() - interval '{age}')")
        )
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json["worker"] == {"ok": False, "detail": detail}
    assert answer.json["database"]["ok"]


def test_a_database_behind_the_code_is_named(database):
    checks = health.look(database, frozenset({"9999"}))
    assert checks["migrations"]["detail"] == "database at 0006, code at 9999: run flask db upgrade"


def test_an_unmigrated_database_is_named(server):
    server.cluster.sql("create database bare")
    try:
        checks = health.look(server.cluster.url(database="bare"), HEAD)
    finally:
        server.drop("bare")
    assert checks["database"]["ok"]
    assert not checks["migrations"]["ok"]


def test_a_database_that_is_away_is_a_503_and_not_a_500(tmp_path):
    settings = read_settings(
        {"IRONFEET_MODE": "testing", "DATABASE_URL": f"postgresql://ironfeet_app@/x?host={tmp_path}"}
    )
    answer = create_app(settings).test_client().get("/healthz")
    assert answer.status_code == 503
    assert answer.json["database"] == {"ok": False, "detail": "cannot be reached"}


def test_a_database_that_swallows_connections_is_answered_in_time():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"postgresql://x@127.0.0.1:{deaf.getsockname()[1]}/x"
        started_at = time.monotonic()
        checks = health.look(address, HEAD)
        took_s = time.monotonic() - started_at
    assert checks["database"] == {"ok": False, "detail": "does not answer in time"}
    assert took_s < 2
