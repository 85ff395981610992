"""Kills workers while cases climb, a process for itself: forks two, ends one with kill -9, and so on.

Run by ``test_case_timer_faults`` as ``python -m tests.integration.case_driver KILLS SEED``; the database
comes from the environment. The workers' day goes by in a second, so that the cases, which nobody takes
up, climb through all their modes meanwhile. In the end everything that is wrong is printed.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy import create_engine

from app.cases.ringing import TIMER_HANDLERS
from app.core import clock
from app.core.extensions import db
from app.timers.firing import fire_due
from app.wiring import create_app
from tests import factories
from tests.integration.case_sound import unsound
from tests.integration.case_street import BUILDING, MANHOLE, SHOP, CaseStreet

CASES = 45
LIMIT = 2  # timers a batch: a worker lives for a few of them, and most kills meet one under way
LONGEST_S = 0.08
DAYS_A_SECOND = 1.0


class FastClock:
    """Moments of a day that goes by quickly, the same in all processes."""

    def __init__(self) -> None:
        self.began, self.from_s = clock.now(), time.monotonic()

    def now(self) -> datetime:
        return self.began + timedelta(days=(time.monotonic() - self.from_s) * DAYS_A_SECOND)


def work(app: Flask, fast: FastClock) -> None:
    """Fire what is due as the worker does, for ever."""
    with app.app_context():
        while True:
            more = fire_due(fast.now(), TIMER_HANDLERS, LIMIT)
            db.session.commit()
            if not more:
                time.sleep(0.001)


def fork(app: Flask, fast: FastClock) -> int:
    """A worker, until it is killed; its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work(app, fast)
    finally:
        os._exit(1)  # not reached but by a fault, which the driver then sees


def kill(worker: int) -> None:
    """End a worker as hard as can be.

    Raises:
        SystemExit: where it had ended by itself.
    """
    os.kill(worker, signal.SIGKILL)
    _, status = os.waitpid(worker, 0)
    if not os.WIFSIGNALED(status):
        raise SystemExit(f"worker {worker} ended by itself")


def main(kills: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - it chooses victims, not secrets
    app = create_app()
    engine = create_engine(os.environ["OWNER_DATABASE_URL"])
    factories.bind(engine)
    street = CaseStreet(app)
    for number in range(CASES):
        street.patrol.file((SHOP, SHOP, MANHOLE, BUILDING)[number % 4])
    fast = FastClock()
    with app.app_context():  # statements are compiled before the forks, and no connection is open at them
        fire_due(fast.now(), TIMER_HANDLERS, LIMIT)
        db.session.remove()
        db.engine.dispose()
    engine.dispose()
    workers: list[int] = []
    for _ in range(kills):
        workers += [fork(app, fast) for _ in range(2 - len(workers))]
        time.sleep(chance.uniform(0, LONGEST_S))
        kill(workers.pop(chance.randrange(len(workers))))
    for worker in workers:
        kill(worker)
    with app.app_context():  # however little the workers came to, what is due by now rings
        until = fast.now()
        while fire_due(until, TIMER_HANDLERS, LIMIT):
            db.session.commit()
        db.session.rollback()
    sys.stdout.write("\n".join(unsound(street)))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
