"""The worker does each job by the clock, survives failing jobs and a lost database, and ends when told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.core import clock
from app.core.extensions import db
from app.core.models import WorkerHeartbeat
from app.patrols.models import Round
from app.worker import JOBS, THREADS, Job, Outside, Worker
from tests import factories

ROOT = Path(__file__).resolve().parents[2]


def beat(name: str, at: datetime) -> None:
    db.session.execute(
        text("insert into worker_heartbeat values (:name, :at) on conflict (name) do update set at = :at"),
        {"name": name, "at": at},
    )


def beats(owner_db: Connection) -> set[str]:
    return set(owner_db.scalars(select(WorkerHeartbeat.name)))


def test_every_job_runs_on_an_empty_database_without_complaint(
    app: Flask, owner_db: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    worker = Worker(app, JOBS)
    for job in JOBS:
        worker.tick(job)
    assert caplog.records == []
    assert len(beats(owner_db)) == 1


def test_batches_are_committed_one_by_one_until_none_is_left(app: Flask, owner_db: Connection) -> None:
    left = ["c", "b", "a"]

    def batch(now: datetime) -> bool:
        name = left.pop()
        beat(name, now)
        if name == "c":
            raise RuntimeError("the third fails")
        return bool(left)

    Worker(app, ()).tick(Job("three", 1, batch))
    assert beats(owner_db) == {"a", "b"}


def test_a_failing_job_is_told_with_its_traceback_and_leaves_the_others(
    app: Flask, owner_db: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_now: datetime) -> bool:
        raise ZeroDivisionError("on purpose")

    def well(now: datetime) -> bool:
        beat("well", now)
        return False

    Worker(app, ()).tick(Job("pieces", 1, split=lambda _now: [fail, well]))
    assert beats(owner_db) == {"well"}
    (record,) = caplog.records
    assert "job pieces failed" in record.message
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


def test_a_lost_database_is_told_once_and_its_return_too(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    away = True

    def batch(_now: datetime) -> bool:
        if away:
            raise OperationalError("select 1", {}, Exception("connection refused"))
        return False

    worker = Worker(app, ())
    for _ in range(3):
        worker.tick(Job("any", 1, batch))
    away = False
    worker.tick(Job("any", 1, batch))
    assert [r.message.split(" (")[0] for r in caplog.records] == [
        "the database cannot be used",
        "the database is back",
    ]


def test_a_job_for_one_worker_is_left_out_by_a_second(app: Flask, owner_db: Connection) -> None:
    inside, done = threading.Event(), threading.Event()

    def first(now: datetime) -> bool:
        beat("first", now)
        inside.set()
        done.wait(10)
        return False

    def second(now: datetime) -> bool:
        beat("second", now)
        return False

    one = threading.Thread(target=Worker(app, ()).tick, args=[Job("single", 1, first, alone=True)])
    one.start()
    assert inside.wait(10)
    Worker(app, ()).tick(Job("single", 1, second, alone=True))
    done.set()
    one.join()
    assert beats(owner_db) == {"first"}


def test_jobs_that_fill_all_threads_do_not_keep_timers_from_firing(app: Flask) -> None:
    busy, all_busy = threading.Barrier(THREADS + 1), threading.Event()
    done, fired = threading.Event(), threading.Event()

    def slow(_now: datetime) -> bool:
        busy.wait(20)
        return not done.wait(20)

    def fire(_now: datetime) -> bool:
        if all_busy.is_set():
            fired.set()
        return False

    slow_jobs = tuple(Job(f"slow{n}", 60, slow) for n in range(THREADS))
    ticker = Worker(app, (*slow_jobs, Job("fire", 0.05, fire, own_thread=True)))._ticker()
    ticker.start()
    try:
        busy.wait(20)
        all_busy.set()
        assert fired.wait(20)
    finally:
        done.set()
        ticker.shutdown(wait=True)


def until(true: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def test_two_workers_generate_and_miss_rounds_and_end_cleanly(
    app: Flask, owner_db: Connection, database: str
) -> None:
    street = factories.make_street()
    walker = factories.make_user("patroller", street.units[0])
    checkpoint = factories.make_checkpoint(street)
    over = clock.now() - timedelta(hours=5)
    missed = {factories.make_round(street, walker, [checkpoint], window_starts_at=over).id for _ in range(20)}
    route = factories.make_route(street, [checkpoint])
    for _ in range(4):
        factories.make_schedule(route, walker, recurrence="FREQ=HOURLY", window_minutes=30)
    environment = os.environ | {"IRONFEET_MODE": "testing", "DATABASE_URL": database}
    command = [sys.executable, "-m", "flask", "worker"]
    workers = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        until(lambda: len(beats(owner_db)) == 2)
        noted = select(Round.id).where(Round.state == "missed")
        until(lambda: missed <= set(owner_db.scalars(noted)))
        planned = select(Round.id).where(Round.id.not_in(missed))
        until(lambda: len(owner_db.execute(planned).all()) >= 4 * 7 * 24)
    finally:
        for worker, number in zip(workers, (signal.SIGTERM, signal.SIGINT), strict=True):
            worker.send_signal(number)
        told = [worker.communicate(timeout=20)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], told
    assert not any("Traceback" in words for words in told), told
    rounds = owner_db.execute(select(Round.schedule_id, Round.window_starts_at)).all()
    assert len(rounds) == len(set(rounds))
    facts = owner_db.execute(
        text("select action, count(*), count(distinct subject_id) from ledger_row group by action")
    ).all()
    assert {action for action, _, _ in facts} == {"round.generated", "round.missed"}
    for action, rows, subjects in facts:
        assert rows == subjects, action


class Errand:
    """Work outside of the database that counts, in a table, what was claimed and what was recorded."""

    def __init__(self, pieces: list[int]) -> None:
        self.left = pieces
        self.saw: list[bool] = []

    def claim(self, now: datetime) -> list[int]:
        taken, self.left = self.left[:2], self.left[2:]
        for piece in taken:
            beat(f"claimed {piece}", now)
        return taken

    def do(self, piece: int) -> int:
        with Session(db.engine) as another:  # another connection sees what is committed, and only that
            name = text("select count(*) from worker_heartbeat where name = :name")
            self.saw.append(another.scalar(name, {"name": f"claimed {piece}"}) == 1)
        if piece == 13:
            raise RuntimeError("unlucky")
        return piece * 10

    def record(self, done: Sequence[int], now: datetime) -> None:
        for result in done:
            beat(f"done {result}", now)


def test_work_outside_is_claimed_before_and_recorded_after_without_a_transaction_between(
    app: Flask, owner_db: Connection
) -> None:
    errand = Errand([1, 2, 3])
    work = Outside(errand.claim, errand.do, errand.record, threads=2)
    Worker(app, ()).tick(Job("errand", 1, outside=work))
    assert beats(owner_db) == {f"claimed {n}" for n in (1, 2, 3)} | {f"done {n}" for n in (10, 20, 30)}
    assert errand.saw == [True] * 3


def test_a_piece_of_work_outside_that_fails_stays_claimed_and_the_others_are_recorded(
    app: Flask, owner_db: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    errand = Errand([13, 1, 2])
    Worker(app, ()).tick(Job("errand", 1, outside=Outside(errand.claim, errand.do, errand.record)))
    assert beats(owner_db) == {f"claimed {n}" for n in (13, 1, 2)} | {"done 10", "done 20"}
    assert [record.message for record in caplog.records] == [
        "a piece of job errand failed and is tried again later"
    ]


def test_work_outside_that_was_done_is_recorded_though_the_worker_is_to_stop(
    app: Flask, owner_db: Connection
) -> None:
    errand = Errand([1, 2, 3])
    worker = Worker(app, ())

    def do(piece: int) -> int:
        worker.stopping.set()
        return piece

    worker.tick(Job("errand", 1, outside=Outside(errand.claim, do, errand.record)))
    assert beats(owner_db) == {"claimed 1", "claimed 2", "done 1", "done 2"}
