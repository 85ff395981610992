"""Wire shapes of evidence: inside log entries (docs/phone-log.md section 4), and as graded and reviewed."""

from __future__ import annotations

from marshmallow import fields, validate

from app.core.fields import Moment, Text, Wire
from app.core.position import FixBody as FixBody  # noqa: PLC0414 - patrols take it from here
from app.evidence.rules import DECISIONS, GRADES, REASONS, REVIEW_STATES

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


class JudgedOut(Wire):
    """A proof as it was graded, and how far its review has come."""

    captured_at = Moment(required=True)
    grade = fields.String(required=True, validate=validate.OneOf(GRADES))
    reasons = fields.List(fields.String(validate=validate.OneOf(REASONS)), required=True)
    review_state = fields.String(required=True, validate=validate.OneOf(REVIEW_STATES))


class DecisionOut(Wire):
    """A supervisor's decision: the first, or the second after the worker's answer."""

    ordinal = fields.Integer(required=True)
    decision = fields.String(required=True, validate=validate.OneOf(DECISIONS))
    note = fields.String(required=True)
    decided_at = Moment(required=True)
    decided_by = fields.String(required=True)
    decided_by_en = fields.String(required=True)


class AnswerOut(Wire):
    """The worker's one answer."""

    text = fields.String(required=True)
    answered_at = Moment(required=True)


class ReviewedOut(JudgedOut):
    """A proof with what was decided on it and what the worker answered."""

    proof_id = fields.UUID(required=True)
    reviews = fields.List(fields.Nested(DecisionOut), required=True)
    answer = fields.Nested(AnswerOut, required=True, allow_none=True)
