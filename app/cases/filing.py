"""Filing: from what somebody found to a case with a number, clocks and somebody who answers for it.

One way in for all sources: the phone's log, the hotline and whatever comes later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from geoalchemy2 import WKTElement
from sqlalchemy import event, select, text, update
from sqlalchemy.orm import Session

from app.cases import clocks, escalating, footing
from app.cases.acting import Act, write
from app.cases.catalogue import queries as catalogue_queries
from app.cases.catalogue.rules import ProblemClass, limit_for
from app.cases.models import CaseFile, CaseReport
from app.cases.policy import escalation
from app.core import clock, problems
from app.core.extensions import db
from app.core.idempotency import fingerprint
from app.core.problems import Problem
from app.ledger.models import LedgerRow
from app.media import service as media
from app.notify.models import Notification
from app.places import queries as places


@dataclass(frozen=True, slots=True)
class Spot:
    """Where it is, in WGS-84, and the finest place that the position is clear about."""

    lat: float
    lon: float
    accuracy_m: float
    place_code: str


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Attributes:
        id: of the case; made by whoever reports.
        catalogue_version: the version that the reporter chose from; None: the newest.
        measured: in the unit of the chosen condition.
        content: what the report was made of, so that an id used again for something else is noticed.
    """

    id: UUID
    street_code: str
    source: str
    source_ref: str | None
    class_key: str
    catalogue_version: int | None
    condition: int | None
    measured: float | None
    text: str
    address: str
    spot: Spot
    found_at: datetime
    received_at: datetime
    reporter_id: UUID | None
    fixed_on_spot: bool
    photos: Sequence[media.Claim]
    content: dict[str, Any]


def spot_of(street_code: str, lat: float, lon: float, accuracy_m: float) -> Spot:
    """Find the place of a WGS-84 position; one that touches an edge belongs to the place under its centre,
    one outside to the street as a whole."""
    at = places.locate(street_code, lat, lon, accuracy_m, "wgs84")
    finest = at.community_code or _under_centre(street_code, lat, lon)
    return Spot(lat, lon, accuracy_m, finest or street_code)


def _under_centre(street_code: str, lat: float, lon: float) -> str | None:
    covering = places.covering(street_code, [(lat, lon)])[0]
    return covering.get("community") or covering.get("unit")


_CENTRE = text(
    "select ST_Y(c) as lat, ST_X(c) as lon, "
    "ST_MaxDistance(ST_Transform(c, 3857), ST_Transform(outline, 3857)) * cos(radians(ST_Y(c))) as reach_m "
    "from place, lateral (select ST_PointOnSurface(outline) as c) inside where code = :code"
)


def spot_in(place_code: str) -> Spot | None:
    """A stand-in for a position nobody has: somewhere in the place, as vague as the place is large."""
    row = db.session.execute(_CENTRE, {"code": place_code}).one_or_none()
    return None if row is None else Spot(row.lat, row.lon, round(row.reach_m), place_code)


def file_case(found: Found) -> CaseFile:
    """Make a case of *found*, give it to somebody, start its clocks.

    Raises:
        Problem: CLASS_UNKNOWN, ID_REUSED; POLICY_MISSING, CALENDAR_MISSING where the street has none yet.
    """
    place, catalogue = found.spot.place_code, found.catalogue_version
    under = footing.look(found.street_code, found.id, place, catalogue)
    if under.filed is not None:
        if under.filed != fingerprint(found.content):
            raise Problem(problems.ID_REUSED)
        return db.session.get_one(CaseFile, (found.street_code, found.id))
    if under.policy is None:
        raise Problem(problems.POLICY_MISSING)
    if under.calendar is None:
        raise Problem(problems.CALENDAR_MISSING)
    version, problem = _class_of(found)
    condition = problem.condition(found.condition)  # one that the class does not have is left out
    case = CaseFile(
        street_code=found.street_code,
        id=found.id,
        fingerprint=fingerprint(found.content),
        catalogue_version=version,
        policy_version=under.policy,
        calendar_version=under.calendar,
        level=problem.level,
        mode=problem.mode,
        department=problem.department,
        state="open",
        version=0,
        filed_at=found.received_at,
        clock_from=found.received_at,
        on_day=found.received_at.astimezone(clock.SHANGHAI).date(),
        owner_is_final=False,
        extension_amount=0.0,
        returns=0,
        reworks=0,
        reopenings=0,
        reports=1,
        fired={},
        number=None,  # given when the case is written
        condition=None if condition is None else condition.ordinal,
        **_as_found(found),
        **_limits(found, problem),
    )
    db.session.add(case)
    _begin(case, found, limit_for(problem, condition, found.measured).remark)
    return case


