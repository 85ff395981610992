"""Reading notifications: one's inbox, and who was reached about a subject."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from app.core import problems
from app.core.extensions import db
from app.core.pages import decode_cursor, encode_cursor
from app.notify import words
from app.notify.models import Delivery, Notification
from app.notify.preferences import chosen_by
from app.notify.rules import Reach

MOST_OF_A_SUBJECT = 500


def _unread(street_code: str, user_id: UUID) -> ColumnElement[bool]:
    """Condition: what the person has not acknowledged, and would still have to."""
    return (
        (Notification.street_code == street_code)
        & (Notification.user_id == user_id)
        & Notification.acknowledged_at.is_(None)
        & Notification.withdrawn_at.is_(None)
    )


def unread_count(street_code: str, user_id: UUID) -> int:
    """How many notifications the person has not read."""
    return db.session.scalar(select(func.count()).where(_unread(street_code, user_id))) or 0


def inbox(
    street_code: str,
    user_id: UUID,
    cursor: str | None,
    limit: int,
    unread_only: bool,
    *,
    language: str | None = None,
) -> dict[str, Any]:
    """One page of a person's notifications, newest first, with the number of unread ones.

    Args:
        cursor: ``next_cursor`` of the page before.
        language: of the words; None: the one that the person chose.

    Raises:
        Problem: BAD_REQUEST where the cursor is not one of ours.
    """
    asked = select(Notification).where(
        Notification.street_code == street_code, Notification.user_id == user_id
    )
    if unread_only:
        asked = asked.where(_unread(street_code, user_id))
    if cursor is not None:
        asked = asked.where(Notification.id < _cursor_id(cursor))
    rows = db.session.scalars(asked.order_by(Notification.id.desc()).limit(limit + 1)).all()
    page, more = rows[:limit], len(rows) > limit
    language = language or chosen_by(street_code, [user_id])[user_id].language
    return {
        "items": [_item(row, language) for row in page],
        "unread": unread_count(street_code, user_id),
        "next_cursor": encode_cursor(str(page[-1].id)) if more else None,
    }


def _item(row: Notification, language: str) -> dict[str, Any]:
    said = words.words_of(row.kind, row.data, language)
    return {
        "id": row.id,
        "kind": row.kind,
        "subject_kind": row.subject_kind,
        "subject_id": row.subject_id,
        "place_code": row.place_code,
        "title": said.title,
        "body": said.body,
        "data": row.data,
        "urgent": row.urgent,
        "told_at": row.told_at,
        "shown_at": row.shown_at,
        "acknowledged_at": row.acknowledged_at,
        "withdrawn": row.withdrawn_at is not None,
    }


def _cursor_id(cursor: str) -> UUID:
    try:
        return UUID(str(decode_cursor(cursor, 1)[0]))
    except ValueError as error:
        raise problems.Problem(problems.BAD_REQUEST, "The page cursor is not valid.") from error


def reach_of(street_code: str, subject_kind: str, subject_id: UUID) -> list[dict[str, Any]]:
    """Who was told about a subject, and who was not reached; oldest first.

    Returns:
        for each person and notification ``user_id``, ``kind``, ``told_at``, ``state`` (of rules.STATES)
        and ``rungs``: ``channel``, ``state``, ``at``, ``error`` of each address that was tried. What was
        taken over by a newer notification is as reached as that one is.
    """
    told = db.session.scalars(
        select(Notification)
        .where(
            Notification.street_code == street_code,
            Notification.subject_kind == subject_kind,
            Notification.subject_id == subject_id,
        )
        .order_by(Notification.id.desc())
        .limit(MOST_OF_A_SUBJECT)
    ).all()
    people = {row.user_id for row in told}
    rungs = _rungs(street_code, people, [row.id for row in told])
    states = {row.id: _state(row, rungs.get(row.id, [])) for row in told}
    newer = {row.id: row.superseded_by for row in told}
    found = []
    for row in told:
        own, last = rungs.get(row.id, []), row.id
        while states[last] in {"waiting", "not_reached"} and (after := newer[last]) in states:
            last = after
        state = states[last]
        found.append(
            {
                "user_id": row.user_id,
                "kind": row.kind,
                "told_at": row.told_at,
                "state": state,
                "rungs": [_rung(delivery, row) for delivery in own],
            }
        )
    return found[::-1]


def _rungs(street_code: str, people: set[UUID], ids: list[UUID]) -> dict[UUID, list[Delivery]]:
    rows = db.session.scalars(
        select(Delivery)
        .where(
            Delivery.street_code == street_code,
            Delivery.user_id.in_(people),
            Delivery.notification_id.in_(ids),
        )
        .order_by(Delivery.changed_at, Delivery.channel)
    )
    found: dict[UUID, list[Delivery]] = {}
    for row in rows:
        found.setdefault(row.notification_id, []).append(row)
    return found


def _state(row: Notification, rungs: list[Delivery]) -> str:
    on_its_way = any(rung.state in {"pending", "sending"} for rung in rungs)
    return Reach(
        acknowledged=row.acknowledged_at is not None,
        shown=row.shown_at is not None,
        sent=any(rung.state == "sent" for rung in rungs),
        given_up=row.given_up_at is not None,
        over=row.next_rung_at is None and not on_its_way,
    ).state


def _rung(delivery: Delivery, row: Notification) -> dict[str, Any]:
    shown = delivery.state == "offered" and row.shown_at is not None
    return {
        "channel": delivery.channel,
        "state": "shown" if shown else delivery.state,
        "at": row.shown_at if shown else delivery.changed_at,
        "error": delivery.error,
    }
