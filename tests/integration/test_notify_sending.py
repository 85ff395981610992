"""Sending for real, to servers on this machine that are slow, dead, wrong, or gone; and to good ones."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from sqlalchemy import Connection, select, text

from app.core import clock
from app.core.extensions import db
from app.core.ids import uuid7
from app.notify import outbox, sending, service
from app.notify.channels.base import Sent
from app.notify.models import ChannelAddress, Delivery, LaneRest, Notification, PushSubscription
from app.people.models import User
from app.worker import Job, Worker
from config import Settings, SmsSettings
from tests import factories, peer
from tests.browser import Browser
from tests.integration.test_notify import add_robot
from tests.peer import Peer, answer, wecom_answer

ROOT = Path(__file__).resolve().parents[2]
SEND = Job("notifications.send", 1, errand=sending.send_due)


class Office:
    """A street with people, browsers and robots, and a worker that sends when told to."""

    def __init__(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        self.app = app
        self.monkeypatch = monkeypatch
        self.street = factories.make_street()
        self.set_up(send_deadline_s=2.0)
        self.sessions: dict[UUID, tuple[Any, dict[str, str]]] = {}

    def set_up(self, **channels: Any) -> None:
        """Change how people are told, until the end of the test."""
        settings: Settings = self.app.config["SETTINGS"]
        changed = replace(settings, channels=replace(settings.channels, **channels))
        self.monkeypatch.setitem(self.app.config, "SETTINGS", changed)

    def person(self, **columns: Any) -> User:
        return factories.make_user("handler", self.street.units[0], **columns)

    def signed_in(self, person: User) -> tuple[Any, dict[str, str]]:
        if person.id not in self.sessions:
            client = self.app.test_client()
            self.sessions[person.id] = (client, factories.sign_in(client, person.username))
        return self.sessions[person.id]

    def subscribe(self, person: User, endpoint: str, subscription_id: UUID | None = None) -> Browser:
        browser = Browser(endpoint)
        client, headers = self.signed_in(person)
        kept = client.put(
            f"/api/v1/push-subscriptions/{subscription_id or uuid7()}",
            json=browser.subscription,
            headers=headers,
        )
        assert kept.status_code == 204, kept.text
        return browser

    def tell(
        self, *people: User, subject: UUID | None = None, now: datetime | None = None, **more: Any
    ) -> UUID:
        subject = subject or uuid7()
        with self.app.app_context():
            service.tell(
                street_code=self.street.code,
                place_code=self.street.units[0],
                recipients=[person.id for person in people],
                kind=more.pop("kind", "case.dispatched"),
                subject_kind="case",
                subject_id=subject,
                data={"number": "CY-1", "class_zh": "跨门营业"} | more.pop("data", {}),
                urgent=more.pop("urgent", True),  # whatever the hour of the test
                now=now or clock.now(),
            )
            db.session.commit()
        return subject

    def send(self, at: datetime | None = None) -> None:
        """One tick of the worker."""
        if at is None:
            Worker(self.app, ()).tick(SEND)
        else:
            with clock.frozen(at):
                Worker(self.app, ()).tick(SEND)

    def deliveries(self, channel: str = "web_push") -> list[Delivery]:
        with self.app.app_context():
            rows = db.session.scalars(
                select(Delivery).where(Delivery.channel == channel).order_by(Delivery.notification_id)
            ).all()
            db.session.expunge_all()
            return list(rows)

    def states(self, channel: str = "web_push") -> list[str]:
        return [row.state for row in self.deliveries(channel)]

    def queue(self, person: User, channel: str, address_id: UUID, lane: str) -> None:
        """A delivery that is due now, without the ladder before it."""
        with self.app.app_context():
            told = db.session.scalars(select(Notification).where(Notification.user_id == person.id)).all()
            for row in told:
                db.session.add(
                    Delivery(
                        street_code=row.street_code,
                        user_id=row.user_id,
                        notification_id=row.id,
                        channel=channel,
                        address_id=address_id,
                        lane=lane,
                        urgent=True,
                        state="pending",
                        due_at=row.told_at,
                        attempt=0,
                        changed_at=row.told_at,
                        error="",
                    )
                )
            db.session.commit()

    def rest(self, lane: str) -> LaneRest | None:
        with self.app.app_context():
            found = db.session.get(LaneRest, lane)
            db.session.expunge_all()
            return found


@pytest.fixture
def office(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Office:
    return Office(app, monkeypatch)


@pytest.fixture
def outside() -> Iterator[Peer]:
    with peer.running() as found:
        yield found


# --- Web Push --------------------------------------------------------------------------------------------


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


# --- slow and dead providers ------------------------------------------------------------------------------


def test_a_provider_that_hangs_delays_nobody_else(office: Office, outside: Peer) -> None:
    """Twelve messages to a service that hangs stand before twelve to a good one, which all come first."""
    with peer.running(peer.hang) as dead:
        now = clock.now()
        for n in range(12):
            office.subscribe(one := office.person(), f"{dead.origin}/{n}")
            office.tell(one, now=now - timedelta(minutes=1))
        for n in range(12):
            office.subscribe(one := office.person(), f"{outside.origin}/{n}")
            office.tell(one, now=now)
        office.send()
        assert len(outside.received) == 12
        assert max(got.at for got in outside.received) < min(dead.ended_at)
        assert dead.most_at_once <= 4
        assert sorted(set(office.states())) == ["pending", "sent"]


def test_a_dead_provider_rests_longer_each_time_and_is_tried_by_one_message(
    office: Office, outside: Peer
) -> None:
    outside.behaviour = peer.close_at_once
    now = clock.now()
    for n in range(8):
        office.subscribe(one := office.person(), f"{outside.origin}/{n}")
        office.tell(one, now=now)
    office.send(now)
    first = len(outside.received)
    assert 3 <= first <= 6  # the sends that were under way when it was found out
    office.send(now + timedelta(seconds=20))
    assert len(outside.received) == first
    rest = office.rest(outside.origin)
    assert rest is not None
    for _ in range(3):
        before, at = len(outside.received), rest.rests_until
        office.send(at)
        assert len(outside.received) == before + 1
        assert outside.most_at_once <= 4
        longer = office.rest(outside.origin)
        assert longer is not None
        assert longer.rests_until - at > timedelta(seconds=30)
        rest = longer
    outside.behaviour = answer(201)
    office.send(rest.rests_until)
    office.send(rest.rests_until + timedelta(hours=1))
    assert set(office.states()) == {"sent"}
    mended = office.rest(outside.origin)
    assert mended is not None
    assert mended.failures == 0


def test_urgent_messages_go_before_those_that_have_waited_longer(office: Office, outside: Peer) -> None:
    def slow(one: Peer, got: peer.Received, connection: Any) -> None:
        one.ending.wait(0.05)
        answer(201)(one, got, connection)

    outside.behaviour = slow
    noon = clock.now().astimezone(clock.SHANGHAI).replace(hour=12, minute=0)
    for n in range(16):
        office.subscribe(one := office.person(), f"{outside.origin}/{n}")
        office.tell(one, now=noon + timedelta(seconds=n), urgent=n >= 8)
    office.send(noon + timedelta(minutes=1))
    order = [int(got.path[1:]) for got in sorted(outside.received, key=lambda got: got.at)]
    assert set(order[:4]) <= set(range(8, 16))
    # the last of them may be claimed, and arrive, together with three others
    assert all(order.index(n) <= 10 for n in range(8, 16))


def test_two_workers_send_each_message_once_and_keep_to_the_width_of_a_lane(
    office: Office, outside: Peer
) -> None:
    def slow(one: Peer, got: peer.Received, connection: Any) -> None:
        one.ending.wait(0.03)
        answer(201)(one, got, connection)

    outside.behaviour = slow
    for n in range(30):
        office.subscribe(one := office.person(), f"{outside.origin}/{n}")
        office.tell(one)
    workers = [threading.Thread(target=office.send) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    office.send()
    assert sorted(got.path for got in outside.received) == sorted(f"/{n}" for n in range(30))
    assert outside.most_at_once <= 4
    assert set(office.states()) == {"sent"}


def test_a_worker_killed_between_sending_and_writing_down_sends_again(
    office: Office, outside: Peer, database: str
) -> None:
    """kill -9 while the service holds its answer back: after the lease the same message comes again."""
    arrived = threading.Event()

    def hold(one: Peer, got: peer.Received, connection: Any) -> None:
        arrived.set()
        one.wait_for_end(connection)

    outside.behaviour = hold
    wang = office.person()
    browser = office.subscribe(wang, outside.origin + "/1")
    office.tell(wang)
    environment = os.environ | {"IRONFEET_MODE": "testing", "DATABASE_URL": database}
    worker = subprocess.Popen([sys.executable, "-m", "flask", "worker"], cwd=ROOT, env=environment)
    try:
        assert arrived.wait(30)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
    outside.behaviour = answer(201)
    assert office.states() == ["sending"]
    office.send()
    assert len(outside.received) == 1
    office.send(clock.now() + timedelta(seconds=61))
    assert office.states() == ["sent"]
    first, second = (browser.read(got.body) for got in outside.received)
    assert (first["id"], first["tag"]) == (second["id"], second["tag"])


def test_a_result_that_comes_after_its_lease_is_over_changes_nothing(office: Office, outside: Peer) -> None:
    wang = office.person()
    office.subscribe(wang, outside.origin + "/1")
    now = clock.now()
    office.tell(wang, now=now)
    with office.app.app_context():
        (late,) = outbox.claim(now, 10)
        db.session.commit()
        (again,) = outbox.claim(now + timedelta(minutes=2), 10)
        db.session.commit()
        outbox.record(late, Sent(), now + timedelta(minutes=2))
        db.session.commit()
    assert (late.claim.attempt, again.claim.attempt) == (1, 2)
    assert office.states() == ["sending"]


def test_nothing_new_is_sent_once_the_worker_is_told_to_stop(office: Office, outside: Peer) -> None:
    wang = office.person()
    office.subscribe(wang, outside.origin + "/1")
    office.tell(wang)
    worker = Worker(office.app, ())
    worker.stopping.set()
    worker.tick(SEND)
    assert (office.states(), outside.received) == (["pending"], [])


# --- group robots -----------------------------------------------------------------------------------------


def test_a_robot_gets_twenty_messages_a_minute_and_none_is_lost(office: Office, outside: Peer) -> None:
    outside.behaviour = wecom_answer()
    robot = add_robot(office.street, outside.origin + "/robot?key=1", place_code=office.street.code)
    now = clock.now()
    people = [office.person() for _ in range(45)]
    for person in people:
        office.tell(person, now=now)
        office.queue(person, "wecom", robot, outside.origin)
    for seconds, count in ((0, 20), (30, 20), (61, 40), (90, 40), (122, 45)):
        office.send(now + timedelta(seconds=seconds))
        assert len(outside.received) == count, seconds
    assert set(office.states("wecom")) == {"sent"}
    assert {row.attempt for row in office.deliveries("wecom")} == {1}


def test_a_robot_names_the_person_and_keeps_to_its_size(office: Office, outside: Peer) -> None:
    outside.behaviour = wecom_answer()
    wang = office.person(phone="138 0000 0000")
    robot = add_robot(office.street, outside.origin + "/robot?key=1", user_id=wang.id)
    office.set_up(wecom_mention_phones=True)
    office.monkeypatch.setattr("app.notify.words.LONGEST_VALUE", 2000)
    office.tell(wang, data={"place_zh": "很长的地名" * 300})
    office.queue(wang, "wecom", robot, outside.origin)
    office.send()
    body = json.loads(outside.received[0].body)
    assert body["msgtype"] == "text"
    assert body["text"]["content"].startswith(f"{wang.display_name}：新任务：跨门营业\n很长的地名")
    assert len(body["text"]["content"].encode()) <= 2048
    assert body["text"]["mentioned_mobile_list"] == ["13800000000"]
    assert outside.received[0].path == "/robot?key=1"


@pytest.mark.parametrize(
    ("behaviour", "state", "error", "active"),
    [
        (wecom_answer(0), "sent", "", True),
        (wecom_answer(45009), "pending", "the robot answered errcode 45009", True),
        (wecom_answer(-1), "pending", "the robot answered errcode -1", True),
        (wecom_answer(93000), "gone", "the robot answered errcode 93000", False),
        (wecom_answer(40008), "failed", "the robot answered errcode 40008", True),
        (wecom_answer("true"), "failed", "the robot answered errcode None", True),
        (answer(200, b"<html>"), "failed", "the robot answered errcode None", True),
        (answer(502), "pending", "the robot answered 502", True),
    ],
)
def test_a_robots_errcode_decides(
    office: Office,
    outside: Peer,
    owner_db: Connection,
    *,
    behaviour: peer.Behaviour,
    state: str,
    error: str,
    active: bool,
) -> None:
    outside.behaviour = behaviour
    wang = office.person()
    robot = add_robot(office.street, outside.origin + "/robot?key=1", user_id=wang.id)
    office.tell(wang)
    office.queue(wang, "wecom", robot, outside.origin)
    office.send()
    (row,) = office.deliveries("wecom")
    assert (row.state, row.error) == (state, error)
    assert owner_db.scalar(select(ChannelAddress.active)) is active


# --- text messages ----------------------------------------------------------------------------------------


def sms(office: Office, **settings: Any) -> User:
    office.set_up(sms=SmsSettings(**settings))
    wang = office.person(phone="+86 138-0000-0000")
    office.tell(wang, data={"class_zh": 'A"&{phone}'})
    office.queue(wang, "sms", wang.id, "sms")
    return wang


def test_a_text_goes_out_as_json_with_what_the_gateway_wants(office: Office, outside: Peer) -> None:
    outside.behaviour = answer(200, b'{"code": "OK"}')
    sms(
        office,
        url=outside.origin + "/sms",
        body={"to": ["{phone}"], "msg": {"text": "【铁脚板】{text}"}, "type": 1},
        headers={"Authorization": "Bearer word"},
        success='"code": "OK"',
    )
    office.send()
    assert office.states("sms") == ["sent"]
    (got,) = outside.received
    assert got.headers["authorization"] == "Bearer word"
    assert json.loads(got.body) == {
        "to": ["+8613800000000"],
        "msg": {"text": '【铁脚板】新任务：A"&{phone} 编号CY-1。点开接单，或写明理由退回。'},
        "type": 1,
    }


def test_a_text_goes_out_as_a_form_or_in_the_address(office: Office, outside: Peer) -> None:
    sms(office, url=outside.origin + "/sms", format="form", body={"m": "{phone}", "t": "{text}"})
    office.send()
    assert outside.received[0].body.startswith(b"m=%2B8613800000000&t=%E6%96%B0")
    assert outside.received[0].headers["content-type"] == "application/x-www-form-urlencoded"
    sms(office, url=outside.origin + "/sms?to={phone}&t={text}", method="GET")
    office.send()
    assert outside.received[1].path.startswith("/sms?to=%2B8613800000000&t=%E6%96%B0")
    assert (outside.received[1].method, outside.received[1].body) == ("GET", b"")


@pytest.mark.parametrize(
    ("behaviour", "state", "error"),
    [
        (answer(200, b"balance too low"), "failed", "the gateway did not say that it took the message"),
        (answer(401), "failed", "the gateway answered 401"),
        (answer(429, Retry_After="30"), "pending", "the gateway answered 429"),
        (answer(500), "pending", "the gateway answered 500"),
        (peer.close_at_once, "pending", "broken: RemoteDisconnected"),
    ],
)
def test_a_gateway_must_say_that_it_took_the_text(
    office: Office,
    outside: Peer,
    caplog: pytest.LogCaptureFixture,
    *,
    behaviour: peer.Behaviour,
    state: str,
    error: str,
) -> None:
    outside.behaviour = behaviour
    caplog.set_level("DEBUG")
    sms(office, url=outside.origin + "/{phone}", body={"t": "{text}"}, success="^OK")
    office.send()
    (row,) = office.deliveries("sms")
    assert (row.state, row.error) == (state, error)
    assert "1380000" not in caplog.text + row.error


def test_who_has_no_number_that_can_be_dialled_is_not_texted(office: Office, outside: Peer) -> None:
    office.set_up(sms=SmsSettings(url=outside.origin + "/{phone}/{text}"))
    wang = office.person(phone="ask at the desk")
    office.tell(wang)
    office.queue(wang, "sms", wang.id, "sms")
    office.send()
    assert (office.states("sms"), outside.received) == (["gone"], [])


# --- receipts and browsers --------------------------------------------------------------------------------


def test_a_receipt_from_the_service_worker_marks_and_an_opened_one_acknowledges(
    office: Office, outside: Peer
) -> None:
    wang = office.person()
    browser = office.subscribe(wang, outside.origin + "/1")
    subject = office.tell(wang)
    office.send()
    token = browser.read(outside.received[0].body)["receipt"]
    anybody = office.app.test_client()

    def say(event: str, word: str) -> int:
        sent = {"receipts": [{"token": word, "event": event}]}
        return anybody.post("/api/v1/notifications/receipts", json=sent).status_code

    def facts() -> tuple[bool, bool]:
        with office.app.app_context():
            row = db.session.scalars(select(Notification).where(Notification.subject_id == subject)).one()
            return row.shown_at is not None, row.acknowledged_at is not None

    changed = token[:-1] + ("A" if token[-1] != "A" else "B")
    for wrong in ("x", "=", "é", changed[1:], "A" * 80, token[::-1]):
        assert say("opened", wrong) == 204  # the answer tells nothing
    assert facts() == (False, False)
    assert (say("shown", token), facts()) == (204, (True, False))
    assert (say("opened", token), facts()) == (204, (True, True))
    assert (say("opened", token), facts()) == (204, (True, True))


def test_receipts_are_bounded(office: Office) -> None:
    many = {"receipts": [{"token": "x", "event": "shown"}] * 21}
    answered = office.app.test_client().post("/api/v1/notifications/receipts", json=many)
    assert answered.status_code == 422


def test_a_browser_belongs_to_whoever_is_signed_in_there(
    office: Office, outside: Peer, owner_db: Connection
) -> None:
    wang, zhao = office.person(), office.person()
    office.subscribe(wang, outside.origin + "/same")
    office.subscribe(wang, outside.origin + "/same")
    office.subscribe(zhao, outside.origin + "/same")
    assert owner_db.scalars(select(PushSubscription.user_id)).all() == [zhao.id]
    office.tell(wang, zhao)
    office.send()
    assert len(outside.received) == 1


def test_a_browser_that_renews_its_endpoint_keeps_one_row(
    office: Office, outside: Peer, owner_db: Connection
) -> None:
    wang, own = office.person(), uuid7()
    for path in ("/old", "/new"):
        office.subscribe(wang, outside.origin + path, own)
    assert owner_db.scalars(select(PushSubscription.endpoint)).all() == [outside.origin + "/new"]


def test_the_id_of_another_persons_browser_cannot_be_taken(office: Office, outside: Peer) -> None:
    wang, zhao, own = office.person(), office.person(), uuid7()
    office.subscribe(wang, outside.origin + "/wang", own)
    client, headers = office.signed_in(zhao)
    taken = client.put(
        f"/api/v1/push-subscriptions/{own}",
        json=Browser(outside.origin + "/zhao").subscription,
        headers=headers,
    )
    assert (taken.status_code, taken.json["type"]) == (409, "/problems/id-reused")
    assert client.delete(f"/api/v1/push-subscriptions/{own}", headers=headers).status_code == 204
    office.tell(wang)
    office.send()
    assert [got.path for got in outside.received] == ["/wang"]


def test_deleting_a_subscription_ends_the_pushes_and_twice_is_once(office: Office, outside: Peer) -> None:
    wang, own = office.person(), uuid7()
    office.subscribe(wang, outside.origin + "/1", own)
    client, headers = office.signed_in(wang)
    for _ in range(2):
        assert client.delete(f"/api/v1/push-subscriptions/{own}", headers=headers).status_code == 204
    office.tell(wang)
    office.send()
    assert outside.received == []


def test_two_tabs_that_start_together_leave_one_row(
    office: Office, outside: Peer, owner_db: Connection
) -> None:
    wang, own = office.person(), uuid7()
    _, headers = office.signed_in(wang)
    body, answers = Browser(outside.origin + "/1").subscription, []

    def put() -> None:
        client = office.app.test_client()
        answers.append(
            client.put(f"/api/v1/push-subscriptions/{own}", json=body, headers=headers).status_code
        )

    tabs = [threading.Thread(target=put) for _ in range(6)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert answers == [204] * 6
    assert owner_db.scalars(select(PushSubscription.id)).all() == [own]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"endpoint": "https://evil.example/push"}, "endpoint"),
        ({"endpoint": "http://10.0.0.1/push"}, "endpoint"),
        ({"p256dh": "AAAA"}, "p256dh"),
        ({"p256dh": "B" + "A" * 86}, "p256dh"),
        ({"auth": "AAAA"}, "auth"),
        ({"auth": "!" * 22}, "auth"),
    ],
)
def test_a_subscription_that_cannot_work_is_refused(
    office: Office, outside: Peer, change: dict[str, str], field: str
) -> None:
    client, headers = office.signed_in(office.person())
    refused = client.put(
        f"/api/v1/push-subscriptions/{uuid7()}",
        json=Browser(outside.origin + "/1").subscription | change,
        headers=headers,
    )
    assert refused.status_code == 422
    assert list(refused.json["errors"]) == [field]


def test_a_person_has_at_most_eight_browsers_and_the_latest_count(
    office: Office, outside: Peer, owner_db: Connection
) -> None:
    wang = office.person()
    for n in range(10):
        office.subscribe(wang, f"{outside.origin}/{n}")
    kept = owner_db.scalars(select(PushSubscription.endpoint)).all()
    assert sorted(kept) == [f"{outside.origin}/{n}" for n in range(2, 10)]


def test_old_notifications_and_deliveries_are_forgotten(office: Office, owner_db: Connection) -> None:
    from app.notify import retention

    wang, now = office.person(), clock.now()
    for days in (200, 100, 1):
        office.tell(wang, now=now - timedelta(days=days))
    with office.app.app_context():
        assert retention.forget_old(now) is False
        db.session.commit()
    assert len(owner_db.scalars(select(Notification.id)).all()) == 2
    assert len(set(owner_db.scalars(select(Delivery.notification_id)).all())) == 1
