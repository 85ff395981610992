"""Lists of cases: what a phone shows, what lies nearby, who could be given a case."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, literal_column, or_, select

from app.cases.catalogue import queries as catalogue_queries
from app.cases.catalogue.rules import ProblemClass
from app.cases.models import LIVE, CaseFile, CasePerson
from app.cases.showing import Reader, field_cards
from app.core.extensions import db

REPORTED_FOR = timedelta(days=14)
MOST_TASKS = 100
MOST_NEARBY = 300
NEAR_M = 60.0  # any class
NEAR_SAME_CLASS_M = 120.0
METRES_PER_DEGREE = 111_320.0


def field_cases(reader: Reader, scope: Collection[str], verify_scope: Collection[str], now: datetime) -> Any:
    """Everything about cases that the phone of *reader* shows.

    Args:
        scope: places whose cases they may see.
        verify_scope: places where they may verify.
    """
    return {
        "tasks": field_cards(_with_part(reader, ("owner", "co_handler")), reader),
        "to_verify": field_cards(_to_verify(reader, verify_scope), reader),
        "watching": field_cards(_with_part(reader, ("watcher", "arbiter")), reader),
        "reported": field_cards(_reported(reader, now), reader),
        "nearby": nearby(reader.street_code, scope),
        "catalogue_version": catalogue_queries.current(reader.street_code),
    }


def _with_part(reader: Reader, parts: Collection[str]) -> list[CaseFile]:
    """Live cases in which the reader has one of *parts* now, the most urgent first."""
    mine = (
        select(CasePerson.case_id)
        .where(
            CasePerson.user_id == reader.user_id,
            CasePerson.street_code == reader.street_code,
            CasePerson.part.in_(parts),
            CasePerson.until.is_(None),
        )
        .scalar_subquery()
    )
    return _read(CaseFile.id.in_(mine), LIVE, street_code=reader.street_code)


def _to_verify(reader: Reader, scope: Collection[str]) -> list[CaseFile]:
    """Resolved cases that the reader was asked to verify, then others that they may, but no own work."""
    if not scope:
        return []
    took_part = (  # as acting.took_part says
        select(CasePerson.case_id)
        .where(
            CasePerson.street_code == reader.street_code,
            CasePerson.case_id == CaseFile.id,
            CasePerson.user_id == reader.user_id,
            or_(
                CasePerson.part == "co_handler",
                and_(
                    CasePerson.part == "owner",
                    or_(CasePerson.accepted_at.is_not(None), CasePerson.until.is_(None)),
                ),
            ),
        )
        .correlate(CaseFile)
    )
    return _read(
        CaseFile.state == literal_column("'resolved'"),
        CaseFile.place_code.in_(scope),
        CaseFile.resolver_id.is_distinct_from(reader.user_id),
        ~took_part.exists(),
        street_code=reader.street_code,
        first=CaseFile.verifier_id == reader.user_id,
    )


def _reported(reader: Reader, now: datetime) -> list[CaseFile]:
    statement = (
        select(CaseFile)
        .where(
            CaseFile.reporter_id == reader.user_id,
            CaseFile.street_code == reader.street_code,
            CaseFile.filed_at >= now - REPORTED_FOR,
        )
        .order_by(CaseFile.filed_at.desc())
        .limit(MOST_TASKS)
    )
    return list(db.session.scalars(statement))


def _read(*conditions: Any, street_code: str, first: ColumnElement[bool] | None = None) -> list[CaseFile]:
    """Cases that meet *conditions*, those of *first* before the others, the most urgent first."""
    order = [CaseFile.next_due_at.nulls_last(), CaseFile.id]
    before = [] if first is None else [func.coalesce(first, false()).desc()]
    statement = select(CaseFile).where(CaseFile.street_code == street_code, *conditions)
    return list(db.session.scalars(statement.order_by(*before, *order).limit(MOST_TASKS)))


_NEAR_COLUMNS = (
    CaseFile.id,
    CaseFile.number,
    CaseFile.class_key,
    CaseFile.catalogue_version,
    CaseFile.state,
    CaseFile.address,
    CaseFile.lat,
    CaseFile.lon,
    CaseFile.filed_at,
    CaseFile.reports,
)


def nearby(street_code: str, scope: Collection[str]) -> list[dict[str, Any]]:
    """Live cases of the places of *scope*, newest first: what a phone compares a new report with."""
    rows = db.session.execute(
        select(*_NEAR_COLUMNS)
        .where(CaseFile.street_code == street_code, CaseFile.place_code.in_(scope), LIVE)
        .order_by(CaseFile.filed_at.desc())
        .limit(MOST_NEARBY)
    ).all()
    return _all_near(street_code, rows)


def near(
    street_code: str, scope: Collection[str], lat: float, lon: float, class_key: str | None
) -> list[dict[str, Any]]:
    """Live cases around a WGS-84 position, nearest first: of any class very near, of *class_key* further."""
    here = func.ST_SetSRID(func.ST_MakePoint(lon, lat), 4326)
    away = func.ST_DistanceSphere(CaseFile.position, here)
    box = func.ST_Expand(here, NEAR_SAME_CLASS_M / METRES_PER_DEGREE * 1.3)
    close = or_(away <= NEAR_M, and_(CaseFile.class_key == (class_key or ""), away <= NEAR_SAME_CLASS_M))
    rows = db.session.execute(
        select(*_NEAR_COLUMNS)
        .where(
            CaseFile.street_code == street_code,
            CaseFile.place_code.in_(scope),
            LIVE,
            CaseFile.position.op("&&")(box),
            close,
        )
        .order_by(away)
        .limit(20)
    ).all()
    return _all_near(street_code, rows)


def _all_near(street_code: str, rows: Sequence[Any]) -> list[dict[str, Any]]:
    find = catalogue_queries.classes_of(street_code, {row.catalogue_version for row in rows})
    return [_near(row, find(row.catalogue_version, row.class_key)) for row in rows]


def _near(row: Any, problem: ProblemClass | None) -> dict[str, Any]:
    shown = {c.key: getattr(row, c.key) for c in _NEAR_COLUMNS if c.key != "catalogue_version"}
    return shown | {
        "class_name": problem.name if problem else row.class_key,
        "class_name_en": problem.name_en if problem else row.class_key,
    }
