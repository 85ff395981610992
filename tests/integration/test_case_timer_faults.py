"""Whatever is killed, worker or database: cases climb step by step, each step once, and none lies still."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import flask_migrate
import pytest
from sqlalchemy import create_engine

from app.cases.ringing import TIMER_HANDLERS
from app.core import clock
from app.core.extensions import db
from app.timers.firing import Due, Handler, fire_due
from app.wiring import create_app
from app.worker import Job, Worker
from config import read_settings
from scripts.cluster import APPLICATION, OWNER, Cluster
from tests import factories
from tests.integration.case_sound import unsound
from tests.integration.case_street import CaseStreet

ROOT = Path(__file__).resolve().parents[2]
KILLS = 200
SEED = 20261124
CASES_WATCHED_AT_FIRST = 11  # of the driver's
CASES = 167  # of three timers each

# A clock that rang has left exactly one event; one that found the case changed is dropped, not fired.
_RINGS = """
    select count(*) filter (where of = 'timer'), count(*) filter (where of = 'event') from (
        select 'timer' as of, subject_id as case_id, kind from timer
        where state = 'fired' and kind in ('case.acknowledge', 'case.warn', 'case.due')
        union all
        select 'event', case_id, data ->> 'trigger' from case_event where step = 'escalate'
          and data ->> 'trigger' in ('not_acknowledged', 'warned', 'overdue')
    ) rings
"""
# What the ledger says that people were told, and what stands in their inboxes.
_TOLD = """
    select (select sum(jsonb_array_length(data -> 'user_ids')) from ledger_row
            where action = 'notification.told'),
           (select count(*) from notification),
           (select count(*) from case_event), (select count(*) from ledger_row where subject_kind = 'case'
            and action like 'case.%')
"""


def test_two_hundred_kills_while_cases_climb_double_no_step_and_leave_no_case_alone(
    server, fresh_database: Callable[[], str]
) -> None:
    database = fresh_database()
    environ = os.environ | {
        "IRONFEET_MODE": "testing",
        "DATABASE_URL": server.cluster.url(APPLICATION, database),
        "OWNER_DATABASE_URL": server.cluster.url(OWNER, database),
    }
    command = [sys.executable, "-m", "tests.integration.case_driver", str(KILLS), str(SEED)]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == ""
    rang = check_once(lambda statement: server.cluster.sql(statement, database))
    assert rang > KILLS / 4  # the kills met workers at work
    watched = server.cluster.sql("select count(*) from case_file where mode = 'watch'", database)
    assert int(watched) > CASES_WATCHED_AT_FIRST  # they did climb


def check_once(ask: Callable[[str], str]) -> int:
    """Every ring left one event, every event one ledger row, every message one row; returns the rings."""
    rang, events = ask(_RINGS).split("|")
    assert rang == events
    said, in_inboxes, timeline, told = ask(_TOLD).split("|")
    assert (said, timeline) == (in_inboxes, told)
    assert ask("select count(*) from timer where state = 'failed' or attempts > 0") == "0"
    return int(rang)


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A server that a test may end as it likes; it keeps what it has committed."""
    cluster = Cluster(tmp_path / "postgres")
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def own_street(own_cluster: Cluster) -> Iterator[CaseStreet]:
    own_cluster.ensure_database()
    addresses = {"DATABASE_URL": own_cluster.url(APPLICATION), "OWNER_DATABASE_URL": own_cluster.url(OWNER)}
    app = create_app(read_settings({"IRONFEET_MODE": "testing", **addresses}))
    with app.app_context():
        flask_migrate.upgrade(directory=str(ROOT / "migrations"))
    engine = create_engine(own_cluster.url(OWNER))
    factories.bind(engine)
    yield CaseStreet(app)
    factories.bind(None)
    engine.dispose()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


class Gate:
    """Stops in the middle of a batch at some rings, until it is told to go on."""

    def __init__(self, stops: set[int]) -> None:
        self.stops, self.called = stops, 0
        self.reached, self.open = threading.Event(), threading.Event()

    def before(self, handler: Handler) -> Handler:
        def ring(due: Due, now: datetime) -> str:
            self.called += 1
            if self.called in self.stops:
                self.reached.set()
                assert self.open.wait(60)
                self.open.clear()
            return handler(due, now)

        return ring


def restart(cluster: Cluster) -> None:
    cluster.stop()
    cluster.start()


def kill(cluster: Cluster) -> None:
    assert cluster.process is not None
    os.kill(cluster.process.pid, signal.SIGKILL)
    cluster.revive()


def test_a_database_restarted_and_killed_while_500_clocks_ring_loses_and_doubles_nothing(
    own_street: CaseStreet, own_cluster: Cluster
) -> None:
    for _ in range(CASES):
        own_street.patrol.file()
    now = clock.now() + timedelta(days=30)
    gate = Gate({90, 260})  # in the middle of a batch of twenty
    handlers = {kind: gate.before(handler) for kind, handler in TIMER_HANDLERS.items()}
    worker = Worker(own_street.app, ())
    job = Job("timers.fire", 1, lambda _now: fire_due(now, handlers, 20))
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
        asked = f"select count(*) from timer where state = 'pending' and due_at <= '{now.isoformat()}'"
        for _ in range(240):
            if own_cluster.sql(asked, "ironfeet") == "0":
                break
            done.wait(0.5)
    finally:
        done.set()
        gate.open.set()
        ticking.join(60)
    assert own_cluster.sql(asked, "ironfeet") == "0"
    assert unsound(own_street) == []
    rang = check_once(lambda statement: own_cluster.sql(statement, "ironfeet"))
    assert 2 * CASES < rang < gate.called  # two batches were begun twice
