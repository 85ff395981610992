"""What a person does on a round, as the entries of their phone's log tell it; and the package's front.

The handlers look rows up by key (the intake has loaded those of a batch beforehand) and add to the
session; they neither flush nor commit. Starting and finishing lock the round, because the worker may be
noting it as missed at the same moment.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update

from app.core import problems
from app.core.entry import Applied, Entry, Held, Memory, Refused
from app.core.extensions import db
from app.core.fields import wire_time
from app.evidence import service as evidence
from app.evidence.rules import Expected
from app.ledger import service as ledger
from app.patrols import rules
from app.patrols.forgotten import close_forgotten_rounds
from app.patrols.models import CheckIn, Round, RoundStop, StopSkip
from app.patrols.planning import (
    Planner,
    create_route,
    create_schedule,
    end_route,
    end_schedule,
    generate_rounds,
    mark_missed,
)
from app.patrols.queries import stop_ordinals, tagged_checkpoints, touched_ordinals
from app.patrols.rules import Standing, Verdict
from app.people.models import Shift
from app.people.service import during, own_shift, taken_on_duty
from app.places import service as places
from app.places.models import Checkpoint

__all__ = [
    "Planner",
    "close_forgotten_rounds",
    "create_route",
    "create_schedule",
    "end_route",
    "end_schedule",
    "finish_round",
    "generate_rounds",
    "mark_missed",
    "record_check_in",
    "record_gap",
    "record_track",
    "skip_stop",
    "start_round",
]

_TAGGED = "patrols.tagged_checkpoints"


def start_round(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """A round begins; one that was missed may still be walked, one that is started stays as it is.

    Raises:
        Held: the shift has not arrived.
        Refused: NO_SUCH_ROUND, ENTRY_NOT_YOURS, ROUND_CLOSED.
    """
    walked = _round_of(entry, body["round"], lock=True)
    shift = own_shift(entry, body["shift"])
    verdict = rules.start(_standing(walked), entry.at)
    if verdict is Verdict.CLOSED:
        raise Refused(problems.ROUND_CLOSED)
    if verdict is Verdict.APPLY:
        was_missed = walked.state == "missed"
        walked.state = "started"
        walked.started_at = min(entry.at, entry.received_at)
        _tell("round.started", entry, walked, {"shift_id": str(body["shift"]), "was_missed": was_missed})
    return Applied(keep_payload=taken_on_duty(entry, body["fix"], shift))


def finish_round(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """A round is over: complete, where every stop was visited or skipped, or early with a reason.

    Where the worker has ended it in the meantime, this corrects when and how.

    Raises:
        Held: the round's start has not arrived.
        Refused: NO_SUCH_ROUND, ROUND_CLOSED, ENTRY_INVALID (complete, with stops left untouched).
    """
    walked = _round_of(entry, body["round"], lock=True)
    verdict = rules.finish(_standing(walked))
    if verdict is Verdict.WAIT:
        raise Held(walked.id, problems.NO_SUCH_ROUND)
    if verdict is Verdict.CLOSED:
        raise Refused(problems.ROUND_CLOSED)
    visited = touched_ordinals(CheckIn, entry.street_code, walked.id)
    skipped = touched_ordinals(StopSkip, entry.street_code, walked.id)
    stops = stop_ordinals(walked.id)
    left = rules.untouched(stops, visited, skipped)
    early = body["outcome"] == "early"
    if left and not early:
        listed = ", ".join(map(str, left))
        raise Refused(
            problems.ENTRY_INVALID,
            f"Stops {listed} were neither visited nor skipped; end the round early and say why.",
        )
    corrected = {"was_automatic": True} if walked.ended_automatically else {}
    walked.state, walked.closed_by = "ended_early" if early else "finished", "phone"
    finished_at = min(entry.at, entry.received_at)
    walked.finished_at = max(finished_at, walked.started_at or finished_at)
    walked.end_reason = body["reason"]
    covered = rules.coverage(stops, visited, skipped)
    facts = {"visited": covered.visited, "skipped": covered.skipped, "stops": covered.total}
    _tell("round.finished", entry, walked, facts | {"outcome": body["outcome"]} | corrected)
    return Applied()


def record_check_in(entry: Entry, body: dict[str, Any], memory: Memory) -> Applied:
    """A visit to a stop, graded. Every visit is kept, in whatever order and however often; a position
    that was not taken on duty is graded, but not kept.

    Raises:
        Held: the shift, or the round's start, has not arrived.
        Refused: NO_SUCH_ROUND, ENTRY_NOT_YOURS, NO_SUCH_STOP, ROUND_CLOSED (captured after its end).
    """
    walked, shift, stop = _visit(entry, body)
    checkpoint = db.session.get_one(Checkpoint, stop.checkpoint_id)
    on_duty = during(shift, entry.at)
    keep_position = body["fix"] is None or (on_duty and taken_on_duty(entry, body["fix"], shift))
    proof = evidence.record_proof(
        entry,
        body["fix"],
        subject_kind="check_in",
        place_code=walked.place_code,
        expected=Expected(
            lat=checkpoint.lat,
            lon=checkpoint.lon,
            radius_m=checkpoint.radius_m,
            window_starts_at=walked.window_starts_at,
            window_ends_at=walked.window_ends_at,
            tag_required=_tag_required(checkpoint, memory),
        ),
        tag_state=places.tag_state(body["tag"], checkpoint.id, entry.street_code) if body["tag"] else "none",
        on_duty=on_duty,
        keep_position=keep_position,
        memory=memory,
    )
    db.session.add(
        CheckIn(
            street_code=entry.street_code,
            id=entry.id,
            round_id=walked.id,
            ordinal=stop.ordinal,
            user_id=entry.user_id,
            note=body["note"],
            captured_at=entry.at,
        )
    )
    facts = _stop_facts(entry, walked, stop) | {"grade": proof.grade, "reasons": proof.reasons}
    _tell("check_in.recorded", entry, walked, facts, ("check_in", entry.id))
    return Applied(proof.grade, tuple(proof.reasons), keep_payload=keep_position)


def skip_stop(entry: Entry, body: dict[str, Any], _memory: Memory) -> Applied:
    """A stop is passed over, with the reason. A visit before or after it outweighs it.

    Raises:
        Held, Refused: as for a check-in.
    """
    walked, _, stop = _visit(entry, body)
    db.session.add(
        StopSkip(
            street_code=entry.street_code,
            id=entry.id,
            round_id=walked.id,
            ordinal=stop.ordinal,
            reason=body["reason"],
            text=body["text"],
            captured_at=entry.at,
        )
    )
    facts = _stop_facts(entry, walked, stop) | {"reason": body["reason"]}
    _tell("stop.skipped", entry, walked, facts)
    return Applied()


def record_track(entry: Entry, body: dict[str, Any], memory: Memory) -> Applied:
    """Positions of a shift, and of the person's round where they name one.

    Raises:
        Held, Refused: as :func:`app.evidence.service.record_track`.
    """
    return evidence.record_track(entry, body | {"round": _own_round_id(entry, body["round"])}, memory)


def record_gap(entry: Entry, body: dict[str, Any], memory: Memory) -> Applied:
    """A stretch of a shift without positions, and of the person's round where it names one.

    Raises:
        Held, Refused: as :func:`app.evidence.service.record_gap`.
    """
    return evidence.record_gap(entry, body | {"round": _own_round_id(entry, body["round"])}, memory)


def _own_round_id(entry: Entry, round_id: UUID | None) -> UUID | None:
    """*round_id* where that round is the person's own.

    Otherwise None: what was recorded belongs to the shift in any case (a round may have been called
    off meanwhile), and never to somebody else's round.
    """
    found = db.session.get(Round, round_id) if round_id else None
    mine = found is not None and (found.street_code, found.assignee_id) == (entry.street_code, entry.user_id)
    return round_id if mine else None


def _visit(entry: Entry, body: dict[str, Any]) -> tuple[Round, Shift, RoundStop]:
    walked = _round_of(entry, body["round"])
    shift = own_shift(entry, body["shift"])
    stop = db.session.get(RoundStop, (walked.id, body["stop"]))
    if stop is None or stop.checkpoint_id != body.get("checkpoint", stop.checkpoint_id):
        raise Refused(problems.NO_SUCH_STOP)
    verdict = rules.visit(_standing(walked), entry.at)
    if verdict is Verdict.WAIT:
        raise Held(walked.id, problems.NO_SUCH_ROUND)
    if verdict is Verdict.CLOSED:
        raise Refused(problems.ROUND_CLOSED)
    if walked.ended_automatically:
        _move_automatic_end(walked, min(entry.at, entry.received_at))
    return walked, shift, stop


def _move_automatic_end(walked: Round, at: datetime) -> None:
    """A stop was touched after the end that the worker could know of. Rare, so it may ask the database;
    done there, because the phone's own end may arrive from another device at the same moment."""
    db.session.execute(
        update(Round)
        .where(Round.id == walked.id, Round.closed_by == "worker", Round.finished_at < at)
        .values(finished_at=at)
        .execution_options(synchronize_session=False)
    )


