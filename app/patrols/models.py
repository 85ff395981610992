"""Tables of patrols."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.extensions import Base


class Route(Base):
    """A list of checkpoints to visit, in order or in any order."""

    __tablename__ = "route"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    street_code: Mapped[str] = mapped_column(Text)
    place_code: Mapped[str] = mapped_column(ForeignKey("place.code"))
    name: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text, default="")
    ordered: Mapped[bool] = mapped_column(Boolean)
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)


class RouteStop(Base):
    """One checkpoint of a route."""

    __tablename__ = "route_stop"

    route_id: Mapped[UUID] = mapped_column(ForeignKey("route.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True)  # from 1
    checkpoint_id: Mapped[UUID] = mapped_column(ForeignKey("checkpoint.id"))


class Schedule(Base):
    """When a route is walked, by whom: an RFC 5545 recurrence in Asia/Shanghai and a window."""

    __tablename__ = "schedule"
    __table_args__ = (
        CheckConstraint("window_minutes between 5 and 1440", name="window"),
        Index("ix_schedule_generated", "generated_until", postgresql_where="ended_at is null"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    street_code: Mapped[str] = mapped_column(Text)
    route_id: Mapped[UUID] = mapped_column(ForeignKey("route.id"), index=True)
    assignee_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    starts_at_local: Mapped[str] = mapped_column(Text)  # DTSTART, wall clock: 2026-11-01T09:00
    recurrence: Mapped[str] = mapped_column(Text)  # RRULE value, for example FREQ=DAILY
    window_minutes: Mapped[int] = mapped_column(Integer)
    generated_until: Mapped[datetime] = mapped_column(DateTime(timezone=True))  # rounds exist up to here
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)


class Round(Base):
    """One walk of a route in one window by one person.

    State: planned, started, finished, ended_early, missed. A missed round that is walked after all
    becomes started: missing is a fact about the window, not about the person. One that nobody ended is
    ended early by the worker; whatever the phone still says about it holds.
    """

    __tablename__ = "round"
    __table_args__ = (
        UniqueConstraint("schedule_id", "window_starts_at"),
        Index("ix_round_assignee_window", "assignee_id", "window_starts_at"),
        Index("ix_round_street_day", "street_code", "on_day"),
        Index("ix_round_planned", "window_ends_at", postgresql_where="state = 'planned'"),
        Index("ix_round_started", "window_ends_at", postgresql_where="state = 'started'"),
        CheckConstraint("state in ('planned','started','finished','ended_early','missed')", name="state"),
        CheckConstraint("closed_by in ('phone','worker')", name="closed_by"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    street_code: Mapped[str] = mapped_column(Text)
    place_code: Mapped[str] = mapped_column(Text)
    schedule_id: Mapped[UUID] = mapped_column(ForeignKey("schedule.id"))
    route_id: Mapped[UUID] = mapped_column(ForeignKey("route.id"))
    assignee_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    ordered: Mapped[bool] = mapped_column(Boolean)
    on_day: Mapped[date] = mapped_column(Date)  # in Asia/Shanghai
    window_starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    window_ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    state: Mapped[str] = mapped_column(Text)
    missed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    end_reason: Mapped[str | None] = mapped_column(Text)
    closed_by: Mapped[str | None] = mapped_column(Text)  # phone, worker; None while it is open

    @property
    def ended_automatically(self) -> bool:
        """True where nobody said that the round is over."""
        return self.closed_by == "worker"


class RoundStop(Base):
    """A stop as it was when the round was generated: later changes of the checkpoint do not move it."""

    __tablename__ = "round_stop"

    round_id: Mapped[UUID] = mapped_column(ForeignKey("round.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True)
    checkpoint_id: Mapped[UUID] = mapped_column(ForeignKey("checkpoint.id"))


class CheckIn(Base):
    """A visit to a stop. Its proof has the same id. A stop may be visited again; all visits are kept."""

    __tablename__ = "check_in"
    __table_args__ = (Index("ix_check_in_round", "round_id", "ordinal"),)

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)  # the log entry
    round_id: Mapped[UUID]
    ordinal: Mapped[int] = mapped_column(Integer)
    user_id: Mapped[UUID]
    note: Mapped[str] = mapped_column(Text, default="")
    captured_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class StopSkip(Base):
    """A stop passed over, with the reason."""

    __tablename__ = "stop_skip"
    __table_args__ = (Index("ix_stop_skip_round", "round_id"),)

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)  # the log entry
    round_id: Mapped[UUID]
    ordinal: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(Text)  # locked, blocked, unsafe, closed, other
    text: Mapped[str] = mapped_column(Text, default="")
    captured_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
