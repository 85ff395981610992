"""The ladder: which channel comes when, what quiet hours do to it, how providers are spared."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notify import rules
from app.notify.rules import LOCAL, PolicyError, Quiet, Reach, Rung

DOCUMENT = json.loads((Path(rules.__file__).parent / "policy.json").read_text(encoding="utf-8"))
POLICY = rules.parse_policy(DOCUMENT)
PLAN = rules.plan_for(POLICY)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL).astimezone(UTC)


def timeline(told: str, *, urgent: bool = False) -> list[tuple[str | None, str]]:
    steps = rules.steps(PLAN, local(told), urgent=urgent)
    return [(step.channel, step.at.astimezone(LOCAL).strftime("%d %H:%M")) for step in steps]


@pytest.mark.parametrize(
    ("told", "urgent", "expected"),
    [
        # by day
        ("2026-11-23T10:00", False, ["23 10:00", "23 10:00", "23 10:02", "23 10:15", "23 10:45"]),
        ("2026-11-23T10:00", True, ["23 10:00", "23 10:00", "23 10:02", "23 10:05", "23 10:35"]),
        # at night all but the live page waits for the morning, in its own distance
        ("2026-11-23T23:00", False, ["23 23:00", "24 07:00", "24 07:02", "24 07:15", "24 07:45"]),
        ("2026-11-23T23:00", True, ["23 23:00", "23 23:00", "23 23:02", "23 23:05", "23 23:35"]),
        # night falls in the middle of the ladder
        ("2026-11-23T21:50", False, ["23 21:50", "23 21:50", "23 21:52", "24 07:05", "24 07:35"]),
        # the last minute before, the first after
        ("2026-11-23T21:58", False, ["23 21:58", "23 21:58", "24 07:00", "24 07:13", "24 07:43"]),
        ("2026-11-24T07:00", False, ["24 07:00", "24 07:00", "24 07:02", "24 07:15", "24 07:45"]),
    ],
)
def test_the_ladder_of_the_default_policy(told: str, urgent: bool, expected: list[str]) -> None:
    steps = timeline(told, urgent=urgent)
    assert [channel for channel, _ in steps] == ["live", "web_push", "wecom", "sms", None]
    assert [at for _, at in steps] == expected


def test_after_the_last_step_there_is_none() -> None:
    assert rules.next_rung(PLAN, 5, local("2026-11-23T10:00"), urgent=False) is None


def test_after_a_standstill_the_rungs_keep_their_distance() -> None:
    told, back = local("2026-11-23T10:00"), local("2026-11-23T12:00")
    step = rules.next_rung(PLAN, 3, told, urgent=False, climbed_at=back)
    assert step is not None
    assert (step.channel, step.at) == ("sms", back + timedelta(minutes=13))


def test_a_person_turns_channels_round_but_not_their_delays() -> None:
    plan = rules.plan_for(POLICY, ["sms", "carrier_pigeon", "wecom", "sms"])
    assert [(r.channel, r.after_s) for r in plan.rungs] == [
        ("live", 0),
        ("sms", 0),
        ("wecom", 120),
        ("web_push", 900),
    ]


def test_a_person_may_widen_quiet_hours_and_not_narrow_them() -> None:
    wide, narrow = Quiet(21 * 60, 8 * 60), Quiet(23 * 60, 6 * 60)
    assert rules.plan_for(POLICY, quiet=wide).quiet == wide
    assert rules.plan_for(POLICY, quiet=narrow).quiet == POLICY.quiet


@pytest.mark.parametrize(
    ("used", "told", "after_s", "urgent", "channels"),
    [
        (0, "2026-11-23T10:00", 0, False, {"live", "web_push"}),
        (0, "2026-11-23T23:00", 0, False, {"live"}),
        (0, "2026-11-23T23:00", 0, True, {"live", "web_push"}),
        (2, "2026-11-23T10:00", 60, False, {"wecom"}),
        (3, "2026-11-23T10:00", 9000, False, {"sms"}),
        (4, "2026-11-23T10:00", 9000, False, set()),
    ],
)
def test_addresses_are_wanted_of_the_next_rung_and_those_that_are_due(
    used: int, told: str, after_s: int, *, urgent: bool, channels: set[str]
) -> None:
    now = local(told) + timedelta(seconds=after_s)
    assert rules.channels_due(PLAN, used, local(told), now, urgent=urgent) == channels


minutes = st.integers(0, 24 * 60 - 1)
quiets = st.builds(Quiet, minutes, minutes)
moments = st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
delays = st.integers(0, rules.MAX_DELAY_S)


def minute_of(moment: datetime) -> int:
    at = moment.astimezone(LOCAL)
    return at.hour * 60 + at.minute


@given(quiets, moments, delays)
def test_nothing_comes_in_quiet_hours_and_nothing_early(quiet: Quiet, start: datetime, delay_s: int) -> None:
    at = rules.awake_after(start, delay_s, quiet)
    assert not quiet.covers(minute_of(at))
    assert at >= start + timedelta(seconds=delay_s)


@given(quiets, moments, delays, delays)
def test_waking_time_adds_up(quiet: Quiet, start: datetime, one: int, two: int) -> None:
    both = rules.awake_after(start, one + two, quiet)
    assert both == rules.awake_after(rules.awake_after(start, one, quiet), two, quiet)


@given(quiets, quiets)
def test_hours_contain_others_where_every_minute_of_them_is_quiet(outer: Quiet, inner: Quiet) -> None:
    every = all(outer.covers(m) for m in range(24 * 60) if inner.covers(m))
    assert outer.contains(inner) is every


used_and_at = st.tuples(st.integers(1, 3), moments)


@given(moments, st.lists(used_and_at, max_size=4), st.booleans())
def test_taking_over_older_news_never_delays_what_was_coming(
    told: datetime, older: list[tuple[int, datetime]], urgent: bool
) -> None:
    own = rules.steps(PLAN, told, urgent=urgent)
    used, at = rules.carried(2, own, older)
    assert used >= 2
    assert at <= own[used].at
    furthest = max((count for count, _ in older), default=0)
    if furthest >= 2:
        assert used == furthest
        assert at <= min(when for count, when in older if count == furthest)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rungs": "live"}, "rungs"),
        ({"more": 1}, "A policy has"),
        ({"rungs": [{"channel": "live", "after_s": 0, "urgent_after_s": 0}]}, "besides the live page"),
        ({"rungs": [*DOCUMENT["rungs"], DOCUMENT["rungs"][-1]]}, "once only"),
        ({"rungs": DOCUMENT["rungs"][::-1]}, "in the order"),
        ({"rungs": [{"channel": "sms", "after_s": 60, "urgent_after_s": 90}]}, "Urgent news"),
        ({"rungs": [{"channel": "fax", "after_s": 60, "urgent_after_s": 60}]}, "not a channel"),
        ({"rungs": [{"channel": "sms", "after_s": True, "urgent_after_s": 0}]}, "after_s"),
        ({"rungs": [{"channel": "sms", "after_s": -1, "urgent_after_s": 0}]}, "after_s"),
        ({"rungs": [{"channel": "sms"}]}, "A rung has"),
        ({"give_up_after_s": 8 * 24 * 3600}, "give_up_after_s"),
        ({"quiet": {"from": "22:00"}}, "Quiet hours"),
        ({"quiet": {"from": "24:00", "until": "07:00"}}, "not a time of day"),
        ({"quiet": {"from": 22, "until": "07:00"}}, "not a time of day"),
    ],
)
def test_a_policy_that_cannot_work_is_refused_with_its_reason(change: dict[str, Any], said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        rules.parse_policy(DOCUMENT | change)


def test_a_policy_may_have_no_quiet_hours() -> None:
    policy = rules.parse_policy(DOCUMENT | {"quiet": {"from": "00:00", "until": "00:00"}})
    at = local("2026-11-23T03:00")
    assert rules.steps(rules.plan_for(policy), at, urgent=False)[1].at == at


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"acknowledged": True, "given_up": True}, "acknowledged"),
        ({"shown": True, "given_up": True}, "shown"),
        ({"sent": True}, "sent"),
        ({"sent": True, "given_up": True}, "not_reached"),
        ({}, "waiting"),
        ({"over": True}, "not_reached"),
    ],
)
def test_who_counts_as_reached(facts: dict[str, bool], state: str) -> None:
    nothing = dict.fromkeys(("acknowledged", "shown", "sent", "given_up", "over"), False)
    assert Reach(**nothing | facts).state == state
    assert state in rules.STATES


def test_a_lane_rests_longer_each_time_and_is_tried_with_one_send() -> None:
    assert [rules.rest_s(n) for n in range(9)] == [0, 0, 0, 30, 60, 120, 240, 480, 900]
    assert rules.rest_s(10_000) == 900
    assert [rules.lane_width(n) for n in (0, 2, 3, 9)] == [4, 4, 1, 1]


@pytest.mark.parametrize(
    ("attempt", "asked_s", "expected"),
    [(1, None, 5), (2, None, 15), (5, None, 405), (7, None, 900), (1, 60, 60), (1, 1, 5), (1, 1e9, 3600)],
)
def test_a_retry_waits_for_what_was_asked_within_bounds(
    attempt: int, asked_s: float | None, expected: float
) -> None:
    assert rules.retry_s(attempt, asked_s) == expected


def test_after_eight_tries_a_delivery_is_given_up() -> None:
    assert rules.retry_s(8, None) is None


@given(st.lists(st.integers(0, 300), max_size=200))
def test_a_robot_never_sends_more_than_twenty_in_any_minute(pauses: list[int]) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    sent: list[datetime] = []
    for pause in pauses:
        now += timedelta(seconds=pause / 20)
        recent = sent[-rules.ROBOT_MESSAGES :]
        free_at = rules.robot_free_at(recent, now)
        assert (free_at == now) is (rules.robot_room(recent, now) > 0)
        now = max(now, free_at)
        assert rules.robot_room(recent, now) > 0
        sent.append(now)
    for start in sent:
        assert sum(1 for at in sent if start <= at < start + rules.ROBOT_WINDOW) <= 20


def test_a_rung_knows_its_delay() -> None:
    rung = Rung("sms", 900, 300)
    assert (rung.delay_s(False), rung.delay_s(True)) == (900, 300)
