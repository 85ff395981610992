"""The people of the bench: patrollers on a round of their own, their phones, and what those send.

Everybody walks up and down a line of twenty spots, twenty metres apart, six seconds from one to the
next, with a good position each time: every check-in is to be graded verified.
"""

from __future__ import annotations

import json
import math
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import text

from app.cli.demo import DEMO_STREET
from app.cli.phone import Phone, wire_fix
from app.core import clock
from app.core.extensions import db
from app.core.fields import wire_time
from app.core.ids import uuid7
from app.patrols.models import Round, RoundStop, Route, RouteStop, Schedule
from app.people.models import Post, User
from app.people.passwords import hash_password
from app.places.models import Checkpoint
from bench.stack import BenchError

PASSWORD = "ironfeet-bench"
UNIT = f"{DEMO_STREET}-G1"
QUIET_AREA = f"{DEMO_STREET}-P3"  # nothing happens there while the bench runs
SPOTS = 20
STEP_M = 20.0
STEP_S = 4.0
ON_DUTY_SINCE = timedelta(hours=11)
LAT, LON = 31.2400, 121.4000
DEGREES_A_METRE = 1 / 111_320


@dataclass(slots=True)
class Patroller:
    """One person on duty, on a round that is under way, with as many phones as the bench wants."""

    user: UUID
    token: str
    shift: UUID
    round: UUID
    device: UUID
    visits: int = 0  # check-ins made so far, over all phones


@dataclass(frozen=True, slots=True)
class Bodies:
    """What one phone sends in a run: the head of each body, and the lists of entries as JSON."""

    patroller: Patroller
    phone: Phone
    batches: list[str]

    @property
    def head(self) -> str:
        """The beginning of every body, up to the members that are different each time."""
        return f'{{"log":"{self.phone.log}"'


