"""Makes the rows that tests start from, straight into the tables, committed.

The rows come back detached: read their columns, do not change them. Times default to now, places to
the synthetic street of :func:`make_street`, which lies where Caoyang lies but is made of rectangles:

    P1 (area) = G1 (unit) = communities 001 | 002        P2 = G2 = community 003
    longitude 121.400 ──── 121.405 ──── 121.410 ─────────────────────── 121.420, latitude 31.240–31.246
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from argon2 import PasswordHasher
from flask.testing import FlaskClient
from geoalchemy2 import WKTElement
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.cases.catalogue.file import read_catalogue
from app.cases.catalogue.rules import ProblemClass
from app.cases.reference_models import (
    Absence,
    CaseClass,
    CasePolicy,
    Catalogue,
    Department,
    FilingCondition,
    Responsibility,
)
from app.core import clock
from app.core.idempotency import fingerprint
from app.core.ids import uuid7
from app.patrols.models import Round, RoundStop, Route, RouteStop, Schedule
from app.people.models import Post, Shift, User
from app.places.models import Checkpoint, Place
from app.timers.models import WorkCalendar

PASSWORD = "ironfeet-demo"
DATA = Path(__file__).resolve().parents[1] / "data"
POLICY_FILE = DATA / "demo" / "policy.json"
LAT, LON = 31.243, 121.4025  # inside community 001
_SOUTH, _NORTH = 31.240, 31.246

_engine: list[Engine] = []
_numbers = count(1)


def bind(engine: Engine | None) -> None:
    """Say which database rows go to; the ``database`` fixture does."""
    _engine[:] = [engine] if engine is not None else []


@contextmanager
def writing() -> Iterator[Session]:
    """A session of the owner's role, committed at the end."""
    if not _engine:
        raise RuntimeError(
            "factories need the `database` fixture (app, client, session and owner_db bring it)"
        )
    with Session(_engine[0], expire_on_commit=False) as session, session.begin():
        yield session


@dataclass(frozen=True, slots=True)
class Street:
    """Codes of a synthetic street, from the top down; the second area has one unit and one community."""

    code: str

    @property
    def areas(self) -> tuple[str, str]:
        """Codes of the two areas."""
        return f"{self.code}-P1", f"{self.code}-P2"

    @property
    def units(self) -> tuple[str, str]:
        """Codes of the grid units: one in each area."""
        return f"{self.code}-G1", f"{self.code}-G2"

    @property
    def communities(self) -> tuple[str, str, str]:
        """Codes of the communities: two in the first unit, one in the second."""
        return f"{self.code}001", f"{self.code}002", f"{self.code}003"


def _outline(west: float, east: float) -> WKTElement:
    corners = [(west, _SOUTH), (east, _SOUTH), (east, _NORTH), (west, _NORTH), (west, _SOUTH)]
    ring = ", ".join(f"{lon} {lat}" for lon, lat in corners)
    return WKTElement(f"MULTIPOLYGON((({ring})))", srid=4326)


def make_street(code: str = "310107990", *, west: float = 121.400) -> Street:
    """A street of 1.9 km × 0.67 km; a second one needs another *code* (9 digits) and *west* edge."""
    street = Street(code)
    (p1, p2), (g1, g2), (c1, c2, c3) = street.areas, street.units, street.communities
    rows = [
        (code, "street", code[:6], [code], 0.0, 0.020),
        (p1, "area", code, [code, p1], 0.0, 0.010),
        (p2, "area", code, [code, p2], 0.010, 0.020),
        (g1, "unit", p1, [code, p1, g1], 0.0, 0.010),
        (g2, "unit", p2, [code, p2, g2], 0.010, 0.020),
        (c1, "community", g1, [code, p1, g1, c1], 0.0, 0.005),
        (c2, "community", g1, [code, p1, g1, c2], 0.005, 0.010),
        (c3, "community", g2, [code, p2, g2, c3], 0.010, 0.020),
    ]
    with writing() as session:
        for place, level, parent, path, start, end in rows:
            session.add(
                Place(
                    code=place,
                    street_code=code,
                    level=level,
                    parent_code=parent,
                    path=path,
                    name=f"测试{place}",
                    name_en=f"Test {place}",
                    properties={},
                    outline=_outline(round(west + start, 6), round(west + end, 6)),
                )
            )
    return street


