"""What supervisors and leaders look at: the board, rounds, tracks, reviews, the ledger."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.core import clock
from app.core.pipeline import endpoint, principal, require
from app.core.web import Blueprint
from app.evidence import service as evidence
from app.insights import board_queries, ledger_queries, review_queries, schemas, service
from app.insights.scope import narrowed

blp = Blueprint("insights", __name__, url_prefix="/api/v1", description="Boards, reviews, the ledger")


@blp.get("/board")
@endpoint("round.read")
@blp.arguments(schemas.BoardQuery, location="query")
@blp.response(200, schemas.BoardOut)
def read_board(args: dict[str, Any]) -> dict[str, Any]:
    """The rounds, check-ins and people of one day."""
    now = clock.now()
    reader = principal()
    scope = narrowed(reader.scope("round.read"), args.get("place"))
    return board_queries.board(
        reader.street_code,
        args.get("on") or now.astimezone(clock.SHANGHAI).date(),
        scope,
        scope & reader.scope("track.read"),
        now,
    )


@blp.get("/rounds/<uuid:round_id>")
@endpoint("round.read")
@blp.response(200, schemas.RoundDetailOut)
def read_round(round_id: UUID) -> dict[str, Any]:
    """One round with its stops, check-ins and skips."""
    reader = principal()
    walked = board_queries.find_round(round_id, reader.street_code)
    require("round.read", walked.place_code)
    return board_queries.round_detail(round_id, reader.street_code, clock.now())


@blp.get("/rounds/<uuid:round_id>/track")
@endpoint("track.read")
@blp.response(200, schemas.TrackOut)
def read_track(round_id: UUID) -> dict[str, Any]:
    """A person's way through one round. The look is written down and shown to that person."""
    reader = principal()
    walked = board_queries.find_round(round_id, reader.street_code)
    require("track.read", walked.place_code)
    return service.view_track(walked, viewer_id=reader.user_id)


@blp.get("/reviews")
@endpoint("review.read")
@blp.arguments(schemas.ReviewQuery, location="query")
@blp.response(200, schemas.ReviewPageOut)
def list_reviews(args: dict[str, Any]) -> dict[str, Any]:
    """Doubtful check-ins: open ones oldest first, decided ones newest first."""
    reader = principal()
    return review_queries.queue_page(
        reader.street_code,
        narrowed(reader.scope("review.read"), args.get("place")),
        state=args["state"],
        cursor=args.get("cursor"),
        limit=args["limit"],
    )


@blp.post("/reviews/<uuid:proof_id>/decisions")
@endpoint("review.decide")
@blp.arguments(schemas.DecisionBody)
@blp.response(201, schemas.ReviewItemOut)
def decide_review(body: dict[str, Any], proof_id: UUID) -> dict[str, Any]:
    """Accept or reject a doubtful check-in, with a note that its owner will read."""
    supervisor = principal()
    evidence.decide_review(
        street_code=supervisor.street_code,
        proof_id=proof_id,
        decision_id=body["id"],
        decision=body["decision"],
        note=body["note"],
        decided_by=supervisor.user_id,
        scope=supervisor.scope("review.decide"),
    )
    return review_queries.item(supervisor.street_code, proof_id)


@blp.get("/ledger")
@endpoint("ledger.read")
@blp.arguments(schemas.LedgerQuery, location="query")
@blp.response(200, schemas.LedgerPageOut)
def read_ledger(args: dict[str, Any]) -> dict[str, Any]:
    """What happened, newest first."""
    reader = principal()
    return ledger_queries.ledger_page(
        reader.street_code,
        reader.scope("ledger.read"),
        subject_kind=args.get("subject_kind"),
        subject_id=args.get("subject_id"),
        cursor=args.get("cursor"),
        limit=args["limit"],
    )
