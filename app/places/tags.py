"""Tokens of printed QR tags. Pure.

A token is ``IF1.<tag id>.<mac>``: the id's 16 bytes and the first 16 bytes of an HMAC-SHA256 over the
version and the id, both in base64url without padding. The phone cannot check it and need not: it sends
what it read, and the server says what it was. Copying a tag is possible, making one up is not.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Literal, get_args
from uuid import UUID

VERSION = "IF1"
MAC_BYTES = 16
TOKEN_LENGTH = len(VERSION) + 2 + 22 + 22

TagState = Literal["none", "right", "wrong", "revoked", "forged"]
TAG_STATES: tuple[TagState, ...] = get_args(TagState)


def make_token(key: bytes, tag_id: UUID) -> str:
    """The text of the QR code of tag *tag_id*, signed with *key* (32 bytes)."""
    mac = hmac.digest(key, f"{VERSION}.".encode() + tag_id.bytes, "sha256")[:MAC_BYTES]
    return f"{VERSION}.{_encode(tag_id.bytes)}.{_encode(mac)}"


def read_token(key: bytes, text: str) -> UUID | None:
    """The tag's id, or None where *text* is not exactly a token made with *key*."""
    if len(text) != TOKEN_LENGTH or not text.isascii():
        return None
    version, _, rest = text.partition(".")
    encoded, _, _ = rest.partition(".")
    if version != VERSION:
        return None
    try:
        raw = base64.b64decode(encoded + "==", altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    if len(raw) != 16:
        return None
    tag_id = UUID(bytes=raw)
    # Comparing whole texts also refuses other spellings of the same bytes.
    return tag_id if hmac.compare_digest(make_token(key, tag_id), text) else None


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