@cache
def _password_hash(password: str) -> str:
    """A real Argon2id hash, made cheap: tests sign in by the hundred."""
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(password)


def make_user(
    role: str | None,
    place: str,
    username: str | None = None,
    *,
    password: str = PASSWORD,
    starts_on: date | None = None,
    ends_on: date | None = None,
    **columns: Any,
) -> User:
    """A person with one post (*role* None: no post) at *place*; the street is read from the place's code."""
    username = username or f"{role or 'nobody'}{next(_numbers)}"
    user = User(
        id=uuid7(),
        street_code=place[:9],
        username=username,
        display_name=f"测试{username}",
        display_name_en=f"Test {username}",
        password_hash=_password_hash(password),
        password_changed_at=clock.now(),
        **columns,
    )
    with writing() as session:
        session.add(user)
        session.flush()
        if role is not None:
            session.add(_post(user.id, role, place, starts_on, ends_on))
    return user


def make_post(
    user: User, role: str, place: str, starts_on: date | None = None, ends_on: date | None = None
) -> Post:
    """A further post of *user*."""
    post = _post(user.id, role, place, starts_on, ends_on)
    with writing() as session:
        session.add(post)
    return post


def _post(user_id: UUID, role: str, place: str, starts_on: date | None, ends_on: date | None) -> Post:
    return Post(
        id=uuid7(), user_id=user_id, role=role, place_code=place, starts_on=starts_on, ends_on=ends_on
    )


def make_checkpoint(
    street: Street, *, lat: float = LAT, lon: float = LON, radius_m: float = 30.0, **columns: Any
) -> Checkpoint:
    """A checkpoint; unit and community are those its longitude falls into (default street only)."""
    number = next(_numbers)
    third = 0 if lon < 121.405 else 1 if lon < 121.410 else 2
    values: dict[str, Any] = {
        "code": f"T{number:04d}",
        "name": f"点位{number}",
        "name_en": f"Checkpoint {number}",
        "kind": "entrance",
        "unit_code": street.units[0 if third < 2 else 1],
        "community_code": street.communities[third],
    }
    checkpoint = Checkpoint(
        id=uuid7(), street_code=street.code, lat=lat, lon=lon, radius_m=radius_m, **(values | columns)
    )
    with writing() as session:
        session.add(checkpoint)
    return checkpoint


