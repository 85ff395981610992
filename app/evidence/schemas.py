"""Wire shapes of evidence inside log entries; see docs/phone-log.md section 4."""

from __future__ import annotations

from marshmallow import fields, validate

from app.core.fields import Moment, Text, Wire
from app.core.position import FixBody as FixBody  # noqa: PLC0414 - patrols take it from here

MAX_FIXES = 100
GAP_CAUSES = ("screen_off", "no_signal", "permission", "app_closed", "clock_changed", "unknown")


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
