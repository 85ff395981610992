"""The worker: what happens by the clock.

APScheduler only ticks; it stores nothing. What is to be done stands in the tables, and every job takes
a bounded batch of it in one transaction, which the tick commits: one of the three places that commit.
Any number of workers may run, and any of them may be killed: rows are claimed with SKIP LOCKED, and
what must not run twice at once takes a lock of the transaction first.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor as Pool
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.cases import orphans, ringing
from app.core import clock, current
from app.core.extensions import db
from app.core.models import WorkerHeartbeat
from app.evidence import off_duty
from app.ledger import seal
from app.media import sizes, sweeps
from app.notify import climbing, sending
from app.notify import retention as notify_retention
from app.patrols import service as patrols
from app.people import guessing, sessions
from app.people import queries as people_queries
from app.people import service as people
from app.sync import retention
from app.sync import service as sync
from app.timers import calendars, firing
from app.timers import service as timers

log = logging.getLogger(__name__)

THREADS = 6  # jobs at once
POSITIONS_KEPT = timedelta(days=90)  # raw ones; what was found by them stays
HEARTBEATS_KEPT = timedelta(days=1)
TIMERS_KEPT = timedelta(days=180)  # settled ones; what they did stays
FIRED_AT_ONCE = 50  # who acts on a case of the batch waits for all of it
SEALED_AT_ONCE = 20  # batches a transaction
PARTITIONS_AHEAD = "40 days"

Batch = Callable[[datetime], bool]

# Work that waits for the outside world piece by piece, each piece for as long as it takes, so that a slow
# one holds up no other (an Outside waits for the slowest of its pieces). It gets the means to run its own
# short steps, each in a transaction that is committed here, and to see that the worker is to stop.
Errand = Callable[[sending.Transact, Callable[[], bool]], None]

# What is done when a timer is due, by its kind; a package with timers adds its handlers here.
TIMER_HANDLERS: dict[str, firing.Handler] = {**ringing.TIMER_HANDLERS}


@dataclass(frozen=True, slots=True)
class Outside:
    """Work that waits for something outside of the database, and so must not run inside a transaction.

    What ``claim`` returns has been committed as taken before the first ``do``, and what was done is
    committed by ``record`` afterwards. A worker that is killed in between has taken pieces that nobody
    finishes: the claim must run out by itself, and ``do`` must bear to be done twice.

    Attributes:
        claim: takes a bounded number of pieces at the given moment; none where there is nothing to do.
        do: one piece, in a thread of its own, with settings but without a transaction.
        record: writes down the results, in the order of the pieces.
        threads: pieces done at once.
        begin: called once in each of these threads.
        once: do not ask for more until the next tick.
    """

    claim: Callable[[datetime], Sequence[Any]]
    do: Callable[[Any], Any]
    record: Callable[[Sequence[Any], datetime], None] | None = None
    threads: int = 1
    begin: Callable[[], None] | None = None
    once: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """Something done by the clock.

    Attributes:
        every_s: seconds between two ticks; the first comes at once.
        batch: does a bounded piece of work at the given moment, without committing; True where there
            is more to do at once.
        alone: at most one worker at a time; another one leaves it out.
        split: instead of ``batch``: finds the pieces at the given moment, each with a transaction of
            its own, so that one which fails leaves the others.
        outside: instead of ``batch``: work outside of the database, claimed until none is left.
        own_thread: never waits for a thread, however long the other jobs take.
        errand: instead of ``batch``: work outside of the database that orders its own transactions.
    """

    name: str
    every_s: float
    batch: Batch | None = None
    alone: bool = False
    split: Callable[[datetime], Sequence[Batch]] | None = None
    outside: Outside | None = None
    own_thread: bool = False
    errand: Errand | None = None


def own_name() -> str:
    """Name of this worker process: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Worker:
    """Runs jobs until it is told to stop."""

    def __init__(self, app: Flask, jobs: tuple[Job, ...]) -> None:
        self.app = app
        self.jobs = jobs
        self.stopping = threading.Event()
        self._away = threading.Event()  # the database could not be reached at the last try

    def run(self) -> None:
        """Tick until SIGTERM or SIGINT; the batches under way are finished first."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        # Its warnings say that a tick was left out because the last one still runs: that is meant.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        ticker = self._ticker()
        ticker.start()
        log.info("worker %s runs %d jobs", own_name(), len(self.jobs))
        self.stopping.wait()
        ticker.shutdown(wait=True)
        log.info("worker %s has ended", own_name())

    def _ticker(self) -> BackgroundScheduler:
        """The scheduler with all jobs, not started yet."""
        executors = {job.name: ThreadPoolExecutor(1) for job in self.jobs if job.own_thread}
        ticker = BackgroundScheduler(
            timezone=UTC, executors={"default": ThreadPoolExecutor(THREADS), **executors}
        )
        for job in self.jobs:
            ticker.add_job(
                self.tick,
                "interval",
                args=[job],
                id=job.name,
                executor=job.name if job.own_thread else "default",
                seconds=job.every_s,
                next_run_time=datetime.now(UTC),
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )
        return ticker

    def tick(self, job: Job) -> None:
        """Do the work of *job* batch by batch until there is none left; a failure waits for the next tick.

        Nothing is raised: one job that fails must not keep the others from being done.
        """
        with self.app.app_context():
            pieces: list[Batch] = [job.batch] if job.batch else []
            split = job.split
            if split is not None:

                def find(now: datetime) -> bool:
                    pieces.extend(split(now))
                    return False

                self._do(job, find)
            for piece in pieces:
                self._do(job, piece)
            if job.outside is not None:
                self._do_outside(job, job.outside)
            if job.errand is not None:
                self._run_errand(job, job.errand)

    def _run_errand(self, job: Job, errand: Errand) -> None:
        def transact(step: Callable[[datetime], Any]) -> Any:
            results: list[Any] = []

            def once(now: datetime) -> bool:
                results.append(step(now))
                return False

            # what an errand has begun it must be able to end, so its steps run also while stopping
            return results[-1] if self._do(job, once, last=True) else None

        try:
            errand(transact, self.stopping.is_set)
        except Exception:
            log.exception("job %s failed and is tried again in %g s", job.name, job.every_s)

    def _do_outside(self, job: Job, work: Outside) -> None:
        """Claim, do, record, until nothing is left to claim; nothing new is begun once told to stop."""
        failed = object()

        def do(piece: Any) -> Any:
            try:
                with self.app.app_context():
                    return work.do(piece)
            except Exception:  # one piece that fails must not take the others of its batch with it
                log.exception("a piece of job %s failed and is tried again later", job.name)
                return failed

        with Pool(work.threads, job.name, initializer=work.begin) as pool:
            while True:
                claimed: list[Any] = []

                def claim(now: datetime, into: list[Any] = claimed) -> bool:
                    into.extend(work.claim(now))
                    return False

                if not self._do(job, claim) or not claimed:
                    return
                done = [one for one in pool.map(do, claimed) if one is not failed]
                if work.record is not None and not self._record(job, partial(work.record, done)):
                    return
                if work.once:
                    return

    def _record(self, job: Job, record: Callable[[datetime], None]) -> bool:
        """Commit what was done outside, also while stopping; False where that failed."""

        def write(now: datetime) -> bool:
            record(now)
            return False

        return self._do(job, write, last=True)

    def _do(self, job: Job, piece: Batch, *, last: bool = False) -> bool:
        """One piece of *job*, batch by batch until there is none left; False where it failed.

        Args:
            last: it ends something that was begun, so it is done even when the worker is to stop.
        """
        try:
            while (last or not self.stopping.is_set()) and self._one_batch(job, piece):
                pass
        except (OperationalError, PoolTimeout) as error:
            self._note_away(error)
            return False
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                self._note_away(error)
            else:
                log.exception("job %s failed and is tried again in %g s", job.name, job.every_s)
            return False
        finally:
            db.session.remove()
        self._note_back()
        return True

    def _one_batch(self, job: Job, piece: Batch) -> bool:
        try:
            if job.alone and not _alone(job.name):
                return False
            more = piece(clock.now())
            db.session.commit()
        except BaseException:
            db.session.rollback()
            raise
        return more

    def _note_away(self, error: Exception) -> None:
        """Say once that the database is away, not at every tick of every job."""
        if not self._away.is_set():
            self._away.set()
            log.warning("the database cannot be used (%s); trying on", str(error).splitlines()[0][:200])

    def _note_back(self) -> None:
        if self._away.is_set():
            self._away.clear()
            log.warning("the database is back")


def _alone(name: str) -> bool:
    """Take the lock of job *name* until the end of the transaction; False where another worker has it."""
    statement = text("select pg_try_advisory_xact_lock(hashtext('worker'), hashtext(:name))")
    return bool(db.session.scalar(statement, {"name": name}))


def _beat(now: datetime) -> bool:
    row = insert(WorkerHeartbeat).values(name=own_name(), at=now)
    db.session.execute(row.on_conflict_do_update(index_elements=["name"], set_={"at": now}))
    return False


def _ensure_partitions(now: datetime) -> bool:
    statement = text("select ensure_partitions(:now, cast(:ahead as interval))")
    db.session.execute(statement, {"now": now, "ahead": PARTITIONS_AHEAD})
    return False


def _drop_old_tracks(now: datetime) -> bool:
    """Drop the raw positions past their retention, a week's partition at a time."""
    db.session.execute(text("select drop_track_fixes_before(:before)"), {"before": now - POSITIONS_KEPT})
    return False