def make_route(
    street: Street, checkpoints: Sequence[Checkpoint], *, ordered: bool = False, **columns: Any
) -> Route:
    """A route over *checkpoints* (default place: the first unit)."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "place_code": street.units[0],
        "name": f"路线{number}",
        "name_en": f"Route {number}",
        "created_at": clock.now(),
        "fingerprint": b"",
    }
    route = Route(id=uuid7(), street_code=street.code, ordered=ordered, **(values | columns))
    with writing() as session:
        session.add(route)
        session.flush()
        for ordinal, checkpoint in enumerate(checkpoints, 1):
            session.add(RouteStop(route_id=route.id, ordinal=ordinal, checkpoint_id=checkpoint.id))
    return route


def make_schedule(route: Route, assignee: User, **columns: Any) -> Schedule:
    """A daily schedule of *route* from 09:00 for two hours, walked by *assignee*."""
    values: dict[str, Any] = {
        "starts_at_local": "2026-01-01T09:00",
        "recurrence": "FREQ=DAILY",
        "window_minutes": 120,
        "generated_until": clock.now(),
        "created_at": clock.now(),
        "fingerprint": b"",
    }
    schedule = Schedule(
        id=uuid7(),
        street_code=route.street_code,
        route_id=route.id,
        assignee_id=assignee.id,
        **(values | columns),
    )
    with writing() as session:
        session.add(schedule)
    return schedule


def make_round(
    street: Street,
    assignee: User,
    checkpoints: Sequence[Checkpoint],
    *,
    window_starts_at: datetime | None = None,
    window_minutes: int = 120,
    ordered: bool = False,
    **columns: Any,
) -> Round:
    """A planned round with its route, its (ended) schedule and stops; the window is open now by default."""
    starts_at = window_starts_at or clock.now() - timedelta(minutes=window_minutes / 2)
    route = make_route(street, checkpoints, ordered=ordered)
    schedule = make_schedule(route, assignee, window_minutes=window_minutes, ended_at=clock.now())
    values: dict[str, Any] = {
        "place_code": route.place_code,
        # a window around now is today's, also where it began before midnight
        "on_day": (window_starts_at or clock.now()).astimezone(clock.SHANGHAI).date(),
        "window_starts_at": starts_at,
        "window_ends_at": starts_at + timedelta(minutes=window_minutes),
        "state": "planned",
    }
    planned = Round(
        id=uuid7(),
        street_code=street.code,
        schedule_id=schedule.id,
        route_id=route.id,
        assignee_id=assignee.id,
        ordered=ordered,
        **(values | columns),
    )
    with writing() as session:
        session.add(planned)
        session.flush()
        for ordinal, checkpoint in enumerate(checkpoints, 1):
            session.add(RoundStop(round_id=planned.id, ordinal=ordinal, checkpoint_id=checkpoint.id))
    return planned


def make_shift(
    user: User,
    place: str,
    *,
    started_at: datetime | None = None,
    device_id: UUID | None = None,
    **columns: Any,
) -> Shift:
    """A running shift of *user*, started an hour ago by default."""
    shift = Shift(
        id=uuid7(),
        street_code=user.street_code,
        user_id=user.id,
        device_id=device_id or uuid7(),
        place_code=place,
        started_at=started_at or clock.now() - timedelta(hours=1),
        **columns,
    )
    with writing() as session:
        session.add(shift)
    return shift


def sign_in(client: FlaskClient, username: str, password: str = PASSWORD) -> dict[str, str]:
    """Sign in through the API and return the headers for further requests."""
    answer = client.post("/api/v1/sessions", json={"username": username, "password": password})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json['access_token']}"}


def make_rules_of_cases(street: Street) -> None:
    """Give the street what cases are judged by: the demonstration's policy, and years without holidays."""
    now = clock.now()
    policy = json.loads(POLICY_FILE.read_text(encoding="utf-8"))
    with writing() as session:
        session.add(
            CasePolicy(
                street_code=street.code,
                version=1,
                name=policy["name"],
                document=policy,
                created_at=now,
                fingerprint=fingerprint(policy),
            )
        )
        session.add(
            WorkCalendar(
                street_code=street.code,
                version=1,
                imported_at=now,
                imported_by="cli",
                first_year=2026,
                last_year=2027,
                hours=["08:30-12:00", "13:00-17:30"],
                fingerprint=fingerprint({"holidays": "none"}),
            )
        )


@cache
def _classes() -> dict[str, ProblemClass]:
    raw = [(DATA / name).read_bytes() for name in ("categories.csv", "filing_conditions.csv")]
    return {one.key: one for one in read_catalogue(*raw, None).classes}


def make_catalogue(street: Street, *keys: str) -> None:
    """A first version of the street's catalogue, with some classes of the repository's."""
    content = {"keys": keys or ("M-09005", "P-01001", "M-06001")}
    at = {"street_code": street.code, "version": 1}
    with writing() as session:
        session.add(Catalogue(**at, name="test", imported_at=clock.now(), fingerprint=fingerprint(content)))
        for key in content["keys"]:
            values = asdict(_classes()[key])
            session.add_all(FilingCondition(**at, class_key=key, **one) for one in values.pop("conditions"))
            session.add(CaseClass(**at, **values))
            session.merge(Department(street_code=street.code, name=values["department"], name_en="Test"))


def make_responsibility(
    user: User, duty: str, place: str, selector: str = "", **columns: Any
) -> Responsibility:
    """A line of the matrix: for a department, a class key, or ("") anything."""
    kind = "any" if not selector else "class" if selector[1] == "-" else "department"
    row = Responsibility(
        street_code=user.street_code,
        id=uuid7(),
        place_code=place,
        selector_kind=kind,
        selector=selector,
        duty=duty,
        user_id=user.id,
        created_at=clock.now(),
        fingerprint=b"",
        **columns,
    )
    with writing() as session:
        session.add(row)
    return row


def make_absence(user: User, *, hours_from: float = -1, hours_until: float = 1, **columns: Any) -> Absence:
    """Somebody is away from *hours_from* to *hours_until*, counted from now."""
    now = clock.now()
    row = Absence(
        **{"id": uuid7()} | columns,
        street_code=user.street_code,
        user_id=user.id,
        starts_at=now + timedelta(hours=hours_from),
        ends_at=now + timedelta(hours=hours_until),
        noted_by=user.id,
        fingerprint=b"",
    )
    with writing() as session:
        session.add(row)
    return row