def _standing(walked: Round) -> Standing:
    return Standing(walked.state, walked.finished_at, walked.closed_by)


def _round_of(entry: Entry, round_id: UUID, *, lock: bool = False) -> Round:
    """The person's round. The server makes the rounds, so one that it does not know will never arrive."""
    found = db.session.get(Round, round_id, with_for_update=lock or None, populate_existing=lock)
    if found is None or found.street_code != entry.street_code or found.assignee_id != entry.user_id:
        raise Refused(problems.NO_SUCH_ROUND)
    return found


def _tag_required(checkpoint: Checkpoint, memory: Memory) -> bool:
    if checkpoint.kind not in rules.SKYLESS_KINDS:
        return False
    tagged = memory.kept.get(_TAGGED)
    if tagged is None:
        tagged = memory.kept[_TAGGED] = tagged_checkpoints(checkpoint.street_code)
    return rules.tag_required(checkpoint.kind, checkpoint.id in tagged)


def _stop_facts(entry: Entry, walked: Round, stop: RoundStop) -> dict[str, Any]:
    return {
        "round_id": str(walked.id),
        "ordinal": stop.ordinal,
        "checkpoint_id": str(stop.checkpoint_id),
        "user_id": str(entry.user_id),
        "captured_at": wire_time(entry.at),
    }


def _tell(
    action: str,
    entry: Entry,
    walked: Round,
    data: dict[str, Any],
    subject: tuple[str, UUID] | None = None,
) -> None:
    """Write a ledger row about the round, or about another *subject* (kind and id) of it."""
    kind, subject_id = subject or ("round", walked.id)
    ledger.record(
        action,
        actor_id=entry.user_id,
        street_code=entry.street_code,
        place_code=walked.place_code,
        subject_kind=kind,
        subject_id=subject_id,
        data=data,
    )
