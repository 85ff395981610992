"""A deadline is where its limit is used up: inside working hours, past holidays, around pauses."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.timers import calendar_rules
from app.timers.explain import document, words
from app.timers.worktime import (
    COUNTING,
    SHANGHAI,
    UNITS,
    Calendar,
    Deadline,
    Limit,
    Pause,
    Unit,
    deadline,
    fraction_at,
    length,
    used,
)

ROOT = Path(__file__).parents[2]
DAYS = calendar_rules.read_days((ROOT / "data" / "workdays_cn.json").read_text(encoding="utf-8"))
HOURS = ((time(9), time(11, 30)), (time(13), time(17, 30)))
CALENDAR = Calendar(1, HOURS, DAYS.days, 2024, 2026)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def local(moment: datetime | None) -> str | None:
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if moment else None


def due(start: str, amount: float, unit: Unit, *pauses: Pause, calendar: Calendar = CALENDAR) -> str | None:
    return local(deadline(at(start), Limit(amount, unit), calendar, pauses).due_at)


@pytest.mark.parametrize(
    ("start", "amount", "unit", "wanted"),
    [
        # 2026-11-20 is a Friday; a start exactly at closing counts from the next opening
        ("2026-11-20 17:30", 4, "work_hours", "2026-11-23 14:30"),
        ("2026-11-20 17:29", 4, "work_hours", "2026-11-23 14:29"),
        ("2026-11-20 15:30", 2, "work_hours", "2026-11-20 17:30"),  # ends with the day, not on Monday
        ("2026-11-20 11:30", 1, "work_hours", "2026-11-20 14:00"),  # lunch
        ("2026-11-20 12:10", 1, "work_hours", "2026-11-20 14:00"),
        ("2026-11-20 03:00", 2.5, "work_hours", "2026-11-20 11:30"),
        ("2026-11-21 14:00", 4, "work_hours", "2026-11-23 14:30"),  # on a Saturday
        ("2026-11-20 17:30", 4, "urgent_hours", "2026-11-20 21:30"),
        ("2026-11-20 22:00", 4, "urgent_hours", "2026-11-21 02:00"),
        ("2026-11-20 17:30", 2, "urgent_days", "2026-11-22 17:30"),
        # a working day is a full one of the calendar's: seven hours here
        ("2026-11-20 09:00", 1, "work_days", "2026-11-20 17:30"),
        ("2026-11-20 09:00", 2, "work_days", "2026-11-23 17:30"),
        ("2026-11-20 14:00", 1, "work_days", "2026-11-23 14:00"),
        ("2026-11-20 09:00", 0.5, "work_days", "2026-11-20 14:00"),
        # 30 September 2026, a Wednesday: the holiday lasts until the 7th
        ("2026-09-30 16:30", 2, "work_hours", "2026-10-08 10:00"),
        ("2026-09-30 17:30", 1, "work_days", "2026-10-08 17:30"),
        ("2026-10-01 10:00", 1, "work_hours", "2026-10-08 10:00"),
        ("2026-09-30 16:30", 2, "urgent_days", "2026-10-02 16:30"),
        # make-up Sunday 20 September and Saturday 10 October are worked, the Saturday before is not
        ("2026-09-18 16:30", 2, "work_hours", "2026-09-20 10:00"),
        ("2026-09-20 10:00", 1, "work_hours", "2026-09-20 11:00"),
        ("2026-10-09 16:30", 2, "work_hours", "2026-10-10 10:00"),
        # nothing of a limit is over at once, at night too
        ("2026-11-21 03:00", 0, "work_hours", "2026-11-21 03:00"),
        ("2026-11-21 03:00", 0, "urgent_days", "2026-11-21 03:00"),
    ],
)
def test_a_limit_ends_where_the_table_says(start: str, amount: float, unit: Unit, wanted: str) -> None:
    assert due(start, amount, unit) == wanted


@pytest.mark.parametrize(
    ("start", "amount", "unit", "pauses", "wanted"),
    [
        # across the holiday: half an hour before it and an hour after it are used
        ("2026-09-30 16:00", 2, "work_hours", [("2026-09-30 16:30", "2026-10-08 10:00")], "2026-10-08 11:30"),
        # inside the holiday it costs nothing
        ("2026-09-30 16:30", 2, "work_hours", [("2026-10-02 00:00", "2026-10-05 00:00")], "2026-10-08 10:00"),
        (
            "2026-11-20 10:00",
            1,
            "urgent_hours",
            [("2026-11-20 10:30", "2026-11-20 12:00")],
            "2026-11-20 12:30",
        ),
        # overlapping pauses count once
        (
            "2026-11-20 10:00",
            1,
            "urgent_hours",
            [("2026-11-20 10:30", "2026-11-20 12:00"), ("2026-11-20 11:00", "2026-11-20 12:30")],
            "2026-11-20 13:00",
        ),
        # over before the start, begun before the start, begun when all is over, of no length
        ("2026-11-20 10:00", 1, "work_hours", [("2026-11-19 10:00", "2026-11-20 10:00")], "2026-11-20 11:00"),
        ("2026-11-20 10:00", 1, "work_hours", [("2026-11-19 10:00", "2026-11-20 10:15")], "2026-11-20 11:15"),
        ("2026-11-20 10:00", 1, "work_hours", [("2026-11-20 11:00", None)], "2026-11-20 11:00"),
        ("2026-11-20 10:00", 1, "work_hours", [("2026-11-20 10:30", "2026-11-20 10:30")], "2026-11-20 11:00"),
        # an open one holds the deadline
        ("2026-11-20 10:00", 1, "work_hours", [("2026-11-20 10:30", None)], None),
        ("2026-11-20 10:00", 1, "urgent_days", [("2026-11-20 09:00", None)], None),
    ],
)
def test_a_pause_stops_the_clock(
    start: str, amount: float, unit: Unit, pauses: list[tuple[str, str | None]], wanted: str | None
) -> None:
    kept = [Pause(at(a), at(b) if b else None, "weather") for a, b in pauses]
    assert due(start, amount, unit, *kept) == wanted


def test_a_street_that_works_eight_hours_has_working_days_of_eight_hours() -> None:
    eight = calendar_rules.with_hours(CALENDAR, ["08:00-12:00", "14:00-18:00"])
    assert due("2026-11-20 08:00", 8, "work_hours", calendar=eight) == "2026-11-20 18:00"
    assert due("2026-11-20 08:00", 1, "work_days", calendar=eight) == "2026-11-20 18:00"


def test_hours_until_midnight_and_round_the_clock_are_possible() -> None:
    late = calendar_rules.with_hours(CALENDAR, ["14:00-24:00"])
    assert due("2026-11-20 23:00", 2, "work_hours", calendar=late) == "2026-11-23 15:00"
    always = calendar_rules.with_hours(CALENDAR, ["00:00-24:00"])
    assert due("2026-11-20 23:00", 2, "work_hours", calendar=always) == "2026-11-23 01:00"


@pytest.mark.parametrize(
    ("start", "amount", "unit", "warned"),
    [
        ("2026-12-31 09:00", 7, "work_hours", False),  # ends with the year
        ("2026-12-31 09:00", 7.1, "work_hours", True),
        ("2027-06-01 09:00", 1, "work_days", True),
        ("2023-12-29 09:00", 1, "work_days", True),
        ("2026-12-31 09:00", 9, "urgent_days", False),  # the clock needs no calendar
    ],
)
def test_a_deadline_beyond_the_calendar_says_so(start: str, amount: float, unit: Unit, warned: bool) -> None:
    found = deadline(at(start), Limit(amount, unit), CALENDAR)
    assert found.warnings == (("beyond_calendar",) if warned else ())
    assert found.due_at is not None


def test_beyond_the_calendar_monday_to_friday_count() -> None:
    assert due("2026-12-31 17:00", 1, "work_hours") == "2027-01-01 09:30"  # a holiday that nobody loaded
    assert due("2027-01-01 17:00", 1, "work_hours") == "2027-01-04 09:30"


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf"), 1e9])
def test_a_limit_that_is_none_is_refused(amount: float) -> None:
    with pytest.raises(ValueError, match="a limit is between"):
        Limit(amount, "work_hours")


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="unit days"):
        Limit(1, "days")  # type: ignore[arg-type]


# Properties

MINUTE = timedelta(minutes=1)
MOMENTS = st.timedeltas(timedelta(), timedelta(days=640)).map(lambda since: at("2025-06-01") + since)
LIMITS = st.builds(Limit, st.integers(0, 1200).map(lambda n: n / 8), st.sampled_from(UNITS))
SPANS = st.timedeltas(timedelta(minutes=-5), timedelta(days=12))
PAUSES = st.lists(st.builds(lambda a, span: Pause(a, a + span, "x"), MOMENTS, SPANS), max_size=5)
CLOSE_PAUSES = st.lists(st.tuples(st.timedeltas(timedelta(-2), timedelta(30)), SPANS), max_size=4)


def near(start: datetime, pairs: list[tuple[timedelta, timedelta]]) -> list[Pause]:
    return [Pause(start + after, start + after + span, "x") for after, span in pairs]


@given(MOMENTS, LIMITS, CLOSE_PAUSES)
def test_what_is_used_until_the_deadline_is_the_limit(start, limit, pairs) -> None:
    pauses = near(start, pairs)
    found = deadline(start, limit, CALENDAR, pauses)
    assert found.due_at is not None
    assert used(start, found.due_at, limit.unit, CALENDAR, pauses) == length(limit, CALENDAR)


@given(MOMENTS, LIMITS, CLOSE_PAUSES)
def test_the_counted_steps_add_up_to_the_limit_in_order(start, limit, pairs) -> None:
    found = deadline(start, limit, CALENDAR, near(start, pairs))
    assert sum((step.counted for step in found.steps), timedelta()) == length(limit, CALENDAR)
    assert all(bool(step.counted) == (step.kind in COUNTING) for step in found.steps)
    moments = [moment for step in found.steps for moment in (step.starts_at, step.ends_at)]
    assert moments == sorted(moments)
    assert sum(step["minutes"] for step in document(found)["steps"]) == document(found)["limit_minutes"]


@given(MOMENTS, LIMITS, CLOSE_PAUSES, st.timedeltas(timedelta(), timedelta(20)), st.integers(0, 80))
def test_a_later_start_or_a_larger_limit_never_ends_earlier(start, limit, pairs, later, more) -> None:
    pauses = near(start, pairs)
    first = deadline(start, limit, CALENDAR, pauses).due_at
    extended = Limit(limit.amount + more / 8, limit.unit)
    assert first is not None
    assert first <= deadline(start + later, limit, CALENDAR, pauses).due_at
    assert first <= deadline(start, extended, CALENDAR, pauses).due_at


@given(MOMENTS, LIMITS, CLOSE_PAUSES, st.timedeltas(timedelta(-2), timedelta(30)), SPANS)
def test_a_further_pause_never_ends_it_earlier(start, limit, pairs, after, span) -> None:
    pauses = near(start, pairs)
    without = deadline(start, limit, CALENDAR, pauses).due_at
    assert without <= deadline(start, limit, CALENDAR, [*pauses, *near(start, [(after, span)])]).due_at


@given(MOMENTS, LIMITS, PAUSES)
def test_pauses_in_any_order_give_the_same(start, limit, pauses) -> None:
    assert (
        deadline(start, limit, CALENDAR, pauses).due_at
        == deadline(start, limit, CALENDAR, pauses[::-1]).due_at
    )


@given(MOMENTS, LIMITS, CLOSE_PAUSES, st.floats(0, 1))
def test_a_share_is_used_up_where_it_is_said_to_be(start, limit, pairs, share) -> None:
    pauses = near(start, pairs)
    moment = fraction_at(start, limit, CALENDAR, pauses, share)
    counted = used(start, moment, limit.unit, CALENDAR, pauses)
    assert counted == length(limit, CALENDAR) * share
    assert moment <= deadline(start, limit, CALENDAR, pauses).due_at


@given(MOMENTS, MOMENTS, st.sampled_from(UNITS), PAUSES)
def test_no_time_is_used_before_the_start_and_never_more_than_passed(start, until, unit, pauses) -> None:
    assert timedelta() <= used(start, until, unit, CALENDAR, pauses) <= max(until - start, timedelta())


@given(st.integers(0, 1000 * 24 * 60), st.integers(1, 40))
def test_forty_working_hours_are_explained_in_a_dozen_lines_or_so(minutes, hours) -> None:
    found = deadline(at("2024-01-01") + MINUTE * minutes, Limit(hours, "work_hours"), CALENDAR)
    limit = 14 if any(step.kind in {"holiday", "makeup"} for step in found.steps) else 9
    assert len(words(document(found), "zh")) <= limit


# Explained


def told(start: str, amount: float, unit: Unit, *pauses: Pause) -> Deadline:
    return deadline(at(start), Limit(amount, unit), CALENDAR, pauses)


def test_the_arithmetic_is_told_in_both_languages() -> None:
    made = document(told("2026-11-20 17:30", 4, "work_hours"))
    assert words(made, "zh") == [
        "从 2026年11月20日 周五 17:30 起，限 4 工作时；工作时间 09:00–11:30 13:00–17:30。",
        "11月20日 周五 17:30：不在工作时间，从下一个工作时段起算。",
        "11月21日 周六 至 11月22日 周日：周末，不计。",
        "11月23日 周一 09:00–14:30：计 4 小时。",
        "到期：2026年11月23日 周一 14:30。",
    ]
    assert words(made, "en") == [
        "From Fri 20 Nov 2026, 17:30; limit 4 working hours; working hours 09:00–11:30 13:00–17:30.",
        "Fri 20 Nov, 17:30: outside working hours; counting begins with the next ones.",
        "Sat 21 Nov to Sun 22 Nov: weekend, not counted.",
        "Mon 23 Nov, 09:00–14:30: 4 h counted.",
        "Due: Mon 23 Nov 2026, 14:30.",
    ]


def test_a_reason_is_named_and_an_open_pause_has_no_deadline() -> None:
    pause = Pause(at("2026-11-20 10:30"), None, "waiting_parts")
    lines = words(
        document(told("2026-11-20 10:00", 2, "work_hours", pause)), "zh", {"waiting_parts": "等配件"}
    )
    assert lines[-2:] == [
        "11月20日 周五 10:30 起：暂停中（等配件），不计。",
        "暂停期间没有到期时间；恢复后继续计算。",
    ]


def test_the_document_is_json_that_says_everything() -> None:
    made = document(told("2026-09-18 17:00", 1.5, "work_days"))
    assert json.loads(json.dumps(made)) == made
    assert made["limit"] == {"amount": 1.5, "unit": "work_days"}
    assert (made["limit_minutes"], made["calendar_version"], made["hours"]) == (
        630,
        1,
        ["09:00-11:30", "13:00-17:30"],
    )
    assert [(s["kind"], s["on"], s["to_on"], s["minutes"], s["name_zh"]) for s in made["steps"]] == [
        ("counted", "2026-09-18", "2026-09-18", 30, ""),
        ("weekend", "2026-09-19", "2026-09-19", 0, ""),
        ("makeup", "2026-09-20", "2026-09-20", 420, "国庆"),
        ("counted", "2026-09-21", "2026-09-21", 180, ""),
    ]
    assert made["due_at"] == "2026-09-21T13:30:00+08:00"


def test_both_languages_have_the_same_messages() -> None:
    zh, en = (
        json.loads((ROOT / "app" / "timers" / f"messages.{lang}.json").read_text(encoding="utf-8"))
        for lang in ("zh", "en")
    )
    assert list(zh) == list(en)


VECTORS = json.loads((ROOT / "tests" / "vectors" / "worktime.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_the_vectors_shared_with_the_phone_are_what_is_computed(case) -> None:
    given_calendar = VECTORS["calendars"][case["calendar"]]
    calendar = Calendar(
        given_calendar["version"],
        calendar_rules.read_hours(given_calendar["hours"]),
        DAYS.days,
        given_calendar["first_year"],
        given_calendar["last_year"],
    )
    pauses = [
        Pause(
            datetime.fromisoformat(p["from"]),
            datetime.fromisoformat(p["to"]) if p["to"] else None,
            p["reason"],
        )
        for p in case["pauses"]
    ]
    limit = Limit(case["limit"]["amount"], case["limit"]["unit"])
    made = document(deadline(datetime.fromisoformat(case["starts_at"]), limit, calendar, pauses))
    assert made == case["document"]
    assert {lang: words(made, lang, VECTORS["reasons"][lang]) for lang in ("zh", "en")} == case["words"]


def test_the_days_of_the_state_council_are_those_known() -> None:
    first, last = date(2024, 1, 1), date(2026, 12, 31)
    worked = dict.fromkeys((2024, 2025, 2026), 0)
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        morning = datetime.combine(day, time(9), SHANGHAI)
        if used(morning, morning + timedelta(hours=1), "work_hours", CALENDAR):
            worked[day.year] += 1
    assert worked == {2024: 251, 2025: 248, 2026: 248}
