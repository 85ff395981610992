"""Wire shapes of places."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from app.core.fields import Number, Text, Wire
from app.core.geo import DATUMS
from app.places.checkpoint_rules import (
    CODE_SHAPE,
    KINDS,
    MAX_FLOOR_LABEL,
    MAX_NAME,
    MAX_RADIUS_M,
    MIN_RADIUS_M,
)
from app.places.rules import PARENT_LEVEL
from app.places.service import MAX_TAGS

MAX_CODE = 20
LEVELS = tuple(PARENT_LEVEL)


def _nested_arrays(depth: int, innermost: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of arrays in arrays."""
    return {"type": "array", "items": _nested_arrays(depth - 1, innermost)} if depth else innermost


class PlaceOut(Wire):
    """One place of the tree."""

    code = fields.String(required=True)
    level = fields.String(required=True, validate=validate.OneOf(LEVELS))
    parent_code = fields.String(required=True, allow_none=True)
    name = fields.String(required=True)
    name_en = fields.String(required=True)
    street_code = fields.String(required=True)


class PlacesOut(Wire):
    """All places of a street, parents before children."""

    items = fields.List(fields.Nested(PlaceOut), required=True)


class OutlinePropertiesOut(Wire):
    """What an outline is of."""

    code = fields.String(required=True)
    level = fields.String(required=True, validate=validate.OneOf(LEVELS))
    parent_code = fields.String(required=True, allow_none=True)
    name = fields.String(required=True)
    name_en = fields.String(required=True)


class GeometryOut(Wire):
    """A GeoJSON MultiPolygon in WGS-84: of each polygon its rings, of each ring its [lon, lat]."""

    type = fields.String(required=True, validate=validate.Equal("MultiPolygon"))
    # As it is: a field for each of the thousands of numbers would cost more than the query.
    coordinates = fields.Raw(required=True, metadata=_nested_arrays(4, {"type": "number"}))


class OutlineOut(Wire):
    """A GeoJSON feature."""

    type = fields.Constant("Feature", required=True, validate=validate.Equal("Feature"))
    geometry = fields.Nested(GeometryOut, required=True)
    properties = fields.Nested(OutlinePropertiesOut, required=True)


class OutlinesOut(Wire):
    """A GeoJSON FeatureCollection in WGS-84."""

    type = fields.Constant("FeatureCollection", required=True, validate=validate.Equal("FeatureCollection"))
    features = fields.List(fields.Nested(OutlineOut), required=True)


class LocateArgs(Wire):
    """A position with its accuracy radius in metres."""

    lat = fields.Float(required=True, validate=validate.Range(-90, 90))
    lon = fields.Float(required=True, validate=validate.Range(-180, 180))
    accuracy_m = fields.Float(load_default=0.0, validate=validate.Range(0, 100_000))
    datum = fields.String(load_default="wgs84", validate=validate.OneOf(DATUMS))


class LocatedOut(Wire):
    """Where it is; a code is given only where the whole accuracy circle lies in that place."""

    state = fields.String(required=True, validate=validate.OneOf(["inside", "unclear", "outside"]))
    unit_code = fields.String(required=True, allow_none=True)
    community_code = fields.String(required=True, allow_none=True)
    candidates = fields.List(fields.String(), required=True)


class PlaceQuery(Wire):
    """Narrows a list to a place and what is below it."""

    place = Text(MAX_CODE, min_length=1)


class SpotOut(Wire):
    """A checkpoint as a round shows it; position in WGS-84."""

    id = fields.UUID(required=True)
    code = fields.String(required=True)
    name = fields.String(required=True)
    name_en = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    floor_label = fields.String(required=True)
    radius_m = fields.Float(required=True)
    lat = fields.Float(required=True)
    lon = fields.Float(required=True)


class CheckpointOut(SpotOut):
    """A checkpoint with where it is in the place tree."""

    unit_code = fields.String(required=True)
    community_code = fields.String(required=True, allow_none=True)
    active = fields.Boolean(required=True)


class CheckpointsOut(Wire):
    """Checkpoints by code."""

    items = fields.List(fields.Nested(CheckpointOut), required=True)


class CheckpointPatch(Wire):
    """Members of a checkpoint to change; position in WGS-84."""

    code = Text(MAX_CODE, validate=validate.Regexp(f"^{CODE_SHAPE}$"))
    name = Text(MAX_NAME, min_length=1)
    name_en = Text(MAX_NAME)
    kind = fields.String(validate=validate.OneOf(KINDS))
    floor_label = Text(MAX_FLOOR_LABEL)
    radius_m = Number(MIN_RADIUS_M, MAX_RADIUS_M)
    lat = Number(-90, 90)
    lon = Number(-180, 180)
    active = fields.Boolean(truthy={True}, falsy={False})


class CheckpointBody(CheckpointPatch):
    """A new checkpoint with an id of the caller's making."""

    id = fields.UUID(required=True)
    code = Text(MAX_CODE, required=True, validate=validate.Regexp(f"^{CODE_SHAPE}$"))
    name = Text(MAX_NAME, min_length=1, required=True)
    name_en = Text(MAX_NAME, load_default="")
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    floor_label = Text(MAX_FLOOR_LABEL, load_default="")
    radius_m = Number(MIN_RADIUS_M, MAX_RADIUS_M, required=True)
    lat = Number(-90, 90, required=True)
    lon = Number(-180, 180, required=True)


class TagSheetBody(Wire):
    """Which tags to issue: all of a place, or of the checkpoints named. Old tags of these are revoked."""

    id = fields.UUID(required=True)
    place_code = Text(MAX_CODE, min_length=1)
    checkpoint_ids = fields.List(fields.UUID(), validate=validate.Length(1, MAX_TAGS))
    lang = fields.String(load_default="zh", validate=validate.OneOf(["zh", "en"]))
