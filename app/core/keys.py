"""Keys derived from the one root secret, a separate one for each purpose (HKDF, RFC 5869)."""

from __future__ import annotations

from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


@lru_cache(maxsize=64)
def derive_key(root_secret: str, purpose: str) -> bytes:
    """32 bytes for *purpose* (for example ``"tag"``); a leak of one tells nothing of another."""
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"ironfeet:{purpose}".encode())
    return kdf.derive(root_secret.encode())
