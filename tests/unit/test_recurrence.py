"""A recurrence opens windows at the wall-clock moments that RFC 5545 says, and never takes long."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import dateutil.rrule
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from app.patrols.recurrence import MAX_A_DAY, SHANGHAI, WEEKDAYS, RecurrenceError, occurrences, parse

START = "2026-11-01T09:00"  # a Sunday
FROM = datetime(2026, 10, 1, tzinfo=UTC)
YEAR_AGO = datetime(2025, 9, 1, tzinfo=UTC)


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
        # RFC 5545 means a union here; dateutil by itself would find nothing.
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


# RFC 5545, section 3.8.5.3: its examples of what is understood here, moved by 28 years, after which
# every day has the same weekday again, and from New York to Shanghai (9:00 EST is 14:00Z there, 01:00Z here).
PUBLISHED = [
    ("2025-09-02", "FREQ=DAILY;COUNT=10", "2025 Sep 2 3 4 5 6 7 8 9 10 11"),
    ("2025-12-20", "FREQ=DAILY;UNTIL=20251224T000000Z", "2025 Dec 20 21 22 23"),
    ("2025-09-02", "FREQ=DAILY;INTERVAL=2", "2025 Sep 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30 Oct 2 4 6 …"),
    ("2025-09-02", "FREQ=DAILY;INTERVAL=10;COUNT=5", "2025 Sep 2 12 22 Oct 2 12"),
    (
        "2025-09-02",
        "FREQ=WEEKLY;UNTIL=20251224T000000Z",
        "2025 Sep 2 9 16 23 30 Oct 7 14 21 28 Nov 4 11 18 25 Dec 2 9 16 23",
    ),
    ("2025-09-02", "FREQ=WEEKLY;INTERVAL=2;WKST=SU", "2025 Sep 2 16 30 Oct 14 28 Nov 11 25 Dec 9 23 …"),
    (
        "2025-09-02",
        "FREQ=WEEKLY;UNTIL=20251007T000000Z;WKST=SU;BYDAY=TU,TH",
        "2025 Sep 2 4 9 11 16 18 23 25 30 Oct 2",
    ),
    (
        "2025-09-01",
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=20251224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "2025 Sep 1 3 5 15 17 19 29 Oct 1 3 13 15 17 27 29 31 Nov 10 12 14 24 26 28 Dec 8 10 12 22",
    ),
    (
        "2025-09-02",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
        "2025 Sep 2 4 16 18 30 Oct 2 14 16",
    ),
    (
        "2025-09-05",
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "2025 Sep 5 Oct 3 Nov 7 Dec 5 2026 Jan 2 Feb 6 Mar 6 Apr 3 May 1 Jun 5",
    ),
    ("2025-09-05", "FREQ=MONTHLY;UNTIL=20251224T000000Z;BYDAY=1FR", "2025 Sep 5 Oct 3 Nov 7 Dec 5"),
    (
        "2025-09-07",
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "2025 Sep 7 28 Nov 2 30 2026 Jan 4 25 Mar 1 29 May 3 31",
    ),
    ("2025-09-22", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "2025 Sep 22 Oct 20 Nov 17 Dec 22 2026 Jan 19 Feb 16"),
    ("2025-09-28", "FREQ=MONTHLY;BYMONTHDAY=-3", "2025 Sep 28 Oct 29 Nov 28 Dec 29 2026 Jan 29 Feb 26 …"),
    (
        "2025-09-02",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
        "2025 Sep 2 15 Oct 2 15 Nov 2 15 Dec 2 15 2026 Jan 2 15",
    ),
    (
        "2025-09-30",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "2025 Sep 30 Oct 1 31 Nov 1 30 Dec 1 31 2026 Jan 1 31 Feb 1",
    ),
    (
        "2025-09-10",
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "2025 Sep 10 11 12 13 14 15 2027 Mar 10 11 12 13",
    ),
    (
        "2025-09-02",
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "2025 Sep 2 9 16 23 30 Nov 4 11 18 25 2026 Jan 6 13 20 27 Mar 3 10 17 24 31 …",
    ),
    (
        "2025-06-10",
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "2025 Jun 10 Jul 10 2026 Jun 10 Jul 10 2027 Jun 10 Jul 10 2028 Jun 10 Jul 10 2029 Jun 10 Jul 10",
    ),
    (
        "2025-03-10",
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "2025 Mar 10 2027 Jan 10 Feb 10 Mar 10 2029 Jan 10 Feb 10 Mar 10 2031 Jan 10 Feb 10 Mar 10",
    ),
    (
        "2025-03-13",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "2025 Mar 13 20 27 2026 Mar 5 12 19 26 2027 Mar 4 11 18 25 …",
    ),
    (
        "2025-06-05",
        "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
        "2025 Jun 5 12 19 26 Jul 3 10 17 24 31 Aug 7 14 21 28 2026 Jun 4 11 18 25 …",
    ),
    (
        "2025-09-02",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "2026 Feb 13 Mar 13 Nov 13 2027 Aug 13 2028 Oct 13 …",
    ),
    (
        "2025-09-13",
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "2025 Sep 13 Oct 11 Nov 8 Dec 13 2026 Jan 10 Feb 7 Mar 7 Apr 11 May 9 Jun 13 …",
    ),
    (
        "2024-11-05",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "2024 Nov 5 2028 Nov 7 2032 Nov 2 …",
    ),
    ("2025-08-05", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "2025 Aug 5 10 19 24"),
    ("2025-08-05", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "2025 Aug 5 17 19 31"),
    ("2007-01-15", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "2007 Jan 15 30 Feb 15 Mar 15 30"),
]


def _days(text: str) -> list[str]:
    """``2025 Sep 2 9 Oct 7`` as ISO days."""
    days, year, month = [], "", ""
    for word in text.removesuffix(" …").split():
        if word.isalpha():
            month = word
        elif len(word) == 4:
            year = word
        else:
            days.append(datetime.strptime(f"{year} {month} {word} +0000", "%Y %b %d %z").date().isoformat())
    return days


@pytest.mark.parametrize(("start", "rule", "expected"), PUBLISHED)
def test_the_standards_own_examples(start: str, rule: str, expected: str) -> None:
    begins = datetime.fromisoformat(f"{start}T00:00+08:00")
    found = occurrences(parse(f"{start}T09:00", rule), begins, begins + timedelta(days=4500))
    first = [at.astimezone(SHANGHAI) for at in islice(found, 60)]
    assert {at.strftime("%H:%M") for at in first} == {"09:00"}
    days, wanted = [at.date().isoformat() for at in first], _days(expected)
    assert days[: len(wanted)] == wanted
    assert expected.endswith("…") == (len(days) > len(wanted))


def test_the_standards_examples_within_a_day_and_over_a_month() -> None:
    assert local("2025-09-02T09:00", "FREQ=HOURLY;INTERVAL=3;UNTIL=20250902T170000", after=YEAR_AGO) == [
        "09-02 09:00",
        "09-02 12:00",
        "09-02 15:00",
    ]
    every_20 = "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40"
    found = local("2025-09-02T09:00", every_20, days=60, after=datetime(2025, 8, 1, tzinfo=UTC))
    assert found[:4] == ["09-02 09:00", "09-02 09:20", "09-02 09:40", "09-02 10:00"]
    assert found[23:25] == ["09-02 16:40", "09-03 09:00"]
    january = [f"01-{day:02} 09:00" for day in range(1, 32)]
    for rule in ("FREQ=DAILY", "FREQ=YEARLY;BYDAY=SU,MO,TU,WE,TH,FR,SA"):
        found = local(
            "2026-01-01T09:00",
            f"{rule};UNTIL=20280131T010000Z;BYMONTH=1",
            days=1500,
            after=datetime(2025, 12, 1, tzinfo=UTC),
        )
        assert found == january * 3


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The periods (days, weeks, months, years) that the library looks at."""
    seen: list[str] = []
    for name in ("ydayset", "mdayset", "wdayset", "ddayset"):
        original = getattr(dateutil.rrule._iterinfo, name)

        def counted(*args: Any, _name: str = name, _original: Any = original) -> Any:
            seen.append(_name)
            return _original(*args)

        monkeypatch.setattr(dateutil.rrule._iterinfo, name, counted)
    return seen


