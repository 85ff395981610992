"""Tables of working time and of what is due."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.extensions import Base

STATES = ("pending", "fired", "dropped", "cancelled", "failed")


class WorkCalendar(Base):
    """A version of a street's working time. The newest is current, the others stay as they are: whoever
    was judged by one can look it up."""

    __tablename__ = "work_calendar"

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)  # from 1
    imported_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    imported_by: Mapped[str] = mapped_column(Text)  # kind of actor: cli, user
    first_year: Mapped[int] = mapped_column(Integer)  # holidays are known from here
    last_year: Mapped[int] = mapped_column(Integer)  # to here, without a gap
    hours: Mapped[list[str]] = mapped_column(JSONB)  # ["09:00-11:30", "13:00-17:30"], local
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)  # of everything that it says


class WorkDay(Base):
    """A day of a calendar that is not what its weekday says."""

    __tablename__ = "work_day"
    __table_args__ = (
        ForeignKeyConstraint(
            ["street_code", "version"], ["work_calendar.street_code", "work_calendar.version"]
        ),
    )

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    on_day: Mapped[date] = mapped_column(Date, primary_key=True)
    is_work: Mapped[bool]  # False: a holiday; True: a make-up day
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)


class Timer(Base):
    """Something that is due: fired once, in the transaction of its effects.

    ``due_at`` is what was asked for and never moves by itself; ``try_at`` is when a worker takes it,
    which failures push back.
    """

    __tablename__ = "timer"
    __table_args__ = (
        CheckConstraint("state in ('pending','fired','dropped','cancelled','failed')", name="state"),
        Index("ix_timer_try", "try_at", postgresql_where=text("state = 'pending'")),
        # One of a kind for each subject; also finds the pending ones of a subject.
        Index(
            "uq_timer_pending",
            "street_code",
            "subject_kind",
            "subject_id",
            "kind",
            unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
        Index("ix_timer_failed", "street_code", postgresql_where=text("state = 'failed'")),
        Index("ix_timer_settled", "settled_at", postgresql_where=text("state <> 'pending'")),
    )

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)  # names its handler, for example case.resolve_due
    subject_kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    place_code: Mapped[str] = mapped_column(Text)  # for the ledger: decides who may see it
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    try_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)  # for the handler
    state: Mapped[str] = mapped_column(Text)  # of STATES
    attempts: Mapped[int] = mapped_column(Integer)  # that failed
    last_error: Mapped[str | None] = mapped_column(Text)  # kind of error and line of code; no values
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    outcome: Mapped[str | None] = mapped_column(Text)  # fired, or why it was dropped
