"""The case board, its map, and what is exported: questions over many cases at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, text, tuple_

from app.cases.catalogue import queries as catalogue_queries
from app.cases.catalogue.rules import ProblemClass
from app.cases.models import LIVE, CaseFile, CasePerson
from app.cases.showing import WORKING, Reader, cards
from app.core import clock, problems
from app.core.extensions import db
from app.core.pages import decode_cursor, encode_cursor

MOST_ON_MAP = 1000
NEVER = datetime(2200, 1, 1, tzinfo=UTC)  # stands for "no deadline runs" in cursors
EXPORT_CHUNK = 1000
# How far a search by the end of a number looks, in the board's order, and how many it finds.
MOST_SEARCHED = 20_000
MOST_FOUND = 1000

# As on the cards: what is said to be resolved, or rests, is late no longer.
_LATE = CaseFile.overdue_at.is_not(None) & CaseFile.state.in_(sorted(WORKING))

_END_OF_NUMBER = re.compile(r"\d{1,4}")

_PLAN_ANEW = text("set local plan_cache_mode = force_custom_plan")

_EQUAL = ("state", "mode", "source", "class_key", "department", "owner_id")


def board(reader: Reader, scope: Collection[str], asked: dict[str, Any]) -> dict[str, Any]:
    """One page of the board.

    Live cases come by what runs out first, so what is late stands on top; ended ones by their end, newest
    first.

    Args:
        scope: places whose cases are shown.
        asked: as ``CaseBoardQuery`` loaded it.

    Raises:
        Problem: BAD_REQUEST where the cursor is not one of ours.
    """
    live = asked["view"] == "live"
    chosen = _filters(reader, scope, asked)
    if asked["number"]:
        chosen.append(_numbered(asked["number"].strip().upper(), chosen, live=live))
    found = select(CaseFile).where(*chosen)
    found = _live_page(found, asked["cursor"]) if live else _ended_page(found, asked["cursor"])
    rows = list(db.session.scalars(found.limit(asked["limit"] + 1)))
    page = rows[: asked["limit"]]
    more = len(rows) > len(page)
    return {
        "items": cards(page, reader),
        "next_cursor": _cursor(page[-1], live=live) if more else None,
        "counts": counts(reader.street_code, scope),
    }


def _filters(reader: Reader, scope: Collection[str], asked: dict[str, Any]) -> list[ColumnElement[bool]]:
    chosen = [CaseFile.street_code == reader.street_code, CaseFile.place_code.in_(scope)]
    chosen.append(LIVE if asked["view"] == "live" else CaseFile.ended_at.is_not(None))
    chosen += [getattr(CaseFile, name) == asked[name] for name in _EQUAL if asked[name] is not None]
    if asked["overdue"] is not None:
        late = _LATE if asked["view"] == "live" else CaseFile.overdue_at.is_not(None)
        chosen.append(late if asked["overdue"] else ~late)
    if asked["accept_overdue"]:
        chosen.append(_accept_late())
    if asked["filed_from"] is not None:
        chosen.append(CaseFile.filed_at >= asked["filed_from"])
    if asked["filed_to"] is not None:
        chosen.append(CaseFile.filed_at < asked["filed_to"])
    if asked["mine"]:
        mine = select(CasePerson.case_id).where(
            CasePerson.user_id == reader.user_id, CasePerson.until.is_(None)
        )
        chosen.append(CaseFile.id.in_(mine.scalar_subquery()))
    return chosen


def _accept_late() -> ColumnElement[bool]:
    """Given to somebody who has not taken it in time."""
    return and_(CaseFile.state == "dispatched", CaseFile.acknowledge_due_at < clock.now())


def _numbered(asked: str, chosen: Sequence[ColumnElement[bool]], *, live: bool) -> ColumnElement[bool]:
    """Numbers that begin as *asked*; one to four digits are what people say of a number, its end.

    No index knows the ends of numbers, so these are looked for among the first ``MOST_SEARCHED`` cases of the
    board alone.
    """
    if not _END_OF_NUMBER.fullmatch(asked):
        return CaseFile.number.startswith(asked, autoescape=True)
    first = select(CaseFile).where(*chosen)
    looked = (_live_page(first, None) if live else _ended_page(first, None)).limit(MOST_SEARCHED).subquery()
    ends_so = select(looked.c.id).where(looked.c.number.endswith(asked)).limit(MOST_FOUND)
    return CaseFile.id.in_(list(db.session.scalars(ends_so)))


def _live_page(found: Select[Any], cursor: str | None) -> Select[Any]:
    if cursor is not None:
        at, row_id = _read_cursor(cursor)
        after = tuple_(CaseFile.next_due_at, CaseFile.id) > (at, row_id)
        resting = and_(CaseFile.next_due_at.is_(None), CaseFile.id > row_id)
        found = found.where(resting if at == NEVER else or_(after, CaseFile.next_due_at.is_(None)))
    return found.order_by(CaseFile.next_due_at.asc().nulls_last(), CaseFile.id)


def _ended_page(found: Select[Any], cursor: str | None) -> Select[Any]:
    if cursor is not None:
        found = found.where(tuple_(CaseFile.ended_at, CaseFile.id) < _read_cursor(cursor))
    return found.order_by(CaseFile.ended_at.desc(), CaseFile.id.desc())


def _cursor(last: CaseFile, *, live: bool) -> str:
    at = (last.next_due_at or NEVER) if live else (last.ended_at or NEVER)
    return encode_cursor(at.isoformat(), str(last.id))


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    at, row_id = decode_cursor(cursor, 2)
    try:
        moment, key = datetime.fromisoformat(str(at)), UUID(str(row_id))
    except ValueError as error:
        raise problems.Problem(problems.BAD_REQUEST, "The page cursor is not valid.") from error
    if moment.tzinfo is None:
        raise problems.Problem(problems.BAD_REQUEST, "The page cursor is not valid.")
    return moment, key


def counts(street_code: str, scope: Collection[str]) -> dict[str, int]:
    """How many live cases there are of each state; ``overdue``: how many of them are late, and
    ``accept_overdue``: how many somebody should have taken by now. Only these few are looked at row by row."""
    seen = (CaseFile.street_code == street_code, CaseFile.place_code.in_(scope), LIVE)
    rows = db.session.execute(
        select(
            CaseFile.state,
            func.count(),
            func.count().filter(_LATE),
        )
        .where(*seen)
        .group_by(CaseFile.state)
    ).all()
    accept = db.session.scalar(select(func.count()).select_from(CaseFile).where(*seen, _accept_late())) or 0
    return {state: number for state, number, _ in rows} | {
        "overdue": sum(late for *_, late in rows),
        "accept_overdue": accept,
    }


def on_map(street_code: str, scope: Collection[str], box: dict[str, float]) -> dict[str, Any]:
    """Live cases in a rectangle (west, south, east, north; WGS-84), the most urgent where there are too
    many; ``total`` counts them all."""
    # A few streets or the whole of it: each is found another way, so it is planned for the very rectangle.
    db.session.execute(_PLAN_ANEW)
    seen = [CaseFile.street_code == street_code, CaseFile.place_code.in_(scope), LIVE]
    envelope = func.ST_MakeEnvelope(box["west"], box["south"], box["east"], box["north"], 4326)
    rows = db.session.execute(
        select(
            CaseFile.id,
            CaseFile.number,
            CaseFile.catalogue_version,
            CaseFile.class_key,
            CaseFile.state,
            CaseFile.mode,
            CaseFile.overdue_at,
            CaseFile.lat,
            CaseFile.lon,
        )
        .where(*seen, CaseFile.position.op("&&")(envelope))
        .order_by(CaseFile.next_due_at.nulls_last())
        .limit(MOST_ON_MAP)
    ).all()
    find = catalogue_queries.classes_of(street_code, {row.catalogue_version for row in rows})
    total = len(rows)
    if total == MOST_ON_MAP:  # counted in the index alone, which has both coordinates
        within = (
            CaseFile.lon.between(box["west"], box["east"]),
            CaseFile.lat.between(box["south"], box["north"]),
        )
        total = db.session.scalar(select(func.count()).select_from(CaseFile).where(*seen, *within)) or 0
    return {
        "items": [_point(row, find(row.catalogue_version, row.class_key)) for row in rows],
        "total": total,
    }


def _point(row: Any, problem: ProblemClass | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.number,
        "class_name": problem.name if problem else row.class_key,
        "class_name_en": problem.name_en if problem else row.class_key,
        "state": row.state,
        "mode": row.mode,
        "overdue": row.overdue_at is not None and row.state in WORKING,
        "lat": row.lat,
        "lon": row.lon,
    }


def filed_between(
    street_code: str, scope: Collection[str], first: date, last: date
) -> Iterator[list[CaseFile]]:
    """Cases filed from *first* to *last* (days in Shanghai, both included), by number, in chunks."""
    after: tuple[datetime, UUID] = (datetime.combine(first, time(), clock.SHANGHAI), UUID(int=0))
    until = datetime.combine(last + timedelta(days=1), time(), clock.SHANGHAI)
    while True:
        rows = list(
            db.session.scalars(
                select(CaseFile)
                .where(
                    CaseFile.street_code == street_code,
                    CaseFile.place_code.in_(scope),
                    CaseFile.filed_at < until,
                    tuple_(CaseFile.filed_at, CaseFile.id) > after,
                )
                .order_by(CaseFile.filed_at, CaseFile.id)
                .limit(EXPORT_CHUNK)
            )
        )
        if rows:
            yield rows
        if len(rows) < EXPORT_CHUNK:
            return
        after = (rows[-1].filed_at, rows[-1].id)