@pytest.mark.parametrize("frequency", ["HOURLY", "HOURLY;BYHOUR=3,5", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
def test_a_day_that_never_comes_is_not_looked_for_beyond_400_years(
    frequency: str, looked_at: list[str]
) -> None:
    never = "BYMONTH=2" if frequency == "WEEKLY" else "BYMONTH=2;BYMONTHDAY=30"
    rule = f"FREQ={frequency};{never}"
    if frequency == "WEEKLY":
        rule += ";UNTIL=20000120"
    with pytest.raises(RecurrenceError, match="never occurs"):
        parse("2000-01-01T09:00", rule)
    a_day = 2 if "BYHOUR" in frequency else 1
    assert 0 < len(looked_at) <= a_day * 400 * 366


@pytest.mark.parametrize(("rule", "most"), [("FREQ=HOURLY", 31 * 24), ("FREQ=DAILY", 31), ("FREQ=WEEKLY", 5)])
def test_an_old_rule_is_not_counted_through_from_its_start(
    rule: str, most: int, looked_at: list[str]
) -> None:
    old = parse("2000-01-01T00:00", rule)
    looked_at.clear()
    found = list(occurrences(old, FROM, FROM + timedelta(days=31)))
    assert 4 <= len(found) <= most
    assert len(looked_at) <= most + 4


def test_a_counted_rule_ends_with_its_count(looked_at: list[str]) -> None:
    hourly = parse("2000-01-01T00:00", "FREQ=HOURLY;COUNT=10000")
    assert list(occurrences(hourly, FROM, FROM + timedelta(days=31))) == []
    assert len(looked_at) <= 10_010


def test_until_in_the_year_9999_is_as_good_as_none() -> None:
    assert local(START, "FREQ=DAILY;UNTIL=99991231", days=45)[:2] == ["11-01 09:00", "11-02 09:00"]


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
# No shrinking: a failure would be shrunk for minutes.
RELAXED = settings(
    max_examples=150,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


@RELAXED
@given(starts=STARTS, rule=rules())
def test_every_occurrence_is_one_that_the_rule_names(starts: str, rule: str) -> None:
    try:
        ours = parse(starts, rule)
    except RecurrenceError:
        assume(False)
        return
    parts = dict(part.split("=") for part in rule.split(";"))
    begins = datetime.fromisoformat(starts).replace(tzinfo=SHANGHAI)
    horizon = begins + timedelta(days=800)
    found = [at.astimezone(SHANGHAI) for at in occurrences(ours, begins - timedelta(days=1), horizon)]
    assert all(begins <= at <= horizon for at in found)
    assert len(found) <= int(parts.get("COUNT", len(found)))
    for name, told in {"BYMONTH": "%m", "BYHOUR": "%H", "BYMINUTE": "%M"}.items():
        if name in parts:
            assert {int(at.strftime(told)) for at in found} <= {int(n) for n in parts[name].split(",")}
    if "BYDAY" in parts:
        named = {day[-2:] for day in parts["BYDAY"].split(",")}
        assert {WEEKDAYS[at.weekday()] for at in found} <= named
    a_day = Counter(at.date() for at in found)
    assert max(a_day.values(), default=0) <= MAX_A_DAY


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
