"""Wire shapes of escalation policies and their dry run."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from app.cases.entry_schemas import CLASS_KEY
from app.cases.life import STATES
from app.cases.policy.document import MAX_AMOUNT, RECIPIENTS, REPLACEMENTS
from app.cases.schemas import LimitOut
from app.cases.words import MODES
from app.core.fields import Moment, Number, Text, Wire
from app.timers.worktime import UNITS

MAX_MINUTES = 60.0 * 24 * 366
_DOCUMENT = {"description": "as docs/escalation.md describes it"}


def _words(words: Any, *, none: bool = False) -> fields.String:
    return fields.String(required=True, allow_none=none, validate=validate.OneOf(tuple(words)))


class PolicyVersionOut(Wire):
    """A version of the street's policy; ``created_by`` is null where the command line put it in force."""

    version = fields.Integer(required=True)
    name = fields.String(required=True)
    name_en = fields.String(required=True)
    in_force = fields.Boolean(required=True)
    created_at = Moment(required=True)
    created_by = fields.String(required=True, allow_none=True)
    created_by_en = fields.String(required=True, allow_none=True)


class PolicyVersionsOut(Wire):
    """All versions, the one in force first."""

    items = fields.List(fields.Nested(PolicyVersionOut), required=True)


class PolicyOut(PolicyVersionOut):
    """A version with its rules."""

    document = fields.Dict(required=True, metadata=_DOCUMENT)


class PolicyBody(Wire):
    """A policy to look at."""

    document = fields.Dict(required=True, metadata=_DOCUMENT)


class NewPolicyBody(PolicyBody):
    """A policy to put in force for the whole street."""

    street_code = Text(20, min_length=1, required=True)


class SavedPolicyOut(Wire):
    """The version that is now in force."""

    version = fields.Integer(required=True)


class PolicyFaultOut(Wire):
    """Something wrong with a policy: where, a stable code, a sentence in each language."""

    path = fields.String(required=True)
    code = fields.String(required=True)
    zh = fields.String(required=True)
    en = fields.String(required=True)


class PolicyFaultsOut(Wire):
    """What is wrong; nothing where the policy may be put in force."""

    faults = fields.List(fields.Nested(PolicyFaultOut), required=True)


class LimitIn(Wire):
    """An amount of working or clock time."""

    amount = Number(0.01, MAX_AMOUNT, required=True)
    unit = _words(UNITS)


class CaseLimitsIn(Wire):
    """What a class would give a new case."""

    acknowledge = fields.Nested(LimitIn, required=True)
    resolve = fields.Nested(LimitIn, required=True)
    mode = _words(MODES)
    urgent = fields.Boolean(required=True, truthy={True}, falsy={False})


class AssumptionsIn(Wire):
    """What people are taken to do, in minutes on the clock after what came before; null: never."""

    on_duty = fields.Boolean(load_default=True, truthy={True}, falsy={False})
    acknowledged_after = Number(0, MAX_MINUTES, load_default=None, allow_none=True)
    returned_after = Number(0, MAX_MINUTES, load_default=None, allow_none=True)
    arbitrated_after = Number(0, MAX_MINUTES, load_default=None, allow_none=True)
    resolved_after = Number(0, MAX_MINUTES, load_default=None, allow_none=True)
    verified_after = Number(0, MAX_MINUTES, load_default=None, allow_none=True)
    notes_written = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class DryRunBody(Wire):
    """Which policy (that in force where neither document nor version is given), which case, and when.

    The case is one of a class of the catalogue in force, or of the limits given.
    """

    document = fields.Dict(load_default=None, allow_none=True, metadata=_DOCUMENT)
    version = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 2_000_000_000)
    )
    class_key = fields.String(load_default=None, allow_none=True, validate=CLASS_KEY)
    limits = fields.Nested(CaseLimitsIn, load_default=None, allow_none=True)
    starts_at = Moment(required=True)
    assumptions = fields.Nested(AssumptionsIn, load_default=lambda: AssumptionsIn().load({}))

    @validates_schema
    def one_of_each(self, data: dict[str, Any], **_: Any) -> None:
        """Two answers to one question are a mistake."""
        if data["document"] is not None and data["version"] is not None:
            raise ValidationError("Give a document or a version, not both.", "version")
        if (data["class_key"] is None) == (data["limits"] is None):
            raise ValidationError("Give a class or limits.", "class_key")


class StepOut(Wire):
    """What the policy wants done."""

    tell = fields.List(_words(RECIPIENTS), required=True)
    urgent = fields.Boolean(required=True)
    replace = _words(REPLACEMENTS, none=True)
    raise_to = _words(MODES, none=True)
    again_after = fields.Nested(LimitOut, required=True, allow_none=True)
    last_resort = fields.Boolean(required=True)
    rule_index = fields.Integer(required=True, allow_none=True)
    nth = fields.Integer(required=True)


class MomentOut(Wire):
    """Something that happens in a dry run, as data and in words."""

    at = Moment(required=True)
    kind = _words(("state", "clock", "trigger"))
    what = fields.String(required=True)
    mode = _words(MODES)
    state = _words(STATES)
    due_at = Moment(required=True, allow_none=True)
    warnings = fields.List(fields.String(), required=True)
    step = fields.Nested(StepOut, required=True, allow_none=True)
    owner_stays = fields.Boolean(required=True)
    zh = fields.String(required=True)
    en = fields.String(required=True)


class DryRunOut(Wire):
    """The whole timeline; ``deadline`` is the arithmetic of the limit to resolve."""

    calendar_version = fields.Integer(required=True)
    deadline = fields.Dict(required=True)
    moments = fields.List(fields.Nested(MomentOut), required=True)
