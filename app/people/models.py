"""Tables of people. Personal data: names, phones; see docs/privacy.md for who may read what."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.extensions import Base


class User(Base):
    """A person who signs in."""

    __tablename__ = "app_user"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    street_code: Mapped[str] = mapped_column(Text, index=True)
    username: Mapped[str] = mapped_column(Text, unique=True)  # lower case
    display_name: Mapped[str] = mapped_column(Text)
    display_name_en: Mapped[str] = mapped_column(Text, default="")
    phone: Mapped[str] = mapped_column(Text, default="")
    password_hash: Mapped[str] = mapped_column(Text)  # Argon2id
    password_changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    # made by `flask demo load`, with a password that everybody can read: nobody in production
    demo: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())


class SignInFailure(Base):
    """Failed sign-ins in a row under one name, whether somebody has that name or not.

    The answers to a name must not tell whether it exists, so all are counted and slowed down alike; the
    hash keeps what people type (now and then a password) out of the table.
    """

    __tablename__ = "sign_in_failure"

    name_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)  # SHA-256, lower case
    failures: Mapped[int] = mapped_column(Integer)
    failed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))  # the last one
    next_try_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))  # slow-down and lock


class Post(Base):
    """What a person is, and where: a role at a place."""

    __tablename__ = "post"
    __table_args__ = (
        UniqueConstraint("user_id", "role", "place_code"),
        CheckConstraint(
            "role in ('patroller','handler','dispatcher','supervisor','leader','admin')", name="role"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), index=True)
    role: Mapped[str] = mapped_column(Text)
    place_code: Mapped[str] = mapped_column(ForeignKey("place.code"))
    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)  # last day, inclusive


class SignInSession(Base):
    """A sign-in on one device: the family of its refresh tokens. Ended means all its tokens are dead."""

    __tablename__ = "sign_in_session"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), index=True)
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    end_reason: Mapped[str | None] = mapped_column(
        Text
    )  # signed_out, everywhere, token_reused, password_changed
    user_agent: Mapped[str] = mapped_column(Text, default="")


class RefreshToken(Base):
    """One link of a family. A token dies when its successor is *used*, not when it is issued: an
    answer lost on a bad line must not sign an honest person out."""

    __tablename__ = "refresh_token"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)  # SHA-256
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sign_in_session.id"), index=True)
    issued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    predecessor_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PhoneLog(Base):
    """The log of one person on one device, with the public key that its entries are signed with."""

    __tablename__ = "phone_log"

    id: Mapped[UUID] = mapped_column(primary_key=True)  # made by the phone
    street_code: Mapped[str] = mapped_column(Text)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"), index=True)
    device_id: Mapped[UUID] = mapped_column(index=True)  # the same for all logs of one browser
    public_key: Mapped[bytes] = mapped_column(LargeBinary, index=True)  # P-256, SubjectPublicKeyInfo DER
    label: Mapped[str] = mapped_column(Text, default="")  # what the device calls itself
    registered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_sync_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    clock_skew_s: Mapped[float | None] = mapped_column(Float)  # phone minus server, at the last send


class Shift(Base):
    """Time on duty. Location is taken and accepted inside a shift only."""

    __tablename__ = "shift"
    __table_args__ = (
        Index("ix_shift_user_started", "user_id", "started_at"),
        Index("ix_shift_open", "started_at", postgresql_where="ended_at is null"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)  # the log entry that started it
    street_code: Mapped[str] = mapped_column(Text)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("app_user.id"))
    device_id: Mapped[UUID]
    place_code: Mapped[str] = mapped_column(Text)  # the post's place
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))  # phone's clock, skew removed
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    end_kind: Mapped[str | None] = mapped_column(Text)  # self, automatic, superseded
