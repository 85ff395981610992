"""Wire shapes of patrols: log entries (docs/phone-log.md section 4), routes and schedules."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from app.core.fields import Moment, Text, Wire
from app.core.position import FixBody
from app.evidence.schemas import JudgedOut
from app.patrols.rules import STATES
from app.people.schemas import PersonOut
from app.places.schemas import SpotOut

MAX_STOPS = 200
SKIP_REASONS = ("locked", "blocked", "unsafe", "closed", "other")
SERIAL = validate.Range(1, 100_000)


class RoundStartedBody(Wire):
    """A round begins."""

    round = fields.UUID(required=True)
    shift = fields.UUID(required=True)
    fix = fields.Nested(FixBody, load_default=None, allow_none=True)


class RoundFinishedBody(Wire):
    """A round is over: complete, or early with a reason."""

    round = fields.UUID(required=True)
    outcome = fields.String(required=True, validate=validate.OneOf(("complete", "early")))
    reason = Text(500, load_default=None, allow_none=True)

    @validates_schema
    def early_needs_a_reason(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse an early end without 2 to 500 characters of reason."""
        if data.get("outcome") == "early" and len((data.get("reason") or "").strip()) < 2:
            raise ValidationError("An early end needs a reason of 2 to 500 characters.", "reason")


class CheckInBody(Wire):
    """A visit to a stop."""

    round = fields.UUID(required=True)
    shift = fields.UUID(required=True)
    stop = fields.Integer(required=True, strict=True, validate=SERIAL)
    checkpoint = fields.UUID(required=True)
    fix = fields.Nested(FixBody, required=True, allow_none=True)
    tag = Text(500, load_default=None, allow_none=True)
    note = Text(500, load_default="")


class StopSkippedBody(Wire):
    """A stop passed over, with the reason."""

    round = fields.UUID(required=True)
    shift = fields.UUID(required=True)
    stop = fields.Integer(required=True, strict=True, validate=SERIAL)
    reason = fields.String(required=True, validate=validate.OneOf(SKIP_REASONS))
    text = Text(500, load_default="")

    @validates_schema
    def other_needs_text(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse ``other`` without words."""
        if data.get("reason") == "other" and len((data.get("text") or "").strip()) < 2:
            raise ValidationError("Another reason needs 2 to 500 characters of text.", "text")


class RouteBody(Wire):
    """A route to create."""

    id = fields.UUID(required=True)
    name = Text(100, min_length=1, required=True)
    name_en = Text(100, load_default="")
    place_code = Text(20, min_length=1, required=True)
    ordered = fields.Boolean(required=True, truthy={True}, falsy={False})
    checkpoint_ids = fields.List(
        fields.UUID(),
        required=True,
        validate=validate.Length(min=1, max=MAX_STOPS),
        metadata={"description": "In the order of the walk; a round trip may visit a checkpoint twice"},
    )


class RouteShape(Wire):
    """A route as it is read."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    name_en = fields.String(required=True)
    place_code = fields.String(required=True)
    place_name = fields.String(required=True)
    place_name_en = fields.String(required=True)
    ordered = fields.Boolean(required=True)
    active = fields.Boolean(required=True)
    checkpoint_ids = fields.List(fields.UUID(), required=True)


class RoutesShape(Wire):
    """The routes of one's places, active ones only."""

    items = fields.List(fields.Nested(RouteShape), required=True)


class ScheduleBody(Wire):
    """A schedule to create."""

    id = fields.UUID(required=True)
    route_id = fields.UUID(required=True)
    assignee_id = fields.UUID(required=True)
    starts_at_local = Text(16, min_length=16, required=True, metadata={"example": "2026-11-01T09:00"})
    recurrence = Text(300, min_length=1, required=True, metadata={"example": "FREQ=DAILY"})
    window_minutes = fields.Integer(required=True, strict=True, validate=validate.Range(5, 1440))


class ScheduleShape(Wire):
    """A schedule as it is read."""

    id = fields.UUID(required=True)
    route_id = fields.UUID(required=True)
    route_name = fields.String(required=True)
    route_name_en = fields.String(required=True)
    place_code = fields.String(required=True)
    assignee = fields.Nested(PersonOut, required=True)
    starts_at_local = fields.String(required=True)
    recurrence = fields.String(required=True)
    window_minutes = fields.Integer(required=True)
    ended_at = Moment(required=True, allow_none=True)


class SchedulesShape(Wire):
    """The schedules of one's places, running ones only."""

    items = fields.List(fields.Nested(ScheduleShape), required=True)


class RoundOut(Wire):
    """A round: whose way, when, and how far it has come."""

    id = fields.UUID(required=True)
    route_name = fields.String(required=True)
    route_name_en = fields.String(required=True)
    place_code = fields.String(required=True)
    place_name = fields.String(required=True)
    place_name_en = fields.String(required=True)
    window_starts_at = Moment(required=True)
    window_ends_at = Moment(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    started_at = Moment(required=True, allow_none=True)
    finished_at = Moment(required=True, allow_none=True)
    end_reason = fields.String(required=True, allow_none=True)
    ended_automatically = fields.Boolean(
        required=True, metadata={"description": "Nobody said that it is over; the phone still may."}
    )


class CheckInOut(JudgedOut):
    """A visit to a stop as the server graded it."""

    id = fields.UUID(required=True)


class SkipOut(Wire):
    """Why a stop was passed over."""

    reason = fields.String(required=True, validate=validate.OneOf(SKIP_REASONS))
    text = fields.String(required=True)


class StopOut(Wire):
    """A stop of a round, but for the visits: who reads decides how much of them is shown."""

    ordinal = fields.Integer(required=True)
    checkpoint = fields.Nested(SpotOut, required=True)
    skip = fields.Nested(SkipOut, required=True, allow_none=True)
