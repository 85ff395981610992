"""The case board and its map, for whoever may see cases."""

from __future__ import annotations

from typing import Any

from app.cases import schemas
from app.cases.showing import Reader
from app.core.pipeline import endpoint, principal
from app.core.web import Blueprint
from app.insights import case_queries
from app.insights.scope import narrowed

blp = Blueprint("case_board", __name__, url_prefix="/api/v1/cases", description="Cases at a glance")


@blp.get("")
@endpoint("case.read")
@blp.arguments(schemas.CaseBoardQuery, location="query")
@blp.response(200, schemas.CaseBoardOut)
def read_case_board(args: dict[str, Any]) -> dict[str, Any]:
    """A page of cases: live ones by what runs out first, or ended ones, newest first."""
    scope = narrowed(principal().scope("case.read"), args["place"])
    return case_queries.board(Reader.of(principal()), scope, args)


@blp.get("/map")
@endpoint("case.read")
@blp.arguments(schemas.CaseMapQuery, location="query")
@blp.response(200, schemas.CaseMapOut)
def read_case_map(args: dict[str, Any]) -> dict[str, Any]:
    """Live cases in a rectangle."""
    return case_queries.on_map(principal().street_code, principal().scope("case.read"), args)
