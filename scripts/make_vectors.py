#!/usr/bin/env python3
"""Make tests/vectors/phone_log.json anew: a fixed key, entries with their hashes and signatures.

ECDSA signatures are different each time, so the file is made once and committed; run this only when
the format changes. The key is a test key, published on purpose; nothing real is signed with it.
"""

# ruff: noqa: UP031 - JSON is full of braces, so percent signs read better here
from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TARGET = Path(__file__).parent.parent / "tests" / "vectors" / "phone_log.json"
PRIVATE_NUMBER = int.from_bytes(hashlib.sha256(b"ironfeet test vector key 1").digest(), "big")
OTHER_NUMBER = int.from_bytes(hashlib.sha256(b"ironfeet test vector key 2").digest(), "big")
LOG = "0190f000-0000-7000-8000-000000000001"
DEVICE = "0190f000-0000-7000-8000-000000000002"
USER = "0190f000-0000-7000-8000-000000000003"
SHIFT = "0190f000-0000-7000-8000-000000000101"
ROUND = "0190f000-0000-7000-8000-0000000000a1"
CHECKPOINT = "0190f000-0000-7000-8000-0000000000b1"
FIX = '{"at":"2026-11-23T01:00:00.000Z","lat":%s,"lon":%s,"acc":%s,"datum":"wgs84","src":"gnss"}'

# name, kind, body exactly as the phone wrote it: numbers and escapes are the point
BODIES = (
    ("shift started, Chinese place name in no field", "shift_started", '{"place":"310107005","fix":null}'),
    (
        "numbers as JavaScript writes them",
        "round_started",
        '{"round":"%s","shift":"%s","fix":%s}' % (ROUND, SHIFT, FIX % ("31.24", "121.4", "1e-7")),
    ),
    (
        "31.10, -0 and 1E+2 are kept as written",
        "check_in",
        '{"round":"%s","shift":"%s","stop":1,"checkpoint":"%s","fix":%s}'
        % (ROUND, SHIFT, CHECKPOINT, FIX % ("31.10", "-0", "1E+2")),
    ),
    (
        "Chinese and emoji",
        "stop_skipped",
        '{"round":"%s","shift":"%s","stop":2,"reason":"other","text":"门锁着，没人应 🔒👨‍👩‍👧 曹杨新村"}'
        % (ROUND, SHIFT),
    ),
    (
        "escapes: quote, backslash, tab, slash, unicode, surrogate pair",
        "stop_skipped",
        '{"round":"%s","shift":"%s","stop":3,"reason":"other","text":"a\\"b\\\\c\\td\\/e\\u95e8\\ud83d\\ude00"}'
        % (ROUND, SHIFT),
    ),
    (
        "spaces and line breaks are bytes too",
        "round_finished",
        '{ "round" : "%s",\n  "outcome" : "early", "reason" : "下雨　积水" }' % ROUND,
    ),
    (
        "U+2028, U+FEFF and a combining accent are not touched",
        "review_answered",
        '{"proof":"0190f000-0000-7000-8000-000000000103","text":"e\u0301\u00e9\u2028\ufeff完"}',
    ),
    (
        "track of one fix with 17 digits",
        "track",
        '{"shift":"%s","round":null,"fixes":[%s]}'
        % (SHIFT, FIX % ("31.240000000000002", "121.40000000000001", "4.9406564584124654e-324")),
    ),
)

UNREADABLE = (
    ("empty", ""),
    ("not JSON", "{"),
    ("a list", "[]"),
    ("NaN", '{"v":NaN}'),
    ("Infinity", '{"v":-Infinity}'),
    ("NUL", '{"v":"\u0000"}'),
    ("a lone surrogate cannot be UTF-8", None),
    ("version 2", "V2"),
    ("a member twice", "TWICE"),
    ("a member too many", "MORE"),
    ("seq 0", "SEQ0"),
    ("seq as text", "SEQTEXT"),
    ("upper-case prev", "PREV"),
    ("at without Z", "AT"),
    ("at in the month 13", "AT13"),
    ("nested too deeply", "DEEP"),
    ("larger than 32,768 bytes", "LARGE"),
)


