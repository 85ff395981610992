"""The ladder as rows: takes the steps that are due, one notification at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import insert

from app.core.extensions import db
from app.ledger.service import record
from app.notify import rules
from app.notify.addresses import Address, addresses_of
from app.notify.models import NO_ADDRESS, Delivery, Notification
from app.notify.preferences import chosen_by
from app.notify.rules import LIVE, Plan

BATCH = 200


def climb_due(now: datetime, limit: int = BATCH) -> bool:
    """Take the next step of every ladder whose time has come; True where there may be more.

    Rows are claimed with SKIP LOCKED: any number of workers may do this, and one that is killed leaves
    everything as it was.
    """
    due = db.session.scalars(
        select(Notification)
        .where(Notification.next_rung_at <= now)
        .order_by(Notification.next_rung_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    deliveries: list[dict[str, Any]] = []
    for street_code, told in _by_street(due):
        people = {notification.user_id for notification in told}
        chosen = chosen_by(street_code, people)
        channels = {channel for row in told for channel in _next(row, chosen[row.user_id].plan, now)}
        addresses = addresses_of(street_code, people, now, channels)
        for row in told:
            deliveries += climb(row, chosen[row.user_id].plan, addresses[row.user_id], now)
    put(deliveries)
    db.session.flush()
    return len(due) == limit


def _next(row: Notification, plan: Plan, now: datetime) -> set[str]:
    return rules.channels_due(plan, row.rungs_used, row.told_at, now, urgent=row.urgent)


def _by_street(due: Sequence[Notification]) -> Iterator[tuple[str, list[Notification]]]:
    ordered = sorted(due, key=lambda notification: notification.street_code)
    for street_code, told in groupby(ordered, key=lambda notification: notification.street_code):
        yield street_code, list(told)


def climb(
    notification: Notification, plan: Plan, addresses: Mapping[str, Sequence[Address]], now: datetime
) -> list[dict[str, Any]]:
    """Take the step that is due, and those that belong to the same moment; note when the next one is.

    The step's own time is that of the row: it may have been taken over from an older notification.

    Returns:
        the deliveries to :func:`put`.
    """
    found: list[dict[str, Any]] = []
    due_at = notification.next_rung_at
    while due_at is not None and due_at <= now:
        step = rules.next_rung(
            plan, notification.rungs_used, notification.told_at, urgent=notification.urgent
        )
        if step is None:
            due_at = None
            break
        if step.channel is None:
            _give_up(notification, now)
        else:
            found += _deliveries(notification, step.channel, addresses.get(step.channel, ()), now)
        notification.rungs_used += 1
        following = rules.next_rung(
            plan,
            notification.rungs_used,
            notification.told_at,
            urgent=notification.urgent,
            climbed_at=now,
        )
        due_at = following.at if following else None
    notification.next_rung_at = due_at
    return found


def _deliveries(
    notification: Notification, channel: str, addresses: Sequence[Address], now: datetime
) -> list[dict[str, Any]]:
    """A notification on its way to every address of a channel; where there is none, that is said."""
    nowhere = Address(channel, NO_ADDRESS, "", {})
    if channel == LIVE:  # an open page learns of it from the inbox; it says itself when it is on screen
        return [_delivery(notification, nowhere, "offered", now)]
    if not addresses:
        return [_delivery(notification, nowhere, "no_address", now)]
    return [_delivery(notification, address, "pending", now) for address in addresses]


def _delivery(notification: Notification, address: Address, state: str, now: datetime) -> dict[str, Any]:
    return {
        "street_code": notification.street_code,
        "user_id": notification.user_id,
        "notification_id": notification.id,
        "channel": address.channel,
        "address_id": address.id,
        "lane": address.lane,
        "urgent": notification.urgent,
        "state": state,
        "due_at": now,
        "attempt": 0,
        "changed_at": now,
        "error": "",
    }


_PUT = insert(cast("Table", Delivery.__table__)).on_conflict_do_nothing()


def put(deliveries: Sequence[dict[str, Any]]) -> None:
    """Write deliveries down. What was sent there before is left: the order of channels may have changed
    in the middle of a ladder, so that one comes round again."""
    if deliveries:
        db.session.connection().execute(_PUT, list(deliveries))


def _give_up(notification: Notification, now: datetime) -> None:
    """Nobody answered until the end: a fact for whoever watches over the subject."""
    notification.given_up_at = now
    record(
        "notification.not_reached",
        actor_id=None,
        actor_kind="worker",
        street_code=notification.street_code,
        place_code=notification.place_code,
        subject_kind=notification.subject_kind,
        subject_id=notification.subject_id,
        data={
            "kind": notification.kind,
            "user_id": str(notification.user_id),
            "notification_id": str(notification.id),
        },
    )
