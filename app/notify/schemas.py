"""Wire shapes of notifications, their settings, and the browsers that receive them."""

from __future__ import annotations

from marshmallow import fields, validate

from app.core.fields import Moment, Text, Wire
from app.core.pages import MAX_PAGE
from app.notify.receipts import LONGEST
from app.notify.rules import CHANNELS, KINDS, LANGUAGES, LIVE

PAGE_SIZE = 50
MOST_IDS = 200
MOST_RECEIPTS = 20
ORDERED = [channel for channel in CHANNELS if channel != LIVE]


class InboxQuery(Wire):
    """Which part of the inbox, and in which language (default: the one that was chosen)."""

    cursor = Text(300)
    limit = fields.Integer(load_default=PAGE_SIZE, validate=validate.Range(1, MAX_PAGE))
    unread_only = fields.Boolean(load_default=False)
    lang = fields.String(validate=validate.OneOf(LANGUAGES))


class NotificationOut(Wire):
    """Something that the reader was told. ``withdrawn``: the subject was over before it was read."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    subject_kind = fields.String(required=True)
    subject_id = fields.UUID(required=True)
    place_code = fields.String(required=True)
    title = fields.String(required=True)
    body = fields.String(required=True)
    data = fields.Dict(keys=fields.String(), required=True)
    urgent = fields.Boolean(required=True)
    told_at = Moment(required=True)
    shown_at = Moment(required=True, allow_none=True)
    acknowledged_at = Moment(required=True, allow_none=True)
    withdrawn = fields.Boolean(required=True)


class InboxOut(Wire):
    """One page of the inbox, newest first; ``unread`` counts all pages."""

    items = fields.List(fields.Nested(NotificationOut), required=True)
    unread = fields.Integer(required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class IdsBody(Wire):
    """Notifications of one's own; others are passed over."""

    ids = fields.List(fields.UUID(), required=True, validate=validate.Length(1, MOST_IDS))


class UnreadOut(Wire):
    """How many are unread now."""

    unread = fields.Integer(required=True)


class ReceiptShape(Wire):
    """What a browser says of a push: ``shown``, or ``opened`` by a tap."""

    token = Text(LONGEST, required=True, min_length=1)
    event = fields.String(required=True, validate=validate.OneOf(["shown", "opened"]))


class ReceiptsBody(Wire):
    """Receipts for pushes, proved by the word that came inside each."""

    receipts = fields.List(
        fields.Nested(ReceiptShape), required=True, validate=validate.Length(1, MOST_RECEIPTS)
    )


class SubscriptionBody(Wire):
    """A browser's push subscription as its PushManager gives it."""

    endpoint = Text(2048, required=True, min_length=1)
    p256dh = Text(100, required=True, min_length=1)
    auth = Text(40, required=True, min_length=1)
    label = Text(200, load_default="")


class PushKeyOut(Wire):
    """The ``applicationServerKey`` to subscribe with, in base64url."""

    key = fields.String(required=True)


class QuietShape(Wire):
    """Quiet hours, times of day in Asia/Shanghai; over midnight where *from* is later."""

    from_ = Text(5, required=True, data_key="from", attribute="from", min_length=1)
    until = Text(5, required=True, min_length=1)


class SettingsBody(Wire):
    """How to be told. ``quiet`` null: as the street says; else it must contain the street's hours."""

    channel_order = fields.List(
        fields.String(validate=validate.OneOf(ORDERED)),
        required=True,
        validate=validate.Length(max=len(ORDERED)),
    )
    language = fields.String(required=True, validate=validate.OneOf(LANGUAGES))
    quiet = fields.Nested(QuietShape, required=True, allow_none=True)


class RungOut(Wire):
    """A step of the ladder, with its delays in seconds of waking time."""

    channel = fields.String(required=True, validate=validate.OneOf(CHANNELS))
    after_s = fields.Integer(required=True)
    urgent_after_s = fields.Integer(required=True)


class SettingsOut(Wire):
    """How one is told now, and the street's quiet hours.

    ``channel_order`` is what one would be told by, ``reached_by`` what of it is set up and has an address.
    """

    channel_order = fields.List(fields.String(), required=True)
    reached_by = fields.List(fields.String(), required=True)
    language = fields.String(required=True, validate=validate.OneOf(LANGUAGES))
    quiet = fields.Nested(QuietShape, required=True)
    street_quiet = fields.Nested(QuietShape, required=True)
    rungs = fields.List(fields.Nested(RungOut), required=True)
