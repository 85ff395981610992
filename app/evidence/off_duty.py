"""Forgetting where people were once it is known that they were off duty.

The end of a shift may arrive after positions that were taken later than it. They were stored in good
faith, and go when the end is known: at once in the transaction that learns of it, and by the worker where
another request was storing positions at the same moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, text

from app.core.extensions import db
from app.evidence.models import LastPosition
from app.people.models import Shift
from app.people.shift_rules import MAX_LENGTH, SLACK

LOOK_BACK = timedelta(hours=1)  # far longer than any request takes
BATCH = 2000


@dataclass(frozen=True, slots=True)
class TrackKey:
    """A track entry some of whose positions were dropped."""

    street_code: str
    user_id: UUID
    entry_id: UUID


# The shifts named, and those of the same person that the start of one of them may have ended.
_AFTER_SHIFTS = text("""
with ended as (
  select s.id, s.user_id, s.ended_at + :slack as off_from, s.started_at + :longest + :slack as latest
    from shift named
    join shift s on s.user_id = named.user_id
                and s.started_at between named.started_at - :longest and named.started_at
   where named.id = any(:shifts) and named.user_id = :user_id and s.ended_at is not null
)
delete from track_fix f using ended
 where f.user_id = ended.user_id and f.shift_id = ended.id
   and f.fixed_at > ended.off_from and f.fixed_at <= ended.latest
returning f.street_code, f.user_id, f.entry_id
""")

# By the time of arrival, which the key begins with and the table is divided by.
_LATELY_STORED = text("""
delete from track_fix
 where received_at >= :since and (street_code, received_at, entry_id, ordinal) in (
   select f.street_code, f.received_at, f.entry_id, f.ordinal
     from (select distinct street_code from phone_log) street
     join track_fix f on f.street_code = street.street_code and f.received_at >= :since
     join shift s on s.id = f.shift_id
    where f.fixed_at > s.ended_at + :slack
    limit :limit)
returning street_code, user_id, entry_id
""")


def forget_after_shifts(user_id: UUID, shift_ids: Sequence[UUID]) -> list[TrackKey]:
    """Drop what is stored of a person after the ends of *shift_ids* and of those they have ended: track
    positions and, where the person is off duty, the last position.

    Returns:
        the entries that the positions came with.
    """
    given = {"user_id": user_id, "shifts": list(shift_ids), "slack": SLACK, "longest": MAX_LENGTH}
    gone = db.session.execute(_AFTER_SHIFTS, given).all()
    forget_last_positions(user_id)
    return _keys(gone)


def forget_lately_stored(now: datetime, limit: int = BATCH) -> tuple[int, list[TrackKey]]:
    """Drop up to *limit* track positions that arrived within the last hour and lie after the end of their
    shift.

    Returns:
        how many positions went, and the entries that they came with.
    """
    given = {"since": now - LOOK_BACK, "slack": SLACK, "limit": limit}
    gone = db.session.execute(_LATELY_STORED, given).all()
    return len(gone), _keys(gone)


def _keys(rows: Sequence[Row[Any]]) -> list[TrackKey]:
    return list({TrackKey(row.street_code, row.user_id, row.entry_id) for row in rows})


def forget_last_positions(user_id: UUID | None = None) -> int:
    """Delete the last positions of people whose shift has ended, or of one person; returns how many."""
    ended = select(Shift.id).where(Shift.ended_at.is_not(None))
    statement = delete(LastPosition).where(LastPosition.shift_id.in_(ended))
    if user_id is not None:
        statement = statement.where(LastPosition.user_id == user_id)
    statement = statement.execution_options(synchronize_session=False)
    return len(db.session.scalars(statement.returning(LastPosition.user_id)).all())
