"""HTTP doors of people."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask import Response, current_app, request
from flask_jwt_extended import create_access_token

from app.core import clock, pipeline
from app.core.pipeline import PUBLIC, SIGNED_IN, endpoint
from app.core.problems import Problem
from app.core.web import Blueprint, problem_response
from app.people import cookies, queries, schemas, service, sessions
from app.people.models import PhoneLog
from app.people.sessions import SignedIn

LOOKS_KEPT_VISIBLE = timedelta(days=180)

blp = Blueprint("people", __name__, url_prefix="/api/v1", description="Signing in, duty, colleagues")


@blp.post("/sessions")
@endpoint(PUBLIC)
@blp.arguments(schemas.SignInArgs)
@blp.response(200, schemas.SessionOut)
def sign_in(args: dict[str, str]) -> dict[str, Any] | Response:
    """Sign in with user name and password."""
    user_agent = request.user_agent.string
    return _answer(sessions.sign_in(args["username"], args["password"], user_agent))


@blp.post("/sessions/refresh")
@endpoint(PUBLIC)
@blp.arguments(schemas.RefreshHeaders, location="headers", unknown="exclude")
@blp.response(200, schemas.SessionOut)
def refresh(headers: dict[str, str]) -> dict[str, Any] | Response:
    """Exchange the refresh cookie for a new access token."""
    return _answer(sessions.refresh(cookies.presented_token(headers["csrf"])))


def _answer(result: SignedIn | Problem) -> dict[str, Any] | Response:
    """A session with its cookies; a refusal is returned, not raised, so that its trace is committed."""
    if isinstance(result, Problem):
        return problem_response(result)
    cookies.hand_out(result)
    claims = {"sid": str(result.session_id), "street": result.street_code}
    return {
        "access_token": create_access_token(identity=str(result.user_id), additional_claims=claims),
        "expires_in": int(current_app.config["JWT_ACCESS_TOKEN_EXPIRES"].total_seconds()),
        "user": _profile(result.user_id),
    }


def _profile(user_id: UUID) -> dict[str, Any]:
    return queries.profile(user_id, _today())


def _today() -> date:
    return clock.now().astimezone(clock.SHANGHAI).date()


@blp.delete("/sessions/current")
@endpoint(SIGNED_IN)
@blp.response(204)
def sign_out() -> None:
    """End this session."""
    sessions.sign_out(pipeline.principal().session_id)
    cookies.take_back()


@blp.delete("/sessions")
@endpoint(SIGNED_IN)
@blp.response(204)
def sign_out_everywhere() -> None:
    """End all sessions of the signed-in person."""
    sessions.sign_out_everywhere(pipeline.principal().user_id)
    cookies.take_back()


@blp.get("/me")
@endpoint(SIGNED_IN)
@blp.response(200, schemas.MeOut)
def read_me() -> dict[str, Any]:
    """The signed-in person."""
    return _profile(pipeline.principal().user_id)


@blp.put("/me/password")
@endpoint(SIGNED_IN)
@blp.arguments(schemas.PasswordArgs)
@blp.response(204)
def change_password(args: dict[str, str]) -> Response | None:
    """Change one's own password; all other sessions end."""
    me = pipeline.principal()
    refusal = sessions.change_password(me.user_id, me.session_id, args["current"], args["new"])
    return problem_response(refusal) if refusal else None


@blp.get("/me/looks")
@endpoint(SIGNED_IN)
@blp.response(200, schemas.LooksOut)
def read_looks() -> dict[str, Any]:
    """Who looked at my tracks in the last 180 days."""
    me = pipeline.principal()
    since = clock.now() - LOOKS_KEPT_VISIBLE
    return {"items": queries.looks(me.user_id, me.street_code, since)}


@blp.put("/logs/<uuid:log_id>")
@endpoint("log.sync")
@blp.arguments(schemas.LogArgs)
@blp.response(200, schemas.LogOut)
def register_log(args: dict[str, Any], log_id: UUID) -> PhoneLog:
    """Register the public key of a phone's log; the same again changes nothing."""
    me = pipeline.principal()
    return service.register_log(log_id, user_id=me.user_id, street_code=me.street_code, **args)


@blp.get("/staff")
@endpoint("staff.read")
@blp.arguments(schemas.PlaceQuery, location="query")
@blp.response(200, schemas.StaffOut)
def read_staff(args: dict[str, Any]) -> dict[str, Any]:
    """Colleagues with a post in one's reach."""
    return {"items": queries.staff(pipeline.principal().scope("staff.read"), _today(), args["place"])}


@blp.get("/duty")
@endpoint("duty.read")
@blp.arguments(schemas.PlaceQuery, location="query")
@blp.response(200, schemas.DutyOut)
def read_duty(args: dict[str, Any]) -> dict[str, Any]:
    """Who is on duty now in one's reach."""
    return {"items": queries.on_duty(pipeline.principal().scope("duty.read"), clock.now(), args["place"])}
