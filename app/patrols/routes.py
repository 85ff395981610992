"""Routes and schedules over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.core import clock
from app.core.pipeline import endpoint, principal
from app.core.web import Blueprint
from app.patrols import queries, schemas, service
from app.patrols.planning import Planner

blp = Blueprint("patrols", __name__, url_prefix="/api/v1", description="Routes and schedules")


def _planner() -> Planner:
    person = principal()
    return Planner(person.user_id, person.street_code, person.scope("route.manage"))


@blp.get("/routes")
@endpoint("round.read")
@blp.response(200, schemas.RoutesShape)
def list_routes() -> dict[str, Any]:
    """The routes in use at one's places."""
    return {"items": queries.routes_in(principal().scope("round.read"))}


@blp.post("/routes")
@endpoint("route.manage")
@blp.arguments(schemas.RouteBody)
@blp.response(201, schemas.RouteShape)
def create_route(body: dict[str, Any]) -> dict[str, Any]:
    """Create a route; the same again returns the stored one."""
    return queries.route_shape(service.create_route(body, _planner(), clock.now()))


@blp.delete("/routes/<uuid:route_id>")
@endpoint("route.manage")
@blp.response(204)
def end_route(route_id: UUID) -> None:
    """Take a route out of use and end its schedules."""
    service.end_route(route_id, _planner(), clock.now())


@blp.get("/schedules")
@endpoint("round.read")
@blp.response(200, schemas.SchedulesShape)
def list_schedules() -> dict[str, Any]:
    """The running schedules at one's places."""
    return {"items": queries.schedules_in(principal().scope("round.read"))}


@blp.post("/schedules")
@endpoint("route.manage")
@blp.arguments(schemas.ScheduleBody)
@blp.response(201, schemas.ScheduleShape)
def create_schedule(body: dict[str, Any]) -> dict[str, Any]:
    """Create a schedule and its first rounds; the same again returns the stored one."""
    return queries.schedule_shape(service.create_schedule(body, _planner(), clock.now()).id)


@blp.delete("/schedules/<uuid:schedule_id>")
@endpoint("route.manage")
@blp.response(204)
def end_schedule(schedule_id: UUID) -> None:
    """End a schedule; planned rounds whose window has not opened go."""
    service.end_schedule(schedule_id, _planner(), clock.now())
