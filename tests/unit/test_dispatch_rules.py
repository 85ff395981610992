"""Who gets a case: the right person on duty, the named owner, or somebody who can stand in for them."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cases.responsibility import dispatch_rules as rules
from app.cases.responsibility.dispatch_rules import Candidate, Choice

A, B, C, D = (UUID(int=number) for number in range(1, 5))


def someone(user_id: UUID, **columns: object) -> Candidate:
    values: dict[str, object] = {"on_duty": True, "distance_m": 200.0, "specificity": 12}
    return Candidate(user_id, **(values | columns))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "second", "chosen"),
    [
        pytest.param({"specificity": 23, "open_cases": 9}, {}, A, id="responsibility before load"),
        pytest.param({"rank": 2}, {"open_cases": 30}, B, id="rank before load"),
        pytest.param({"open_cases": 3, "distance_m": 20.0}, {"open_cases": 2}, B, id="load before distance"),
        pytest.param({"open_cases": 2, "distance_m": 90.0}, {"distance_m": 500.0}, A, id="a band of load"),
        pytest.param({"distance_m": 140.0, "open_cases": 1}, {"distance_m": 199.0}, B, id="a band of metres"),
        pytest.param({"distance_m": None}, {"distance_m": 9000.0}, B, id="known before unknown distance"),
        pytest.param({}, {}, A, id="alike: the id decides"),
        pytest.param({"on_duty": False, "specificity": 23}, {}, B, id="off duty"),
        pytest.param({"away": True}, {}, B, id="away"),
        pytest.param({"in_force": False}, {}, B, id="left the post"),
    ],
)
def test_the_right_person_on_duty_gets_a_common_case(
    first: dict[str, object], second: dict[str, object], chosen: UUID
) -> None:
    assert rules.choose_point([someone(B, **second), someone(A, **first)]).user_id == chosen


def test_the_next_one_is_somebody_who_was_not_asked() -> None:
    people = [someone(A), someone(B)]
    assert rules.choose_point(people) == Choice(A, "responsible")
    assert rules.choose_point(people, frozenset({A})) == Choice(B, "next")
    assert rules.choose_point(people, frozenset({A, B})) == Choice(None, "nobody", ("nobody_on_duty",))


def test_nobody_responsible_is_another_fact_than_nobody_on_duty() -> None:
    assert rules.choose_point([]).facts == ("nobody_responsible",)
    assert rules.choose_point([someone(A, on_duty=False)]).facts == ("nobody_on_duty",)


@pytest.mark.parametrize(
    ("owner", "deputy", "tried", "choice"),
    [
        ({}, {}, set(), Choice(A, "owner")),
        ({"on_duty": False}, {}, set(), Choice(A, "owner", ("owner_off_duty",))),
        ({"away": True}, {}, set(), Choice(B, "deputy", ("owner_away",))),
        ({"in_force": False}, {}, set(), Choice(B, "deputy", ("owner_left",))),
        ({}, {}, {A}, Choice(B, "deputy", ("owner_asked_before",))),
        ({"away": True}, {"away": True}, set(), Choice(C, "next", ("owner_away",))),
        ({"away": True}, {"in_force": False}, {C}, Choice(None, "nobody", ("owner_away", "no_deputy"))),
    ],
)
def test_the_named_owner_answers_and_the_deputy_where_the_owner_cannot(
    owner: dict[str, object], deputy: dict[str, object], tried: set[UUID], choice: Choice
) -> None:
    owners = [someone(C, rank=2), someone(A, **owner)]
    assert rules.choose_owner(owners, [someone(B, **deputy)], frozenset(tried)) == choice


def test_without_a_named_owner_the_deputy_is_asked_and_it_is_said() -> None:
    assert rules.choose_owner([], [someone(B)]) == Choice(B, "deputy", ("no_owner",))
    assert rules.choose_owner([], []) == Choice(None, "nobody", ("no_owner", "no_deputy"))


def test_a_closer_responsibility_wins_for_watchers_and_arbiters() -> None:
    people = [someone(A, specificity=1), someone(B, specificity=2)]
    assert rules.choose_watcher(people) == Choice(B, "watcher")
    assert rules.choose_watcher(people, frozenset({B})) == Choice(A, "watcher")
    assert rules.choose_arbiter(people, B) == Choice(A, "arbiter")
    assert rules.choose_arbiter(people[1:], B).user_id is None


def test_the_unit_head_stands_in_off_duty_too_and_then_the_duty_desk() -> None:
    head = someone(A, on_duty=False, specificity=2)
    desk = [someone(C, open_cases=4), someone(D, open_cases=1)]
    assert rules.fallback([head, someone(B, specificity=1)], desk) == Choice(A, "unit_head")
    assert rules.fallback([head], desk, frozenset({A})) == Choice(D, "duty_desk", ("no_unit_head",))
    nobody = rules.fallback([head], desk, frozenset({A, C, D}))
    assert nobody == Choice(None, "nobody", ("no_unit_head", "no_duty_desk"))


def test_the_facts_of_those_who_could_not_be_had_stay_with_the_choice() -> None:
    point = rules.choose_point([someone(A, on_duty=False)])
    assert rules.first(point, rules.fallback([someone(B)], [])) == Choice(B, "unit_head", ("nobody_on_duty",))


@pytest.mark.parametrize(
    ("people", "avoid", "choice"),
    [
        ([someone(A, distance_m=800.0), someone(B, distance_m=90.0)], set(), Choice(B, "verifier")),
        ([someone(A, on_duty=False), someone(B, distance_m=9000.0)], set(), Choice(B, "verifier")),
        ([someone(A, on_duty=False), someone(B, on_duty=False, at_desk=True)], set(), Choice(B, "verifier")),
        ([someone(A), someone(B, on_duty=False)], {A}, Choice(B, "verifier")),
        ([someone(A)], {A}, Choice(A, "verifier", ("reporter_verifies",))),
        ([], set(), rules.NOBODY),
    ],
)
def test_who_is_near_and_on_duty_verifies_and_who_found_it_last(
    people: list[Candidate], avoid: set[UUID], choice: Choice
) -> None:
    assert rules.choose_verifier(people, frozenset(), frozenset(avoid)) == choice


candidates = st.lists(
    st.builds(
        Candidate,
        user_id=st.sampled_from([UUID(int=n) for n in range(8)]),
        specificity=st.integers(0, 24),
        rank=st.integers(1, 3),
        on_duty=st.booleans(),
        distance_m=st.none() | st.floats(0, 5000),
        open_cases=st.integers(0, 12),
        away=st.booleans(),
        in_force=st.booleans(),
        at_desk=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda c: c.user_id,
)
ids = st.frozensets(st.sampled_from([UUID(int=n) for n in range(8)]), max_size=6)


def choices(people: list[Candidate], others: list[Candidate], tried: frozenset[UUID]) -> list[Choice]:
    return [
        rules.choose_point(people, tried),
        rules.choose_owner(people, others, tried),
        rules.choose_watcher(people, tried),
        rules.choose_verifier(people, tried, frozenset()),
        rules.choose_unit_head(people, tried),
        rules.choose_duty_desk(people, tried),
        rules.choose_leader(people, tried),
        rules.fallback(people, others, tried),
        *(rules.choose_arbiter(people, owner) for owner in tried),
    ]


@given(candidates, candidates, ids)
def test_nobody_gets_a_case_who_was_tried_is_away_or_has_left(
    people: list[Candidate], others: list[Candidate], tried: frozenset[UUID]
) -> None:
    for choice in choices(people, others, tried)[:8]:
        if choice.user_id is None:
            assert choice.why == "nobody"
            continue
        standing = [c for c in (*people, *others) if c.user_id == choice.user_id]
        assert choice.user_id not in tried
        assert any(c.in_force and not c.away for c in standing)
    for owner in tried:
        assert rules.choose_arbiter(people, owner).user_id != owner


@given(candidates, candidates, ids, st.randoms())
def test_the_same_people_in_another_order_give_the_same_choice(
    people: list[Candidate], others: list[Candidate], tried: frozenset[UUID], random: object
) -> None:
    shuffled = sorted(people, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert choices(people, others, tried) == choices(shuffled, list(reversed(others)), tried)


@given(candidates)
def test_a_common_case_finds_nobody_only_where_nobody_is_on_duty(people: list[Candidate]) -> None:
    found = rules.choose_point(people).user_id is not None
    assert found == any(c.on_duty and c.in_force and not c.away for c in people)
    everybody_off = [replace(c, on_duty=False) for c in people]
    assert rules.choose_point(everybody_off).user_id is None
