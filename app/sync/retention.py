"""Forgetting positions: the texts of old entries go, their hashes and results stay."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_, update

from app.core.extensions import db
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
