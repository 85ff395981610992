"""Wire shapes of cases: as they are shown, and what the console asks for."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from app.cases.entry_schemas import CLASS_KEY, failing_needs_words
from app.cases.life import STATES, STEPS
from app.cases.words import LEVELS, MODES, OTHER_STEPS, PARTS, PHOTO_ROLES, SOURCES, UNITS
from app.core.fields import Moment, Number, Text, Wire
from app.core.geo import DATUMS
from app.people.schemas import PersonOut

MAX_TEXT = 1000
MOST_DAYS = 366  # of one export
FIRST_YEAR, LAST_YEAR = 2000, 2199


def _nested(shape: type[Wire], *, none: bool = False) -> Any:
    return fields.Nested(shape, required=True, allow_none=none)


def _one_of(words: Any, *, none: bool = False) -> fields.String:
    return fields.String(required=True, allow_none=none, validate=validate.OneOf(tuple(words)))


class LimitOut(Wire):
    """An amount of working or clock time."""

    amount = fields.Float(required=True)
    unit = _one_of(UNITS)


class CasePhotoOut(Wire):
    """A photo of a case. ``doubts`` are plain reasons to look twice."""

    sha256 = fields.String(required=True)
    role = _one_of(PHOTO_ROLES)
    state = _one_of(("missing", "stored", "ready", "rejected", "never_came"))
    problem = fields.String(required=True, allow_none=True)
    doubts = fields.List(fields.String(), required=True)
    taken_at = Moment(required=True)
    event_id = fields.UUID(required=True)


class CaseCardOut(Wire):
    """A case as lists and the phone show it; ``my_part`` and ``steps`` are those of the reader."""

    id = fields.UUID(required=True)
    number = fields.String(required=True)
    version = fields.Integer(required=True)
    source = _one_of(SOURCES)
    class_key = fields.String(required=True)
    class_name = fields.String(required=True)
    class_name_en = fields.String(required=True)
    level = _one_of(LEVELS)
    mode = _one_of(MODES)
    urgent = fields.Boolean(required=True)
    state = _one_of(STATES)
    text = fields.String(required=True)
    address = fields.String(required=True)
    place_code = fields.String(required=True)
    place_name = fields.String(required=True)
    place_name_en = fields.String(required=True)
    lat = fields.Float(required=True)
    lon = fields.Float(required=True)
    accuracy_m = fields.Float(required=True)
    radius_m = fields.Float(required=True)
    filed_at = Moment(required=True)
    acknowledge_due_at = Moment(required=True, allow_none=True)
    due_at = Moment(required=True, allow_none=True)
    verify_due_at = Moment(required=True, allow_none=True)
    hold_until = Moment(required=True, allow_none=True)
    overdue = fields.Boolean(required=True)
    ended_at = Moment(required=True, allow_none=True)
    owner = _nested(PersonOut, none=True)
    verifier = _nested(PersonOut, none=True)  # who was asked to verify it
    reports = fields.Integer(required=True)
    returns = fields.Integer(required=True)
    fixed_on_spot = fields.Boolean(required=True)
    my_part = fields.String(required=True, allow_none=True, validate=validate.OneOf((*PARTS, "reporter")))
    steps = fields.List(fields.String(validate=validate.OneOf(tuple(STEPS))), required=True)


class FieldCaseOut(CaseCardOut):
    """A case on the phone: with what its reader needs where there is no network."""

    closing_condition = fields.String(required=True)
    photos = fields.List(fields.Nested(CasePhotoOut), required=True)
    deadline = fields.Dict(required=True, allow_none=True, metadata={"description": "its arithmetic"})
    last_note = fields.String(required=True, metadata={"description": "why it was sent back, or the like"})


class NearCaseOut(Wire):
    """A live case nearby, to join instead of reporting it again."""

    id = fields.UUID(required=True)
    number = fields.String(required=True)
    class_key = fields.String(required=True)
    class_name = fields.String(required=True)
    class_name_en = fields.String(required=True)
    state = _one_of(STATES)
    address = fields.String(required=True)
    lat = fields.Float(required=True)
    lon = fields.Float(required=True)
    filed_at = Moment(required=True)
    reports = fields.Integer(required=True)


class FieldCasesOut(Wire):
    """Everything about cases that the phone shows."""

    tasks = fields.List(fields.Nested(FieldCaseOut), required=True)  # mine to handle, or to help with
    to_verify = fields.List(fields.Nested(FieldCaseOut), required=True)
    watching = fields.List(fields.Nested(FieldCaseOut), required=True)
    reported = fields.List(fields.Nested(FieldCaseOut), required=True)  # by me, of the last 14 days
    nearby = fields.List(fields.Nested(NearCaseOut), required=True)  # live ones of my places
    catalogue_version = fields.Integer(required=True, allow_none=True)
    unread = fields.Integer(required=True)  # messages in the inbox


class NearQuery(Wire):
    """Around where, and of which class."""

    lat = fields.Float(required=True, validate=validate.Range(-90, 90))
    lon = fields.Float(required=True, validate=validate.Range(-180, 180))
    class_key = fields.String(load_default=None, validate=CLASS_KEY)


class NearOut(Wire):
    """Live cases nearby, nearest first."""

    items = fields.List(fields.Nested(NearCaseOut), required=True)


class CaseEventOut(Wire):
    """One step in the life of a case."""

    id = fields.UUID(required=True)
    ordinal = fields.Integer(required=True)
    step = _one_of((*OTHER_STEPS, *STEPS))
    from_state = _one_of(STATES, none=True)
    to_state = _one_of(STATES)
    actor = _nested(PersonOut, none=True)
    at = Moment(required=True)
    received_at = Moment(required=True)
    text = fields.String(required=True)
    data = fields.Dict(required=True)


class CasePersonOut(Wire):
    """Somebody's part in the case; of an owner on the way, how far off they were last seen."""

    person = _nested(PersonOut)
    part = _one_of(PARTS)
    why = fields.String(required=True)
    since = Moment(required=True)
    accepted_at = Moment(required=True, allow_none=True)
    until = Moment(required=True, allow_none=True)
    distance_m = fields.Float(required=True, allow_none=True)
    seen_at = Moment(required=True, allow_none=True)
    arrived_at = Moment(required=True, allow_none=True)


