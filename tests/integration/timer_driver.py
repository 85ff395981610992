"""Kills workers of timers, a process for itself: forks two of them, ends one with kill -9, and so on.

Run by ``test_timer_faults`` as ``python -m tests.integration.timer_driver KILLS SEED``; the database comes
from the environment. Workers are forked from here because this process has loaded everything and has one
thread; each has a connection of its own. Every timer of the kind ``first`` leaves an effect and schedules
one of the kind ``second``, which leaves another.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from datetime import datetime
from uuid import UUID

from flask import Flask
from sqlalchemy import Connection, create_engine, text

from app.core import clock
from app.core.extensions import db
from app.core.ids import uuid7
from app.timers import service
from app.timers.firing import FIRED, Due, fire_due
from app.wiring import create_app

STREET = "310107990"
A_ROUND = 40  # new timers between two kills
LIMIT = 15  # timers a batch, so that many a kill meets one under way
LONGEST_S = 0.04


def leave_effect(due: Due) -> None:
    db.session.execute(
        text("insert into timer_effect values (:subject, :kind, pg_backend_pid())"),
        {"subject": due.subject_id, "kind": due.kind},
    )


def schedule(kind: str, subject: UUID, due_at: datetime) -> None:
    service.schedule(
        street_code=STREET,
        place_code=STREET,
        kind=kind,
        subject_kind="thing",
        subject_id=subject,
        due_at=due_at,
    )


def first(due: Due, now: datetime) -> str:
    leave_effect(due)
    schedule("second", due.subject_id, now)
    return FIRED


def second(due: Due, _now: datetime) -> str:
    leave_effect(due)
    return FIRED


def work(app: Flask, *, until_done: bool) -> None:
    """Fire what is due as the worker does; for ever, or until there is nothing left."""
    with app.app_context():
        while True:
            more = fire_due(clock.now(), {"first": first, "second": second}, LIMIT)
            db.session.commit()
            if more:
                continue
            if until_done and not db.session.scalar(
                text("select 1 from timer where state = 'pending' limit 1")
            ):
                return
            db.session.rollback()
            time.sleep(0.001)


def fork(app: Flask) -> int:
    """A worker, until it is killed; its process id. It has its connection when this returns."""
    ready, tell = os.pipe()
    pid = os.fork()
    if pid:
        os.close(tell)
        os.read(ready, 1)
        os.close(ready)
        return pid
    try:
        with app.app_context():
            db.session.execute(text("select 1"))
            db.session.rollback()
            os.write(tell, b".")
        work(app, until_done=False)
    finally:
        os._exit(1)  # not reached but by a fault, which the driver then sees


def feed(connection: Connection) -> None:
    rows = [{"id": uuid7(), "subject": uuid7(), "street": STREET} for _ in range(A_ROUND)]
    connection.execute(
        text(
            "insert into timer (street_code, id, kind, subject_kind, subject_id, place_code, due_at, try_at,"
            " data, state, attempts, created_at)"
            " values (:street, :id, 'first', 'thing', :subject, :street, now(), now(), '{}', 'pending', 0, now())"
        ),
        rows,
    )


def warm_up(app: Flask) -> None:
    """Have statements compiled before the forks, and no connection open at them."""
    with app.app_context():
        subject = uuid7()
        schedule("first", subject, clock.now())
        fire_due(clock.now(), {"first": first}, LIMIT)
        db.session.rollback()
        db.session.remove()
        db.engine.dispose()


def main(kills: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - it chooses victims, not secrets
    app = create_app()
    warm_up(app)
    engine = create_engine(os.environ["OWNER_DATABASE_URL"], isolation_level="AUTOCOMMIT")
    workers: list[int] = []
    with engine.connect() as connection:
        for _ in range(kills):
            feed(connection)
            workers += [fork(app) for _ in range(2 - len(workers))]
            time.sleep(chance.uniform(0, LONGEST_S))
            victim = workers.pop(chance.randrange(len(workers)))
            os.kill(victim, signal.SIGKILL)
            ended, status = os.waitpid(victim, 0)
            if not os.WIFSIGNALED(status):
                raise SystemExit(f"worker {ended} ended by itself")
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
    work(app, until_done=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