def _as_found(found: Found) -> dict[str, Any]:
    """What the report says, column by column."""
    spot = found.spot
    same = (
        "source",
        "source_ref",
        "class_key",
        "measured",
        "text",
        "address",
        "found_at",
        "reporter_id",
        "fixed_on_spot",
    )
    return {name: getattr(found, name) for name in same} | {
        "place_code": spot.place_code,
        "lat": spot.lat,
        "lon": spot.lon,
        "accuracy_m": spot.accuracy_m,
        "position": WKTElement(f"POINT({spot.lon} {spot.lat})", srid=4326),
    }


def _limits(found: Found, problem: ProblemClass) -> dict[str, Any]:
    """The limits that the class, or its chosen condition, gives the case."""
    limits = limit_for(problem, problem.condition(found.condition), found.measured)
    same = ("acknowledge_amount", "acknowledge_unit", "resolve_amount", "resolve_unit", "urgent")
    return {name: getattr(limits, name) for name in same}


def _class_of(found: Found) -> tuple[int, ProblemClass]:
    """The class in the version that the reporter saw, or in the newest where that one is not known here."""
    for wanted in (found.catalogue_version, None):
        version = wanted or catalogue_queries.current(found.street_code)
        if version is None:
            continue
        problem = catalogue_queries.class_of(found.street_code, version, found.class_key)
        if problem is not None:
            return version, problem
    raise Problem(problems.CLASS_UNKNOWN, f"The catalogue has no class {found.class_key}.")


_SERIAL = text(
    "insert into case_number (street_code, on_day, last) values (:street_code, :on_day, 1) "
    "on conflict (street_code, on_day) do update set last = case_number.last + 1 returning last"
)


def give_numbers(session: Session) -> None:
    """Number the cases that are about to be written, and what is said about them in the same transaction.

    A number is taken as late as can be, because the row of the counter is locked from then until the
    commit: whoever files a case of the same street meanwhile waits.
    """
    new = [row for row in session.new if isinstance(row, CaseFile) and row.number is None]
    for case in new:
        case.number = _next_number(session, case)
    numbers = {str(case.id): case.number for case in new}
    for row in session.new if numbers else ():
        if isinstance(row, LedgerRow | Notification) and row.data.get("number", "") is None:
            row.data["number"] = numbers[str(row.subject_id)]


@event.listens_for(db.session, "before_flush")
def _give_numbers(session: Session, _context: object, _instances: object) -> None:
    give_numbers(session)


def _next_number(session: Session, case: CaseFile) -> str:
    """The next number of the day: CY20261124-0007."""
    prefix = clocks.policy_of(case).number_prefix
    given = {"street_code": case.street_code, "on_day": case.on_day}
    return f"{prefix}{case.on_day:%Y%m%d}-{session.execute(_SERIAL, given).scalar_one():04d}"


def _begin(case: CaseFile, found: Found, remark: str | None) -> None:
    act = Act(
        id=found.id,
        actor_id=found.reporter_id,
        at=found.found_at,
        received_at=found.received_at,
        text=found.text,
        data={"source": found.source, "remark": remark},
        photos=found.photos,
        content=found.content,
    )
    if found.fixed_on_spot:
        case.resolved_at = case.verified_at = found.received_at
        case.resolver_id = found.reporter_id
        act.data["fixed_on_spot"] = True
        write(case, "file", act, "closed")
        return
    write(case, "file", act, "open")
    clocks.start_resolving(case, found.received_at)
    escalating.start(case, found.received_at)


def add_report(case: CaseFile, report: CaseReport, now: datetime, *, carried: int = 0) -> None:
    """Add another report of the same problem to a live case; enough of them raise it.

    Args:
        carried: so many more came with it, from the case that it was until now.
    """
    report.street_code, report.case_id = case.street_code, case.id
    db.session.add(report)
    before = case.reports
    case.reports += 1 + carried
    if escalation.many_reports(clocks.policy_of(case), before, case.reports):
        escalating.escalate(case, "many_reports", now, repeatable=False)


def has_reported(case: CaseFile, user_id: UUID) -> bool:
    """True where the case counts a report of that person already."""
    if case.reporter_id == user_id:
        return True
    statement = select(CaseReport.id).where(
        CaseReport.street_code == case.street_code,
        CaseReport.case_id == case.id,
        CaseReport.reporter_id == user_id,
    )
    return db.session.scalar(statement.limit(1)) is not None


def carry_reports(case: CaseFile, parent: CaseFile) -> int:
    """Whoever had joined *case* is answered when *parent* ends; returns how many reports that are."""
    moved = db.session.scalars(
        update(CaseReport)
        .where(CaseReport.street_code == case.street_code, CaseReport.case_id == case.id)
        .values(case_id=parent.id)
        .returning(CaseReport.id)
        .execution_options(synchronize_session=False)
    )
    return len(moved.all())
