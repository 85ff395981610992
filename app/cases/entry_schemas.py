"""Bodies of the phone's log entries about cases (docs/phone-log.md section 4).

The id of ``case_reported`` is the id of the case; every other entry names the case it is about.
"""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from app.cases.words import PHOTO_ROLES, RETURN_REASONS
from app.core.fields import Moment, Number, Text, Wire, visible
from app.core.geo import DATUMS
from app.core.position import FixBody

MAX_PHOTOS = 9
MAX_EXTENSION = 200  # in the unit of the case's limit
SHA256 = validate.Regexp(r"^[0-9a-f]{64}\Z")
CLASS_KEY = validate.Regexp(r"^[PM]-[0-9]{5}\Z")


class PhotoBody(Wire):
    """A photo by the hash of its bytes, with where and when it was taken; the bytes come by themselves."""

    sha256 = fields.String(required=True, validate=SHA256)
    role = fields.String(required=True, validate=validate.OneOf(PHOTO_ROLES))
    at = Moment(required=True)
    fix = fields.Nested(FixBody, load_default=None, allow_none=True)


def _photos(least: int) -> fields.List[Any]:
    length = validate.Length(min=least, max=MAX_PHOTOS)
    if least:
        return fields.List(fields.Nested(PhotoBody), required=True, validate=length)
    return fields.List(fields.Nested(PhotoBody), load_default=list, validate=length)


class PinBody(Wire):
    """A spot pointed at on a map, where the phone had no position."""

    lat = Number(-90, 90, required=True)
    lon = Number(-180, 180, required=True)
    datum = fields.String(required=True, validate=validate.OneOf(DATUMS))


class CaseReportedBody(Wire):
    """Something was found; ``fixed_on_spot`` where it was put right at once (即查即改)."""

    class_key = fields.String(required=True, validate=CLASS_KEY, data_key="class")
    catalogue = fields.Integer(required=True, strict=True, validate=validate.Range(1, 1_000_000))
    condition = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 99)
    )
    measured = Number(0, 1_000_000, load_default=None, allow_none=True)
    text = Text(1000, load_default="")
    address = Text(256, load_default="")
    shift = fields.UUID(load_default=None, allow_none=True)
    fix = fields.Nested(FixBody, load_default=None, allow_none=True)
    pin = fields.Nested(PinBody, load_default=None, allow_none=True)
    photos = _photos(1)
    fixed_on_spot = fields.Boolean(load_default=False, truthy={True}, falsy={False})

    @validates_schema
    def before_and_after(self, data: dict[str, Any], **_: Any) -> None:
        """What was put right at once is shown before and after."""
        roles = {photo["role"] for photo in data.get("photos", [])}
        if data.get("fixed_on_spot") and not {"before", "after"} <= roles:
            raise ValidationError("Put right on the spot needs a photo before and one after.", "photos")


class AboutCase(Wire):
    """Whatever is about a known case."""

    case = fields.UUID(required=True)


class CaseJoinedBody(AboutCase):
    """The same problem was found by another person."""

    text = Text(1000, load_default="")
    fix = fields.Nested(FixBody, load_default=None, allow_none=True)
    photos = _photos(0)


class CaseAcceptedBody(AboutCase):
    """The owner takes the case on."""


class CaseReturnedBody(AboutCase):
    """The owner gives it back, with the reason."""

    reason = fields.String(required=True, validate=validate.OneOf(RETURN_REASONS))
    text = Text(1000, min_length=2, required=True)


class CaseArrivedBody(AboutCase):
    """The owner says to be there."""

    shift = fields.UUID(load_default=None, allow_none=True)
    fix = fields.Nested(FixBody, load_default=None, allow_none=True)


class CaseResolvedBody(CaseArrivedBody):
    """The problem is gone, as the photos show."""

    text = Text(1000, load_default="")
    photos = _photos(1)


def failing_needs_words(data: dict[str, Any]) -> None:
    """Refuse a failed verification that does not say what is still wrong.

    Raises:
        ValidationError: on ``text``.
    """
    if data.get("passed") is False and len(visible(data.get("text") or "")) < 2:
        raise ValidationError("Say what is still wrong, in 2 to 1000 characters.", "text")


class CaseVerifiedBody(CaseArrivedBody):
    """Another person has looked whether it is gone."""

    passed = fields.Boolean(required=True, truthy={True}, falsy={False})
    text = Text(1000, load_default="")
    photos = _photos(0)

    @validates_schema
    def failing_needs_words(self, data: dict[str, Any], **_: Any) -> None:
        """Who sends it back says why."""
        failing_needs_words(data)


class CaseNotedBody(AboutCase):
    """A note of progress."""

    text = Text(1000, min_length=2, required=True)
    photos = _photos(0)


class CaseHoldAskedBody(AboutCase):
    """The owner asks to let the clock stand still until a moment."""

    text = Text(1000, min_length=2, required=True)
    until = Moment(required=True)


class CaseExtensionAskedBody(AboutCase):
    """The owner asks for more time, in the unit of the case's limit."""

    text = Text(1000, min_length=2, required=True)
    amount = Number(0.5, MAX_EXTENSION, required=True)


class CaseResumedBody(AboutCase):
    """The owner goes on before the hold ends."""

    text = Text(1000, load_default="")


class CaseCoDoneBody(AboutCase):
    """A co-handler has done their part."""

    text = Text(1000, min_length=2, required=True)
    photos = _photos(0)