class Api:
    """Requests outside of the measurement."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    def call(self, method: str, path: str, body: Any, token: str = "") -> Any:
        """One request; the parsed answer."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        if not token:
            del headers["Authorization"]
        request = urllib.request.Request(  # noqa: S310 - the address is ours
            self._base_url + path, json.dumps(body).encode(), headers, method=method
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.loads(answer.read())

    def upload(self, variants: list[tuple[str, bytes]], photo: bytes, token: str) -> list[str]:
        """Bring photos that begin alike; returns their names."""
        headers = {"Content-Type": "image/jpeg", "Authorization": f"Bearer {token}"}
        for name, last in variants:
            request = urllib.request.Request(  # noqa: S310 - the address is ours
                f"{self._base_url}/api/v1/photos/{name}", photo + last, headers, method="PUT"
            )
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                answer.read()
        return [name for name, _last in variants]

    def sign_in(self, username: str) -> str:
        """The access token of a person of the bench."""
        body = {"username": username, "password": PASSWORD}
        return str(self.call("POST", "/api/v1/sessions", body)["access_token"])


class Street:
    """The bench's people and spots on the demo street."""

    def __init__(self, app: Flask, api: Api) -> None:
        self._api = api
        self._started_at = clock.now() - ON_DUTY_SINCE
        with app.app_context():
            self.spots = self._make_spots()
            self._route = self._make_route()
            self._password_hash = hash_password(PASSWORD)
            db.session.commit()
        self._app = app

    def _make_spots(self) -> list[UUID]:
        ids = []
        for n in range(SPOTS):
            ids.append(uuid7())
            db.session.add(
                Checkpoint(
                    id=ids[-1],
                    street_code=DEMO_STREET,
                    code=f"BENCH{n:02d}",
                    name=f"测速点{n}",
                    kind="entrance",
                    radius_m=30.0,
                    lat=LAT + n * STEP_M * DEGREES_A_METRE,
                    lon=LON,
                    unit_code=UNIT,
                )
            )
        db.session.flush()
        return ids

    def _make_route(self) -> UUID:
        route = Route(
            id=uuid7(),
            street_code=DEMO_STREET,
            place_code=UNIT,
            name="测速路线",
            name_en="Bench",
            ordered=False,
            created_at=clock.now(),
            fingerprint=b"",
        )
        db.session.add(route)
        db.session.flush()
        for ordinal, spot in enumerate(self.spots, 1):
            db.session.add(RouteStop(route_id=route.id, ordinal=ordinal, checkpoint_id=spot))
        return route.id

    def hire(self, username: str, role: str, place: str) -> UUID:
        """Add a person with one post; returns their id."""
        user = User(
            id=uuid7(),
            street_code=DEMO_STREET,
            username=username,
            display_name=username,
            password_hash=self._password_hash,
            password_changed_at=clock.now(),
        )
        with self._app.app_context():
            db.session.add(user)
            db.session.flush()
            user_id = user.id
            db.session.add(Post(id=uuid7(), user_id=user_id, role=role, place_code=place))
            db.session.commit()
        return user_id

    def _plan(self, user: UUID) -> UUID:
        round_id = uuid7()
        with self._app.app_context():
            schedule = Schedule(
                id=uuid7(),
                street_code=DEMO_STREET,
                route_id=self._route,
                assignee_id=user,
                starts_at_local="2026-01-01T09:00",
                recurrence="FREQ=DAILY",
                window_minutes=720,
                generated_until=clock.now(),
                created_at=clock.now(),
                ended_at=clock.now(),
                fingerprint=b"",
            )
            db.session.add(schedule)
            db.session.flush()
            db.session.add(
                Round(
                    id=round_id,
                    street_code=DEMO_STREET,
                    place_code=UNIT,
                    schedule_id=schedule.id,
                    route_id=self._route,
                    assignee_id=user,
                    ordered=False,
                    on_day=self._started_at.astimezone(clock.SHANGHAI).date(),
                    window_starts_at=self._started_at,
                    window_ends_at=self._started_at + timedelta(hours=12),
                    state="planned",
                )
            )
            db.session.flush()
            for ordinal, spot in enumerate(self.spots, 1):
                db.session.add(RoundStop(round_id=round_id, ordinal=ordinal, checkpoint_id=spot))
            db.session.commit()
        return round_id

    def patroller(self, username: str) -> Patroller:
        """A person who has begun their shift and their round, through the public API."""
        user = self.hire(username, "patroller", UNIT)
        token, device = self._api.sign_in(username), uuid7()
        phone = self.register(Phone(log=uuid7(), device=device, user=user), token)
        person = Patroller(user, token, uuid7(self._started_at), self._plan(user), device)
        began = [
            phone.entry("shift_started", {}, self._started_at, entry_id=person.shift),
            phone.entry(
                "round_started",
                {"round": str(person.round), "shift": str(person.shift)},
                self._started_at + timedelta(seconds=30),
            ),
        ]
        answer = self._api.call("POST", "/api/v1/sync", phone.batch(began, clock.now()), token)
        if [result["status"] for result in answer["results"]] != ["applied", "applied"]:
            raise BenchError(f"the shift or the round of {username} did not begin: {answer['results']}")
        return person

    def register(self, phone: Phone, token: str) -> Phone:
        """Tell the server about a log; returns it."""
        key = {"device_id": str(phone.device), "public_key": phone.public_key, "label": "bench"}
        self._api.call("PUT", f"/api/v1/logs/{phone.log}", key, token)
        return phone

    def bodies(self, person: Patroller, requests: int, batch: int) -> Bodies:
        """Register a fresh log of *person* and sign what it sends: *requests* times *batch* check-ins."""
        phone = self.register(Phone(log=uuid7(), device=person.device, user=person.user), person.token)
        batches = [
            json.dumps([self._check_in(person, phone) for _ in range(batch)], ensure_ascii=False)
            for _ in range(requests)
        ]
        return Bodies(person, phone, batches)

    def _check_in(self, person: Patroller, phone: Phone) -> dict[str, str]:
        n = person.visits
        person.visits += 1
        spot = abs((n + SPOTS - 1) % (2 * SPOTS - 2) - (SPOTS - 1))  # 0 … 19 … 0
        at = self._started_at + timedelta(seconds=60 + n * STEP_S)
        if at > clock.now():
            raise BenchError("there are more check-ins than the shift has room for")
        # Nobody stands on exactly the same spot twice: a metre or two aside, another one each time.
        aside = DEGREES_A_METRE * 2 * math.sin(n)
        fix = wire_fix(
            LAT + spot * STEP_M * DEGREES_A_METRE + aside, LON + n * 1e-9, at, accuracy_m=8.0 + n % 7
        )
        body = {
            "round": str(person.round),
            "shift": str(person.shift),
            "stop": spot + 1,
            "checkpoint": str(self.spots[spot]),
            "fix": fix,
        }
        return phone.entry("check_in", body, at)


def write_bodies(folder: Path, all_bodies: list[Bodies]) -> None:
    """Write the files that wrk's threads read."""
    for number, bodies in enumerate(all_bodies):
        lines = [bodies.patroller.token, bodies.head, *bodies.batches]
        (folder / str(number)).write_text("\n".join(lines) + "\n", encoding="utf-8")


_STORED = text("""
    select (select count(*) from log_entry where log_id = any(:logs)) as entries,
           (select count(*) from log_entry where log_id = any(:logs) and state = 'applied') as applied,
           (select count(*) from check_in c join log_entry e on e.id = c.id and e.log_id = any(:logs))
             as check_ins,
           (select count(*) from proof where log_id = any(:logs) and grade = 'verified') as verified,
           (select count(*) from ledger_row l join log_entry e
              on l.subject_id = e.id::text and l.subject_kind = 'check_in' and e.log_id = any(:logs)
            where l.action = 'check_in.recorded') as told
""")


def check_exactly_once(app: Flask, api: Api, all_bodies: list[Bodies], sent: list[int], batch: int) -> int:
    """Send each phone's last request again, as a phone does whose answer was lost when the run ended, and
    then count what is stored.

    Returns:
        the number of check-ins that are stored.

    Raises:
        BenchError: where a check-in that was sent is not there exactly once, verified, in all tables.
    """
    for bodies, count in zip(all_bodies, sent, strict=True):
        if count == 0:
            continue
        again = json.loads(bodies.batches[count - 1])
        body = {"log": str(bodies.phone.log), "sent_at": wire_time(clock.now()), "entries": again}
        answer = api.call("POST", "/api/v1/sync", body, bodies.patroller.token)
        states = {result["status"] for result in answer["results"]}
        if not states <= {"applied", "already"}:
            raise BenchError(f"an entry sent again was answered {states}")
    with app.app_context():
        row = db.session.execute(_STORED, {"logs": [bodies.phone.log for bodies in all_bodies]}).one()
    expected = sum(sent) * batch
    if set(row) != {expected}:
        raise BenchError(f"{expected} check-ins were sent, but stored are {row._asdict()}")
    return expected
