"""Timers that come due a thousand a second, two workers, one of them killed midway.

Beside it the same load on APScheduler's own SQLAlchemyJobStore: the same moments, the same effect (one
ledger row), one process, because two must not share a store. Both have a database of their own on one
PostgreSQL with ``fsync`` on. Late is the time from the moment a timer was due to the commit of its effect,
as PostgreSQL noted it.

``work`` and ``schedule`` are what runs in the processes that are measured.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import flask_migrate
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.job import Job as StoredJob
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from flask import Flask
from sqlalchemy import Connection, create_engine, text

from app.core.extensions import db
from app.core.ids import uuid7
from app.ledger import service as ledger
from app.timers.firing import FIRED, Due, fire_due
from app.wiring import create_app
from app.worker import THREADS, Job, Worker
from bench.stack import BenchError
from config import read_settings
from scripts.cluster import APPLICATION, OWNER, Cluster
from scripts.processes import dying_with_parent
from scripts.provision import ROOT

STREET = "310107990"
TICK_S = 0.5  # as the worker's own job
READY_WITHIN_S = 30.0
PATIENCE = 3  # the store may take so many times as long as the load lasts, and a little
_SPARE_S = 20.0


@dataclass(frozen=True, slots=True)
class Lateness:
    """What one run showed, in milliseconds; ``effects`` counts rows, ``distinct`` the timers they are of."""

    p50_ms: float
    p99_ms: float
    max_ms: float
    effects: int
    distinct: int


def record(n: int) -> None:
    """The effect of timer *n*, on both sides."""
    ledger.record(
        "bench.fired",
        actor_id=None,
        actor_kind="worker",
        street_code=STREET,
        place_code=STREET,
        subject_kind="bench",
        subject_id=str(n),
    )


@contextmanager
def timer_databases() -> Iterator[Cluster]:
    """A server with the migrated databases ``ours`` and ``store``, which notes when it commits."""
    with tempfile.TemporaryDirectory(prefix="ironfeet-bench-") as folder:
        cluster = Cluster(Path(folder))
        cluster.start()
        try:
            cluster.sql("alter system set track_commit_timestamp = on")
            cluster.stop()
            cluster.start()
            for database in ("ours", "store"):
                cluster.ensure_database(database)
                app = create_app(read_settings(_environ(cluster, database)))
                with app.app_context():
                    flask_migrate.upgrade(directory=str(ROOT / "migrations"))
                    db.engine.dispose()
            yield cluster
        finally:
            cluster.stop()


def _environ(cluster: Cluster, database: str) -> dict[str, str]:
    return {
        "IRONFEET_MODE": "testing",
        "DATABASE_URL": cluster.url(APPLICATION, database),
        "OWNER_DATABASE_URL": cluster.url(OWNER, database),
    }


def our_timers(cluster: Cluster, count: int, rate: int) -> Lateness:
    """One run of our timers; one of two workers is killed midway and stays away.

    Raises:
        BenchError: where any of them did not have its effect exactly once.
    """
    with _connected(cluster, "ours") as connection, _processes(cluster, "ours", "work", 2) as workers:
        starts_at = datetime.now(UTC) + timedelta(seconds=5)
        connection.execute(
            text(
                "insert into timer (street_code, id, kind, subject_kind, subject_id, place_code, due_at,"
                " try_at, data, state, attempts, created_at) select :street, gen_random_uuid(), 'bench',"
                " 'bench', gen_random_uuid(), :street, due, due, jsonb_build_object('n', n), 'pending', 0, now()"
                " from generate_series(0, :count - 1) as n,"
                " lateral (select cast(:start as timestamptz) + n * interval '1 second' / :rate as due) as at"
            ),
            {"street": STREET, "count": count, "rate": rate, "start": starts_at},
        )
        connection.execute(text("analyze timer"))
        seconds = count / rate
        _sleep_until(starts_at + timedelta(seconds=seconds / 2))
        workers[0].kill()
        _sleep_until(starts_at + timedelta(seconds=seconds))
        _wait(connection, "select count(*) from timer where state = 'pending'", seconds * PATIENCE)
        found = _lateness(connection, starts_at, rate)
    if (found.effects, found.distinct) != (count, count):
        raise BenchError(f"{found.distinct} of {count} timers had an effect, {found.effects} effects in all")
    return found


def stored_jobs(cluster: Cluster, count: int, rate: int) -> Lateness:
    """One run of the same load on the scheduler's own store; what it has not done in time is missing."""
    with _connected(cluster, "store") as connection:
        ahead_s = 10 + count / 20_000  # to write the jobs down
        starts_at = datetime.now(UTC) + timedelta(seconds=ahead_s)
        _store_jobs(connection, starts_at, count, rate)
        connection.execute(text("grant select, insert, update, delete on apscheduler_jobs to ironfeet_app"))
        connection.execute(text("analyze apscheduler_jobs"))
        if datetime.now(UTC) > starts_at:
            raise BenchError("the jobs of the baseline could not be written down in time")
        with _processes(cluster, "store", "schedule", 1):
            seconds = count / rate
            _sleep_until(starts_at + timedelta(seconds=seconds))
            _wait(connection, "select count(*) from apscheduler_jobs", seconds * PATIENCE)
        return _lateness(connection, starts_at, rate)


