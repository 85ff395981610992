"""A round that nobody ended is ended by the worker, and what the phone says of it later holds."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text

from app.core import clock
from app.core.extensions import db
from app.patrols import service
from app.patrols.models import Round
from tests import factories
from tests.integration.field import Field

HOUR = timedelta(hours=1)


@pytest.fixture
def field(app: Flask) -> Field:
    """A round under way in its window, with two of three stops visited."""
    field = Field(app)
    results = field.results(
        [field.start_shift(), field.start_round(), field.check_in(0, 3), field.check_in(1, 6)]
    )
    assert {r["status"] for r in results} == {"applied"}, results
    return field


def close(app: Flask, now: datetime, limit: int = 100) -> int:
    with app.app_context():
        closed = service.close_forgotten_rounds(now, limit)
        db.session.commit()
        return closed


def end_shift(field: Field, minute: float = 8) -> None:
    ended = field.phone.entry("shift_ended", {"shift": str(field.shift)}, field.minute(minute))
    assert field.results([ended])[0]["status"] == "applied"


def finish(field: Field, minute: float, **changes: Any) -> dict[str, Any]:
    body = {"round": str(field.round.id), "outcome": "complete"} | changes
    return field.phone.entry("round_finished", body, field.minute(minute))


def the_round(owner_db: Connection) -> Any:
    return owner_db.execute(select(Round)).one()


def told(owner_db: Connection) -> list[tuple[str, dict[str, Any]]]:
    rows = owner_db.execute(
        text("select actor_kind, data from ledger_row where action = 'round.finished' order by id")
    )
    return [(row.actor_kind, row.data) for row in rows]


@pytest.mark.parametrize(
    ("on_duty", "after_window", "closed"),
    [
        (True, HOUR * 11.9, 0),
        (True, HOUR * 12.1, 1),
        (False, HOUR * 0.9, 0),
        (False, HOUR * 1.1, 1),
    ],
)
def test_when_a_round_is_forgotten(
    field: Field, owner_db: Connection, on_duty: bool, after_window: timedelta, closed: int
) -> None:
    if not on_duty:
        end_shift(field)
    assert close(field.app, field.round.window_ends_at + after_window) == closed
    assert the_round(owner_db).state == ("ended_early" if closed else "started")


def test_it_ends_with_the_last_stop_and_says_that_nobody_did(field: Field, owner_db: Connection) -> None:
    end_shift(field)
    now = field.round.window_ends_at + 2 * HOUR
    assert close(field.app, now) == 1
    row = the_round(owner_db)
    assert (row.state, row.end_reason, row.closed_by) == ("ended_early", None, "worker")
    visited = owner_db.execute(text("select max(captured_at) from check_in")).scalar_one()
    assert row.finished_at == visited
    assert told(owner_db) == [("worker", {"outcome": "automatic"})]
    assert close(field.app, now) == 0
    feed = field.client.get("/api/v1/field/feed", headers=field.headers).json
    assert [r["ended_automatically"] for r in feed["rounds"] if r["id"] == str(field.round.id)] == [True]
    supervisor = factories.make_user("supervisor", field.street.areas[0])
    headers = factories.sign_in(field.app.test_client(), supervisor.username)
    for path in (f"/api/v1/rounds/{field.round.id}", f"/api/v1/board?on={field.round.on_day}"):
        answer = field.client.get(path, headers=headers).json
        seen = answer["rounds"][0] if "rounds" in answer else answer
        assert (seen["ended_automatically"], seen["end_reason"]) == (True, None)


def test_one_walked_after_its_window_counts_from_its_start(field: Field, owner_db: Connection) -> None:
    owner_db.execute(text("update round set window_ends_at = started_at - interval '3 days'"))
    started_at = the_round(owner_db).started_at
    assert close(field.app, started_at + HOUR * 11.9) == 0
    assert close(field.app, started_at + HOUR * 12.1) == 1


def test_only_started_rounds_and_a_bounded_number_at_a_time(field: Field, owner_db: Connection) -> None:
    then = clock.now() - 24 * HOUR
    for _ in range(3):
        walker = factories.make_user("patroller", field.street.units[0])
        common: dict[str, Any] = {"window_starts_at": then, "started_at": then}
        factories.make_round(field.street, walker, field.checkpoints, state="started", **common)
        factories.make_round(field.street, walker, field.checkpoints, window_starts_at=then)
    assert [close(field.app, clock.now(), 2) for _ in range(3)] == [2, 1, 0]
    states = owner_db.execute(
        text("select state, finished_at from round where window_starts_at = :then"), {"then": then}
    )
    assert sorted(map(tuple, states)) == [("ended_early", then)] * 3 + [("planned", None)] * 3


@pytest.mark.parametrize("outcome", ["complete", "early"])
def test_what_the_phone_says_later_corrects_it(field: Field, owner_db: Connection, outcome: str) -> None:
    assert close(field.app, field.round.window_ends_at + 13 * HOUR) == 1
    rest = [field.check_in(2, 9)] if outcome == "complete" else []
    changes = {} if outcome == "complete" else {"outcome": "early", "reason": "下大雨"}
    results = field.results([*rest, finish(field, 11, **changes)])
    assert {r["status"] for r in results} == {"applied"}, results
    row = the_round(owner_db)
    assert (row.state, row.end_reason, row.closed_by) == (
        ("finished", None, "phone") if outcome == "complete" else ("ended_early", "下大雨", "phone")
    )
    assert abs(row.finished_at - field.minute(11)) < timedelta(seconds=1)
    assert [(kind, data["outcome"]) for kind, data in told(owner_db)] == [
        ("worker", "automatic"),
        ("user", outcome),
    ]
    assert told(owner_db)[1][1]["was_automatic"] is True
    # from now on it is over, as the phone said
    refused = field.results([field.check_in(0, 20), finish(field, 21)])
    assert [r["problem"] for r in refused] == ["/problems/round-closed"] * 2


def test_a_late_stop_is_taken_and_moves_the_end(field: Field, owner_db: Connection) -> None:
    assert close(field.app, field.round.window_ends_at + 13 * HOUR) == 1
    skip = {"round": str(field.round.id), "shift": str(field.shift), "stop": 3, "reason": "locked"}
    late = [
        field.check_in(2, 9),
        field.phone.entry("stop_skipped", skip, field.minute(14)),
        field.check_in(2, 12),
    ]
    results = field.results(late)
    assert {r["status"] for r in results} == {"applied"}, results
    row = the_round(owner_db)
    assert (row.state, row.closed_by) == ("ended_early", "worker")
    assert abs(row.finished_at - field.minute(14)) < timedelta(seconds=1)


@pytest.mark.parametrize("first", ["worker", "phone"])
def test_worker_and_phone_at_the_same_moment(field: Field, owner_db: Connection, first: str) -> None:
    """Whoever comes first, the phone's word stays, and nothing is refused."""
    late = field.round.window_ends_at + 13 * HOUR
    closed: list[int] = []
    if first == "phone":
        # the phone's request holds the round when the worker comes by
        with field.app.app_context():
            db.session.scalars(select(Round).with_for_update()).one()
            worker = threading.Thread(target=lambda: closed.append(close(field.app, late)))
            worker.start()
            worker.join(10)
            assert closed == [0]  # passed over, not waited for
            db.session.rollback()
        results = field.results([field.check_in(2, 9), finish(field, 11)])
    else:
        answers: list[dict[str, Any]] = []
        with field.app.app_context():
            assert service.close_forgotten_rounds(late) == 1
            entries = [field.check_in(2, 9), finish(field, 11)]
            phone = threading.Thread(target=lambda: answers.extend(field.results(entries)))
            phone.start()
            phone.join(0.5)
            assert phone.is_alive()  # it waits for the worker's transaction
            db.session.commit()
        phone.join(10)
        results = answers
    assert [r["status"] for r in results] == ["applied", "applied"], results
    row = the_round(owner_db)
    assert (row.state, row.closed_by) == ("finished", "phone")
    assert close(field.app, late) == 0


def test_workers_side_by_side_end_each_round_once(field: Field, owner_db: Connection) -> None:
    then = clock.now() - 24 * HOUR
    for _ in range(12):
        walker = factories.make_user("patroller", field.street.units[0])
        factories.make_round(
            field.street, walker, field.checkpoints, window_starts_at=then, started_at=then, state="started"
        )
    ended: list[int] = []

    def work() -> None:
        while done := close(field.app, clock.now(), 2):
            ended.append(done)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    while done := close(field.app, clock.now()):  # what was passed over while another held it
        ended.append(done)
    assert sum(ended) == 12
    assert told(owner_db) == [("worker", {"outcome": "automatic"})] * 12
