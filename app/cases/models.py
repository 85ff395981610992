"""Tables of cases: the case itself, what happened to it, who is on it.

Keys start with the street's code and no row refers to another table by a foreign key, so that the tables
can be spread over machines. A person who leaves stays named on their old cases.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
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
    UniqueConstraint,
    false,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.extensions import Base

_LIVE = "state not in ('closed','void','duplicate')"


class CaseFile(Base):
    """One problem that somebody answers for. The id is made by whoever files it, when the form opens.

    ``state`` moves by ``life.json`` only. What the case was filed under (catalogue, policy, calendar) is
    kept by version, so that a newer one changes nothing about it.
    """

    __tablename__ = "case_file"
    __table_args__ = (
        UniqueConstraint("street_code", "number"),
        CheckConstraint(
            "source in ('patrol','hotline','shop_code','sensor','video','inspection')", name="source"
        ),
        CheckConstraint("mode in ('point','assign','watch')", name="mode"),
        CheckConstraint("level in ('common','key','difficult')", name="level"),
        CheckConstraint(
            "state in ('open','dispatched','acknowledged','on_scene','returned','on_hold','resolved',"
            "'verified','closed','void','duplicate')",
            name="state",
        ),
        Index(
            "ix_case_file_source_ref",
            "street_code",
            "source",
            "source_ref",
            unique=True,
            postgresql_where="source_ref is not null",
        ),
        # the board: live cases, the most urgent first
        Index("ix_case_file_live_due", "street_code", "next_due_at", "id", postgresql_where=_LIVE),
        Index("ix_case_file_ended", "street_code", "ended_at", "id", postgresql_where="ended_at is not null"),
        Index("ix_case_file_filed", "street_code", "filed_at", "id"),
        Index("ix_case_file_place_filed", "street_code", "place_code", "filed_at", "id"),
        Index("ix_case_file_owner", "owner_id", "due_at", postgresql_where=_LIVE),
        Index("ix_case_file_watcher", "watcher_id", postgresql_where=_LIVE),
        # what boards and maps count, without a look at the rows; what waits for verification
        Index(
            "ix_case_file_live_state",
            "street_code",
            "state",
            "place_code",
            postgresql_include=["overdue_at", "lat", "lon"],
            postgresql_where=_LIVE,
        ),
        Index("ix_case_file_reporter", "reporter_id", "filed_at"),
        Index("ix_case_file_live_position", "position", postgresql_using="gist", postgresql_where=_LIVE),
        Index("ix_case_file_position", "position", postgresql_using="gist"),
    )

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(Text)  # readable, unique per street
    on_day: Mapped[date] = mapped_column(Date)  # the day of filing in Shanghai
    source: Mapped[str] = mapped_column(Text)
    source_ref: Mapped[str | None] = mapped_column(Text)  # the number that the outside source gave it
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)  # of what it was filed from

    catalogue_version: Mapped[int] = mapped_column(Integer)
    policy_version: Mapped[int] = mapped_column(Integer)
    calendar_version: Mapped[int] = mapped_column(Integer)
    class_key: Mapped[str] = mapped_column(Text)  # P-01001 a part, M-09005 a matter
    condition: Mapped[int | None] = mapped_column(Integer)  # ordinal of the filing condition
    measured: Mapped[float | None] = mapped_column(Float)  # in the condition's unit
    level: Mapped[str] = mapped_column(Text)
    mode: Mapped[str] = mapped_column(Text)  # point, assign, watch: as it stands now
    urgent: Mapped[bool] = mapped_column(Boolean)  # its limit runs on the clock, at night too
    department: Mapped[str] = mapped_column(Text)

    text: Mapped[str] = mapped_column(Text, default="")  # what the finder wrote
    address: Mapped[str] = mapped_column(Text, default="")
    place_code: Mapped[str] = mapped_column(Text)  # the finest place known: decides who may see it
    lat: Mapped[float] = mapped_column(Float)  # WGS-84
    lon: Mapped[float] = mapped_column(Float)
    accuracy_m: Mapped[float] = mapped_column(Float)
    position: Mapped[WKBElement] = mapped_column(Geometry("POINT", srid=4326, spatial_index=False))

    state: Mapped[str] = mapped_column(Text)
    previous_state: Mapped[str | None] = mapped_column(Text)  # where a hold began
    version: Mapped[int] = mapped_column(Integer, default=1)  # grows with every event
    owner_id: Mapped[UUID | None]
    watcher_id: Mapped[UUID | None]
    arbiter_id: Mapped[UUID | None]
    verifier_id: Mapped[UUID | None]  # who was asked to verify; others with the right may, too
    reporter_id: Mapped[UUID | None]
    resolver_id: Mapped[UUID | None]
    owner_is_final: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())

    filed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))  # server time: the clock starts
    found_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))  # on the phone, skew removed
    clock_from: Mapped[datetime] = mapped_column(DateTime(timezone=True))  # filed, or reopened
    dispatched_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    acknowledged_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    on_scene_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    resolved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    hold_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    acknowledge_amount: Mapped[float] = mapped_column(Float)
    acknowledge_unit: Mapped[str] = mapped_column(Text)
    resolve_amount: Mapped[float] = mapped_column(Float)
    resolve_unit: Mapped[str] = mapped_column(Text)
    extension_amount: Mapped[float] = mapped_column(Float, default=0.0)  # in the resolve limit's unit
    acknowledge_due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))  # to resolve; None while held
    # what runs now: to resolve, to verify, to note; None while held: boards are ordered by it
    next_due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    verify_due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    note_due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    overdue_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))  # when it was noted as late

    returns: Mapped[int] = mapped_column(Integer, default=0)
    reworks: Mapped[int] = mapped_column(Integer, default=0)
    reopenings: Mapped[int] = mapped_column(Integer, default=0)
    reports: Mapped[int] = mapped_column(Integer, default=1)  # how many people or sources reported it
    fired: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict)  # trigger → times, in this mode
    fixed_on_spot: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    parent_id: Mapped[UUID | None]  # the case that this one is a duplicate of


# Written out, as in the indexes of live cases: a statement that is prepared for any states can use none.
LIVE = CaseFile.state.not_in(
    (literal_column("'closed'"), literal_column("'void'"), literal_column("'duplicate'"))
)


class CaseEvent(Base):
    """One step in the life of a case, in its order; nothing entered is ever erased.

    ``id`` is the phone's log entry, the console's request, or made by the server: sent again it is the
    same event.
    """

    __tablename__ = "case_event"
    __table_args__ = (UniqueConstraint("street_code", "id"),)

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True)  # the case's version after it
    id: Mapped[UUID]
    step: Mapped[str] = mapped_column(Text)  # file, a step of life.json, or escalate
    from_state: Mapped[str | None] = mapped_column(Text)
    to_state: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[UUID | None]  # None: the system
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))  # when it was done, skew removed
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    text: Mapped[str] = mapped_column(Text, default="")
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)


class CasePerson(Base):
    """Somebody's part in a case: owner, co-handler, watcher, arbiter, verifier; from when to when."""

    __tablename__ = "case_person"
    __table_args__ = (
        CheckConstraint("part in ('owner','co_handler','watcher','arbiter','verifier')", name="part"),
        Index("ix_case_person_user", "user_id", "part", postgresql_where="until is null"),
    )

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(Text, primary_key=True)
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    why: Mapped[str] = mapped_column(Text)  # how it came about: a word of dispatching, see dispatch_rules
    accepted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    end_reason: Mapped[str | None] = mapped_column(Text)


