"""Forgetting positions, old ones and those taken off duty: the texts of their entries go, hashes and
results stay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_, update

from app.core.extensions import db
from app.evidence import off_duty
from app.evidence.off_duty import TrackKey
from app.people.models import PhoneLog
from app.sync.kinds import CARRY_POSITIONS
from app.sync.models import LogEntry

BATCH = 2000


def forget_positions(before: datetime, limit: int = BATCH) -> int:
    """Drop the payloads of entries received before *before* that carry positions, or may: what was
    refused was perhaps never understood. Held entries keep theirs until they are decided.

    Args:
        limit: at most so many in one transaction; call again while the answer equals it.

    Returns:
        how many were dropped.
    """
    old = (
        select(LogEntry.street_code, LogEntry.log_id, LogEntry.id)
        .where(
            LogEntry.received_at < before,
            LogEntry.payload.is_not(None),
            LogEntry.state != "held",
            LogEntry.kind.in_(CARRY_POSITIONS) | (LogEntry.state == "refused"),
        )
        .limit(limit)
    )
    key = tuple_(LogEntry.street_code, LogEntry.log_id, LogEntry.id)
    dropped: list[UUID] = list(
        db.session.scalars(
            update(LogEntry)
            .where(key.in_(old))
            .values(payload=None)
            .returning(LogEntry.id)
            .execution_options(synchronize_session=False)
        )
    )
    return len(dropped)


def forget_after_shifts(user_id: UUID, shift_ids: Sequence[UUID]) -> None:
    """Drop the positions of a person after the ends of *shift_ids*, with the texts that carried them."""
    _drop_payloads(off_duty.forget_after_shifts(user_id, shift_ids))


def forget_off_duty(now: datetime, limit: int = BATCH) -> int:
    """The same for positions that arrived while the end of their shift was being stored; for the worker.

    Returns:
        how many positions were dropped; call again while it equals *limit*.
    """
    count, entries = off_duty.forget_lately_stored(now, limit)
    _drop_payloads(entries)
    return count


def _drop_payloads(entries: Sequence[TrackKey]) -> None:
    if not entries:
        return
    logs = select(PhoneLog.id).where(PhoneLog.user_id.in_({entry.user_id for entry in entries}))
    db.session.execute(
        update(LogEntry)
        .where(
            LogEntry.street_code.in_({entry.street_code for entry in entries}),
            LogEntry.log_id.in_(logs),
            LogEntry.id.in_({entry.entry_id for entry in entries}),
        )
        .values(payload=None)
        .execution_options(synchronize_session=False)
    )
