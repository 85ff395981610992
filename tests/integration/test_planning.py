"""Rounds come from schedules exactly once, a window that passes is a fact, an ended schedule ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text

from app.core import problems
from app.core.extensions import db
from app.core.ids import uuid7
from app.core.problems import Problem
from app.ledger.models import LedgerRow
from app.patrols import service
from app.patrols.models import Round, RoundStop, Schedule
from app.patrols.service import Planner
from tests import factories

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def street(database: str) -> factories.Street:
    return factories.make_street()


def plan(street: factories.Street, **columns: Any) -> Schedule:
    """A daily schedule 09:00–11:00 of a route with three checkpoints, made yesterday, nothing generated."""
    walker = factories.make_user("patroller", street.units[0])
    checkpoints = [factories.make_checkpoint(street) for _ in range(3)]
    route = factories.make_route(street, checkpoints)
    values = {"generated_until": NOW - timedelta(days=1), "created_at": NOW - timedelta(days=1)}
    return factories.make_schedule(route, walker, **(values | columns))


def generate(app: Flask, now: datetime = NOW, limit: int = 100) -> int:
    """Generate as a worker does, batch by batch, each in a transaction of its own."""
    moved = 0
    with app.app_context():
        while found := service.generate_rounds(now, limit):
            moved += found
            db.session.commit()
    return moved


def ledger(owner_db: Connection, action: str) -> list[Any]:
    """The ledger rows of one action."""
    return list(owner_db.execute(select(LedgerRow).where(LedgerRow.action == action)))


def test_rounds_exist_to_the_end_of_the_day_a_week_ahead_with_their_stops(
    app: Flask, street: factories.Street, owner_db: Connection
) -> None:
    schedule = plan(street)
    assert generate(app) == 1
    rounds = owner_db.execute(select(Round).order_by(Round.window_starts_at)).all()
    days = [r.on_day.isoformat() for r in rounds]
    assert days == [f"2026-11-{day}" for day in range(23, 31)]
    assert {(r.state, r.assignee_id, r.place_code) for r in rounds} == {
        ("planned", schedule.assignee_id, street.units[0])
    }
    assert rounds[0].window_starts_at == datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    assert rounds[0].window_ends_at == datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    stops = owner_db.execute(select(RoundStop.round_id, RoundStop.ordinal)).all()
    assert sorted(stops) == sorted((r.id, n) for r in rounds for n in (1, 2, 3))
    rows = ledger(owner_db, "round.generated")
    assert {row.subject_id for row in rows} == {str(r.id) for r in rounds}
    assert {(row.actor_kind, row.actor_id) for row in rows} == {("worker", None)}
    assert generate(app) == 0


def test_an_inactive_checkpoint_is_left_out_of_new_rounds(
    app: Flask, street: factories.Street, owner_db: Connection
) -> None:
    plan(street)
    owner_db.execute(
        text(
            "update checkpoint set active = false where id = "
            "(select checkpoint_id from route_stop where ordinal = 2)"
        )
    )
    generate(app)
    assert set(owner_db.scalars(select(RoundStop.ordinal))) == {1, 3}


def test_after_a_long_stand_still_all_windows_are_made_up_for(
    app: Flask, street: factories.Street, owner_db: Connection
) -> None:
    plan(street, generated_until=NOW - timedelta(days=100), created_at=NOW - timedelta(days=100))
    generate(app)
    assert len(owner_db.execute(select(Round.id)).all()) == 16 + 30 + 31 + 30  # 16 August to 30 November


def test_workers_side_by_side_make_every_round_once(
    app: Flask, street: factories.Street, owner_db: Connection
) -> None:
    for _ in range(6):
        plan(street)
    barrier, faults = threading.Barrier(4), []

    def work() -> None:
        barrier.wait()
        try:
            generate(app, limit=1)
        except Exception as fault:
            faults.append(fault)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    generate(app)  # what the last of them skipped because another held it
    assert faults == []
    assert_each_window_once(owner_db, schedules=6)


def assert_each_window_once(owner_db: Connection, schedules: int) -> None:
    rounds = owner_db.execute(select(Round.id, Round.schedule_id, Round.on_day)).all()
    assert len(rounds) == len({(r.schedule_id, r.on_day) for r in rounds}) == schedules * 8
    assert len(ledger(owner_db, "round.generated")) == schedules * 8
    assert len(owner_db.execute(select(RoundStop.round_id)).all()) == schedules * 8 * 3


KILLED = """
import sys
from datetime import datetime
from app.core.extensions import db
from app.patrols import service
from app.wiring import create_app
with create_app().app_context():
    now = datetime.fromisoformat(sys.argv[1])
    service.generate_rounds(now, 2)
    db.session.commit()
    service.generate_rounds(now, 2)
    print("half-way", flush=True)
    sys.stdin.read()
