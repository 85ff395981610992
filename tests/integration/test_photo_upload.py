"""A photo comes in whole or in parts, twice, late, half, or from two phones at once, and is kept once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, text
from werkzeug.test import TestResponse

from app.core import current
from app.media import storage
from tests import factories

PHOTOS = Path(__file__).parents[1] / "data" / "photos"
GOOD = (PHOTOS / "own_rubbish_gps.jpg").read_bytes()


def name_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class Phone:
    """A signed-in person who uploads."""

    def __init__(self, app: Flask, street: factories.Street, role: str = "patroller") -> None:
        self.client: FlaskClient = app.test_client()
        self.user = factories.make_user(role, street.units[0])
        self.headers = factories.sign_in(self.client, self.user.username)

    def put(self, body: bytes, name: str | None = None, **headers: str) -> TestResponse:
        """Send *body* whole."""
        all_headers = {"Content-Type": "image/jpeg"} | self.headers | headers
        return self.client.put(f"/api/v1/photos/{name or name_of(body)}", data=body, headers=all_headers)

    def part(self, body: bytes, first: int, last: int, total: int | None = None) -> TestResponse:
        """Send bytes *first* to *last* (included) of *body*."""
        said = f"bytes {first}-{last}/{total or len(body)}"
        return self.put(body[first : last + 1], name_of(body), **{"Content-Range": said})

    def state(self, body: bytes) -> Any:
        """What the server says has arrived."""
        answer = self.client.get(f"/api/v1/photos/{name_of(body)}/upload", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json


@pytest.fixture
def street(database: str) -> factories.Street:
    return factories.make_street()


@pytest.fixture
def phone(app: Flask, street: factories.Street) -> Phone:
    return Phone(app, street)


@contextmanager
def store_of(app: Flask) -> Iterator[storage.Store]:
    """The store that the application writes to."""
    with app.app_context():
        yield storage.open_store(current.settings().photos)


def stored(app: Flask, body: bytes) -> list[str]:
    """Keys under which the store holds the original of *body*."""
    with store_of(app) as store:
        found = [kept.key for kept in store.shard(int(name_of(body)[:2], 16))]
    return [key for key in found if name_of(body) in key and storage.original_key(key) == key]


def problem(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, str(answer.json["type"]).removeprefix("/problems/")


def count(owner_db: Connection, table: str) -> int:
    return int(owner_db.scalar(text(f"select count(*) from {table}")) or 0)


def test_a_photo_sent_twice_is_kept_once_with_the_same_answer(
    app: Flask, phone: Phone, owner_db: Connection
) -> None:
    answers = [phone.put(GOOD) for _ in range(2)]
    assert [(a.status_code, a.json) for a in answers] == [
        (200, {"state": "stored", "received": len(GOOD), "problem": None})
    ] * 2
    keys = stored(app, GOOD)
    with store_of(app) as store:
        assert [store.get(key) for key in keys[:1]] == [GOOD]
    rows = owner_db.execute(text("select state, format, width, height, camera, uploaded_by from photo")).all()
    assert [tuple(row) for row in rows] == [
        ("stored", "jpeg", 1280, 960, "OwnDemo Demo Phone", phone.user.id)
    ]
    assert owner_db.scalars(text("select action from ledger_row where subject_kind = 'photo'")).all() == [
        "photo.stored"
    ]
