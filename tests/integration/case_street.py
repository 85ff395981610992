"""A street with people for the tests of cases: everybody with a post, a phone, and a way to act."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Flask
from geoalchemy2 import WKTElement
from sqlalchemy import text

from app.cases.catalogue import importing as catalogue
from app.cases.life import ENDED, STATES
from app.cases.models import CaseFile, CaseRequest
from app.cases.policy import versions as policies
from app.cases.reference_models import Responsibility
from app.cases.ringing import TIMER_HANDLERS
from app.cli.phone import Phone, wire_fix
from app.core import clock
from app.core.extensions import db
from app.core.fields import wire_time
from app.core.ids import uuid7
from app.media.models import PhotoUse
from app.people.models import User
from app.timers import calendars
from app.timers.firing import fire_due
from tests import factories

DATA = Path(__file__).resolve().parents[2] / "data"
SHOP = "M-09005"  # 跨门营业: common, 点到人, 城管执法, two hours on the clock
BUILDING = "M-06001"  # 新增违建: difficult, 盯到人
MANHOLE = "P-01001"  # 供水井盖: key, 定到人
Json = dict[str, Any]


class Person:
    """Somebody with a post, and with a phone where it has one. They sign in when they first do something."""

    def __init__(self, street: CaseStreet, user: User, *, phone: bool) -> None:
        self.street, self.user, self._has_phone = street, user, phone
        self.client = street.app.test_client()

    @cached_property
    def headers(self) -> dict[str, str]:
        """What shows who asks."""
        return factories.sign_in(self.client, self.user.username)

    @cached_property
    def phone(self) -> Phone | None:
        """Their registered phone."""
        return self.new_phone() if self._has_phone else None

    @property
    def id(self) -> UUID:
        return self.user.id

    def new_phone(self) -> Phone:
        """Register a further log."""
        phone = Phone(uuid7(), uuid7(), self.user.id)
        label = {"device_id": str(phone.device), "public_key": phone.public_key, "label": "test"}
        answer = self.client.put(f"/api/v1/logs/{phone.log}", json=label, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return phone

    def send(self, *entries: Json, phone: Phone | None = None) -> list[Json]:
        """Send entries; their results."""
        used = phone or self.phone
        assert used is not None
        answer = self.client.post(
            "/api/v1/sync", json=used.batch(list(entries), clock.now()), headers=self.headers
        )
        assert answer.status_code == 200, answer.text
        results: list[Json] = answer.json["results"]
        return results

    def say(self, kind: str, body: Json, *, at: datetime | None = None, phone: Phone | None = None) -> Json:
        """Write one entry and send it; its result."""
        used = phone or self.phone
        assert used is not None
        return self.send(used.entry(kind, body, at or clock.now()), phone=used)[0]

    def about(self, kind: str, case: UUID | str, **body: Any) -> Json:
        """Say something about a case; its result."""
        return self.say(kind, {"case": str(case), **body})

    def get(self, path: str) -> Any:
        """GET below /api/v1; the JSON of a 200."""
        answer = self.client.get(f"/api/v1{path}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json

    def ask(self, path: str, body: Json, status: int = 200) -> Any:
        """POST a step with an id of its own; the JSON of the expected answer."""
        answer = self.client.post(
            f"/api/v1/cases/{path}".rstrip("/"), json={"id": str(uuid7()), **body}, headers=self.headers
        )
        assert answer.status_code == status, answer.text
        return answer.json

    def case(self, case: UUID | str) -> Json:
        """Everything about a case, as this person may see it."""
        found: Json = self.get(f"/cases/{case}")
        return found

    def feed(self) -> Json:
        """What the phone shows of cases."""
        found: Json = self.get("/field/feed")["cases"]
        return found

    def report(self, class_key: str = SHOP, *, entry_id: UUID | None = None, **changes: Any) -> Json:
        """Report something; the result, whose id is the case's."""
        assert self.phone is not None
        now = clock.now()
        entry = self.phone.entry(
            "case_reported", report_body(class_key, now) | changes, now, entry_id=entry_id
        )
        return self.send(entry)[0]

    def file(self, class_key: str = SHOP, **changes: Any) -> str:
        """Report something and return the id of the case."""
        result = self.report(class_key, **changes)
        assert result["status"] == "applied", result
        found: str = result["id"]
        return found


