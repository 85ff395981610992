"""Wire shapes of the intake and of the feed back to the phone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields, validate

from app.cases.schemas import FieldCasesOut
from app.core.fields import Moment, Wire
from app.evidence.rules import GRADES, REASONS
from app.evidence.schemas import ReviewedOut
from app.patrols.schemas import CheckInOut, RoundOut, StopOut
from app.sync.candidates import Sent

MAX_ENTRIES = 500


class EntryShape(Wire):
    """An entry of the phone's log: the text that was hashed and signed, and its signature."""

    id = fields.UUID(required=True, metadata={"description": "UUIDv7, the same as inside the payload"})
    payload = fields.String(required=True, metadata={"description": "JSON text, see docs/phone-log.md"})
    signature = fields.String(required=True, metadata={"description": "base64url of r and s, 64 bytes"})


class Entries(fields.List):  # type: ignore[type-arg]
    """The entries of a request. What has an id is let through and answered by itself: one bad entry must
    not stop the others. Done by hand, because 500 nested shapes would cost more than applying them."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError("Not a list.")
        if len(value) > MAX_ENTRIES:
            raise ValidationError(f"More than {MAX_ENTRIES} entries.")
        return [self._entry(item, index) for index, item in enumerate(value)]

    def _entry(self, item: Any, index: int) -> Sent:
        text = item.get("id") if isinstance(item, dict) else None
        try:
            if not isinstance(text, str) or len(text) != 36:
                raise ValueError
            return Sent(UUID(text), item.get("payload"), item.get("signature"))
        except ValueError as error:
            raise ValidationError({index: ["Not an entry with an id."]}) from error


class SyncBody(Wire):
    """A stretch of one log."""

    log = fields.UUID(required=True)
    sent_at = Moment(required=True, metadata={"description": "the phone's clock at the moment of sending"})
    entries = Entries(fields.Nested(EntryShape), required=True, metadata={"maxItems": MAX_ENTRIES})


class OutcomeShape(Wire):
    """What became of an entry."""

    status = fields.String(required=True, validate=validate.OneOf(("applied", "held", "refused")))
    grade = fields.String(
        validate=validate.OneOf(GRADES), metadata={"description": "where it carried a proof"}
    )
    reasons = fields.List(fields.String(validate=validate.OneOf(REASONS)))
    waits_for = fields.String()
    problem = fields.String(metadata={"description": "problem type, for example /problems/off-duty"})
    detail = fields.String()


class ResultShape(OutcomeShape):
    """The result of one entry; ``was`` repeats what became of one that was stored before."""

    id = fields.UUID(required=True)
    status = fields.String(required=True, validate=validate.OneOf(("applied", "already", "held", "refused")))
    was = fields.Nested(OutcomeShape)


class SyncAnswer(Wire):
    """One result for each entry sent, and the entries that are no longer held."""

    received_at = Moment(required=True)
    clock_skew_s = fields.Float(required=True)
    results = fields.List(fields.Nested(ResultShape), required=True)
    resolved = fields.List(fields.Nested(ResultShape), required=True)


class ShiftShape(Wire):
    """The shift under way."""

    id = fields.UUID(required=True)
    started_at = Moment(required=True)
    place_code = fields.String(required=True)


class StopShape(StopOut):
    """A stop of a round with what happened there."""

    check_ins = fields.List(fields.Nested(CheckInOut), required=True)


class FeedRoundShape(RoundOut):
    """A round of yesterday, today or tomorrow."""

    route_id = fields.UUID(required=True)
    ordered = fields.Boolean(required=True)
    on_day = fields.Date(required=True)
    stops = fields.List(fields.Nested(StopShape), required=True)


class DecidedShape(ReviewedOut):
    """A check-in of one's own that was decided on, with the answer given."""

    round_id = fields.UUID(required=True)
    checkpoint_name = fields.String(required=True)
    checkpoint_name_en = fields.String(required=True)


class RefusedShape(Wire):
    """An entry of one's own that could not be applied."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True, allow_none=True)
    problem = fields.String(required=True)
    detail = fields.String(required=True, allow_none=True)
    received_at = Moment(required=True)


class FeedShape(Wire):
    """Everything a phone shows, so that it can be shown again without a network."""

    server_time = Moment(required=True)
    user_id = fields.UUID(required=True)
    shift = fields.Nested(ShiftShape, required=True, allow_none=True)
    shift_max_hours = fields.Integer(required=True)
    rounds = fields.List(fields.Nested(FeedRoundShape), required=True)
    decisions = fields.List(fields.Nested(DecidedShape), required=True)
    refused = fields.List(fields.Nested(RefusedShape), required=True)
    cases = fields.Nested(FieldCasesOut, required=True)
