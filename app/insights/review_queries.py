"""The review queue: doubtful check-ins that wait for a supervisor, and those that are decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, Select, and_, select

from app.core import geo, problems
from app.core.extensions import db
from app.core.pages import decode_cursor, encode_cursor
from app.evidence.models import Answer, Proof
from app.evidence.queries import answers_of, reviews_of
from app.patrols.models import CheckIn, Round, RoundStop, Route
from app.people.models import User
from app.places.models import Checkpoint

_STATES = {"open": ("pending", "answered"), "decided": ("accepted", "rejected")}

_Item = Row[Proof, Checkpoint, Round, Route, User]


def queue_page(
    street_code: str, scope: frozenset[str], *, state: str, cursor: str | None, limit: int
) -> dict[str, Any]:
    """One page of the queue: open ones oldest first, decided ones newest first.

    Args:
        state: ``open`` (to be decided, for the first or second time) or ``decided``.
        cursor: ``next_cursor`` of the page before.

    Raises:
        Problem: BAD_REQUEST where the cursor is not one of ours.
    """
    asked = _items().where(
        Proof.street_code == street_code,
        Proof.review_state.in_(_STATES[state]),
        Proof.place_code.in_(scope),
    )
    asked = asked.order_by(Proof.id if state == "open" else Proof.id.desc())
    if cursor is not None:
        last = _cursor_id(cursor)
        asked = asked.where(Proof.id > last if state == "open" else Proof.id < last)
    rows = db.session.execute(asked.limit(limit + 1)).all()
    page = rows[:limit]
    more = len(rows) > limit
    return {
        "items": _shown(street_code, page),
        "next_cursor": encode_cursor(str(page[-1].Proof.id)) if more else None,
    }


def item(street_code: str, proof_id: UUID) -> dict[str, Any]:
    """One doubtful check-in as the queue shows it."""
    rows = db.session.execute(_items().where(Proof.street_code == street_code, Proof.id == proof_id)).all()
    return _shown(street_code, rows)[0]


def _cursor_id(cursor: str) -> UUID:
    try:
        return UUID(str(decode_cursor(cursor, 1)[0]))
    except ValueError as error:
        raise problems.Problem(problems.BAD_REQUEST, "The page cursor is not valid.") from error


def _items() -> Select[Proof, Checkpoint, Round, Route, User]:
    return (
        select(Proof, Checkpoint, Round, Route, User)
        .join(CheckIn, and_(CheckIn.street_code == Proof.street_code, CheckIn.id == Proof.id))
        .join(Round, Round.id == CheckIn.round_id)
        .join(Route, Route.id == Round.route_id)
        .join(RoundStop, and_(RoundStop.round_id == Round.id, RoundStop.ordinal == CheckIn.ordinal))
        .join(Checkpoint, Checkpoint.id == RoundStop.checkpoint_id)
        .join(User, User.id == Proof.user_id)
    )


def _shown(street_code: str, rows: Sequence[_Item]) -> list[dict[str, Any]]:
    ids = [row.Proof.id for row in rows]
    reviews = reviews_of(street_code, ids)
    answers = answers_of(street_code, ids)
    return [_one(row, reviews[row.Proof.id], answers.get(row.Proof.id)) for row in rows]


def _one(row: _Item, reviews: list[dict[str, Any]], answer: Answer | None) -> dict[str, Any]:
    proof = row.Proof
    lat, lon = proof.lat, proof.lon
    if lat is not None and lon is not None:
        lat, lon = geo.to_wgs84(lat, lon, cast(geo.Datum, proof.datum))
    return {
        "proof_id": proof.id,
        "grade": proof.grade,
        "reasons": proof.reasons,
        "review_state": proof.review_state,
        "captured_at": proof.captured_at,
        "received_at": proof.received_at,
        "fixed_at": proof.fixed_at,
        "distance_m": proof.distance_m,
        "accuracy_m": proof.accuracy_m,
        "clock_skew_s": proof.clock_skew_s,
        "tag_state": proof.tag_state,
        "lat": lat,
        "lon": lon,
        "checkpoint": row.Checkpoint,
        "round": {
            "id": row.Round.id,
            "route_name": row.Route.name,
            "route_name_en": row.Route.name_en,
            "on_day": row.Round.on_day,
        },
        "user": row.User,
        "reviews": reviews,
        "answer": answer,
    }
