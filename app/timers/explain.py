"""The arithmetic of a deadline, as data and in words. Pure.

Phone, console and server show the same document. Its times are local with their offset, so that a reader
shows them by cutting the text and never needs a time zone; its minutes are whole and add up to those of
the limit. ``words`` says how it is put into sentences; tests/vectors/worktime.json holds both for readers
in other languages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal

from app.timers.worktime import BEYOND_CALENDAR, SHANGHAI, Deadline, Step, length

Lang = Literal["zh", "en"]
Document = dict[str, Any]

_MESSAGES: dict[str, dict[str, str]] = {
    lang: json.loads(Path(__file__).with_name(f"messages.{lang}.json").read_text(encoding="utf-8"))
    for lang in ("zh", "en")
}
_MINUTE = timedelta(minutes=1)


def hours_text(hours: tuple[tuple[time, time], ...]) -> list[str]:
    """Working hours as they are stored and shown: ``09:00-11:30``; the end of the day is ``24:00``."""
    return [f"{starts:%H:%M}-{_end(f'{ends:%H:%M}')}" for starts, ends in hours]


def document(found: Deadline) -> Document:
    """*found* as JSON data.

    Returns:
        ``starts_at``, ``due_at`` (null while paused), ``limit``, ``limit_minutes``, ``calendar_version``,
        ``calendar_last_year``, ``hours``, ``warnings`` and ``steps``. A step has ``kind``, ``from`` and
        ``to`` (null: still open), ``on`` and ``to_on`` (first and last local day that it touches),
        ``minutes`` counted, ``days`` on which they were, the names of its holiday and its reason.
    """
    limit, calendar = found.limit, found.calendar
    steps, total, told = [], timedelta(), 0
    for step in found.steps:
        total += step.counted
        minutes = round(total / _MINUTE)
        steps.append(_step(step, minutes - told))
        told = minutes
    return {
        "starts_at": _local(found.starts_at),
        "limit": {"amount": _amount(limit.amount), "unit": limit.unit},
        "limit_minutes": round(length(limit, calendar) / _MINUTE),
        "calendar_version": calendar.version,
        "calendar_last_year": calendar.last_year,
        "hours": hours_text(calendar.hours),
        "steps": steps,
        "due_at": _local(found.due_at) if found.due_at else None,
        "warnings": list(found.warnings),
    }


def words(made: Document, lang: Lang, reasons: Mapping[str, str] | None = None) -> list[str]:
    """The sentences of a document, a line each, the start first and the deadline last.

    Args:
        reasons: what reasons of pauses are called in this language; others are shown as they are.
    """
    say = _MESSAGES[lang]
    by_the_clock = made["limit"]["unit"].startswith("urgent")
    hours = " ".join(text.replace("-", "–") for text in made["hours"])
    one = ".one" if made["limit"]["amount"] == 1 else ""
    unit = say[f"unit.{made['limit']['unit']}{one}"].format(amount=f"{made['limit']['amount']:g}")
    start = say["start.clock" if by_the_clock else "start.hours"]
    lines = [start.format(moment=_moment(made["starts_at"], say, year=True), limit=unit, hours=hours)]
    lines += [_sentence(step, say, reasons or {}, by_the_clock=by_the_clock) for step in made["steps"]]
    if made["due_at"] is None:
        lines.append(say["due.none"])
    else:
        lines.append(say["due"].format(moment=_moment(made["due_at"], say, year=True)))
    if BEYOND_CALENDAR in made["warnings"]:
        lines.append(say[BEYOND_CALENDAR].format(year=made["calendar_last_year"]))
    return lines


def _step(step: Step, minutes: int) -> Document:
    last = (step.ends_at - timedelta.resolution) if step.ends_at else None
    return {
        "kind": step.kind,
        "from": _local(step.starts_at),
        "to": _local(step.ends_at) if step.ends_at else None,
        "on": f"{step.starts_at.astimezone(SHANGHAI):%Y-%m-%d}",
        "to_on": f"{last.astimezone(SHANGHAI):%Y-%m-%d}" if last else None,
        "minutes": minutes,
        "days": step.days,
        "name_zh": step.name_zh,
        "name_en": step.name_en,
        "reason": step.reason,
    }


def _sentence(
    step: Document, say: Mapping[str, str], reasons: Mapping[str, str], *, by_the_clock: bool
) -> str:
    kind = step["kind"]
    name = step["name_zh" if say is _MESSAGES["zh"] else "name_en"]
    if kind == "pause":
        reason = reasons.get(step["reason"], step["reason"])
        key = "pause" + (".open" if step["to"] is None else "") + (".reason" if reason else "")
        ends = _moment(step["to"], say) if step["to"] else ""
        return say[key].format(**{"from": _moment(step["from"], say)}, to=ends, reason=reason)
    if kind == "off_hours":
        return say["off_hours"].format(moment=_moment(step["from"], say))
    dates = _dates(step["on"], step["to_on"], say)
    if kind in {"weekend", "holiday"}:
        return say[kind].format(dates=dates, name=name)
    duration = _duration(step["minutes"], say)
    if step["on"] == step["to_on"]:
        return say[kind].format(stretch=_stretch(step, say), name=name, duration=duration)
    if not by_the_clock:
        return say["counted.days"].format(dates=dates, days=step["days"], duration=duration)
    both = {"from": _moment(step["from"], say), "to": _moment(step["to"], say)}
    return say["counted"].format(stretch=say["dates"].format(**both), duration=duration)


def _stretch(step: Document, say: Mapping[str, str]) -> str:
    """One day's part of it: the date, from and to."""
    return say["stretch"].format(
        **{"from": step["from"][11:16]}, date=_date(step["on"], say), to=_end(step["to"][11:16])
    )


def _dates(first: str, last: str, say: Mapping[str, str]) -> str:
    if first == last:
        return _date(first, say)
    return say["dates"].format(**{"from": _date(first, say)}, to=_date(last, say))


def _date(text: str, say: Mapping[str, str], *, year: bool = False) -> str:
    day = date.fromisoformat(text[:10])
    return say["date_year" if year else "date"].format(
        year=day.year,
        month=say["months"].split()[day.month - 1],
        day=day.day,
        weekday=say["weekdays"].split()[day.weekday()],
    )


def _moment(text: str, say: Mapping[str, str], *, year: bool = False) -> str:
    return say["moment"].format(date=_date(text, say, year=year), time=text[11:16])


def _duration(minutes: int, say: Mapping[str, str]) -> str:
    hours, rest = divmod(minutes, 60)
    which = "both" if hours and rest else "hours" if hours else "minutes"
    return say[f"duration.{which}"].format(hours=hours, minutes=rest)


def _end(text: str) -> str:
    """The end of a stretch within a day: midnight is its 24th hour."""
    return "24:00" if text == "00:00" else text


def _amount(amount: float) -> float:
    return int(amount) if amount == int(amount) else amount


def _local(at: datetime) -> str:
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")
