"""On duty, off duty: shifts from the phone's log, forgotten ones, who is on duty, who looked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy.session import Session
from sqlalchemy import Connection, select, text
from sqlalchemy.orm import scoped_session

from app.core import clock, problems
from app.core.entry import Entry, Held, Memory, Refused
from app.core.extensions import db
from app.core.ids import uuid7
from app.ledger.models import LedgerRow
from app.ledger.service import record
from app.people import service
from app.people.models import Shift, User
from tests import factories
from tests.factories import Street

AT = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)  # 08:00 in Shanghai
Db = scoped_session[Session]


@pytest.fixture
def street(database: str) -> Street:
    return factories.make_street()


@pytest.fixture
def worker(street: Street) -> User:
    return factories.make_user("patroller", street.units[0], "walker")


def hour(number: float) -> datetime:
    return AT + timedelta(hours=number)


def entry(user: User, kind: str, at: datetime, received: datetime | None = None) -> Entry:
    return Entry(
        id=uuid7(),
        log_id=uuid7(),
        device_id=uuid7(),
        user_id=user.id,
        street_code=user.street_code,
        seq=1,
        kind=kind,
        captured_at=at,
        received_at=received or at + timedelta(seconds=1),
        skew_s=0.0,
        signature_ok=True,
        key_ok=True,
        chain_ok=True,
    )


def start(session: Db, user: User, at: datetime, **body: Any) -> UUID:
    begun = entry(user, "shift_started", at, body.pop("received", None))
    service.start_shift(begun, {"place": None, "fix": None} | body, Memory())
    session.flush()
    return begun.id


def end(session: Db, user: User, shift: UUID, at: datetime, *, automatic: bool = False) -> None:
    over = entry(user, "shift_ended", at, at + timedelta(days=1))
    service.end_shift(over, {"shift": shift, "automatic": automatic}, Memory())
    session.flush()


def state(session: Db, shift_id: UUID) -> tuple[datetime | None, str | None]:
    shift = session.get_one(Shift, shift_id, populate_existing=True)
    return shift.ended_at, shift.end_kind


def told(session: Db) -> list[tuple[str, str | None]]:
    rows = session.scalars(select(LedgerRow).order_by(LedgerRow.id))
    return [(row.action, row.data.get("end_kind")) for row in rows]


def test_a_shift_starts_at_the_posts_place_and_ends(session: Db, worker: User, street: Street) -> None:
    shift = start(session, worker, AT)
    assert session.get_one(Shift, shift).place_code == street.units[0]
    assert service.shift_covering(worker.id, hour(1)) is not None
    end(session, worker, shift, hour(8))
    assert state(session, shift) == (hour(8), "self")
    assert told(session) == [("shift.started", None), ("shift.ended", "self")]


def test_ending_twice_is_harmless(session: Db, worker: User) -> None:
    shift = start(session, worker, AT)
    for at in (hour(8), hour(8), hour(9)):
        end(session, worker, shift, at)
    assert state(session, shift) == (hour(8), "self")
    assert len(told(session)) == 2


def test_a_second_start_ends_the_open_shift(session: Db, worker: User) -> None:
    first, second = start(session, worker, AT), start(session, worker, hour(3))
    assert state(session, first) == (hour(3), "superseded")
    assert state(session, second) == (None, None)


def test_a_start_that_arrives_late_fits_in_before(session: Db, worker: User) -> None:
    second = start(session, worker, hour(3))
    first = start(session, worker, AT, received=hour(5))
    assert state(session, first) == (hour(3), "superseded")
    assert state(session, second) == (None, None)


def test_another_persons_shift_is_left_alone(session: Db, worker: User, street: Street) -> None:
    other = factories.make_user("handler", street.units[0])
    theirs = start(session, other, AT)
    start(session, worker, hour(1))
    assert state(session, theirs) == (None, None)
    with pytest.raises(Refused) as refused:
        end(session, worker, theirs, hour(2))
    assert refused.value.kind is problems.ENTRY_NOT_YOURS


def test_an_end_waits_for_its_shift(session: Db, worker: User) -> None:
    unknown = uuid7()
    with pytest.raises(Held) as held:
        end(session, worker, unknown, AT)
    assert (held.value.waits_for, held.value.missing) == (unknown, problems.NO_SUCH_SHIFT)


@pytest.mark.parametrize("role", ["dispatcher", "leader", "admin", None])
def test_duty_needs_a_field_post(session: Db, street: Street, role: str | None) -> None:
    user = factories.make_user(role, street.units[0])
    with pytest.raises(Refused) as refused:
        start(session, user, AT)
    assert refused.value.kind is problems.FORBIDDEN


def test_duty_needs_the_post_on_that_day(session: Db, street: Street) -> None:
    user = factories.make_user("patroller", street.units[0], ends_on=date(2026, 11, 22))
    with pytest.raises(Refused):
        start(session, user, AT)  # 23 November, 08:00 in Shanghai
    start(session, user, AT - timedelta(hours=9))  # 22 November, 23:00


def test_duty_at_a_named_place_of_ones_own(session: Db, worker: User, street: Street) -> None:
    factories.make_post(worker, "supervisor", street.areas[1])
    assert session.get_one(Shift, start(session, worker, AT)).place_code == street.units[0]
    there = start(session, worker, hour(1), place=street.units[1])
    assert session.get_one(Shift, there).place_code == street.areas[1]
    for elsewhere in (street.code, street.areas[0], "nowhere"):
        with pytest.raises(Refused):
            start(session, worker, hour(2), place=elsewhere)


def test_a_forgotten_shift_ends_by_itself_once(session: Db, worker: User) -> None:
    shift = start(session, worker, AT)
    assert service.end_forgotten_shifts(hour(11.9)) == 0
    assert service.end_forgotten_shifts(hour(12.1)) == 1
    assert service.end_forgotten_shifts(hour(12.2)) == 0
    assert state(session, shift) == (hour(12), "automatic")
    row = session.scalars(select(LedgerRow).where(LedgerRow.action == "shift.ended")).one()
    assert (row.actor_kind, row.actor_id) == ("worker", None)


def test_the_phones_earlier_word_corrects_an_automatic_end(session: Db, worker: User) -> None:
    shift = start(session, worker, AT)
    service.end_forgotten_shifts(hour(13))
    session.flush()
    end(session, worker, shift, hour(7))
    assert state(session, shift) == (hour(7), "self")
    assert service.shift_covering(worker.id, hour(8)) is None


def test_a_clock_in_the_future_keeps_nobody_on_duty_for_years(session: Db, worker: User) -> None:
    shift = start(session, worker, AT + timedelta(days=40_000), received=AT)
    assert session.get_one(Shift, shift).started_at == AT


def test_a_shift_that_nobody_ended_covers_twelve_hours_only(session: Db, worker: User) -> None:
    start(session, worker, AT)
    covered = [service.shift_covering(worker.id, hour(h)) is not None for h in (-0.1, 0, 12, 12.1)]
    assert covered == [False, True, True, False]


def test_who_is_on_duty_is_seen_in_ones_own_reach(client: FlaskClient, worker: User, street: Street) -> None:
    far = factories.make_user("patroller", street.units[1], "far")
    old = factories.make_user("patroller", street.units[0], "old")
    shift = factories.make_shift(worker, street.units[0])
    factories.make_shift(far, street.units[1])
    factories.make_shift(old, street.units[0], started_at=clock.now() - timedelta(hours=13))
    factories.make_user("supervisor", street.areas[0], "sup")
    factories.make_user("leader", street.code, "lead")

    def on_duty(who: str, place: str = "") -> list[str]:
        answer = client.get(f"/api/v1/duty?{place}", headers=factories.sign_in(client, who))
        assert answer.json is not None
        return [item["user_id"] for item in answer.json["items"]]

    assert on_duty("sup") == [str(shift.user_id)]
    assert on_duty("lead") == [str(worker.id), str(far.id)]
    assert on_duty("lead", f"place={street.areas[1]}") == [str(far.id)]
    assert on_duty("sup", f"place={street.areas[1]}") == []


def test_staff_shows_posts_in_reach_and_no_phones(client: FlaskClient, worker: User, street: Street) -> None:
    factories.make_post(worker, "handler", street.units[1])
    factories.make_user("patroller", street.units[1], "far")
    factories.make_user("patroller", street.units[0], "gone", active=False)
    factories.make_user("handler", street.units[0], "ended", ends_on=date(2020, 1, 1))
    factories.make_user("supervisor", street.areas[0], "sup", phone="13812345678")
    headers = factories.sign_in(client, "sup")
    answer = client.get("/api/v1/staff", headers=headers)
    assert "138" not in answer.text
    assert answer.json is not None
    assert [(item["username"], item["posts"]) for item in answer.json["items"]] == [
        ("sup", [{"role": "supervisor", "place_code": street.areas[0]}]),
        ("walker", [{"role": "patroller", "place_code": street.units[0]}]),
    ]
    narrowed = client.get(f"/api/v1/staff?place={street.units[0]}", headers=headers)
    assert narrowed.json is not None
    assert [item["username"] for item in narrowed.json["items"]] == ["walker"]


def test_one_sees_who_looked_at_ones_tracks(
    session: Db, client: FlaskClient, worker: User, street: Street, owner_db: Connection
) -> None:
    boss = factories.make_user("supervisor", street.areas[0], "sup")
    walked = factories.make_round(street, worker, [factories.make_checkpoint(street)])
    record(
        "track.viewed",
        actor_id=boss.id,
        street_code=street.code,
        place_code=street.units[0],
        subject_kind="round",
        subject_id=walked.id,
        data={"user_id": str(worker.id), "round_id": str(walked.id)},
    )
    session.commit()
    mine = client.get("/api/v1/me/looks", headers=factories.sign_in(client, "walker")).json
    name = owner_db.execute(text("select name, name_en from route")).one()
    assert mine is not None
    (look,) = mine["items"]
    assert look.pop("at").endswith("Z")
    assert look == {
        "who": "测试sup",
        "who_en": "Test sup",
        "round_id": str(walked.id),
        "round_name": name.name,
        "round_name_en": name.name_en,
        "on_day": walked.on_day.isoformat(),
    }
    theirs = client.get("/api/v1/me/looks", headers=factories.sign_in(client, "sup")).json
    assert theirs == {"items": []}


def test_two_phones_starting_together_leave_one_shift_open(
    app: Flask, worker: User, owner_db: Connection
) -> None:
    def go_on_duty(number: int) -> None:
        with app.app_context():
            begun = entry(worker, "shift_started", hour(number / 10), hour(2))
            service.start_shift(begun, {"place": None, "fix": None}, Memory())
            db.session.commit()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(go_on_duty, range(6)))
    shifts = owner_db.execute(text("select started_at, ended_at from shift order by started_at")).all()
    assert [ended for _, ended in shifts] == [*(started for started, _ in shifts[1:]), None]
