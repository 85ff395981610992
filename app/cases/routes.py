"""Cases for the console: reading one, and one route a step. Boards are read on a higher floor."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from app.cases import desk, lists, reference_schemas, schemas, showing, steps, watching
from app.cases.acting import SUBJECT
from app.cases.desk import Take
from app.cases.responsibility import candidates
from app.cases.showing import Reader
from app.core import clock, problems
from app.core.pipeline import endpoint, principal
from app.core.problems import Problem
from app.core.web import Blueprint
from app.media import queries as photo_queries
from app.media import service as media
from app.media.serving import photo_response

blp = Blueprint("cases", __name__, url_prefix="/api/v1/cases", description="Cases")


def _reader() -> Reader:
    return Reader.of(principal())


def _step(case_id: UUID, name: str, body: dict[str, Any], do: Take) -> dict[str, Any]:
    reader = _reader()
    case = desk.take(reader, case_id, body, do, name=name, now=clock.now())
    return showing.detail(case, reader)


@blp.post("")
@endpoint("case.intake")
@blp.arguments(schemas.IntakeBody)
@blp.response(201, schemas.CaseDetailOut)
def take_in_case(body: dict[str, Any]) -> dict[str, Any]:
    """File what an outside source reports; sent again it is the same case."""
    reader = _reader()
    case = desk.take_in(reader, body, principal().scope("case.intake"), clock.now())
    return showing.detail(case, reader)


@blp.get("/near")
@endpoint("case.read")
@blp.arguments(schemas.NearQuery, location="query")
@blp.response(200, schemas.NearOut)
def read_near_cases(args: dict[str, Any]) -> dict[str, Any]:
    """Live cases around a WGS-84 position: is it known already?"""
    scope = principal().scope("case.read")
    return {"items": lists.near(principal().street_code, scope, args["lat"], args["lon"], args["class_key"])}


@blp.get("/<uuid:case_id>")
@endpoint("case.read")
@blp.response(200, schemas.CaseDetailOut)
def read_case(case_id: UUID) -> dict[str, Any]:
    """Everything about one case."""
    reader = _reader()
    return showing.detail(showing.visible_case(case_id, reader), reader)


@blp.get("/<uuid:case_id>/candidates")
@endpoint("case.steer")
@blp.response(200, reference_schemas.CandidatesOut)
def read_candidates(case_id: UUID) -> dict[str, Any]:
    """Who could be given the case, the likeliest first; for those who steer or decide this case."""
    reader = _reader()
    case = showing.visible_case(case_id, reader)
    if not showing.answers_for(case, reader):
        raise Problem(problems.FORBIDDEN)
    return {"items": candidates.candidates(case, principal().scope("duty.read"), clock.now())}


@blp.get("/<uuid:case_id>/photos/<string(length=64):sha256>")
@endpoint("case.read")
@blp.arguments(schemas.PhotoQuery, location="query")
@blp.response(200, content_type="image/jpeg", schema={"type": "string", "format": "binary"})
def read_case_photo(args: dict[str, Any], case_id: UUID, sha256: str) -> Response:
    """A photo of a case, for whoever may see the case."""
    case = showing.visible_case(case_id, _reader())
    if (SUBJECT, case.id) not in photo_queries.subjects_of(case.street_code, sha256):
        raise Problem(problems.NOT_FOUND)
    return photo_response(media.photo_for(case.street_code, sha256, args["size"]))


@blp.post("/<uuid:case_id>/dispatch")
@endpoint("case.dispatch")
@blp.arguments(schemas.DispatchBody)
@blp.response(200, schemas.CaseDetailOut)
def dispatch_case(body: dict[str, Any], case_id: UUID) -> dict[str, Any]:
    """Give the case to somebody."""
    return _step(case_id, "dispatch", body, desk.dispatch(body, clock.now()))


@blp.post("/<uuid:case_id>/arbitration")
@endpoint("case.arbitrate")
@blp.arguments(schemas.ArbitrationBody)
@blp.response(200, schemas.CaseDetailOut)
def arbitrate_case(body: dict[str, Any], case_id: UUID) -> dict[str, Any]:
    """Decide about a return: name the owner."""
    return _step(case_id, "arbitrate", body, desk.arbitrate(body, clock.now()))


@blp.post("/<uuid:case_id>/verification")
@endpoint("case.verify")
@blp.arguments(schemas.VerificationBody)
@blp.response(200, schemas.CaseDetailOut)
def verify_case(body: dict[str, Any], case_id: UUID) -> dict[str, Any]:
    """Say whether the problem is gone."""
    return _step(case_id, "verify", body, lambda case, act: steps.verify(case, act, passed=body["passed"]))


@blp.post("/<uuid:case_id>/closing")
@endpoint("case.watch")
@blp.arguments(schemas.StepBody)
@blp.response(200, schemas.CaseDetailOut)
def close_case(body: dict[str, Any], case_id: UUID) -> dict[str, Any]:
    """Close a verified case that one watches."""
    return _step(case_id, "close", body, steps.close)


@blp.post("/<uuid:case_id>/hold")
@endpoint("case.dispatch")
@blp.arguments(schemas.HoldBody)
@blp.response(200, schemas.CaseDetailOut)
def hold_case(body: dict[str, Any], case_id: UUID) -> dict[str, Any]:
    """Let the clock stand still."""
    return _step(case_id, "hold", body, lambda case, act: steps.hold(case, act, body["until"], body["text"]))


@blp.post("/<uuid:case_id>/resumption")
@endpoint("case.dispatch")
@blp.arguments(schemas.StepBody)
@blp.response(200, schemas.CaseDetailOut)
def resume_case(body: dict[str, Any], case_id: UUID) -> dict[str, Any]:
    """Let the clock run on."""
    return _step(case_id, "resume", body, steps.resume)


@blp.post("/<uuid:case_id>/decisions")
@endpoint("case.dispatch")
@blp.arguments(schemas.RequestDecisionBody)
@blp.response(200, schemas.CaseDetailOut)
def decide_request(body: dict[str, Any], case_id: UUID) -> dict[str, Any]:
    """Grant or deny a hold or more time."""
    return _step(
        case_id,
        "decide",
        body,
        lambda case, act: steps.decide(case, act, body["request_id"], granted=body["granted"]),
    )


@blp.post("/<uuid:case_id>/voiding")
@endpoint("case.dispatch")
@blp.arguments(schemas.SaidBody)
@blp.response(200, schemas.CaseDetailOut)
def void_case(body: dict[str, Any], case_id: UUID) -> dict[str, Any]:
    """The case does not meet its filing condition."""
    return _step(case_id, "void", body, steps.void)


@blp.post("/<uuid:case_id>/linking")
@endpoint("case.dispatch")
@blp.arguments(schemas.LinkBody)
@blp.response(200, schemas.CaseDetailOut)
def link_case(body: dict[str, Any], case_id: UUID) -> dict[str, Any]:
    """The case is the same as another one."""
    return _step(case_id, "link", body, desk.link(_reader(), body))


@blp.post("/<uuid:case_id>/reopening")
@endpoint("case.dispatch")
@blp.arguments(schemas.SaidBody)
@blp.response(200, schemas.CaseDetailOut)
def reopen_case(body: dict[str, Any], case_id: UUID) -> dict[str, Any]:
    """It was not gone, or it is back."""
    return _step(case_id, "reopen", body, steps.reopen)


@blp.post("/<uuid:case_id>/raising")
@endpoint("case.raise")
@blp.arguments(schemas.SaidBody)
@blp.response(200, schemas.CaseDetailOut)
def raise_case(body: dict[str, Any], case_id: UUID) -> dict[str, Any]:
    """Give the case more weight."""
    return _step(case_id, "raise", body, steps.raise_by_supervisor)


@blp.post("/<uuid:case_id>/notes")
@endpoint("case.steer")
@blp.arguments(schemas.SaidBody)
@blp.response(200, schemas.CaseDetailOut)
def note_case(body: dict[str, Any], case_id: UUID) -> dict[str, Any]:
    """A note of progress; the watcher's sets their clock anew."""
    return _step(case_id, "note", body, watching.note)


@blp.post("/<uuid:case_id>/co-handlers")
@endpoint("case.steer")
@blp.arguments(schemas.CallInBody)
@blp.response(200, schemas.CaseDetailOut)
def call_in_co_handler(body: dict[str, Any], case_id: UUID) -> dict[str, Any]:
    """Another force joins the work (联勤联动)."""
    return _step(case_id, "call_in", body, desk.call_in(body, clock.now()))


@blp.post("/<uuid:case_id>/watcher")
@endpoint("case.raise")
@blp.arguments(schemas.CallInBody)
@blp.response(200, schemas.CaseDetailOut)
def name_watcher(body: dict[str, Any], case_id: UUID) -> dict[str, Any]:
    """Name who watches from now on."""
    return _step(case_id, "name_watcher", body, desk.name_watcher(body, clock.now()))
