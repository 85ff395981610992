"""Reading patrols: what a plan may use, what a round has seen, routes and schedules."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select

from app.core.extensions import db
from app.patrols.models import CheckIn, RoundStop, Route, RouteStop, Schedule, StopSkip
from app.people.models import Post, User
from app.places.models import Checkpoint, Place, Tag


def usable_checkpoints(street_code: str, ids: Collection[UUID]) -> dict[UUID, tuple[str, str | None]]:
    """Unit and community of those *ids* that are checkpoints in use in the street."""
    rows = db.session.execute(
        select(Checkpoint.id, Checkpoint.unit_code, Checkpoint.community_code).where(
            Checkpoint.street_code == street_code, Checkpoint.active, Checkpoint.id.in_(ids)
        )
    )
    return {row.id: (row.unit_code, row.community_code) for row in rows}


def usable_stops(route_id: UUID) -> list[tuple[int, UUID]]:
    """(ordinal, checkpoint) of a route's stops whose checkpoint is in use, in order."""
    rows = db.session.execute(
        select(RouteStop.ordinal, RouteStop.checkpoint_id)
        .join(Checkpoint, Checkpoint.id == RouteStop.checkpoint_id)
        .where(RouteStop.route_id == route_id, Checkpoint.active)
        .order_by(RouteStop.ordinal)
    )
    return [(row.ordinal, row.checkpoint_id) for row in rows]


def is_eligible(user_id: UUID, route: Route, on_day: date) -> bool:
    """True where the person is active and a patroller at the route's place, or above it, on that day."""
    found = db.session.scalar(
        select(func.count())
        .select_from(Post)
        .join(User, User.id == Post.user_id)
        .join(Place, Place.code == route.place_code)
        .where(
            Post.user_id == user_id,
            Post.role == "patroller",
            Post.place_code == func.any(Place.path),
            or_(Post.starts_on.is_(None), Post.starts_on <= on_day),
            or_(Post.ends_on.is_(None), Post.ends_on >= on_day),
            User.active,
            User.street_code == route.street_code,
        )
    )
    return bool(found)


def tagged_checkpoints(street_code: str) -> frozenset[UUID]:
    """Checkpoints that have a tag in use."""
    live = select(Tag.checkpoint_id).where(Tag.street_code == street_code, Tag.revoked_at.is_(None))
    return frozenset(db.session.scalars(live.distinct()))


def stop_ordinals(round_id: UUID) -> set[int]:
    """Ordinals of a round's stops."""
    return set(db.session.scalars(select(RoundStop.ordinal).where(RoundStop.round_id == round_id)))


def touched_ordinals(model: type[CheckIn] | type[StopSkip], street_code: str, round_id: UUID) -> set[int]:
    """Ordinals of the stops of a round that have a row of *model*, stored or about to be.

    A batch of entries is written in one go at its end, so what came just before the round's end may
    still be waiting in the session.
    """
    waiting = {row.ordinal for row in db.session.new if isinstance(row, model) and row.round_id == round_id}
    stored = select(model.ordinal).where(model.street_code == street_code, model.round_id == round_id)
    return waiting | set(db.session.scalars(stored))


def routes_in(scope: Collection[str]) -> list[dict[str, Any]]:
    """Active routes at the places in *scope*, by name, with their checkpoints in order."""
    rows = db.session.execute(
        select(Route, Place.name, Place.name_en)
        .join(Place, Place.code == Route.place_code)
        .where(Route.place_code.in_(scope), Route.active)
        .order_by(Route.name, Route.id)
    ).all()
    return _with_checkpoints([(route, name, name_en) for route, name, name_en in rows])


def route_shape(route: Route) -> dict[str, Any]:
    """One route as it is read."""
    place = db.session.get_one(Place, route.place_code)
    return _with_checkpoints([(route, place.name, place.name_en)])[0]


def _with_checkpoints(found: list[tuple[Route, str, str]]) -> list[dict[str, Any]]:
    checkpoints: dict[UUID, list[UUID]] = {route.id: [] for route, _, _ in found}
    for route_id, checkpoint_id in db.session.execute(
        select(RouteStop.route_id, RouteStop.checkpoint_id)
        .where(RouteStop.route_id.in_(checkpoints))
        .order_by(RouteStop.route_id, RouteStop.ordinal)
    ):
        checkpoints[route_id].append(checkpoint_id)
    return [
        {
            "id": route.id,
            "name": route.name,
            "name_en": route.name_en,
            "place_code": route.place_code,
            "place_name": place_name,
            "place_name_en": place_name_en,
            "ordered": route.ordered,
            "active": route.active,
            "checkpoint_ids": checkpoints[route.id],
        }
        for route, place_name, place_name_en in found
    ]


_SCHEDULES = (
    select(Schedule, Route, User)
    .join(Route, Route.id == Schedule.route_id)
    .join(User, User.id == Schedule.assignee_id)
)


def schedules_in(scope: Collection[str]) -> list[dict[str, Any]]:
    """Running schedules of routes at the places in *scope*, by route and start."""
    rows = db.session.execute(
        _SCHEDULES.where(Route.place_code.in_(scope), Schedule.ended_at.is_(None)).order_by(
            Route.name, Schedule.starts_at_local, Schedule.id
        )
    ).all()
    return [_schedule(*row) for row in rows]


def schedule_shape(schedule_id: UUID) -> dict[str, Any]:
    """One schedule as it is read."""
    return _schedule(*db.session.execute(_SCHEDULES.where(Schedule.id == schedule_id)).one())


def _schedule(schedule: Schedule, route: Route, assignee: User) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "route_id": route.id,
        "route_name": route.name,
        "route_name_en": route.name_en,
        "place_code": route.place_code,
        "assignee": {
            "id": assignee.id,
            "display_name": assignee.display_name,
            "display_name_en": assignee.display_name_en,
        },
        "starts_at_local": schedule.starts_at_local,
        "recurrence": schedule.recurrence,
        "window_minutes": schedule.window_minutes,
        "ended_at": schedule.ended_at,
    }
