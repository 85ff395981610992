"""The capability inside a push: lets a service worker, which has no access token, say that it was shown.

It is good for marking that one notification of that one person and for nothing else. It travels only
inside the encrypted message, and is checked without a look into the database.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

MAC_BYTES = 16
LONGEST = 200  # characters
Key = tuple[str, UUID, UUID]  # street, person, notification


def issue(secret: bytes, street_code: str, user_id: UUID, notification_id: UUID) -> str:
    """The capability for one notification of one person.

    Args:
        secret: the key for receipts.
    """
    about = user_id.bytes + notification_id.bytes + street_code.encode()
    return base64.urlsafe_b64encode(_mac(secret, about) + about).decode().rstrip("=")


def read(secret: bytes, token: str) -> Key | None:
    """What *token* is good for; None where it is not ours."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    mac, about = raw[:MAC_BYTES], raw[MAC_BYTES:]
    if len(about) <= 32 or not hmac.compare_digest(mac, _mac(secret, about)):
        return None
    return about[32:].decode(), UUID(bytes=about[:16]), UUID(bytes=about[16:32])


def _mac(secret: bytes, about: bytes) -> bytes:
    return hmac.digest(secret, about, hashlib.sha256)[:MAC_BYTES]
