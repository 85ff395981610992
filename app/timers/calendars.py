"""The calendars of the streets: loading, importing, and the warning that one is running out."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import lru_cache

from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from app.core.extensions import db
from app.core.once import keep, once
from app.ledger import service as ledger
from app.ledger.models import LedgerRow
from app.places.models import Place
from app.timers import calendar_rules as rules
from app.timers.calendar_rules import State
from app.timers.explain import hours_text
from app.timers.models import WorkCalendar, WorkDay
from app.timers.worktime import SHANGHAI, Calendar, Day

log = logging.getLogger(__name__)

ENDING = "calendar.ending"


class CalendarMissing(LookupError):
    """No calendar, or not this version of one, was imported for the street."""

    def __init__(self, street_code: str, version: int | None) -> None:
        which = "no calendar" if version is None else f"no version {version} of the calendar"
        super().__init__(f"{which} of street {street_code} was imported: flask calendar import")
        self.street_code = street_code
        self.version = version


def load_calendar(street_code: str, version: int | None = None) -> Calendar:
    """The calendar of a street, the newest or a given version.

    One short query, for a given version one a session; days are kept in the process, because a version
    never changes.

    Raises:
        CalendarMissing: where there is none.
    """
    if version is None:
        head = _head(street_code, None)
        if head is not None:
            remember(street_code, *head)
    else:
        head = once(("calendar", street_code, version), lambda: _head(street_code, version))
    if head is None:
        raise CalendarMissing(street_code, version)
    return _read(street_code, *head)


def remember(street_code: str, version: int, fingerprint: bytes) -> None:
    """Spare the session the question what that version is."""
    keep(("calendar", street_code, version), (version, fingerprint))


def _head(street_code: str, version: int | None) -> tuple[int, bytes] | None:
    """Number and fingerprint of a version, of the newest where None."""
    wanted = select(WorkCalendar.version, WorkCalendar.fingerprint).where(
        WorkCalendar.street_code == street_code
    )
    if version is not None:
        wanted = wanted.where(WorkCalendar.version == version)
    row = db.session.execute(wanted.order_by(WorkCalendar.version.desc()).limit(1)).one_or_none()
    return (row.version, bytes(row.fingerprint)) if row else None


@lru_cache(maxsize=256)
def _read(street_code: str, version: int, _fingerprint: bytes) -> Calendar:
    """Read a version whole; the fingerprint tells apart the databases that a process may see."""
    head = db.session.execute(
        select(WorkCalendar.hours, WorkCalendar.first_year, WorkCalendar.last_year).where(
            WorkCalendar.street_code == street_code, WorkCalendar.version == version
        )
    ).one()
    days = db.session.execute(
        select(WorkDay.on_day, WorkDay.is_work, WorkDay.name_zh, WorkDay.name_en)
        .where(WorkDay.street_code == street_code, WorkDay.version == version)
        .order_by(WorkDay.on_day)
    )
    return Calendar(
        version=version,
        hours=rules.read_hours(head.hours),
        days={day.on_day: Day(day.is_work, day.name_zh, day.name_en) for day in days},
        first_year=head.first_year,
        last_year=head.last_year,
    )


def import_days(street_code: str, content: str, now: datetime, *, actor_kind: str) -> Calendar | None:
    """Take in the years of a file; the new version, or None where it says nothing new.

    Raises:
        rules.CalendarRefused: where the file cannot be used.
    """
    before = _lock(street_code)
    return _store(street_code, before, rules.merge(before, rules.read_days(content)), now, actor_kind)


def set_hours(street_code: str, hours: tuple[str, ...], now: datetime, *, actor_kind: str) -> Calendar | None:
    """Give a street other working hours; the new version, or None where they are what they were.

    Raises:
        rules.CalendarRefused: where they cannot be used.
        CalendarMissing: where the street has no calendar.
    """
    before = _lock(street_code)
    if before is None:
        raise CalendarMissing(street_code, None)
    return _store(street_code, before, rules.with_hours(before, hours), now, actor_kind)


def _lock(street_code: str) -> Calendar | None:
    """The newest version, which no other transaction follows up before this one ends."""
    statement = text("select pg_advisory_xact_lock(hashtext('work_calendar'), hashtext(:street))")
    db.session.execute(statement, {"street": street_code})
    try:
        return load_calendar(street_code)
    except CalendarMissing:
        return None


def _store(
    street_code: str, before: Calendar | None, after: Calendar, now: datetime, actor_kind: str
) -> Calendar | None:
    fingerprint = rules.fingerprint(after)
    if before is not None and rules.fingerprint(before) == fingerprint:
        return None
    years = {"first_year": after.first_year, "last_year": after.last_year}
    key = {"street_code": street_code, "version": after.version}
    db.session.execute(
        insert(WorkCalendar).values(
            **key,
            **years,
            imported_at=now,
            imported_by=actor_kind,
            hours=hours_text(after.hours),
            fingerprint=fingerprint,
        )
    )
    db.session.execute(
        insert(WorkDay),
        [
            key | {"on_day": day, "is_work": what.work, "name_zh": what.name_zh, "name_en": what.name_en}
            for day, what in after.days.items()
        ],
    )
    ledger.record(
        "calendar.imported",
        actor_id=None,
        actor_kind=actor_kind,
        street_code=street_code,
        place_code=street_code,
        subject_kind="work_calendar",
        subject_id=street_code,
        data={"version": after.version, **years},
    )
    db.session.flush()
    return after


def streets() -> list[str]:
    """Codes of all streets that have places."""
    return list(db.session.scalars(select(Place.code).where(Place.level == "street").order_by(Place.code)))


def troubles(now: datetime) -> list[tuple[str, State, int | None]]:
    """Streets whose calendar is missing or running out, with its last year."""
    newest: dict[str, int] = {
        row.street_code: row.last_year
        for row in db.session.execute(
            select(WorkCalendar.street_code, WorkCalendar.last_year)
            .ext(distinct_on(WorkCalendar.street_code))
            .order_by(WorkCalendar.street_code, WorkCalendar.version.desc())
        )
    }
    found = []
    for street_code in sorted({*streets(), *newest}):
        last_year = newest.get(street_code)
        if (wrong := rules.state(last_year, now)) is not None:
            found.append((street_code, wrong, last_year))
    return found


def warn(now: datetime) -> None:
    """Log every trouble, and note those of loaded calendars in the ledger, once a day and street."""
    today = f"{now.astimezone(SHANGHAI):%Y-%m-%d}"
    for street_code, wrong, last_year in troubles(now):
        if last_year is None:
            log.warning("street %s has no calendar: flask calendar import", street_code)
            continue
        log.warning("the calendar of street %s ends with %d (%s)", street_code, last_year, wrong)
        noted = select(func.count()).where(
            LedgerRow.subject_kind == "work_calendar",
            LedgerRow.subject_id == street_code,
            LedgerRow.action == ENDING,
            LedgerRow.data["on_day"].astext == today,
        )
        if not db.session.scalar(noted):
            ledger.record(
                ENDING,
                actor_id=None,
                actor_kind="worker",
                street_code=street_code,
                place_code=street_code,
                subject_kind="work_calendar",
                subject_id=street_code,
                data={"on_day": today, "last_year": last_year, "state": wrong},
            )
    db.session.flush()
