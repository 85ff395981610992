"""The demo's people as clients of the public API: signed in, with a phone whose log they write."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import click

from app.cli.demo import DEMO_PASSWORD
from app.cli.phone import Phone
from app.core import clock
from app.core.ids import uuid7

TIMEOUT_S = 30


class Api:
    """The public API over HTTP, as one signed-in person."""

    def __init__(self, base_url: str) -> None:
        if urlsplit(base_url).scheme not in {"http", "https"}:
            raise click.ClickException(f"{base_url} is not an http address")
        self.base_url = base_url.rstrip("/")
        self.token = ""

    def exchange(
        self, method: str, path: str, data: bytes | None, content_type: str | None
    ) -> tuple[int, bytes]:
        """Send one request; status and body of the answer, whatever it is.

        Raises:
            click.ClickException: where the server does not answer.
        """
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if content_type:
            headers["Content-Type"] = content_type
        request = urllib.request.Request(  # noqa: S310 - http and https only, checked above
            f"{self.base_url}/api/v1{path}", data, headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError as error:
            raise click.ClickException(f"{self.base_url} does not answer: {error}") from error

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return the JSON of the answer.

        Raises:
            click.ClickException: where the server does not answer, or not with success.
        """
        data = None if body is None else json.dumps(body).encode()
        status, answer = self.exchange(method, path, data, "application/json" if data else None)
        if status >= 400:
            said = answer.decode("utf-8", "replace")[:300]
            raise click.ClickException(f"{method} {path} was answered with {status}: {said}")
        return json.loads(answer or b"null")

    def has(self, path: str) -> bool:
        """True where there is something at *path* for this person."""
        return self.exchange("GET", path, None, None)[0] == 200

    def sign_in(self, username: str) -> UUID:
        """Sign in as a demo account; returns the person's id."""
        answer = self.call("POST", "/sessions", {"username": username, "password": DEMO_PASSWORD})
        self.token = answer["access_token"]
        return UUID(answer["user"]["id"])


NewApi = Callable[[], Api]


@dataclass(slots=True)
class Person:
    """Somebody signed in, with a phone of their own once they write into its log.

    Attributes:
        shift: the shift that they are on duty with.
        results: how their entries were answered, counted.
    """

    api: Api
    id: UUID
    shift: UUID | None = None
    results: Counter[str] = field(default_factory=Counter)
    _phone: Phone | None = None

    def say(self, kind: str, body: dict[str, Any], at: datetime, *, entry_id: UUID | None = None) -> UUID:
        """Write one entry and send it; returns its id."""
        if self._phone is None:
            self._phone = register(self.api, self.id)
        entry = self._phone.entry(kind, body, at, entry_id=entry_id)
        answer = self.api.call("POST", "/sync", self._phone.batch([entry], clock.now()))
        self.results += Counter(f"entries {result['status']}" for result in answer["results"])
        return UUID(entry["id"])

    def upload(self, picture: bytes, content_type: str) -> str:
        """Bring a photo; returns the SHA-256 that entries name it by.

        One that the server refuses has come, too: its case says why it cannot be seen.
        """
        name = hashlib.sha256(picture).hexdigest()
        status, answer = self.api.exchange("PUT", f"/photos/{name}", picture, content_type)
        if status not in {200, 422}:
            said = answer.decode("utf-8", "replace")[:300]
            raise click.ClickException(f"a photo was answered with {status}: {said}")
        self.results["photos" if status == 200 else "photos refused"] += 1
        return name


def register(api: Api, user: UUID) -> Phone:
    """A phone with a log of its own, made known to the server."""
    phone = Phone(uuid7(), uuid7(), user)
    label = {"device_id": str(phone.device), "public_key": phone.public_key, "label": "recorded walk"}
    api.call("PUT", f"/logs/{phone.log}", label)
    return phone


class Cast:
    """Everybody who plays, each signed in when first needed."""

    def __init__(self, new_api: NewApi) -> None:
        self._new_api = new_api
        self._people: dict[str, Person] = {}

    def __getitem__(self, username: str) -> Person:
        if username not in self._people:
            api = self._new_api()
            self._people[username] = Person(api, api.sign_in(username))
        return self._people[username]

    def told(self) -> Counter[str]:
        """How all entries and photos were answered."""
        return sum((person.results for person in self._people.values()), Counter())
