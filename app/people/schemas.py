"""Wire shapes of people: signing in, duty, staff, and the bodies of shift entries."""

from __future__ import annotations

from marshmallow import fields, validate

from app.core.fields import Moment, Text, Wire
from app.core.position import FixBody
from app.people.rights import ROLES, VERB_ROLES

CODE_LENGTH = 32  # place codes have 3 to 15 digits; room for other schemes


class SignInArgs(Wire):
    """User name and password."""

    username = Text(64, required=True, min_length=1)
    password = Text(200, required=True, min_length=1)


class RefreshHeaders(Wire):
    """The double submit: a copy of the readable cookie."""

    csrf = Text(200, data_key="X-CSRF-Token", load_default="")


class PasswordArgs(Wire):
    """A change of one's own password."""

    current = Text(200, required=True, min_length=1)
    new = Text(200, required=True, min_length=1)


class PersonOut(Wire):
    """A person by name."""

    id = fields.UUID(required=True)
    display_name = fields.String(required=True)
    display_name_en = fields.String(required=True)


class StaffPostOut(Wire):
    """A post in a staff list."""

    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    place_code = fields.String(required=True)


class PostOut(StaffPostOut):
    """What somebody is, and where, by name."""

    place_name = fields.String(required=True)
    place_name_en = fields.String(required=True)


class MeOut(PersonOut):
    """The signed-in person: posts in force today and the verbs they give somewhere."""

    username = fields.String(required=True)
    street_code = fields.String(required=True)
    posts = fields.List(fields.Nested(PostOut), required=True)
    verbs = fields.List(fields.String(validate=validate.OneOf(list(VERB_ROLES))), required=True)


class SessionOut(Wire):
    """An access token, how many seconds it lives, and whose it is."""

    access_token = fields.String(required=True)
    expires_in = fields.Integer(required=True)
    user = fields.Nested(MeOut, required=True)


class LogArgs(Wire):
    """Registration of a phone's log: the device and the public key its entries are signed with."""

    device_id = fields.UUID(required=True)
    public_key = Text(500, required=True, min_length=1)
    label = Text(200, load_default="")


class LogOut(Wire):
    """A registered log."""

    id = fields.UUID(required=True)
    registered_at = Moment(required=True)


class PlaceQuery(Wire):
    """Narrow a list to a place and everything below it."""

    place = Text(CODE_LENGTH, min_length=1, load_default=None)


class StaffItem(PersonOut):
    """A colleague; no phone number."""

    username = fields.String(required=True)
    posts = fields.List(fields.Nested(StaffPostOut), required=True)


class StaffOut(Wire):
    """People with a post in reach."""

    items = fields.List(fields.Nested(StaffItem), required=True)


class DutyItem(Wire):
    """Somebody on duty now."""

    user_id = fields.UUID(required=True)
    display_name = fields.String(required=True)
    display_name_en = fields.String(required=True)
    shift_id = fields.UUID(required=True)
    started_at = Moment(required=True)
    place_code = fields.String(required=True)


class DutyOut(Wire):
    """Who is on duty now."""

    items = fields.List(fields.Nested(DutyItem), required=True)


class LookItem(Wire):
    """Somebody looked at a track of mine."""

    at = Moment(required=True)
    who = fields.String(required=True)
    who_en = fields.String(required=True)
    round_id = fields.UUID(required=True)
    round_name = fields.String(required=True)
    round_name_en = fields.String(required=True)
    on_day = fields.Date(required=True)


class LooksOut(Wire):
    """Who looked at my tracks, latest first."""

    items = fields.List(fields.Nested(LookItem), required=True)


class ShiftStartedBody(Wire):
    """Somebody goes on duty; the shift's id is the entry's. The position stays in the log only."""

    place = Text(CODE_LENGTH, min_length=1, load_default=None, allow_none=True)
    fix = fields.Nested(FixBody, load_default=None, allow_none=True)


class ShiftEndedBody(Wire):
    """Somebody goes off duty, or the phone ended a forgotten shift by itself."""

    shift = fields.UUID(required=True)
    automatic = fields.Boolean(load_default=False, truthy={True}, falsy={False})
