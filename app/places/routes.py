"""HTTP doors of places."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from app.core import clock, pipeline
from app.core.pipeline import endpoint
from app.core.web import Blueprint
from app.places import queries, rules, schemas, service
from app.places.checkpoint_rules import CheckpointIn
from app.places.models import Checkpoint

blp = Blueprint("places", __name__, url_prefix="/api/v1", description="The place tree, checkpoints, tags")


@blp.get("/places")
@endpoint("place.read")
@blp.response(200, schemas.PlacesOut)
def read_places() -> dict[str, Any]:
    """All places of one's own street."""
    return {"items": queries.places_of(pipeline.principal().street_code)}


@blp.get("/places/outlines")
@endpoint("place.read")
@blp.response(200, schemas.OutlinesOut)
def read_outlines() -> dict[str, Any]:
    """All outlines of one's own street as GeoJSON, WGS-84."""
    return queries.outlines_of(pipeline.principal().street_code)


@blp.get("/places/locate")
@endpoint("place.read")
@blp.arguments(schemas.LocateArgs, location="query")
@blp.response(200, schemas.LocatedOut)
def locate(args: dict[str, Any]) -> rules.Located:
    """Which unit and community a position is in."""
    return queries.locate(pipeline.principal().street_code, **args)


@blp.get("/checkpoints")
@endpoint("place.read")
@blp.arguments(schemas.PlaceQuery, location="query")
@blp.response(200, schemas.CheckpointsOut)
def read_checkpoints(args: dict[str, str]) -> dict[str, Any]:
    """Checkpoints of a place, or of all places that are one's own."""
    codes = pipeline.principal().scope("place.read")
    if "place" in args:
        pipeline.require("place.read", args["place"])
        codes = queries.place_and_below(args["place"])
    return {"items": queries.checkpoints_in(codes)}


@blp.post("/checkpoints")
@endpoint("checkpoint.manage")
@blp.arguments(schemas.CheckpointBody)
@blp.response(201, schemas.CheckpointOut)
def create_checkpoint(args: dict[str, Any]) -> Checkpoint:
    """Add a checkpoint; the same again returns the stored one."""
    checkpoint_id = args.pop("id")
    return service.create_checkpoint(checkpoint_id, CheckpointIn(**args), **_acting("checkpoint.manage"))


@blp.patch("/checkpoints/<uuid:checkpoint_id>")
@endpoint("checkpoint.manage")
@blp.arguments(schemas.CheckpointPatch)
@blp.response(200, schemas.CheckpointOut)
def change_checkpoint(args: dict[str, Any], checkpoint_id: UUID) -> Checkpoint:
    """Change a checkpoint or take it out of use."""
    return service.change_checkpoint(checkpoint_id, args, **_acting("checkpoint.manage"))


@blp.post("/tag-sheets")
@endpoint("tag.issue")
@blp.arguments(schemas.TagSheetBody)
@blp.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
def issue_tags(args: dict[str, Any]) -> Response:
    """Issue tags and print them; the old tags of these checkpoints are revoked."""
    wanted = {"place_code": None, "checkpoint_ids": None} | args
    issued = service.issue_tags(wanted.pop("id"), **wanted, **_acting("tag.issue"), now=clock.now())
    from app.places.printing import print_tags  # noqa: PLC0415 - of all requests only this one draws a PDF

    pdf = print_tags(issued, args["lang"])
    headers = {"Content-Disposition": f'attachment; filename="ironfeet-tags-{args["id"]}.pdf"'}
    return Response(pdf, mimetype="application/pdf", headers=headers)


def _acting(verb: str) -> dict[str, Any]:
    """Who acts and where they may."""
    who = pipeline.principal()
    return {"street_code": who.street_code, "scope": who.scope(verb), "actor_id": who.user_id}
