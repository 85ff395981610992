"""A timer that is due fires once, in the transaction of its effects, whatever its handler does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import OperationalError

from app.cli import timers as timer_commands
from app.core import clock
from app.core.extensions import db
from app.core.ids import uuid7
from app.core.models import WorkerHeartbeat
from app.timers import audit, firing, service
from app.timers.firing import BUSY, FIRED, Due, fire_due
from app.timers.models import Timer
from app.worker import JOBS, Job, Worker

STREET = "310107990"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def schedule(kind: str = "ring", subject: UUID | None = None, due: datetime = NOW, **more: object) -> UUID:
    subject = subject or uuid7()
    service.schedule(
        street_code=STREET,
        place_code=f"{STREET}-G1",
        kind=kind,
        subject_kind="thing",
        subject_id=subject,
        due_at=due,
        data=more or None,
    )
    return subject


def effect(due: Due, now: datetime) -> None:
    """Leave a trace in a table that happens to be there."""
    db.session.add(WorkerHeartbeat(name=f"{due.kind} {due.id}", at=now))


@dataclass
class Bell:
    """A handler that notes whom it was called for, and leaves an effect."""

    rung: list[UUID] = field(default_factory=list)
    then: Callable[[Due], str] = lambda _due: FIRED

    def __call__(self, due: Due, now: datetime) -> str:
        self.rung.append(due.subject_id)
        effect(due, now)
        return self.then(due)


@pytest.fixture(autouse=True)
def frozen(app: Flask) -> Iterator[None]:
    with app.app_context(), clock.frozen(NOW):
        yield
        db.session.rollback()
        db.session.remove()


def states(subject: UUID | None = None) -> list[tuple[str, str, str | None]]:
    query = select(Timer.kind, Timer.state, Timer.outcome).order_by(Timer.kind, Timer.due_at)
    if subject:
        query = query.where(Timer.subject_id == subject)
    return [tuple(row) for row in db.session.execute(query)]


def effects() -> int:
    return db.session.scalar(text("select count(*) from worker_heartbeat"))


def one() -> Timer:
    db.session.expire_all()
    return db.session.scalars(select(Timer)).one()


# Scheduling


def test_what_is_due_fires_once_and_what_is_not_waits() -> None:
    early, late = schedule(), schedule(due=NOW + MINUTE)
    bell = Bell()
    assert fire_due(NOW, {"ring": bell}) is False
    fire_due(NOW, {"ring": bell})
    assert (bell.rung, effects()) == ([early], 1)
    assert states(early) == [("ring", "fired", "fired")]
    fire_due(NOW + MINUTE, {"ring": bell})
    assert bell.rung == [early, late]


def test_scheduling_again_moves_the_timer_and_forgets_its_failures() -> None:
    subject = schedule(note="first")
    db.session.execute(text("update timer set attempts = 3, last_error = 'X', try_at = now()"))
    schedule(subject=subject, due=NOW + MINUTE, note="second")
    (pending,) = service.pending(STREET, "thing", subject)
    assert (pending.due_at, pending.data, pending.attempts) == (NOW + MINUTE, {"note": "second"}, 0)
    timer = one()
    assert (timer.try_at, timer.last_error) == (NOW + MINUTE, None)


def test_kinds_and_subjects_do_not_move_each_other() -> None:
    subject = schedule("ring", due=NOW + MINUTE)
    schedule("warn", subject)
    schedule("ring")
    assert [p.kind for p in service.pending(STREET, "thing", subject)] == ["warn", "ring"]


def test_cancelled_timers_do_not_fire() -> None:
    subject, other = schedule("ring"), schedule("ring")
    schedule("warn", subject)
    assert service.cancel(STREET, "thing", subject, {"ring"}) == 1
    assert service.cancel(STREET, "thing", subject, {"ring"}) == 0
    assert service.cancel(STREET, "thing", subject, ()) == 0
    bell = Bell()
    fire_due(NOW, {"ring": bell, "warn": bell})
    assert sorted(bell.rung) == sorted([subject, other])
    assert states(subject) == [("ring", "cancelled", "cancelled"), ("warn", "fired", "fired")]
    schedule("ring", subject)
    assert service.cancel(STREET, "thing", subject) == 1


# What handlers say and do


def test_a_stale_timer_is_dropped_with_its_reason() -> None:
    subject = schedule()
    fire_due(NOW, {"ring": Bell(then=lambda _due: "dropped:closed")})
    assert states(subject) == [("ring", "dropped", "closed")]


def test_a_busy_subject_leaves_its_timer_as_it_was() -> None:
    subject, free = schedule(), schedule()
    busy = {subject}
    handler: firing.Handler = lambda due, _now: BUSY if due.subject_id in busy else FIRED  # noqa: E731
    assert fire_due(NOW, {"ring": handler}, limit=2) is True
    assert fire_due(NOW, {"ring": handler}, limit=1) is False  # nothing but busy ones: wait for the tick
    assert (states(subject), states(free)) == ([("ring", "pending", None)], [("ring", "fired", "fired")])
    assert service.pending(STREET, "thing", subject)[0].attempts == 0
    busy.clear()
    fire_due(NOW, {"ring": handler})
    assert states(subject) == [("ring", "fired", "fired")]


def test_a_handler_may_schedule_the_next_of_its_kind() -> None:
    subject = schedule()

    def again(due: Due) -> str:
        schedule(subject=due.subject_id, due=due.due_at + MINUTE)
        return FIRED

    bell = Bell(then=again)
    for minutes in range(4):
        fire_due(NOW + minutes * MINUTE, {"ring": bell})
    assert bell.rung == [subject] * 4
    assert [state for _, state, _ in states(subject)] == ["fired"] * 4 + ["pending"]


def test_what_one_timer_cancels_or_moves_does_not_fire_in_the_same_batch() -> None:
    subject, other = schedule("first", due=NOW - MINUTE), schedule("first", due=NOW - MINUTE)
    for each in (subject, other):
        schedule("cancelled", each)
        schedule("moved", each)
        schedule("kept", each)
    bell = Bell()

    def first(due: Due, _now: datetime) -> str:
        service.cancel(STREET, "thing", due.subject_id, ["cancelled"])
        schedule("moved", due.subject_id, NOW + MINUTE)
        return FIRED

    fire_due(NOW, {"first": first, "cancelled": bell, "moved": bell, "kept": bell})
    assert sorted(bell.rung) == sorted([subject, other])
    assert sorted(states(subject)) == [
        ("cancelled", "cancelled", "cancelled"),
        ("first", "fired", "fired"),
        ("kept", "fired", "fired"),
        ("moved", "pending", None),
    ]


def test_timers_of_one_subject_fire_in_the_order_in_which_they_are_due() -> None:
    subject = uuid7()
    for minutes in (3, 1, 2):
        schedule(f"kind{minutes}", subject, NOW - minutes * MINUTE)
    seen: list[str] = []
    handler: firing.Handler = lambda due, _now: seen.append(due.kind) or FIRED  # noqa: E731
    fire_due(NOW, {f"kind{n}": handler for n in (1, 2, 3)})
    assert seen == ["kind3", "kind2", "kind1"]


# Failures


def test_one_that_fails_leaves_the_others_and_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    good, bad, better = schedule(), schedule("bad"), schedule()

    def fail(due: Due) -> str:
        raise KeyError("13812345678")  # a text that must be kept nowhere but in the log

    bell = Bell()
    fire_due(NOW, {"ring": bell, "bad": Bell(then=fail)})
    assert (states(good), states(better)) == ([("ring", "fired", "fired")],) * 2
    assert effects() == 2
    timer = db.session.scalars(select(Timer).where(Timer.subject_id == bad)).one()
    assert (timer.state, timer.attempts, timer.due_at) == ("pending", 1, NOW)
    assert timer.try_at == NOW + MINUTE
    assert timer.last_error.startswith("KeyError in app/timers/firing.py:")
    assert any("attempt 1" in record.message for record in caplog.records)


def test_a_failing_timer_is_tried_ten_times_and_then_given_up() -> None:
    subject = schedule("bad")

    def fail(_due: Due, _now: datetime) -> str:
        raise ZeroDivisionError

    now, waits = NOW, []
    while (timer := one()).state == "pending":
        assert fire_due(timer.try_at - timedelta.resolution, {"bad": fail}) is False
        now = timer.try_at
        fire_due(now, {"bad": fail})
        waits.append(int((one().try_at - now) / MINUTE))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 0]
    assert (timer.state, timer.attempts, timer.due_at) == ("failed", 10, NOW)
    rows = db.session.execute(text("select action, subject_id, place_code, data from ledger_row")).all()
    ((action, noted, place, data),) = rows
    assert (action, noted, place) == ("timer.failed", str(subject), f"{STREET}-G1")
    assert data["kind"] == "bad"
    assert data["error"].startswith("ZeroDivisionError")


def test_a_database_error_in_a_handler_is_a_failure_of_that_timer_only() -> None:
    good, bad = schedule(), schedule("bad")

    def break_a_rule(_due: Due, _now: datetime) -> str:
        db.session.execute(text("insert into worker_heartbeat values (null, now())"))
        return FIRED

    fire_due(NOW, {"ring": Bell(), "bad": break_a_rule})
    assert (effects(), states(good)) == (1, [("ring", "fired", "fired")])
    timer = db.session.scalars(select(Timer).where(Timer.subject_id == bad)).one()
    assert timer.last_error.startswith("NotNullViolation in app/timers/firing.py:")


def test_an_outcome_that_is_none_is_a_failure() -> None:
    schedule()
    fire_due(NOW, {"ring": Bell(then=lambda _due: "done")})
    assert (one().state, one().last_error.split()[0], effects()) == ("pending", "ValueError", 0)


def test_a_timer_of_unknown_kind_is_kept_for_a_worker_that_knows_it(caplog: pytest.LogCaptureFixture) -> None:
    schedule("newer")
    fire_due(NOW, {})
    assert "unknown kind" in caplog.text
    assert (one().state, one().attempts, one().due_at) == ("pending", 0, NOW)
    bell = Bell()
    fire_due(NOW + 9 * MINUTE, {"newer": bell})
    assert bell.rung == []
    fire_due(NOW + 10 * MINUTE, {"newer": bell})
    assert len(bell.rung) == 1


def test_a_lost_connection_is_raised_so_that_the_tick_ends() -> None:
    schedule()

    def lose(_due: Due, _now: datetime) -> str:
        db.session.execute(text("select pg_terminate_backend(pg_backend_pid())"))
        return FIRED

    db.session.commit()
    with pytest.raises(OperationalError):
        fire_due(NOW, {"ring": lose})
    db.session.rollback()
    assert one().state == "pending"
    assert one().attempts == 0


# Clocks, workers, locks


def test_a_clock_set_back_fires_nothing_twice_and_loses_nothing() -> None:
    fired, later = schedule(), schedule(due=NOW + MINUTE)
    bell = Bell()
    fire_due(NOW, {"ring": bell})
    for minutes in (-600, -1, 0):
        fire_due(NOW + minutes * MINUTE, {"ring": bell})
    assert bell.rung == [fired]
    fire_due(NOW + MINUTE, {"ring": bell})
    assert bell.rung == [fired, later]


def test_a_try_that_a_clock_running_ahead_put_far_away_is_taken_back() -> None:
    schedule("bad")
    schedule("future", due=NOW + timedelta(days=400))

    def fail(_due: Due, _now: datetime) -> str:
        raise ZeroDivisionError

    fire_due(NOW + timedelta(days=365), {"bad": fail})  # a year ahead, then set back
    assert service.recall(NOW, NOW + firing.RECALL_AFTER) == 1
    assert service.recall(NOW, NOW + firing.RECALL_AFTER) == 0
    bell = Bell()
    fire_due(NOW, {"bad": bell, "future": bell})
    assert len(bell.rung) == 1


def test_a_batch_is_bounded_and_takes_the_longest_waiting_first() -> None:
    subjects = [schedule(due=NOW - n * MINUTE) for n in range(5)]
    bell = Bell()
    assert fire_due(NOW, {"ring": bell}, limit=2) is True
    assert sorted(bell.rung) == sorted(subjects[3:])
    while fire_due(NOW, {"ring": bell}, limit=2):
        pass
    assert sorted(bell.rung) == sorted(subjects)


def in_thread(app: Flask, act: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        with app.app_context():
            act()
            db.session.commit()
            db.session.remove()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_two_workers_share_the_work_and_never_do_it_twice(app: Flask, owner_db: Connection) -> None:
    for _ in range(300):
        schedule(due=NOW)
    db.session.commit()
    bells = [Bell(), Bell()]

    def work(bell: Bell) -> None:
        while fire_due(NOW, {"ring": bell}, limit=10):
            db.session.commit()

    threads = [in_thread(app, lambda bell=bell: work(bell)) for bell in bells]
    for thread in threads:
        thread.join(30)
    rung = bells[0].rung + bells[1].rung
    assert (len(rung), len(set(rung))) == (300, 300)
    assert owner_db.scalar(text("select count(*) from worker_heartbeat")) == 300


def test_whoever_changes_a_subject_meanwhile_waits_for_the_batch_and_never_in_a_circle(app: Flask) -> None:
    """A change holds its subject and wants the timer; the worker holds the timer and skips the subject."""
    subject = schedule()
    db.session.add(WorkerHeartbeat(name="the subject", at=NOW))
    db.session.commit()
    lock = select(WorkerHeartbeat).where(WorkerHeartbeat.name == "the subject")
    holds, claimed, cancelled = threading.Event(), threading.Event(), []

    def change() -> None:
        db.session.execute(lock.with_for_update()).one()
        holds.set()
        assert claimed.wait(10)
        cancelled.append(service.cancel(STREET, "thing", subject))

    changing = in_thread(app, change)
    assert holds.wait(10)

    def handle(_due: Due, _now: datetime) -> str:
        claimed.set()
        free = db.session.execute(lock.with_for_update(skip_locked=True)).one_or_none()
        return BUSY if free is None else FIRED

    fire_due(NOW, {"ring": handle})
    db.session.commit()
    changing.join(10)
    assert cancelled == [1]
    assert states(subject) == [("ring", "cancelled", "cancelled")]


# The worker's jobs and the audit


def job(name: str) -> Job:
    return next(job for job in JOBS if job.name == name)


def test_the_worker_fires_with_the_handlers_that_were_handed_in(
    app: Flask, owner_db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule()
    db.session.commit()
    bell = Bell()
    monkeypatch.setitem(__import__("app.worker").worker.TIMER_HANDLERS, "ring", bell)
    Worker(app, ()).tick(job("timers.fire"))
    assert len(bell.rung) == 1
    assert owner_db.scalars(text("select state from timer")).all() == ["fired"]


def test_settled_timers_are_forgotten_after_half_a_year_but_failed_ones_stay(app: Flask) -> None:
    old = NOW - timedelta(days=200)
    with clock.frozen(old):
        gone, kept, failed = schedule(), schedule(), schedule()
        waiting = schedule(due=NOW + MINUTE)
        for subject in (gone, failed):
            service.cancel(STREET, "thing", subject)
    service.cancel(STREET, "thing", kept)
    db.session.execute(text("update timer set state = 'failed' where subject_id = :s"), {"s": failed})
    assert service.forget_settled(NOW - timedelta(days=180)) == 1
    left = set(db.session.scalars(select(Timer.subject_id)))
    assert left == {kept, failed, waiting}


def test_the_audit_names_what_failed_what_is_overdue_and_what_others_find(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = app.test_cli_runner()
    done = runner.invoke(args=["timers", "audit"])
    assert (done.exit_code, done.stdout) == (0, "Everything that is due is taken care of.\n")
    failed, late = schedule("bad"), schedule("slow", due=NOW - 6 * MINUTE)
    schedule("fresh", due=NOW - 4 * MINUTE)
    db.session.execute(
        text("update timer set state = 'failed', last_error = 'KeyError' where subject_id = :s"),
        {"s": failed},
    )
    db.session.commit()
    orphan = audit.Finding("case_without_timer", STREET, "case", "7", "nobody waits for it")
    monkeypatch.setattr(timer_commands, "CHECKS", (*audit.CHECKS, lambda _now: [orphan]))
    done = runner.invoke(args=["timers", "audit"])
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        f"{STREET}: timer_failed: thing {failed}: bad was given up: KeyError",
        f"{STREET}: timer_overdue: thing {late}: slow is due since 2026-11-20 08:54 UTC, 0 attempts failed",
        f"{STREET}: case_without_timer: case 7: nobody waits for it",
    ]
    assert "3 findings." in done.stderr


def test_failed_timers_are_tried_again_when_told_unless_another_counts_by_now(
    app: Flask, owner_db: Connection
) -> None:
    failed, replaced = schedule("bad"), schedule("bad")
    db.session.execute(text("update timer set state = 'failed', attempts = 10, settled_at = now()"))
    schedule("bad", replaced, NOW + MINUTE)
    db.session.commit()
    done = app.test_cli_runner().invoke(args=["timers", "retry"])
    assert done.stdout == "1 timers are tried again.\n"
    bell = Bell()
    fire_due(NOW, {"bad": bell})
    assert bell.rung == [failed]
    assert [state for _, state, _ in states(replaced)] == ["failed", "pending"]
    told = owner_db.execute(text("select action, actor_kind, subject_id from ledger_row")).all()
    assert [tuple(row) for row in told] == [("timer.retried", "cli", str(failed))]