"""


def test_a_worker_killed_in_the_middle_leaves_nothing_half_done(
    app: Flask, street: factories.Street, owner_db: Connection, database: str
) -> None:
    for _ in range(4):
        plan(street)
    environment = os.environ | {"IRONFEET_MODE": "testing", "DATABASE_URL": database}
    killed = subprocess.Popen(
        [sys.executable, "-c", KILLED, NOW.isoformat()],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"half-way\n"
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
    assert len(owner_db.execute(select(Round.id)).all()) == 2 * 8
    deadline = time.monotonic() + 10
    while generate(app) == 0 and time.monotonic() < deadline:
        time.sleep(0.1)  # the server needs a moment to notice that the killed one has gone
    assert_each_window_once(owner_db, schedules=4)


def test_a_schedule_that_cannot_be_read_does_not_stop_the_others(
    app: Flask, street: factories.Street, owner_db: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    broken = plan(street, recurrence="FREQ=NEVER")
    plan(street)
    generate(app)
    assert len(owner_db.execute(select(Round.id)).all()) == 8
    assert str(broken.id) in caplog.text


def test_a_window_that_passes_becomes_a_fact(
    app: Flask, street: factories.Street, owner_db: Connection
) -> None:
    schedule = plan(street)
    generate(app)
    for at, missed in ((NOW, 0), (NOW + timedelta(hours=2), 1), (NOW + timedelta(hours=3), 0)):
        with app.app_context():
            assert service.mark_missed(at) == missed
            db.session.commit()
    (row,) = owner_db.execute(select(Round).where(Round.state == "missed")).all()
    assert row.missed_at == NOW + timedelta(hours=2)
    (fact,) = ledger(owner_db, "round.missed")
    assert (fact.subject_id, fact.actor_kind, fact.place_code) == (str(row.id), "worker", street.units[0])
    assert fact.data["assignee_id"] == str(schedule.assignee_id)


def test_a_round_being_started_at_that_moment_is_not_missed(
    app: Flask, street: factories.Street, owner_db: Connection
) -> None:
    plan(street)
    generate(app)
    over = NOW + timedelta(hours=2)
    with app.app_context():
        first = db.session.scalars(
            select(Round).order_by(Round.window_starts_at).limit(1).with_for_update()
        ).one()
        first.state, first.started_at = "started", NOW
        db.session.flush()
        marked: list[int] = []

        def mark() -> None:
            with app.app_context():
                marked.append(service.mark_missed(over))
                db.session.commit()

        worker = threading.Thread(target=mark)
        worker.start()
        worker.join(10)
        assert marked == [0]  # passed over, not waited for
        db.session.commit()
    with app.app_context():
        assert service.mark_missed(over) == 0
    assert ledger(owner_db, "round.missed") == []


def planner(street: factories.Street, *scope: str) -> Planner:
    return Planner(uuid7(), street.code, frozenset(scope or (street.code, *street.areas, *street.units)))


def schedule_body(route_id: object, assignee_id: object, **changes: object) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "route_id": route_id,
        "assignee_id": assignee_id,
        "starts_at_local": "2026-11-01T09:00",
        "recurrence": "FREQ=DAILY",
        "window_minutes": 120,
    } | changes


def test_a_new_schedule_has_its_rounds_at_once_and_an_ended_one_loses_those_ahead(
    app: Flask, street: factories.Street, owner_db: Connection
) -> None:
    walker = factories.make_user("patroller", street.units[0])
    route = factories.make_route(street, [factories.make_checkpoint(street)])
    body = schedule_body(route.id, walker.id)
    with app.app_context():
        for _ in range(2):  # the same again changes nothing
            service.create_schedule(body, planner(street), NOW)
            db.session.commit()
        assert len(owner_db.execute(select(Round.id)).all()) == 8  # today's window is still open
        with pytest.raises(Problem) as reused:
            service.create_schedule(body | {"window_minutes": 60}, planner(street), NOW)
        assert reused.value.kind is problems.ID_REUSED
        db.session.rollback()
        owner_db.execute(text("update round set state = 'started' where on_day = '2026-11-24'"))
        for _ in range(2):
            service.end_schedule(body["id"], planner(street), NOW)
            db.session.commit()
    left = owner_db.execute(select(Round.on_day, Round.state).order_by(Round.on_day)).all()
    assert [(day.isoformat(), state) for day, state in left] == [
        ("2026-11-23", "planned"),
        ("2026-11-24", "started"),
    ]
    (row,) = ledger(owner_db, "schedule.ended")
    assert row.data["rounds_removed"] == 6
    assert generate(app, NOW + timedelta(days=3)) == 0


def test_ending_a_route_ends_its_schedules(
    app: Flask, street: factories.Street, owner_db: Connection
) -> None:
    schedule = plan(street)
    with app.app_context():
        service.end_route(schedule.route_id, planner(street), NOW)
        db.session.commit()
        with pytest.raises(Problem) as refused:
            service.create_schedule(
                schedule_body(schedule.route_id, schedule.assignee_id), planner(street), NOW
            )
    assert refused.value.kind is problems.CONFLICT
    assert len(ledger(owner_db, "schedule.ended")) == len(ledger(owner_db, "route.ended")) == 1
    assert generate(app) == 0


@pytest.mark.parametrize("post", [None, "elsewhere", "over", "supervisor"])
def test_who_does_not_patrol_there_cannot_be_sent(
    app: Flask, street: factories.Street, post: str | None
) -> None:
    place = street.units[1] if post == "elsewhere" else street.units[0]
    role = "supervisor" if post == "supervisor" else "patroller"
    ends_on = NOW.date() - timedelta(days=1) if post == "over" else None
    walker = factories.make_user(role if post else None, place, ends_on=ends_on)
    route = factories.make_route(street, [factories.make_checkpoint(street)])
    with app.app_context(), pytest.raises(Problem) as refused:
        service.create_schedule(schedule_body(route.id, walker.id), planner(street), NOW)
    assert refused.value.kind is problems.INVALID
    assert "assignee_id" in refused.value.members["errors"]["json"]


def test_routes_and_schedules_over_http(app: Flask, street: factories.Street) -> None:
    client = app.test_client()
    walker = factories.make_user("patroller", street.units[0])
    chief = factories.make_user("supervisor", street.areas[0])
    near, far = factories.make_checkpoint(street), factories.make_checkpoint(street, lon=121.415)
    headers = factories.sign_in(client, chief.username)
    body = {
        "id": str(uuid7()),
        "name": "早巡",
        "name_en": "Morning",
        "place_code": street.units[0],
        "ordered": True,
        "checkpoint_ids": [str(near.id)],
    }
    for _ in range(2):
        made = client.post("/api/v1/routes", json=body, headers=headers)
        assert made.status_code == 201, made.text
    assert client.get("/api/v1/routes", headers=headers).json["items"] == [made.json]
    refusals = [
        ({"place_code": street.units[1]}, 403),
        ({"checkpoint_ids": [str(far.id)]}, 403),
        ({"checkpoint_ids": [str(uuid7())]}, 422),
        ({"checkpoint_ids": []}, 422),
        ({"ordered": "yes"}, 422),
    ]
    for change, status in refusals:
        answer = client.post("/api/v1/routes", json=body | {"id": str(uuid7())} | change, headers=headers)
        assert answer.status_code == status, answer.text
    changed = client.post("/api/v1/routes", json=body | {"name": "夜巡"}, headers=headers)
    assert changed.json["type"] == "/problems/id-reused"
    plan_body = {k: str(v) for k, v in schedule_body(body["id"], walker.id).items()} | {"window_minutes": 60}
    hostile = client.post(
        "/api/v1/schedules", json=plan_body | {"recurrence": "FREQ=SECONDLY"}, headers=headers
    )
    assert hostile.json["errors"]["json"]["recurrence"] == ["FREQ=SECONDLY is too often for a round."]
    planned = client.post("/api/v1/schedules", json=plan_body, headers=headers)
    assert planned.status_code == 201, planned.text
    assert client.get("/api/v1/schedules", headers=headers).json["items"] == [planned.json]
    outsider = factories.make_user("supervisor", street.areas[1])
    theirs = factories.sign_in(app.test_client(), outsider.username)
    assert client.get("/api/v1/routes", headers=theirs).json["items"] == []
    assert client.delete(f"/api/v1/schedules/{plan_body['id']}", headers=theirs).status_code == 403
    assert client.delete(f"/api/v1/routes/{uuid7()}", headers=headers).status_code == 404
    assert client.delete(f"/api/v1/schedules/{plan_body['id']}", headers=headers).status_code == 204
    assert client.delete(f"/api/v1/routes/{body['id']}", headers=headers).status_code == 204
    assert client.get("/api/v1/schedules", headers=headers).json["items"] == []
