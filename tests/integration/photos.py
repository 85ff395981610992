"""Phones that bring photos, and a look into the store, for the tests of photos."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.core import current
from app.media import storage
from app.people.models import User
from tests import factories

PHOTOS = Path(__file__).parents[1] / "data" / "photos"
GOOD = (PHOTOS / "own_rubbish_gps.jpg").read_bytes()


def a_photo(like: bytes = GOOD) -> bytes:
    """A photo that nobody has brought yet: bytes behind the picture do not show."""
    return like + os.urandom(16)


def name_of(body: bytes) -> str:
    """What the photo is called: the hash of its bytes."""
    return hashlib.sha256(body).hexdigest()


def problem(answer: TestResponse) -> tuple[int, str]:
    """Status and slug of a problem document."""
    assert answer.json is not None, answer.text
    return answer.status_code, str(answer.json["type"]).removeprefix("/problems/")


class PhotoPhone:
    """A signed-in person who uploads."""

    def __init__(self, app: Flask, street: factories.Street, role: str = "patroller") -> None:
        self.app, self.street = app, street
        self.client: FlaskClient = app.test_client()
        self.user: User = factories.make_user(role, street.units[0])
        self.headers = factories.sign_in(self.client, self.user.username)

    def again(self) -> PhotoPhone:
        """The same person on a second connection."""
        second = copy(self)
        second.client = self.app.test_client()
        return second

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


@contextmanager
def store_of(app: Flask) -> Iterator[storage.Store]:
    """The store that the application writes to."""
    with app.app_context():
        yield storage.open_store(current.settings().photos)


def kept(app: Flask, body: bytes) -> list[str]:
    """All keys under which the store holds something of *body*."""
    with store_of(app) as store:
        found = [one.key for one in store.shard(int(name_of(body)[:2], 16))]
    return sorted(key for key in found if name_of(body) in key)


def stored(app: Flask, body: bytes) -> list[str]:
    """Keys of originals of *body*."""
    return [key for key in kept(app, body) if storage.original_key(key) == key]
