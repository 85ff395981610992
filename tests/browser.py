"""A browser as a push service sees it: an endpoint, keys, and the one who can read what was sent."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def base64url(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Browser:
    """Subscribed at *endpoint*."""

    def __init__(self, endpoint: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = os.urandom(16)
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.subscription = {
            "endpoint": endpoint,
            "p256dh": base64url(point),
            "auth": base64url(self._auth),
            "label": "Firefox on Android",
        }

    def read(self, encrypted: bytes) -> dict[str, Any]:
        """What a push says, decrypted by a library other than the one it was encrypted with."""
        plain = http_ece.decrypt(
            encrypted, private_key=self._key, auth_secret=self._auth, version="aes128gcm"
        )
        found: dict[str, Any] = json.loads(plain)
        return found