def photo(role: str, at: datetime, mark: str = "") -> Json:
    """A photo as an entry names it; no bytes are behind it."""
    digest = hashlib.sha256(f"{role}{mark}{uuid7()}".encode()).hexdigest()
    return {"sha256": digest, "role": role, "at": wire_time(at), "fix": None}


def fix(
    at: datetime, lat: float = factories.LAT, lon: float = factories.LON, accuracy_m: float = 8.0
) -> Json:
    """A position."""
    return wire_fix(lat, lon, at, accuracy_m=accuracy_m, src="gnss")


def report_body(class_key: str, at: datetime) -> Json:
    """A plain report at the middle of the first community."""
    return {
        "class": class_key,
        "catalogue": 1,
        "text": "店外摆了两张桌子",
        "address": "枣阳路 100 号",
        "fix": fix(at),
        "photos": [photo("before", at)],
    }


REFERENCE_TABLES = (
    "work_calendar",
    "catalogue",
    "case_class",
    "filing_condition",
    "department",
    "case_policy",
)
_imported: dict[str, tuple[str, str]] = {}


def load_references(street: str) -> None:
    """Calendar, catalogue and policy of the demonstration for *street*; needs an application context.

    The first street of a process imports them; what that made is copied for the others.
    """
    if not _imported:
        _import_references(street)
        for table in REFERENCE_TABLES:
            rows = text(f"select json_agg(t)::text from {table} t where street_code = :street")
            _imported[table] = (street, db.session.scalar(rows, {"street": street}) or "[]")
    else:
        for table, (first, rows) in _imported.items():
            copy = text(f"insert into {table} select * from json_populate_recordset(null::{table}, :rows)")
            db.session.execute(copy, {"rows": rows.replace(f'"{first}"', f'"{street}"')})
    db.session.commit()


def _import_references(street: str) -> None:
    now = clock.now()
    calendars.import_days(
        street, (DATA / "workdays_cn.json").read_text(encoding="utf-8"), now, actor_kind="cli"
    )
    catalogue.import_catalogue(
        street,
        (DATA / "categories.csv").read_bytes(),
        (DATA / "filing_conditions.csv").read_bytes(),
        (DATA / "departments.csv").read_bytes(),
        name="categories",  # as of the file: a process keeps what it read of a version
        now=now,
    )
    document = json.loads((DATA / "demo/policy.json").read_text(encoding="utf-8"))
    policies.save_policy(street, document, None, now)


def cases_in_every_state(street: factories.Street) -> dict[str, CaseFile]:
    """One case of each state in the first community, without anybody on it, straight into the tables."""
    now = clock.now()
    made = {}
    with factories.writing() as session:
        for number, state in enumerate(STATES, 1):
            case = CaseFile(
                street_code=street.code,
                id=uuid7(),
                number=f"T{number:04d}",
                on_day=now.date(),
                source="patrol",
                fingerprint=b"",
                catalogue_version=1,
                policy_version=1,
                calendar_version=1,
                class_key=SHOP,
                level="common",
                mode="watch" if state == "verified" else "point",
                urgent=True,
                department="城管执法",
                place_code=street.communities[0],
                lat=factories.LAT,
                lon=factories.LON,
                accuracy_m=8.0,
                position=WKTElement(f"POINT({factories.LON} {factories.LAT})", srid=4326),
                state=state,
                owner_is_final=False,
                filed_at=now,
                found_at=now,
                clock_from=now,
                acknowledge_amount=1,
                acknowledge_unit="urgent_hours",
                resolve_amount=2,
                resolve_unit="urgent_hours",
                ended_at=now if state in ENDED else None,
                fixed_on_spot=False,
            )
            session.add(case)
            made[state] = case
        session.add(
            CaseRequest(
                street_code=street.code,
                id=made["acknowledged"].id,
                case_id=made["acknowledged"].id,
                kind="extension",
                reason="等配件",
                amount=2,
                asked_by=uuid7(),
                asked_at=now,
            )
        )
    return made


