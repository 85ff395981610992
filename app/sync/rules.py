"""Reading, hashing and verifying an entry of a phone's log (docs/phone-log.md). Pure.

An entry travels as a JSON text that was hashed and signed byte for byte; it is parsed only here and is
never written again, so no canonical form is needed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NoReturn, TypeGuard
from uuid import UUID

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from app.core.fields import EARLIEST, LATEST

MAX_PAYLOAD_BYTES = 32_768
MAX_DEPTH = 6  # payload → body → fixes → fix, and two to spare
MAX_SEQ = 2**53 - 1  # what a JavaScript number counts exactly
SIGNATURE_BYTES = 64  # r and s, 32 each
FIRST_PREV = "0" * 64

_MEMBERS = frozenset({"v", "id", "log", "device", "user", "seq", "prev", "kind", "at", "body"})
_HASH = re.compile(r"[0-9a-f]{64}")
_KIND = re.compile(r"[a-z][a-z_]{0,39}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_SIGNATURE = re.compile(r"[A-Za-z0-9_-]{86}")


class Unreadable(Exception):
    """The payload is not an entry; the text says why, in words fit to be sent back."""


class NotAKey(ValueError):
    """The bytes are not a P-256 public key in SubjectPublicKeyInfo form."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a payload says about itself. Nothing here is verified yet, and ``body`` not validated."""

    id: UUID
    log_id: UUID
    device_id: UUID
    user_id: UUID
    seq: int
    prev: bytes
    kind: str
    captured_at: datetime
    body: dict[str, Any]


def storable_bytes(payload: str) -> bytes | None:
    """UTF-8 of *payload*, or None where it is too large or holds what the database cannot store."""
    if len(payload) > MAX_PAYLOAD_BYTES or "\x00" in payload:
        return None
    try:
        raw = payload.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate
        return None
    return raw if len(raw) <= MAX_PAYLOAD_BYTES else None


def hash_payload(payload: str) -> bytes:
    """SHA-256 of the UTF-8 bytes; lone surrogates, which have none, are hashed as WTF-8."""
    return hashlib.sha256(payload.encode("utf-8", "surrogatepass")).digest()


def read_payload(payload: str) -> Reading:
    """Parse *payload* strictly.

    Raises:
        Unreadable: not JSON, too large or too deep, a member missing, unknown or of the wrong type.
    """
    if storable_bytes(payload) is None:
        raise Unreadable(
            f"The payload is larger than {MAX_PAYLOAD_BYTES} bytes, or holds NUL or a lone surrogate."
        )
    try:
        content = json.loads(payload, parse_constant=_refuse_constant, object_pairs_hook=_members)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"The payload is not JSON: {str(error)[:150]}") from error
    if not isinstance(content, dict) or content.keys() != _MEMBERS:
        raise Unreadable("The payload does not have exactly the members of an entry.")
    if content["v"] != 1 or isinstance(content["v"], bool):
        raise Unreadable("The payload's version is not 1.")
    if _depth_exceeds(content, MAX_DEPTH):
        raise Unreadable("The payload is nested too deeply.")
    if not isinstance(content["body"], dict):
        raise Unreadable("The body is not an object.")
    return Reading(
        id=_uuid(content, "id"),
        log_id=_uuid(content, "log"),
        device_id=_uuid(content, "device"),
        user_id=_uuid(content, "user"),
        seq=_seq(content["seq"]),
        prev=bytes.fromhex(_matching(content, "prev", _HASH)),
        kind=_matching(content, "kind", _KIND),
        captured_at=_moment(_matching(content, "at", _AT)),
        body=content["body"],
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose members are all different: with duplicates two readers could read two things."""
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a member appears twice")
    return content


def _depth_exceeds(content: Any, limit: int) -> bool:
    inner = content.values() if isinstance(content, dict) else content
    for value in inner:
        if isinstance(value, dict | list) and (limit == 1 or _depth_exceeds(value, limit - 1)):
            return True
    return False


def _matching(content: dict[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = content[name]
    if not isinstance(value, str) or not form.fullmatch(value):
        raise Unreadable(f"{name} does not have the right form.")
    return value


def is_uuid(value: Any) -> TypeGuard[str]:
    """True where *value* is a UUID as entries write it."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _uuid(content: dict[str, Any], name: str) -> UUID:
    return UUID(_matching(content, name, _UUID))


def _seq(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_SEQ:
        raise Unreadable("seq is not a whole number from 1.")
    return value


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unreadable("at is not a time.") from error
    if not EARLIEST <= moment <= LATEST:
        raise Unreadable("at is out of range.")
    return moment


def decode_signature(text: str) -> bytes | None:
    """The 64 bytes of a signature, or None where *text* is not base64url of exactly that many."""
    if not _SIGNATURE.fullmatch(text):
        return None
    try:
        return base64.urlsafe_b64decode(text + "==")
    except binascii.Error:
        return None


@lru_cache(maxsize=4096)
def load_key(spki: bytes) -> EllipticCurvePublicKey:
    """The P-256 public key in *spki* (DER).

    Raises:
        NotAKey: where it is anything else.
    """
    try:
        key = load_der_public_key(spki)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NotAKey("not a public key") from error
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise NotAKey("not a P-256 key")
    return key


_ALGORITHM = ECDSA(SHA256())


def signature_fits(spki: bytes, payload: str, signature: bytes) -> bool:
    """True where *signature* (raw ``r‖s``) over the bytes of *payload* was made with the key of *spki*."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    half = SIGNATURE_BYTES // 2
    r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    try:
        load_key(spki).verify(encode_dss_signature(r, s), payload.encode("utf-8"), _ALGORITHM)
    except (InvalidSignature, NotAKey, UnicodeEncodeError):
        return False
    return True


def chain_fits(seq: int, prev: bytes, predecessor_hashes: frozenset[bytes]) -> bool:
    """True where *prev* is the hash of an entry stored at ``seq - 1``, or zeros for the first."""
    if seq == 1:
        return prev == bytes(32)
    return prev in predecessor_hashes
