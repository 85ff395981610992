"""Tables of telling people: what they were told, how it was sent, where they can be reached."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, DateTime, Index, Integer, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.extensions import Base

NO_ADDRESS = UUID(int=0)  # address of a rung that led nowhere, and of the live page


class Notification(Base):
    """One thing that one person is told about one subject (a case), with its place on the ladder.

    ``next_rung_at`` is the deadline by which the ladder goes on; NULL where it is over: acknowledged,
    withdrawn, taken over by a newer notification of the same subject (``superseded_by``), or given up.
    """

    __tablename__ = "notification"
    __table_args__ = (
        Index("ix_notification_subject", "street_code", "subject_kind", "subject_id", "user_id"),
        Index("ix_notification_next_rung", "next_rung_at", postgresql_where="next_rung_at is not null"),
        Index("ix_notification_unread", "street_code", "user_id", postgresql_where="acknowledged_at is null"),
    )

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)  # UUIDv7: the order of the inbox
    place_code: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)  # of rules.KINDS
    subject_kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)  # values of the templates
    urgent: Mapped[bool] = mapped_column(Boolean)
    told_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    shown_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))  # on a screen of theirs
    acknowledged_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    given_up_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    superseded_by: Mapped[UUID | None]
    rungs_used: Mapped[int] = mapped_column(SmallInteger)
    next_rung_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Delivery(Base):
    """One notification on its way to one address.

    ``due_at``: when it may be (re)sent; while it is being sent, the end of the lease, after which it
    counts as not sent. ``lane`` is what may be slow or dead as a whole: the origin of a push service or
    of the robots, or ``sms``.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        CheckConstraint(
            "state in ('offered','pending','sending','sent','failed','gone','cancelled','no_address')",
            name="state",
        ),
        Index(
            "ix_delivery_due", "lane", "urgent", "due_at", postgresql_where="state in ('pending','sending')"
        ),
        Index("ix_delivery_sending", "lane", postgresql_where="state = 'sending'"),
    )

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    notification_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(Text, primary_key=True)
    address_id: Mapped[UUID] = mapped_column(primary_key=True)
    lane: Mapped[str] = mapped_column(Text)
    urgent: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str] = mapped_column(Text)
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    attempt: Mapped[int] = mapped_column(SmallInteger)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))  # of the state
    error: Mapped[str] = mapped_column(Text, default="")  # why not; never an address or a text


class PushSubscription(Base):
    """A browser that receives Web Push, for the person who is signed in there (and while they are)."""

    __tablename__ = "push_subscription"
    __table_args__ = (Index("ix_push_subscription_user", "street_code", "user_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)  # made by the browser
    street_code: Mapped[str] = mapped_column(Text)
    user_id: Mapped[UUID]
    session_id: Mapped[UUID]
    endpoint: Mapped[str] = mapped_column(Text, unique=True)  # a capability: never in a log
    p256dh: Mapped[str] = mapped_column(Text)
    auth: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text)  # what the browser calls itself
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    confirmed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))  # last said by the browser


class ChannelAddress(Base):
    """A WeCom group robot, of one person or of a place with everybody who has a post at or below it.

    ``recent`` are the times of its last messages: a robot takes 20 a minute, whoever sends them.
    """

    __tablename__ = "channel_address"
    __table_args__ = (
        CheckConstraint("(user_id is null) <> (place_code is null)", name="whose"),
        Index("ix_channel_address_street", "street_code", "channel"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    street_code: Mapped[str] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(Text)
    user_id: Mapped[UUID | None]
    place_code: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)  # the webhook with its key: never in a log
    active: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    recent: Mapped[list[datetime]] = mapped_column(
        ARRAY(DateTime(timezone=True)), server_default=text("'{}'"), default=list
    )


class NotifySetting(Base):
    """What one person chose: order of channels, language, quiet hours wider than the street's."""

    __tablename__ = "notify_setting"

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel_order: Mapped[list[str]] = mapped_column(ARRAY(Text))
    language: Mapped[str] = mapped_column(Text)  # zh, en
    quiet_from_minute: Mapped[int | None] = mapped_column(Integer)  # of the day in Shanghai; both or none
    quiet_until_minute: Mapped[int | None] = mapped_column(Integer)


class NotifyPolicy(Base):
    """The ladder and the quiet hours of a street, where they differ from ``policy.json``."""

    __tablename__ = "notify_policy"

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class LaneRest(Base):
    """A lane that failed lately: after several failures in a row it rests, longer each time."""

    __tablename__ = "lane_rest"

    lane: Mapped[str] = mapped_column(Text, primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)  # in a row
    rests_until: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    error: Mapped[str] = mapped_column(Text)
