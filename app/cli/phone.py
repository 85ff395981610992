"""A phone's log as the field app keeps it (docs/phone-log.md), for playing walks, tests and the bench.

It knows the format, the chain and the signature, and nothing of HTTP: what is made here goes to the
server through whatever client the caller has.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.core.fields import wire_time
from app.core.ids import uuid7

FIRST_PREV = "0" * 64


@dataclass(slots=True)
class Phone:
    """One log of one person on one device, with a P-256 key of its own.

    Attributes:
        log: the log's id.
        device: the device's id, shared by all logs on it.
        user: the person whose log it is.
        key: the private key; a fresh one where not given.
        seq: number of the last entry made, 0 before the first.
        prev: hash of the last entry made.
    """

    log: UUID
    device: UUID
    user: UUID
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    seq: int = 0
    prev: str = FIRST_PREV

    @property
    def public_key(self) -> str:
        """The key to register: DER SubjectPublicKeyInfo in standard base64."""
        der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode()

    def entry(
        self, kind: str, body: dict[str, Any], at: datetime, *, entry_id: UUID | None = None
    ) -> dict[str, str]:
        """Append an entry and return it as it goes over the wire: ``id``, ``payload``, ``signature``.

        Args:
            kind: one of docs/phone-log.md section 4.
            body: the kind's members, ready for JSON.
            at: when it was captured by the phone's clock, aware.
            entry_id: a UUIDv7; made for *at* where not given.
        """
        identifier = entry_id or uuid7(at)
        self.seq += 1
        payload = json.dumps(
            {
                "v": 1,
                "id": str(identifier),
                "log": str(self.log),
                "device": str(self.device),
                "user": str(self.user),
                "seq": self.seq,
                "prev": self.prev,
                "kind": kind,
                "at": wire_time(at),
                "body": body,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        self.prev = hashlib.sha256(payload.encode()).hexdigest()
        return {"id": str(identifier), "payload": payload, "signature": sign(self.key, payload)}

    def batch(self, entries: list[dict[str, str]], sent_at: datetime) -> dict[str, Any]:
        """The body of ``POST /api/v1/sync`` for *entries*, sent at *sent_at* of the phone's clock."""
        return {"log": str(self.log), "sent_at": wire_time(sent_at), "entries": entries}


def sign(key: ec.EllipticCurvePrivateKey, payload: str) -> str:
    """ECDSA P-256 with SHA-256 over the text's UTF-8 bytes: raw ``r‖s`` in base64url without padding."""
    r, s = decode_dss_signature(key.sign(payload.encode(), ec.ECDSA(SHA256())))
    return base64.urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode().rstrip("=")


def wire_fix(
    lat: float,
    lon: float,
    at: datetime,
    *,
    accuracy_m: float = 8.0,
    datum: str = "wgs84",
    src: str = "played",
) -> dict[str, Any]:
    """A fix as a body carries it."""
    return {"at": wire_time(at), "lat": lat, "lon": lon, "acc": accuracy_m, "datum": datum, "src": src}
