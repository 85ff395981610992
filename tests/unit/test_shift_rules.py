"""The earliest known end of a shift holds, in whichever order the news comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from app.people import shift_rules
from app.people.shift_rules import End, Span

START = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


def span(ended: float | None = None, kind: str | None = None) -> Span:
    return Span(START, None if ended is None else hour(ended), kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "said", "automatic", "end"),
    [
        (span(), 8, False, End(hour(8), "self")),
        (span(), 8, True, End(hour(8), "automatic")),
        (span(), 13, False, End(hour(12), "automatic")),  # too late: it had ended by itself
        (span(), -1, False, End(hour(0), "self")),  # a clock that jumped back
        (span(12, "automatic"), 8, False, End(hour(8), "self")),  # the phone's word arrives late
        (span(12, "automatic"), 12, False, None),
        (span(6, "superseded"), 8, False, None),
        (span(6, "superseded"), 5, False, End(hour(5), "self")),
        (span(8, "self"), 8, False, None),  # said twice
        (span(8, "self"), 9, False, None),
    ],
)
def test_what_the_phone_says(before: Span, said: float, automatic: bool, end: End | None) -> None:
    assert shift_rules.end_said(before, hour(said), automatic=automatic) == end


@pytest.mark.parametrize(
    ("before", "now", "end"),
    [
        (span(), 11.99, None),
        (span(), 12, End(hour(12), "automatic")),
        (span(), 500, End(hour(12), "automatic")),
        (span(8, "self"), 13, None),
        (span(12, "automatic"), 13, None),
    ],
)
def test_a_forgotten_shift_ends_twelve_hours_after_its_start(
    before: Span, now: float, end: End | None
) -> None:
    assert shift_rules.end_forgotten(before, hour(now)) == end


@pytest.mark.parametrize(
    ("before", "started", "end"),
    [
        (span(), 3, End(hour(3), "superseded")),
        (span(), -1, None),  # an earlier shift that arrives late
        (span(), 12, None),  # long over by then
        (span(2, "self"), 3, None),
        (span(4, "self"), 3, End(hour(3), "superseded")),
        (span(12, "automatic"), 3, End(hour(3), "superseded")),
    ],
)
def test_a_second_start_ends_the_first_shift(before: Span, started: float, end: End | None) -> None:
    assert shift_rules.end_superseded(before, hour(started)) == end


def test_the_order_of_arrival_does_not_matter() -> None:
    news = {
        "said": lambda s: shift_rules.end_said(s, hour(9), automatic=False),
        "said again": lambda s: shift_rules.end_said(s, hour(10), automatic=False),
        "forgotten": lambda s: shift_rules.end_forgotten(s, hour(20)),
        "next": lambda s: shift_rules.end_superseded(s, hour(7)),
    }
    ends = set()
    for order in permutations(news.values()):
        state = span()
        for tell in order:
            end = tell(state)
            if end is not None:
                state = Span(START, end.at, end.kind)
        ends.add((state.ended_at, state.end_kind))
    assert ends == {(hour(7), "superseded")}


def test_a_shift_that_arrives_late_ends_at_the_first_later_start() -> None:
    late = shift_rules.end_of_late_start(span(), [hour(20), hour(5), hour(2)])
    assert late == End(hour(2), "superseded")
    assert shift_rules.end_of_late_start(span(), [hour(13)]) is None


def test_a_start_in_the_future_counts_from_when_the_server_heard_of_it() -> None:
    assert shift_rules.start_of(hour(24 * 365), hour(1)) == hour(1)
    assert shift_rules.start_of(hour(-3), hour(1)) == hour(-3)
