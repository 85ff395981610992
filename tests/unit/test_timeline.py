"""A dry run shows what the rules would do, moment by moment, and says it in words."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cases.policy.document import Policy, read_policy
from app.cases.policy.escalation import Standing, mode_after, new_fired, next_step, return_is_final
from app.cases.policy.timeline import MAX_STEPS, Assumptions, CaseLimits, Moment, timeline
from app.cases.policy.timeline_words import every, words
from app.cases.words import MODES
from app.timers.worktime import BEYOND_CALENDAR, SHANGHAI, Calendar, Day, Limit
from tests.policies import limits, policies

ROOT = Path(__file__).parents[2]
DEFAULT = read_policy(json.loads((ROOT / "data/demo/policy.json").read_text(encoding="utf-8")))
HOURS = ((time(9), time(11, 30)), (time(13), time(17, 30)))
NATIONAL_DAY = {
    **{date(2026, 10, day): Day(False, "国庆节", "National Day") for day in range(1, 8)},
    date(2026, 9, 20): Day(True, "国庆节调休", "make-up day"),
    date(2026, 10, 10): Day(True, "国庆节调休", "make-up day"),
}
CALENDAR = Calendar(1, HOURS, NATIONAL_DAY, 2026, 2026)
FRIDAY = datetime(2026, 11, 27, 17, 30, tzinfo=SHANGHAI)
COMMON = CaseLimits(Limit(0.5, "work_hours"), Limit(4.0, "work_hours"), "point", urgent=False)
BLOCKED = CaseLimits(Limit(0.25, "urgent_hours"), Limit(2.0, "urgent_hours"), "assign", urgent=True)
HARD = CaseLimits(Limit(4.0, "work_hours"), Limit(15.0, "work_days"), "watch", urgent=False)


def hours(amount: float) -> timedelta:
    return timedelta(hours=amount)


def dry(
    given_limits: CaseLimits = COMMON,
    at: datetime = FRIDAY,
    policy: Policy = DEFAULT,
    **assumed: timedelta | bool | None,
) -> list[Moment]:
    return timeline(policy, given_limits, CALENDAR, at, Assumptions(**assumed))  # type: ignore[arg-type]


def told(moments: list[Moment], kinds: tuple[str, ...] = ("state", "trigger")) -> list[str]:
    """Local day and time, and what happened."""
    return [f"{m.at.astimezone(SHANGHAI):%m-%d %H:%M} {m.what}" for m in moments if m.kind in kinds]


def test_a_common_case_of_friday_evening_that_nobody_takes_up_waits_for_monday_and_climbs() -> None:
    moments = dry()
    assert told(moments)[:16] == [
        "11-27 17:30 open",
        "11-27 17:30 dispatched",
        "11-30 09:30 not_acknowledged",
        "11-30 09:30 dispatched",
        "11-30 10:00 not_acknowledged",
        "11-30 10:00 dispatched",
        "11-30 10:30 not_acknowledged",
        "11-30 10:30 dispatched",
        "11-30 11:00 not_acknowledged",
        "11-30 11:30 not_acknowledged",
        "11-30 11:30 dispatched",
        "11-30 13:30 warned",
        "11-30 13:30 not_acknowledged",
        "11-30 14:00 not_acknowledged",
        "11-30 14:30 overdue",
        "11-30 16:00 not_acknowledged",
    ]
    raised = [(m.mode, m.what) for m in moments if m.step is not None and m.step.raise_to]
    assert raised == [("assign", "not_acknowledged"), ("watch", "not_acknowledged")]
    assert {m.what for m in moments if m.step is not None and m.step.last_resort} == {
        "not_acknowledged",
        "overdue",
        "note_overdue",
    }


def test_an_urgent_case_does_not_wait_for_the_morning() -> None:
    moments = dry(BLOCKED)
    assert told(moments, ("trigger",))[:4] == [
        "11-27 17:45 not_acknowledged",
        "11-27 18:00 not_acknowledged",
        "11-27 18:15 not_acknowledged",
        "11-27 18:30 not_acknowledged",
    ]
    assert all(m.step.urgent for m in moments if m.step is not None)
    overdue = next(m for m in moments if m.what == "overdue" and m.kind == "trigger")
    assert overdue.at == FRIDAY + hours(2)


def test_across_national_day_the_clocks_stand_still() -> None:
    eve = datetime(2026, 9, 30, 16, 0, tzinfo=SHANGHAI)
    moments = dry(at=eve)
    (resolve,) = [m for m in moments if m.kind == "clock" and m.what == "overdue"]
    assert resolve.due_at == datetime(2026, 10, 8, 11, 30, tzinfo=SHANGHAI)
    for moment in moments:
        local = moment.at.astimezone(SHANGHAI)
        assert not date(2026, 10, 1) <= local.date() <= date(2026, 10, 7), moment
    sunday = datetime(2026, 9, 20, 9, 0, tzinfo=SHANGHAI)  # worked
    assert told(dry(at=sunday), ("trigger",))[0] == "09-20 09:30 not_acknowledged"


def test_a_case_that_people_take_care_of_raises_nothing() -> None:
    at = datetime(2026, 11, 25, 9, 0, tzinfo=SHANGHAI)
    moments = dry(at=at, acknowledged_after=hours(0.2), resolved_after=hours(2), verified_after=hours(1))
    assert told(moments) == [
        "11-25 09:00 open",
        "11-25 09:00 dispatched",
        "11-25 09:12 acknowledged",
        "11-25 11:12 resolved",
        "11-25 12:12 verified",
        "11-25 12:12 closed",
    ]


def test_accepted_but_not_done_is_warned_of_and_given_to_the_named_owner() -> None:
    at = datetime(2026, 11, 25, 9, 0, tzinfo=SHANGHAI)
    moments = dry(at=at, acknowledged_after=hours(0.2))
    assert told(moments)[3:8] == [
        "11-25 13:30 warned",
        "11-25 14:30 overdue",
        "11-25 14:30 dispatched",
        "11-25 14:42 acknowledged",
        "11-26 10:00 overdue",
    ]
    modes = [m.mode for m in moments if m.what == "overdue" and m.kind == "trigger"]
    assert modes[:3] == ["assign", "watch", "watch"]


def test_resolved_but_verified_by_nobody_goes_to_the_unit_and_then_the_area() -> None:
    at = datetime(2026, 11, 25, 9, 0, tzinfo=SHANGHAI)
    moments = dry(at=at, acknowledged_after=hours(0.2), resolved_after=hours(1))
    tells = [m.step.tell for m in moments if m.what == "verify_overdue" and m.step is not None]
    assert tells == [("verifier", "dispatchers"), ("unit_head", "dispatchers"), ("area_head", "dispatchers")]
    assert moments[-1].state == "resolved"


def test_a_case_that_everybody_returns_ends_with_a_final_owner() -> None:
    at = datetime(2026, 11, 25, 9, 0, tzinfo=SHANGHAI)
    moments = dry(at=at, returned_after=hours(0.1), arbitrated_after=hours(1))
    assert sum(m.what == "returned" and m.kind == "state" for m in moments) == DEFAULT.returns_final_after
    unanswered = [m.step for m in moments if m.what == "not_acknowledged" and m.step is not None]
    assert unanswered
    assert all(step.replace is None for step in unanswered)


def test_nobody_on_duty_is_told_at_once_and_the_head_of_the_unit_keeps_it_while_nobody_comes() -> None:
    moments = dry(on_duty=False)
    assert told(moments)[:6] == [
        "11-27 17:30 open",
        "11-27 17:30 nobody_found",
        "11-27 17:30 dispatched",
        "11-30 09:30 not_acknowledged",
        "11-30 10:00 not_acknowledged",
        "11-30 10:30 not_acknowledged",
    ]
    (nobody,) = [m for m in moments if m.what == "nobody_found"]
    assert nobody.step is not None
    assert (nobody.step.replace, nobody.step.urgent) == ("unit_head", False)
    kept = [m for m in moments if m.owner_stays]
    assert [m.what for m in kept] == ["not_acknowledged", "not_acknowledged"]
    assert "没有别人在岗，处置人不变" in words(kept, "zh")[0]


def test_a_watched_case_owes_notes_until_it_is_closed() -> None:
    at = datetime(2026, 11, 25, 9, 0, tzinfo=SHANGHAI)
    silent = dry(HARD, at, acknowledged_after=hours(1))
    assert told(silent, ("clock",)) == ["11-25 09:00 overdue", "11-25 09:00 note_overdue"]
    assert "11-25 17:30 note_overdue" in told(silent, ("trigger",))
    written = dry(HARD, at, acknowledged_after=hours(1), notes_written=True)
    assert "note_overdue" not in {m.what for m in written}


def test_a_deadline_beyond_the_calendar_says_so() -> None:
    moments = dry(HARD, datetime(2026, 12, 28, 9, 0, tzinfo=SHANGHAI))
    (resolve,) = [m for m in moments if m.kind == "clock" and m.what == "overdue"]
    assert resolve.warnings == (BEYOND_CALENDAR,)
    assert any("请尽快导入" in line for line in words(moments, "zh"))
    assert any("import the new year" in line for line in words(moments, "en"))


def test_never_more_moments_than_asked_for() -> None:
    assert len(timeline(DEFAULT, COMMON, CALENDAR, FRIDAY, Assumptions(), max_steps=7)) == 7


def test_the_words_can_be_read_aloud() -> None:
    moments = dry()
    zh, en = words(moments, "zh"), words(moments, "en")
    assert len(zh) == len(en) == len(moments)
    assert zh[0] == "2026-11-27 周五 17:30 立案，点到人。"
    assert zh[1] == "2026-11-27 周五 17:30 处置时限开始计算，到 2026-11-30 周一 14:30 为止。"
    assert zh[3] == "2026-11-30 周一 09:30 无人接单（第 1 次）：改派给下一位在岗处置人；通知处置人、派单员。"
    assert en[3] == (
        "2026-11-30 Mon 09:30 Not accepted in time (time 1): the next handler on duty takes over; "
        "tell the owner, the dispatchers."
    )
    assert any(line.endswith("此后每个工作日再催一次，直到有人处理。") for line in zh)


@pytest.mark.parametrize(
    ("limit", "zh", "en"),
    [
        (Limit(0.5, "urgent_hours"), "每 30 分钟", "every 30 minutes"),
        (Limit(1.0, "urgent_hours"), "每个紧急工作时", "every hour on the clock"),
        (Limit(4.0, "work_hours"), "每 4 个工作时", "every 4 working hours"),
        (Limit(1.0, "work_days"), "每个工作日", "every working day"),
        (Limit(2.5, "urgent_days"), "每 2.5 个紧急工作日", "every 2.5 days on the clock"),
    ],
)
def test_how_often_in_words(limit: Limit, zh: str, en: str) -> None:
    assert (every(limit, "zh"), every(limit, "en")) == (zh, en)


spans = st.none() | st.sampled_from([timedelta(0), hours(0.1), hours(1), hours(30)])
assumptions = st.builds(
    Assumptions,
    on_duty=st.booleans(),
    acknowledged_after=spans,
    returned_after=spans,
    arbitrated_after=spans,
    resolved_after=spans,
    verified_after=spans,
    notes_written=st.booleans(),
)
cases = st.builds(CaseLimits, limits, limits, st.sampled_from(MODES), st.booleans())
starts = st.datetimes(datetime(2026, 9, 1), datetime(2026, 12, 31), timezones=st.just(SHANGHAI))  # noqa: DTZ001


@settings(deadline=None)
@given(policies(), cases, starts, assumptions)
def test_every_dry_run_is_in_order_comes_to_an_end_and_does_what_next_step_says(
    policy: Policy, case: CaseLimits, at: datetime, assumed: Assumptions
) -> None:
    moments = timeline(policy, case, CALENDAR, at, assumed, max_steps=1000)
    assert len(moments) < 1000
    assert all(one.at <= other.at for one, other in pairwise(moments))
    assert all(m.due_at is None or m.due_at >= m.at for m in moments)
    mode, fired, returns = case.mode, {}, 0
    for moment in moments:
        if moment.kind == "state":
            returns += moment.what == "returned"
            continue
        if moment.step is None:
            continue
        if moment.step.last_resort:  # repeated ones are not told again, but counted
            fired[moment.what] = moment.step.nth - 1
        standing = Standing(
            mode,
            moment.state,
            case.urgent,
            dict(fired),
            owner_is_final=return_is_final(policy, returns),
            has_watcher=mode == "watch",
        )
        step = next_step(policy, standing, moment.what)
        assert moment.step == step
        mode, fired = mode_after(mode, step), new_fired(fired, moment.what, step)
        assert mode == moment.mode
    if moments[-1].state != "closed":
        assert any(m.step is not None and m.step.last_resort for m in moments)


def test_the_number_of_moments_has_a_default_bound() -> None:
    slow = replace(DEFAULT, note_cadence=Limit(0.1, "work_hours"))
    assert len(dry(HARD, policy=slow)) <= MAX_STEPS
