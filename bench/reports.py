"""Reports of cases: from the request to a person who was chosen and told, and reports with their photo.

Everybody reports shops that spread onto the pavement, each at another spot of one unit; eight handlers of
that unit are on duty and have the class in the matrix. An answer says ``applied`` once the case, its owner,
its clocks and the message to the owner are committed. After each run every phone sends its last report
again, and the database is counted.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text

from app.cases import filing
from app.cases.reference_models import Responsibility
from app.cli.demo import DEMO_STREET
from app.cli.phone import Phone, wire_fix
from app.core import clock
from app.core.extensions import db
from app.core.fields import wire_time
from app.core.ids import uuid7
from app.people.models import Shift
from bench import photos
from bench.field import UNIT, Api, Bodies, Patroller, Street
from bench.stack import BenchError

CLIENTS = 16
PAUSE_MS = 250  # sixty reports a second together: a street has as many in an hour
PHOTO_CLIENTS = 8
REPORTS_A_SECOND = 60  # of one client, at most
CLASS = "M-09005"  # 跨门营业
HANDLERS = 8
SPREAD_DEGREES = 0.0008  # about eighty metres


class Reports:
    """The handlers of the bench, and what its patrollers report to them."""

    def __init__(self, app: Flask, street: Street, api: Api) -> None:
        self._app, self._street, self._api = app, street, api
        for number in range(HANDLERS):
            self._handler(f"benchhandler{number}")
        with app.app_context():
            spot = filing.spot_in(UNIT)
        if spot is None:
            raise BenchError(f"{UNIT} has no outline")
        self._spot = spot
        self._made = 0

    def _handler(self, username: str) -> None:
        user_id, now = self._street.hire(username, "handler", UNIT), clock.now()
        place = {"street_code": DEMO_STREET, "place_code": UNIT}
        with self._app.app_context():
            shift = Shift(id=uuid7(), user_id=user_id, device_id=uuid7(), started_at=now, **place)
            db.session.add(shift)
            db.session.add(
                Responsibility(
                    **place,
                    id=uuid7(),
                    selector_kind="class",
                    selector=CLASS,
                    duty="handler",
                    user_id=user_id,
                    rank=1,
                    created_at=now,
                    fingerprint=b"",
                )
            )
            db.session.commit()

    def bodies(self, person: Patroller, names: list[str]) -> Bodies:
        """Register a fresh phone of *person* and sign a report for each photo in *names*."""
        phone = self._street.register(
            Phone(log=uuid7(), device=person.device, user=person.user), person.token
        )
        batches = [json.dumps([self._report(phone, name)], ensure_ascii=False) for name in names]
        return Bodies(person, phone, batches)

    def _report(self, phone: Phone, photo: str) -> dict[str, str]:
        self._made += 1
        now, n = clock.now(), self._made
        lat = self._spot.lat + SPREAD_DEGREES * ((n % 97) / 97 - 0.5)
        lon = self._spot.lon + SPREAD_DEGREES * ((n % 89) / 89 - 0.5)
        fix = wire_fix(lat, lon, now, accuracy_m=6.0)
        body = {
            "class": CLASS,
            "catalogue": 1,
            "text": "店外摆了两张桌子",
            "address": "枣阳路 100 号",
            "fix": fix,
            "photos": [{"sha256": photo, "role": "before", "at": wire_time(now), "fix": fix}],
        }
        return phone.entry("case_reported", body, now)


def absent_photos(count: int) -> list[str]:
    """Names of photos that never come."""
    return [hashlib.sha256(os.urandom(16)).hexdigest() for _ in range(count)]


def write_reports(
    folder: Path, photo: bytes, all_bodies: list[Bodies], variants: list[list[tuple[str, bytes]]]
) -> None:
    """Write what ``reports.lua`` needs: for each client its photos and the report of each."""
    (folder / "photo").write_bytes(photo)
    for number, (bodies, own) in enumerate(zip(all_bodies, variants, strict=True)):
        lines = [bodies.patroller.token, bodies.head]
        for (name, last), entries in zip(own, bodies.batches, strict=True):
            lines += [f"{name} {last.hex()}", entries]
        (folder / str(number)).write_text("\n".join(lines) + "\n", encoding="utf-8")


_STORED = text("""
    with entry as (select id from log_entry where log_id = any(:logs) and state = 'applied')
    select (select count(*) from entry) as entries,
           (select count(*) from case_file c join entry e on e.id = c.id
             where c.state = 'dispatched' and c.owner_id is not null) as dispatched,
           (select count(*) from notification n join entry e on e.id = n.subject_id
             where n.kind = 'case.dispatched') as told,
           (select count(distinct number) from case_file c join entry e on e.id = c.id) as numbers,
           (select count(*) from (select t.subject_id from timer t join entry e on e.id = t.subject_id
             where t.state = 'pending' group by 1 having count(*) = 3) watched) as watched
""")


def check_dispatched_once(app: Flask, api: Api, all_bodies: list[Bodies], sent: list[int]) -> None:
    """Send each phone's last report again, and count what is stored.

    Raises:
        BenchError: where a report is not exactly one case with owner, message, number and clocks.
    """
    for bodies, count in zip(all_bodies, sent, strict=True):
        if count == 0:
            continue
        again: list[Any] = json.loads(bodies.batches[count - 1])
        body = {"log": str(bodies.phone.log), "sent_at": wire_time(clock.now()), "entries": again}
        answer = api.call("POST", "/api/v1/sync", body, bodies.patroller.token)
        if answer["results"][0]["status"] not in {"applied", "already"}:
            raise BenchError(f"a report sent again was answered {answer['results']}")
    with app.app_context():
        row = db.session.execute(_STORED, {"logs": [bodies.phone.log for bodies in all_bodies]}).one()
    if set(row) != {sum(sent)}:
        raise BenchError(f"{sum(sent)} reports were sent, but stored are {row._asdict()}")


_DRAWN = text("""
    select count(*) filter (where p.state = 'ready') as drawn, count(*) as photos,
           count(*) filter (where u.doubts is not null) as joined
    from photo p join photo_use u on u.street_code = p.street_code and u.sha256 = p.sha256
    where p.sha256 = any(:names)
""")


def check_photos_joined(app: Flask, variants: list[list[tuple[str, bytes]]], sent: list[int]) -> int:
    """Count the photos of the reports that were sent.

    Returns:
        how many of them the worker had drawn sizes of by now.

    Raises:
        BenchError: where a report's photo is not there, or was not compared with the report.
    """
    names = [name for own, count in zip(variants, sent, strict=True) for name, _last in own[:count]]
    with app.app_context():
        row = db.session.execute(_DRAWN, {"names": names}).one()
    if not row.photos == row.joined == len(names):
        raise BenchError(f"{len(names)} photos were sent with their reports, but stored are {row._asdict()}")
    return int(row.drawn)


def make_variants(photo: bytes, clients: int, seconds: int) -> list[list[tuple[str, bytes]]]:
    """Photos for each client, more than it can send in *seconds*."""
    return [photos.variants(photo, REPORTS_A_SECOND * seconds) for _ in range(clients)]