def _held_logs(now: datetime) -> list[Batch]:
    """A piece for every log with held entries whose time may have come: no two logs are locked at once."""
    return [partial(_release_held, log_id) for log_id in sync.logs_to_release(now)]


def _release_held(log_id: UUID, now: datetime) -> bool:
    sync.release_held(log_id, now)
    return False


def _forget_last_positions(_now: datetime) -> bool:
    off_duty.forget_last_positions()
    return False


def _forget_positions(now: datetime) -> bool:
    return retention.forget_positions(now - POSITIONS_KEPT) > 0


def _forget_workers(now: datetime) -> bool:
    db.session.execute(delete(WorkerHeartbeat).where(WorkerHeartbeat.at < now - HEARTBEATS_KEPT))
    return False


def _warn_of_calendars(now: datetime) -> bool:
    calendars.warn(now)
    return False


def _recall_timers(now: datetime) -> bool:
    timers.recall(now, now + firing.RECALL_AFTER)
    return False


def _forget_timers(now: datetime) -> bool:
    return timers.forget_settled(now - TIMERS_KEPT) == timers.FORGET_BATCH


def _warn_of_demo_accounts(_now: datetime) -> bool:
    """Say in production that there are accounts whose password everybody can read."""
    found = people_queries.demo_accounts() if current.settings().is_production else 0
    if found:
        log.warning("%d demo accounts are in this production database; none of them may sign in", found)
    return False


