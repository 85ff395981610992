"""Something that names photos, and what tests of photos do to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import Connection, text

from app.core import clock
from app.core.extensions import db
from app.core.ids import uuid7
from app.media import queries, service
from app.media.service import Claim
from app.worker import JOBS, Worker
from tests import factories
from tests.integration.photos import name_of

AT = datetime(2026, 11, 16, 1, 41, 20, tzinfo=UTC)  # what GOOD says of itself
LAT, LON = 31.244417, 121.402865


@dataclass
class Case:
    """Something that names photos."""

    street: factories.Street
    used_by: UUID = field(default_factory=uuid7)
    id: UUID = field(default_factory=uuid7)

    def use(self, body: bytes, role: str = "report", now: datetime | None = None, **claim: Any) -> None:
        """Name the photo; the transaction stays open."""
        values: dict[str, Any] = {
            "ordinal": 1,
            "captured_at": AT,
            "lat": LAT,
            "lon": LON,
            "accuracy_m": 8.0,
        }
        service.use_photos(
            street_code=self.street.code,
            place_code=self.street.units[0],
            subject_kind="case",
            subject_id=self.id,
            entry_id=uuid7(),
            used_by=self.used_by,
            claims=[Claim(sha256=name_of(body), role=role, **(values | claim))],
            now=now or clock.now(),
        )

    def shown(self) -> list[dict[str, Any]]:
        """What a page would show."""
        return queries.photos_of(self.street.code, "case", [self.id])[self.id]


def use(app: Flask, case: Case, body: bytes, **more: Any) -> None:
    """Name a photo in a transaction of its own."""
    with app.app_context():
        case.use(body, **more)
        db.session.commit()


def shown(app: Flask, case: Case) -> list[dict[str, Any]]:
    with app.app_context():
        return case.shown()


def tick(app: Flask, *names: str) -> None:
    """Let a worker do some jobs once."""
    worker = Worker(app, ())
    for job in JOBS:
        if job.name in names:
            worker.tick(job)


def age(owner_db: Connection, table: str, column: str, days: float) -> None:
    owner_db.execute(text(f"update {table} set {column} = {column} - interval '{days * 24} hours'"))
