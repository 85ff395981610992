"""A round goes the way the entries of a phone's log tell it, and says why where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, event, select, text

from app.core import problems
from app.core.entry import Applied, Entry, Held, Memory, Refused
from app.core.extensions import db
from app.core.ids import uuid7
from app.evidence.models import Proof
from app.ledger.models import LedgerRow
from app.patrols import schemas, service
from app.patrols.models import CheckIn, Round, StopSkip
from app.people.models import Shift, User
from app.places import service as places
from app.places.models import Checkpoint
from tests import factories

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass
class Walk:
    """One person on one round, and what their phone says."""

    app: Flask
    street: factories.Street
    walker: User
    shift: Shift
    checkpoints: list[Checkpoint]
    round: Round
    memory: Memory = field(default_factory=Memory)

    def entry(self, at: datetime, kind: str, **changes: Any) -> Entry:
        values: dict[str, Any] = {
            "id": uuid7(),
            "log_id": uuid7(),
            "device_id": self.shift.device_id,
            "user_id": self.walker.id,
            "street_code": self.street.code,
            "seq": 1,
            "kind": kind,
            "captured_at": at,
            "received_at": at + MINUTE,
            "skew_s": 0.0,
            "signature_ok": True,
            "key_ok": True,
            "chain_ok": True,
        }
        return Entry(**(values | changes))

    def _send(self, handler: Any, schema: Any, body: dict[str, Any], entry: Entry) -> Applied:
        loaded = schema().load({k: str(v) if isinstance(v, UUID) else v for k, v in body.items()})
        with self.app.app_context():
            with db.session.no_autoflush:
                applied: Applied = handler(entry, loaded, self.memory)
            db.session.commit()
            return applied

    def start(self, at: datetime = NOW, **changes: Any) -> Applied:
        body = {"round": self.round.id, "shift": self.shift.id} | changes
        return self._send(
            service.start_round, schemas.RoundStartedBody, body, self.entry(at, "round_started")
        )

    def finish(self, at: datetime = NOW, **changes: Any) -> Applied:
        body = {"round": self.round.id, "outcome": "complete"} | changes
        return self._send(
            service.finish_round, schemas.RoundFinishedBody, body, self.entry(at, "round_finished")
        )

    def check_in_body(self, stop: int, at: datetime, **changes: Any) -> dict[str, Any]:
        checkpoint = self.checkpoints[(stop - 1) % len(self.checkpoints)]
        # the receiver's noise: no two fixes of a real one are alike
        lat = checkpoint.lat + (at - NOW).total_seconds() * 1e-8
        fix = {
            "at": at.isoformat(),
            "lat": lat,
            "lon": checkpoint.lon,
            "acc": 8,
            "datum": "wgs84",
            "src": "gnss",
        }
        return {
            "round": self.round.id,
            "shift": self.shift.id,
            "stop": stop,
            "checkpoint": checkpoint.id,
            "fix": fix,
        } | changes

    def check_in(self, stop: int, at: datetime = NOW, **changes: Any) -> Applied:
        body = self.check_in_body(stop, at, **changes)
        return self._send(service.record_check_in, schemas.CheckInBody, body, self.entry(at, "check_in"))

    def skip(self, stop: int, at: datetime = NOW, **changes: Any) -> Applied:
        body = {"round": self.round.id, "shift": self.shift.id, "stop": stop, "reason": "locked"} | changes
        return self._send(service.skip_stop, schemas.StopSkippedBody, body, self.entry(at, "stop_skipped"))


@pytest.fixture
def walk(app: Flask) -> Walk:
    street = factories.make_street()
    walker = factories.make_user("patroller", street.units[0])
    checkpoints = [factories.make_checkpoint(street, lon=factories.LON + n * 1e-4) for n in range(3)]
    planned = factories.make_round(street, walker, checkpoints, window_starts_at=NOW - 60 * MINUTE)
    shift = factories.make_shift(walker, street.units[0], started_at=NOW - 30 * MINUTE)
    return Walk(app, street, walker, shift, checkpoints, planned)


def stored(owner_db: Connection, model: Any) -> list[Any]:
    return list(owner_db.execute(select(model)))


@contextmanager
def refused(kind: problems.ProblemType) -> Iterator[None]:
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.kind is kind


@contextmanager
def held(parent: UUID, missing: problems.ProblemType) -> Iterator[None]:
    with pytest.raises(Held) as caught:
        yield
    assert (caught.value.waits_for, caught.value.missing) == (parent, missing)


def test_a_round_is_walked_from_start_to_end(walk: Walk, owner_db: Connection) -> None:
    walk.start(NOW)
    for stop in (1, 2):
        assert walk.check_in(stop, NOW + stop * MINUTE) == Applied("verified", ())
    walk.skip(3, NOW + 3 * MINUTE)
    walk.finish(NOW + 4 * MINUTE)
    (row,) = stored(owner_db, Round)
    assert (row.state, row.started_at, row.finished_at) == ("finished", NOW, NOW + 4 * MINUTE)
    assert sorted(c.ordinal for c in stored(owner_db, CheckIn)) == [1, 2]
    assert {p.id for p in stored(owner_db, Proof)} == {c.id for c in stored(owner_db, CheckIn)}
    assert [s.reason for s in stored(owner_db, StopSkip)] == ["locked"]
    told = owner_db.execute(select(LedgerRow).order_by(LedgerRow.id)).all()
    assert [row.action for row in told] == [
        "round.started",
        "check_in.recorded",
        "check_in.recorded",
        "stop.skipped",
        "round.finished",
    ]
    assert {row.place_code for row in told} == {walk.street.units[0]}
    assert told[1].data == {
        "round_id": str(row.id),
        "ordinal": 1,
        "checkpoint_id": str(walk.checkpoints[0].id),
        "user_id": str(walk.walker.id),
        "captured_at": "2026-11-23T02:01:00.000Z",
        "grade": "verified",
        "reasons": [],
    }
    assert told[4].data == {"visited": 2, "skipped": 1, "stops": 3, "outcome": "complete"}


def test_a_missed_round_may_still_be_walked_and_stays_marked(walk: Walk, owner_db: Connection) -> None:
    late = NOW + 90 * MINUTE
    with walk.app.app_context():
        service.mark_missed(late)
        db.session.commit()
    walk.start(late)
    assert walk.check_in(1, late + MINUTE).reasons == ("out_of_window",)
    (row,) = stored(owner_db, Round)
    assert (row.state, row.missed_at, row.started_at) == ("started", late, late)


def test_started_twice_stays_as_it_was(walk: Walk, owner_db: Connection) -> None:
    walk.start(NOW)
    walk.start(NOW + 5 * MINUTE)
    (row,) = stored(owner_db, Round)
    assert row.started_at == NOW
    assert len(stored(owner_db, LedgerRow)) == 1


def test_a_complete_end_needs_every_stop_and_an_early_one_a_reason(walk: Walk, owner_db: Connection) -> None:
    walk.start()
    walk.check_in(2)
    with pytest.raises(Refused, match="Stops 1, 3 were neither visited nor skipped") as caught:
        walk.finish(NOW + MINUTE)
    assert caught.value.kind is problems.ENTRY_INVALID
    walk.finish(NOW + MINUTE, outcome="early", reason="暴雨")
    (row,) = stored(owner_db, Round)
    assert (row.state, row.end_reason) == ("ended_early", "暴雨")
    (fact,) = owner_db.execute(select(LedgerRow).where(LedgerRow.action == "round.finished"))
    assert "暴雨" not in str(fact.data)


@pytest.mark.parametrize(
    ("schema", "change"),
    [
        (schemas.RoundFinishedBody, {"outcome": "early"}),
        (schemas.RoundFinishedBody, {"outcome": "early", "reason": " x "}),
        (schemas.RoundFinishedBody, {"outcome": "late"}),
        (schemas.StopSkippedBody, {"reason": "other"}),
        (schemas.StopSkippedBody, {"reason": "tired"}),
        (schemas.StopSkippedBody, {"stop": 0}),
        (schemas.StopSkippedBody, {"stop": 1.5}),
        (schemas.StopSkippedBody, {"stop": "1"}),
        (schemas.CheckInBody, {"stop": 2**70}),
        (schemas.CheckInBody, {"note": "a\x00b"}),
        (schemas.CheckInBody, {"fix": {}}),
        (schemas.CheckInBody, {"more": 1}),
        (schemas.RoundStartedBody, {"round": "1"}),
    ],
)
def test_bodies_that_do_not_hold_are_refused(schema: Any, change: dict[str, Any]) -> None:
    good: dict[str, Any] = {"round": str(uuid7()), "shift": str(uuid7()), "stop": 1, "fix": None}
    good |= {"checkpoint": str(uuid7()), "outcome": "complete", "reason": "locked"}
    if schema is schemas.CheckInBody:
        good.pop("reason")
    body = {k: v for k, v in good.items() if k in schema().fields} | {}
    schema().load(body)
    if schema is schemas.RoundFinishedBody:
        body.pop("reason")
    assert schema().validate(body | change)


def test_what_happens_before_the_start_arrives_waits_for_it(walk: Walk, owner_db: Connection) -> None:
    for act in (lambda: walk.check_in(1), lambda: walk.skip(1), walk.finish):
        with held(walk.round.id, problems.NO_SUCH_ROUND):
            act()
    assert stored(owner_db, CheckIn) == stored(owner_db, Proof) == []
    walk.start()
    walk.check_in(1)


def test_an_unknown_shift_is_waited_for(walk: Walk) -> None:
    unknown = uuid7()
    with held(unknown, problems.NO_SUCH_SHIFT):
        walk.start(shift=unknown)
    walk.start()
    with held(unknown, problems.NO_SUCH_SHIFT):
        walk.check_in(1, shift=unknown)


def test_other_peoples_rounds_and_shifts_are_refused(walk: Walk, owner_db: Connection) -> None:
    other = factories.make_user("patroller", walk.street.units[0])
    theirs = factories.make_round(walk.street, other, walk.checkpoints)
    their_shift = factories.make_shift(other, walk.street.units[0])
    for round_id in (theirs.id, uuid7()):
        with refused(problems.NO_SUCH_ROUND):
            walk.start(round=round_id)
        with refused(problems.NO_SUCH_ROUND):
            walk.check_in(1, round=round_id)
        with refused(problems.NO_SUCH_ROUND):
            walk.finish(round=round_id)
    with refused(problems.ENTRY_NOT_YOURS):
        walk.start(shift=their_shift.id)
    walk.start()
    with refused(problems.ENTRY_NOT_YOURS):
        walk.check_in(1, shift=their_shift.id)


def test_a_stop_must_be_one_of_the_round_with_its_checkpoint(walk: Walk) -> None:
    walk.start()
    with refused(problems.NO_SUCH_STOP):
        walk.check_in(4)
    with refused(problems.NO_SUCH_STOP):
        walk.check_in(1, checkpoint=walk.checkpoints[1].id)
    with refused(problems.NO_SUCH_STOP):
        walk.skip(99)


def test_after_the_end_only_what_was_done_before_it_counts(walk: Walk, owner_db: Connection) -> None:
    walk.start()
    walk.finish(NOW + 10 * MINUTE, outcome="early", reason="身体不适")
    walk.check_in(1, NOW + 5 * MINUTE)
    walk.skip(2, NOW + 6 * MINUTE)
    for act in (walk.check_in, walk.skip):
        with refused(problems.ROUND_CLOSED):
            act(1, NOW + 20 * MINUTE)
    with refused(problems.ROUND_CLOSED):
        walk.finish(NOW + 20 * MINUTE)
    with refused(problems.ROUND_CLOSED):
        walk.start(NOW + 20 * MINUTE)
    assert len(stored(owner_db, CheckIn)) == len(stored(owner_db, StopSkip)) == 1


def test_every_visit_is_kept_in_any_order(walk: Walk, owner_db: Connection) -> None:
    walk.start()
    for minute, stop in enumerate((3, 1, 1, 2), start=1):
        assert walk.check_in(stop, NOW + minute * MINUTE).grade == "verified"
    assert len(stored(owner_db, CheckIn)) == 4


def test_a_check_in_off_duty_is_kept_with_its_doubt(walk: Walk) -> None:
    walk.start()
    assert walk.check_in(1, NOW - 40 * MINUTE).reasons == ("off_duty",)


def test_a_tag_is_missed_only_where_there_is_no_sky_and_a_tag(walk: Walk, owner_db: Connection) -> None:
    lift = walk.checkpoints[0].id
    owner_db.execute(text("update checkpoint set kind = 'lift' where id = :id"), {"id": lift})
    walk.start()
    assert walk.check_in(1, NOW + MINUTE).grade == "verified"
    with walk.app.app_context():
        tags = places.issue_tags(
            uuid7(),
            place_code=walk.street.code,
            checkpoint_ids=None,
            lang="zh",
            street_code=walk.street.code,
            scope=frozenset({walk.street.code, *walk.street.units}),
            actor_id=uuid7(),
            now=NOW,
        )
        tokens = {tag.checkpoint.id: tag.token for tag in tags}
        db.session.commit()
    walk.memory = Memory()  # the next request
    assert walk.check_in(1, NOW + 2 * MINUTE).reasons == ("missing_tag",)
    assert walk.check_in(1, NOW + 3 * MINUTE, tag=tokens[lift]).grade == "verified"
    assert walk.check_in(2, NOW + 4 * MINUTE).grade == "verified"
    assert walk.check_in(2, NOW + 5 * MINUTE, tag=tokens[lift]).reasons == ("wrong_tag",)
    assert walk.check_in(2, NOW + 6 * MINUTE, tag="https://example.org/free").reasons == ("wrong_tag",)


def test_what_waits_in_the_session_counts_for_a_complete_end(walk: Walk) -> None:
    walk.start()
    with walk.app.app_context(), db.session.no_autoflush:
        for stop in (1, 2, 3):
            at = NOW + stop * MINUTE
            body = walk.check_in_body(stop, at)
            loaded = schemas.CheckInBody().load(
                {k: str(v) if isinstance(v, UUID) else v for k, v in body.items()}
            )
            service.record_check_in(walk.entry(at, "check_in"), loaded, walk.memory)
        ended = {"round": walk.round.id, "outcome": "complete", "reason": None}
        service.finish_round(walk.entry(NOW + 5 * MINUTE, "round_finished"), ended, walk.memory)
        db.session.commit()
        assert db.session.get_one(Round, walk.round.id).state == "finished"


def test_further_check_ins_of_a_batch_ask_the_database_nothing(walk: Walk) -> None:
    walk.start()
    asked: list[str] = []
    with walk.app.app_context(), db.session.no_autoflush:
        kept: list[Any] = [db.session.get(Round, walk.round.id), db.session.get(Shift, walk.shift.id)]
        kept += [db.session.get(Checkpoint, c.id) for c in walk.checkpoints]
        loads = [
            schemas.CheckInBody().load(
                {
                    k: str(v) if isinstance(v, UUID) else v
                    for k, v in walk.check_in_body(stop, NOW + stop * MINUTE).items()
                }
            )
            for stop in (1, 1, 1)
        ]
        service.record_check_in(walk.entry(NOW + MINUTE, "check_in"), loads[0], walk.memory)
        kept.append(db.session.get(service.RoundStop, (walk.round.id, 1)))

        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            asked.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            for loaded in loads[1:]:
                service.record_check_in(walk.entry(NOW + 2 * MINUTE, "check_in"), loaded, walk.memory)
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
        db.session.rollback()
        assert len(kept) == 6
    assert asked == []
