"""Rounds that were started and that nobody ended: the worker ends them, until the phone says otherwise."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select, union_all

from app.core.extensions import db
from app.ledger import service as ledger
from app.patrols import rules
from app.patrols.models import CheckIn, Round, StopSkip
from app.people.models import Shift

BATCH = 100


def close_forgotten_rounds(now: datetime, limit: int = BATCH) -> int:
    """End up to *limit* started rounds that are forgotten: an hour after their window where the person
    is off duty, twelve hours after it in any case.

    Rounds that an entry of the phone, or another worker, holds at this moment are passed over; the next
    call looks at them again.

    Returns:
        How many were ended.
    """
    on_duty = select(Shift.id).where(Shift.user_id == Round.assignee_id, Shift.ended_at.is_(None)).exists()
    off_duty_before = rules.forgotten_before(now, on_duty=False)
    # A round may be walked after its window, too: then its start counts.
    due_from = func.greatest(Round.window_ends_at, Round.started_at)
    forgotten = db.session.scalars(
        select(Round)
        .where(
            Round.state == "started",
            Round.window_ends_at < off_duty_before,
            due_from < off_duty_before,
            or_(~on_duty, due_from < rules.forgotten_before(now, on_duty=True)),
        )
        .order_by(Round.window_ends_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    touched = _last_touched({walked.id for walked in forgotten})
    for walked in forgotten:
        started_at = walked.started_at or now
        walked.finished_at = rules.automatic_end(started_at, touched.get(walked.id), now)
        walked.state, walked.closed_by = "ended_early", "worker"
        ledger.record(
            "round.finished",
            actor_id=None,
            actor_kind="worker",
            street_code=walked.street_code,
            place_code=walked.place_code,
            subject_kind="round",
            subject_id=walked.id,
            data={"outcome": "automatic"},
        )
    db.session.flush()
    return len(forgotten)


def _last_touched(round_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """When a stop of each round was last visited or skipped; rounds without either are left out."""
    touches = union_all(
        *(
            select(model.round_id, model.captured_at).where(model.round_id.in_(round_ids))
            for model in (CheckIn, StopSkip)
        )
    ).subquery()
    latest = select(touches.c.round_id, func.max(touches.c.captured_at).label("at"))
    rows = db.session.execute(latest.group_by(touches.c.round_id))
    return {row.round_id: row.at for row in rows}
