"""The server's own key of Web Push (RFC 8292): who it is that sends.

Browsers bind a subscription to this key, so it must not change by itself: it is derived from the root
secret unless a key is set.
"""

from __future__ import annotations

import base64
import threading
import time
from functools import lru_cache

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from app.core.keys import derive_key
from config import P256_ORDER, Settings

TOKEN_S = 12 * 3600  # services refuse more than 24 hours
RENEWED_S = 6 * 3600


class VapidKey:
    """The key pair with the tokens made from it, one an origin; for any number of threads."""

    def __init__(self, private_value: int, contact: str) -> None:
        self._key = ec.derive_private_key(private_value, ec.SECP256R1())
        self._contact = contact
        self._tokens: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public_key = base64.urlsafe_b64encode(point).decode().rstrip("=")

    @property
    def private_pem(self) -> bytes:
        """The private key as PKCS 8."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def public_pem(self) -> bytes:
        """The public key as SubjectPublicKeyInfo."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def authorization(self, origin: str) -> str:
        """The Authorization header for *origin* (scheme, host, and the port where it is not the usual)."""
        now = time.time()
        with self._lock:
            made_at, token = self._tokens.get(origin, (0.0, ""))
            if not made_at <= now < made_at + RENEWED_S:  # a clock set back makes a new one, too
                claims = {"aud": origin, "exp": int(now) + TOKEN_S, "sub": self._contact}
                token = jwt.encode(claims, self._key, algorithm="ES256")
                self._tokens[origin] = (now, token)
        return f"vapid t={token}, k={self.public_key}"


@lru_cache(maxsize=8)
def vapid_key(settings_key: bytes, root_secret: str, contact: str) -> VapidKey:
    """The key pair from a set key, else from the root secret."""
    if settings_key:
        return VapidKey(int.from_bytes(settings_key), contact)
    # 32 bytes taken modulo the order: the bias is 2^-32, which tells nobody anything about the key
    value = int.from_bytes(derive_key(root_secret, "vapid")) % (P256_ORDER - 1) + 1
    return VapidKey(value, contact)


def vapid_key_of(settings: Settings) -> VapidKey:
    """The key pair of this installation."""
    channels = settings.channels
    return vapid_key(channels.vapid_private_key, settings.secret_key, channels.vapid_contact)
