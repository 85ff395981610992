"""When a schedule's windows open: RFC 5545 recurrence on the wall clock of Asia/Shanghai. Pure.

dateutil does the counting; here stand what may be asked of it and what keeps it from counting for ever:
it looks at ``until`` only when it has found a match, so "30 February" would take it to the year 9999.
The Gregorian calendar repeats itself every 400 years to the day of the week, so a rule is evaluated
7,600 years later than it is meant, where that end is less than 400 years away, and moved back.

Understood: FREQ=HOURLY, DAILY, WEEKLY, MONTHLY, YEARLY; INTERVAL, COUNT, UNTIL, BYMONTH, BYMONTHDAY,
BYDAY (with ordinals such as 2TU or -1FR for MONTHLY), BYHOUR, BYMINUTE, WKST. As in RFC 5545, whatever
the rule leaves open is taken from the start. A start that the rule does not match is no occurrence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from typing import Any, Literal
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, HOURLY, MONTHLY, WEEKLY, YEARLY, rrule, weekday

SHANGHAI = ZoneInfo("Asia/Shanghai")
MAX_RULE_LENGTH = 300
MAX_A_DAY = 24
MAX_INTERVAL = 1000
MAX_COUNT = 10_000
SOON = timedelta(days=5 * 366)  # a rule without an occurrence in that time is a mistake
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FREQUENCIES: dict[str, Literal[0, 1, 2, 3, 4]] = {
    "HOURLY": HOURLY,
    "DAILY": DAILY,
    "WEEKLY": WEEKLY,
    "MONTHLY": MONTHLY,
    "YEARLY": YEARLY,
}
_STEPS = {"HOURLY": timedelta(hours=1), "DAILY": timedelta(days=1), "WEEKLY": timedelta(weeks=1)}
_MOVED = timedelta(days=19 * 146_097)  # 19 times 400 years
_LAST = datetime.combine(date.max, time.max) - _MOVED  # in the year 2399
_LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?")


class RecurrenceError(ValueError):
    """The rule or its start cannot be used; the text says why, for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A rule, read and checked, with its start.

    Attributes:
        starts: DTSTART, naive wall clock.
        until: last wall-clock moment that can still match, inclusive.
        step: from one period to the next, where all are of the same length and none is counted: the
            rule may then be evaluated from any whole number of steps after its start.
        moved: the rule in the library's last 400 years, without ``until``.
    """

    starts: datetime
    until: datetime
    step: timedelta | None
    moved: rrule


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
    until = _read_until(parts.pop("UNTIL", None))
    asked = _read_parts(frequency, parts)
    _check_density(frequency, asked)
    never = RecurrenceError("The rule never occurs within five years of its start.")
    try:
        moved = rrule(FREQUENCIES[frequency], dtstart=starts + _MOVED, bysecond=0, **asked)
    except ValueError as error:  # hours that the interval never reaches
        raise never from error
    step = None
    if frequency in _STEPS and asked["count"] is None:
        step = _STEPS[frequency] * asked["interval"]
    found = Recurrence(starts, until, step, moved)
    if next(_local_occurrences(found, starts, starts + SOON), None) is None:
        raise never
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


def _read_parts(frequency: str, parts: dict[str, str]) -> dict[str, Any]:
    """What the library is asked, under its names; None is left open."""
    month_days = _numbers(parts, "BYMONTHDAY", -31, 31)
    if month_days and frequency == "WEEKLY":
        raise RecurrenceError("BYMONTHDAY does not go with FREQ=WEEKLY.")
    interval = _numbers(parts, "INTERVAL", 1, MAX_INTERVAL, single=True) or [1]
    count = _numbers(parts, "COUNT", 1, MAX_COUNT, single=True)
    asked = {
        "interval": interval[0],
        "count": count[0] if count else None,
        "bymonth": _numbers(parts, "BYMONTH", 1, 12),
        "bymonthday": month_days,
        "byweekday": _weekdays(parts, frequency),
        "byhour": _numbers(parts, "BYHOUR", 0, 23),
        "byminute": _numbers(parts, "BYMINUTE", 0, 59),
    }
    week_start = parts.pop("WKST", "MO")
    if week_start not in WEEKDAYS:
        raise RecurrenceError("WKST must be a weekday such as MO.")
    if parts:
        raise RecurrenceError(f"{sorted(parts)[0][:20]} is not understood.")
    return asked | {"wkst": WEEKDAYS.index(week_start)}


def _numbers(
    parts: dict[str, str], name: str, low: int, high: int, *, single: bool = False
) -> list[int] | None:
    if name not in parts:
        return None
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


def _weekdays(parts: dict[str, str], frequency: str) -> list[weekday] | None:
    if "BYDAY" not in parts:
        return None
    plain: list[int] = []
    numbered: list[weekday] = []
    for text in parts.pop("BYDAY").split(","):
        match = _DAY.fullmatch(text)
        if match is None:
            raise RecurrenceError("BYDAY takes weekdays such as MO, or 1MO to -1MO in a month.")
        if match[1] and frequency != "MONTHLY":
            raise RecurrenceError("A numbered weekday needs FREQ=MONTHLY.")
        day = WEEKDAYS.index(match[2])
        if match[1]:
            numbered.append(weekday(day, int(match[1])))
        else:
            plain.append(day)
    if not numbered:
        return [weekday(day) for day in plain]
    # RFC 5545 means a union of both; the library would look for days that are both.
    return numbered + [weekday(day, nth) for day in plain for nth in range(1, 6)]


def _read_until(text: str | None) -> datetime:
    """UNTIL as wall clock; a date means its whole day, a time with Z is UTC."""
    if text is None:
        return _LAST
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


def _check_density(frequency: str, asked: dict[str, Any]) -> None:
    hours = len(set(asked["byhour"] or (range(24) if frequency == "HOURLY" else [0])))
    if frequency == "HOURLY":
        hours = min(hours, -(-24 // asked["interval"]))
    if hours * len(set(asked["byminute"] or [0])) > MAX_A_DAY:
        raise RecurrenceError(f"The rule opens more than {MAX_A_DAY} windows a day.")


def _local_occurrences(rule: Recurrence, first: datetime, last: datetime) -> Iterator[datetime]:
    """Wall-clock occurrences from *first* to *last*, both inclusive, in order."""
    last = min(last, rule.until, _LAST)
    moved = rule.moved
    if rule.step is not None:
        # One step earlier than need be: the period that *first* lies in may begin before it.
        steps = max(0, (first - rule.starts) // rule.step - 1)
        moved = moved.replace(dtstart=rule.starts + steps * rule.step + _MOVED)
    for at in takewhile(lambda at: at <= last, (at - _MOVED for at in moved)):
        if at >= first:
            yield at
