"""Wire shapes of photos."""

from __future__ import annotations

from marshmallow import fields

from app.core.fields import Wire


class UploadOut(Wire):
    """What has arrived of a photo.

    ``state``: ``missing`` (send from byte ``received`` on), ``stored``, ``ready``, or ``rejected``, where
    ``problem`` is the type that sending it again would be answered with.
    """

    state = fields.String(required=True)
    received = fields.Integer(required=True)
    problem = fields.String(allow_none=True)
