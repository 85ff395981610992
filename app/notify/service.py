"""Telling people: what they are told, until they have acknowledged it or it is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, tuple_, update
from sqlalchemy.orm import aliased

from app.core.extensions import db
from app.core.ids import uuid7
from app.ledger.service import record
from app.notify import rules
from app.notify.addresses import addresses_of
from app.notify.climbing import climb, put
from app.notify.models import Delivery, Notification
from app.notify.preferences import chosen_by
from app.notify.rules import Plan

OPENED, SHOWN = "opened", "shown"


def tell(
    *,
    street_code: str,
    place_code: str,
    recipients: Collection[UUID],
    kind: str,
    subject_kind: str,
    subject_id: UUID,
    data: dict[str, Any],
    urgent: bool,
    now: datetime,
    first: bool = False,
) -> None:
    """Tell each of *recipients* by the ladder, until they acknowledge.

    An older notification of the subject that is still climbing is taken over (see rules.carried), but
    news that are not urgent take over nothing that is.

    Args:
        kind: of rules.KINDS.
        data: values of the words (``number``, ``class_zh``, ``due_at`` as wire time …): facts of the
            subject; no phone numbers, no complainants.
        first: nothing about the subject was written before this transaction, so that nothing need be
            looked for.

    Raises:
        ValueError: for a kind without words.
    """
    if kind not in rules.KINDS:
        raise ValueError(f"there are no words for {kind!r}")
    people = sorted(set(recipients))
    if not people:
        return
    chosen = chosen_by(street_code, people)
    plans = [chosen[user_id].plan for user_id in people]
    channels = set().union(*(rules.channels_due(plan, 0, now, now, urgent=urgent) for plan in plans))
    addresses = addresses_of(street_code, people, now, channels)
    nothing = first and not any(isinstance(row, Notification) for row in db.session.new)
    climbing = {} if nothing else _climbing(street_code, people, subject_kind, subject_id)
    about: dict[str, Any] = {
        "street_code": street_code,
        "place_code": place_code,
        "kind": kind,
        "subject_kind": subject_kind,
        "subject_id": subject_id,
        "data": data,
        "urgent": urgent,
    }
    deliveries: list[dict[str, Any]] = []
    for user_id, plan in zip(people, plans, strict=True):
        first_at = rules.steps(plan, now, urgent=urgent)[0].at
        notification = Notification(
            **about, user_id=user_id, id=uuid7(now), told_at=now, rungs_used=0, next_rung_at=first_at
        )
        db.session.add(notification)
        deliveries += climb(notification, plan, addresses[user_id], now)
        older = [row for row in climbing.get(user_id, []) if row.urgent <= urgent]
        _take_over(notification, plan, older, now)
    put(deliveries)
    _record_told(about, people)


def _record_told(about: dict[str, Any], people: Sequence[UUID]) -> None:
    record(
        "notification.told",
        actor_id=None,
        actor_kind="worker",
        street_code=about["street_code"],
        place_code=about["place_code"],
        subject_kind=about["subject_kind"],
        subject_id=about["subject_id"],
        data={
            "kind": about["kind"],
            "urgent": about["urgent"],
            "user_ids": [str(user_id) for user_id in people],
        },
    )


def _climbing(
    street_code: str, people: Collection[UUID], subject_kind: str, subject_id: UUID
) -> dict[UUID, list[Notification]]:
    """Locked notifications of the subject that are still on their ladder, by person."""
    _write_waiting()
    rows = db.session.scalars(
        select(Notification)
        .where(
            Notification.street_code == street_code,
            Notification.user_id.in_(people),
            Notification.subject_kind == subject_kind,
            Notification.subject_id == subject_id,
            Notification.next_rung_at.is_not(None),
        )
        .order_by(Notification.user_id, Notification.id)
        .with_for_update()
    )
    found: dict[UUID, list[Notification]] = {}
    for row in rows:
        found.setdefault(row.user_id, []).append(row)
    return found


def _take_over(notification: Notification, plan: Plan, older: list[Notification], now: datetime) -> None:
    """End the ladders of *older* ones that have rungs left, and go on from the furthest of them."""
    taken = [row for row in older if row.rungs_used < len(plan.rungs) and row.next_rung_at is not None]
    if not taken or notification.next_rung_at is None:
        return
    own = rules.steps(plan, notification.told_at, urgent=notification.urgent)
    ahead = [(row.rungs_used, row.next_rung_at) for row in taken if row.next_rung_at is not None]
    used, at = rules.carried(notification.rungs_used, own, ahead)
    notification.rungs_used, notification.next_rung_at = used, at
    for row in taken:
        row.next_rung_at, row.superseded_by = None, notification.id
    _cancel([row.id for row in taken], notification.street_code, [notification.user_id], now)


def acknowledge(street_code: str, user_id: UUID, subject_kind: str, subject_id: UUID, now: datetime) -> int:
    """The person has taken notice of the subject: no further rungs for them.

    Returns:
        how many notifications that concerned; 0 where all were acknowledged before.
    """
    return _acknowledge(
        street_code,
        user_id,
        (Notification.subject_kind == subject_kind) & (Notification.subject_id == subject_id),
        now,
    )


def acknowledge_ids(street_code: str, user_id: UUID, ids: Collection[UUID], now: datetime) -> int:
    """The person has read these of their notifications, and so the older ones of the same subjects.

    Ids that are not theirs are passed over.
    """
    read = aliased(Notification)
    same = (
        select(read.id)
        .where(
            read.street_code == street_code,
            read.user_id == user_id,
            read.id.in_(ids),
            read.subject_kind == Notification.subject_kind,
            read.subject_id == Notification.subject_id,
            read.id >= Notification.id,
        )
        .correlate(Notification)
    )
    return _acknowledge(street_code, user_id, same.exists(), now)


def _acknowledge(street_code: str, user_id: UUID, which: ColumnElement[bool], now: datetime) -> int:
    rows = _locked(
        (Notification.street_code == street_code)
        & (Notification.user_id == user_id)
        & Notification.acknowledged_at.is_(None)
        & which
    )
    if not rows:
        return 0
    shown_at = func.coalesce(Notification.shown_at, now)
    _end(street_code, rows, now, acknowledged_at=now, shown_at=shown_at)
    for subject_kind, subject_id, place_code in sorted(
        {(row.subject_kind, row.subject_id, row.place_code) for row in rows}
    ):
        record(
            "notification.acknowledged",
            actor_id=user_id,
            street_code=street_code,
            place_code=place_code,
            subject_kind=subject_kind,
            subject_id=subject_id,
        )
    return len(rows)


def withdraw(street_code: str, subject_kind: str, subject_id: UUID, now: datetime) -> int:
    """The subject is over: no further rungs for anybody, and nothing unread about it.

    Returns:
        how many notifications that concerned.
    """
    rows = _locked(
        (Notification.street_code == street_code)
        & (Notification.subject_kind == subject_kind)
        & (Notification.subject_id == subject_id)
        & Notification.acknowledged_at.is_(None)
        & Notification.withdrawn_at.is_(None)
    )
    if rows:
        _end(street_code, rows, now, withdrawn_at=now)
    return len(rows)


def _write_waiting() -> None:
    """Have what was told earlier in the transaction written, so that it is found."""
    if any(isinstance(row, Notification) for row in db.session.new):
        db.session.flush()


def _locked(which: ColumnElement[bool]) -> Sequence[Any]:
    """Keys and subjects of notifications, locked in one order, so that two who end them do not cross."""
    _write_waiting()
    return db.session.execute(
        select(
            Notification.user_id,
            Notification.id,
            Notification.place_code,
            Notification.subject_kind,
            Notification.subject_id,
        )
        .where(which)
        .order_by(Notification.user_id, Notification.id)
        .with_for_update()
    ).all()


def _end(street_code: str, rows: Sequence[Any], now: datetime, **values: Any) -> None:
    """End the ladders of *rows* and what is still to be sent of them."""
    ids, people = [row.id for row in rows], {row.user_id for row in rows}
    db.session.execute(
        update(Notification)
        .where(
            Notification.street_code == street_code,
            Notification.user_id.in_(people),
            Notification.id.in_(ids),
        )
        .values(next_rung_at=None, **values)
        .execution_options(synchronize_session=False)
    )
    _cancel(ids, street_code, people, now)


def _cancel(ids: Collection[UUID], street_code: str, people: Collection[UUID], now: datetime) -> None:
    """Send nothing more of these. What is being sent this moment is looked at again before a retry."""
    if not ids:
        return
    db.session.execute(
        update(Delivery)
        .where(
            Delivery.street_code == street_code,
            Delivery.user_id.in_(people),
            Delivery.notification_id.in_(ids),
            Delivery.state == "pending",
        )
        .values(state="cancelled", changed_at=now)
        .execution_options(synchronize_session=False)
    )


def mark_shown(street_code: str, user_id: UUID, ids: Collection[UUID], now: datetime) -> int:
    """These are on a screen of the person. That is not an answer: the ladder goes on."""
    return _mark_shown({(street_code, user_id, notification_id) for notification_id in ids}, now)


def take_receipts(receipts: Collection[tuple[str, tuple[str, UUID, UUID]]], now: datetime) -> None:
    """What browsers say of pushes they got: ``shown``, or ``opened``, which is an acknowledgement.

    Args:
        receipts: event and key (street, person, notification), already proved to be ours.
    """
    _mark_shown({key for _, key in receipts}, now)
    for street_code, user_id, notification_id in sorted({key for event, key in receipts if event == OPENED}):
        acknowledge_ids(street_code, user_id, [notification_id], now)


def _mark_shown(keys: Collection[tuple[str, UUID, UUID]], now: datetime) -> int:
    if not keys:
        return 0
    key = tuple_(Notification.street_code, Notification.user_id, Notification.id)
    marked = db.session.scalars(
        update(Notification)
        .where(key.in_(sorted(keys)), Notification.shown_at.is_(None))
        .values(shown_at=now)
        .returning(Notification.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(marked)
