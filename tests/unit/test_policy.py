"""A policy is read whole or refused with every reason; holes, loops and silence are found and named."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cases.policy.document import TRIGGERS, Policy, PolicyFault, Rule, document, read_policy
from app.cases.policy.faults import can_occur, faults
from app.cases.policy.messages import MESSAGES
from app.cases.words import MODES
from app.timers.worktime import Limit
from tests.policies import policies

ROOT = Path(__file__).parents[2]
DEFAULT = read_policy(json.loads((ROOT / "data/demo/policy.json").read_text(encoding="utf-8")))
DAY = Limit(1.0, "work_days")


def codes(policy: Policy) -> set[str]:
    return {fault.code for fault in faults(policy)}


def changed(of_mode: str, of_trigger: str, which: int, **columns: Any) -> Policy:
    """The default policy with one rule changed; it must exist."""
    hit = [
        i for i, r in enumerate(DEFAULT.rules) if (r.mode, r.trigger, r.nth) == (of_mode, of_trigger, which)
    ]
    assert len(hit) == 1
    rules = list(DEFAULT.rules)
    rules[hit[0]] = replace(rules[hit[0]], **columns)
    return replace(DEFAULT, rules=tuple(rules))


def test_the_default_policy_is_sound() -> None:
    assert faults(DEFAULT) == ()


@given(policies())
def test_a_policy_written_and_read_is_the_same(policy: Policy) -> None:
    assert faults(policy) == ()
    assert read_policy(json.loads(json.dumps(document(policy)))) == policy


@given(policies(), st.data())
def test_a_policy_without_one_of_its_rules_has_a_hole_that_is_named(policy: Policy, data: Any) -> None:
    index = data.draw(st.integers(0, len(policy.rules) - 1))
    gone = policy.rules[index]
    found = faults(replace(policy, rules=policy.rules[:index] + policy.rules[index + 1 :]))
    holes = [fault for fault in found if fault.code == "hole"]
    for lang, words in (("zh", [f.zh for f in holes]), ("en", [f.en for f in holes])):
        mode, trigger = MESSAGES[lang][f"mode.{gone.mode}"], MESSAGES[lang][f"trigger.{gone.trigger}"]
        assert any(mode in w and f"“{trigger}”" in w and str(gone.nth) in w for w in words)


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (replace(DEFAULT, note_cadence=None), "no_note_cadence"),
        (replace(DEFAULT, rules=()), "hole"),
        # round and round
        (changed("assign", "overdue", 1, raise_to="point"), "not_upward"),
        (changed("watch", "raised", 1, raise_to="watch", max_times=1), "not_upward"),
        (changed("watch", "overdue", 4, last_resort=False), "loop"),
        (changed("watch", "not_acknowledged", 1, max_times=None), "loop"),
        (changed("point", "not_acknowledged", 1, max_times=3, replace="unit_head"), "same_person_again"),
        (changed("point", "not_acknowledged", 1, replace="unit_head"), "same_person_again"),
        (changed("watch", "not_acknowledged", 1, replace="named_owner"), "same_person_again"),
        (changed("watch", "not_acknowledged", 4, replace="next_handler"), "replaced_for_ever"),
        (changed("watch", "overdue", 4, again_after=Limit(1.0, "work_hours")), "too_often"),
        (changed("watch", "overdue", 4, again_after=None), "too_often"),
        # silence
        (changed("watch", "overdue", 1, again_after=None), "falls_silent"),
        (changed("point", "overdue", 1, again_after=None), "falls_silent"),
        (changed("point", "nobody_found", 1, replace=None), "falls_silent"),
        (changed("point", "warned", 1, tell=()), "nobody_told"),
        (changed("point", "warned", 1, max_times=3), "hole"),
        (changed("watch", "overdue", 4, max_times=5), "last_resort_ends"),
        (changed("watch", "overdue", 4, again_after=Limit(61.0, "work_days")), "too_rare"),
        (changed("watch", "overdue", 4, again_after=Limit(1441.0, "urgent_hours")), "too_rare"),
        (changed("assign", "not_acknowledged", 3, raise_to=None), "hole"),
        (changed("assign", "not_acknowledged", 3, nth=4), "hole"),
        # never reached
        (changed("point", "not_acknowledged", 1, raise_to="assign"), "unreachable"),
        (changed("point", "returned", 1, max_times=None), "unreachable"),
        (changed("assign", "not_acknowledged", 2, nth=1), "unreachable"),
        (changed("watch", "note_overdue", 1, mode="point"), "never_occurs"),
        # contradictions
        (changed("point", "overdue", 1, last_resort=True), "raises_and_ends"),
        (changed("point", "overdue", 1, max_times=2), "raises_once"),
        (changed("point", "returned", 1, replace="unit_head"), "owner_stays"),
        (changed("point", "verify_overdue", 1, replace="unit_head"), "owner_stays"),
        (changed("point", "warned", 1, again_after=DAY), "does_not_repeat"),
        (changed("point", "hold_ended", 1, last_resort=True), "does_not_repeat"),
    ],
)
def test_what_would_leave_a_case_alone_or_go_in_a_circle_is_refused(policy: Policy, code: str) -> None:
    assert code in codes(policy)


def test_a_chain_may_not_come_back_to_somebody_across_a_raise() -> None:
    back = changed("assign", "not_acknowledged", 2, replace="named_owner")
    (fault,) = faults(back)
    index = back.rules.index(back.chain("assign", "not_acknowledged")[1][1])
    assert (fault.path, fault.code) == (f"rules[{index}].replace", "same_person_again")
    assert "责任人" in fault.zh
    assert "the named owner" in fault.en


def test_every_mode_needs_a_rule_for_everything_that_can_come() -> None:
    wanted = {(mode, trigger) for mode in MODES for trigger in TRIGGERS if can_occur(mode, trigger)}
    assert len(wanted) == 31
    found = {(fault.zh, fault.path) for fault in faults(replace(DEFAULT, rules=()))}
    assert len(found) == 31


GOOD = document(DEFAULT)


def put(path: list[Any], value: Any) -> dict[str, Any]:
    """The default document with one value put somewhere else."""
    copy = json.loads(json.dumps(GOOD))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return dict(copy)


@pytest.mark.parametrize(
    ("path", "value", "where", "code"),
    [
        (["schema"], 2, "schema", "other_schema"),
        (["schema"], True, "schema", "other_schema"),
        (["name"], " ", "name", "not_a_name"),
        (["name"], "a\x00b", "name", "not_a_name"),
        (["name"], "\ud800", "name", "not_a_name"),
        (["name_en"], "x" * 81, "name_en", "not_a_name"),
        (["number_prefix"], "cy", "number_prefix", "not_a_prefix"),
        (["number_prefix"], None, "number_prefix", "not_a_prefix"),
        (["warn_at"], 1, "warn_at", "not_a_share"),
        (["warn_at"], 0.0, "warn_at", "not_a_share"),
        (["warn_at"], math.nan, "warn_at", "not_a_share"),
        (["warn_at"], True, "warn_at", "not_a_share"),
        (["verify_limit", "amount"], 0, "verify_limit.amount", "limit_out_of_bounds"),
        (["verify_limit", "amount"], 1e-300, "verify_limit.amount", "limit_out_of_bounds"),
        (["verify_limit", "amount"], -4, "verify_limit.amount", "limit_out_of_bounds"),
        (["verify_limit", "amount"], math.inf, "verify_limit.amount", "limit_out_of_bounds"),
        (["verify_limit", "amount"], math.nan, "verify_limit.amount", "limit_out_of_bounds"),
        (["verify_limit", "amount"], 10**400, "verify_limit.amount", "limit_out_of_bounds"),
        (["verify_limit", "amount"], True, "verify_limit.amount", "limit_out_of_bounds"),
        (["verify_limit", "unit"], "hours", "verify_limit.unit", "unknown_word"),
        (["verify_limit", "unit"], ["work_hours"], "verify_limit.unit", "unknown_word"),
        (["verify_limit"], 4, "verify_limit", "not_an_object"),
        (["note_cadence", "amount"], 0, "note_cadence.amount", "limit_out_of_bounds"),
        (["returns_final_after"], 0, "returns_final_after", "not_a_count"),
        (["many_reports"], 2.5, "many_reports", "not_a_count"),
        (["rules"], {}, "rules", "not_a_list"),
        (["rules"], [{}] * 201, "rules", "not_a_list"),
        (["rules", 0], None, "rules[0]", "not_an_object"),
        (["rules", 0, "mode"], "line", "rules[0].mode", "unknown_word"),
        (["rules", 0, "trigger"], 7, "rules[0].trigger", "unknown_word"),
        (["rules", 0, "tell"], "owner", "rules[0].tell", "not_a_list"),
        (["rules", 0, "tell"], ["owner", "mayor"], "rules[0].tell[1]", "unknown_word"),
        (["rules", 0, "urgent"], 1, "rules[0].urgent", "not_true_or_false"),
        (["rules", 0, "last_resort"], None, "rules[0].last_resort", "not_true_or_false"),
        (["rules", 0, "replace"], "anybody", "rules[0].replace", "unknown_word"),
        (["rules", 0, "nth"], 0, "rules[0].nth", "not_a_count"),
        (["rules", 0, "max_times"], 21, "rules[0].max_times", "not_a_count"),
        (["rules", 0, "raise_too"], "assign", "rules[0].raise_too", "unknown_member"),
        (["number"], 1, "number", "unknown_member"),
    ],
)
def test_a_wrong_form_is_refused_with_the_place(path: list[Any], value: Any, where: str, code: str) -> None:
    with pytest.raises(PolicyFault) as refused:
        read_policy(put(path, value))
    assert [(fault.path, fault.code) for fault in refused.value.faults] == [(where, code)]


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_member_left_out_is_named(name: str) -> None:
    with pytest.raises(PolicyFault) as refused:
        read_policy({key: value for key, value in GOOD.items() if key != name})
    assert [(fault.path, fault.code) for fault in refused.value.faults] == [(name, "missing")]


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(PolicyFault) as refused:
        read_policy(put(["rules", 0, "mode"], "x") | {"warn_at": 7, "many_reports": "3"})
    assert {fault.path for fault in refused.value.faults} == {"warn_at", "many_reports", "rules[0].mode"}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200)
@given(value=anything, key=st.sampled_from(sorted(GOOD)), rule_key=st.sampled_from(sorted(Rule.__slots__)))
def test_whatever_is_sent_is_read_or_refused(value: Any, key: str, rule_key: str) -> None:
    for sent in (value, put([key], value), put(["rules", 0, rule_key], value)):
        try:
            assert isinstance(read_policy(sent), Policy)
        except PolicyFault as refused:
            assert refused.faults
            assert all(fault.zh and fault.en for fault in refused.faults)


def test_the_messages_of_both_languages_have_the_same_keys_and_values() -> None:
    assert MESSAGES["zh"].keys() == MESSAGES["en"].keys()
    for key, text in MESSAGES["zh"].items():
        assert filled_in(text) == filled_in(MESSAGES["en"][key]), key


def filled_in(text: str) -> set[str]:
    """The names of the values that a message takes."""
    return set(re.findall(r"{(\w+)}", text))
