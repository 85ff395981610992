"""Tables of the intake."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.extensions import Base


class LogEntry(Base):
    """One entry of a phone's log with the server's result for it.

    ``payload`` is the exact text that was hashed and signed. It is dropped (the hash stays) where the
    entry carries positions past their retention, positions that were not taken on duty, or may carry
    positions and was refused; it is never there where the text is too large or cannot be stored (NUL,
    lone surrogates).
    """

    __tablename__ = "log_entry"
    __table_args__ = (
        CheckConstraint("state in ('applied','held','refused')", name="state"),
        Index("ix_log_entry_seq", "log_id", "seq"),
        Index("ix_log_entry_held", "log_id", "seq", postgresql_where="state = 'held'"),
        Index("ix_log_entry_refused", "log_id", "received_at", postgresql_where="state = 'refused'"),
        Index("ix_log_entry_received", "received_at", postgresql_using="brin"),  # retention
    )

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    log_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int | None] = mapped_column(BigInteger)  # None where the payload could not be read
    kind: Mapped[str | None] = mapped_column(Text)
    captured_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    payload: Mapped[str | None] = mapped_column(Text)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(Text)
    # of a held one: "seq:n" (its predecessor), the id of a shift or round, or "server" (our own fault)
    waits_for: Mapped[str | None] = mapped_column(Text)
    # the problem's slug: of a refused one; of a held one what it is refused with if nothing ever comes
    problem: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[str | None] = mapped_column(Text)
    clock_skew_s: Mapped[float] = mapped_column()
    applied_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    tried_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))  # when its result was last decided
