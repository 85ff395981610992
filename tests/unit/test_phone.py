"""What the Python phone makes is chained and signed as docs/phone-log.md says."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from app.cli.phone import FIRST_PREV, Phone, wire_fix
from app.core.ids import uuid7

AT = datetime(2026, 11, 23, 1, 2, 3, 456_000, tzinfo=UTC)


def _verify(phone: Phone, entry: dict[str, str], payload: str) -> None:
    key = load_der_public_key(base64.b64decode(phone.public_key))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    raw = base64.urlsafe_b64decode(entry["signature"] + "==")
    assert len(raw) == 64
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(der, payload.encode(), ec.ECDSA(SHA256()))


def test_entries_are_numbered_chained_and_signed() -> None:
    phone = Phone(uuid7(), uuid7(), uuid7())
    first = phone.entry("shift_started", {"fix": wire_fix(31.24, 121.40, AT)}, AT)
    second = phone.entry("stop_skipped", {"text": "门锁着"}, AT)
    payloads = [json.loads(e["payload"]) for e in (first, second)]
    assert [p["seq"] for p in payloads] == [1, 2]
    assert payloads[0]["prev"] == FIRST_PREV
    assert payloads[1]["prev"] == hashlib.sha256(first["payload"].encode()).hexdigest()
    assert payloads[0]["at"] == "2026-11-23T01:02:03.456Z"
    assert UUID(first["id"]).version == 7
    assert first["id"] == payloads[0]["id"]
    assert "门锁着" in second["payload"]
    for entry in (first, second):
        _verify(phone, entry, entry["payload"])
    with pytest.raises(InvalidSignature):
        _verify(phone, first, first["payload"].replace("31.24", "31.25"))


def test_a_batch_names_the_log_and_the_sending_time() -> None:
    phone = Phone(uuid7(), uuid7(), uuid7())
    entry = phone.entry("shift_started", {}, AT)
    assert phone.batch([entry], AT) == {
        "log": str(phone.log),
        "sent_at": "2026-11-23T01:02:03.456Z",
        "entries": [entry],
    }
