"""A round goes the way its rules say: waiting, walked, late, covered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.patrols import rules
from app.patrols.rules import Coverage, Standing, Verdict

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
PLANNED, MISSED, STARTED = Standing("planned"), Standing("missed"), Standing("started")
FINISHED = Standing("finished", NOON, "phone")
EARLY = Standing("ended_early", NOON, "phone")
AUTOMATIC = Standing("ended_early", NOON, "worker")


@pytest.mark.parametrize(
    ("standing", "at", "verdict"),
    [
        (PLANNED, NOON, Verdict.APPLY),
        (MISSED, NOON, Verdict.APPLY),  # walked after all
        (STARTED, NOON, Verdict.UNCHANGED),
        (FINISHED, NOON - SECOND, Verdict.UNCHANGED),  # a second device, late
        (FINISHED, NOON + 61 * SECOND, Verdict.CLOSED),
        (EARLY, NOON + 61 * SECOND, Verdict.CLOSED),
        (AUTOMATIC, NOON + HOUR, Verdict.UNCHANGED),
    ],
)
def test_starting(standing: Standing, at: datetime, verdict: Verdict) -> None:
    assert rules.start(standing, at) is verdict


@pytest.mark.parametrize(
    ("standing", "verdict"),
    [
        (PLANNED, Verdict.WAIT),
        (MISSED, Verdict.WAIT),
        (STARTED, Verdict.APPLY),
        (FINISHED, Verdict.CLOSED),
        (EARLY, Verdict.CLOSED),
        (AUTOMATIC, Verdict.APPLY),  # the phone knows better
    ],
)
def test_finishing(standing: Standing, verdict: Verdict) -> None:
    assert rules.finish(standing) is verdict


@pytest.mark.parametrize(
    ("standing", "at", "verdict"),
    [
        (PLANNED, NOON, Verdict.WAIT),
        (MISSED, NOON, Verdict.WAIT),
        (STARTED, NOON, Verdict.APPLY),
        (FINISHED, NOON - SECOND, Verdict.APPLY),  # captured before the end, arrived after it
        (FINISHED, NOON + 60 * SECOND, Verdict.APPLY),  # noise of two clock measurements
        (FINISHED, NOON + 61 * SECOND, Verdict.CLOSED),
        (AUTOMATIC, NOON + HOUR, Verdict.APPLY),  # nobody said that it was over
    ],
)
def test_visiting(standing: Standing, at: datetime, verdict: Verdict) -> None:
    assert rules.visit(standing, at) is verdict


@pytest.mark.parametrize(
    ("last_touched_at", "ended_at"),
    [
        (None, NOON),  # started, and nothing more is known
        (NOON + HOUR, NOON + HOUR),
        (NOON - HOUR, NOON),  # a stop of which the phone's clock was wrong
        (NOON + 5 * HOUR, NOON + 3 * HOUR),  # a clock in the future does not end a round in the future
    ],
)
def test_a_forgotten_round_ended_with_the_last_that_is_known(
    last_touched_at: datetime | None, ended_at: datetime
) -> None:
    assert rules.automatic_end(NOON, last_touched_at, NOON + 3 * HOUR) == ended_at


def test_who_is_on_duty_has_longer_to_end_a_round() -> None:
    assert rules.forgotten_before(NOON, on_duty=False) == NOON - HOUR
    assert rules.forgotten_before(NOON, on_duty=True) == NOON - 12 * HOUR


@pytest.mark.parametrize(
    ("state", "finished_at", "now", "late"),
    [
        ("planned", None, NOON, False),
        ("planned", None, NOON + SECOND, True),
        ("started", None, NOON + SECOND, True),
        ("missed", None, NOON + SECOND, True),
        ("finished", NOON, NOON + timedelta(days=1), False),
        ("finished", NOON + SECOND, NOON + timedelta(days=1), True),
        ("ended_early", NOON - SECOND, NOON + timedelta(days=1), False),
    ],
)
def test_late_means_not_over_when_the_window_closed(
    state: str, finished_at: datetime | None, now: datetime, late: bool
) -> None:
    assert rules.is_late(state, NOON, finished_at, now) is late


def test_a_visit_outweighs_a_skip_in_the_coverage() -> None:
    assert rules.coverage([1, 2, 3, 4], {1, 2}, {2, 3}) == Coverage(total=4, visited=2, skipped=1)
    assert rules.untouched([4, 1, 2, 3], {1, 2}, {2, 3}) == [4]
    assert [rules.stop_state(n, {1, 2}, {2, 3}) for n in (1, 2, 3, 4)] == [
        "visited",
        "visited",
        "skipped",
        "open",
    ]


def test_a_visit_after_a_later_stop_is_noted() -> None:
    assert rules.out_of_order([1, 3, 2, 4, 4]) == [2]
    assert rules.out_of_order([1, 2, 3]) == []


@pytest.mark.parametrize(
    ("kind", "tagged", "required"),
    [("lift", True, True), ("basement", True, True), ("lift", False, False), ("square", True, False)],
)
def test_only_places_without_sky_need_their_tag(kind: str, tagged: bool, required: bool) -> None:
    assert rules.tag_required(kind, tagged) is required
