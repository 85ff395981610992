"""Web Push for real, to services that take it, are slow or wrong, or know nothing of the browser any more."""

from __future__ import annotations

import base64
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Connection, select, text

from app.core import clock
from app.core.extensions import db
from app.notify import service
from app.notify.models import PushSubscription
from tests import peer
from tests.integration.sending_office import Office
from tests.peer import Peer, answer


def test_a_push_arrives_encrypted_signed_and_complete(office: Office, outside: Peer) -> None:
    wang = office.person()
    browser = office.subscribe(wang, outside.origin + "/send/1")
    subject = office.tell(wang)
    office.send()
    assert office.states() == ["sent"]
    (got,) = outside.received
    headers = got.headers
    assert (got.method, got.path, headers["content-encoding"]) == ("POST", "/send/1", "aes128gcm")
    assert (headers["ttl"], headers["urgency"]) == ("21600", "high")
    assert len(headers["topic"]) <= 32
    said = browser.read(got.body)
    assert said["title"] == "新任务：跨门营业"
    assert said["body"].startswith("编号CY-1。")
    assert (said["subject_kind"], said["subject_id"]) == ("case", str(subject))
    assert (said["kind"], said["urgent"], said["lang"]) == ("case.dispatched", True, "zh")
    assert said["tag"] == headers["topic"]
    assert said["id"] == str(office.deliveries()[0].notification_id)
    assert b"CY-1" not in got.body


def test_the_sender_proves_itself_to_this_origin_with_its_port(office: Office, outside: Peer) -> None:
    wang = office.person()
    client, headers = office.signed_in(wang)
    key = client.get("/api/v1/push-key", headers=headers).json["key"]
    office.subscribe(wang, outside.origin + "/send/1")
    office.tell(wang)
    office.send()
    token, told_key = (
        part.partition("=")[2].rstrip(",")
        for part in outside.received[0].headers["authorization"].split()[1:]
    )
    assert told_key == key
    point = base64.urlsafe_b64decode(key + "==="[: -len(key) % 4])
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    claims = jwt.decode(token, public, algorithms=["ES256"], audience=outside.origin)
    assert claims["sub"] == "mailto:postmaster@localhost"
    assert 0 < claims["exp"] - time.time() <= 24 * 3600


def test_the_newest_words_come_with_the_number_of_unread_ones(office: Office, outside: Peer) -> None:
    wang = office.person()
    browser = office.subscribe(wang, outside.origin + "/send/1")
    subject = office.tell(wang)
    office.tell(wang, subject=subject, kind="case.overdue")
    office.send()
    assert sorted(office.states()) == ["cancelled", "sent"]
    assert [browser.read(got.body)["title"] for got in outside.received] == ["已超时：跨门营业（共2条未读）"]


def test_a_person_is_told_in_the_language_they_chose_in_all_their_browsers(
    office: Office, outside: Peer
) -> None:
    wang = office.person()
    client, headers = office.signed_in(wang)
    choice = {"channel_order": [], "language": "en", "quiet": None}
    assert client.put("/api/v1/notification-settings", json=choice, headers=headers).status_code == 200
    browsers = {path: office.subscribe(wang, outside.origin + path) for path in ("/1", "/2")}
    office.tell(wang, data={"class_en": "Shop on the pavement"})
    office.send()
    assert {got.path for got in outside.received} == set(browsers)
    for got in outside.received:
        assert browsers[got.path].read(got.body)["title"] == "New task: Shop on the pavement"


def test_the_longest_words_fit_into_a_push(office: Office, outside: Peer) -> None:
    wang = office.person()
    browser = office.subscribe(wang, outside.origin + "/1")
    office.tell(wang, data=dict.fromkeys(("class_zh", "place_zh", "number", "by_zh"), '👩\u200d🚒\\"' * 900))
    office.send()
    (got,) = outside.received
    assert len(got.body) <= 4096
    assert browser.read(got.body)["body"]


