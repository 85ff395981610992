"""HTTP doors of what cases are judged by: the catalogue, the responsibility matrix, absences."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, request

from app.cases import reference_schemas as schemas
from app.cases.catalogue import queries as catalogue_queries
from app.cases.catalogue.queries import CatalogueVersion
from app.cases.responsibility import gap_words, queries
from app.cases.responsibility import matrix as responsibility
from app.cases.responsibility.matrix import Editor
from app.cases.responsibility.rules import Line
from app.core import clock, pipeline, problems
from app.core.pipeline import SIGNED_IN, endpoint
from app.core.web import Blueprint

blp = Blueprint("reference", __name__, url_prefix="/api/v1", description="Classes, responsibility, absences")


@blp.get("/catalogue")
@endpoint("catalogue.read")
@blp.response(200, schemas.CatalogueOut)
@blp.alt_response(304, description="The version named in If-None-Match is still in force")
def read_catalogue() -> tuple[dict[str, Any], int, dict[str, str]] | Response:
    """The classes of problems in force in one's own street, with their filing conditions."""
    found = catalogue_queries.catalogue_of(pipeline.principal().street_code)
    if found is None:
        raise problems.Problem(problems.CATALOGUE_MISSING)
    headers = {"ETag": f'"{found.etag}"', "Cache-Control": "private, no-cache"}
    if request.if_none_match.contains_weak(found.etag):
        return Response(status=304, headers=headers)
    return _catalogue(found), 200, headers


def _catalogue(found: CatalogueVersion) -> dict[str, Any]:
    departments = [{"name": name, "name_en": name_en} for name, name_en in found.departments.items()]
    return {
        "version": found.version,
        "name": found.name,
        "classes": list(found.classes.values()),
        "departments": departments,
    }


@blp.get("/responsibilities")
@endpoint("responsibility.read")
@blp.arguments(schemas.ResponsibilityQuery, location="query")
@blp.response(200, schemas.ResponsibilitiesOut)
def read_responsibilities(args: dict[str, Any]) -> dict[str, Any]:
    """The responsibility matrix, as far as it holds in one's reach; lines of places above hold there, too."""
    me = pipeline.principal()
    items, cursor = queries.page(me.street_code, me.scope("responsibility.read"), args)
    return {"items": items, "cursor": cursor}


@blp.get("/responsibilities/check")
@endpoint("responsibility.read")
@blp.response(200, schemas.GapsOut)
def check_responsibilities() -> dict[str, Any]:
    """What is missing in the matrix for the places in one's reach, with words."""
    me = pipeline.principal()
    found = queries.check(me.street_code, clock.now(), me.scope("responsibility.read"))
    return {
        "items": [
            {name: getattr(gap, name) for name in gap.__slots__}
            | {"words": gap_words.sentence(gap, found.known, "zh")}
            | {"words_en": gap_words.sentence(gap, found.known, "en")}
            for gap in found.gaps
        ]
    }


@blp.put("/responsibilities/<uuid:responsibility_id>")
@endpoint("responsibility.manage")
@blp.arguments(schemas.ResponsibilityBody)
@blp.response(200, schemas.ResponsibilityOut)
def set_responsibility(args: dict[str, Any], responsibility_id: UUID) -> dict[str, Any]:
    """Name somebody for a duty; the same again returns the stored line. To change a line, end it first."""
    return queries.shown(responsibility.save(responsibility_id, Line(**args), _editor(), clock.now()))


@blp.post("/responsibilities/<uuid:responsibility_id>/end")
@endpoint("responsibility.manage")
@blp.response(200, schemas.ResponsibilityOut)
def end_responsibility(responsibility_id: UUID) -> dict[str, Any]:
    """Take a line out of the matrix."""
    return queries.shown(responsibility.end(responsibility_id, _editor(), clock.now()))


@blp.get("/absences")
@endpoint(SIGNED_IN)
@blp.arguments(schemas.AbsenceQuery, location="query")
@blp.response(200, schemas.AbsencesOut)
def read_absences(args: dict[str, Any]) -> dict[str, Any]:
    """Absences that last or are to come: one's own, and those of one's staff."""
    me, editor = pipeline.principal(), _editor()
    return {
        "items": queries.absences(me.street_code, me.user_id, editor.scope, args["place"], clock.now()),
    }


@blp.put("/absences/<uuid:absence_id>")
@endpoint(SIGNED_IN)
@blp.arguments(schemas.AbsenceBody)
@blp.response(200, schemas.AbsenceOut)
def note_absence(args: dict[str, Any], absence_id: UUID) -> dict[str, Any]:
    """Note that one is away, or somebody of one's staff; deputies take over."""
    return responsibility.note_absence(absence_id, args, _editor(), clock.now())


@blp.post("/absences/<uuid:absence_id>/end")
@endpoint(SIGNED_IN)
@blp.response(200, schemas.AbsenceOut)
def end_absence(absence_id: UUID) -> dict[str, Any]:
    """Note that somebody is back, or does not go."""
    return responsibility.end_absence(absence_id, _editor(), clock.now())


def _editor() -> Editor:
    me = pipeline.principal()
    return Editor(me.user_id, me.street_code, me.scope("responsibility.manage"))