def raw_signature(key: ec.EllipticCurvePrivateKey, payload: str) -> bytes:
    """What WebCrypto gives: r and s, 32 bytes each."""
    r, s = decode_dss_signature(key.sign(payload.encode(), ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def b64url(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def digest(payload: str) -> str:
    """The entry's hash in hex."""
    return hashlib.sha256(payload.encode()).hexdigest()


def entry_payload(seq: int, prev: str, kind: str, body: str) -> str:
    """A payload as a phone writes it, members in the documented order."""
    return (
        f'{{"v":1,"id":"0190f000-0000-7000-8000-{seq + 0x100:012x}","log":"{LOG}","device":"{DEVICE}",'
        f'"user":"{USER}","seq":{seq},"prev":"{prev}","kind":"{kind}",'
        f'"at":"2026-11-23T01:0{seq}:00.123Z","body":{body}}}'
    )


def unreadable_payload(what: str | None, good: str) -> str:
    """A payload that must not be read, from its mark in UNREADABLE."""
    changes = {
        "V2": ('"v":1', '"v":2'),
        "TWICE": ('"v":1', '"v":1,"v":1'),
        "MORE": ('"v":1', '"v":1,"w":1'),
        "SEQ0": ('"seq":1', '"seq":0'),
        "SEQTEXT": ('"seq":1', '"seq":"1"'),
        "PREV": ('"prev":"0', '"prev":"A'),
        "AT": (".123Z", ".123"),
        "AT13": ("2026-11-23T01:01", "2026-13-23T01:01"),
        "DEEP": ('"fix":null', '"fix":' + "[" * 20 + "]" * 20),
        "LARGE": ('"fix":null', '"fix":"' + "x" * 32_768 + '"'),
    }
    if what is None:
        return "\ud800"
    if what not in changes:
        return what
    old, new = changes[what]
    if old not in good:
        raise ValueError(f"{what} changes nothing")
    return good.replace(old, new, 1)


def chains(first: str, second: str) -> list[dict[str, object]]:
    """What an entry gives as the hash before it, against that hash, and whether both fit."""
    flipped = digest(second.replace('"seq":2', '"seq":3'))
    return [
        {"name": "the first has zeros", "seq": 1, "prev": "0" * 64, "before": None, "fits": True},
        {"name": "the first with anything else", "seq": 1, "prev": "1" * 64, "before": None, "fits": False},
        {"name": "the hash of the one before", "seq": 2, "prev": digest(first), "before": digest(first),
         "fits": True},
        {"name": "the hash of another text", "seq": 3, "prev": flipped, "before": digest(second),
         "fits": False},
        {"name": "zeros later on", "seq": 2, "prev": "0" * 64, "before": digest(first), "fits": False},
    ]  # fmt: skip


def make() -> dict[str, object]:
    """The whole file."""
    key = ec.derive_private_key(PRIVATE_NUMBER, ec.SECP256R1())
    other = ec.derive_private_key(OTHER_NUMBER, ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    jwk = {
        "kty": "EC", "crv": "P-256", "ext": True,
        "x": b64url(numbers.x.to_bytes(32, "big")), "y": b64url(numbers.y.to_bytes(32, "big")),
        "d": b64url(PRIVATE_NUMBER.to_bytes(32, "big")),
    }  # fmt: skip
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    entries, prev = [], "0" * 64
    for seq, (name, kind, body) in enumerate(BODIES, 1):
        payload = entry_payload(seq, prev, kind, body)
        prev = digest(payload)
        signature = b64url(raw_signature(key, payload))
        entries.append({"name": name, "payload": payload, "hash": prev, "signature": signature})
    first, second = str(entries[0]["payload"]), str(entries[1]["payload"])
    good = raw_signature(key, first)
    noise = hashlib.sha512(b"noise").digest() + b"!"
    der = key.sign(first.encode(), ec.ECDSA(SHA256()))
    bad_signatures = [
        {"name": "one bit of the payload flipped", "payload": first.replace("310107005", "310107004"),
         "signature": entries[0]["signature"]},
        {"name": "a space added", "payload": first + " ", "signature": entries[0]["signature"]},
        {"name": "another entry's signature", "payload": first, "signature": entries[1]["signature"]},
        {"name": "signed with another key", "payload": first, "signature": b64url(raw_signature(other, first))},
        {"name": "r and s exchanged", "payload": first, "signature": b64url(good[32:] + good[:32])},
        {"name": "random, 64 bytes", "payload": first, "signature": b64url(noise[:64])},
        {"name": "random, 63 bytes", "payload": first, "signature": b64url(noise[:63])},
        {"name": "random, 65 bytes", "payload": first, "signature": b64url(noise)},
        {"name": "DER instead of raw", "payload": first, "signature": b64url(der)},
        {"name": "zeros", "payload": first, "signature": b64url(bytes(64))},
        {"name": "all ones", "payload": first, "signature": b64url(b"\xff" * 64)},
        {"name": "empty", "payload": first, "signature": ""},
        {"name": "padded", "payload": first, "signature": str(entries[0]["signature"]) + "=="},
        {"name": "not base64url", "payload": first, "signature": "+/" * 43},
    ]  # fmt: skip
    return {
        "about": "Test vectors of docs/phone-log.md. Made by scripts/make_vectors.py. The key is public "
        "on purpose. bad_signatures are to be verified with this key; chains give prev against the hash "
        "of the entry before; unreadable payloads are refused by the server.",
        "log": LOG, "device": DEVICE, "user": USER,
        "key": {"jwk": jwk, "spki": base64.b64encode(spki).decode()},
        "entries": entries,
        "bad_signatures": bad_signatures,
        "chains": chains(first, second),
        "unreadable": [
            {"name": name, "payload": unreadable_payload(what, first)} for name, what in UNREADABLE
        ],
    }  # fmt: skip


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    # ASCII only: a lone surrogate and U+2028 must survive every editor
    TARGET.write_text(json.dumps(make(), indent=1, ensure_ascii=True) + "\n")
    print(f"wrote {TARGET}")
