"""A street whose messages are sent for real, when a test says so, to servers on this machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from app.core import clock
from app.core.extensions import db
from app.core.ids import uuid7
from app.notify import sending, service
from app.notify.models import Delivery, LaneRest, Notification
from app.people.models import User
from app.worker import Job, Worker
from config import Settings
from tests import factories
from tests.browser import Browser

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
