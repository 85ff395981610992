"""Somebody is on scene when two positions in a row lie surely in the case's circle."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cases.approach_rules import Approach, Circle, Seen, follow
from app.core.geo import distance_m

START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
CIRCLE = Circle(31.24, 121.40, 50.0)
METRE = 1 / 111_195  # degrees of latitude


def seen(second: int, away_m: float, accuracy_m: float = 5.0) -> Seen:
    return Seen(START + timedelta(seconds=second), CIRCLE.lat + away_m * METRE, CIRCLE.lon, accuracy_m)


@pytest.mark.parametrize(
    ("way", "arrives_after_s"),
    [
        ([(0, 300), (30, 120), (60, 20), (90, 10)], 90),
        ([(0, 20)], None),  # one position proves nothing
        ([(0, 20), (30, 200), (60, 20)], None),  # drift: in, out, in
        ([(0, 20), (30, 200), (60, 20), (90, 20)], 90),
        ([(0, 48), (30, 48)], None),  # the accuracy circle crosses the edge
        ([(0, 44), (30, 44)], 30),
        ([(0, 20), (30, 150, 400), (60, 20)], 60),  # a vague position neither confirms nor breaks
        ([(0, 20, 60), (30, 20, 60)], None),  # too vague to be sure
        ([], None),
    ],
)
def test_arrival(way, arrives_after_s):
    after = follow(Approach(), CIRCLE, [seen(*step) for step in way])
    expected = None if arrives_after_s is None else START + timedelta(seconds=arrives_after_s)
    assert after.arrived_at == expected


def test_positions_of_several_batches_count_together():
    first = follow(Approach(), CIRCLE, [seen(0, 20)])
    assert follow(first, CIRCLE, [seen(30, 20)]).arrived_at == START + timedelta(seconds=30)


def test_positions_that_arrive_out_of_order_are_taken_in_the_order_of_their_time():
    assert follow(Approach(), CIRCLE, [seen(60, 20), seen(0, 300), seen(30, 20)]).arrived_at is not None


def test_a_position_sent_again_counts_once():
    first = follow(Approach(), CIRCLE, [seen(0, 20)])
    assert follow(first, CIRCLE, [seen(0, 20)]) == first


def test_nobody_is_seen_to_arrive_at_a_case_whose_own_position_is_vague():
    vague = replace(CIRCLE, radius_m=578.0, accuracy_m=528.0)
    after = follow(Approach(), vague, [seen(0, 20), seen(30, 20), seen(60, 20)])
    assert (after.arrived_at, after.fixed_at) == (None, START + timedelta(seconds=60))


ways = st.lists(st.tuples(st.integers(0, 600), st.floats(0, 500), st.floats(1, 300)), max_size=20)


@given(ways)
def test_nobody_arrives_without_two_positions_surely_inside(way):
    positions = [seen(*step) for step in way]
    surely = [
        p
        for p in positions
        if distance_m(p.lat, p.lon, CIRCLE.lat, CIRCLE.lon) + p.accuracy_m <= CIRCLE.radius_m
    ]
    after = follow(Approach(), CIRCLE, positions)
    assert after.arrived_at is None or len(surely) >= 2


@given(ways, ways)
def test_who_has_arrived_stays_arrived_and_the_distance_is_of_the_newest_position(before, later):
    first = follow(Approach(), CIRCLE, [seen(*step) for step in before])
    second = follow(first, CIRCLE, [seen(*step) for step in later])
    if first.arrived_at is not None:
        assert second.arrived_at == first.arrived_at
    times = [seen(*step).at for step in [*before, *later]]
    assert second.fixed_at == max(times, default=None)
