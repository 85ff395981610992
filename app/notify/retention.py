"""Forgetting what people were told: notifications after 180 days, their deliveries after 90."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, tuple_

from app.core.extensions import db
from app.core.ids import uuid7
from app.notify.models import Delivery, LaneRest, Notification, PushSubscription

NOTIFICATIONS_KEPT = timedelta(days=180)
DELIVERIES_KEPT = timedelta(days=90)
SUBSCRIPTIONS_KEPT = timedelta(days=90)  # without a word from their browser; sessions end before
LANES_KEPT = timedelta(days=7)
BATCH = 5000


def forget_old(now: datetime) -> bool:
    """Remove a bounded number of old rows; True where there may be more.

    Ids are UUIDv7, so they tell how old a notification is, and that of its deliveries.
    """
    key = tuple_(
        Delivery.street_code,
        Delivery.user_id,
        Delivery.notification_id,
        Delivery.channel,
        Delivery.address_id,
    )
    old = select(*key.clauses).where(Delivery.notification_id < _first_id(now - DELIVERIES_KEPT)).limit(BATCH)
    sent = db.session.scalars(
        delete(Delivery)
        .where(key.in_(old))
        .returning(Delivery.channel)
        .execution_options(synchronize_session=False)
    ).all()
    row = tuple_(Notification.street_code, Notification.user_id, Notification.id)
    told = select(*row.clauses).where(Notification.id < _first_id(now - NOTIFICATIONS_KEPT)).limit(BATCH)
    forgotten = db.session.scalars(
        delete(Notification)
        .where(row.in_(told))
        .returning(Notification.id)
        .execution_options(synchronize_session=False)
    ).all()
    db.session.execute(
        delete(PushSubscription).where(PushSubscription.confirmed_at < now - SUBSCRIPTIONS_KEPT)
    )
    db.session.execute(delete(LaneRest).where(LaneRest.rests_until < now - LANES_KEPT))
    return BATCH in (len(sent), len(forgotten))


def _first_id(at: datetime) -> UUID:
    """The smallest UUIDv7 of that moment."""
    return UUID(int=uuid7(at).int >> 80 << 80)
