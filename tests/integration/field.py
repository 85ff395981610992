"""A person in the field for the tests of the intake: a street, a round, a phone, and the way to send."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from app.cli.phone import Phone
from app.core import clock
from app.core.fields import wire_time
from app.core.ids import uuid7
from app.patrols.models import Round
from app.people.models import User
from app.places.models import Checkpoint
from tests import factories

Json = dict[str, Any]


class Field:
    """A patroller with a planned round of *stops* checkpoints, 40 m apart, and a registered phone."""

    def __init__(self, app: Flask, stops: int = 3, username: str = "walker") -> None:
        self.app = app
        self.street = factories.make_street()
        self.user: User = factories.make_user("patroller", self.street.units[0], username)
        self.checkpoints: list[Checkpoint] = [
            factories.make_checkpoint(self.street, lat=factories.LAT + n * 0.00036) for n in range(stops)
        ]
        self.round: Round = factories.make_round(self.street, self.user, self.checkpoints)
        self.client = app.test_client()
        self.headers = factories.sign_in(self.client, username)
        self.phone = self.new_phone()
        self.started_at = clock.now() - timedelta(minutes=30)
        self.shift = uuid7(self.started_at)

    def new_phone(self, device: UUID | None = None) -> Phone:
        """Register a further log of the same person."""
        phone = Phone(log=uuid7(), device=device or uuid7(), user=self.user.id)
        answer = self.client.put(
            f"/api/v1/logs/{phone.log}",
            json={"device_id": str(phone.device), "public_key": phone.public_key, "label": "test"},
            headers=self.headers,
        )
        assert answer.status_code == 200, answer.text
        return phone

    def request(
        self, entries: list[Any], *, phone: Phone | None = None, sent_at: datetime | None = None
    ) -> Json:
        """The body of a sync request."""
        log = str((phone or self.phone).log)
        return {"log": log, "sent_at": wire_time(sent_at or clock.now()), "entries": entries}

    def post(self, body: Json, client: FlaskClient | None = None) -> Any:
        """Send a body as it is."""
        return (client or self.client).post("/api/v1/sync", json=body, headers=self.headers)

    def send(self, entries: list[Any], **more: Any) -> Json:
        """Send entries and return the answer, which must be a 200."""
        answer = self.post(self.request(entries, **more))
        assert answer.status_code == 200, answer.text
        found: Json = answer.json
        return found

    def results(self, entries: list[Any], **more: Any) -> list[Json]:
        """Send entries and return their results."""
        results: list[Json] = self.send(entries, **more)["results"]
        return results

    def fix(self, at: datetime, n: int = 0, **changes: Any) -> Json:
        """A good position at the checkpoint *n* (from 0)."""
        spot = self.checkpoints[n]
        good = {
            "at": wire_time(at),
            "lat": spot.lat,
            "lon": spot.lon,
            "acc": 8.5,
            "datum": "wgs84",
            "src": "gnss",
        }
        return good | changes

    def minute(self, n: float) -> datetime:
        """*n* minutes into the shift."""
        return self.started_at + timedelta(minutes=n)

    def start_shift(self) -> Json:
        """The entry that starts the shift."""
        return self.phone.entry("shift_started", {}, self.started_at, entry_id=self.shift)

    def start_round(self) -> Json:
        """The entry that starts the round."""
        body = {"round": str(self.round.id), "shift": str(self.shift), "fix": self.fix(self.minute(1))}
        return self.phone.entry("round_started", body, self.minute(1))

    def check_in(self, n: int, minute: float, **changes: Any) -> Json:
        """A check-in at checkpoint *n* (from 0)."""
        at = self.minute(minute)
        body = {
            "round": str(self.round.id),
            "shift": str(self.shift),
            "stop": n % len(self.checkpoints) + 1,
            "checkpoint": str(self.checkpoints[n % len(self.checkpoints)].id),
            # nobody stands on exactly the same spot twice
            "fix": self.fix(at, n % len(self.checkpoints), acc=8.5 + minute / 100),
        }
        body["fix"]["lat"] += minute * 1e-7
        return self.phone.entry("check_in", body | changes, at)

    def track(self, minute: float, count: int = 3, **changes: Any) -> Json:
        """A batch of positions."""
        fixes = [
            self.fix(self.minute(minute + i / 10), 0, lat=factories.LAT + i * 1e-5) for i in range(count)
        ]
        body = {"shift": str(self.shift), "round": str(self.round.id), "fixes": fixes}
        return self.phone.entry("track", body | changes, self.minute(minute))

    def whole_walk(self) -> list[Json]:
        """The log of a plain round: shift, round, check-ins, a skip, a track, a gap, both ends."""
        common = {"round": str(self.round.id), "shift": str(self.shift)}
        gap = {"from": wire_time(self.minute(8)), "to": wire_time(self.minute(9)), "cause": "screen_off"}
        return [
            self.start_shift(),
            self.start_round(),
            self.check_in(0, 3),
            self.track(4),
            self.check_in(1, 6),
            self.phone.entry("gap", common | gap, self.minute(9)),
            self.phone.entry(
                "stop_skipped", common | {"stop": 3, "reason": "locked", "text": "门锁着"}, self.minute(10)
            ),
            self.phone.entry(
                "round_finished", {"round": str(self.round.id), "outcome": "complete"}, self.minute(12)
            ),
            self.phone.entry("shift_ended", {"shift": str(self.shift)}, self.minute(14)),
        ]


# Everything that entries lead to, without ids of the database's making and times of arrival.
_STATE = {
    "entries": "select id, seq, kind, state, problem, waits_for, payload is null as bare from log_entry",
    "shifts": "select id, started_at, ended_at, end_kind from shift",
    "rounds": "select id, state, started_at, finished_at, end_reason from round",
    "check_ins": "select id, round_id, ordinal, captured_at, note from check_in",
    "proofs": "select id, grade, reasons, review_state, distance_m, tag_state from proof",
    "skips": "select id, ordinal, reason, text from stop_skip",
    "fixes": "select entry_id as id, ordinal, fixed_at, lat, lon from track_fix",
    "gaps": "select id, started_at, ended_at, cause from track_gap",
    "ledger": "select action as id, subject_kind, subject_id, data from ledger_row"
    " where action not in ('user.signed_in', 'log.registered', 'entry.held')",
}


def state_of(database: Connection) -> dict[str, list[Any]]:
    """All that entries have led to, in a form that can be compared."""
    return {
        name: sorted(tuple(map(str, row)) for row in database.execute(text(query)))
        for name, query in _STATE.items()
    }