class CasePause(Base):
    """A hold: the clock stands still. Open while ``ends_at`` is None."""

    __tablename__ = "case_pause"

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    ends_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reason: Mapped[str] = mapped_column(Text)


class CaseRequest(Base):
    """A handler asks for a hold or for more time; a dispatcher decides with a note."""

    __tablename__ = "case_request"
    __table_args__ = (
        CheckConstraint("kind in ('hold','extension')", name="kind"),
        CheckConstraint("decision in ('granted','denied')", name="decision"),
        Index("ix_case_request_open", "street_code", "case_id", postgresql_where="decision is null"),
    )

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)  # the event that asked
    case_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    amount: Mapped[float | None] = mapped_column(Float)  # of an extension, in the resolve limit's unit
    until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))  # of a hold
    asked_by: Mapped[UUID]
    asked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    decision: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    note: Mapped[str] = mapped_column(Text, default="")


class CaseReport(Base):
    """Another report of the same problem: somebody joined, or a duplicate was linked; each is answered."""

    __tablename__ = "case_report"
    __table_args__ = (Index("ix_case_report_case", "street_code", "case_id"),)

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)  # the log entry, or the linked case
    case_id: Mapped[UUID]
    source: Mapped[str] = mapped_column(Text)
    source_ref: Mapped[str | None] = mapped_column(Text)
    reporter_id: Mapped[UUID | None]
    text: Mapped[str] = mapped_column(Text, default="")
    reported_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class CaseApproach(Base):
    """Who is coming, how far, since when. Distances only: where the person is, is not kept here."""

    __tablename__ = "case_approach"

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    distance_m: Mapped[float] = mapped_column(Float)
    accuracy_m: Mapped[float] = mapped_column(Float)
    fixed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True))  # accepted, so on the way
    inside: Mapped[int] = mapped_column(Integer, default=0)  # positions in a row surely within the circle
    arrived_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class CaseNumber(Base):
    """The last serial given to a street's cases on a day."""

    __tablename__ = "case_number"

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    on_day: Mapped[date] = mapped_column(Date, primary_key=True)
    last: Mapped[int] = mapped_column(Integer, server_default=text("0"))
