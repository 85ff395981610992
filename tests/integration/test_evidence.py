"""Evidence in the database: what surrounds a proof is found; tracks are kept on duty only; a doubtful
proof is decided, answered once and decided for good."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask_sqlalchemy.session import Session
from sqlalchemy import func, select
from sqlalchemy.orm import scoped_session

from app.core import clock, geo, problems
from app.core.entry import Entry, Held, Memory, Refused
from app.core.extensions import db
from app.core.ids import uuid7
from app.core.problems import Problem
from app.evidence import off_duty, rules, service
from app.evidence.models import Answer, LastPosition, Proof, Review, TrackFix, TrackGap
from app.evidence.rules import Expected
from app.patrols import service as patrols
from app.people.models import Shift, User
from tests import factories
from tests.factories import LAT, LON, Street

NOW = clock.now()
HERE = {"lat": LAT, "lon": LON, "acc": 8.0, "datum": "wgs84", "src": "gnss"}

Db = scoped_session[Session]


@pytest.fixture
def street(database: str) -> Street:
    return factories.make_street()


@pytest.fixture
def walker(street: Street) -> User:
    return factories.make_user("patroller", street.units[0])


def entry_of(user: User, kind: str, **changes: Any) -> Entry:
    base = Entry(
        id=uuid7(),
        log_id=UUID(int=1),
        device_id=UUID(int=2),
        user_id=user.id,
        street_code=user.street_code,
        seq=1,
        kind=kind,
        captured_at=NOW,
        received_at=NOW,
        skew_s=0.0,
        signature_ok=True,
        key_ok=True,
        chain_ok=True,
    )
    return replace(base, **changes)


def prove(user: User, fix: dict[str, Any] | None, memory: Memory | None = None, **changes: Any) -> Proof:
    entry = entry_of(user, "check_in", **changes)
    return service.record_proof(
        entry,
        {"at": entry.captured_at, **fix} if fix else None,
        subject_kind="check_in",
        place_code=f"{user.street_code}-G1",
        expected=Expected(LAT, LON, 30.0, NOW - timedelta(days=2), NOW + timedelta(days=2)),
        tag_state="none",
        on_duty=True,
        keep_position=True,
        memory=memory or Memory(),
    )


def test_a_good_proof_is_verified_and_keeps_what_was_claimed(walker: User, session: Db) -> None:
    lat, lon = geo.wgs84_to_gcj02(LAT, LON)
    proof = prove(walker, {**HERE, "lat": lat, "lon": lon, "datum": "gcj02"})
    assert (proof.grade, proof.reasons, proof.review_state) == ("verified", [], "none")
    assert (proof.lat, proof.lon, proof.datum) == (lat, lon, "gcj02")
    assert proof.distance_m is not None
    assert proof.distance_m < 0.5


def test_the_skew_of_the_phone_is_taken_from_every_time(walker: User, session: Db) -> None:
    proof = prove(walker, HERE, captured_at=NOW + timedelta(hours=3), skew_s=3 * 3600.0)
    assert proof.reasons == ["clock_skew"]
    assert proof.captured_at == proof.fixed_at == NOW


def test_a_jump_since_the_last_stored_check_in_is_seen(walker: User, session: Db) -> None:
    prove(walker, HERE, captured_at=NOW - timedelta(seconds=40))
    session.flush()
    far = prove(walker, {**HERE, "lat": LAT + 0.02})
    assert "impossible_speed" in far.reasons


def test_a_jump_inside_one_batch_is_seen_without_asking_the_database_again(walker: User, session: Db) -> None:
    memory = Memory()
    prove(walker, HERE, memory, captured_at=NOW - timedelta(seconds=40))
    assert "impossible_speed" in prove(walker, {**HERE, "lat": LAT + 0.02}, memory).reasons


def test_a_jump_since_the_last_track_position_is_seen(walker: User, session: Db, street: Street) -> None:
    shift = factories.make_shift(walker, street.units[0])
    body = {
        "shift": shift.id,
        "round": None,
        "fixes": [{**HERE, "lat": LAT - 0.02, "at": NOW - timedelta(seconds=30)}],
    }
    service.record_track(entry_of(walker, "track"), body, Memory())
    session.flush()
    assert prove(walker, HERE).reasons == ["impossible_speed"]


def test_exactly_the_same_coordinates_a_third_time_are_doubtful(walker: User, session: Db) -> None:
    for hours in (3, 2):
        assert prove(walker, HERE, captured_at=NOW - timedelta(hours=hours)).reasons == []
        session.flush()
    assert prove(walker, HERE).reasons == ["repeated_position"]


def test_somebody_else_on_duty_with_the_same_device_is_doubtful(
    walker: User, session: Db, street: Street
) -> None:
    other = factories.make_user("patroller", street.units[0])
    factories.make_shift(other, street.units[0], device_id=UUID(int=2))
    assert prove(walker, HERE).reasons == ["shared_device"]


def test_the_phone_handed_over_after_the_shift_is_no_doubt(walker: User, session: Db, street: Street) -> None:
    other = factories.make_user("patroller", street.units[0])
    factories.make_shift(
        other,
        street.units[0],
        device_id=UUID(int=2),
        started_at=NOW - timedelta(hours=9),
        ended_at=NOW - timedelta(minutes=1),
        end_kind="self",
    )
    assert prove(walker, HERE).reasons == []


def track_body(shift: Shift, *minutes_ago: float) -> dict[str, Any]:
    fixes = [{**HERE, "at": NOW - timedelta(minutes=minutes)} for minutes in minutes_ago]
    return {"shift": shift.id, "round": None, "fixes": fixes}


def test_only_positions_taken_on_duty_are_stored(walker: User, session: Db, street: Street) -> None:
    shift = factories.make_shift(walker, street.units[0], started_at=NOW - timedelta(minutes=30))
    applied = service.record_track(entry_of(walker, "track"), track_body(shift, 90, 20, 10), Memory())
    assert applied.keep_payload is False
    assert session.scalar(select(func.count()).select_from(TrackFix)) == 2


def test_positions_off_duty_are_refused_whole(walker: User, session: Db, street: Street) -> None:
    shift = factories.make_shift(
        walker, street.units[0], ended_at=NOW - timedelta(minutes=40), end_kind="self"
    )
    with pytest.raises(Refused) as refused:
        service.record_track(entry_of(walker, "track"), track_body(shift, 10), Memory())
    assert refused.value.kind is problems.OFF_DUTY
    assert session.scalar(select(func.count()).select_from(TrackFix)) == 0


def test_a_forgotten_shift_accepts_nothing_after_twelve_hours(
    walker: User, session: Db, street: Street
) -> None:
    shift = factories.make_shift(walker, street.units[0], started_at=NOW - timedelta(hours=13))
    with pytest.raises(Refused):
        service.record_track(entry_of(walker, "track"), track_body(shift, 10), Memory())


def test_a_track_waits_for_its_shift(walker: User, session: Db) -> None:
    missing = uuid7()
    with pytest.raises(Held) as held:
        service.record_track(
            entry_of(walker, "track"), {"shift": missing, "round": None, "fixes": []}, Memory()
        )
    assert held.value.waits_for == missing


def test_the_shift_of_another_person_takes_no_track(walker: User, session: Db, street: Street) -> None:
    other = factories.make_user("patroller", street.units[0])
    shift = factories.make_shift(other, street.units[0])
    with pytest.raises(Refused) as refused:
        service.record_track(entry_of(walker, "track"), track_body(shift, 10), Memory())
    assert refused.value.kind is problems.ENTRY_NOT_YOURS


def test_the_last_position_follows_device_time_and_goes_with_the_shift(
    walker: User, session: Db, street: Street
) -> None:
    shift = factories.make_shift(walker, street.units[0])
    for minutes in (5, 20, 2, 9):
        service.record_track(entry_of(walker, "track"), track_body(shift, minutes), Memory())
    assert session.scalar(select(LastPosition.fixed_at)) == NOW - timedelta(minutes=2)
    assert off_duty.forget_last_positions() == 0
    session.get_one(Shift, shift.id).ended_at = NOW
    session.flush()
    assert off_duty.forget_last_positions() == 1


def test_a_position_from_the_future_is_not_stored(walker: User, session: Db, street: Street) -> None:
    shift = factories.make_shift(walker, street.units[0])
    service.record_track(entry_of(walker, "track"), track_body(shift, -30, 3), Memory())
    assert session.scalars(select(TrackFix.fixed_at)).all() == [NOW - timedelta(minutes=3)]
    assert session.scalar(select(LastPosition.fixed_at)) == NOW - timedelta(minutes=3)


def test_a_gap_keeps_its_cause_and_cannot_end_before_it_starts(
    walker: User, session: Db, street: Street
) -> None:
    shift = factories.make_shift(walker, street.units[0])
    body = {
        "shift": shift.id,
        "round": None,
        "from_": NOW - timedelta(minutes=9),
        "to": NOW,
        "cause": "screen_off",
    }
    service.record_gap(entry_of(walker, "gap"), body, Memory())
    session.flush()
    assert session.scalar(select(TrackGap.cause)) == "screen_off"
    with pytest.raises(Refused):
        service.record_gap(entry_of(walker, "gap"), {**body, "to": NOW - timedelta(hours=1)}, Memory())


def decide(proof: Proof, by: User, decision: str = "rejected", **changes: Any) -> Proof:
    values: dict[str, Any] = {
        "street_code": proof.street_code,
        "proof_id": proof.id,
        "decision_id": uuid7(),
        "decision": decision,
        "note": "照片里看不到点位",
        "decided_by": by.id,
        "scope": frozenset({proof.place_code}),
    }
    return service.decide_review(**(values | changes))


def answer(proof: Proof, user: User) -> None:
    body = {"proof": proof.id, "text": "地下室没有信号"}
    service.answer_review(entry_of(user, "review_answered"), body, Memory())
    db.session.flush()


@pytest.fixture
def doubtful(walker: User, session: Db) -> Proof:
    proof = prove(walker, None)
    session.flush()
    return proof


@pytest.fixture
def supervisor(street: Street) -> User:
    return factories.make_user("supervisor", street.areas[0])


def test_decided_answered_decided_for_good(
    doubtful: Proof, walker: User, supervisor: User, session: Db
) -> None:
    assert decide(doubtful, supervisor).review_state == "rejected"
    answer(doubtful, walker)
    assert doubtful.review_state == "answered"
    assert decide(doubtful, supervisor, "accepted").review_state == "accepted"
    session.flush()
    assert session.scalars(select(Review.ordinal).order_by(Review.ordinal)).all() == [1, 2]
    with pytest.raises(Problem) as again:
        decide(doubtful, supervisor)
    assert again.value.kind is problems.CONFLICT
    with pytest.raises(Refused) as refused:
        answer(doubtful, walker)
    assert refused.value.kind is problems.ALREADY_ANSWERED


def test_an_answer_needs_a_decision_and_ones_own_proof(
    doubtful: Proof, walker: User, supervisor: User, session: Db
) -> None:
    with pytest.raises(Refused) as early:
        answer(doubtful, walker)
    assert early.value.kind is problems.NOTHING_TO_ANSWER
    decide(doubtful, supervisor)
    with pytest.raises(Refused) as foreign:
        answer(doubtful, supervisor)
    assert foreign.value.kind is problems.ENTRY_NOT_YOURS
    assert session.scalar(select(func.count()).select_from(Answer)) == 0


def test_the_same_decision_twice_is_one_and_its_id_serves_nothing_else(
    doubtful: Proof, supervisor: User, session: Db
) -> None:
    decision_id = uuid7()
    decide(doubtful, supervisor, decision_id=decision_id)
    session.flush()
    assert decide(doubtful, supervisor, decision_id=decision_id).review_state == "rejected"
    assert session.scalar(select(func.count()).select_from(Review)) == 1
    with pytest.raises(Problem) as other:
        decide(doubtful, supervisor, "accepted", decision_id=decision_id)
    assert other.value.kind is problems.ID_REUSED


def test_nobody_decides_out_of_scope_or_on_their_own(doubtful: Proof, walker: User, supervisor: User) -> None:
    with pytest.raises(Problem) as outside:
        decide(doubtful, supervisor, scope=frozenset({"310107990-G2"}))
    assert outside.value.kind is problems.NOT_FOUND
    with pytest.raises(Problem) as own:
        decide(doubtful, walker)
    assert own.value.kind is problems.FORBIDDEN


def test_a_verified_proof_has_nothing_to_decide(walker: User, supervisor: User, session: Db) -> None:
    proof = prove(walker, HERE)
    session.flush()
    with pytest.raises(Problem) as refused:
        decide(proof, supervisor)
    assert refused.value.kind is problems.CONFLICT


def test_two_supervisors_at_once_make_one_decision(
    app: Flask, walker: User, supervisor: User, street: Street
) -> None:
    other = factories.make_user("supervisor", street.areas[0])
    with app.app_context():
        proof = prove(walker, None)
        db.session.commit()
        db.session.refresh(proof)
        db.session.expunge(proof)
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def press(by: User, decision: str) -> None:
        with app.app_context():
            start.wait()
            try:
                decide(proof, by, decision)
                db.session.commit()
                outcomes.append("decided")
            except Problem as problem:
                db.session.rollback()
                outcomes.append(problem.kind.slug)

    threads = [
        threading.Thread(target=press, args=(supervisor, "accepted")),
        threading.Thread(target=press, args=(other, "rejected")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict", "decided"]


def test_the_rules_version_is_kept_with_the_proof(doubtful: Proof) -> None:
    assert doubtful.rules_version == rules.RULES_VERSION


def test_an_answer_that_is_not_signed_does_not_use_up_the_one_answer(
    doubtful: Proof, walker: User, supervisor: User, session: Db
) -> None:
    decide(doubtful, supervisor)
    body = {"proof": doubtful.id, "text": "不是本人写的"}
    for forged in ({"signature_ok": False}, {"key_ok": False}):
        with pytest.raises(Refused) as refused:
            service.answer_review(entry_of(walker, "review_answered", **forged), body, Memory())
        assert refused.value.kind is problems.ENTRY_NOT_SIGNED
    answer(doubtful, walker)
    assert doubtful.review_state == "answered"


def test_a_gap_is_kept_only_as_far_as_the_shift_goes(walker: User, session: Db, street: Street) -> None:
    shift = factories.make_shift(walker, street.units[0], started_at=NOW - timedelta(hours=1))
    body = {
        "shift": shift.id,
        "round": None,
        "from_": NOW - timedelta(days=40_000),
        "to": NOW + timedelta(days=40_000),
        "cause": "unknown",
    }
    service.record_gap(entry_of(walker, "gap"), body, Memory())
    session.flush()
    gap = session.scalars(select(TrackGap)).one()
    assert gap.started_at >= shift.started_at - timedelta(minutes=2)
    assert gap.ended_at <= NOW
    yesterday = {**body, "from_": NOW - timedelta(hours=30), "to": NOW - timedelta(hours=26)}
    with pytest.raises(Refused):
        service.record_gap(entry_of(walker, "gap"), yesterday, Memory())


def test_nobody_writes_into_the_round_of_another_person(walker: User, session: Db, street: Street) -> None:
    other = factories.make_user("patroller", street.units[0])
    shift = factories.make_shift(walker, street.units[0])
    foreign = factories.make_round(street, other, [factories.make_checkpoint(street)])
    own = factories.make_round(street, walker, [factories.make_checkpoint(street)])
    for named, kept in ((foreign.id, None), (uuid7(), None), (own.id, own.id)):
        body = track_body(shift, 5) | {"round": named}
        entry = entry_of(walker, "track")
        patrols.record_track(entry, body, Memory())
        gap = {"shift": shift.id, "round": named, "from_": NOW, "to": NOW, "cause": "no_signal"}
        gap_entry = entry_of(walker, "gap")
        patrols.record_gap(gap_entry, gap, Memory())
        session.flush()
        assert session.scalar(select(TrackFix.round_id).where(TrackFix.entry_id == entry.id)) == kept
        assert session.get_one(TrackGap, (street.code, gap_entry.id)).round_id == kept
