"""What happens next follows from the policy and the standing alone, and every chain comes to an end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cases.life import ENDED, STATES
from app.cases.policy.document import MAX_TIMES, RUNNING_ON, TRIGGERS, Policy, read_policy
from app.cases.policy.escalation import (
    APPLIES,
    Standing,
    again,
    applies,
    many_reports,
    mode_after,
    new_fired,
    next_step,
    return_is_final,
)
from app.cases.policy.faults import can_occur
from app.cases.words import MODES
from app.timers.worktime import Limit
from tests.policies import policies

ROOT = Path(__file__).parents[2]
DEFAULT = read_policy(json.loads((ROOT / "data/demo/policy.json").read_text(encoding="utf-8")))
HALF_AN_HOUR = Limit(0.5, "work_hours")


def standing(mode: str, trigger: str = "raised", fired: int = 0, **columns: Any) -> Standing:
    """A case in *mode* for which *trigger* has come *fired* times before."""
    state = columns.pop("state", sorted(APPLIES[trigger])[0])
    return Standing(mode=mode, state=state, fired={trigger: fired}, **columns)


@pytest.mark.parametrize(
    ("mode", "trigger", "before", "raise_to", "replaced", "told"),
    [
        ("point", "not_acknowledged", 0, None, "next_handler", {"owner", "dispatchers"}),
        ("point", "not_acknowledged", 1, None, "next_handler", {"owner", "unit_head", "dispatchers"}),
        ("point", "not_acknowledged", 2, "assign", "named_owner", {"owner", "unit_head", "dispatchers"}),
        ("assign", "not_acknowledged", 0, None, None, {"owner", "dispatchers"}),
        ("assign", "not_acknowledged", 1, None, "unit_head", {"owner", "area_head", "dispatchers"}),
        ("assign", "not_acknowledged", 2, "watch", None, {"owner", "watcher", "leaders"}),
        ("watch", "not_acknowledged", 0, None, None, {"owner", "watcher", "leaders"}),
        ("watch", "not_acknowledged", 2, None, None, {"owner", "watcher", "leaders"}),
        ("watch", "not_acknowledged", 3, None, None, {"watcher", "leaders"}),
        ("watch", "not_acknowledged", 300, None, None, {"watcher", "leaders"}),
        ("point", "warned", 5, None, None, {"owner"}),
        ("point", "overdue", 0, "assign", "named_owner", {"owner", "unit_head", "dispatchers"}),
        ("assign", "overdue", 0, "watch", None, {"owner", "watcher", "area_head", "leaders"}),
        ("watch", "overdue", 0, None, None, {"owner", "watcher", "leaders"}),
        ("point", "returned", 0, None, None, {"arbiter", "dispatchers"}),
        ("point", "returned", 1, "assign", None, {"arbiter", "area_head", "dispatchers"}),
        ("assign", "returned", 1, "watch", None, {"arbiter", "watcher", "leaders"}),
        ("watch", "returned", 7, None, None, {"arbiter", "watcher", "leaders"}),
        ("point", "reopened", 0, "assign", "named_owner", {"owner", "unit_head", "dispatchers"}),
        ("point", "raised", 0, "assign", "named_owner", {"owner", "unit_head", "dispatchers"}),
        ("assign", "raised", 0, "watch", None, {"owner", "watcher", "area_head"}),
        ("watch", "raised", 0, None, None, {"owner", "watcher", "leaders"}),
        ("point", "many_reports", 0, "assign", "named_owner", {"owner", "unit_head", "dispatchers"}),
        ("point", "verify_overdue", 0, None, None, {"verifier", "dispatchers"}),
        ("point", "verify_overdue", 1, None, None, {"unit_head", "dispatchers"}),
        ("point", "verify_overdue", 2, None, None, {"area_head", "dispatchers"}),
        ("watch", "note_overdue", 0, None, None, {"watcher"}),
        ("watch", "note_overdue", 2, None, None, {"watcher", "leaders"}),
        ("watch", "note_overdue", 3, None, None, {"leaders"}),
        ("assign", "hold_ended", 0, None, None, {"owner", "dispatchers"}),
        ("point", "nobody_found", 0, None, "unit_head", {"owner", "dispatchers"}),
        ("point", "nobody_found", 1, None, "duty_desk", {"owner", "dispatchers", "area_head"}),
        ("point", "nobody_found", 2, None, None, {"dispatchers", "leaders"}),
    ],
)
def test_the_default_policy_tells_replaces_and_raises(
    *, mode: str, trigger: str, before: int, raise_to: str | None, replaced: str | None, told: set[str]
) -> None:
    step = next_step(DEFAULT, standing(mode, trigger, before, has_watcher=mode == "watch"), trigger)
    assert (step.raise_to, step.replace, set(step.tell)) == (raise_to, replaced, told)
    assert step.nth == before + 1
    rule = DEFAULT.rules[step.rule_index or 0]
    assert (rule.mode, rule.trigger) == (mode, trigger)
    assert rule.answers(before + 1)


@pytest.mark.parametrize(
    ("mode", "trigger", "before", "limit", "last"),
    [
        ("point", "not_acknowledged", 0, HALF_AN_HOUR, False),  # a new owner gets the class's own limit
        ("watch", "not_acknowledged", 0, Limit(2.0, "work_hours"), False),
        ("watch", "not_acknowledged", 3, Limit(1.0, "work_days"), True),
        ("point", "overdue", 0, Limit(4.0, "work_hours"), False),
        ("point", "verify_overdue", 0, DEFAULT.verify_limit, False),
        ("watch", "note_overdue", 0, DEFAULT.note_cadence, False),
        ("watch", "note_overdue", 3, Limit(1.0, "work_days"), True),
        ("point", "nobody_found", 0, None, False),  # a replacement is looked for at once
        ("point", "nobody_found", 2, Limit(1.0, "urgent_days"), True),
        ("point", "warned", 0, None, False),
        ("watch", "returned", 0, None, False),
    ],
)
def test_a_clock_that_runs_on_rings_again(
    mode: str, trigger: str, before: int, limit: Limit | None, last: bool
) -> None:
    step = next_step(DEFAULT, standing(mode, trigger, before), trigger)
    assert again(step, trigger, HALF_AN_HOUR) == limit
    assert step.last_resort is last


@pytest.mark.parametrize(
    ("mode", "trigger", "case_urgent", "told_urgently"),
    [
        ("point", "overdue", False, False),
        ("point", "overdue", True, True),
        ("point", "nobody_found", False, False),  # at night, what can wait waits
        ("point", "nobody_found", True, True),
        ("watch", "raised", False, True),
    ],
)
def test_a_rule_is_as_urgent_as_the_case_unless_it_says_so(
    mode: str, trigger: str, case_urgent: bool, told_urgently: bool
) -> None:
    assert next_step(DEFAULT, standing(mode, trigger, urgent=case_urgent), trigger).urgent is told_urgently


def test_the_arbiters_word_stands() -> None:
    final = standing("point", "not_acknowledged", owner_is_final=True)
    step = next_step(DEFAULT, final, "not_acknowledged")
    assert step.replace is None
    assert set(step.tell) == {"owner", "dispatchers", "arbiter"}
    raised = next_step(DEFAULT, replace(final, fired={"not_acknowledged": 2}), "not_acknowledged")
    assert (raised.replace, raised.raise_to) == (None, "assign")


def test_while_the_arbiter_decides_nobody_else_names_an_owner() -> None:
    step = next_step(DEFAULT, standing("point", "overdue", state="returned"), "overdue")
    assert (step.replace, step.raise_to) == (None, "assign")
    assert "arbiter" in step.tell


@pytest.mark.parametrize("state", ["resolved", "verified", "on_hold"])
def test_what_is_resolved_or_on_hold_stays_in_its_owners_hands(state: str) -> None:
    step = next_step(DEFAULT, standing("point", "many_reports", state=state), "many_reports")
    assert (step.replace, step.raise_to) == (None, "assign")
    assert "arbiter" not in step.tell


def test_where_nobody_watches_the_leaders_are_told() -> None:
    unwatched = next_step(DEFAULT, standing("watch", "note_overdue"), "note_overdue")
    assert unwatched.tell == ("leaders",)
    twice = next_step(DEFAULT, standing("watch", "note_overdue", 1), "note_overdue")
    assert twice.tell == ("leaders",)  # named once
    gets_one = next_step(DEFAULT, standing("assign", "raised"), "raised")
    assert "watcher" in gets_one.tell


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_what_a_policy_does_not_foresee_is_told_all_the_same(trigger: str) -> None:
    step = next_step(replace(DEFAULT, rules=()), standing("point", trigger, urgent=True), trigger)
    assert step.tell == ("dispatchers", "leaders")
    assert (step.urgent, step.replace, step.raise_to, step.rule_index) == (True, None, None, None)
    assert step.last_resort is (trigger in RUNNING_ON)
    assert (again(step, trigger, HALF_AN_HOUR) is not None) is (trigger in RUNNING_ON)


def test_counters_start_anew_when_a_case_is_raised() -> None:
    stays = next_step(DEFAULT, standing("point", "returned"), "returned")
    assert new_fired({"warned": 1}, "returned", stays) == {"warned": 1, "returned": 1}
    raises = next_step(DEFAULT, standing("point", "returned", 1), "returned")
    assert new_fired({"warned": 1, "returned": 1}, "returned", raises) == {}
    assert mode_after("point", raises) == "assign"
    assert mode_after("watch", raises) == "watch"  # never lowered
    assert mode_after("assign", stays) == "assign"


@pytest.mark.parametrize(
    ("trigger", "states"),
    [
        ("not_acknowledged", {"dispatched"}),
        ("warned", {"open", "dispatched", "acknowledged", "on_scene", "returned"}),
        ("overdue", {"open", "dispatched", "acknowledged", "on_scene", "returned"}),
        ("verify_overdue", {"resolved"}),
        ("hold_ended", {"on_hold"}),
        ("returned", {"returned"}),
        ("nobody_found", {"open", "dispatched", "acknowledged", "on_scene"}),
        ("note_overdue", set(STATES) - ENDED),
        ("raised", set(STATES) - ENDED),
    ],
)
def test_a_stale_trigger_is_known_by_the_state(trigger: str, states: set[str]) -> None:
    assert {state for state in STATES if applies(trigger, state)} == states


def test_no_trigger_means_anything_to_a_case_that_has_ended() -> None:
    assert set(APPLIES) == set(TRIGGERS)
    assert not [t for t in TRIGGERS for state in ENDED if applies(t, state)]


@pytest.mark.parametrize(
    ("before", "after", "fires"), [(1, 2, False), (2, 3, True), (3, 4, False), (5, 6, True), (1, 7, True)]
)
def test_many_reports_are_the_number_and_its_multiples(before: int, after: int, fires: bool) -> None:
    assert many_reports(DEFAULT, before, after) is fires


def test_after_the_last_return_the_arbiters_word_is_final() -> None:
    assert [return_is_final(DEFAULT, n) for n in (0, 1, 2, 3)] == [False, False, True, True]


@given(policies(), st.sampled_from(MODES), st.sampled_from(sorted(RUNNING_ON)))
def test_a_clock_that_nobody_answers_ends_at_a_raise_or_a_last_resort(
    policy: Policy, mode: str, trigger: str
) -> None:
    if not can_occur(mode, trigger):
        mode = "watch"
    case = Standing(mode=mode, state=sorted(APPLIES[trigger])[0], has_watcher=True)
    longest = MAX_TIMES * len(policy.rules)
    for _ in range(longest):
        step = next_step(policy, case, trigger)
        assert step.tell
        assert step.rule_index is not None
        assert MODES.index(mode_after(case.mode, step)) >= MODES.index(case.mode)
        rings = again(step, trigger, HALF_AN_HOUR) is not None or step.replace is not None
        assert rings, "a case that is not moving always has a clock"
        if step.last_resort:
            break
        case = replace(case, mode=mode_after(case.mode, step), fired=new_fired(case.fired, trigger, step))
    else:
        pytest.fail("no end was found")
    repeated = replace(case, fired=new_fired(case.fired, trigger, step))
    assert replace(next_step(policy, repeated, trigger), nth=step.nth) == step


@given(
    policies(),
    st.sampled_from(MODES),
    st.lists(st.sampled_from(TRIGGERS), max_size=30),
    st.booleans(),
    st.booleans(),
)
def test_whatever_comes_in_whatever_order_somebody_is_told_and_no_case_is_lowered(
    policy: Policy, mode: str, triggers: list[str], final: bool, watched: bool
) -> None:
    case = Standing(mode=mode, state="dispatched", owner_is_final=final, has_watcher=watched)
    for trigger in triggers:
        step = next_step(policy, case, trigger)
        assert step.tell
        assert len(set(step.tell)) == len(step.tell)
        assert not (final and step.replace)
        after = mode_after(case.mode, step)
        assert MODES.index(after) >= MODES.index(case.mode)
        case = replace(case, mode=after, fired=new_fired(case.fired, trigger, step))


@pytest.mark.parametrize(
    ("trigger", "urgent", "unit"),
    [
        ("overdue", True, "urgent_days"),
        ("not_acknowledged", True, "urgent_hours"),
        ("overdue", False, "work_days"),
        ("not_acknowledged", False, "work_hours"),
        ("note_overdue", True, "work_days"),  # writing about it is not urgent
    ],
)
def test_who_is_to_do_something_urgent_is_reminded_on_the_clock(
    trigger: str, urgent: bool, unit: str
) -> None:
    case = standing("watch", trigger, urgent=urgent, has_watcher=True)
    limit = next_step(DEFAULT, case, trigger).again_after
    assert limit is not None
    assert limit.unit == unit
