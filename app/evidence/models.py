"""Tables of evidence."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import CheckConstraint, DateTime, Float, Index, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.extensions import Base


class Proof(Base):
    """What a check-in rests on, and how the server graded it.

    Three clocks: ``captured_at`` (phone), ``fixed_at`` (positioning), ``received_at`` (server).
    The position is stored as it came, in ``datum``; where it was not taken on duty, only its distance and
    accuracy are.
    """

    __tablename__ = "proof"
    __table_args__ = (
        CheckConstraint("grade in ('verified','doubtful')", name="grade"),
        Index("ix_proof_user_captured", "user_id", "captured_at"),
        Index("ix_proof_device_captured", "device_id", "captured_at"),
        Index(
            "ix_proof_decided",  # a worker's own decisions, for the feed
            "user_id",
            "received_at",
            postgresql_where="review_state in ('accepted','rejected','answered')",
        ),
        Index(
            "ix_proof_review",
            "street_code",
            "review_state",
            "id",
            postgresql_where="review_state in ('pending','answered')",
        ),
    )

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)  # the log entry
    subject_kind: Mapped[str] = mapped_column(Text)  # check_in
    place_code: Mapped[str] = mapped_column(Text)
    user_id: Mapped[UUID]
    log_id: Mapped[UUID]
    device_id: Mapped[UUID]
    captured_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    fixed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    clock_skew_s: Mapped[float] = mapped_column(Float)
    lat: Mapped[float | None] = mapped_column(Float)
    lon: Mapped[float | None] = mapped_column(Float)
    datum: Mapped[str | None] = mapped_column(Text)
    accuracy_m: Mapped[float | None] = mapped_column(Float)
    distance_m: Mapped[float | None] = mapped_column(Float)  # from the checkpoint's centre
    tag_state: Mapped[str] = mapped_column(Text)  # none, right, wrong, revoked, forged
    rules_version: Mapped[int] = mapped_column(Integer)
    grade: Mapped[str] = mapped_column(Text)
    reasons: Mapped[list[str]] = mapped_column(ARRAY(Text))
    review_state: Mapped[str] = mapped_column(Text)  # none, pending, accepted, rejected, answered


class Review(Base):
    """A supervisor's decision on a doubtful proof: the first, or the second after the worker's answer."""

    __tablename__ = "review"
    __table_args__ = (CheckConstraint("decision in ('accepted','rejected')", name="decision"),)

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    proof_id: Mapped[UUID] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True)  # 1 or 2
    id: Mapped[UUID] = mapped_column(unique=True)  # made by the console
    decision: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text)
    decided_by: Mapped[UUID]
    decided_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)


class Answer(Base):
    """The worker's one answer to a decision."""

    __tablename__ = "review_answer"

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    proof_id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID]
    text: Mapped[str] = mapped_column(Text)
    answered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class TrackFix(Base):
    """One position of a track. Raw fixes are dropped after the retention time, by partition."""

    __tablename__ = "track_fix"
    __table_args__ = (
        Index("ix_track_fix_round", "round_id", "fixed_at"),
        Index("ix_track_fix_user", "user_id", "fixed_at"),
        {"postgresql_partition_by": "RANGE (received_at)"},
    )

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True)
    user_id: Mapped[UUID]
    shift_id: Mapped[UUID]
    round_id: Mapped[UUID | None]
    fixed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    lat: Mapped[float] = mapped_column(Float)
    lon: Mapped[float] = mapped_column(Float)
    datum: Mapped[str] = mapped_column(Text)
    accuracy_m: Mapped[float] = mapped_column(Float)


class TrackGap(Base):
    """A stretch without positions, with its honest cause."""

    __tablename__ = "track_gap"
    __table_args__ = (Index("ix_track_gap_round", "round_id"),)

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)  # the log entry
    user_id: Mapped[UUID]
    shift_id: Mapped[UUID]
    round_id: Mapped[UUID | None]
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    cause: Mapped[str] = mapped_column(Text)


class LastPosition(Base):
    """Where a person on duty was last seen. The row goes when the shift ends."""

    __tablename__ = "last_position"

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    shift_id: Mapped[UUID]
    fixed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    accuracy_m: Mapped[float] = mapped_column(Float)
    position: Mapped[WKBElement] = mapped_column(Geometry("POINT", srid=4326, spatial_index=True))
