"""Whatever is killed, worker or database, every timer has its effect exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import text

from app.core.extensions import db
from app.timers.firing import FIRED, Due, fire_due
from app.wiring import create_app
from app.worker import Job, Worker
from config import read_settings
from scripts.cluster import APPLICATION, OWNER, Cluster
from tests.integration.timer_driver import A_ROUND, schedule

ROOT = Path(__file__).resolve().parents[2]
EFFECTS = (
    "create table timer_effect (subject uuid, kind text, backend int);"
    "grant select, insert on timer_effect to ironfeet_app"
)
KILLS = 200
SEED = 20261124


def test_two_hundred_kills_at_random_points_double_nothing_and_lose_nothing(
    server, fresh_database: Callable[[], str]
) -> None:
    database = fresh_database()
    server.cluster.sql(EFFECTS, database)
    environ = os.environ | {
        "IRONFEET_MODE": "testing",
        "DATABASE_URL": server.cluster.url(APPLICATION, database),
        "OWNER_DATABASE_URL": server.cluster.url(OWNER, database),
    }
    command = [sys.executable, "-m", "tests.integration.timer_driver", str(KILLS), str(SEED)]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]

    def ask(statement: str) -> str:
        return server.cluster.sql(statement, database)

    count = KILLS * A_ROUND
    assert ask("select state, count(*) from timer group by 1") == f"fired|{2 * count}"
    assert (
        ask("select count(*), count(distinct (subject, kind)) from timer_effect")
        == f"{2 * count}|{2 * count}"
    )
    # ... and the kills met workers at work: many left effects, however few on a machine with other work.
    assert int(ask("select count(distinct backend) from timer_effect")) > KILLS / 10


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A server that a test may end as it likes; it keeps what it has committed."""
    cluster = Cluster(tmp_path / "postgres")
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def own_app(own_cluster: Cluster) -> Iterator[Flask]:
    own_cluster.ensure_database()
    addresses = {"DATABASE_URL": own_cluster.url(APPLICATION), "OWNER_DATABASE_URL": own_cluster.url(OWNER)}
    app = create_app(read_settings({"IRONFEET_MODE": "testing", **addresses}))
    with app.app_context():
        flask_migrate.upgrade(directory=str(ROOT / "migrations"))
        own_cluster.sql(EFFECTS, "ironfeet")
        db.engine.dispose()
        yield app
        db.session.remove()
        db.engine.dispose()


class Gate:
    """A handler that stops in the middle of a batch at some effects, until it is told to go on."""

    def __init__(self, stops: set[int]) -> None:
        self.stops = stops
        self.called = 0
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self, due: Due, _now: datetime) -> str:
        self.called += 1
        if self.called in self.stops:
            self.reached.set()
            assert self.open.wait(60)
            self.open.clear()
        db.session.execute(
            text("insert into timer_effect values (:subject, :kind, 0)"),
            {"subject": due.subject_id, "kind": due.kind},
        )
        return FIRED


def restart(cluster: Cluster) -> None:
    cluster.stop()
    cluster.start()


def kill(cluster: Cluster) -> None:
    assert cluster.process is not None
    os.kill(cluster.process.pid, signal.SIGKILL)
    cluster.revive()


def test_a_database_restarted_and_killed_while_500_timers_are_due_loses_and_doubles_nothing(
    own_app: Flask, own_cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    now = datetime.fromisoformat("2026-11-20T09:00:00+00:00")
    for _ in range(500):
        schedule("ring", db.session.scalar(text("select gen_random_uuid()")), now)
    db.session.commit()
    gate = Gate({107, 313})  # in the middle of a batch of twenty
    worker = Worker(own_app, ())
    job = Job("timers.fire", 1, lambda _now: fire_due(now, {"ring": gate}, 20))
    done = threading.Event()

    def ticks() -> None:
        while not done.wait(0.05):
            worker.tick(job)

    ticking = threading.Thread(target=ticks)
    ticking.start()
    try:
        for away in (restart, kill):
            assert gate.reached.wait(60)
            gate.reached.clear()
            away(own_cluster)
            gate.open.set()
        asked = "select count(*) from timer where state = 'pending'"
        for _ in range(600):
            if own_cluster.sql(asked, "ironfeet") == "0":
                break
            done.wait(0.05)
    finally:
        done.set()
        gate.open.set()
        ticking.join(60)
    fired = own_cluster.sql("select state, count(*), max(attempts) from timer group by 1", "ironfeet")
    assert fired == "fired|500|0"
    effects = own_cluster.sql("select count(*), count(distinct subject) from timer_effect", "ironfeet")
    assert effects == "500|500"
    assert gate.called > 500  # two batches were begun twice
    assert "the database is back" in caplog.text
