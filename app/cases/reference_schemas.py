"""Wire shapes of what cases are judged by: the catalogue, the responsibility matrix, absences; and who could
be given a case."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from app.cases.catalogue.rules import COMPARISONS, KINDS
from app.cases.responsibility.gap_rules import KINDS as GAP_KINDS
from app.cases.responsibility.rules import DUTIES, MAX_RANK, SELECTOR_KINDS
from app.cases.words import HAD_IT, LEVELS, MODES
from app.core.fields import Moment, Text, Wire
from app.core.pages import MAX_PAGE
from app.people.schemas import PersonOut
from app.timers.worktime import UNITS

MAX_CODE = 32
MAX_SELECTOR = 60
MAX_REASON = 200


def _one_of(words: Any) -> fields.String:
    return fields.String(required=True, validate=validate.OneOf(tuple(words)))


class ConditionOut(Wire):
    """A filing condition; where ``comparison`` is not ``any`` the form asks for a number."""

    ordinal = fields.Integer(required=True)
    text = fields.String(required=True)
    text_en = fields.String(required=True)
    measure = fields.String(required=True)
    measure_en = fields.String(required=True)
    measure_unit = fields.String(required=True)
    comparison = _one_of(COMPARISONS)
    threshold = fields.Float(required=True, allow_none=True)
    resolve_amount = fields.Float(required=True)
    resolve_unit = _one_of(UNITS)
    closing_condition = fields.String(required=True)


class ClassOut(Wire):
    """A class of problems, for pickers and explanations."""

    key = fields.String(required=True)
    kind = _one_of(KINDS)
    code = fields.String(required=True)
    major = fields.String(required=True)
    minor = fields.String(required=True)
    name = fields.String(required=True)
    name_en = fields.String(required=True)
    pinyin = fields.String(required=True)
    initials = fields.String(required=True)
    level = _one_of(LEVELS)
    mode = _one_of(MODES)
    department = fields.String(required=True)
    acknowledge_amount = fields.Float(required=True)
    acknowledge_unit = _one_of(UNITS)
    resolve_amount = fields.Float(required=True)
    resolve_unit = _one_of(UNITS)
    filing_condition = fields.String(required=True)
    closing_condition = fields.String(required=True)
    radius_m = fields.Float(required=True)
    local = fields.Boolean(required=True)
    conditions = fields.List(fields.Nested(ConditionOut), required=True)


class DepartmentOut(Wire):
    """A department by name."""

    name = fields.String(required=True)
    name_en = fields.String(required=True)


class CatalogueOut(Wire):
    """The catalogue in force: classes in the order of their codes, departments by name."""

    version = fields.Integer(required=True)
    name = fields.String(required=True)
    classes = fields.List(fields.Nested(ClassOut), required=True)
    departments = fields.List(fields.Nested(DepartmentOut), required=True)


class ResponsibilityQuery(Wire):
    """Narrows the matrix: to a place and below, to a duty, to a class key or department, to a person."""

    place = Text(MAX_CODE, min_length=1, load_default=None)
    duty = fields.String(load_default=None, validate=validate.OneOf(DUTIES))
    selector = Text(MAX_SELECTOR, min_length=1, load_default=None)
    user = fields.UUID(load_default=None)
    ended = fields.Boolean(load_default=False)
    limit = fields.Integer(load_default=100, validate=validate.Range(1, MAX_PAGE))
    cursor = Text(400, min_length=1, load_default=None)


class ResponsibilityBody(Wire):
    """A line of the matrix: at this place, for these classes, this person does this."""

    place_code = Text(MAX_CODE, required=True, min_length=1)
    selector_kind = fields.String(required=True, validate=validate.OneOf(SELECTOR_KINDS))
    selector = Text(MAX_SELECTOR, load_default="")
    duty = fields.String(required=True, validate=validate.OneOf(DUTIES))
    user_id = fields.UUID(required=True)
    rank = fields.Integer(load_default=1, strict=True, validate=validate.Range(1, MAX_RANK))
    starts_on = fields.Date(load_default=None, allow_none=True)
    ends_on = fields.Date(load_default=None, allow_none=True)


class ResponsibilityOut(Wire):
    """A line of the matrix with the names that belong to it; ``selector_name`` is of class or department."""

    id = fields.UUID(required=True)
    place_code = fields.String(required=True)
    place_name = fields.String(required=True)
    place_name_en = fields.String(required=True)
    selector_kind = _one_of(SELECTOR_KINDS)
    selector = fields.String(required=True)
    selector_name = fields.String(required=True)
    selector_name_en = fields.String(required=True)
    duty = _one_of(DUTIES)
    person = fields.Nested(PersonOut, required=True)
    rank = fields.Integer(required=True)
    starts_on = fields.Date(required=True, allow_none=True)
    ends_on = fields.Date(required=True, allow_none=True)
    ended_at = Moment(required=True, allow_none=True)


class ResponsibilitiesOut(Wire):
    """A page of the matrix, by place; ``cursor`` is None on the last page."""

    items = fields.List(fields.Nested(ResponsibilityOut), required=True)
    cursor = fields.String(required=True, allow_none=True)


class GapOut(Wire):
    """Something that is missing in the matrix, at these places, for these classes."""

    kind = _one_of(GAP_KINDS)
    place_codes = fields.List(fields.String(), required=True)
    edge_codes = fields.List(fields.String(), required=True)
    departments = fields.List(fields.String(), required=True)
    class_keys = fields.List(fields.String(), required=True)
    every_class = fields.Boolean(required=True)
    user_id = fields.UUID(required=True, allow_none=True)
    words = fields.String(required=True)
    words_en = fields.String(required=True)


class GapsOut(Wire):
    """All gaps in one's reach; none means that every class has its people everywhere."""

    items = fields.List(fields.Nested(GapOut), required=True)


class AbsenceQuery(Wire):
    """Narrows absences to the staff of a place and below."""

    place = Text(MAX_CODE, min_length=1, load_default=None)


class AbsenceBody(Wire):
    """Somebody is away: oneself where ``user_id`` is not given."""

    user_id = fields.UUID(load_default=None, allow_none=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    reason = Text(MAX_REASON, load_default="")


class AbsenceOut(Wire):
    """An absence; only the person and who runs the matrix of their place can see it."""

    id = fields.UUID(required=True)
    person = fields.Nested(PersonOut, required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    reason = fields.String(required=True)


class AbsencesOut(Wire):
    """Absences that last or are to come, the first to begin first."""

    items = fields.List(fields.Nested(AbsenceOut), required=True)


class CandidateOut(Wire):
    """Somebody who could be given the case."""

    person = fields.Nested(PersonOut, required=True)
    roles = fields.List(fields.String(), required=True)
    place_name = fields.String(required=True)
    place_name_en = fields.String(required=True)
    responsible = fields.Boolean(required=True)
    on_duty = fields.Boolean(required=True)
    away = fields.Boolean(required=True)
    distance_m = fields.Float(required=True, allow_none=True)
    open_cases = fields.Integer(required=True)
    had_it = fields.String(required=True, allow_none=True, validate=validate.OneOf(HAD_IT))


class CandidatesOut(Wire):
    """Who could be given the case, the likeliest first."""

    items = fields.List(fields.Nested(CandidateOut), required=True)
