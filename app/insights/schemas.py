"""Wire shapes of the board, rounds, tracks, reviews and the ledger."""

from __future__ import annotations

from marshmallow import fields, validate

from app.core.fields import Moment, Text, Wire
from app.core.pages import MAX_PAGE

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


class PersonOut(Wire):
    """A person by name."""

    id = fields.UUID(required=True)
    display_name = fields.String(required=True)
    display_name_en = fields.String(required=True)


class BoardRoundOut(Wire):
    """One round with its figures; ``late`` means past its window, ``doubtful`` counts check-ins."""

    id = fields.UUID(required=True)
    route_name = fields.String(required=True)
    route_name_en = fields.String(required=True)
    place_code = fields.String(required=True)
    place_name = fields.String(required=True)
    place_name_en = fields.String(required=True)
    assignee = fields.Nested(PersonOut, required=True)
    window_starts_at = Moment(required=True)
    window_ends_at = Moment(required=True)
    state = fields.String(
        required=True,
        validate=validate.OneOf(["planned", "started", "finished", "ended_early", "missed"]),
    )
    started_at = Moment(required=True, allow_none=True)
    finished_at = Moment(required=True, allow_none=True)
    end_reason = fields.String(required=True, allow_none=True)
    ended_automatically = fields.Boolean(
        required=True, metadata={"description": "Nobody said that it is over; the phone still may."}
    )
    missed_at = Moment(required=True, allow_none=True)
    late = fields.Boolean(required=True)
    stops_total = fields.Integer(required=True)
    stops_visited = fields.Integer(required=True)
    stops_skipped = fields.Integer(required=True)
    doubtful = fields.Integer(required=True)
    pending_reviews = fields.Integer(required=True)


class BoardCheckInOut(Wire):
    """One check-in; ``lat`` and ``lon`` are those of the checkpoint (WGS-84)."""

    id = fields.UUID(required=True)
    round_id = fields.UUID(required=True)
    ordinal = fields.Integer(required=True)
    checkpoint_id = fields.UUID(required=True)
    checkpoint_name = fields.String(required=True)
    checkpoint_name_en = fields.String(required=True)
    lat = fields.Float(required=True)
    lon = fields.Float(required=True)
    captured_at = Moment(required=True)
    received_at = Moment(required=True)
    grade = fields.String(required=True)
    reasons = fields.List(fields.String(), required=True)
    review_state = fields.String(required=True)
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


class StopCheckpointOut(Wire):
    """The checkpoint of a stop (WGS-84)."""

    id = fields.UUID(required=True)
    code = fields.String(required=True)
    name = fields.String(required=True)
    name_en = fields.String(required=True)
    kind = fields.String(required=True)
    floor_label = fields.String(required=True)
    radius_m = fields.Float(required=True)
    lat = fields.Float(required=True)
    lon = fields.Float(required=True)


class StopCheckInOut(Wire):
    """A visit with what its grade rests on."""

    id = fields.UUID(required=True)
    captured_at = Moment(required=True)
    received_at = Moment(required=True)
    grade = fields.String(required=True)
    reasons = fields.List(fields.String(), required=True)
    review_state = fields.String(required=True)
    distance_m = fields.Float(required=True, allow_none=True)
    accuracy_m = fields.Float(required=True, allow_none=True)
    fix_age_s = fields.Float(required=True, allow_none=True)
    tag_state = fields.String(required=True)
    clock_skew_s = fields.Float(required=True)


class StopSkipOut(Wire):
    """Why a stop was passed over."""

    reason = fields.String(required=True)
    text = fields.String(required=True)


class RoundStopOut(Wire):
    """One stop with its visits."""

    ordinal = fields.Integer(required=True)
    checkpoint = fields.Nested(StopCheckpointOut, required=True)
    check_ins = fields.List(fields.Nested(StopCheckInOut), required=True)
    skip = fields.Nested(StopSkipOut, required=True, allow_none=True)


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
    cause = fields.String(required=True)


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


class DecisionOut(Wire):
    """A supervisor's decision: the first, or the second after the worker's answer."""

    ordinal = fields.Integer(required=True)
    decision = fields.String(required=True)
    note = fields.String(required=True)
    decided_at = Moment(required=True)
    decided_by = fields.String(required=True)
    decided_by_en = fields.String(required=True)


class AnswerOut(Wire):
    """The worker's one answer."""

    text = fields.String(required=True)
    answered_at = Moment(required=True)


class ReviewItemOut(Wire):
    """A doubtful check-in; ``lat`` and ``lon`` are the phone's position in WGS-84."""

    proof_id = fields.UUID(required=True)
    grade = fields.String(required=True)
    reasons = fields.List(fields.String(), required=True)
    review_state = fields.String(required=True)
    captured_at = Moment(required=True)
    received_at = Moment(required=True)
    fixed_at = Moment(required=True, allow_none=True)
    distance_m = fields.Float(required=True, allow_none=True)
    accuracy_m = fields.Float(required=True, allow_none=True)
    clock_skew_s = fields.Float(required=True)
    tag_state = fields.String(required=True)
    lat = fields.Float(required=True, allow_none=True)
    lon = fields.Float(required=True, allow_none=True)
    checkpoint = fields.Nested(ReviewCheckpointOut, required=True)
    round = fields.Nested(ReviewRoundOut, required=True)
    user = fields.Nested(PersonOut, required=True)
    reviews = fields.List(fields.Nested(DecisionOut), required=True)
    answer = fields.Nested(AnswerOut, required=True, allow_none=True)


class ReviewPageOut(Wire):
    """One page of the queue."""

    items = fields.List(fields.Nested(ReviewItemOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class DecisionBody(Wire):
    """What the supervisor decides; ``id`` is made by the console, so a repeated request is harmless."""

    id = fields.UUID(required=True)
    decision = fields.String(required=True, validate=validate.OneOf(["accepted", "rejected"]))
    note = Text(500, min_length=2, required=True)


class LedgerRowOut(Wire):
    """One thing that happened."""

    id = fields.Integer(required=True)
    at = Moment(required=True)
    actor_kind = fields.String(required=True)
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
