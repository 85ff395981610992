"""The phone's two doors: its log goes in, the feed comes back."""

from __future__ import annotations

import json
from typing import Any

from flask import Response

from app.core.fields import wire_time
from app.core.pipeline import endpoint, principal
from app.core.problems import CONTENT_TYPE, ProblemType, catalogue
from app.core.web import Blueprint, ProblemShape
from app.sync import feed, service
from app.sync.candidates import Outcome
from app.sync.schemas import FeedShape, SyncAnswer, SyncBody
from app.sync.service import Result

blp = Blueprint("sync", __name__, url_prefix="/api/v1", description="The phone's log and feed")


@blp.post("/sync")
@endpoint("log.sync")
@blp.arguments(SyncBody)
@blp.response(200, SyncAnswer)
@blp.alt_response(404, schema=ProblemShape, content_type=CONTENT_TYPE, description="log-unknown")
def take_in(args: dict[str, Any]) -> Response:
    """Take in a stretch of the phone's log; one result for each entry."""
    answer = service.take_in(principal().user_id, args["log"], args["sent_at"], args["entries"])
    # Written by hand: dumping 500 results through the schema costs more than making them.
    document = {
        "received_at": wire_time(answer.received_at),
        "clock_skew_s": answer.clock_skew_s,
        "results": [_wire(result) for result in answer.results],
        "resolved": [_wire(result) for result in answer.resolved],
    }
    return Response(json.dumps(document), content_type="application/json")


def _wire(result: Result) -> dict[str, Any]:
    told = _wire_outcome(result.outcome)
    if result.repeated:
        return {"id": str(result.id), "status": "already", "was": told}
    return {"id": str(result.id), **told}


def _wire_outcome(outcome: Outcome) -> dict[str, Any]:
    told: dict[str, Any] = {"status": outcome.state}
    if outcome.grade is not None:
        told |= {"grade": outcome.grade, "reasons": list(outcome.reasons)}
    if outcome.state == "held":
        told["waits_for"] = outcome.waits_for
    if outcome.state == "refused":
        kind: ProblemType = catalogue()[outcome.problem or ""]
        told |= {"problem": kind.uri, "detail": outcome.detail}
    return told


@blp.get("/field/feed")
@endpoint("log.sync")
@blp.response(200, FeedShape)
def read_feed() -> dict[str, Any]:
    """What the phone shows: the shift, rounds of three days, decisions, what was refused, cases."""
    return feed.read_feed(principal())
