"""Tables of photos: what arrived, what it is used for, and the parts of what is still arriving.

The bytes lie in a store (see ``storage``); a row here is the truth about them. Nothing refers to these
tables by a foreign key: a use may be written before its photo has come, and the other way round.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    DateTime,
    Float,
    Index,
    Integer,
    LargeBinary,
    Text,
    false,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.extensions import Base


class Photo(Base):
    """One picture of one street, named by the SHA-256 of its bytes as they came.

    ``stored``: the original is kept, its sizes are still to be made. ``ready``: the sizes are there.
    ``rejected``: these bytes are no picture that can be shown (``problem`` says why); none are kept.
    A photo that nobody named in time has no row any more; it may come again.
    """

    __tablename__ = "photo"
    __table_args__ = (
        CheckConstraint("state in ('stored','ready','rejected')", name="state"),
        CheckConstraint("(state = 'rejected') = (storage_key is null)", name="bytes_kept"),
        Index("ix_photo_sizes_due", "sizes_due_at", postgresql_where="state = 'stored'"),
        Index("ix_photo_unused", "received_at", postgresql_where="not used"),
        Index("ix_photo_unnamed", "street_code", "uploaded_by", postgresql_where="not used"),
    )

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    sha256: Mapped[str] = mapped_column(Text, primary_key=True)  # 64 lower-case hexadecimal digits
    state: Mapped[str] = mapped_column(Text)
    problem: Mapped[str | None] = mapped_column(Text)  # slug, where rejected
    used: Mapped[bool] = mapped_column(Boolean, server_default=false())  # something names it; never unset
    storage_key: Mapped[str | None] = mapped_column(Text)  # of the original; None where no bytes are kept
    format: Mapped[str | None] = mapped_column(Text)  # jpeg, png, webp, heif: by content
    size_bytes: Mapped[int] = mapped_column(Integer)
    width: Mapped[int | None] = mapped_column(Integer)  # pixels as shown, orientation applied
    height: Mapped[int | None] = mapped_column(Integer)
    uploaded_by: Mapped[UUID]
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    exif_taken_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    exif_lat: Mapped[float | None] = mapped_column(Float)  # as written in the file, datum unknown
    exif_lon: Mapped[float | None] = mapped_column(Float)
    camera: Mapped[str | None] = mapped_column(Text)
    sizes_due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))  # or lent until then
    sizes_tries: Mapped[int] = mapped_column(Integer, server_default="0")


class PhotoUse(Base):
    """A photo named by something: a report's, an after-photo, a note's.

    The position of the claim is kept only until the photo's own can be compared with it; then the
    distance and the doubts stay.
    """

    __tablename__ = "photo_use"
    __table_args__ = (
        CheckConstraint("role in ('before','after','report','note','verify')", name="role"),
        Index("ix_photo_use_sha256", "street_code", "sha256"),
        Index("ix_photo_use_waiting", "used_at", postgresql_where="doubts is null and never_came_at is null"),
    )

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    subject_kind: Mapped[str] = mapped_column(Text, primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    role: Mapped[str] = mapped_column(Text, primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer)
    place_code: Mapped[str] = mapped_column(Text)
    entry_id: Mapped[UUID]  # the log entry that named it
    used_by: Mapped[UUID]
    used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))  # server time
    captured_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    claim_lat: Mapped[float | None] = mapped_column(Float)  # WGS-84; None once compared
    claim_lon: Mapped[float | None] = mapped_column(Float)
    claim_accuracy_m: Mapped[float | None] = mapped_column(Float)
    distance_m: Mapped[float | None] = mapped_column(Float)  # between claim and EXIF, where both have one
    doubts: Mapped[list[str] | None] = mapped_column(ARRAY(Text))  # None until the photo has come
    never_came_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PhotoPart(Base):
    """A piece of a photo that is still arriving. Each person's pieces are their own."""

    __tablename__ = "photo_part"
    __table_args__ = (
        Index("ix_photo_part_received", "received_at"),
        Index("ix_photo_part_user", "street_code", "user_id"),
    )

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    starts_at_byte: Mapped[int] = mapped_column(Integer, primary_key=True)
    total_bytes: Mapped[int] = mapped_column(Integer)  # of the whole photo
    body: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
