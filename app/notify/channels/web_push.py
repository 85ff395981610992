"""Web Push (RFC 8030, 8291, 8292): encrypted by the ``webpush`` package, sent by us.

The package encrypts and nothing more: it drops the port from the token's audience, knows neither size
limits nor Urgency and Topic, and does not send.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict

from webpush import WebPush
from webpush.types import WebPushSubscription
from webpush.vapid import VAPID

from app.core.fields import wire_time
from app.notify.addresses import origin
from app.notify.channels import http
from app.notify.channels.base import Failed, Gone, Message, Result, Retry, Sent
from app.notify.channels.http import Answer, BadAddress, Reach, Unreachable
from app.notify.vapid import VapidKey
from app.notify.words import shortened

MAX_PLAIN_BYTES = 3993  # services take bodies of 4096 bytes; encryption adds 103
SHRUNK_BYTES = 1800  # for a service that takes less than the standard asks of it
TTL_S = 24 * 3600  # a phone that was off for longer hears from the inbox
URGENT_TTL_S = 6 * 3600


class _Header(VAPID):
    """The package's sender, with an audience that has its port and tokens that are made once."""

    def __init__(self, key: VapidKey) -> None:
        super().__init__(private_key=key.private_pem, public_key=key.public_pem)
        self._own = key

    def get_authorization_header(
        self,
        endpoint: object,
        subscriber: str,  # noqa: ARG002 - the signature is the package's
        expiration: int,  # noqa: ARG002
    ) -> str:
        """The Authorization header for a message to *endpoint*."""
        return self._own.authorization(origin(str(endpoint)))


class WebPushChannel:
    """Sends to a browser's push service."""

    def __init__(self, key: VapidKey, reach: Reach) -> None:
        self._reach = reach
        # Its `get` keeps nothing between calls as long as it is given no time to live and no sender.
        self._crypto = WebPush(key.private_pem, key.public_pem, subscriber="unused@localhost")
        self._crypto.vapid = _Header(key)

    def send(self, message: Message, address: Mapping[str, str], deadline_s: float) -> Result:
        """Send *message* to the browser at ``endpoint`` with the keys ``p256dh`` and ``auth``."""
        try:
            answer = self._post(message, address, deadline_s, MAX_PLAIN_BYTES)
            if answer.status == 413:
                answer = self._post(message, address, deadline_s, SHRUNK_BYTES)
        except BadAddress as error:
            return Failed(str(error))
        except Unreachable as error:
            return Retry(str(error), lane_down=True)
        return _result(answer)

    def _post(self, message: Message, address: Mapping[str, str], deadline_s: float, room: int) -> Answer:
        keys = {"auth": address["auth"], "p256dh": address["p256dh"]}
        subscription = WebPushSubscription.model_validate({"endpoint": address["endpoint"], "keys": keys})
        made = self._crypto.get(payload(message, room), subscription)
        headers = {
            "Authorization": made.headers["authorization"],
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(URGENT_TTL_S if message.urgent else TTL_S),
            "Urgency": "high" if message.urgent else "normal",
            "Topic": topic(message),
        }
        return http.call(
            address["endpoint"],
            "POST",
            headers,
            made.encrypted,
            reach=self._reach,
            deadline_s=deadline_s,
        )


def topic(message: Message) -> str:
    """What a newer message of the same subject replaces while the browser is away; tells nothing."""
    digest = hashlib.sha256(f"{message.subject_kind}/{message.subject_id}".encode()).digest()
    return base64.urlsafe_b64encode(digest[:18]).decode()


def payload(message: Message, room: int = MAX_PLAIN_BYTES) -> bytes:
    """What the service worker gets: UTF-8 JSON of at most *room* bytes, its body cut where it must be."""
    body = {
        "id": str(message.id),
        "kind": message.kind,
        "subject_kind": message.subject_kind,
        "subject_id": str(message.subject_id),
        "tag": topic(message),
        "lang": message.language,
        "urgent": message.urgent,
        "at": wire_time(message.told_at),
        "receipt": message.receipt,
        **asdict(message.words),
    }
    plain = _packed(body)
    over = len(plain) - room
    if over > 0:
        # JSON writes some characters longer than they are: cut until it fits
        text = message.words.body
        while over > 0 and text:
            text = shortened(text, max(0, len(text.encode()) - over))
            plain = _packed(body | {"body": text})
            over = len(plain) - room
    return plain


def _packed(body: dict[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _result(answer: Answer) -> Result:
    status = answer.status
    if status in {200, 201, 202, 204}:
        return Sent()
    if status in {404, 410}:
        return Gone(f"the push service answered {status}")
    if status == 429:
        return Retry("the push service answered 429", answer.retry_after_s)
    if status >= 500:
        return Retry(f"the push service answered {status}", answer.retry_after_s, lane_down=True)
    return Failed(f"the push service answered {status}")  # also redirects: they are not followed
