"""Positions that were refused or not taken on duty are not stored; an id serves one entry of a person."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from app.core import clock
from app.core.extensions import db
from app.core.fields import wire_time
from app.core.ids import uuid7
from app.sync import retention
from tests import factories
from tests.integration.field import Field, Json

MARK = 31.2345671


@pytest.fixture
def field(app: Flask) -> Field:
    return Field(app)


def marked(field: Field, minute: float) -> Json:
    return field.fix(field.minute(minute), lat=MARK)


def payload_of(database: Connection, entry: Json) -> str | None:
    asked = text("select payload from log_entry where id = :id")
    found: str | None = database.execute(asked, {"id": entry["id"]}).scalar_one()
    return found


def changed(entry: Json, **members: Any) -> Json:
    return entry | {"payload": json.dumps(json.loads(entry["payload"]) | members)}


def track_of(field: Field) -> Json:
    return field.phone.entry(
        "track", {"shift": str(field.shift), "fixes": [marked(field, 3)]}, field.minute(3)
    )


def with_mark(kind: str, **body: Any) -> Callable[[Field], Json]:
    def make(field: Field) -> Json:
        given = {"shift": str(field.shift), "round": str(field.round.id)} | body
        return field.phone.entry(kind, given | {"fix": marked(field, 3)}, field.minute(3))

    return make


REFUSED: dict[str, Callable[[Field], Json]] = {
    "malformed": lambda field: changed(track_of(field), extra=1),
    "another person's": lambda field: changed(track_of(field), user=str(uuid4())),
    "another id inside": lambda field: track_of(field) | {"id": str(uuid7())},
    "unknown kind": with_mark("teleported"),
    "invalid body": lambda field: field.phone.entry(
        "gap", {"shift": str(field.shift), "at": marked(field, 3)}, field.minute(3)
    ),
    "shift elsewhere": lambda field: field.phone.entry(
        "shift_started", {"place": "nowhere", "fix": marked(field, 0)}, field.minute(0)
    ),
    "no such round": with_mark("round_started", round=str(uuid4())),
    "visit of no such round": with_mark("check_in", round=str(uuid4()), stop=1, checkpoint=str(uuid4())),
    "track off duty": lambda field: field.track(-90),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED.keys())
def test_of_what_is_refused_only_the_hash_stays(
    field: Field, owner_db: Connection, make: Callable[[Field], Json]
) -> None:
    field.results([field.start_shift()])
    entry = make(field)
    assert field.results([entry])[0]["status"] == "refused"
    assert payload_of(owner_db, entry) is None
    assert field.results([entry])[0]["status"] == "already"


def test_what_is_understood_and_has_no_room_for_positions_stays(field: Field, owner_db: Connection) -> None:
    field.results([field.start_shift()])
    times = {"from": wire_time(field.minute(5)), "to": wire_time(field.minute(4))}
    gap = field.phone.entry("gap", {"shift": str(field.shift), "cause": "unknown"} | times, field.minute(5))
    assert field.results([gap])[0]["status"] == "refused"
    assert payload_of(owner_db, gap) == gap["payload"]


def test_a_held_track_keeps_its_text_until_it_is_refused(field: Field, owner_db: Connection) -> None:
    track = field.track(3)
    assert field.results([track])[0]["status"] == "held"
    assert payload_of(owner_db, track) is not None
    start = field.phone.entry("shift_started", {"plaza": 1}, field.started_at, entry_id=field.shift)
    field.results([start])
    assert field.results([track])[0]["was"]["status"] == "refused"
    assert payload_of(owner_db, track) is None


@pytest.mark.parametrize(("minute", "kept"), [(-1, True), (-3, False), (1, True)])
def test_starts_with_a_position_from_before_the_shift_lose_their_text(
    field: Field, owner_db: Connection, minute: float, kept: bool
) -> None:
    fix = {"fix": marked(field, minute)}
    shift = field.phone.entry("shift_started", fix, field.started_at, entry_id=field.shift)
    walk = {"round": str(field.round.id), "shift": str(field.shift)}
    begun = field.phone.entry("round_started", walk | fix, field.minute(1))
    assert [r["status"] for r in field.results([shift, begun])] == ["applied"] * 2
    assert [payload_of(owner_db, e) is not None for e in (shift, begun)] == [kept, kept]


@pytest.mark.parametrize(
    ("minute", "fixed", "kept"), [(10, 10, True), (25, 25, False), (10, -10, False), (25, 20, False)]
)
def test_a_check_in_off_duty_is_graded_but_its_position_goes(
    field: Field, owner_db: Connection, minute: float, fixed: float, kept: bool
) -> None:
    starts = [field.start_shift(), field.start_round()]
    end = field.phone.entry("shift_ended", {"shift": str(field.shift)}, field.minute(20))
    assert {r["status"] for r in field.results([*starts, end])} == {"applied"}
    visit = field.check_in(0, minute, fix=field.fix(field.minute(fixed), 0))
    result = field.results([visit])[0]
    assert result["status"] == "applied"
    assert ("off_duty" in result["reasons"]) == (minute > 22)
    proof = owner_db.execute(text("select lat, lon, datum, distance_m, accuracy_m from proof")).one()
    assert [value is not None for value in proof] == [kept, kept, kept, True, True]
    assert (payload_of(owner_db, visit) is not None) == kept


def test_an_end_that_arrives_later_takes_the_positions_after_it(field: Field, owner_db: Connection) -> None:
    field.results([field.start_shift(), field.start_round()])
    before, after, across = field.track(4), field.track(24), field.track(11.9)
    end = field.phone.entry("shift_ended", {"shift": str(field.shift)}, field.minute(10))
    field.results([before, after])
    assert owner_db.execute(text("select count(*) from last_position")).scalar_one() == 1
    assert {r["status"] for r in field.results([across, end])} == {"applied"}
    left = owner_db.execute(text("select entry_id from track_fix order by fixed_at")).scalars().all()
    # of the one across the end, plus two minutes of slack, the first two of three stay
    assert list(map(str, left)) == [before["id"]] * 3 + [across["id"]] * 2
    assert payload_of(owner_db, before) is not None
    assert payload_of(owner_db, after) is None
    assert payload_of(owner_db, across) is None
    assert owner_db.execute(text("select count(*) from last_position")).scalar_one() == 0


def test_the_next_shift_takes_the_positions_after_the_end_it_makes(
    field: Field, owner_db: Connection
) -> None:
    field.results([field.start_shift(), field.start_round(), field.track(4), field.track(24)])
    other = field.new_phone()
    field.results([other.entry("shift_started", {}, field.minute(10))], phone=other)
    assert owner_db.execute(text("select count(*) from track_fix")).scalar_one() == 3
    assert owner_db.execute(text("select count(*) from last_position")).scalar_one() == 0


def test_the_worker_takes_positions_that_arrived_beside_the_end(field: Field, owner_db: Connection) -> None:
    before, after = field.track(4), field.track(24)
    field.results([field.start_shift(), field.start_round(), before, after])
    owner_db.execute(text("update shift set ended_at = :at"), {"at": field.minute(10)})
    with field.app.app_context():
        assert retention.forget_off_duty(clock.now(), limit=2) == 2
        assert retention.forget_off_duty(clock.now(), limit=2) == 1
        assert retention.forget_off_duty(clock.now()) == 0
        db.session.commit()
    assert owner_db.execute(text("select distinct entry_id from track_fix")).scalars().all() == [
        UUID(before["id"])
    ]
    assert payload_of(owner_db, after) is None
    assert payload_of(owner_db, before) is not None


def with_id_of(field: Field, entry: Json, phone: Any) -> Json:
    """Another entry of the same kind and id in the log of *phone*."""
    content = json.loads(entry["payload"])
    made: Json = phone.entry(content["kind"], content["body"], field.minute(15), entry_id=UUID(entry["id"]))
    return made


@pytest.mark.parametrize("number", range(9), ids=lambda n: f"entry {n}")
def test_an_id_serves_one_log_of_a_person(
    field: Field, owner_db: Connection, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    walk = field.whole_walk()
    field.results(walk)
    other = field.new_phone()
    again = with_id_of(field, walk[number], other)
    result = field.results([again], phone=other)[0]
    assert (result["status"], result["problem"]) == ("refused", "/problems/entry-id-reused")
    assert field.results([again], phone=other)[0]["was"]["problem"] == "/problems/entry-id-reused"
    assert owner_db.execute(text("select count(*) from track_fix")).scalar_one() == 3
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []
    # and the chain of that log goes on
    later = other.entry("shift_ended", {"shift": str(field.shift)}, field.minute(16))
    assert field.results([later], phone=other)[0]["status"] == "applied"


@pytest.mark.parametrize("kind", ["shift_started", "check_in", "gap"])
def test_an_id_of_another_person_is_refused_without_a_word_in_the_log(
    app: Flask, field: Field, owner_db: Connection, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    walk = field.whole_walk()
    field.results(walk)
    taken = next(entry for entry in walk if json.loads(entry["payload"])["kind"] == kind)
    stranger = Field.__new__(Field)
    stranger.__dict__ |= field.__dict__
    stranger.user = factories.make_user("patroller", field.street.units[0], "stranger")
    stranger.client = app.test_client()
    stranger.headers = factories.sign_in(stranger.client, "stranger")
    stranger.round = factories.make_round(field.street, stranger.user, field.checkpoints)
    stranger.phone = stranger.new_phone()
    stranger.shift = uuid7(field.started_at)
    stranger.results([stranger.start_shift(), stranger.start_round()])
    content = json.loads(taken["payload"])["body"]
    own = {"shift": str(stranger.shift), "round": str(stranger.round.id)}
    body = content | (own if content else {})
    entry = stranger.phone.entry(kind, body, field.minute(15), entry_id=UUID(taken["id"]))
    result = stranger.results([entry])[0]
    assert (result["status"], result["problem"]) == ("refused", "/problems/entry-id-reused")
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_an_error_of_the_database_quotes_no_values(field: Field, owner_db: Connection) -> None:
    field.results(field.whole_walk())
    failures = {
        "update proof set grade = 'odd', lat = :lat": "ck_proof_grade",
        "insert into proof select p.* from proof p where :lat > 0": "pk_proof",
        "update proof set grade = null where :lat > 0": "grade",
        "update proof set rules_version = cast(cast(:lat as text) as int)": "22P02",
    }
    with field.app.app_context():
        for statement, told in failures.items():
            with pytest.raises(Exception, match=told) as raised:
                db.session.execute(text(statement), {"lat": MARK})
            db.session.rollback()
            said = str(raised.value) + repr(raised.value) + str(raised.value.__cause__)
            assert str(MARK) not in said
            assert str(field.user.id) not in said
            assert "DETAIL" not in said
        with pytest.raises(IntegrityError):
            db.session.execute(text("update proof set grade = 'odd'"))
        db.session.rollback()
