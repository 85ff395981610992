"""Firing what is due: every timer once, in the transaction of its effects.

A batch is claimed with SKIP LOCKED, so any number of workers share the work, and what a killed one held
falls back. It is fired whole in one savepoint; where anything fails, its timers are fired again, each in
a savepoint of its own, and only the one that fails is put off. The caller commits.

A timer is settled before its handler is called, so that the handler may schedule the next of the same
kind. Timers of one subject go in turns, by the time they are due: what the first cancels or moves, the
second does not fire any more.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_, update
from sqlalchemy.exc import DBAPIError

from app.core.extensions import db
from app.ledger import service as ledger
from app.timers.models import Timer
from app.timers.service import IS_PENDING

log = logging.getLogger(__name__)

BATCH = 200
ATTEMPTS = 10
BACKOFF_MAX = timedelta(hours=1)
UNKNOWN_PUT_OFF = timedelta(minutes=10)  # of a kind that this worker has no handler for
RECALL_AFTER = BACKOFF_MAX + timedelta(minutes=1)  # no try is put off longer than that

FIRED = "fired"
BUSY = "busy"
DROPPED = "dropped:"

_APP = Path(__file__).resolve().parents[1]
_DEADLOCK, _SERIALIZATION, _LOCK_TIMEOUT = "40P01", "40001", "55P03"
_TRY_AGAIN = frozenset({_DEADLOCK, _SERIALIZATION, _LOCK_TIMEOUT})


@dataclass(frozen=True, slots=True)
class Due:
    """A timer that is being fired.

    Attributes:
        due_at: what was asked for, however late it is now.
        attempts: that failed before.
    """

    id: UUID
    street_code: str
    place_code: str
    kind: str
    subject_kind: str
    subject_id: UUID
    due_at: datetime
    data: dict[str, Any]
    attempts: int


# Writes its effects to the session, without committing, and says what became of the timer: FIRED,
# DROPPED with a reason ("dropped:closed"), or, having written nothing, BUSY. It must lock its subject
# without waiting (SKIP LOCKED) and answer BUSY where it cannot: the timer stays due and is tried at the
# next tick, by when whoever holds the subject has perhaps cancelled it.
Handler = Callable[[Due, datetime], str]


def fire_due(now: datetime, handlers: Mapping[str, Handler], limit: int = BATCH) -> bool:
    """Fire up to *limit* timers that are due at *now*; True where there are more to fire at once.

    Nothing of what a failing handler did stays. Its timer is tried again after 1, 2, 4, … minutes, at
    most an hour, and failed for good after ten attempts, which the ledger notes and the audit lists.
    """
    claimed = _claim(now, limit)
    unknown = [due for due in claimed if due.kind not in handlers]
    known = [due for due in claimed if due.kind in handlers]
    if unknown:
        _put_off_unknown(unknown, now)
    try:
        with db.session.begin_nested():
            settled = sum(_fire_together(turn, now, handlers) for turn in _turns(known))
    except Exception as error:
        if _connection_lost(error):
            raise
        log.info("a batch of %d timers goes one by one: %s", len(known), type(error).__name__)
        settled = sum(_fire_alone(due, now, handlers) for due in known)
    return len(claimed) == limit and settled + len(unknown) > 0


def _claim(now: datetime, limit: int) -> list[Due]:
    """Lock what is due, the longest waiting first; ordered by subject, so that all lock alike."""
    rows = db.session.execute(
        select(
            Timer.id,
            Timer.street_code,
            Timer.place_code,
            Timer.kind,
            Timer.subject_kind,
            Timer.subject_id,
            Timer.due_at,
            Timer.data,
            Timer.attempts,
        )
        .where(IS_PENDING, Timer.try_at <= now)
        .order_by(Timer.try_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return sorted((Due(*row) for row in rows), key=lambda due: (*_subject(due), due.due_at, due.id))


def _subject(due: Due) -> tuple[str, str, UUID]:
    return due.street_code, due.subject_kind, due.subject_id


def _turns(claimed: Iterable[Due]) -> Iterator[list[Due]]:
    """The first timer of every subject, then the second of every one that has more, and so on."""
    queues = [list(group) for _, group in groupby(claimed, key=_subject)]
    while queues:
        yield [queue[0] for queue in queues]
        queues = [queue[1:] for queue in queues if len(queue) > 1]


def _fire_together(turn: list[Due], now: datetime, handlers: Mapping[str, Handler]) -> int:
    """Settle all of *turn* and call their handlers; returns how many are settled.

    Raises:
        ValueError: where a handler gave an outcome that is none.
    """
    still_due = _settle(turn, now)
    by_outcome: dict[str, list[Due]] = {}
    for due in turn:
        if due.id in still_due:
            by_outcome.setdefault(handlers[due.kind](due, now), []).append(due)
    db.session.flush()  # what the handlers wrote belongs into this savepoint
    busy = by_outcome.pop(BUSY, [])
    _change(busy, state="pending", settled_at=None, outcome=None)
    by_outcome.pop(FIRED, None)
    for outcome, dropped in by_outcome.items():
        if not outcome.startswith(DROPPED):
            raise ValueError(f"a handler of {dropped[0].kind} gave an outcome that is none")
        _change(dropped, state="dropped", outcome=outcome.removeprefix(DROPPED))
    return len(turn) - len(busy)


def _fire_alone(due: Due, now: datetime, handlers: Mapping[str, Handler]) -> int:
    """The same for one timer, which may fail; 0 where it waits for its subject."""
    try:
        with db.session.begin_nested():
            return _fire_together([due], now, handlers)
    except Exception as error:
        if _connection_lost(error):
            raise
        if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") in _TRY_AGAIN:
            log.info("timer %s met another transaction and is tried again", due.id)
            return 0
        _put_off_failed(due, error, now)
        return 1


def _settle(turn: list[Due], now: datetime) -> set[UUID]:
    """Mark *turn* fired, but for those that an earlier turn cancelled or moved; returns the ids marked."""
    return set(
        db.session.scalars(
            update(Timer)
            .where(
                Timer.street_code.in_({due.street_code for due in turn}),
                Timer.id.in_([due.id for due in turn]),
                IS_PENDING,
                Timer.try_at <= now,
            )
            .values(state="fired", settled_at=now, outcome=FIRED)
            .returning(Timer.id)
            .execution_options(synchronize_session=False)
        )
    )


def _change(timers: Collection[Due], **values: Any) -> None:
    if not timers:
        return
    keys = [(due.street_code, due.id) for due in timers]
    db.session.execute(
        update(Timer)
        .where(tuple_(Timer.street_code, Timer.id).in_(keys))
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _put_off_unknown(unknown: list[Due], now: datetime) -> None:
    """Keep timers that nobody here can fire: an older or a newer worker may."""
    kinds = sorted({due.kind for due in unknown})
    log.error("%d timers of unknown kind wait for a worker that knows them: %s", len(unknown), kinds)
    _change(unknown, try_at=now + UNKNOWN_PUT_OFF)


def _put_off_failed(due: Due, error: Exception, now: datetime) -> None:
    attempts = due.attempts + 1
    where = _where(error)
    log.error("timer %s (%s) failed, attempt %d: %s", due.id, due.kind, attempts, where, exc_info=error)
    if attempts < ATTEMPTS:
        _change([due], attempts=attempts, last_error=where, try_at=now + backoff(attempts))
        return
    _change([due], attempts=attempts, last_error=where, state="failed", settled_at=now, outcome="failed")
    ledger.record(
        "timer.failed",
        actor_id=None,
        actor_kind="worker",
        street_code=due.street_code,
        place_code=due.place_code,
        subject_kind=due.subject_kind,
        subject_id=due.subject_id,
        data={"timer": str(due.id), "kind": due.kind, "error": where},
    )
    db.session.flush()


def backoff(attempts: int) -> timedelta:
    """How long to wait after *attempts* failures (from 1): 1, 2, 4, … minutes, at most an hour."""
    return min(timedelta(minutes=2 ** (attempts - 1)), BACKOFF_MAX)


def _where(error: Exception) -> str:
    """Kind of *error* and the line of ours that it came from; its text may hold values and is left out."""
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(_APP)
    ]
    kind = type(error.orig).__name__ if isinstance(error, DBAPIError) and error.orig else type(error).__name__
    if not ours:
        return kind
    return f"{kind} in {Path(ours[-1].filename).relative_to(_APP.parent)}:{ours[-1].lineno}"


def _connection_lost(error: Exception) -> bool:
    return isinstance(error, DBAPIError) and error.connection_invalidated
