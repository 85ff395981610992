"""The board of a day and one round of it: a handful of set-based reads, whatever the number of rounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from geoalchemy2.functions import ST_X, ST_Y
from sqlalchemy import Row, Select, and_, func, select

from app.core import problems
from app.core.extensions import db
from app.evidence.models import LastPosition, Proof
from app.insights import rules
from app.patrols.models import CheckIn, Round, RoundStop, Route, StopSkip
from app.people.models import Shift, User
from app.places.models import Checkpoint, Place


def board(
    street_code: str, on: date, scope: frozenset[str], track_scope: frozenset[str], now: datetime
) -> dict[str, Any]:
    """Everything that the board of one day shows.

    Args:
        on: the day in Asia/Shanghai.
        scope: places whose rounds may be seen.
        track_scope: places whose people's positions may be seen; empty shows nobody.
    """
    rows = db.session.execute(
        _rounds()
        .where(Round.street_code == street_code, Round.on_day == on, Round.place_code.in_(scope))
        .order_by(Round.window_starts_at, Round.id)
    ).all()
    ids = [row.Round.id for row in rows]
    check_ins = _check_ins(street_code, ids)
    return {
        "on": on,
        "server_time": now,
        "rounds": _with_figures(street_code, rows, check_ins, now),
        "check_ins": [_board_check_in(row) for row in check_ins],
        "people": _people(street_code, track_scope),
    }


def find_round(round_id: UUID, street_code: str) -> Round:
    """The round.

    Raises:
        Problem: NOT_FOUND where the street has no such round.
    """
    found = db.session.get(Round, round_id)
    if found is None or found.street_code != street_code:
        raise problems.Problem(problems.NOT_FOUND)
    return found


def round_detail(round_id: UUID, street_code: str, now: datetime) -> dict[str, Any]:
    """One round as on the board, with its stops, their check-ins and skips."""
    rows = db.session.execute(_rounds().where(Round.id == round_id)).all()
    check_ins = _check_ins(street_code, [round_id])
    shown = _with_figures(street_code, rows, check_ins, now)[0]
    shown["on_day"] = rows[0].Round.on_day
    shown["ordered"] = rows[0].Round.ordered
    shown["stops"] = _stops(street_code, round_id, check_ins)
    return shown


def round_check_ins(round_id: UUID, street_code: str) -> list[dict[str, Any]]:
    """The check-ins of one round as the board shows them."""
    return [_board_check_in(row) for row in _check_ins(street_code, [round_id])]


def _rounds() -> Select[Round, Route, Place, User]:
    return (
        select(Round, Route, Place, User)
        .join(Route, Route.id == Round.route_id)
        .join(Place, Place.code == Round.place_code)
        .join(User, User.id == Round.assignee_id)
    )


def _check_ins(street_code: str, ids: Collection[UUID]) -> Sequence[Row[CheckIn, Proof, Checkpoint]]:
    if not ids:
        return []
    return db.session.execute(
        select(CheckIn, Proof, Checkpoint)
        .join(Proof, and_(Proof.street_code == CheckIn.street_code, Proof.id == CheckIn.id))
        .join(RoundStop, and_(RoundStop.round_id == CheckIn.round_id, RoundStop.ordinal == CheckIn.ordinal))
        .join(Checkpoint, Checkpoint.id == RoundStop.checkpoint_id)
        .where(CheckIn.street_code == street_code, CheckIn.round_id.in_(ids))
        .order_by(CheckIn.captured_at, CheckIn.id)
    ).all()


def _with_figures(
    street_code: str,
    rows: Sequence[Row[Round, Route, Place, User]],
    check_ins: Sequence[Row[CheckIn, Proof, Checkpoint]],
    now: datetime,
) -> list[dict[str, Any]]:
    ids = [row.Round.id for row in rows]
    if not ids:
        return []
    counted = db.session.execute(
        select(RoundStop.round_id, func.count().label("stops"))
        .where(RoundStop.round_id.in_(ids))
        .group_by(RoundStop.round_id)
    )
    totals: dict[UUID, int] = {row.round_id: row.stops for row in counted}
    visits: dict[UUID, list[rules.Visit]] = defaultdict(list)
    for row in check_ins:
        visits[row.CheckIn.round_id].append(
            rules.Visit(row.CheckIn.ordinal, row.Proof.grade, row.Proof.review_state)
        )
    skipped: dict[UUID, list[int]] = defaultdict(list)
    for skip in _skips(street_code, ids):
        skipped[skip.round_id].append(skip.ordinal)
    return [
        _board_round(
            row,
            totals.get(row.Round.id, 0),
            rules.figures(visits[row.Round.id], skipped[row.Round.id]),
            now,
        )
        for row in rows
    ]


def _skips(street_code: str, ids: Collection[UUID]) -> Sequence[StopSkip]:
    return db.session.scalars(
        select(StopSkip)
        .where(StopSkip.street_code == street_code, StopSkip.round_id.in_(ids))
        .order_by(StopSkip.captured_at, StopSkip.id)
    ).all()


def _board_round(
    row: Row[Round, Route, Place, User], stops_total: int, counted: rules.Figures, now: datetime
) -> dict[str, Any]:
    walked = row.Round
    return {
        "id": walked.id,
        "route_name": row.Route.name,
        "route_name_en": row.Route.name_en,
        "place_code": walked.place_code,
        "place_name": row.Place.name,
        "place_name_en": row.Place.name_en,
        "assignee": row.User,
        "window_starts_at": walked.window_starts_at,
        "window_ends_at": walked.window_ends_at,
        "state": walked.state,
        "started_at": walked.started_at,
        "finished_at": walked.finished_at,
        "end_reason": walked.end_reason,
        "ended_automatically": walked.ended_automatically,
        "missed_at": walked.missed_at,
        "late": rules.is_late(walked.window_ends_at, walked.finished_at, now),
        "stops_total": stops_total,
        "stops_visited": counted.stops_visited,
        "stops_skipped": counted.stops_skipped,
        "doubtful": counted.doubtful,
        "pending_reviews": counted.pending_reviews,
    }


def _board_check_in(row: Row[CheckIn, Proof, Checkpoint]) -> dict[str, Any]:
    return {
        "id": row.CheckIn.id,
        "round_id": row.CheckIn.round_id,
        "ordinal": row.CheckIn.ordinal,
        "checkpoint_id": row.Checkpoint.id,
        "checkpoint_name": row.Checkpoint.name,
        "checkpoint_name_en": row.Checkpoint.name_en,
        "lat": row.Checkpoint.lat,
        "lon": row.Checkpoint.lon,
        "captured_at": row.CheckIn.captured_at,
        "received_at": row.Proof.received_at,
        "grade": row.Proof.grade,
        "reasons": row.Proof.reasons,
        "review_state": row.Proof.review_state,
        "user_id": row.CheckIn.user_id,
    }


def _stops(
    street_code: str, round_id: UUID, check_ins: Sequence[Row[CheckIn, Proof, Checkpoint]]
) -> list[dict[str, Any]]:
    visits: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in check_ins:
        visits[row.CheckIn.ordinal].append(_stop_check_in(row.CheckIn, row.Proof))
    skips = {skip.ordinal: skip for skip in _skips(street_code, [round_id])}
    stops = db.session.execute(
        select(RoundStop.ordinal, Checkpoint)
        .join(Checkpoint, Checkpoint.id == RoundStop.checkpoint_id)
        .where(RoundStop.round_id == round_id)
        .order_by(RoundStop.ordinal)
    ).all()
    return [
        {
            "ordinal": ordinal,
            "checkpoint": checkpoint,
            "check_ins": visits[ordinal],
            "skip": skips.get(ordinal),
        }
        for ordinal, checkpoint in stops
    ]


def _stop_check_in(visit: CheckIn, proof: Proof) -> dict[str, Any]:
    age_s = None
    if proof.fixed_at is not None:
        age_s = (proof.captured_at - proof.fixed_at).total_seconds()
    return {
        "id": visit.id,
        "captured_at": visit.captured_at,
        "received_at": proof.received_at,
        "grade": proof.grade,
        "reasons": proof.reasons,
        "review_state": proof.review_state,
        "distance_m": proof.distance_m,
        "accuracy_m": proof.accuracy_m,
        "fix_age_s": age_s,
        "tag_state": proof.tag_state,
        "clock_skew_s": proof.clock_skew_s,
    }


def _people(street_code: str, scope: frozenset[str]) -> list[dict[str, Any]]:
    """Last known positions of people on duty at the places of *scope*."""
    if not scope:
        return []
    rows = db.session.execute(
        select(
            User,
            LastPosition.fixed_at,
            LastPosition.accuracy_m,
            Shift.started_at,
            ST_Y(LastPosition.position).label("lat"),
            ST_X(LastPosition.position).label("lon"),
        )
        .join(Shift, Shift.id == LastPosition.shift_id)
        .join(User, User.id == LastPosition.user_id)
        .where(
            LastPosition.street_code == street_code,
            Shift.ended_at.is_(None),
            Shift.place_code.in_(scope),
        )
        .order_by(User.username)
    ).all()
    return [
        {
            "user_id": row.User.id,
            "display_name": row.User.display_name,
            "display_name_en": row.User.display_name_en,
            "lat": row.lat,
            "lon": row.lon,
            "fixed_at": row.fixed_at,
            "accuracy_m": row.accuracy_m,
            "shift_started_at": row.started_at,
        }
        for row in rows
    ]
