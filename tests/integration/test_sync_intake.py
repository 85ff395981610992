"""Every entry gets a stored result exactly once, whatever order, company or shape it comes in."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from app.core import clock
from app.core.ids import uuid7
from tests.integration.field import Field, state_of


@pytest.fixture
def field(app: Flask) -> Field:
    return Field(app)


def statuses(results: list[dict[str, Any]]) -> list[str]:
    return [result["status"] for result in results]


def test_a_walk_is_applied(field: Field, owner_db: Connection) -> None:
    results = field.results(field.whole_walk())
    assert statuses(results) == ["applied"] * 9, results
    graded = [r for r in results if "grade" in r]
    assert [(r["grade"], r["reasons"]) for r in graded] == [("verified", [])] * 2
    state = state_of(owner_db)
    assert [len(state[name]) for name in ("check_ins", "proofs", "skips", "gaps", "fixes")] == [2, 2, 1, 1, 3]


def test_the_same_again_is_already(field: Field, owner_db: Connection) -> None:
    walk = field.whole_walk()
    first = field.results(walk)
    before = state_of(owner_db)
    again = field.results(walk)
    assert statuses(again) == ["already"] * 9
    assert [r["was"] for r in again] == [{k: v for k, v in r.items() if k != "id"} for r in first]
    assert state_of(owner_db) == before


def test_one_entry_at_a_time_ends_the_same(field: Field, owner_db: Connection) -> None:
    for entry in field.whole_walk():
        assert field.results([entry])[0]["status"] == "applied"
    assert len(state_of(owner_db)["proofs"]) == 2


def test_same_id_other_payload_is_refused(field: Field) -> None:
    first = field.start_shift()
    assert field.results([first])[0]["status"] == "applied"
    changed = first | {"payload": first["payload"].replace('"body":{}', '"body":{ }')}
    result = field.results([changed])[0]
    assert (result["status"], result["problem"]) == ("refused", "/problems/entry-id-reused")
    assert statuses(field.results([first, changed, first])) == ["already", "refused", "already"]


def test_an_entry_twice_in_one_batch(field: Field) -> None:
    first = field.start_shift()
    assert statuses(field.results([first, first])) == ["applied", "already"]


def test_backwards_in_one_batch_is_applied_forwards(field: Field) -> None:
    assert statuses(field.results(field.whole_walk()[::-1])) == ["applied"] * 9


def test_a_gap_in_the_chain_is_held_and_resolved(field: Field) -> None:
    walk = field.whole_walk()
    assert statuses(field.results(walk[:2])) == ["applied"] * 2
    results = field.results(walk[3:])
    assert statuses(results) == ["held"] * 6
    assert results[0]["waits_for"] == "seq:3"
    answer = field.send([walk[2]])
    assert statuses(answer["results"]) == ["applied"]
    assert [r["id"] for r in answer["resolved"]] == [e["id"] for e in walk[3:]]
    assert set(statuses(answer["resolved"])) == {"applied"}


def test_a_missing_parent_is_held(field: Field) -> None:
    """A check-in names a shift that another phone of the same person has not sent yet."""
    other = field.new_phone()
    first, field.phone = field.phone, other
    check_in = field.check_in(0, 3)
    held = field.results([check_in])[0]
    assert (held["status"], held["waits_for"]) == ("held", str(field.shift))
    field.phone = first
    assert statuses(field.results([field.start_shift(), field.start_round()])) == ["applied"] * 2
    release(field)
    again = field.results([check_in], phone=other)[0]
    assert (again["status"], again["was"]["status"]) == ("already", "applied")


def release(field: Field, later: timedelta = timedelta(0)) -> int:
    """What the worker does, *later* from now."""
    from app.core.extensions import db
    from app.sync import service

    count = 0
    now = clock.now() + later
    with field.app.app_context(), clock.frozen(now):
        for log_id in service.logs_to_release(now):
            count += service.release_held(log_id, now)
            db.session.commit()
    return count


def test_chain_patience_ends_after_ten_minutes(field: Field) -> None:
    walk = field.whole_walk()
    field.results(walk[:2])
    field.results([walk[4]])
    assert release(field, timedelta(minutes=9)) == 0
    assert release(field, timedelta(minutes=11)) == 1
    was = field.results([walk[4]])[0]["was"]
    assert (was["status"], was["grade"]) == ("applied", "doubtful")
    assert "broken_chain" in was["reasons"]


def test_parent_patience_ends_after_seven_days(field: Field) -> None:
    track = field.track(3)
    assert field.results([track])[0]["waits_for"] == str(field.shift)
    assert release(field, timedelta(days=6)) == 0
    assert release(field, timedelta(days=7, minutes=1)) == 1
    was = field.results([track])[0]["was"]
    assert (was["status"], was["problem"]) == ("refused", "/problems/no-such-shift")


def test_a_child_of_a_refused_parent_is_refused(field: Field) -> None:
    field.shift = uuid7(field.started_at)
    start = field.phone.entry("shift_started", {"plaza": 1}, field.started_at, entry_id=field.shift)
    results = field.results([start, field.track(3)])
    assert [r["problem"] for r in results] == ["/problems/entry-invalid", "/problems/no-such-shift"]


def test_off_duty_positions_are_not_stored(field: Field, owner_db: Connection) -> None:
    field.results([field.start_shift()])
    before = field.track(-90)
    result = field.results([before])[0]
    assert (result["status"], result["problem"]) == ("refused", "/problems/off-duty")
    kept = owner_db.execute(text("select payload, hash from log_entry where state = 'refused'")).one()
    assert kept.payload is None and len(bytes(kept.hash)) == 32


def test_a_changed_byte_and_a_wrong_key_are_doubts(field: Field) -> None:
    field.results([field.start_shift(), field.start_round()])
    check_in = field.check_in(0, 3)
    other = field.check_in(1, 5)
    check_in["signature"] = other["signature"]
    result = field.results([check_in])[0]
    assert (result["status"], result["grade"], result["reasons"]) == (
        "applied",
        "doubtful",
        ["bad_signature"],
    )


def test_a_broken_chain_is_a_doubt(field: Field) -> None:
    field.results([field.start_shift(), field.start_round()])
    field.phone.prev = "ab" * 32
    result = field.results([field.check_in(0, 3)])[0]
    assert (result["status"], result["reasons"]) == ("applied", ["broken_chain"])


def test_poison_leaves_the_others(
    field: Field, monkeypatch: pytest.MonkeyPatch, owner_db: Connection
) -> None:
    """An entry on which the server itself fails neither stops the others nor is lost."""
    from app.sync import kinds

    walk = field.whole_walk()
    poisoned = walk[4]["id"]
    sound = kinds.KINDS["check_in"]

    def fails(entry: Any, body: Any, memory: Any) -> Any:
        applied = sound.apply(entry, body, memory)
        if str(entry.id) == poisoned:
            raise KeyError("a bug")
        return applied

    monkeypatch.setitem(kinds.KINDS, "check_in", kinds.Kind(sound.read, fails, sound.others_look))
    results = field.results(walk)
    # the end of the round waits too: whether it is complete cannot be judged yet
    assert statuses(results) == ["applied"] * 4 + ["held"] + ["applied"] * 2 + ["held", "applied"]
    assert results[4]["waits_for"] == results[7]["waits_for"] == "server"
    assert len(state_of(owner_db)["check_ins"]) == 1
    monkeypatch.undo()
    assert release(field, timedelta(minutes=5)) == 0
    assert release(field, timedelta(minutes=11)) == 2
    state = state_of(owner_db)
    assert len(state["check_ins"]) == 2
    assert state["rounds"][0][1] == "finished"


def test_careful_and_fast_end_the_same(
    app: Flask, monkeypatch: pytest.MonkeyPatch, owner_db: Connection
) -> None:
    """The same log, once in one savepoint and once entry by entry."""
    from app.sync import replay

    results = []
    for careful in (False, True):
        if careful:

            def goes_wrong(*_: Any) -> Any:
                raise replay._NeedsCare

            monkeypatch.setattr(replay._Fast, "one", goes_wrong)
            owner_db.execute(text("set session_replication_role = replica"))
            for table in (
                "place",
                "app_user",
                "post",
                "log_entry",
                "proof",
                "check_in",
                "track_fix",
                "ledger_row",
            ):
                owner_db.execute(text(f"delete from {table}"))
            owner_db.execute(text("set session_replication_role = origin"))
        field = Field(app)
        walk = field.whole_walk()
        results.append([{k: v for k, v in r.items() if k != "id"} for r in field.results(walk)])
    assert results[0] == results[1]


def test_what_is_not_the_request_is_a_problem(field: Field) -> None:
    good = field.request([field.start_shift()])
    wrong: list[tuple[Any, int]] = [
        ([], 422),
        ("text", 422),
        (good | {"log": "x"}, 422),
        (good | {"entries": {}}, 422),
        (good | {"entries": [1]}, 422),
        (good | {"entries": [{"payload": "{}"}]}, 422),
        (good | {"entries": [{"id": "nonsense"}]}, 422),
        (good | {"entries": good["entries"] * 501}, 422),
        (good | {"sent_at": "yesterday"}, 422),
        (good | {"sent_at": "0001-01-01T00:00:00+14:00"}, 422),
        (good | {"more": 1}, 422),
        (good | {"log": str(uuid7())}, 404),
    ]
    for body, status in wrong:
        answer = field.post(body)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.text


@pytest.mark.parametrize(
    ("raw", "status", "slug"),
    [
        (b"", 422, "invalid"),
        (b"{", 400, "malformed-json"),
        (b'{"log":NaN}', 400, "malformed-json"),
        (b"\xff\xfe", 400, "malformed-json"),
        (b"[" * 100_000, 400, "malformed-json"),
        (b'{"entries":"' + b"x" * 10_000_000 + b'"}', 413, "too-large"),
    ],
    ids=["empty", "cut", "NaN", "not UTF-8", "deep", "10 MB"],
)
def test_bad_bodies(field: Field, raw: bytes, status: int, slug: str) -> None:
    answer = field.client.post(
        "/api/v1/sync", data=raw, headers=field.headers, content_type="application/json"
    )
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.text
    assert answer.json["type"] == f"/problems/{slug}"


def test_a_batch_cut_in_the_middle_then_whole(field: Field, owner_db: Connection) -> None:
    walk = field.whole_walk()
    raw = json.dumps(field.request(walk)).encode()
    for cut in (len(raw) // 3, len(raw) // 2, len(raw) - 1):
        answer = field.client.post(
            "/api/v1/sync", data=raw[:cut], headers=field.headers, content_type="application/json"
        )
        assert (answer.status_code, answer.json["type"]) == (400, "/problems/malformed-json")
    assert not state_of(owner_db)["entries"]
    assert statuses(field.results(walk)) == ["applied"] * 9


def test_another_persons_log_is_refused(field: Field, app: Flask) -> None:
    from tests import factories

    factories.make_user("patroller", field.street.units[1], "stranger")
    client = app.test_client()
    headers = factories.sign_in(client, "stranger")
    answer = client.post("/api/v1/sync", json=field.request([field.start_shift()]), headers=headers)
    assert (answer.status_code, answer.json["type"]) == (403, "/problems/log-not-yours")


@pytest.mark.parametrize("year", [1901, 2099])
def test_a_clock_far_off_is_a_doubt(field: Field, year: int) -> None:
    field.results([field.start_shift(), field.start_round()])
    wrong = clock.now().replace(year=year, day=1)
    minute = (wrong - field.started_at) / timedelta(minutes=1)
    entry = field.check_in(0, minute, fix=field.fix(wrong))
    kept = field.results([entry], sent_at=wrong)[0]
    assert (kept["status"], kept["grade"], kept["reasons"]) == ("applied", "doubtful", ["clock_skew"])
    unsteady = field.results([field.check_in(1, minute, fix=field.fix(wrong))])[0]
    assert (unsteady["status"], unsteady["grade"]) == ("applied", "doubtful")


@pytest.mark.parametrize(
    ("fix", "reason"),
    [
        ({"lat": 48.85, "lon": 2.35}, "outside_radius"),
        ({"lat": 0, "lon": 0}, "outside_radius"),
        (None, "no_fix"),
    ],
)
def test_odd_positions_are_doubts(field: Field, fix: Any, reason: str) -> None:
    field.results([field.start_shift(), field.start_round()])
    body = fix and field.fix(field.minute(3)) | fix
    result = field.results([field.check_in(0, 3, fix=body)])[0]
    assert (result["status"], result["grade"]) == ("applied", "doubtful")
    assert reason in result["reasons"]


def test_swapped_coordinates_cannot_be_degrees(field: Field) -> None:
    """Latitude 121 does not exist: the phone has a fault, and the entry stays to be looked at."""
    field.results([field.start_shift(), field.start_round()])
    swapped = field.fix(field.minute(3)) | {"lat": 121.4, "lon": 31.2}
    result = field.results([field.check_in(0, 3, fix=swapped)])[0]
    assert (result["status"], result["problem"]) == ("refused", "/problems/entry-invalid")
    assert result["detail"].startswith("fix.lat")


def test_unreadable_entries_are_kept_and_shown(field: Field, owner_db: Connection) -> None:
    odd: list[Any] = [None, 5, [], "", "\x00", "\ud800", "{", '{"v":NaN}', "x" * 40_000]
    entries = [{"id": str(uuid7()), "payload": payload, "signature": "x"} for payload in odd]
    entries += [{"id": str(uuid7())}, {"id": str(uuid7()), "payload": "{}", "signature": None}]
    results = field.results(entries)
    assert {r["problem"] for r in results} == {"/problems/entry-malformed"}
    assert len(state_of(owner_db)["entries"]) == len(entries)
    assert statuses(field.results(entries)) == ["already"] * len(entries)
    feed = field.client.get("/api/v1/field/feed", headers=field.headers).json
    assert {r["id"] for r in feed["refused"]} == {e["id"] for e in entries}


def test_another_logs_entry_and_an_unknown_kind(field: Field) -> None:
    other = field.new_phone()
    stray = other.entry("shift_started", {}, clock.now())
    future = field.phone.entry("teleported", {"fix": None}, clock.now())
    results = field.results([stray, future])
    assert [r["problem"] for r in results] == ["/problems/entry-not-yours", "/problems/entry-unknown-kind"]


def test_the_feed_shows_the_round(field: Field) -> None:
    walk = field.whole_walk()
    field.results(walk[:7])
    feed = field.client.get("/api/v1/field/feed", headers=field.headers).json
    assert feed["shift"]["id"] == str(field.shift)
    (shown,) = feed["rounds"]
    assert (shown["id"], shown["state"], shown["place_name"]) == (
        str(field.round.id),
        "started",
        f"测试{field.street.units[0]}",
    )
    first, second, third = shown["stops"]
    assert first["checkpoint"]["lat"] == field.checkpoints[0].lat
    assert [c["id"] for c in second["check_ins"]] == [walk[4]["id"]]
    assert third["skip"] == {"reason": "locked", "text": "门锁着"}
    assert feed["refused"] == [] and feed["decisions"] == []


def test_old_positions_are_forgotten(field: Field, owner_db: Connection) -> None:
    from app.core.extensions import db
    from app.sync.retention import forget_positions

    field.results(field.whole_walk())
    with field.app.app_context():
        assert forget_positions(clock.now() - timedelta(days=1)) == 0
        assert forget_positions(clock.now() + timedelta(days=1), limit=3) == 3
        assert forget_positions(clock.now() + timedelta(days=1), limit=3) == 2
        db.session.commit()
    left = owner_db.execute(text("select kind from log_entry where payload is not null")).scalars().all()
    assert sorted(left) == ["gap", "round_finished", "shift_ended", "stop_skipped"]


def test_an_entry_of_doubtful_origin_leaves_a_mark_in_the_ledger(field: Field, owner_db: Connection) -> None:
    started, other = field.start_shift(), field.start_round()
    forged = started | {"signature": other["signature"]}
    assert field.results([forged])[0]["status"] == "applied"
    marked = (
        owner_db.execute(text("select data from ledger_row where action = 'entry.doubted'")).scalars().all()
    )
    assert marked == [{"kind": "shift_started", "reasons": ["bad_signature"]}]
