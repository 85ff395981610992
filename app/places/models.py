"""Tables of places."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    DateTime,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.extensions import Base


class Place(Base):
    """A node of the place tree. ``path`` holds the codes from the street down to the place itself."""

    __tablename__ = "place"
    __table_args__ = (
        CheckConstraint("level in ('street','area','unit','community')", name="level"),
        Index("ix_place_path", "path", postgresql_using="gin"),
    )

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    street_code: Mapped[str] = mapped_column(Text, index=True)
    level: Mapped[str] = mapped_column(Text)
    parent_code: Mapped[str | None] = mapped_column(Text)  # of a street: the district, which is not a row
    path: Mapped[list[str]] = mapped_column(ARRAY(Text))
    name: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text, default="")
    standard_ref: Mapped[str] = mapped_column(Text, default="GB/T 47678-2026")
    properties: Mapped[dict[str, Any]] = mapped_column(
        JSONB, default=dict
    )  # source and accuracy, as imported
    outline: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", srid=4326, spatial_index=True))


class Checkpoint(Base):
    """A spot that rounds visit: a position with a radius, a floor label and a kind."""

    __tablename__ = "checkpoint"
    __table_args__ = (
        UniqueConstraint("street_code", "code"),
        CheckConstraint("radius_m between 5 and 500", name="radius"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    street_code: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(Text)  # short, printed on the tag
    name: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[str] = mapped_column(Text)
    floor_label: Mapped[str] = mapped_column(Text, default="")  # 1F, B1, roof: as written on the spot
    radius_m: Mapped[float] = mapped_column(Float)
    lat: Mapped[float] = mapped_column(Float)  # WGS-84
    lon: Mapped[float] = mapped_column(Float)
    unit_code: Mapped[str] = mapped_column(ForeignKey("place.code"))
    community_code: Mapped[str | None] = mapped_column(ForeignKey("place.code"))
    active: Mapped[bool] = mapped_column(Boolean, default=True)


class TagSheet(Base):
    """A printed sheet of tags. Asked for again with the same id it is the same sheet."""

    __tablename__ = "tag_sheet"

    id: Mapped[UUID] = mapped_column(primary_key=True)  # made by whoever asked
    street_code: Mapped[str] = mapped_column(Text)
    lang: Mapped[str] = mapped_column(Text)
    issued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    issued_by: Mapped[UUID]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)


class Tag(Base):
    """A printed QR tag of a checkpoint. Its token is signed with a key of the server; see ``tags``."""

    __tablename__ = "tag"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    street_code: Mapped[str] = mapped_column(Text)
    checkpoint_id: Mapped[UUID] = mapped_column(ForeignKey("checkpoint.id"), index=True)
    sheet_id: Mapped[UUID] = mapped_column(ForeignKey("tag_sheet.id"), index=True)
    issued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    issued_by: Mapped[UUID]
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
