"""A case moves by one table of legal steps, which both sides read alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cases import life
from app.cases.acting import TOLD
from app.cases.words import OTHER_STEPS

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/case_life.json").read_text(encoding="utf-8"))
PARTS = sorted(frozenset[str]().union(*(step.by for step in life.STEPS.values())))

states = st.sampled_from(life.STATES)
some_parts = st.frozensets(st.sampled_from(PARTS))


@pytest.mark.parametrize(
    "row", VECTORS["rows"], ids=lambda r: f"{r['state']}-{r['step']}-{'+'.join(r['parts'])}"
)
def test_a_step_leads_where_the_vectors_say_or_is_refused_for_their_reason(row):
    verdict = life.decide(row["state"], row["previous"], row["step"], row["parts"])
    assert (verdict.to_state, verdict.refusal) == (row["to"], row["refused"])


@given(states, some_parts)
def test_the_open_steps_are_exactly_those_that_are_not_refused(state, parts):
    allowed = {name for name in life.STEPS if life.decide(state, None, name, parts).refusal is None}
    assert set(life.open_steps(state, parts)) == allowed


@given(states, some_parts, st.sampled_from(sorted(life.STEPS)))
def test_a_refused_step_leads_nowhere_and_an_allowed_one_to_a_known_state(state, parts, step):
    verdict = life.decide(state, None, step, parts)
    assert (verdict.to_state is None) == (verdict.refusal is not None)
    assert verdict.to_state is None or verdict.to_state in life.STATES


def test_nothing_but_a_passed_verification_leads_to_verified_and_only_from_there_to_closed():
    into = {to: {s.name for s in life.STEPS.values() if s.to == to} for to in ("verified", "closed")}
    assert into == {"verified": {"verify_pass"}, "closed": {"close"}}
    assert life.STEPS["close"].from_states == {"verified"}


def test_from_every_live_state_there_is_a_way_to_the_end():
    reaches = set(life.ENDED)
    for _ in life.STATES:
        for step in life.STEPS.values():
            if step.to in reaches or (step.to == "previous" and reaches & {"acknowledged"}):
                reaches |= step.from_states
    assert reaches == set(life.STATES)


def test_a_step_that_is_not_in_the_table_is_a_mistake_and_no_silent_no():
    with pytest.raises(KeyError):
        life.decide("open", None, "fly", {"system"})


def test_every_step_has_its_word_in_the_ledger():
    assert set(TOLD) == set(life.STEPS) | set(OTHER_STEPS)
