"""Plans: routes and schedules are made and ended, rounds are generated from them, windows are missed.

Rounds are generated exactly once, however many workers run and whenever one is killed: a schedule
remembers up to which moment its rounds exist, is locked while that moment is moved, and moves it in the
same transaction as the rounds, their stops and their ledger rows. The unique key on (schedule, window)
holds even where that were to fail.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_or_skip

from app.core import problems
from app.core.clock import SHANGHAI
from app.core.extensions import db
from app.core.fields import wire_time
from app.core.idempotency import fingerprint, same_or_conflict
from app.core.ids import uuid7
from app.ledger import service as ledger
from app.patrols import recurrence
from app.patrols.models import Round, RoundStop, Route, RouteStop, Schedule
from app.patrols.queries import is_eligible, usable_checkpoints, usable_stops

log = logging.getLogger(__name__)

AHEAD = timedelta(days=7)
STRIDE = timedelta(days=31)  # so much is made up for at once after a long stand-still
BATCH = 100


@dataclass(frozen=True, slots=True)
class Planner:
    """Who plans: a signed-in person, the worker or a command.

    Attributes:
        scope: codes of the places where they may.
    """

    actor_id: UUID | None
    street_code: str
    scope: frozenset[str]
    actor_kind: str = "user"

    def require(self, place_code: str) -> None:
        """Raise FORBIDDEN unless *place_code* is in scope."""
        if place_code not in self.scope:
            raise problems.Problem(problems.FORBIDDEN, f"route.manage is not yours at {place_code}")


def _invalid(field: str, reason: str) -> problems.Problem:
    return problems.Problem(problems.INVALID, errors={"json": {field: [reason]}})


def create_route(data: dict[str, Any], planner: Planner, now: datetime) -> Route:
    """Create a route from a loaded ``RouteBody``; the same again returns the stored one.

    Raises:
        Problem: FORBIDDEN (place or a checkpoint out of scope), INVALID (unknown or inactive
            checkpoint), ID_REUSED.
    """
    planner.require(data["place_code"])
    content = data | {"street_code": planner.street_code}
    stored = db.session.get(Route, data["id"])
    if stored is not None:
        same_or_conflict(stored.fingerprint, content)
        return stored
    _check_checkpoints(data["checkpoint_ids"], planner)
    row = {k: data[k] for k in ("id", "place_code", "name", "name_en", "ordered")}
    row |= {"street_code": planner.street_code, "active": True, "created_at": now}
    made = db.session.scalar(
        insert_or_skip(Route)
        .values(row | {"fingerprint": fingerprint(content)})
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(Route.id)
    )
    route = db.session.get_one(Route, data["id"])
    if made is None:  # another request with this id was quicker
        same_or_conflict(route.fingerprint, content)
        return route
    stops = [
        {"route_id": route.id, "ordinal": ordinal, "checkpoint_id": checkpoint_id}
        for ordinal, checkpoint_id in enumerate(data["checkpoint_ids"], start=1)
    ]
    db.session.execute(insert(RouteStop), stops)
    _tell("route.created", planner, route.place_code, ("route", route.id), {"stops": len(stops)})
    return route


def _check_checkpoints(wanted: list[UUID], planner: Planner) -> None:
    found = usable_checkpoints(planner.street_code, set(wanted))
    unknown = [str(i) for i in wanted if i not in found]
    if unknown:
        raise _invalid("checkpoint_ids", f"Unknown or not in use: {', '.join(unknown[:5])}.")
    for unit_code, community_code in found.values():
        if community_code not in planner.scope:
            planner.require(unit_code)


def end_route(route_id: UUID, planner: Planner, now: datetime) -> None:
    """Take a route out of use and end its schedules; ending it again changes nothing.

    Raises:
        Problem: NOT_FOUND, FORBIDDEN.
    """
    route = _lock_route(route_id, planner)
    if not route.active:
        return
    route.active = False
    running = select(Schedule.id).where(Schedule.route_id == route_id, Schedule.ended_at.is_(None))
    for schedule_id in db.session.scalars(running.order_by(Schedule.id)).all():
        end_schedule(schedule_id, planner, now)
    _tell("route.ended", planner, route.place_code, ("route", route.id), {})


def _lock_route(route_id: UUID, planner: Planner) -> Route:
    route = db.session.get(Route, route_id, with_for_update=True, populate_existing=True)
    if route is None or route.street_code != planner.street_code:
        raise problems.Problem(problems.NOT_FOUND, "There is no such route.")
    planner.require(route.place_code)
    return route


def create_schedule(data: dict[str, Any], planner: Planner, now: datetime) -> Schedule:
    """Create a schedule from a loaded ``ScheduleBody`` and generate its first rounds at once.

    Windows that are over by *now* get no round.

    Raises:
        Problem: NOT_FOUND (route), FORBIDDEN, CONFLICT (route ended), INVALID (recurrence, assignee),
            ID_REUSED.
    """
    content = data | {"street_code": planner.street_code}
    # The lock makes creating and ending wait for each other, and two requests with the same id too.
    route = _lock_route(data["route_id"], planner)
    stored = db.session.get(Schedule, data["id"])
    if stored is not None:
        same_or_conflict(stored.fingerprint, content)
        return stored
    if not route.active:
        raise problems.Problem(problems.CONFLICT, "The route is out of use.")
    try:
        recurrence.parse(data["starts_at_local"], data["recurrence"])
    except recurrence.RecurrenceError as error:
        raise _invalid("recurrence", str(error)) from error
    if not is_eligible(data["assignee_id"], route, _day(now)):
        raise _invalid("assignee_id", "This person holds no patroller post that covers the route.")
    made = db.session.scalar(
        insert_or_skip(Schedule)
        .values(
            data
            | {
                "street_code": planner.street_code,
                "created_at": now,
                "generated_until": now - timedelta(minutes=data["window_minutes"]),
                "fingerprint": fingerprint(content),
            }
        )
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(Schedule.id)
    )
    schedule = db.session.get_one(Schedule, data["id"])
    if made is None:
        same_or_conflict(schedule.fingerprint, content)
        return schedule
    facts = {
        "route_id": str(route.id),
        "assignee_id": str(schedule.assignee_id),
        "starts_at_local": schedule.starts_at_local,
        "recurrence": schedule.recurrence,
        "window_minutes": schedule.window_minutes,
    }
    _tell("schedule.created", planner, route.place_code, ("schedule", schedule.id), facts)
    _generate(schedule, route, _horizon(now), planner)
    return schedule


def end_schedule(schedule_id: UUID, planner: Planner, now: datetime) -> None:
    """End a schedule: planned rounds whose window has not opened go; ending it again changes nothing.

    Raises:
        Problem: NOT_FOUND, FORBIDDEN.
    """
    schedule = db.session.get(Schedule, schedule_id, with_for_update=True, populate_existing=True)
    if schedule is None or schedule.street_code != planner.street_code:
        raise problems.Problem(problems.NOT_FOUND, "There is no such schedule.")
    route = db.session.get_one(Route, schedule.route_id)
    planner.require(route.place_code)
    if schedule.ended_at is not None:
        return
    schedule.ended_at = now
    # Locked first: a round that is being started at this moment is not planned any more and stays.
    ahead = db.session.scalars(
        select(Round.id)
        .where(Round.schedule_id == schedule_id, Round.state == "planned", Round.window_starts_at > now)
        .with_for_update()
    ).all()
    db.session.execute(delete(RoundStop).where(RoundStop.round_id.in_(ahead)))
    db.session.execute(delete(Round).where(Round.id.in_(ahead)))
    facts = {"route_id": str(route.id), "rounds_removed": len(ahead)}
    _tell("schedule.ended", planner, route.place_code, ("schedule", schedule_id), facts)


def generate_rounds(now: datetime, limit: int = BATCH) -> int:
    """Bring up to *limit* schedules up to the end of the day a week ahead.

    Schedules that another worker has just taken are left to it. Call it until it returns 0, each call
    in a transaction of its own.

    Returns:
        How many schedules were moved on.
    """
    horizon = _horizon(now)
    due = db.session.scalars(
        select(Schedule)
        .where(Schedule.ended_at.is_(None), Schedule.generated_until < horizon)
        .order_by(Schedule.generated_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    moved = 0
    for schedule in due:
        route = db.session.get_one(Route, schedule.route_id)
        worker = Planner(None, schedule.street_code, frozenset(), actor_kind="worker")
        try:
            _generate(schedule, route, horizon, worker)
        except recurrence.RecurrenceError as error:  # checked when it was made; must not stop the others
            log.error("schedule %s cannot be read: %s", schedule.id, error)
        else:
            moved += 1
    db.session.flush()
    return moved


def _generate(schedule: Schedule, route: Route, horizon: datetime, planner: Planner) -> None:
    """Make the rounds of a locked or new schedule for at most a stride, and note how far."""
    until = min(horizon, schedule.generated_until + STRIDE)
    rule = recurrence.parse(schedule.starts_at_local, schedule.recurrence)
    common = {
        "street_code": schedule.street_code,
        "place_code": route.place_code,
        "schedule_id": schedule.id,
        "route_id": route.id,
        "assignee_id": schedule.assignee_id,
        "ordered": route.ordered,
        "state": "planned",
    }
    window = timedelta(minutes=schedule.window_minutes)
    rows = [
        common | {"id": uuid7(), "on_day": _day(at), "window_starts_at": at, "window_ends_at": at + window}
        for at in recurrence.occurrences(rule, schedule.generated_until, until)
    ]
    schedule.generated_until = until
    if not rows:
        return
    made = db.session.execute(
        insert_or_skip(Round)
        .values(rows)
        .on_conflict_do_nothing(index_elements=["schedule_id", "window_starts_at"])
        .returning(Round.id, Round.window_starts_at)
    ).all()
    stops = usable_stops(route.id)
    copies = [
        {"round_id": made_id, "ordinal": ordinal, "checkpoint_id": checkpoint_id}
        for made_id, _ in made
        for ordinal, checkpoint_id in stops
    ]
    if copies:
        db.session.execute(insert(RoundStop), copies)
    for made_id, starts_at in made:
        facts = {
            "schedule_id": str(schedule.id),
            "assignee_id": str(schedule.assignee_id),
            "window_starts_at": wire_time(starts_at),
            "stops": len(stops),
        }
        _tell("round.generated", planner, route.place_code, ("round", made_id), facts)


def mark_missed(now: datetime, limit: int = BATCH) -> int:
    """Note up to *limit* planned rounds whose window is over as missed.

    Rounds that are being started, or noted by another worker, at this moment are passed over; the next
    call looks at them again.

    Returns:
        How many were noted.
    """
    over = db.session.scalars(
        select(Round)
        .where(Round.state == "planned", Round.window_ends_at < now)
        .order_by(Round.window_ends_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for missed in over:
        missed.state = "missed"
        missed.missed_at = now
        worker = Planner(None, missed.street_code, frozenset(), actor_kind="worker")
        facts = {
            "assignee_id": str(missed.assignee_id),
            "route_id": str(missed.route_id),
            "window_ends_at": wire_time(missed.window_ends_at),
        }
        _tell("round.missed", worker, missed.place_code, ("round", missed.id), facts)
    db.session.flush()
    return len(over)


def _horizon(now: datetime) -> datetime:
    """The end of the Shanghai day a week ahead: so a schedule moves on once a day, not at every tick."""
    last_day = _day(now) + AHEAD
    return datetime.combine(last_day + timedelta(days=1), datetime.min.time(), tzinfo=SHANGHAI)


def _day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()


def _tell(
    action: str, planner: Planner, place_code: str, subject: tuple[str, UUID], data: dict[str, Any]
) -> None:
    """Write a ledger row; *subject* is a kind and an id."""
    ledger.record(
        action,
        actor_id=planner.actor_id,
        actor_kind=planner.actor_kind,
        street_code=planner.street_code,
        place_code=place_code,
        subject_kind=subject[0],
        subject_id=subject[1],
        data=data,
    )
