"""Wire shapes of evidence inside log entries; see docs/phone-log.md section 4."""

from __future__ import annotations

from marshmallow import fields, validate

from app.core.fields import Moment, Number, Text, Wire
from app.core.geo import DATUMS

MAX_ACCURACY_M = 100_000
MAX_FIXES = 100
GAP_CAUSES = ("screen_off", "no_signal", "permission", "app_closed", "clock_changed", "unknown")


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


class TrackBody(Wire):
    """A batch of positions of one shift."""

    shift = fields.UUID(required=True)
    round = fields.UUID(load_default=None, allow_none=True)
    fixes = fields.List(fields.Nested(FixBody), required=True, validate=validate.Length(min=1, max=MAX_FIXES))


class GapBody(Wire):
    """A stretch without positions, with its cause."""

    shift = fields.UUID(required=True)
    round = fields.UUID(load_default=None, allow_none=True)
    from_ = Moment(required=True, data_key="from")
    to = Moment(required=True)
    cause = fields.String(required=True, validate=validate.OneOf(GAP_CAUSES))


class ReviewAnsweredBody(Wire):
    """The worker's one answer to a decision."""

    proof = fields.UUID(required=True)
    text = Text(1000, min_length=2, required=True)