@pytest.mark.parametrize(
    ("behaviour", "state", "error", "lane_failures"),
    [
        (answer(200), "sent", "", 0),
        (answer(500), "pending", "the push service answered 500", 1),
        (answer(503, Retry_After="60"), "pending", "the push service answered 503", 1),
        (peer.close_in_the_middle, "pending", "broken: IncompleteRead", 1),
        (peer.close_at_once, "pending", "broken: RemoteDisconnected", 1),
        (peer.hang, "pending", "no answer in time", 1),
        (peer.trickle_head, "pending", "no answer in time", 1),
        (peer.trickle_body, "pending", "no answer in time", 1),
        (answer(302, Location="http://127.0.0.1:9/"), "failed", "the push service answered 302", 0),
        (answer(400), "failed", "the push service answered 400", 0),
        (answer(403), "failed", "the push service answered 403", 0),
    ],
)
def test_what_a_push_service_does_decides_what_becomes_of_the_delivery(
    office: Office, outside: Peer, *, behaviour: peer.Behaviour, state: str, error: str, lane_failures: int
) -> None:
    office.set_up(send_deadline_s=0.5)
    outside.behaviour = behaviour
    wang = office.person()
    office.subscribe(wang, outside.origin + "/1")
    office.tell(wang)
    began = time.monotonic()
    office.send()
    assert time.monotonic() - began < 5
    (row,) = office.deliveries()
    assert (row.state, row.error, row.attempt) == (state, error, 1)
    rest = office.rest(outside.origin)
    assert (rest.failures if rest else 0) == lane_failures
    assert len(outside.received) == 1


def test_a_service_that_asks_for_patience_gets_it(office: Office, outside: Peer) -> None:
    outside.behaviour = answer(429, Retry_After="120")
    wang = office.person()
    office.subscribe(wang, outside.origin + "/1")
    now = clock.now()
    office.tell(wang, now=now)
    office.send(now)
    (row,) = office.deliveries()
    assert (row.state, row.due_at) == ("pending", now + timedelta(seconds=120))
    outside.behaviour = answer(201)
    office.send(now + timedelta(seconds=119))
    assert len(outside.received) == 1
    office.send(now + timedelta(seconds=120))
    assert office.states() == ["sent"]
    assert len({got.headers["topic"] for got in outside.received}) == 1


def test_a_service_that_takes_less_gets_less(office: Office, outside: Peer) -> None:
    def small(one: Peer, got: peer.Received, connection: Any) -> None:
        answer(201 if len(got.body) < 2500 else 413)(one, got, connection)

    outside.behaviour = small
    wang = office.person()
    browser = office.subscribe(wang, outside.origin + "/1")
    with office.app.app_context():
        office.monkeypatch.setattr("app.notify.words.LONGEST_VALUE", 2000)
    office.tell(wang, data={"place_zh": "很长的地名" * 200})
    office.send()
    assert office.states() == ["sent"]
    assert [len(got.body) > 2500 for got in outside.received] == [True, False]
    assert browser.read(outside.received[1].body)["body"].endswith("…")


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_forgotten(
    office: Office, outside: Peer, owner_db: Connection, status: int
) -> None:
    outside.behaviour = answer(status)
    wang = office.person()
    office.subscribe(wang, outside.origin + "/1")
    office.tell(wang)
    office.send()
    assert office.states() == ["gone"]
    assert owner_db.scalars(select(PushSubscription.id)).all() == []
    told = owner_db.scalars(text("select action from ledger_row where action like 'push%' order by id")).all()
    assert told == ["push_subscription.added", "push_subscription.removed"]


def test_a_delivery_is_tried_eight_times_and_then_given_up(office: Office, outside: Peer) -> None:
    outside.behaviour = answer(500)
    wang = office.person()
    office.subscribe(wang, outside.origin + "/1")
    now = clock.now()
    office.tell(wang, now=now)
    for hour in range(1, 12):
        office.send(now + timedelta(hours=hour))
    assert office.states() == ["failed"]
    assert len(outside.received) == 8


def test_news_of_yesterday_are_not_pushed(office: Office, outside: Peer) -> None:
    wang = office.person()
    office.subscribe(wang, outside.origin + "/1")
    now = clock.now()
    office.tell(wang, now=now)
    office.send(now + timedelta(hours=25))
    assert (office.states(), outside.received) == (["cancelled"], [])


def test_what_was_acknowledged_meanwhile_is_not_sent_again(office: Office, outside: Peer) -> None:
    wang = office.person()
    office.subscribe(wang, outside.origin + "/1")
    now = clock.now()
    subject = office.tell(wang, now=now)

    def acknowledged_first(one: Peer, got: peer.Received, connection: Any) -> None:
        with office.app.app_context():
            service.acknowledge(office.street.code, wang.id, "case", subject, now)
            db.session.commit()
        answer(500)(one, got, connection)

    outside.behaviour = acknowledged_first
    office.send(now)
    office.send(now + timedelta(minutes=5))
    assert office.states() == ["cancelled"]
    assert len(outside.received) == 1


def test_signing_out_ends_the_pushes_to_that_browser(office: Office, outside: Peer) -> None:
    wang = office.person()
    office.subscribe(wang, outside.origin + "/1")
    office.tell(wang)
    client, headers = office.signed_in(wang)
    assert client.delete("/api/v1/sessions/current", headers=headers).status_code < 300
    office.send()
    assert (office.states(), outside.received) == (["gone"], [])
