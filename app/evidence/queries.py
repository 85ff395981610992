"""What is known of a person and a device around a moment; how proofs were reviewed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import select, text

from app.core import geo
from app.core.extensions import db
from app.evidence.models import Answer, Review
from app.evidence.rules import LIMITS, Sighting
from app.people.models import User

EARLIER_CHECK_INS = 20  # how many are looked at for repeated positions

# One round trip for three questions: it runs once in every sync request.
_AROUND = text(
    """
(select 'check_in' as what, fixed_at, null::timestamptz as until, lat, lon, accuracy_m, datum
   from proof
  where user_id = :user_id and captured_at <= :until and lat is not null
  order by captured_at desc limit :earlier)
union all
(select 'track', fixed_at, null, lat, lon, accuracy_m, datum
   from track_fix
  where user_id = :user_id and fixed_at between :since and :at and received_at >= :since
  order by fixed_at desc limit 1)
union all
(select 'shift', started_at, ended_at, null, null, null, null
   from shift
  where device_id = :device_id and user_id <> :user_id and started_at <= :until
    and (ended_at is null or ended_at >= :since)
  order by started_at desc limit 50)
"""
)


@dataclass(slots=True)
class Around:
    """Sightings of one person, newest first, and the shifts of others on the same device."""

    sightings: list[Sighting]
    other_shifts: list[tuple[datetime, datetime | None]]

    def shared_at(self, at: datetime) -> bool:
        """True where another person's shift on this device covers *at*."""
        return any(start <= at and (end is None or at <= end) for start, end in self.other_shifts)

    def add(self, sighting: Sighting) -> None:
        """Remember a sighting of the request under way; it is not in the database yet."""
        self.sightings.append(sighting)
        self.sightings.sort(key=lambda s: s.fixed_at, reverse=True)
        del self.sightings[EARLIER_CHECK_INS + 5 :]


def load_around(user_id: UUID, device_id: UUID, at: datetime) -> Around:
    """Read what is known around *at* (a time with the skew taken away)."""
    rows = db.session.execute(
        _AROUND,
        {
            "user_id": user_id,
            "device_id": device_id,
            "at": at,
            "since": at - LIMITS.memory,
            "until": at + timedelta(days=1),
            "earlier": EARLIER_CHECK_INS,
        },
    ).all()
    around = Around([], [])
    for row in rows:
        if row.what == "shift":
            around.other_shifts.append((row.fixed_at, row.until))
            continue
        lat, lon = geo.to_wgs84(row.lat, row.lon, cast("geo.Datum", row.datum))
        around.sightings.append(Sighting(row.fixed_at, lat, lon, row.accuracy_m, row.what == "check_in"))
    around.sightings.sort(key=lambda s: s.fixed_at, reverse=True)
    return around


def reviews_of(street_code: str, proof_ids: Collection[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """The decisions on each proof in their order, with the names of those who decided."""
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    rows = db.session.execute(
        select(Review, User.display_name, User.display_name_en)
        .join(User, User.id == Review.decided_by)
        .where(Review.street_code == street_code, Review.proof_id.in_(proof_ids))
        .order_by(Review.proof_id, Review.ordinal)
    )
    for review, name, name_en in rows:
        found[review.proof_id].append(
            {
                "ordinal": review.ordinal,
                "decision": review.decision,
                "note": review.note,
                "decided_at": review.decided_at,
                "decided_by": name,
                "decided_by_en": name_en,
            }
        )
    return found


def answers_of(street_code: str, proof_ids: Collection[UUID]) -> dict[UUID, Answer]:
    """The worker's answer to each proof that has one."""
    rows = db.session.scalars(
        select(Answer).where(Answer.street_code == street_code, Answer.proof_id.in_(proof_ids))
    )
    return {answer.proof_id: answer for answer in rows}