def _store_jobs(connection: Connection, starts_at: datetime, count: int, rate: int) -> None:
    """Write jobs as the store does, but many in one statement: adding them is not what is measured."""
    store = SQLAlchemyJobStore(engine=connection.engine)
    scheduler = BackgroundScheduler(timezone=UTC)
    store.start(scheduler, "default")
    rows = []
    for n in range(count):
        due = starts_at + timedelta(seconds=n / rate)
        job = StoredJob(
            scheduler,
            id=str(uuid7()),
            func=fire_stored,
            trigger=DateTrigger(due, UTC),
            args=(n,),
            kwargs={},
            name="bench",
            executor="default",
            misfire_grace_time=None,
            coalesce=True,
            max_instances=1,
            next_run_time=due,
        )
        state = pickle.dumps(job.__getstate__(), store.pickle_protocol)
        rows.append({"id": job.id, "next_run_time": due.timestamp(), "job_state": state})
    connection.execute(store.jobs_t.insert(), rows)


@contextmanager
def _connected(cluster: Cluster, database: str) -> Iterator[Connection]:
    engine = create_engine(cluster.url(OWNER, database), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@contextmanager
def _processes(
    cluster: Cluster, database: str, what: str, number: int
) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes of this module, each ready when handed out; ended at the end."""
    # Not by -m: jobs are stored under this module's real name, which must be the one that runs.
    program = f"from bench.timers import {what}; {what}()"
    command = dying_with_parent([sys.executable, "-c", program], "KILL")
    environ = dict(os.environ) | _environ(cluster, database)
    started = [
        subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True)
        for _ in range(number)
    ]
    try:
        for process in started:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise BenchError(f"the process to {what} did not start")
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def _sleep_until(at: datetime) -> None:
    time.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))


def _wait(connection: Connection, left: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds + _SPARE_S
    while connection.scalar(text(left)) and time.monotonic() < deadline:
        time.sleep(0.5)


def _lateness(connection: Connection, starts_at: datetime, rate: int) -> Lateness:
    row = connection.execute(
        text(
            "with late as (select subject_id, 1000 * extract(epoch from pg_xact_commit_timestamp(xmin)"
            " - (cast(:start as timestamptz) + cast(subject_id as int) * interval '1 second' / :rate)) as ms"
            " from ledger_row where action = 'bench.fired')"
            " select percentile_cont(0.5) within group (order by ms),"
            " percentile_cont(0.99) within group (order by ms), max(ms), count(*), count(distinct subject_id)"
            " from late"
        ),
        {"start": starts_at, "rate": rate},
    ).one()
    if not row[3]:
        raise BenchError("no timer had an effect")
    return Lateness(float(row[0]), float(row[1]), float(row[2]), row[3], row[4])


# What runs in the processes that are measured


def _fire(due: Due, _now: datetime) -> str:
    record(due.data["n"])
    return FIRED


def work() -> None:
    """A worker with the one job that fires timers, as often as the real one."""
    worker = Worker(create_app(), (Job("timers.fire", TICK_S, lambda now: fire_due(now, {"bench": _fire})),))
    print("ready", flush=True)
    worker.run()


@cache
def _scheduled_app() -> Flask:
    return create_app()


def fire_stored(n: int) -> None:
    """The job of the baseline: the same effect, in a transaction of its own."""
    with _scheduled_app().app_context():
        record(n)
        db.session.commit()
        db.session.remove()


def schedule() -> None:
    """APScheduler with its own store, with as many threads as our worker has."""
    _scheduled_app()
    scheduler = BackgroundScheduler(
        timezone=UTC,
        jobstores={"default": SQLAlchemyJobStore(url=os.environ["DATABASE_URL"])},
        executors={"default": ThreadPoolExecutor(THREADS)},
    )
    scheduler.start()
    print("ready", flush=True)
    while True:
        time.sleep(3600)
