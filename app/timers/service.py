"""Scheduling and cancelling what is due, in the transaction of the change that asks for it.

Lock order, so that nobody waits in a circle: whoever changes a subject locks the subject first and its
timers after it, through the functions here. The worker holds timers first, so it never waits for a
subject: a handler that cannot lock its subject at once answers ``firing.BUSY``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, literal_column, select, text, tuple_, update

from app.core import clock
from app.core.extensions import db
from app.core.ids import uuid7
from app.ledger import service as ledger
from app.timers.models import Timer

FORGET_BATCH = 5000
# Written out: a statement that is prepared for any state can use no index of the pending ones only.
IS_PENDING = Timer.state == literal_column("'pending'")
_IS_SETTLED = Timer.state != literal_column("'pending'")


# Put together once: it is part of every report.
_SCHEDULE = text("""
insert into timer (street_code, id, kind, subject_kind, subject_id, place_code, due_at, try_at, data, state,
                   attempts, created_at)
select :street_code, id, kind, :subject_kind, :subject_id, :place_code, due_at, due_at,
       cast(:data as jsonb), 'pending', 0, :now
  from unnest(cast(:ids as uuid[]), cast(:kinds as text[]), cast(:due as timestamptz[])) as t(id, kind, due_at)
on conflict (street_code, subject_kind, subject_id, kind) where state = 'pending' do update
   set place_code = excluded.place_code, due_at = excluded.due_at, try_at = excluded.try_at,
       data = excluded.data, attempts = excluded.attempts, last_error = excluded.last_error
""")


@dataclass(frozen=True, slots=True)
class Pending:
    """A timer that has not fired yet."""

    id: UUID
    kind: str
    due_at: datetime
    data: dict[str, Any]
    attempts: int


def schedule(
    *,
    street_code: str,
    place_code: str,
    kind: str,
    subject_kind: str,
    subject_id: UUID,
    due_at: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Have the handler of *kind* called for the subject at *due_at* (aware; the past means at once).

    A subject has one pending timer of a kind: an earlier one is moved to *due_at* and carries *data* from
    now on, its failures forgotten.

    Args:
        place_code: where the ledger notes a failure.
        data: JSON for the handler; no positions, phone numbers or personal text.
    """
    schedule_all(
        street_code=street_code,
        place_code=place_code,
        subject_kind=subject_kind,
        subject_id=subject_id,
        due_at={kind: due_at},
        data=data,
    )


def schedule_all(
    *,
    street_code: str,
    place_code: str,
    subject_kind: str,
    subject_id: UUID,
    due_at: Mapping[str, datetime],
    data: dict[str, Any] | None = None,
) -> None:
    """The same for several kinds of one subject, each with its moment."""
    given = {
        "street_code": street_code,
        "subject_kind": subject_kind,
        "subject_id": subject_id,
        "place_code": place_code,
        "ids": [uuid7() for _ in due_at],
        "kinds": list(due_at),
        "due": list(due_at.values()),
        "data": json.dumps(data or {}),
        "now": clock.now(),
    }
    db.session.execute(_SCHEDULE, given)


def cancel(
    street_code: str, subject_kind: str, subject_id: UUID, kinds: Collection[str] | None = None
) -> int:
    """Cancel the pending timers of a subject, all or those of *kinds*; returns how many there were."""
    found = [*_of(street_code, subject_kind, subject_id)]
    if kinds is not None:
        found.append(Timer.kind.in_(kinds))
    cancelled: list[UUID] = list(
        db.session.scalars(
            update(Timer)
            .where(*found)
            .values(state="cancelled", settled_at=clock.now(), outcome="cancelled")
            .returning(Timer.id)
            .execution_options(synchronize_session=False)
        )
    )
    return len(cancelled)


def pending(street_code: str, subject_kind: str, subject_id: UUID) -> list[Pending]:
    """The pending timers of a subject, the next first."""
    rows = db.session.execute(
        select(Timer.id, Timer.kind, Timer.due_at, Timer.data, Timer.attempts)
        .where(*_of(street_code, subject_kind, subject_id))
        .order_by(Timer.due_at, Timer.id)
    )
    return [Pending(*row) for row in rows]


def _of(street_code: str, subject_kind: str, subject_id: UUID) -> tuple[Any, ...]:
    return (
        Timer.street_code == street_code,
        Timer.subject_kind == subject_kind,
        Timer.subject_id == subject_id,
        IS_PENDING,
    )


def forget_settled(before: datetime, limit: int = FORGET_BATCH) -> int:
    """Delete timers settled before *before*, at most *limit*; returns how many. Failed ones stay: somebody
    has to look at them."""
    key = tuple_(Timer.street_code, Timer.id)
    old = (
        select(Timer.street_code, Timer.id)
        .where(_IS_SETTLED, Timer.state != "failed", Timer.settled_at < before)
        .order_by(Timer.settled_at)
        .limit(limit)
    )
    gone = db.session.scalars(
        delete(Timer).where(key.in_(old)).returning(Timer.id).execution_options(synchronize_session=False)
    )
    return len(gone.all())


def retry_failed(now: datetime, *, actor_kind: str) -> int:
    """Have failed timers tried again at once, after whatever made them fail was repaired.

    Those whose subject has another pending timer of the same kind by now are left: that one counts.

    Returns:
        how many are tried again.
    """
    failed = db.session.scalars(
        select(Timer)
        .where(Timer.state == literal_column("'failed'"))
        .order_by(Timer.settled_at.desc(), Timer.id)
        .with_for_update()
    ).all()
    tried = 0
    for timer in failed:
        if timer.kind in {p.kind for p in pending(timer.street_code, timer.subject_kind, timer.subject_id)}:
            continue
        timer.state, timer.attempts, timer.try_at = "pending", 0, now
        timer.settled_at = timer.outcome = None
        db.session.flush()
        ledger.record(
            "timer.retried",
            actor_id=None,
            actor_kind=actor_kind,
            street_code=timer.street_code,
            place_code=timer.place_code,
            subject_kind=timer.subject_kind,
            subject_id=timer.subject_id,
            data={"timer": str(timer.id), "kind": timer.kind},
        )
        tried += 1
    db.session.flush()
    return tried


def recall(now: datetime, after: datetime) -> int:
    """Take timers that are due back from a try later than *after*: a clock that ran ahead had put it there.

    Returns:
        how many.
    """
    back = db.session.scalars(
        update(Timer)
        .where(IS_PENDING, Timer.due_at <= now, Timer.try_at > after)
        .values(try_at=func.greatest(Timer.due_at, now))
        .returning(Timer.id)
        .execution_options(synchronize_session=False)
    )
    return len(back.all())
