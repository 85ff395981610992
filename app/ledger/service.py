"""Writing to the ledger, in the transaction of the change that it tells of."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.core.extensions import db
from app.ledger.models import LedgerRow


def record(
    action: str,
    *,
    actor_id: UUID | None,
    street_code: str,
    place_code: str,
    subject_kind: str,
    subject_id: UUID | str,
    data: dict[str, Any] | None = None,
    actor_kind: str = "user",
) -> None:
    """Add one row: who did what to what, where.

    Args:
        action: dotted, past tense, for example ``round.started``.
        place_code: decides who may see the row.
        data: JSON facts; never positions, phone numbers or free personal text, because the ledger is
            kept for ever.
        actor_kind: ``user``, ``worker`` or ``cli``.
    """
    db.session.add(
        LedgerRow(
            street_code=street_code,
            actor_kind=actor_kind,
            actor_id=actor_id,
            action=action,
            subject_kind=subject_kind,
            subject_id=str(subject_id),
            place_code=place_code,
            data=data or {},
        )
    )
