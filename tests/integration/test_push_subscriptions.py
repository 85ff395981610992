"""Receipts of what was shown, and the browsers that people are told in."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from app.core import clock
from app.core.extensions import db
from app.core.ids import uuid7
from app.notify.models import Delivery, Notification, PushSubscription
from tests.browser import Browser
from tests.integration.sending_office import Office
from tests.peer import Peer


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
