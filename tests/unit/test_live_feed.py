"""A reader gets each row that their view shows once, or is told to load anew; never a silent hole."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.live import rules
from app.live.feed import CHUNKS, Audience
from app.live.rules import Event, View, view_of
from app.people.rights import HeldPost

TODAY = date(2026, 11, 23)
AREA, ELSEWHERE = frozenset({"P1", "G1"}), frozenset({"P2", "G2"})


def event(action: str, place: str = "G1", street: str = "S") -> Event | None:
    """The event of a ledger row."""
    row: dict[str, Any] = {
        "tx": 5,
        "id": 6,
        "at": datetime(2026, 11, 23, tzinfo=UTC),
        "street_code": street,
        "action": action,
        "subject_kind": "x",
        "subject_id": "y",
        "place_code": place,
        "data": {},
    }
    return rules.event_of(row)


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        (
            "supervisor",
            {"round.started", "check_in.recorded", "review.decided", "shift.started", "track.recorded"},
        ),
        ("dispatcher", {"round.started", "check_in.recorded", "shift.started"}),
        ("patroller", set()),
    ],
)
def test_each_role_follows_what_its_verbs_allow(role: str, seen: set[str]) -> None:
    view = view_of("S", [(HeldPost(role, "P1"), AREA)], TODAY)
    actions = seen | {"review.decided", "track.recorded", "shift.started", "round.started"}
    shown = {action for action in actions if (found := event(action)) and view.shows(found)}
    assert shown == seen
    assert view.empty is (not seen)


def test_a_view_ends_at_its_places_and_its_last_day() -> None:
    view = view_of("S", [(HeldPost("supervisor", "P1"), AREA)], TODAY)
    for hidden in (event("round.started", "G2"), event("round.started", street="T")):
        assert hidden is not None
        assert not view.shows(hidden)
    past = HeldPost("supervisor", "P1", ends_on=date(2026, 11, 22))
    assert view_of("S", [(past, AREA)], TODAY).empty


def test_following_widens_no_other_verb() -> None:
    """A patroller of P2 who supervises P1 follows P1 only."""
    posts = [(HeldPost("supervisor", "P1"), AREA), (HeldPost("patroller", "P2"), ELSEWHERE)]
    view = view_of("S", posts, TODAY)
    checkpoint = event("checkpoint.changed", "G2")
    assert checkpoint is not None
    assert not view.shows(checkpoint)


@pytest.mark.parametrize(
    "action",
    ["track.viewed", "user.signed_in", "sign_in.failed", "staff.imported", "tags.issued", "entry.refused"],
)
def test_some_things_are_nobodys_live_news(action: str) -> None:
    assert event(action) is None


def test_a_slow_reader_is_told_to_load_anew() -> None:
    audience = Audience(View("S", (("round.read", AREA),)))
    one = event("round.started")
    assert one is not None
    start = audience.end
    audience.push([one])
    assert audience.since(start) == one.text
    assert audience.since(audience.end) == b""
    for _ in range(CHUNKS):
        audience.push([one])
    assert audience.since(start) is None
    assert audience.since(start + 1) == one.text * CHUNKS