class CaseRequestOut(Wire):
    """A request for a hold or for more time, and what was decided."""

    id = fields.UUID(required=True)
    kind = _one_of(("hold", "extension"))
    reason = fields.String(required=True)
    amount = fields.Float(required=True, allow_none=True)
    until = Moment(required=True, allow_none=True)
    asked_by = _nested(PersonOut)
    asked_at = Moment(required=True)
    decision = _one_of(("granted", "denied"), none=True)
    note = fields.String(required=True)


class CaseReportOut(Wire):
    """Another report of the same problem."""

    id = fields.UUID(required=True)
    source = _one_of(SOURCES)
    source_ref = fields.String(required=True, allow_none=True)
    reporter = _nested(PersonOut, none=True)
    text = fields.String(required=True)
    reported_at = Moment(required=True)


class CaseDetailOut(FieldCaseOut):
    """A case with everything about it."""

    source_ref = fields.String(required=True, allow_none=True)
    department = fields.String(required=True)
    department_en = fields.String(required=True)
    filing_condition = fields.String(required=True)
    condition_text = fields.String(required=True)
    condition_text_en = fields.String(required=True)
    measured = fields.Float(required=True, allow_none=True)
    measure_unit = fields.String(required=True)
    catalogue_version = fields.Integer(required=True)
    policy_version = fields.Integer(required=True)
    calendar_version = fields.Integer(required=True)
    acknowledge_limit = _nested(LimitOut)
    resolve_limit = _nested(LimitOut)
    extension_amount = fields.Float(required=True)
    note_due_at = Moment(required=True, allow_none=True)
    parent_id = fields.UUID(required=True, allow_none=True)
    people = fields.List(fields.Nested(CasePersonOut), required=True)
    events = fields.List(fields.Nested(CaseEventOut), required=True)
    requests = fields.List(fields.Nested(CaseRequestOut), required=True)
    other_reports = fields.List(fields.Nested(CaseReportOut), required=True)
    reach = fields.List(fields.Dict(), required=True, metadata={"description": "who was told and reached"})


class IntakeBody(Wire):
    """A problem that an outside source reports: hotline, shop code, sensor, video, inspection."""

    id = fields.UUID(required=True)
    source = fields.String(required=True, validate=validate.OneOf(SOURCES[1:]))
    source_ref = Text(64, min_length=1, required=True)
    class_key = fields.String(required=True, validate=CLASS_KEY)
    condition = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 99)
    )
    measured = Number(0, 1_000_000, load_default=None, allow_none=True)
    text = Text(MAX_TEXT, load_default="")
    address = Text(256, load_default="")
    lat = Number(-90, 90, required=True)
    lon = Number(-180, 180, required=True)
    datum = fields.String(load_default="wgs84", validate=validate.OneOf(DATUMS))
    accuracy_m = Number(0, 100_000, load_default=20.0)
    found_at = Moment(required=True)


class StepBody(Wire):
    """A step with words that may be left out; ``id`` is made when the form opens."""

    id = fields.UUID(required=True)
    text = Text(MAX_TEXT, load_default="")


