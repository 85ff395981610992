"""The phone's log is read, hashed and verified as docs/phone-log.md says; TypeScript runs the same file."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.sync import rules

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "phone_log.json").read_text()
)
SPKI = base64.b64decode(VECTORS["key"]["spki"])


def named(list_name: str) -> Any:
    return pytest.mark.parametrize("vector", VECTORS[list_name], ids=lambda v: v["name"])


@named("entries")
def test_entry_is_read_hashed_and_verified(vector: dict[str, str]) -> None:
    payload = vector["payload"]
    signature = rules.decode_signature(vector["signature"])
    assert signature is not None
    assert rules.hash_payload(payload).hex() == vector["hash"]
    assert rules.signature_fits(SPKI, payload, signature)
    reading = rules.read_payload(payload)
    assert reading.log_id == UUID(VECTORS["log"])
    assert reading.user_id == UUID(VECTORS["user"])
    assert reading.captured_at.microsecond == 123_000


def test_entries_form_a_chain() -> None:
    before: frozenset[bytes] = frozenset()
    for number, vector in enumerate(VECTORS["entries"], 1):
        reading = rules.read_payload(vector["payload"])
        assert reading.seq == number
        assert rules.chain_fits(reading.seq, reading.prev, before)
        before = frozenset({rules.hash_payload(vector["payload"])})


@named("bad_signatures")
def test_bad_signature_does_not_fit(vector: dict[str, str]) -> None:
    signature = rules.decode_signature(vector["signature"])
    assert signature is None or not rules.signature_fits(SPKI, vector["payload"], signature)


@named("chains")
def test_chain(vector: dict[str, Any]) -> None:
    before = frozenset({bytes.fromhex(vector["before"])} if vector["before"] else ())
    assert rules.chain_fits(vector["seq"], bytes.fromhex(vector["prev"]), before) is vector["fits"]


@named("unreadable")
def test_unreadable_payload_is_refused_with_words(vector: dict[str, str]) -> None:
    with pytest.raises(rules.Unreadable, match=r"\w+ \w+"):
        rules.read_payload(vector["payload"])
    assert len(rules.hash_payload(vector["payload"])) == 32


@pytest.mark.parametrize(
    "junk", [b"", b"junk", SPKI[:-1], base64.b64decode("MCowBQYDK2VwAyEA" + "A" * 43 + "=")]
)
def test_what_is_not_a_p256_key_is_refused(junk: bytes) -> None:
    with pytest.raises(rules.NotAKey):
        rules.load_key(junk)
    assert not rules.signature_fits(junk, "{}", bytes(64))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) |
    st.dictionaries(st.text(), inner)
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # shared machines stall
@given(st.dictionaries(st.sampled_from(sorted(rules._MEMBERS)), anything), st.integers(0, 7))
def test_any_member_of_any_type_is_read_or_refused(changes: dict[str, Any], number: int) -> None:
    content = json.loads(VECTORS["entries"][number]["payload"]) | changes
    with contextlib.suppress(rules.Unreadable):
        rules.read_payload(json.dumps(content))


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(rules.Unreadable):
        rules.read_payload(text)
    assert rules.decode_signature(text) is None or len(text) == 86
