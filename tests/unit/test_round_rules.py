"""A round goes the way its rules say: waiting, walked, late, covered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.patrols import rules
from app.patrols.rules import Coverage, Verdict

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("state", "at", "finished_at", "verdict"),
    [
        ("planned", NOON, None, Verdict.APPLY),
        ("missed", NOON, None, Verdict.APPLY),  # walked after all
        ("started", NOON, None, Verdict.UNCHANGED),
        ("finished", NOON - SECOND, NOON, Verdict.UNCHANGED),  # a second device, late
        ("finished", NOON + 61 * SECOND, NOON, Verdict.CLOSED),
        ("ended_early", NOON + 61 * SECOND, NOON, Verdict.CLOSED),
    ],
)
def test_starting(state: str, at: datetime, finished_at: datetime | None, verdict: Verdict) -> None:
    assert rules.start(state, at, finished_at) is verdict


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("planned", Verdict.WAIT),
        ("missed", Verdict.WAIT),
        ("started", Verdict.APPLY),
        ("finished", Verdict.CLOSED),
        ("ended_early", Verdict.CLOSED),
    ],
)
def test_finishing(state: str, verdict: Verdict) -> None:
    assert rules.finish(state) is verdict


@pytest.mark.parametrize(
    ("state", "at", "finished_at", "verdict"),
    [
        ("planned", NOON, None, Verdict.WAIT),
        ("missed", NOON, None, Verdict.WAIT),
        ("started", NOON, None, Verdict.APPLY),
        ("finished", NOON - SECOND, NOON, Verdict.APPLY),  # captured before the end, arrived after it
        ("finished", NOON + 60 * SECOND, NOON, Verdict.APPLY),  # noise of two clock measurements
        ("finished", NOON + 61 * SECOND, NOON, Verdict.CLOSED),
    ],
)
def test_visiting(state: str, at: datetime, finished_at: datetime | None, verdict: Verdict) -> None:
    assert rules.visit(state, at, finished_at) is verdict


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
