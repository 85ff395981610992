"""A recorded walk becomes what a phone would have written: in order, in the past, with its mishaps."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.cli.demo_play import ON_DUTY, PARTS, Part, batches, rounds_to_walk, shift_events
from app.cli.walk import Mishaps, Walk, read_walks, stroll
from app.core.ids import uuid7

WALKS = read_walks(Path(__file__).parents[2] / "data" / "tracks" / "patrol_demo_open.csv")
STEPS = WALKS["K01"]
STARTS = datetime(2026, 11, 23, 0, 42, tzinfo=UTC)


def planned(**members: Any) -> dict[str, Any]:
    """A round with four stops on the walk and one far from it."""
    spots = [(STEPS[i].lat, STEPS[i].lon) for i in (5, 20, 50, 70)] + [(31.20, 121.30)]
    stops = [
        {"ordinal": n, "checkpoint": {"id": f"c{n}", "lat": lat, "lon": lon, "radius_m": 30}}
        for n, (lat, lon) in enumerate(spots, 1)
    ]
    base = {
        "id": "r1",
        "place_code": "310107005-G6",
        "state": "planned",
        "on_day": "2026-11-23",
        "window_starts_at": "2026-11-23T00:30:00Z",
        "stops": stops,
    }
    return base | members


def test_a_clean_walk_visits_what_it_passes_and_skips_the_rest() -> None:
    events = Walk(planned(), STEPS, uuid7(), STARTS, Mishaps()).events()
    assert [e.at for e in events] == sorted(e.at for e in events)
    kinds = Counter(e.kind for e in events)
    assert kinds["check_in"] == 4
    assert kinds["stop_skipped"] == 1
    assert (events[0].kind, events[-1].kind) == ("round_started", "round_finished")
    assert events[-1].body["outcome"] == "complete"
    fixes = [fix for e in events if e.kind == "track" for fix in e.body["fixes"]]
    assert len(fixes) == len(STEPS)


@pytest.mark.parametrize("mishap", ["poor", "jump", "stale", "wrong_tag"])
def test_a_mishap_happens_at_its_check_in_only(mishap: str) -> None:
    clean = Walk(planned(), STEPS, shift := uuid7(), STARTS, Mishaps()).events()
    events = Walk(planned(), STEPS, shift, STARTS, Mishaps(**{mishap: 1})).events()  # type: ignore[arg-type]
    differing = [a.body["stop"] for a, b in zip(events, clean, strict=True) if a != b]
    assert differing == [2]


def test_a_gap_leaves_out_its_fixes_and_says_why() -> None:
    events = Walk(planned(), STEPS, uuid7(), STARTS, Mishaps(gap=True)).events()
    gap = next(e.body for e in events if e.kind == "gap")
    fixes = [fix["at"] for e in events if e.kind == "track" for fix in e.body["fixes"]]
    assert gap["cause"] == "screen_off"
    assert not any(gap["from"] <= at < gap["to"] for at in fixes)
    assert len(fixes) < len(STEPS)


def test_an_early_end_gives_its_reason_and_skips_nothing() -> None:
    events = Walk(planned(), STEPS, uuid7(), STARTS, Mishaps(early="下大雨")).events()
    assert events[-1].body == {"round": "r1", "outcome": "early", "reason": "下大雨"}
    kinds = Counter(e.kind for e in events)
    assert (kinds["check_in"], kinds["stop_skipped"]) == (3, 0)


@pytest.mark.parametrize("minutes", [0, 3, 12, 25, 200])
def test_nothing_is_written_in_the_future(minutes: int) -> None:
    until = STARTS + timedelta(minutes=minutes)
    events = shift_events(planned(), STEPS, STARTS, Mishaps(gap=True), until)
    assert all(e.at <= until for e in events)
    assert events[0].kind == "shift_started"
    assert (events[-1].kind == "shift_ended") == (minutes == 200)
    fixes = [datetime.fromisoformat(f["at"]) for e in events for f in e.body.get("fixes", [])]
    assert all(at <= until for at in fixes)


def test_only_rounds_that_nobody_started_are_walked() -> None:
    rounds = [
        planned(id="old", on_day="2026-11-22", window_starts_at="2026-11-22T00:30:00Z"),
        planned(id="morning"),
        planned(id="noon", state="started", window_starts_at="2026-11-23T03:00:00Z"),
        planned(id="afternoon", state="missed", window_starts_at="2026-11-23T06:00:00Z"),
    ]
    part = Part("K01", timedelta(minutes=10), Mishaps())

    def walked(until: datetime, part: Part = part) -> list[tuple[int, str]]:
        return [(n, r["id"]) for n, r in rounds_to_walk(rounds, part, until)]

    evening = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert walked(evening) == [(0, "morning"), (2, "afternoon")]
    assert walked(evening, Part("K01", timedelta(0), Mishaps(), left_out=0)) == [(2, "afternoon")]
    assert walked(datetime(2026, 11, 23, 0, 45, tzinfo=UTC)) == [(0, "morning")]
    assert walked(datetime(2026, 11, 23, 0, 25, tzinfo=UTC)) == [(0, "old")]
    # a day later its check-ins would be doubtful for being late, whatever else they are
    assert walked(datetime(2026, 11, 23, 0, 35, tzinfo=UTC)) == []
    assert walked(datetime(2026, 11, 21, tzinfo=UTC)) == []


def test_offline_all_comes_in_one_go() -> None:
    entries = [{"id": str(n)} for n in range(50)]
    assert [len(b) for b in batches(entries, offline=True)] == [2, 48]
    assert [len(b) for b in batches(entries, offline=False)] == [20, 20, 10]
    assert batches([], offline=True) == []


def test_every_part_has_its_walk() -> None:
    assert {part.track for part in PARTS.values()} == set(WALKS)
    assert set(ON_DUTY.values()) <= set(WALKS)
    assert not set(ON_DUTY) & set(PARTS)


@pytest.mark.parametrize("hour", range(24))
@pytest.mark.parametrize("username", ["patrol2", "patrol3", "patrol5"])
def test_at_any_hour_somebody_has_walked_with_mishaps(username: str, hour: int) -> None:
    part, now = PARTS[username], datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hour)
    rounds = [
        planned(id=f"{day}-{clock}", on_day=f"2026-11-{day}", window_starts_at=f"2026-11-{day}T{clock}:00Z")
        for day in (22, 23, 24)
        for clock in ("00:30", "06:00")  # 08:30 and 14:00 in Shanghai
    ]
    lasts = part.starts_after + WALKS[part.track][-1].after + timedelta(minutes=2)
    over = [
        window
        for window, walked in rounds_to_walk(rounds, part, now)
        if datetime.fromisoformat(walked["window_starts_at"]) + lasts < now
    ]
    assert part.mishaps_in & set(over)


def test_who_is_on_duty_was_seen_up_to_the_given_moment() -> None:
    shift, ends_at = uuid7(), STARTS
    events = stroll(STEPS, shift, ends_at)
    assert (events[0].kind, events[0].entry_id) == ("shift_started", shift)
    assert {e.kind for e in events[1:]} == {"track"}
    fixes = [datetime.fromisoformat(fix["at"]) for e in events[1:] for fix in e.body["fixes"]]
    assert len(fixes) == len(STEPS)
    assert events[0].at < fixes[0]
    assert fixes == sorted(fixes)
    assert fixes[-1] == ends_at
    assert {(e.body["round"], e.body["shift"]) for e in events[1:]} == {(None, str(shift))}
