"""Gaps of the responsibility matrix: found everywhere, told once, in words that say what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cases.policy.messages import LANGUAGES
from app.cases.responsibility import gap_words
from app.cases.responsibility.gap_rules import KINDS, ClassNeed, Gap, PlaceNode, gaps
from app.cases.responsibility.gap_words import Known
from app.cases.responsibility.rules import DUTIES, Line, Person, Street, reasons
from app.people.rights import HeldPost

TODAY = date(2026, 11, 24)
PLACES = [
    PlaceNode("S", "street", ("S",)),
    PlaceNode("P1", "area", ("S", "P1")),
    PlaceNode("P2", "area", ("S", "P2")),
    PlaceNode("G1", "unit", ("S", "P1", "G1")),
    PlaceNode("G2", "unit", ("S", "P2", "G2")),
    PlaceNode("C1", "community", ("S", "P1", "G1", "C1")),
    PlaceNode("C2", "community", ("S", "P1", "G1", "C2")),
    PlaceNode("C3", "community", ("S", "P2", "G2", "C3")),
]
SHOP, STALL = ClassNeed("M-1", "point", "城管"), ClassNeed("M-2", "point", "城管")
ROAD, HOUSE = ClassNeed("M-3", "assign", "市政"), ClassNeed("M-4", "watch", "房管")
CLASSES = [SHOP, STALL, ROAD, HOUSE]

HANDLER, DEPUTY, HEAD, HEAD_2, DESK, LEADER = (UUID(int=n) for n in range(1, 7))


def person(user_id: UUID, role: str, place: str, **columns: Any) -> Person:
    return Person(
        user_id, f"u{user_id.int}", f"人{user_id.int}", "", True, (HeldPost(role, place),), **columns
    )


PEOPLE = {
    one.user_id: one
    for one in (
        person(HANDLER, "handler", "S"),
        person(DEPUTY, "handler", "S"),
        person(HEAD, "supervisor", "P1"),
        person(HEAD_2, "supervisor", "P2"),
        person(DESK, "dispatcher", "S"),
        person(LEADER, "leader", "S"),
    )
}
MATRIX = [
    Line("S", "any", "", "handler", HANDLER),
    Line("S", "any", "", "owner", HANDLER),
    Line("S", "any", "", "deputy", DEPUTY),
    Line("S", "any", "", "watcher", LEADER),
    Line("S", "any", "", "arbiter", LEADER),
]


def without(duty: str) -> list[Line]:
    return [line for line in MATRIX if line.duty != duty]


def changed(user_id: UUID, **columns: Any) -> dict[UUID, Person]:
    return PEOPLE | {user_id: replace(PEOPLE[user_id], **columns)}


def test_a_full_matrix_has_no_gaps() -> None:
    assert gaps(MATRIX, CLASSES, PLACES, PEOPLE, TODAY) == []


@pytest.mark.parametrize(
    ("matrix", "gap"),
    [
        (
            without("handler"),
            Gap("no_handler", ("S",), departments=("城管",), every_class=True),
        ),
        (
            without("owner"),
            Gap("no_owner", ("S",), departments=("城管", "市政", "房管"), every_class=True),
        ),
        (without("watcher"), Gap("no_watcher", ("S",), departments=("房管",), every_class=True)),
        (
            [*without("owner"), Line("S", "department", "城管", "owner", HANDLER)],
            Gap("no_owner", ("S",), departments=("市政", "房管")),
        ),
        (
            [*without("handler"), Line("S", "class", "M-1", "handler", HANDLER)],
            Gap("no_handler", ("S",), class_keys=("M-2",)),
        ),
        (
            [*without("handler"), Line("P1", "any", "", "handler", HANDLER)],
            Gap("no_handler", ("P2",), departments=("城管",), every_class=True),
        ),
        (
            [*without("handler"), Line("C1", "any", "", "handler", HANDLER), Line("P2", "any", "", "handler", HANDLER)],
            Gap("no_handler", ("C2",), ("G1",), departments=("城管",), every_class=True),
        ),
        (
            [*without("deputy"), Line("S", "any", "", "deputy", HANDLER)],
            Gap("deputy_is_owner", ("S",), departments=("城管", "市政", "房管"), every_class=True, user_id=HANDLER),
        ),
        (
            [*MATRIX, Line("P1", "class", "M-4", "owner", HEAD), Line("P1", "class", "M-4", "watcher", HEAD)],
            Gap("watcher_is_owner", ("P1",), departments=("房管",), every_class=True, user_id=HEAD),
        ),
        (
            [*MATRIX, Line("S", "any", "", "owner", HEAD_2, rank=2)],
            Gap("person_left", ("S",), every_class=True, user_id=HEAD_2),
        ),
    ],
)  # fmt: skip
def test_each_gap_is_told_once_with_the_fewest_words(matrix: list[Line], gap: Gap) -> None:
    assert gaps(matrix, CLASSES, PLACES, PEOPLE, TODAY) == [
        replace(gap, departments=tuple(sorted(gap.departments)))
    ]


@pytest.mark.parametrize(
    ("user_id", "columns", "kinds"),
    [
        (HANDLER, {"active": False}, ["no_handler", "no_owner", "person_left", "person_left"]),
        (HANDLER, {"posts": ()}, ["no_handler", "no_owner", "person_left", "person_left"]),
        (HANDLER, {"away": True}, []),
        (DEPUTY, {"away": True}, []),
        (HEAD, {"active": False}, ["no_unit_head"]),
        (DESK, {"active": False}, ["no_duty_desk"]),
        (LEADER, {"active": False}, ["no_watcher", "person_left", "person_left"]),
    ],
)
def test_somebody_who_is_not_there_is_missed(
    user_id: UUID, columns: dict[str, Any], kinds: list[str]
) -> None:
    found = gaps(MATRIX, CLASSES, PLACES, changed(user_id, **columns), TODAY)
    assert [gap.kind for gap in found] == kinds


def test_the_post_ends_with_its_last_day_and_the_line_with_its_own() -> None:
    last_day = changed(HANDLER, posts=(HeldPost("handler", "S", None, TODAY),))
    assert gaps(MATRIX, CLASSES, PLACES, last_day, TODAY) == []
    assert gaps(MATRIX, CLASSES, PLACES, last_day, date(2026, 11, 25)) != []
    ending = [replace(line, ends_on=TODAY) for line in MATRIX]
    assert gaps(ending, CLASSES, PLACES, PEOPLE, TODAY) == []
    assert {gap.kind for gap in gaps(ending, CLASSES, PLACES, PEOPLE, date(2026, 11, 25))} == {
        "no_handler",
        "no_owner",
        "no_watcher",
    }


def test_an_owner_away_needs_a_deputy_who_is_there() -> None:
    away = changed(HANDLER, away=True)
    both = away | {DEPUTY: replace(PEOPLE[DEPUTY], away=True)}
    assert gaps(MATRIX, CLASSES, PLACES, away, TODAY) == []
    (gap,) = gaps(MATRIX, CLASSES, PLACES, both, TODAY)
    assert (gap.kind, gap.user_id, gap.place_codes) == ("owner_away", HANDLER, ("S",))


def test_nobody_at_all_is_a_handful_of_sentences() -> None:
    found = gaps([], CLASSES, PLACES, {}, TODAY)
    assert [gap.kind for gap in found] == [
        "no_duty_desk",
        "no_unit_head",
        "no_arbiter",
        "no_handler",
        "no_owner",
        "no_watcher",
    ]
    assert {gap.place_codes for gap in found} == {("S",)}


lines = st.lists(
    st.builds(
        Line,
        place_code=st.sampled_from([place.code for place in PLACES]),
        selector_kind=st.just("any"),
        selector=st.just(""),
        duty=st.sampled_from(DUTIES),
        user_id=st.sampled_from(list(PEOPLE)),
    ),
    max_size=10,
)


@given(lines, st.permutations(PLACES))
def test_every_cell_without_a_handler_is_in_exactly_one_gap(
    matrix: list[Line], places: list[PlaceNode]
) -> None:
    found = [gap for gap in gaps(matrix, CLASSES, places, PEOPLE, TODAY) if gap.kind == "no_handler"]
    assert found == [gap for gap in gaps(matrix, CLASSES, PLACES, PEOPLE, TODAY) if gap.kind == "no_handler"]
    allowed = {HANDLER, DEPUTY, HEAD, HEAD_2}
    for place, need in product((p for p in PLACES if p.level in ("unit", "community")), (SHOP, STALL)):
        handled = any(
            line.duty == "handler"
            and line.place_code in place.path
            and line.user_id in allowed
            and PEOPLE[line.user_id].may("case.handle", place.path, TODAY)
            for line in matrix
        )
        covering = [
            gap
            for gap in found
            if (need.department in gap.departments or need.key in gap.class_keys)
            and (place.code in gap.edge_codes or set(place.path) & set(gap.place_codes))
        ]
        assert len(covering) == (0 if handled else 1)


KNOWN = Known(
    places={place.code: (f"地{place.code}", f"Place {place.code}") for place in PLACES},
    departments={name: (name, "") for name in ("城管", "市政", "房管")},
    classes={need.key: (f"类{need.key}", f"class {need.key}") for need in CLASSES},
    people={one.user_id: (one.name, one.name_en) for one in PEOPLE.values()},
)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_gap_can_be_said(kind: str, lang: str) -> None:
    said = gap_words.sentence(Gap(kind, ("G1",), ("G2",), ("城管",), ("M-4",), False, HANDLER), KNOWN, lang)
    assert said.startswith("地G1、地G2（居民区不明处）：" if lang == "zh" else "Place G1, Place G2 (where ")
    assert "{" not in said


def test_many_classes_are_counted_and_an_unknown_person_is_called_so() -> None:
    keys = tuple(f"X-{n}" for n in range(9))
    said = gap_words.sentence(Gap("no_owner", ("S",), class_keys=keys), KNOWN, "zh")
    assert "等9项" in said
    left = Gap("person_left", ("S",), class_keys=("M-1",), user_id=UUID(int=99))
    assert "（查无此人）" in gap_words.sentence(left, KNOWN, "zh")


STREET = Street(
    paths={place.code: place.path for place in PLACES},
    people=PEOPLE,
    class_keys=frozenset({"M-1"}),
    departments=frozenset({"城管"}),
)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (Line("P1", "any", "", "owner", HANDLER), None),
        (Line("P1", "class", "M-1", "watcher", HEAD), None),
        (Line("P9", "any", "", "owner", HANDLER), "there is no place 'P9'"),
        (Line("P1", "any", "城管", "owner", HANDLER), "selector must be empty"),
        (Line("P1", "class", "M-9", "owner", HANDLER), "there is no class 'M-9'"),
        (Line("P1", "department", "房管", "owner", HANDLER), "there is no department '房管'"),
        (Line("P2", "any", "", "watcher", HEAD), "u3 has no post at P2 that lets them be watcher"),
        (Line("S", "any", "", "watcher", HEAD), "u3 has no post at S that lets them be watcher"),
        (Line("P1", "any", "", "owner", DESK), "u5 has no post at P1 that lets them be owner"),
        (Line("P1", "any", "", "owner", UUID(int=77)), "there is no such person"),
    ],
)
def test_a_line_names_somebody_who_may(line: Line, why: str | None) -> None:
    found = reasons(line, STREET, TODAY)
    assert (found == []) if why is None else any(why in reason for reason in found)
