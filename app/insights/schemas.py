"""Wire shapes of the board, rounds, tracks, reviews and the ledger."""

from __future__ import annotations

from marshmallow import fields, validate

from app.core.fields import Moment, Text, Wire
from app.core.pages import MAX_PAGE
from app.evidence.rules import DECISIONS
from app.evidence.schemas import GAP_CAUSES, ReviewedOut
from app.ledger.models import ACTOR_KINDS
from app.patrols.schemas import CheckInOut, RoundOut, StopOut
from app.people.schemas import PersonOut
from app.places.tags import TAG_STATES

PAGE_SIZE = 50


class PageQuery(Wire):
    """Where a page starts and how long it is."""

    cursor = Text(300)
    limit = fields.Integer(load_default=PAGE_SIZE, validate=validate.Range(1, MAX_PAGE))


class BoardQuery(Wire):
    """Which day (default today in Asia/Shanghai) and which part of the street."""

    on = fields.Date()
    place = Text(40, min_length=1)


class ReviewQuery(PageQuery):
    """Which part of the queue."""

    state = fields.String(load_default="open", validate=validate.OneOf(["open", "decided"]))
    place = Text(40, min_length=1)


class LedgerQuery(PageQuery):
    """Rows about one kind of thing, or one thing."""

    subject_kind = Text(40, min_length=1)
    subject_id = Text(80, min_length=1)


class BoardRoundOut(RoundOut):
    """One round with its figures; ``late`` means past its window, ``doubtful`` counts check-ins."""

    assignee = fields.Nested(PersonOut, required=True)
    missed_at = Moment(required=True, allow_none=True)
    late = fields.Boolean(required=True)
    stops_total = fields.Integer(required=True)
    stops_visited = fields.Integer(required=True)
    stops_skipped = fields.Integer(required=True)
    doubtful = fields.Integer(required=True)
    pending_reviews = fields.Integer(required=True)


class BoardCheckInOut(CheckInOut):
    """One check-in; ``lat`` and ``lon`` are those of the checkpoint (WGS-84)."""

    round_id = fields.UUID(required=True)
    ordinal = fields.Integer(required=True)
    checkpoint_id = fields.UUID(required=True)
    checkpoint_name = fields.String(required=True)
    checkpoint_name_en = fields.String(required=True)
    lat = fields.Float(required=True)
    lon = fields.Float(required=True)
    received_at = Moment(required=True)
    user_id = fields.UUID(required=True)


class OnDutyOut(Wire):
    """Where a person on duty was last seen (WGS-84)."""

    user_id = fields.UUID(required=True)
    display_name = fields.String(required=True)
    display_name_en = fields.String(required=True)
    lat = fields.Float(required=True)
    lon = fields.Float(required=True)
    fixed_at = Moment(required=True)
    accuracy_m = fields.Float(required=True)
    shift_started_at = Moment(required=True)


class BoardOut(Wire):
    """The board of one day; ``people`` is empty for those who may not see positions."""

    on = fields.Date(required=True)
    server_time = Moment(required=True)
    rounds = fields.List(fields.Nested(BoardRoundOut), required=True)
    check_ins = fields.List(fields.Nested(BoardCheckInOut), required=True)
    people = fields.List(fields.Nested(OnDutyOut), required=True)


class MeasuredCheckInOut(CheckInOut):
    """A visit with what its grade rests on."""

    received_at = Moment(required=True)
    distance_m = fields.Float(required=True, allow_none=True)
    accuracy_m = fields.Float(required=True, allow_none=True)
    fix_age_s = fields.Float(required=True, allow_none=True)
    tag_state = fields.String(required=True, validate=validate.OneOf(TAG_STATES))
    clock_skew_s = fields.Float(required=True)


class RoundStopOut(StopOut):
    """One stop with its visits."""

    check_ins = fields.List(fields.Nested(MeasuredCheckInOut), required=True)


class RoundDetailOut(BoardRoundOut):
    """One round with its stops."""

    on_day = fields.Date(required=True)
    ordered = fields.Boolean(required=True)
    stops = fields.List(fields.Nested(RoundStopOut), required=True)


class TrackFixOut(Wire):
    """One position (WGS-84)."""

    at = Moment(required=True)
    lat = fields.Float(required=True)
    lon = fields.Float(required=True)
    accuracy_m = fields.Float(required=True)


class TrackGapOut(Wire):
    """A stretch without positions, with its cause."""

    id = fields.UUID(required=True)
    started_at = Moment(required=True)
    ended_at = Moment(required=True)
    cause = fields.String(required=True, validate=validate.OneOf(GAP_CAUSES))


class TrackOut(Wire):
    """A person's way through one round, in the order of the phone's clock."""

    round_id = fields.UUID(required=True)
    fixes = fields.List(fields.Nested(TrackFixOut), required=True)
    gaps = fields.List(fields.Nested(TrackGapOut), required=True)
    check_ins = fields.List(fields.Nested(BoardCheckInOut), required=True)


class ReviewCheckpointOut(Wire):
    """The checkpoint that the check-in was meant for (WGS-84)."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    name_en = fields.String(required=True)
    lat = fields.Float(required=True)
    lon = fields.Float(required=True)
    radius_m = fields.Float(required=True)
    floor_label = fields.String(required=True)


class ReviewRoundOut(Wire):
    """The round of a check-in under review."""

    id = fields.UUID(required=True)
    route_name = fields.String(required=True)
    route_name_en = fields.String(required=True)
    on_day = fields.Date(required=True)


class ReviewItemOut(ReviewedOut):
    """A doubtful check-in; ``lat`` and ``lon`` are the phone's position in WGS-84."""

    received_at = Moment(required=True)
    fixed_at = Moment(required=True, allow_none=True)
    distance_m = fields.Float(required=True, allow_none=True)
    accuracy_m = fields.Float(required=True, allow_none=True)
    clock_skew_s = fields.Float(required=True)
    tag_state = fields.String(required=True, validate=validate.OneOf(TAG_STATES))
    lat = fields.Float(required=True, allow_none=True)
    lon = fields.Float(required=True, allow_none=True)
    checkpoint = fields.Nested(ReviewCheckpointOut, required=True)
    round = fields.Nested(ReviewRoundOut, required=True)
    user = fields.Nested(PersonOut, required=True)


class ReviewPageOut(Wire):
    """One page of the queue."""

    items = fields.List(fields.Nested(ReviewItemOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class DecisionBody(Wire):
    """What the supervisor decides; ``id`` is made by the console, so a repeated request is harmless."""

    id = fields.UUID(required=True)
    decision = fields.String(required=True, validate=validate.OneOf(DECISIONS))
    note = Text(500, min_length=2, required=True)


class LedgerRowOut(Wire):
    """One thing that happened."""

    id = fields.Integer(required=True)
    at = Moment(required=True)
    actor_kind = fields.String(required=True, validate=validate.OneOf(ACTOR_KINDS))
    actor_id = fields.UUID(required=True, allow_none=True)
    actor_name = fields.String(required=True, allow_none=True)
    action = fields.String(required=True)
    subject_kind = fields.String(required=True)
    subject_id = fields.String(required=True)
    place_code = fields.String(required=True)
    data = fields.Dict(keys=fields.String(), required=True)


class LedgerPageOut(Wire):
    """One page of the ledger, newest first."""

    items = fields.List(fields.Nested(LedgerRowOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
