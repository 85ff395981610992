"""The case board, its map and its export, for whoever may see cases."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, send_file

from app.cases import schemas
from app.cases.showing import Reader
from app.core.pipeline import endpoint, principal
from app.core.web import Blueprint
from app.insights import case_export, case_queries, tables
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
def read_case_map(args: dict[str, Any]) -> Response:
    """Live cases in a rectangle."""
    # Written as they are: hundreds of points took longer through the schema than to be found.
    return jsonify(case_queries.on_map(principal().street_code, principal().scope("case.read"), args))


_FILE = {"schema": {"type": "string", "format": "binary"}}


@blp.get("/export")
@endpoint("case.export")
@blp.arguments(schemas.CaseExportQuery, location="query")
@blp.doc(responses={"200": {"content": {tables.CSV_TYPE: _FILE, tables.XLSX_TYPE: _FILE}}})
@blp.response(200)
def export_cases(args: dict[str, Any]) -> Response:
    """Cases filed in a span of days as a table, CSV or XLSX; that it was asked for is written down."""
    who, form = principal(), args["format"]
    scope = narrowed(who.scope("case.export"), args["place"])
    span = case_export.Span(who.street_code, scope, args["from_"], args["to"])
    file = case_export.export(span, form, asked_by=who.user_id, place_code=args["place"])
    kind = tables.CSV_TYPE if form == "csv" else tables.XLSX_TYPE
    answer = send_file(file, kind, as_attachment=True, download_name=case_export.file_name(span, form))
    answer.headers["Cache-Control"] = "no-store"
    return answer
