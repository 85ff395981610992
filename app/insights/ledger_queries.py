"""Reading the ledger: newest first, within one's places."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, tuple_

from app.core import problems
from app.core.extensions import db
from app.core.pages import decode_cursor, encode_cursor
from app.ledger.models import LedgerRow
from app.people.models import User


def ledger_page(
    street_code: str,
    scope: frozenset[str],
    *,
    subject_kind: str | None,
    subject_id: str | None,
    cursor: str | None,
    limit: int,
) -> dict[str, Any]:
    """One page of what happened.

    Args:
        subject_kind: only rows about this kind of thing, for example ``round``.
        subject_id: only rows about this one thing.

    Raises:
        Problem: BAD_REQUEST where the cursor is not one of ours.
    """
    asked = (
        select(LedgerRow, User.display_name)
        .outerjoin(User, User.id == LedgerRow.actor_id)
        .where(LedgerRow.street_code == street_code, LedgerRow.place_code.in_(scope))
        .order_by(LedgerRow.at.desc(), LedgerRow.id.desc())
    )
    if subject_kind is not None:
        asked = asked.where(LedgerRow.subject_kind == subject_kind)
    if subject_id is not None:
        asked = asked.where(LedgerRow.subject_id == subject_id)
    if cursor is not None:
        asked = asked.where(tuple_(LedgerRow.at, LedgerRow.id) < _cursor_keys(cursor))
    rows = db.session.execute(asked.limit(limit + 1)).all()
    page = rows[:limit]
    last = page[-1].LedgerRow if len(rows) > limit else None
    return {
        "items": [_shown(row.LedgerRow, row.display_name) for row in page],
        "next_cursor": encode_cursor(last.at.isoformat(), last.id) if last else None,
    }


def _cursor_keys(cursor: str) -> tuple[datetime, int]:
    at, row_id = decode_cursor(cursor, 2)
    try:
        moment = datetime.fromisoformat(str(at))
        number = int(row_id)
    except ValueError as error:
        raise problems.Problem(problems.BAD_REQUEST, "The page cursor is not valid.") from error
    if moment.tzinfo is None or not 0 <= number < 2**63:
        raise problems.Problem(problems.BAD_REQUEST, "The page cursor is not valid.")
    return moment, number


def _shown(row: LedgerRow, actor_name: str | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": row.at,
        "actor_kind": row.actor_kind,
        "actor_id": row.actor_id,
        "actor_name": actor_name,
        "action": row.action,
        "subject_kind": row.subject_kind,
        "subject_id": row.subject_id,
        "place_code": row.place_code,
        "data": row.data,
    }