def name_photo(case: CaseFile, sha256: str, user: User) -> None:
    """Let the case name a photo that has not arrived."""
    now = clock.now()
    with factories.writing() as session:
        session.add(
            PhotoUse(
                street_code=case.street_code,
                subject_kind="case",
                subject_id=case.id,
                sha256=sha256,
                role="before",
                ordinal=1,
                entry_id=case.id,
                used_by=user.id,
                captured_at=now,
                used_at=now,
                place_code=case.place_code,
                doubts=[],
            )
        )


class CaseStreet:
    """Unit G1 of area P1 with a patroller, two handlers, owner, deputy, supervisor; a desk and a leader."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.street = factories.make_street()
        unit, area, code = self.street.units[0], self.street.areas[0], self.street.code
        self.patrol = self._person("patroller", unit, "patrol")
        self.other_patrol = self._person("patroller", unit, "patrol_b")
        self.handler = self._person("handler", area, "handler_a")
        self.second = self._person("handler", area, "handler_b")
        self.owner = self._person("handler", area, "owner")
        self.deputy = self._person("handler", area, "deputy")
        self.supervisor = self._person("supervisor", area, "super")
        self.other_supervisor = self._person("supervisor", self.street.areas[1], "super_b")
        self.desk = self._person("dispatcher", code, "desk")
        self.leader = self._person("leader", code, "leader")
        for person in (self.patrol, self.other_patrol, self.handler, self.second):
            factories.make_shift(person.user, area if person in (self.handler, self.second) else unit)
        for person, duty, rank in (
            (self.handler, "handler", 1),
            (self.second, "handler", 2),
            (self.owner, "owner", 1),
            (self.deputy, "deputy", 1),
            (self.supervisor, "watcher", 1),
            (self.leader, "arbiter", 1),
        ):
            self.name(person, duty, rank=rank)
        with app.app_context():
            load_references(self.street.code)

    def _person(self, role: str, place: str, name: str) -> Person:
        user = factories.make_user(role, place, name)
        return Person(self, user, phone=role in {"patroller", "handler", "supervisor"})

    def name(self, person: Person, duty: str, *, rank: int = 1, **columns: Any) -> None:
        """Write somebody into the responsibility matrix, for everything in the first area."""
        values: Json = {"place_code": self.street.areas[0], "selector_kind": "any", "selector": ""}
        row = Responsibility(
            street_code=self.street.code,
            id=uuid7(),
            duty=duty,
            user_id=person.id,
            rank=rank,
            created_at=clock.now(),
            fingerprint=b"",
            **(values | columns),
        )
        with factories.writing() as session:
            session.add(row)

    def fire(self, after: timedelta) -> None:
        """Let the worker fire everything that is due so long after now."""
        with self.app.app_context():
            while fire_due(clock.now() + after, TIMER_HANDLERS):
                db.session.commit()
            db.session.commit()

    def sql(self, statement: str, **values: Any) -> list[Any]:
        """Rows of a query by the application's role."""
        with self.app.app_context():
            return list(db.session.execute(text(statement), values))

    def timers(self, case: UUID | str) -> set[str]:
        """Kinds of the pending timers of a case."""
        rows = self.sql("select kind from timer where subject_id = :id and state = 'pending'", id=str(case))
        return {row.kind for row in rows}

    def steps(self, case: UUID | str) -> list[str]:
        """The steps in the timeline of a case, in order."""
        rows = self.sql("select step from case_event where case_id = :id order by ordinal", id=str(case))
        return [row.step for row in rows]

    def told(self, case: UUID | str) -> set[tuple[str, str]]:
        """Who was told what about a case: user names and kinds."""
        rows = self.sql(
            "select u.username, n.kind from notification n join app_user u on u.id = n.user_id "
            "where n.subject_id = :id",
            id=str(case),
        )
        return {(row.username, row.kind) for row in rows}
