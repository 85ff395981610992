"""Tables that cases are judged by: the catalogue, who is responsible, the escalation policy.

All of it is data of the street, kept in versions or with days of validity, so that an old case can be
explained by what held when it was filed.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    Float,
    Index,
    Integer,
    LargeBinary,
    Text,
    false,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.extensions import Base


class Catalogue(Base):
    """A version of the street's problem classes; the newest is in force for new cases."""

    __tablename__ = "catalogue"

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    imported_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)


class CaseClass(Base):
    """A class of problems in one version of the catalogue.

    ``key`` is ``P-`` or ``M-`` and the five-digit code: parts and matters share code numbers. Limits are
    an amount of a unit of :mod:`app.timers.worktime`.
    """

    __tablename__ = "case_class"
    __table_args__ = (
        CheckConstraint("kind in ('part','matter')", name="kind"),
        CheckConstraint("level in ('common','key','difficult')", name="level"),
        CheckConstraint("mode in ('point','assign','watch')", name="mode"),
    )

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(Text)
    major: Mapped[str] = mapped_column(Text)
    minor: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    pinyin: Mapped[str] = mapped_column(Text)  # without tones and spaces: kuamenyingye
    initials: Mapped[str] = mapped_column(Text)  # kmyy
    level: Mapped[str] = mapped_column(Text)
    mode: Mapped[str] = mapped_column(Text)
    department: Mapped[str] = mapped_column(Text)
    acknowledge_amount: Mapped[float] = mapped_column(Float)
    acknowledge_unit: Mapped[str] = mapped_column(Text)
    resolve_amount: Mapped[float] = mapped_column(Float)
    resolve_unit: Mapped[str] = mapped_column(Text)
    filing_condition: Mapped[str] = mapped_column(Text)
    closing_condition: Mapped[str] = mapped_column(Text)
    radius_m: Mapped[float] = mapped_column(Float)  # of the circle that counts as on scene
    local: Mapped[bool] = mapped_column(Boolean, server_default=false())  # an extension of the standard
    standard_ref: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)


class FilingCondition(Base):
    """One of several conditions under which a class is filed, with its own threshold and limit."""

    __tablename__ = "filing_condition"
    __table_args__ = (CheckConstraint("comparison in ('>','>=','any')", name="comparison"),)

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    class_key: Mapped[str] = mapped_column(Text, primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    text_en: Mapped[str] = mapped_column(Text)
    measure: Mapped[str] = mapped_column(Text, default="")  # what to measure: 破损面积
    measure_en: Mapped[str] = mapped_column(Text, default="")
    measure_unit: Mapped[str] = mapped_column(Text, default="")  # cm2, m2, mm, cm, m, 个
    comparison: Mapped[str] = mapped_column(Text)  # any: nothing is measured
    threshold: Mapped[float | None] = mapped_column(Float)
    resolve_amount: Mapped[float] = mapped_column(Float)
    resolve_unit: Mapped[str] = mapped_column(Text)
    closing_condition: Mapped[str] = mapped_column(Text)


class Department(Base):
    """A department that handles cases."""

    __tablename__ = "department"

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    name_en: Mapped[str] = mapped_column(Text, default="")
    credit_code: Mapped[str] = mapped_column(Text, default="")  # unified social credit code, 18 characters


class Responsibility(Base):
    """One cell of the responsibility matrix: for these classes, at this place, this person does this.

    ``selector_kind`` is ``class`` (selector: a class key), ``department`` (its name) or ``any``
    (selector empty). A finer selector and a deeper place win.
    """

    __tablename__ = "responsibility"
    __table_args__ = (
        CheckConstraint("selector_kind in ('class','department','any')", name="selector_kind"),
        CheckConstraint("duty in ('handler','owner','deputy','watcher','arbiter')", name="duty"),
        Index("ix_responsibility_place", "street_code", "place_code", "duty"),
        Index("ix_responsibility_user", "user_id"),
    )

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)  # made by whoever creates it
    place_code: Mapped[str] = mapped_column(Text)
    selector_kind: Mapped[str] = mapped_column(Text)
    selector: Mapped[str] = mapped_column(Text, default="")
    duty: Mapped[str] = mapped_column(Text)
    user_id: Mapped[UUID]
    rank: Mapped[int] = mapped_column(Integer, default=1)  # 1 is asked first
    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)  # last day, inclusive
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))  # taken out of the matrix
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)


class Absence(Base):
    """Somebody is away: deputies take over until they are back."""

    __tablename__ = "absence"
    __table_args__ = (Index("ix_absence_user", "user_id", "ends_at"),)

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)  # made by whoever notes it
    user_id: Mapped[UUID]
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    reason: Mapped[str] = mapped_column(Text, default="")
    noted_by: Mapped[UUID]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)


class CasePolicy(Base):
    """A version of the street's escalation policy; the newest is in force for new cases."""

    __tablename__ = "case_policy"

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_by: Mapped[UUID | None]  # None: from the command line
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
