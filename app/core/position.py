"""The wire shape of one position, which several kinds of log entries carry."""

from __future__ import annotations

from marshmallow import fields, validate

from app.core.fields import Moment, Number, Wire
from app.core.geo import DATUMS

MAX_ACCURACY_M = 100_000


class FixBody(Wire):
    """One position as the phone had it."""

    at = Moment(required=True)
    lat = Number(-90, 90, required=True)
    lon = Number(-180, 180, required=True)
    acc = Number(0, MAX_ACCURACY_M, required=True)
    datum = fields.String(required=True, validate=validate.OneOf(DATUMS))
    src = fields.String(required=True, validate=validate.OneOf(("gnss", "played")))
    speed = Number(0, 1000, allow_none=True)
    heading = Number(0, 360, allow_none=True)