class SaidBody(Wire):
    """A step that needs words."""

    id = fields.UUID(required=True)
    text = Text(MAX_TEXT, min_length=2, required=True)


class DispatchBody(StepBody):
    """To whom; nobody named: whoever the rules choose."""

    owner_id = fields.UUID(load_default=None, allow_none=True)


class ArbitrationBody(SaidBody):
    """The arbiter names the owner."""

    owner_id = fields.UUID(required=True)


class VerificationBody(StepBody):
    """Gone or not."""

    passed = fields.Boolean(required=True, truthy={True}, falsy={False})

    @validates_schema
    def failing_needs_words(self, data: dict[str, Any], **_: Any) -> None:
        """Who sends it back says why."""
        failing_needs_words(data)


class HoldBody(SaidBody):
    """The clock stands still until then."""

    until = Moment(required=True)


class RequestDecisionBody(SaidBody):
    """On a request of the owner."""

    request_id = fields.UUID(required=True)
    granted = fields.Boolean(required=True, truthy={True}, falsy={False})


class LinkBody(SaidBody):
    """This case is the same as that one."""

    parent_id = fields.UUID(required=True)


class CallInBody(StepBody):
    """Another force joins the work (联勤联动)."""

    user_id = fields.UUID(required=True)


class CaseBoardQuery(Wire):
    """Which cases; live ones are ordered by deadline (overdue first), ended ones newest first."""

    view = fields.String(load_default="live", validate=validate.OneOf(("live", "ended")))
    state = fields.String(load_default=None, validate=validate.OneOf(tuple(STATES)))
    mode = fields.String(load_default=None, validate=validate.OneOf(MODES))
    source = fields.String(load_default=None, validate=validate.OneOf(SOURCES))
    class_key = fields.String(load_default=None, validate=CLASS_KEY)
    department = Text(40, load_default=None)
    place = Text(32, load_default=None)
    owner_id = fields.UUID(load_default=None)
    overdue = fields.Boolean(load_default=None)
    accept_overdue = fields.Boolean(load_default=False)
    mine = fields.Boolean(load_default=False)
    number = Text(40, load_default=None)  # its beginning; 1 to 4 digits: its end
    filed_from = Moment(load_default=None)
    filed_to = Moment(load_default=None)
    cursor = Text(400, load_default=None)
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))


class CaseBoardOut(Wire):
    """A page of the board, and how many live cases there are of each state."""

    items = fields.List(fields.Nested(CaseCardOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class CaseMapQuery(Wire):
    """A rectangle in WGS-84."""

    west = fields.Float(required=True, validate=validate.Range(-180, 180))
    south = fields.Float(required=True, validate=validate.Range(-90, 90))
    east = fields.Float(required=True, validate=validate.Range(-180, 180))
    north = fields.Float(required=True, validate=validate.Range(-90, 90))

    @validates_schema
    def edges_in_order(self, data: dict[str, Any], **_: Any) -> None:
        """Its edges are where they are called."""
        for low, high in (("west", "east"), ("south", "north")):
            if data[low] > data[high]:
                raise ValidationError(f"Must not be beyond {high}.", low)


class MapCaseOut(Wire):
    """A live case as a point."""

    id = fields.UUID(required=True)
    number = fields.String(required=True)
    class_name = fields.String(required=True)
    class_name_en = fields.String(required=True)
    state = _one_of(STATES)
    mode = _one_of(MODES)
    overdue = fields.Boolean(required=True)
    lat = fields.Float(required=True)
    lon = fields.Float(required=True)


class CaseMapOut(Wire):
    """Live cases in a rectangle, the most urgent ones where there are too many."""

    items = fields.List(fields.Nested(MapCaseOut), required=True)
    total = fields.Integer(required=True)


class PhotoQuery(Wire):
    """Which size of a photo."""

    size = fields.String(load_default="small", validate=validate.OneOf(("small", "large")))


class CaseExportQuery(Wire):
    """What to export: cases filed in a span of days, both included, at most 366."""

    format = fields.String(required=True, validate=validate.OneOf(("csv", "xlsx")))
    from_ = fields.Date(required=True, data_key="from")
    to = fields.Date(required=True)
    place = Text(32, load_default=None)

    @validates_schema
    def a_span_of_days(self, data: dict[str, Any], **_: Any) -> None:
        """From a day to the same or a later one, a year at most."""
        if data["from_"].year < FIRST_YEAR or data["to"].year > LAST_YEAR:
            raise ValidationError("This day is out of range.", "to")
        if not 0 <= (data["to"] - data["from_"]).days < MOST_DAYS:
            raise ValidationError(f"Choose from 1 to {MOST_DAYS} days.", "to")
