"""A recurrence opens windows at the wall-clock moments that RFC 5545 says, and never takes long."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from dateutil.rrule import rrulestr
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from app.patrols.recurrence import SHANGHAI, RecurrenceError, occurrences, parse

START = "2026-11-01T09:00"  # a Sunday
FROM = datetime(2026, 10, 1, tzinfo=UTC)


def local(starts: str, rule: str, days: int = 120, after: datetime = FROM) -> list[str]:
    found = occurrences(parse(starts, rule), after, after + timedelta(days=days))
    return [at.astimezone(SHANGHAI).strftime("%m-%d %H:%M") for at in found]


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        ("FREQ=DAILY", ["11-01 09:00", "11-02 09:00", "11-03 09:00"]),
        ("RRULE:freq=daily;interval=2", ["11-01 09:00", "11-03 09:00", "11-05 09:00"]),
        ("FREQ=DAILY;BYHOUR=9,15;BYMINUTE=0,30", ["11-01 09:00", "11-01 09:30", "11-01 15:00"]),
        ("FREQ=WEEKLY", ["11-01 09:00", "11-08 09:00", "11-15 09:00"]),
        ("FREQ=WEEKLY;BYDAY=MO,FR", ["11-02 09:00", "11-06 09:00", "11-09 09:00"]),
        # RFC 5545 means a union here; dateutil, which the test below compares with, finds nothing.
        ("FREQ=MONTHLY;BYDAY=1MO,SU", ["11-01 09:00", "11-02 09:00", "11-08 09:00"]),
        # The week starts on Monday, so the Sunday of the start is the end of week 0.
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU", ["11-01 09:00", "11-09 09:00", "11-15 09:00"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU", ["11-01 09:00", "11-02 09:00", "11-15 09:00"]),
        ("FREQ=MONTHLY;BYDAY=2TU,-1FR", ["11-10 09:00", "11-27 09:00", "12-08 09:00"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", ["11-30 09:00", "12-31 09:00"]),
        ("FREQ=HOURLY;INTERVAL=8", ["11-01 09:00", "11-01 17:00", "11-02 01:00"]),
        ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24", ["12-24 09:00"]),
    ],
)
def test_rules_open_windows_on_the_wall_clock(rule: str, first: list[str]) -> None:
    assert local(START, rule)[: len(first)] == first


def test_count_and_until_end_a_rule() -> None:
    assert local(START, "FREQ=DAILY;COUNT=2") == ["11-01 09:00", "11-02 09:00"]
    later = datetime(2026, 11, 2, tzinfo=UTC)
    assert local(START, "FREQ=DAILY;COUNT=3", after=later) == ["11-02 09:00", "11-03 09:00"]
    assert local(START, "FREQ=DAILY;UNTIL=20261102") == ["11-01 09:00", "11-02 09:00"]
    assert local(START, "FREQ=DAILY;UNTIL=20261102T005959Z") == ["11-01 09:00"]
    assert local(START, "FREQ=DAILY;UNTIL=20261102T010000Z") == ["11-01 09:00", "11-02 09:00"]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("", "NAME=VALUE"),
        ("every day", "NAME=VALUE"),
        ("INTERVAL=2", "FREQ"),
        ("FREQ=SECONDLY", "too often"),
        ("FREQ=MINUTELY;INTERVAL=600", "too often"),
        ("FREQ=FORTNIGHTLY", "FREQ must be"),
        ("FREQ=HOURLY;BYMINUTE=0,30", "more than 24"),
        ("FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8;BYMINUTE=0,20,40", "more than 24"),
        ("FREQ=DAILY;BYSECOND=1", "BYSECOND is not understood"),
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS is not understood"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=99999999999", "INTERVAL"),
        ("FREQ=DAILY;COUNT=-1", "COUNT"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "exclude"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20260101", "never occurs"),
        ("FREQ=DAILY;BYMONTH=13", "BYMONTH"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "never occurs"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "never occurs"),
        ("FREQ=YEARLY;INTERVAL=1000;BYMONTH=2;BYMONTHDAY=29", "never occurs"),
        ("FREQ=WEEKLY;BYDAY=1MO", "FREQ=MONTHLY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"),
        ("FREQ=DAILY;FREQ=DAILY", "twice"),
        ("FREQ=DAILY;" + "BYDAY=MO;" * 100, "longer"),
        ("FREQ=DAILY;COUNT=٣", "COUNT"),
    ],
)
def test_bad_rules_are_refused_with_a_reason(rule: str, reason: str) -> None:
    with pytest.raises(RecurrenceError, match=reason):
        parse(START, rule)


@pytest.mark.parametrize(
    "start",
    ["", "2026-11-01", "2026-11-01 09:00", "2026-13-01T09:00", "1026-01-01T09:00", "2026-02-30T09:00"],
)
def test_bad_starts_are_refused(start: str) -> None:
    with pytest.raises(RecurrenceError, match="start"):
        parse(start, "FREQ=DAILY")


def test_rules_that_a_generator_would_search_for_ages_are_answered_at_once() -> None:
    began = time.perf_counter()
    for rule in ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30"):
        with pytest.raises(RecurrenceError):
            parse("2000-01-01T09:00", rule)
    hourly = parse("2000-01-01T00:00", "FREQ=HOURLY;COUNT=10000")
    assert list(occurrences(hourly, FROM, FROM + timedelta(days=31))) == []
    assert time.perf_counter() - began < 1


def _lists(low: int, high: int) -> st.SearchStrategy[str]:
    return st.lists(st.integers(low, high), min_size=1, max_size=3).map(lambda n: ",".join(map(str, n)))


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={frequency}"]
    options = {
        "INTERVAL": st.integers(1, 6).map(str),
        "COUNT": st.integers(1, 40).map(str),
        "BYMONTH": _lists(1, 12),
        "BYDAY": st.lists(st.sampled_from(["MO", "WE", "FR", "SU"]), min_size=1, max_size=3).map(",".join),
        "BYHOUR": _lists(0, 23),
        "WKST": st.sampled_from(["MO", "SU"]),
    }
    if frequency != "WEEKLY":
        options["BYMONTHDAY"] = st.sampled_from(["1", "15", "31", "-1", "5,20,-2"])
    if frequency == "MONTHLY":
        options["BYDAY"] = st.sampled_from(["MO", "2TU", "-1FR", "1MO,-1SU", "5WE"])
    if frequency != "HOURLY":
        options["BYMINUTE"] = _lists(0, 59)
    for name in draw(st.sets(st.sampled_from(sorted(options)), max_size=4)):
        parts.append(f"{name}={draw(options[name])}")
    return ";".join(parts)


STARTS = st.datetimes(  # naive: the wall clock
    datetime(2024, 1, 1),  # noqa: DTZ001
    datetime(2027, 12, 31),  # noqa: DTZ001
).map(lambda at: at.strftime("%Y-%m-%dT%H:%M"))
# No shrinking: dateutil needs seconds for some rules, so a failure would be shrunk for minutes.
RELAXED = settings(
    max_examples=150,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


@RELAXED
@given(starts=STARTS, rule=rules(), days=st.integers(0, 700))
def test_every_rule_means_what_dateutil_says(starts: str, rule: str, days: int) -> None:
    try:
        ours = parse(starts, rule)
    except RecurrenceError:
        assume(False)
        return
    begins = datetime.fromisoformat(starts)
    first, last = begins - timedelta(days=1), begins + timedelta(days=days)
    horizon = f";UNTIL={last:%Y%m%dT%H%M%S}" if "COUNT" not in rule else ""
    theirs = [at for at in rrulestr(rule + horizon, dtstart=begins) if first < at <= last]
    found = occurrences(ours, first.replace(tzinfo=SHANGHAI), last.replace(tzinfo=SHANGHAI))
    assert [at.astimezone(SHANGHAI).replace(tzinfo=None) for at in found] == theirs


@RELAXED
@given(starts=STARTS, rule=rules(), cuts=st.lists(st.integers(0, 400 * 24 * 60), max_size=4))
def test_any_split_of_the_horizon_gives_the_same_windows(starts: str, rule: str, cuts: list[int]) -> None:
    try:
        ours = parse(starts, rule)
    except RecurrenceError:
        assume(False)
        return
    begins = datetime.fromisoformat(starts).replace(tzinfo=SHANGHAI)
    edges = [begins - timedelta(days=1), *(begins + timedelta(minutes=c) for c in sorted(cuts))]
    edges.append(begins + timedelta(days=400))
    whole = list(occurrences(ours, edges[0], edges[-1]))
    pieces = [at for a, b in pairwise(edges) for at in occurrences(ours, a, b)]
    assert pieces == whole
    assert len(set(whole)) == len(whole)
    assert whole == sorted(whole)


@RELAXED
@given(
    starts=STARTS,
    frequency=st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    every=st.integers(1, 9),
)
def test_without_other_times_every_window_opens_at_the_starts_time_of_day(
    starts: str, frequency: str, every: int
) -> None:
    try:
        ours = parse(starts, f"FREQ={frequency};INTERVAL={every}")
    except RecurrenceError:
        assume(False)
        return
    begins = datetime.fromisoformat(starts)
    horizon = begins.replace(tzinfo=SHANGHAI) + timedelta(days=800)
    for at in occurrences(ours, begins.replace(tzinfo=SHANGHAI) - timedelta(days=1), horizon):
        assert at.astimezone(SHANGHAI).time() == begins.time()
