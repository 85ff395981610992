"""The feed back to the phone: everything it shows, in a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select

from app.cases import lists
from app.cases.showing import Reader
from app.core import clock
from app.core.extensions import db
from app.core.pipeline import Principal
from app.core.problems import catalogue
from app.evidence.models import Proof
from app.evidence.queries import answers_of, reviews_of
from app.notify.queries import unread_count
from app.patrols.models import CheckIn, Round, RoundStop, Route, StopSkip
from app.people.models import PhoneLog
from app.people.service import shift_covering
from app.people.shift_rules import MAX_LENGTH
from app.places.models import Checkpoint, Place
from app.sync.models import LogEntry

DECISIONS_FOR = timedelta(days=30)
REFUSED_FOR = timedelta(days=7)
MAX_REFUSED = 200


def read_feed(reader: Principal) -> dict[str, Any]:
    """What the phone of *reader* shows: their shift, rounds of yesterday to tomorrow, decisions of
    thirty days, refused entries of seven, and their cases."""
    now = clock.now()
    user_id, street_code = reader.user_id, reader.street_code
    shift = shift_covering(user_id, now)
    return {
        "server_time": now,
        "user_id": user_id,
        "shift": shift,
        "shift_max_hours": int(MAX_LENGTH / timedelta(hours=1)),
        "rounds": _rounds(user_id, now),
        "decisions": _decisions(user_id, street_code, now),
        "refused": _refused(user_id, now),
        "cases": lists.field_cases(
            Reader.of(reader), reader.scope("case.read"), reader.scope("case.verify"), now
        )
        | {"unread": unread_count(street_code, user_id)},
    }


def _rounds(user_id: UUID, now: datetime) -> list[dict[str, Any]]:
    today = now.astimezone(clock.SHANGHAI).date()
    rows = db.session.execute(
        select(Round, Route.name, Route.name_en, Place.name.label("place"), Place.name_en.label("place_en"))
        .join(Route, Route.id == Round.route_id)
        .join(Place, Place.code == Round.place_code)
        .where(
            Round.assignee_id == user_id,
            Round.on_day.between(today - timedelta(days=1), today + timedelta(days=1)),
        )
        .order_by(Round.window_starts_at, Round.id)
    ).all()
    stops = _stops([row.Round.id for row in rows])
    return [
        {
            "id": row.Round.id,
            "route_id": row.Round.route_id,
            "route_name": row.name,
            "route_name_en": row.name_en,
            "ordered": row.Round.ordered,
            "place_code": row.Round.place_code,
            "place_name": row.place,
            "place_name_en": row.place_en,
            "on_day": row.Round.on_day,
            "window_starts_at": row.Round.window_starts_at,
            "window_ends_at": row.Round.window_ends_at,
            "state": row.Round.state,
            "started_at": row.Round.started_at,
            "finished_at": row.Round.finished_at,
            "end_reason": row.Round.end_reason,
            "ended_automatically": row.Round.ended_automatically,
            "stops": stops[row.Round.id],
        }
        for row in rows
    ]


def _stops(rounds: Collection[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """The stops of each round in order, with visits and skips."""
    check_ins = _check_ins(rounds)
    skips = {
        (skip.round_id, skip.ordinal): skip  # the latest one wins
        for skip in db.session.scalars(
            select(StopSkip).where(StopSkip.round_id.in_(rounds)).order_by(StopSkip.captured_at, StopSkip.id)
        )
    }
    stops: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in db.session.execute(
        select(RoundStop.round_id, RoundStop.ordinal, Checkpoint)
        .join(Checkpoint, Checkpoint.id == RoundStop.checkpoint_id)
        .where(RoundStop.round_id.in_(rounds))
        .order_by(RoundStop.round_id, RoundStop.ordinal)
    ):
        key = (row.round_id, row.ordinal)
        stops[row.round_id].append(
            {
                "ordinal": row.ordinal,
                "checkpoint": row.Checkpoint,
                "check_ins": check_ins[key],
                "skip": skips.get(key),
            }
        )
    return stops


def _check_ins(rounds: Collection[UUID]) -> dict[tuple[UUID, int], list[Any]]:
    found: dict[tuple[UUID, int], list[Any]] = defaultdict(list)
    for row in db.session.execute(
        select(
            CheckIn.id,
            CheckIn.round_id,
            CheckIn.ordinal,
            CheckIn.captured_at,
            Proof.grade,
            Proof.reasons,
            Proof.review_state,
        )
        .join(Proof, and_(Proof.street_code == CheckIn.street_code, Proof.id == CheckIn.id))
        .where(CheckIn.round_id.in_(rounds))
        .order_by(CheckIn.captured_at, CheckIn.id)
    ):
        found[row.round_id, row.ordinal].append(row)
    return found


def _decisions(user_id: UUID, street_code: str, now: datetime) -> list[dict[str, Any]]:
    """The person's check-ins of the last days that were decided on, newest first."""
    proofs = db.session.execute(
        select(Proof, CheckIn.round_id, Checkpoint.name, Checkpoint.name_en)
        .join(CheckIn, and_(CheckIn.street_code == Proof.street_code, CheckIn.id == Proof.id))
        .join(RoundStop, and_(RoundStop.round_id == CheckIn.round_id, RoundStop.ordinal == CheckIn.ordinal))
        .join(Checkpoint, Checkpoint.id == RoundStop.checkpoint_id)
        .where(
            Proof.street_code == street_code,
            Proof.user_id == user_id,
            Proof.received_at >= now - DECISIONS_FOR,
            Proof.review_state.in_(("accepted", "rejected", "answered")),
        )
        .order_by(Proof.captured_at.desc(), Proof.id)
    ).all()
    ids = [row.Proof.id for row in proofs]
    reviews, answers = reviews_of(street_code, ids), answers_of(street_code, ids)
    return [
        {
            "proof_id": row.Proof.id,
            "round_id": row.round_id,
            "checkpoint_name": row.name,
            "checkpoint_name_en": row.name_en,
            "captured_at": row.Proof.captured_at,
            "grade": row.Proof.grade,
            "reasons": row.Proof.reasons,
            "review_state": row.Proof.review_state,
            "reviews": reviews[row.Proof.id],
            "answer": answers.get(row.Proof.id),
        }
        for row in proofs
    ]


def _refused(user_id: UUID, now: datetime) -> list[dict[str, Any]]:
    """The person's entries of the last days that could not be applied, newest first."""
    rows = db.session.execute(
        select(LogEntry.id, LogEntry.kind, LogEntry.problem, LogEntry.detail, LogEntry.received_at)
        .join(PhoneLog, PhoneLog.id == LogEntry.log_id)
        .where(
            PhoneLog.user_id == user_id,
            LogEntry.state == "refused",
            LogEntry.received_at >= now - REFUSED_FOR,
        )
        .order_by(LogEntry.received_at.desc(), LogEntry.seq.desc())
        .limit(MAX_REFUSED)
    )
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "problem": catalogue()[row.problem].uri,
            "detail": row.detail,
            "received_at": row.received_at,
        }
        for row in rows
    ]
