"""A check-in is verified, or doubtful with exactly the reasons that its circumstances give."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import geo
from app.evidence import rules
from app.evidence.rules import Circumstances, Expected, Sighting, grade

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
LAT, LON = 31.2400, 121.4030
METRE = 1 / 111_195  # degrees of latitude

EXPECTED = Expected(LAT, LON, 30.0, NOON - timedelta(hours=1), NOON + timedelta(hours=1))
GOOD = Circumstances(
    at=NOON,
    received_at=NOON + timedelta(seconds=2),
    skew_s=0.0,
    signature_ok=True,
    key_ok=True,
    chain_ok=True,
    on_duty=True,
    shared_device=False,
    tag_state="none",
)


def fix(north_m: float = 0.0, acc: float = 10.0, age_s: float = 5.0) -> Sighting:
    return Sighting(NOON - timedelta(seconds=age_s), LAT + north_m * METRE, LON, acc)


def seen(seconds_before: float, north_m: float, acc: float = 5.0) -> Sighting:
    return Sighting(NOON - timedelta(seconds=seconds_before), LAT + north_m * METRE, LON, acc)


GCJ_LAT, GCJ_LON = geo.wgs84_to_gcj02(LAT, LON)

TABLE: list[tuple[str, Sighting | None, dict[str, Any], dict[str, Any], list[str]]] = [
    ("standing on the spot", fix(), {}, {}, []),
    ("at the edge of the radius", fix(29), {}, {}, []),
    ("outside by less than the accuracy", fix(39), {}, {}, []),
    ("outside by more than the accuracy", fix(42), {}, {}, ["outside_radius"]),
    (
        "a wide circle does not excuse beyond the limit",
        fix(90, acc=80),
        {},
        {},
        ["outside_radius", "poor_accuracy"],
    ),
    ("poor accuracy on the spot", fix(acc=51), {}, {}, ["poor_accuracy"]),
    ("accuracy just good enough", fix(acc=50), {}, {}, []),
    ("basement with the right tag", fix(60, acc=180), {"tag_state": "right"}, {}, []),
    ("the right tag does not move a fix", fix(400, acc=180), {"tag_state": "right"}, {}, ["outside_radius"]),
    ("right tag, hopeless accuracy", fix(acc=900), {"tag_state": "right"}, {}, ["poor_accuracy"]),
    ("right tag without a fix", None, {"tag_state": "right"}, {}, ["no_fix"]),
    ("no fix in time", None, {}, {}, ["no_fix"]),
    ("a fix of a minute ago", fix(age_s=60), {}, {}, []),
    ("a stale fix", fix(age_s=61), {}, {}, ["stale_fix"]),
    ("far from China", Sighting(NOON, 48.85, 2.35, 5), {}, {}, ["outside_china", "outside_radius"]),
    (
        "latitude and longitude swapped",
        Sighting(NOON, 31.24 - 90, 121.4, 5),
        {},
        {},
        ["outside_china", "outside_radius"],
    ),
    (
        "GCJ-02 sold as WGS-84",
        Sighting(NOON, GCJ_LAT, GCJ_LON, 5),
        {},
        {},
        ["outside_radius", "datum_suspect"],
    ),
    ("a plausible walk", fix(), {"earlier": [seen(60, 100)]}, {}, []),
    ("an impossible jump", fix(), {"earlier": [seen(30, 900)]}, {}, ["impossible_speed"]),
    ("drift is not a jump", fix(), {"earlier": [seen(6, 60)]}, {}, []),
    ("a jump inside a poor circle is no jump", fix(), {"earlier": [seen(6, 900, acc=900)]}, {}, []),
    ("an old sighting says nothing", fix(), {"earlier": [seen(1900, 900_000)]}, {}, []),
    ("seen later than the fix: order is by device time", fix(age_s=50), {"earlier": [seen(10, 900)]}, {}, []),
    ("same coordinates once before", fix(), {"earlier": [seen(900, 0, 10)]}, {}, []),
    (
        "same coordinates twice before",
        fix(),
        {"earlier": [seen(900, 0, 10), seen(1800, 0, 10)]},
        {},
        ["repeated_position"],
    ),
    (
        "placed by the network, the same spot every time",
        fix(acc=21),
        {"earlier": [seen(900, 0, 21), seen(1800, 0, 21)]},
        {},
        [],
    ),
    (
        "a track at the same spot is no repetition",
        fix(),
        {"earlier": [replace(seen(i * 60, 0, 10), checked_in=False) for i in (1, 2, 3)]},
        {},
        [],
    ),
    ("wrong tag", fix(), {"tag_state": "wrong"}, {}, ["wrong_tag"]),
    ("revoked tag", fix(), {"tag_state": "revoked"}, {}, ["wrong_tag"]),
    ("forged tag", fix(), {"tag_state": "forged"}, {}, ["wrong_tag"]),
    ("tag required and not scanned", fix(), {}, {"tag_required": True}, ["missing_tag"]),
    ("tag required and scanned", fix(), {"tag_state": "right"}, {"tag_required": True}, []),
    ("off duty", fix(), {"on_duty": False}, {}, ["off_duty"]),
    ("before the window", fix(), {}, {"window_starts_at": NOON + timedelta(minutes=6)}, ["out_of_window"]),
    ("five minutes early are tolerated", fix(), {}, {"window_starts_at": NOON + timedelta(minutes=5)}, []),
    ("after the window", fix(), {}, {"window_ends_at": NOON - timedelta(minutes=6)}, ["out_of_window"]),
    ("a position from after the check-in", fix(age_s=-61), {}, {}, ["future_time"]),
    ("a position a few seconds newer", fix(age_s=-10), {}, {}, []),
    ("from the future", fix(), {"received_at": NOON - timedelta(seconds=61)}, {}, ["future_time"]),
    ("after a night in a basement", fix(), {"received_at": NOON + timedelta(hours=25)}, {}, ["late_arrival"]),
    ("hours offline are normal", fix(), {"received_at": NOON + timedelta(hours=23)}, {}, []),
    ("clock two minutes fast", fix(), {"skew_s": 120.0}, {}, []),
    ("clock far off", fix(), {"skew_s": -121.0}, {}, ["clock_skew"]),
    (
        "unknown device hides the signature",
        fix(),
        {"key_ok": False, "signature_ok": False},
        {},
        ["unknown_device"],
    ),
    ("bad signature", fix(), {"signature_ok": False}, {}, ["bad_signature"]),
    ("broken chain", fix(), {"chain_ok": False}, {}, ["broken_chain"]),
    ("one device, two people", fix(), {"shared_device": True}, {}, ["shared_device"]),
]


@pytest.mark.parametrize(
    ("name", "claim", "around", "expected", "reasons"), TABLE, ids=[row[0] for row in TABLE]
)
def test_table(
    name: str, claim: Sighting | None, around: dict[str, Any], expected: dict[str, Any], reasons: list[str]
) -> None:
    result = grade(claim, replace(EXPECTED, **expected), replace(GOOD, **around))
    assert list(result.reasons) == reasons
    assert result.grade == ("doubtful" if reasons else "verified")


def test_every_reason_is_reached_by_the_table() -> None:
    reached = {reason for row in TABLE for reason in row[4]}
    assert reached == set(rules.REASONS)


TIMES = st.floats(-2.1e9, 7.2e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))  # 1903 to 2198

positions = st.builds(
    Sighting,
    TIMES,
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.floats(0, 100_000),
)
circumstances = st.builds(
    Circumstances,
    at=TIMES,
    received_at=st.just(NOON),
    skew_s=st.floats(-1e9, 1e9),
    signature_ok=st.booleans(),
    key_ok=st.booleans(),
    chain_ok=st.booleans(),
    on_duty=st.booleans(),
    shared_device=st.booleans(),
    tag_state=st.sampled_from(["none", "right", "wrong", "revoked", "forged"]),
    earlier=st.lists(positions, max_size=5),
)


@given(st.none() | positions, circumstances)
def test_whatever_comes_is_graded_with_known_reasons(claim: Sighting | None, around: Circumstances) -> None:
    result = grade(claim, EXPECTED, around)
    assert set(result.reasons) <= set(rules.REASONS)
    assert (result.grade == "verified") == (not result.reasons)
    assert (result.distance_m is None) == (claim is None)


@given(st.floats(0, 2000), st.floats(0, 2000), st.floats(0, 300))
def test_nearer_is_never_worse(a: float, b: float, acc: float) -> None:
    near, far = sorted((a, b))
    if "outside_radius" in grade(fix(near, acc), EXPECTED, GOOD).reasons:
        assert "outside_radius" in grade(fix(far, acc), EXPECTED, GOOD).reasons


@given(positions, circumstances)
def test_the_right_tag_never_adds_a_doubt(claim: Sighting, around: Circumstances) -> None:
    without = set(grade(claim, EXPECTED, replace(around, tag_state="none")).reasons)
    with_tag = set(grade(claim, EXPECTED, replace(around, tag_state="right")).reasons)
    assert with_tag <= without


@pytest.mark.parametrize(
    ("state", "ordinal"),
    [("none", None), ("pending", 1), ("accepted", None), ("rejected", None), ("answered", 2)],
)
def test_which_decision_may_be_taken(state: str, ordinal: int | None) -> None:
    step = rules.next_review(state)
    assert (step.ordinal if step else None) == ordinal
    assert step is None or step.final == (ordinal == 2)


@pytest.mark.parametrize(
    ("state", "decisions", "answered", "may"),
    [
        ("pending", 0, False, False),
        ("accepted", 1, False, True),
        ("rejected", 1, False, True),
        ("answered", 1, True, False),
        ("rejected", 2, True, False),
        ("none", 0, False, False),
    ],
)
def test_who_may_answer(state: str, decisions: int, answered: bool, may: bool) -> None:
    assert rules.may_answer(state, decisions, answered) is may
