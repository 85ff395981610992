#!/usr/bin/env python3
"""Make tests/vectors/worktime.json anew: deadlines with their arithmetic as data and in words.

Python and TypeScript are held to the same file: both must say the same words for the same document.
Run from the project's folder: ``python -m scripts.make_worktime_vectors``.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from app.timers import calendar_rules
from app.timers.explain import document, words
from app.timers.worktime import SHANGHAI, Calendar, Limit, Pause, Unit, deadline

ROOT = Path(__file__).parent.parent
DAYS = ROOT / "data" / "workdays_cn.json"
TARGET = ROOT / "tests" / "vectors" / "worktime.json"

CALENDARS = {
    "seven hours": {"version": 1, "hours": ["09:00-11:30", "13:00-17:30"]},
    "eight hours": {"version": 2, "hours": ["08:00-12:00", "14:00-18:00"]},
    "until midnight": {"version": 3, "hours": ["14:00-24:00"]},
}
REASONS = {
    "zh": {"weather": "天气", "parts": "等配件"},
    "en": {"weather": "weather", "parts": "waiting for parts"},
}

CASES: tuple[tuple[str, str, str, float, Unit, tuple[tuple[str, str, str], ...]], ...] = (
    ("Friday at closing, 4 working hours", "seven hours", "2026-11-20T17:30", 4, "work_hours", ()),
    ("30 September, before the holiday", "seven hours", "2026-09-30T16:30", 2, "work_hours", ()),
    ("a make-up Sunday", "seven hours", "2026-09-18T17:00", 1.5, "work_days", ()),
    ("one working hour, over lunch", "seven hours", "2026-11-20T11:00", 1, "work_hours", ()),
    ("at night", "eight hours", "2026-11-20T03:20", 2, "work_hours", ()),
    ("on a Saturday", "eight hours", "2026-11-21T14:00", 1, "work_days", ()),
    ("forty working hours", "eight hours", "2026-11-18T15:12:40", 40, "work_hours", ()),
    ("twenty working days past the calendar", "eight hours", "2026-12-28T15:00", 20, "work_days", ()),
    ("two urgent hours at night", "seven hours", "2026-11-20T23:10", 2, "urgent_hours", ()),
    ("two urgent days", "seven hours", "2026-11-21T03:00", 2, "urgent_days", ()),
    ("one urgent day from midnight", "seven hours", "2026-11-21T00:00", 1, "urgent_days", ()),
    ("nothing of a limit", "seven hours", "2026-11-21T03:00", 0, "work_hours", ()),
    ("hours until midnight", "until midnight", "2026-11-20T23:00", 2, "work_hours", ()),
    (
        "a pause across the holiday",
        "seven hours",
        "2026-09-30T16:00",
        2,
        "work_hours",
        (("2026-09-30T16:30", "2026-10-08T10:00", "weather"),),
    ),
    (
        "overlapping pauses",
        "eight hours",
        "2026-11-19T09:00",
        1.25,
        "work_days",
        (
            ("2026-11-19T10:00", "2026-11-19T11:00", "parts"),
            ("2026-11-19T10:30", "2026-11-19T15:00", ""),
            ("2026-11-18T10:30", "2026-11-18T15:00", "weather"),
        ),
    ),
    ("an open pause", "seven hours", "2026-11-20T10:00", 1, "work_days", (("2026-11-20T10:30", "", "parts"),)),
    ("an open pause without a reason", "seven hours", "2026-11-20T10:00", 3, "urgent_days",
     (("2026-11-22T10:30", "", ""),)),
)  # fmt: skip


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def make() -> dict[str, Any]:
    """The whole file."""
    known = calendar_rules.read_days(DAYS.read_text(encoding="utf-8"))
    first, last = known.years[0], known.years[-1]
    cases = []
    for name, calendar_name, starts, amount, unit, spans in CASES:
        given: Any = CALENDARS[calendar_name]
        hours = calendar_rules.read_hours(given["hours"])
        calendar = Calendar(given["version"], hours, known.days, first, last)
        pauses = [Pause(_at(a), _at(b) if b else None, reason) for a, b, reason in spans]
        made = document(deadline(_at(starts), Limit(amount, unit), calendar, pauses))
        cases.append(
            {
                "name": name,
                "calendar": calendar_name,
                "starts_at": _at(starts).isoformat(),
                "limit": {"amount": amount, "unit": unit},
                "pauses": [
                    {
                        "from": pause.starts_at.isoformat(),
                        "to": pause.ends_at.isoformat() if pause.ends_at else None,
                        "reason": pause.reason,
                    }
                    for pause in pauses
                ],
                "document": made,
                "words": {"zh": words(made, "zh", REASONS["zh"]), "en": words(made, "en", REASONS["en"])},
            }
        )
    return {
        "about": "Deadlines in working time, their arithmetic as a document and in words. Made by "
        "scripts/make_worktime_vectors.py from data/workdays_cn.json; the sentences are those of "
        "app/timers/messages.zh.json and messages.en.json. Readers show words of a document; only the "
        "server computes one.",
        "reasons": REASONS,
        "calendars": {
            name: {**given, "first_year": first, "last_year": last} for name, given in CALENDARS.items()
        },
        "cases": cases,
    }


if __name__ == "__main__":
    TARGET.write_text(json.dumps(make(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {TARGET}")
