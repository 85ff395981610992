"""Storing evidence with its grade; tracks and gaps; decisions and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from geoalchemy2 import WKTElement
from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from app.core import clock, geo, problems
from app.core.entry import Applied, Entry, Memory, Refused
from app.core.extensions import db
from app.core.idempotency import fingerprint, same_or_conflict
from app.evidence import rules
from app.evidence.models import Answer, LastPosition, Proof, Review, TrackFix, TrackGap
from app.evidence.queries import Around, load_around
from app.evidence.rules import Circumstances, Expected, Grade, Sighting
from app.ledger import service as ledger
from app.people.models import Shift
from app.people.service import during, own_shift, shift_bounds


def record_proof(
    entry: Entry,
    fix: dict[str, Any] | None,
    *,
    subject_kind: str,
    place_code: str,
    expected: Expected,
    tag_state: str,
    on_duty: bool,
    keep_position: bool,
    memory: Memory,
) -> Proof:
    """Grade the claim of *entry* and add its proof to the session.

    Args:
        fix: as ``FixBody`` loaded it, or None where the phone had no position in time.
        on_duty: a shift of the person covers ``entry.at``.
        keep_position: False where the position was not taken on duty: it is graded, and its distance
            and accuracy stay as results, but where it was is neither stored nor compared with later.
        memory: of the request; one query for the whole batch.
    """
    result = judge(entry, fix, expected, tag_state=tag_state, on_duty=on_duty, memory=memory)
    sighting = _sighting(entry, fix)
    if sighting is not None and keep_position:
        _around(entry, memory).add(sighting)
    where = fix if keep_position else None
    proof = Proof(
        street_code=entry.street_code,
        id=entry.id,
        subject_kind=subject_kind,
        place_code=place_code,
        user_id=entry.user_id,
        log_id=entry.log_id,
        device_id=entry.device_id,
        captured_at=entry.at,
        fixed_at=sighting.fixed_at if sighting else None,
        received_at=entry.received_at,
        clock_skew_s=entry.skew_s,
        lat=where["lat"] if where else None,
        lon=where["lon"] if where else None,
        datum=where["datum"] if where else None,
        accuracy_m=fix["acc"] if fix else None,
        distance_m=result.distance_m,
        tag_state=tag_state,
        rules_version=rules.RULES_VERSION,
        grade=result.grade,
        reasons=list(result.reasons),
        review_state="pending" if result.reasons else "none",
    )
    db.session.add(proof)
    return proof


def judge(
    entry: Entry,
    fix: dict[str, Any] | None,
    expected: Expected,
    *,
    tag_state: str,
    on_duty: bool,
    memory: Memory,
) -> Grade:
    """Grade the claim of *entry* without storing anything; arguments as in :func:`record_proof`."""
    around = _around(entry, memory)
    return rules.grade(
        _sighting(entry, fix), expected, _circumstances(entry, around, tag_state, on_duty=on_duty)
    )


def _around(entry: Entry, memory: Memory) -> Around:
    key = f"evidence.around.{entry.user_id}.{entry.device_id}"
    around: Around | None = memory.kept.get(key)
    if around is None:
        around = memory.kept[key] = load_around(entry.user_id, entry.device_id, entry.at)
    return around


def _circumstances(entry: Entry, around: Around, tag_state: str, *, on_duty: bool) -> Circumstances:
    return Circumstances(
        at=entry.at,
        received_at=entry.received_at,
        skew_s=entry.skew_s,
        signature_ok=entry.signature_ok,
        key_ok=entry.key_ok,
        chain_ok=entry.chain_ok,
        on_duty=on_duty,
        shared_device=around.shared_at(entry.at),
        tag_state=tag_state,
        earlier=around.sightings,
    )


def _sighting(entry: Entry, fix: dict[str, Any] | None) -> Sighting | None:
    if fix is None:
        return None
    lat, lon = geo.to_wgs84(fix["lat"], fix["lon"], cast("geo.Datum", fix["datum"]))
    return Sighting(entry.corrected(fix["at"]), lat, lon, fix["acc"])


def record_track(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """Store the positions of *body* that were taken on duty.

    Raises:
        Held: the shift has not arrived.
        Refused: OFF_DUTY where none was taken on duty; nothing of it is stored then.
    """
    shift = own_shift(entry, body["shift"])
    taken = [(entry.corrected(fix["at"]), fix) for fix in body["fixes"]]
    newest = entry.received_at + rules.LIMITS.future_slack  # nobody has been where they will be
    on_duty = [(at, fix) for at, fix in taken if during(shift, at) and at <= newest]
    if not on_duty:
        raise Refused(problems.OFF_DUTY, "These positions were not taken during the shift.")
    db.session.execute(
        insert(TrackFix),
        [
            {
                "street_code": entry.street_code,
                "received_at": entry.received_at,
                "entry_id": entry.id,
                "ordinal": ordinal,
                "user_id": entry.user_id,
                "shift_id": shift.id,
                "round_id": body["round"],
                "fixed_at": at,
                "lat": fix["lat"],
                "lon": fix["lon"],
                "datum": fix["datum"],
                "accuracy_m": fix["acc"],
            }
            for ordinal, (at, fix) in enumerate(on_duty)
        ],
    )
    if shift.ended_at is None:
        _move_last_position(entry, shift, max(on_duty, key=lambda pair: pair[0]))
    ledger.record(
        "track.recorded",
        actor_id=entry.user_id,
        street_code=entry.street_code,
        place_code=shift.place_code,
        subject_kind="shift",
        subject_id=shift.id,
        data={"fixes": len(on_duty), "left_out": len(taken) - len(on_duty)},
    )
    return Applied(keep_payload=len(on_duty) == len(taken))


def _move_last_position(entry: Entry, shift: Shift, newest: tuple[datetime, dict[str, Any]]) -> None:
    at, fix = newest
    lat, lon = geo.to_wgs84(fix["lat"], fix["lon"], cast("geo.Datum", fix["datum"]))
    statement = upsert(LastPosition).values(
        street_code=entry.street_code,
        user_id=entry.user_id,
        shift_id=shift.id,
        fixed_at=at,
        accuracy_m=fix["acc"],
        position=WKTElement(f"POINT({lon} {lat})", srid=4326),
    )
    new = statement.excluded
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["street_code", "user_id"],
            set_={
                "shift_id": new.shift_id,
                "fixed_at": new.fixed_at,
                "accuracy_m": new.accuracy_m,
                "position": new.position,
            },
            where=LastPosition.fixed_at < new.fixed_at,
        )
    )


def record_gap(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """Store a stretch without positions and its cause.

    Raises:
        Held: the shift has not arrived.
        Refused: ENTRY_INVALID where it ends before it starts, or lies outside the shift.
    """
    shift = own_shift(entry, body["shift"])
    starts, ends = entry.corrected(body["from_"]), entry.corrected(body["to"])
    if ends < starts:
        raise Refused(problems.ENTRY_INVALID, "The gap ends before it starts.")
    # Only the part on duty says anything: off duty nobody is expected to be anywhere.
    opens, closes = shift_bounds(shift)
    starts, ends = max(starts, opens), min(ends, closes, entry.received_at)
    if ends < starts:
        raise Refused(problems.ENTRY_INVALID, "The gap lies outside the shift.")
    db.session.add(
        TrackGap(
            street_code=entry.street_code,
            id=entry.id,
            user_id=entry.user_id,
            shift_id=shift.id,
            round_id=body["round"],
            started_at=starts,
            ended_at=ends,
            cause=body["cause"],
        )
    )
    ledger.record(
        "gap.recorded",
        actor_id=entry.user_id,
        street_code=entry.street_code,
        place_code=shift.place_code,
        subject_kind="shift",
        subject_id=shift.id,
        data={"cause": body["cause"], "seconds": round((ends - starts).total_seconds())},
    )
    return Applied()


def _lock_proof(street_code: str, proof_id: UUID) -> Proof | None:
    statement = select(Proof).where(Proof.street_code == street_code, Proof.id == proof_id)
    return db.session.scalar(statement.with_for_update().execution_options(populate_existing=True))


def decide_review(
    *,
    street_code: str,
    proof_id: UUID,
    decision_id: UUID,
    decision: str,
    note: str,
    decided_by: UUID,
    scope: frozenset[str],
) -> Proof:
    """Accept or reject a doubtful proof, with a note.

    Args:
        decision_id: made by the console; the same again returns the stored result.
        scope: places where the decider may decide.

    Raises:
        Problem: NOT_FOUND (unknown or out of scope), FORBIDDEN (one's own), CONFLICT (nothing to
            decide now), ID_REUSED.
    """
    content = {"proof": proof_id, "decision": decision, "note": note, "by": decided_by}
    proof = _lock_proof(street_code, proof_id)
    if proof is None or proof.place_code not in scope:
        raise problems.Problem(problems.NOT_FOUND)
    stored = db.session.scalar(select(Review).where(Review.id == decision_id))
    if stored is not None:
        same_or_conflict(stored.fingerprint, content)
        return proof
    if proof.user_id == decided_by:
        raise problems.Problem(problems.FORBIDDEN, "Nobody decides on a check-in of their own.")
    step = rules.next_review(proof.review_state)
    if step is None:
        raise problems.Problem(problems.CONFLICT, "There is nothing to decide here now.")
    db.session.add(
        Review(
            street_code=street_code,
            proof_id=proof_id,
            ordinal=step.ordinal,
            id=decision_id,
            decision=decision,
            note=note,
            decided_by=decided_by,
            decided_at=clock.now(),
            fingerprint=fingerprint(content),
        )
    )
    proof.review_state = decision
    ledger.record(
        "review.decided",
        actor_id=decided_by,
        street_code=street_code,
        place_code=proof.place_code,
        subject_kind="proof",
        subject_id=proof_id,
        data={"decision": decision, "final": step.final, "user_id": str(proof.user_id)},
    )
    return proof


def answer_review(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """Store the worker's answer to a decision; it can be given once.

    Raises:
        Refused: NOTHING_TO_ANSWER, ALREADY_ANSWERED, ENTRY_NOT_YOURS, or ENTRY_NOT_SIGNED: the one
            answer is a person's word, and a word that somebody else may have put there must not use it up.
    """
    if not (entry.signature_ok and entry.key_ok):
        raise Refused(problems.ENTRY_NOT_SIGNED)
    proof = _lock_proof(entry.street_code, body["proof"])
    if proof is None:
        raise Refused(problems.NOTHING_TO_ANSWER)
    if proof.user_id != entry.user_id:
        raise Refused(problems.ENTRY_NOT_YOURS)
    key = (entry.street_code, proof.id)
    answered = db.session.get(Answer, key) is not None
    decisions = db.session.scalar(
        select(func.count()).where(Review.street_code == key[0], Review.proof_id == key[1])
    )
    if answered:
        raise Refused(problems.ALREADY_ANSWERED)
    if not rules.may_answer(proof.review_state, decisions or 0, answered):
        raise Refused(problems.NOTHING_TO_ANSWER)
    db.session.add(
        Answer(
            street_code=entry.street_code,
            proof_id=proof.id,
            entry_id=entry.id,
            text=body["text"],
            answered_at=entry.at,
            received_at=entry.received_at,
        )
    )
    proof.review_state = "answered"
    ledger.record(
        "review.answered",
        actor_id=entry.user_id,
        street_code=entry.street_code,
        place_code=proof.place_code,
        subject_kind="proof",
        subject_id=proof.id,
        data={"user_id": str(entry.user_id)},
    )
    return Applied()
