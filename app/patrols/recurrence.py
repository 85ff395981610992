"""When a schedule's windows open: RFC 5545 recurrence on the wall clock of Asia/Shanghai. Pure.

A rule is matched day by day, and never by walking from one match to the next: a library that looks
for the next match of "30 February" counts to the year 9999 before it gives up. Here the work is
bounded by the days asked for, whatever the rule says.

Understood: FREQ=HOURLY, DAILY, WEEKLY, MONTHLY, YEARLY; INTERVAL, COUNT, UNTIL, BYMONTH, BYMONTHDAY,
BYDAY (with ordinals such as 2TU or -1FR for MONTHLY), BYHOUR, BYMINUTE, WKST. As in RFC 5545, whatever
the rule leaves open is taken from the start. A start that the rule does not match is no occurrence.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
MAX_RULE_LENGTH = 300
MAX_A_DAY = 24
MAX_INTERVAL = 1000
MAX_COUNT = 10_000
SOON = timedelta(days=5 * 366)  # a rule without an occurrence in that time is a mistake
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FREQUENCIES = ("HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?")


class RecurrenceError(ValueError):
    """The rule or its start cannot be used; the text says why, for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A rule, read and checked, with its start on the wall clock.

    Attributes:
        starts: DTSTART, naive wall clock.
        until: last wall-clock moment that can still match, inclusive.
        weekdays: (ordinal in the month or None, weekday from Monday = 0).
    """

    starts: datetime
    frequency: str
    interval: int
    count: int | None
    until: datetime | None
    months: frozenset[int]
    month_days: frozenset[int]
    weekdays: frozenset[tuple[int | None, int]]
    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    week_start: int


def parse(starts_at_local: str, rule: str) -> Recurrence:
    """Read a start (``2026-11-01T09:00``) and an RRULE value (``FREQ=DAILY``).

    Raises:
        RecurrenceError: where either is malformed, not understood, denser than 24 times a day, or
            never occurs within five years of its start.
    """
    starts = _read_start(starts_at_local)
    parts = _split(rule)
    frequency = parts.pop("FREQ", "")
    if frequency in {"SECONDLY", "MINUTELY"}:
        raise RecurrenceError(f"FREQ={frequency} is too often for a round.")
    if frequency not in FREQUENCIES:
        raise RecurrenceError(f"FREQ must be one of {', '.join(FREQUENCIES)}.")
    if "COUNT" in parts and "UNTIL" in parts:
        raise RecurrenceError("COUNT and UNTIL exclude each other.")
    found = _read_parts(starts, frequency, parts)
    _check_density(found)
    if next(_local_occurrences(found, starts, starts + SOON), None) is None:
        raise RecurrenceError("The rule never occurs within five years of its start.")
    return found


def occurrences(rule: Recurrence, after: datetime, until: datetime) -> Iterator[datetime]:
    """The moments (aware, UTC) at which windows open, later than *after* and not later than *until*."""
    first = after.astimezone(SHANGHAI).replace(tzinfo=None)
    last = until.astimezone(SHANGHAI).replace(tzinfo=None)
    for local in _local_occurrences(rule, first, last):
        if first < local:
            yield local.replace(tzinfo=SHANGHAI).astimezone(UTC)


def _read_start(text: str) -> datetime:
    try:
        if not _LOCAL.fullmatch(text):
            raise ValueError
        starts = datetime.fromisoformat(text)
    except ValueError as error:
        raise RecurrenceError("The start must look like 2026-11-01T09:00.") from error
    if not 2000 <= starts.year <= 2100:
        raise RecurrenceError("The start must lie between the years 2000 and 2100.")
    return starts


def _split(rule: str) -> dict[str, str]:
    if len(rule) > MAX_RULE_LENGTH:
        raise RecurrenceError(f"The rule is longer than {MAX_RULE_LENGTH} characters.")
    parts: dict[str, str] = {}
    for part in rule.upper().removeprefix("RRULE:").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise RecurrenceError(f"{part or 'An empty part'} is not of the form NAME=VALUE.")
        if name in parts:
            raise RecurrenceError(f"{name} stands twice in the rule.")
        parts[name] = value
    return parts


def _read_parts(starts: datetime, frequency: str, parts: dict[str, str]) -> Recurrence:
    months = frozenset(_numbers(parts, "BYMONTH", 1, 12))
    month_days = frozenset(_numbers(parts, "BYMONTHDAY", -31, 31))
    weekdays = frozenset(_weekdays(parts, frequency))
    if month_days and frequency == "WEEKLY":
        raise RecurrenceError("BYMONTHDAY does not go with FREQ=WEEKLY.")
    hours = tuple(sorted(set(_numbers(parts, "BYHOUR", 0, 23))))
    minutes = tuple(sorted(set(_numbers(parts, "BYMINUTE", 0, 59))))
    interval = _numbers(parts, "INTERVAL", 1, MAX_INTERVAL, single=True) or [1]
    count = _numbers(parts, "COUNT", 1, MAX_COUNT, single=True)
    until = _read_until(parts.pop("UNTIL", None))
    week_start = parts.pop("WKST", "MO")
    if week_start not in WEEKDAYS:
        raise RecurrenceError("WKST must be a weekday such as MO.")
    if parts:
        raise RecurrenceError(f"{sorted(parts)[0][:20]} is not understood.")
    # What the rule leaves open comes from the start.
    if not month_days and not weekdays:
        if frequency == "WEEKLY":
            weekdays = frozenset({(None, starts.weekday())})
        elif frequency in {"MONTHLY", "YEARLY"}:
            month_days = frozenset({starts.day})
            if frequency == "YEARLY" and not months:
                months = frozenset({starts.month})
    if frequency == "HOURLY":
        hours = hours or tuple(range(24))
    return Recurrence(
        starts=starts,
        frequency=frequency,
        interval=interval[0],
        count=count[0] if count else None,
        until=until,
        months=months,
        month_days=month_days,
        weekdays=weekdays,
        hours=hours or (starts.hour,),
        minutes=minutes or (starts.minute,),
        week_start=WEEKDAYS.index(week_start),
    )


def _numbers(parts: dict[str, str], name: str, low: int, high: int, *, single: bool = False) -> list[int]:
    if name not in parts:
        return []
    texts = parts.pop(name).split(",")
    if single and len(texts) > 1:
        raise RecurrenceError(f"{name} takes one number.")
    found = []
    for text in texts:
        if not re.fullmatch(r"[+-]?[0-9]{1,5}", text) or not low <= int(text) <= high:
            raise RecurrenceError(f"{name} takes whole numbers from {low} to {high}.")
        if int(text) == 0 and low < 0:
            raise RecurrenceError(f"{name} counts from 1, or from -1 backwards.")
        found.append(int(text))
    return found


def _weekdays(parts: dict[str, str], frequency: str) -> Iterator[tuple[int | None, int]]:
    if "BYDAY" not in parts:
        return
    for text in parts.pop("BYDAY").split(","):
        match = _DAY.fullmatch(text)
        if match is None:
            raise RecurrenceError("BYDAY takes weekdays such as MO, or 1MO to -1MO in a month.")
        if match[1] and frequency != "MONTHLY":
            raise RecurrenceError("A numbered weekday needs FREQ=MONTHLY.")
        yield int(match[1]) if match[1] else None, WEEKDAYS.index(match[2])


def _read_until(text: str | None) -> datetime | None:
    """UNTIL as wall clock; a date means its whole day, a time with Z is UTC."""
    if text is None:
        return None
    match = _UNTIL.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        day = datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC)
        if match[2] is None:
            return datetime.combine(day.date(), time.max)
        moment = datetime.strptime(match[1] + match[2], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        return (moment.astimezone(SHANGHAI) if match[3] else moment).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise RecurrenceError("UNTIL must look like 20261231 or 20261231T160000Z.") from error


def _check_density(rule: Recurrence) -> None:
    hours = len(rule.hours)
    if rule.frequency == "HOURLY":
        hours = min(hours, -(-24 // rule.interval))
    if hours * len(rule.minutes) > MAX_A_DAY:
        raise RecurrenceError(f"The rule opens more than {MAX_A_DAY} windows a day.")


def _local_occurrences(rule: Recurrence, first: datetime, last: datetime) -> Iterator[datetime]:
    """Wall-clock occurrences from *first* to *last*, both inclusive, in order."""
    if rule.until is not None:
        last = min(last, rule.until)
    # COUNT is counted from the start; without it, nothing before *first* needs to be looked at.
    day = rule.starts.date() if rule.count is not None else max(rule.starts, first).date()
    seen = 0
    while day <= last.date():
        if _matches(rule, day):
            for moment in _times(rule, day):
                if moment < rule.starts:
                    continue
                seen += 1
                if moment > last or (rule.count is not None and seen > rule.count):
                    return
                if moment >= first:
                    yield moment
        day += timedelta(days=1)


def _times(rule: Recurrence, day: date) -> Iterator[datetime]:
    start_hour = rule.starts.replace(minute=0)
    for hour in rule.hours:
        at = datetime.combine(day, time(hour))
        if rule.frequency == "HOURLY" and (at - start_hour) // timedelta(hours=1) % rule.interval:
            continue
        for minute in rule.minutes:
            yield at.replace(minute=minute)


def _matches(rule: Recurrence, day: date) -> bool:
    if rule.months and day.month not in rule.months:
        return False
    days_in_month = monthrange(day.year, day.month)[1]
    if rule.month_days and not rule.month_days & {day.day, day.day - days_in_month - 1}:
        return False
    nth, nth_last = (day.day - 1) // 7 + 1, -((days_in_month - day.day) // 7 + 1)
    if rule.weekdays and not rule.weekdays & {(n, day.weekday()) for n in (None, nth, nth_last)}:
        return False
    return _periods(rule, day) % rule.interval == 0


def _periods(rule: Recurrence, day: date) -> int:
    """How many whole days, weeks, months or years of the rule lie between the start and *day*."""
    start = rule.starts.date()
    if rule.frequency == "DAILY":
        return (day - start).days
    if rule.frequency == "WEEKLY":
        back = timedelta(days=(start.weekday() - rule.week_start) % 7)
        return (day - (start - back)).days // 7
    if rule.frequency == "MONTHLY":
        return (day.year - start.year) * 12 + day.month - start.month
    if rule.frequency == "YEARLY":
        return day.year - start.year
    return 0
