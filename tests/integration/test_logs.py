"""A phone registers the public key of its log, once."""

from __future__ import annotations

import base64
from datetime import timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, text
from werkzeug.test import TestResponse

from app.core import clock
from app.core.ids import uuid7
from tests import factories

LOG, DEVICE = uuid7(), uuid7()


def public_key(curve: ec.EllipticCurve | None = None, encoding: Encoding = Encoding.DER) -> str:
    key = ec.generate_private_key(curve or ec.SECP256R1()).public_key()
    return base64.b64encode(key.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)).decode()


@pytest.fixture
def headers(client: FlaskClient) -> dict[str, str]:
    street = factories.make_street()
    factories.make_user("patroller", street.units[0], "one")
    factories.make_user("patroller", street.units[0], "two")
    return factories.sign_in(client, "one")


def put(client: FlaskClient, headers: dict[str, str], **body: str) -> tuple[int, dict[str, str]]:
    answer = client.put(
        f"/api/v1/logs/{LOG}", headers=headers, json={"device_id": str(DEVICE), "label": "Chrome"} | body
    )
    assert answer.json is not None
    return answer.status_code, answer.json


def test_the_same_again_gets_the_same_answer(
    client: FlaskClient, headers: dict[str, str], owner_db: Connection
) -> None:
    key = public_key()
    first = put(client, headers, public_key=key)
    assert first[0] == 200
    assert first[1]["id"] == str(LOG)
    assert put(client, headers, public_key=key, label="renamed") == first
    rows = owner_db.execute(text("select subject_id, data from ledger_row where action = 'log.registered'"))
    assert rows.all() == [(str(LOG), {"device_id": str(DEVICE)})]


def test_another_key_device_or_person_is_refused(
    app: Flask, client: FlaskClient, headers: dict[str, str]
) -> None:
    key = public_key()
    put(client, headers, public_key=key)
    status, problem = put(client, headers, public_key=public_key())
    assert (status, problem["type"]) == (409, "/problems/id-reused")
    status, problem = put(client, headers, public_key=key, device_id=str(uuid7()))
    assert (status, problem["type"]) == (409, "/problems/id-reused")
    other = app.test_client()
    status, problem = put(other, factories.sign_in(other, "two"), public_key=key)
    assert (status, problem["type"]) == (403, "/problems/log-not-yours")


ED25519 = ed25519.Ed25519PrivateKey.generate().public_key()


@pytest.mark.parametrize(
    "key",
    [
        "x",
        "é",
        "AAAA",
        base64.b64encode(b"\x30\x59" + b"\x00" * 89).decode(),
        public_key(ec.SECP384R1()),
        public_key(ec.SECP256K1()),
        public_key(encoding=Encoding.PEM),
        base64.b64encode(ED25519.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode(),
        public_key()[:-8],
        public_key().replace("A", "-", 1),
        public_key()[:40] + "\n" + public_key()[40:],
    ],
    ids=range(11),  # keys are made anew in every process, and names of tests must not be
)
def test_only_a_p256_key_is_taken(client: FlaskClient, headers: dict[str, str], key: str) -> None:
    status, problem = put(client, headers, public_key=key)
    assert (status, problem["type"]) == (422, "/problems/invalid")
    assert "public_key" in str(problem["errors"])


def test_a_log_belongs_to_somebody_signed_in(client: FlaskClient, headers: dict[str, str]) -> None:
    assert put(client, {}, public_key=public_key())[0] == 401
    answer = client.put("/api/v1/logs/not-a-uuid", headers=headers, json={})
    assert answer.status_code == 404


def test_a_key_belongs_to_one_person_in_as_many_logs_as_they_like(
    app: Flask, client: FlaskClient, headers: dict[str, str]
) -> None:
    key = public_key()
    body = {"device_id": str(DEVICE), "public_key": key}
    for _ in range(2):
        assert client.put(f"/api/v1/logs/{uuid7()}", headers=headers, json=body).status_code == 200
    other = app.test_client()
    answer = other.put(f"/api/v1/logs/{uuid7()}", headers=factories.sign_in(other, "two"), json=body)
    assert answer.status_code == 409
    assert answer.json["type"] == "/problems/id-reused"


def test_twenty_logs_a_day_are_enough(app: Flask, client: FlaskClient, headers: dict[str, str]) -> None:
    body = {"device_id": str(DEVICE), "public_key": public_key()}
    first = uuid7()

    def register(log_id: UUID) -> TestResponse:
        return client.put(f"/api/v1/logs/{log_id}", headers=headers, json=body)

    assert [register(log_id).status_code for log_id in (first, *(uuid7() for _ in range(19)))] == [200] * 20
    refused = register(uuid7())
    assert refused.status_code == 429
    assert refused.json["type"] == "/problems/too-many-requests"
    assert 86_000 < int(refused.headers["Retry-After"]) <= 86_401
    assert register(first).status_code == 200, "one that is known"
    other = app.test_client()
    answer = other.put(
        f"/api/v1/logs/{uuid7()}",
        headers=factories.sign_in(other, "two"),
        json=body | {"public_key": public_key()},
    )
    assert answer.status_code == 200, "somebody else"
    with clock.frozen(clock.now() + timedelta(days=1, minutes=1)):
        headers = factories.sign_in(client, "one")
        assert client.put(f"/api/v1/logs/{uuid7()}", headers=headers, json=body).status_code == 200


def test_who_has_no_log_to_send_registers_none(app: Flask, headers: dict[str, str]) -> None:
    street = factories.Street("310107990")
    factories.make_user("dispatcher", street.code, "desk")
    client = app.test_client()
    assert put(client, factories.sign_in(client, "desk"), public_key=public_key())[0] == 403
