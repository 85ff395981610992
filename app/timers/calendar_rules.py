"""Reading and merging calendars. Pure.

A file speaks for whole years ("covers"): in each of them, Monday to Friday are working days but for the
days it lists. What it says replaces what was known of these years; other years stay. Years must follow on
one another, so that a calendar knows every day from its first year to its last.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any, Literal

from app.timers.explain import hours_text
from app.timers.worktime import SHANGHAI, Calendar, Day

# Eight hours, as the standard tables count a working day; a street sets its own (flask calendar hours).
DEFAULT_HOURS = ((time(8, 30), time(12)), (time(13), time(17, 30)))
NOTICE_BY = (11, 1)  # month and day by which the State Council's notice for the next year is out
_FIRST_YEAR, _LAST_YEAR = 2000, 2100

State = Literal["missing", "year_missing", "year_ending"]


class CalendarRefused(ValueError):
    """The file or the hours cannot be used; one sentence."""


@dataclass(frozen=True, slots=True)
class YearsOfDays:
    """What a file says: the years that it speaks for, and their days that differ."""

    years: tuple[int, ...]
    days: Mapping[date, Day]


def read_days(content: str) -> YearsOfDays:
    """Read a file of the form of ``data/workdays_cn.json``.

    Raises:
        CalendarRefused: where it has another form or contradicts itself.
    """
    try:
        found = json.loads(content)
    except ValueError as error:
        raise CalendarRefused(f"the file is not JSON: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("days"), dict):
        raise CalendarRefused('the file has no "days"')
    years = found.get("covers")
    if not isinstance(years, list) or not years or not all(type(year) is int for year in years):
        raise CalendarRefused('"covers" must list the years that the file speaks for')
    if min(years) < _FIRST_YEAR or max(years) > _LAST_YEAR:
        raise CalendarRefused(f"the years must lie between {_FIRST_YEAR} and {_LAST_YEAR}")
    days = dict(_read_day(text, value) for text, value in found["days"].items())
    outside = sorted(day for day in days if day.year not in years)
    if outside:
        raise CalendarRefused(f'{outside[0]} lies in a year that "covers" does not name')
    for year in sorted(set(years)):
        if not any(day.year == year for day in days):
            raise CalendarRefused(f"no day is listed for {year}; every year has holidays")
    return YearsOfDays(tuple(sorted(set(years))), days)


def _read_day(text: str, value: Any) -> tuple[date, Day]:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise CalendarRefused(f"{text!r} is not a day like 2026-10-01")
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise CalendarRefused(f"{text} is no day of the calendar") from error
    if not isinstance(value, dict) or not isinstance(value.get("work"), bool):
        raise CalendarRefused(f'{text} does not say whether it is worked ("work": true or false)')
    name_zh, name_en = value.get("name_zh"), value.get("name")
    if not (isinstance(name_zh, str) and isinstance(name_en, str) and name_zh and name_en):
        raise CalendarRefused(f'{text} needs "name_zh" and "name"')
    return day, Day(value["work"], name_zh, name_en)


def merge(before: Calendar | None, found: YearsOfDays) -> Calendar:
    """The calendar after *found* came in; its version is the one after *before*.

    Raises:
        CalendarRefused: where years would be missing in between.
    """
    years = set(found.years)
    kept: dict[date, Day] = {}
    if before is not None:
        kept = {day: what for day, what in before.days.items() if day.year not in years}
        years |= set(range(before.first_year, before.last_year + 1))
    first, last = min(years), max(years)
    missing = sorted(set(range(first, last + 1)) - years)
    if missing:
        raise CalendarRefused(f"{missing[0]} would be missing in between; import it first")
    return Calendar(
        version=before.version + 1 if before else 1,
        hours=before.hours if before else DEFAULT_HOURS,
        days=dict(sorted((kept | dict(found.days)).items())),
        first_year=first,
        last_year=last,
    )


def with_hours(before: Calendar, hours: Sequence[str]) -> Calendar:
    """The next version of *before*, with other working hours.

    Raises:
        CalendarRefused: where they are not like ``09:00-11:30``, out of order or overlapping.
    """
    return replace(before, version=before.version + 1, hours=read_hours(hours))


def read_hours(hours: Sequence[str]) -> tuple[tuple[time, time], ...]:
    """Read stretches like ``09:00-11:30``; the last may end at ``24:00``.

    Raises:
        CalendarRefused: as ``with_hours``.
    """
    stretches = []
    for text in hours:
        clock = r"([01]\d|2[0-3]):([0-5]\d)"
        match = re.fullmatch(rf"{clock}-(?:{clock}|24:00)", text)
        if match is None:
            raise CalendarRefused(f"{text!r} is not a stretch of hours like 09:00-11:30")
        start_h, start_m, end_h, end_m = match.groups()
        stretches.append((time(int(start_h), int(start_m)), time(int(end_h or 0), int(end_m or 0))))
    try:
        return Calendar(1, tuple(stretches), {}, _FIRST_YEAR, _FIRST_YEAR).hours
    except ValueError as error:
        raise CalendarRefused(str(error)) from error


def fingerprint(calendar: Calendar) -> bytes:
    """SHA-256 of all that a calendar says; its version is left out."""
    said = {
        "hours": hours_text(calendar.hours),
        "years": [calendar.first_year, calendar.last_year],
        "days": [[f"{day}", what.work, what.name_zh, what.name_en] for day, what in calendar.days.items()],
    }
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).digest()


def state(last_year: int | None, now: datetime) -> State | None:
    """What is wrong with a calendar that ends with *last_year* (None: there is none); None where nothing.

    Returns:
        ``year_missing`` where the present year is not loaded, ``year_ending`` where the next one is not
        although its notice is out.
    """
    today = now.astimezone(SHANGHAI).date()
    if last_year is None:
        return "missing"
    if last_year < today.year:
        return "year_missing"
    if last_year == today.year and (today.month, today.day) >= NOTICE_BY:
        return "year_ending"
    return None