_HOUR_S, _DAY_S = 3600.0, 86_400.0

_SIZES = Outside(sizes.borrow, sizes.draw, sizes.note, threads=sizes.THREADS, begin=sizes.give_way)

JOBS = (
    Job("heartbeat", 5, _beat),
    Job("timers.fire", 0.5, lambda now: firing.fire_due(now, TIMER_HANDLERS, FIRED_AT_ONCE), own_thread=True),
    Job("cases.adopt", 300, lambda now: orphans.adopt(now) == orphans.BATCH),
    Job("timers.recall", 300, _recall_timers),
    Job("timers.forget", _DAY_S, _forget_timers, alone=True),
    Job("calendars.warn", _DAY_S, _warn_of_calendars, alone=True),
    Job("rounds.generate", 300, lambda now: patrols.generate_rounds(now) > 0),
    Job("rounds.mark_missed", 15, lambda now: patrols.mark_missed(now) > 0),
    Job("rounds.close_forgotten", 60, lambda now: patrols.close_forgotten_rounds(now) > 0),
    Job("shifts.end_forgotten", 30, lambda now: people.end_forgotten_shifts(now) > 0),
    Job("positions.forget_last", 5, _forget_last_positions),
    Job("positions.forget_off_duty", 60, lambda now: retention.forget_off_duty(now) == retention.BATCH),
    Job("entries.release", 20, split=_held_logs),
    Job("ledger.seal", 15, lambda _now: seal.seal_pending(SEALED_AT_ONCE).more),
    Job("partitions.ensure", _HOUR_S, _ensure_partitions, alone=True),
    Job("tracks.drop_old", _DAY_S, _drop_old_tracks, alone=True),
    Job("entries.forget_positions", _DAY_S, _forget_positions, alone=True),
    Job("sessions.forget", _DAY_S, lambda now: sessions.forget_old_sessions(now) > 0),
    Job("failures.forget", _HOUR_S, lambda now: guessing.forget_old(now) > 0),
    Job("accounts.warn_of_demo", _DAY_S, _warn_of_demo_accounts),
    Job("photos.sizes", 0.5, outside=_SIZES),
    Job("photos.join", 15, lambda _now: sweeps.join_late()),
    Job("photos.note_never_came", _HOUR_S, sweeps.note_never_came),
    Job("photos.forget_parts", _HOUR_S, sweeps.sweep_parts),
    Job("photos.forget_unused", _HOUR_S, outside=Outside(sweeps.forget_unused, sweeps.remove)),
    Job(
        "photos.remove_orphans",
        sweeps.SHARD_EVERY_S,
        outside=Outside(sweeps.shard_of, sweeps.remove_orphans, once=True),
    ),
    Job("notifications.climb", 1, climbing.climb_due),
    Job("notifications.send", 1, errand=sending.send_due, own_thread=True),
    Job("notifications.forget", _DAY_S, notify_retention.forget_old, alone=True),
    Job("heartbeats.forget", _DAY_S, _forget_workers),
)
