"""Working time: when a limit ends, and how much of it is used up. Pure.

Limits come in four units. 紧急工作时 and 紧急工作日 run on the clock, nights and holidays included.
工作时 and 工作日 run only inside the working hours of a street: on its working days, between the hours of
its calendar. One 工作日 is one full working day of that street, whatever it adds up to: where the hours
are 8–12 and 14–18 it is the eight hours of the standard tables, where they add up to seven it is seven,
so that "two working days from Monday at opening" ends on Tuesday at closing everywhere.

A pause stops the clock in all four units. Beyond the years that a calendar was loaded for, Monday to
Friday count, and the deadline says so. Moments are aware; days and hours are those of Shanghai.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
MAX_AMOUNT = 10_000.0  # of any unit; nothing in the tables comes near
MIDNIGHT = time(0)
BEYOND_CALENDAR = "beyond_calendar"  # a warning: days were counted that no calendar was loaded for

Unit = Literal["urgent_hours", "urgent_days", "work_hours", "work_days"]
Kind = Literal["counted", "makeup", "off_hours", "weekend", "holiday", "pause"]
UNITS: tuple[Unit, ...] = ("urgent_hours", "urgent_days", "work_hours", "work_days")
COUNTING: frozenset[Kind] = frozenset({"counted", "makeup"})
_BY_THE_CLOCK = frozenset({"urgent_hours", "urgent_days"})
_ONE_DAY = timedelta(days=1)
_NOTHING = timedelta()


@dataclass(frozen=True, slots=True)
class Limit:
    """An amount of time in one of the four units."""

    amount: float
    unit: Unit

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"unit {self.unit} is not one of {', '.join(UNITS)}")
        if not (math.isfinite(self.amount) and 0 <= self.amount <= MAX_AMOUNT):
            raise ValueError(f"a limit is between 0 and {MAX_AMOUNT:g}, not {self.amount}")


@dataclass(frozen=True, slots=True)
class Day:
    """A day that is not what its weekday says: a holiday, or a make-up day to be worked."""

    work: bool
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working time of a street.

    Attributes:
        hours: from and to of each stretch of a working day, local, in order; a stretch that ends at
            00:00 lasts until the end of the day.
        days: the days that differ from Monday to Friday.
        first_year: of the years that ``days`` speaks of; in others, Monday to Friday count.
        last_year: the last of them.
    """

    version: int
    hours: tuple[tuple[time, time], ...]
    days: Mapping[date, Day]
    first_year: int
    last_year: int

    def __post_init__(self) -> None:
        if not self.hours:
            raise ValueError("a calendar needs working hours")
        last = _NOTHING
        for number, stretch in enumerate(self.hours):
            starts, ends = _bounds(stretch)
            if ends <= starts or (number and starts < last):
                raise ValueError("working hours must be in order and must not overlap")
            last = ends
        if self.first_year > self.last_year:
            raise ValueError("the first year of a calendar comes before its last")

    @property
    def day_length(self) -> timedelta:
        """Working time of one full working day."""
        return sum((ends - starts for starts, ends in map(_bounds, self.hours)), _NOTHING)

    def knows(self, day: date) -> bool:
        """True where *day* lies in the years loaded."""
        return self.first_year <= day.year <= self.last_year


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which the clock stands still; still open where ``ends_at`` is None."""

    starts_at: datetime
    ends_at: datetime | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the way from the start to the deadline.

    Attributes:
        kind: what this time is; ``counted`` and ``makeup`` count towards the limit.
        ends_at: None for a pause that is still open.
        counted: how much of the limit it uses up.
        days: local days on which something was counted.
        name_zh, name_en: of the holiday or make-up day.
        reason: of the pause.
    """

    kind: Kind
    starts_at: datetime
    ends_at: datetime | None
    counted: timedelta = _NOTHING
    days: int = 0
    name_zh: str = ""
    name_en: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a limit ends, with everything that explains it.

    Attributes:
        due_at: None while an open pause holds it.
        steps: how the time was counted, shortened for people: nights between working days and breaks
            inside them are left out, full working days in a row are one step.
        warnings: ``beyond_calendar``.
    """

    due_at: datetime | None
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]
    starts_at: datetime
    limit: Limit
    calendar: Calendar


def length(limit: Limit, calendar: Calendar) -> timedelta:
    """The time that *limit* asks for, in the time that its unit counts."""
    if limit.unit == "work_days":
        return calendar.day_length * limit.amount
    return timedelta(**{"days" if limit.unit == "urgent_days" else "hours": limit.amount})


def deadline(starts_at: datetime, limit: Limit, calendar: Calendar, pauses: Sequence[Pause] = ()) -> Deadline:
    """When *limit* ends that starts at *starts_at* (aware).

    An extension is a larger limit. A limit that ends with the working day ends at closing time, not at
    the next opening; one of nothing ends where it starts.
    """
    wanted = length(limit, calendar)
    due_at, way = _walk(starts_at, wanted, limit.unit, calendar, pauses)
    return Deadline(
        due_at=due_at,
        steps=tuple(_shorten(way, calendar, by_the_clock=limit.unit in _BY_THE_CLOCK)),
        warnings=_warnings(way, limit.unit, calendar),
        starts_at=starts_at.astimezone(UTC),
        limit=limit,
        calendar=calendar,
    )


def fraction_at(
    starts_at: datetime, limit: Limit, calendar: Calendar, pauses: Sequence[Pause], fraction: float
) -> datetime | None:
    """The moment when *fraction* (0 to 1) of the limit is used up; None while an open pause holds it."""
    wanted = length(limit, calendar) * fraction
    return _walk(starts_at, wanted, limit.unit, calendar, pauses)[0]


def used(
    starts_at: datetime, until: datetime, unit: Unit, calendar: Calendar, pauses: Sequence[Pause] = ()
) -> timedelta:
    """The time counted between *starts_at* and *until*; none where *until* comes first."""
    total = _NOTHING
    for step in _pieces(starts_at, unit, calendar, pauses):
        if step.starts_at >= until:
            break
        if step.kind in COUNTING:
            total += min(step.ends_at or until, until) - step.starts_at
        if step.ends_at is None:
            break
    return total


def _walk(
    starts_at: datetime, wanted: timedelta, unit: Unit, calendar: Calendar, pauses: Sequence[Pause]
) -> tuple[datetime | None, list[Step]]:
    """Go on until *wanted* is counted: where that is, and every piece of the way."""
    way: list[Step] = []
    if wanted <= _NOTHING:
        return starts_at.astimezone(UTC), way
    for step in _pieces(starts_at, unit, calendar, pauses):
        if step.ends_at is None:
            return None, [*way, step]
        if step.kind not in COUNTING:
            way.append(step)
            continue
        counted = min(wanted, step.ends_at - step.starts_at)
        way.append(replace(step, ends_at=step.starts_at + counted, counted=counted, days=1))
        wanted -= counted
        if not wanted:
            return step.starts_at + counted, way
    raise AssertionError("time does not end")


def _pieces(starts_at: datetime, unit: Unit, calendar: Calendar, pauses: Sequence[Pause]) -> Iterator[Step]:
    """Everything from *starts_at* on, without holes and without end: days and hours, cut by the pauses.

    Pauses may overlap: each moment belongs to the one that began first.
    """
    now = starts_at.astimezone(UTC)
    waiting = sorted(
        (p for p in pauses if p.ends_at is None or p.ends_at > p.starts_at), key=lambda p: p.starts_at
    )
    for step in _by_the_clock(now) if unit in _BY_THE_CLOCK else _by_working_hours(now, calendar):
        ends_at = step.ends_at
        assert ends_at is not None  # noqa: S101 - only pauses are open
        while waiting and waiting[0].starts_at < ends_at:
            pause = waiting.pop(0)
            pause_ends_at = pause.ends_at.astimezone(UTC) if pause.ends_at else None
            if pause_ends_at and pause_ends_at <= now:
                continue
            pause_starts_at = max(pause.starts_at.astimezone(UTC), now)
            if now < pause_starts_at:
                yield replace(step, starts_at=now, ends_at=pause_starts_at)
            yield Step("pause", pause_starts_at, pause_ends_at, reason=pause.reason)
            if pause_ends_at is None:
                return
            now = pause_ends_at
        if now < ends_at:
            yield replace(step, starts_at=max(now, step.starts_at))
            now = ends_at


def _by_the_clock(since: datetime) -> Iterator[Step]:
    day = since.astimezone(SHANGHAI).date()
    while True:
        yield Step("counted", max(since, _at(day, _NOTHING)), _at(day, _ONE_DAY))
        day += _ONE_DAY


def _by_working_hours(since: datetime, calendar: Calendar) -> Iterator[Step]:
    day = since.astimezone(SHANGHAI).date()
    while True:
        for step in _day(day, calendar):
            if step.ends_at is not None and step.ends_at > since:
                yield replace(step, starts_at=max(since, step.starts_at))
        day += _ONE_DAY


def _day(day: date, calendar: Calendar) -> Iterator[Step]:
    """The pieces of one local day, from midnight to midnight."""
    special = calendar.days.get(day) if calendar.knows(day) else None
    weekend = day.weekday() >= 5
    names = (special.name_zh, special.name_en) if special else ("", "")
    if not (special.work if special else not weekend):
        kind: Kind = "holiday" if special else "weekend"
        yield Step(kind, _at(day, _NOTHING), _at(day, _ONE_DAY), name_zh=names[0], name_en=names[1])
        return
    counting: Kind = "makeup" if special and weekend else "counted"
    if counting == "counted":
        names = ("", "")
    now = _NOTHING
    for starts, ends in map(_bounds, calendar.hours):
        if now < starts:
            yield Step("off_hours", _at(day, now), _at(day, starts))
        yield Step(counting, _at(day, starts), _at(day, ends), name_zh=names[0], name_en=names[1])
        now = ends
    if now < _ONE_DAY:
        yield Step("off_hours", _at(day, now), _at(day, _ONE_DAY))


def _shorten(way: list[Step], calendar: Calendar, *, by_the_clock: bool) -> Iterator[Step]:
    """What people need of *way*: see ``Deadline.steps``."""
    days: list[Step] = []
    for number, step in enumerate(way):
        if step.kind == "off_hours" and number:
            continue
        if days and _continues(days[-1], step, by_the_clock=by_the_clock):
            days[-1] = _joined(days[-1], step, days[-1].days + _new_days(days[-1], step))
        else:
            days.append(step)
    yield from days if by_the_clock else _full_days_joined(days, calendar.day_length)


def _full_days_joined(days: Sequence[Step], full: timedelta) -> Iterator[Step]:
    """Working days in a row, each of them counted in full, become one step."""
    kept: Step | None = None
    for step in days:
        if kept is None:
            kept = step
        elif kept.kind == step.kind == "counted" and (
            step.counted == full and kept.counted == full * kept.days
        ):
            kept = _joined(kept, step, kept.days + 1)
        else:
            yield kept
            kept = step
    if kept is not None:
        yield kept


def _continues(before: Step, step: Step, *, by_the_clock: bool) -> bool:
    """True where *step* is more of the same: of one day, of one holiday, or of a weekend."""
    if before.kind != step.kind or step.kind in {"pause", "off_hours"} or before.name_zh != step.name_zh:
        return False
    if before.ends_at == step.starts_at and (by_the_clock or step.kind not in COUNTING):
        return True
    return step.kind in COUNTING and _local_day(before.starts_at) == _local_day(step.starts_at)


def _new_days(before: Step, step: Step) -> int:
    """1 where *step* counts on another day than the end of *before*, else 0."""
    if step.kind not in COUNTING or before.ends_at is None:
        return 0
    return int(_local_day(before.ends_at - timedelta.resolution) != _local_day(step.starts_at))


def _joined(before: Step, step: Step, days: int) -> Step:
    return replace(before, ends_at=step.ends_at, counted=before.counted + step.counted, days=days)


def _warnings(way: list[Step], unit: Unit, calendar: Calendar) -> tuple[str, ...]:
    if unit in _BY_THE_CLOCK:
        return ()
    unknown = any(step.kind != "pause" and not calendar.knows(_local_day(step.starts_at)) for step in way)
    return (BEYOND_CALENDAR,) if unknown else ()


def _bounds(stretch: tuple[time, time]) -> tuple[timedelta, timedelta]:
    """From and to of a stretch of hours, from the day's midnight."""
    starts, ends = (timedelta(hours=at.hour, minutes=at.minute, seconds=at.second) for at in stretch)
    return starts, ends if stretch[1] != MIDNIGHT else _ONE_DAY


def _at(day: date, since_midnight: timedelta) -> datetime:
    return (datetime.combine(day, MIDNIGHT, SHANGHAI) + since_midnight).astimezone(UTC)


def _local_day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()
