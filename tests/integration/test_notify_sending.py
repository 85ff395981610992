"""Sending for real beside servers that hang, are dead or slow, and workers that are killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.core import clock
from app.core.extensions import db
from app.notify import outbox
from app.notify.channels.base import Sent
from app.worker import Worker
from tests import peer
from tests.integration.sending_office import SEND, Office
from tests.peer import Peer, answer

ROOT = Path(__file__).resolve().parents[2]


def test_a_provider_that_hangs_delays_nobody_else(office: Office, outside: Peer) -> None:
    """Twelve messages to a service that hangs stand before twelve to a good one, which all come first."""
    with peer.running(peer.hang) as dead:
        now = clock.now()
        for n in range(12):
            office.subscribe(one := office.person(), f"{dead.origin}/{n}")
            office.tell(one, now=now - timedelta(minutes=1))
        for n in range(12):
            office.subscribe(one := office.person(), f"{outside.origin}/{n}")
            office.tell(one, now=now)
        office.send()
        assert len(outside.received) == 12
        assert max(got.at for got in outside.received) < min(dead.ended_at)
        assert dead.most_at_once <= 4
        assert sorted(set(office.states())) == ["pending", "sent"]


def test_a_dead_provider_rests_longer_each_time_and_is_tried_by_one_message(
    office: Office, outside: Peer
) -> None:
    outside.behaviour = peer.close_at_once
    now = clock.now()
    for n in range(8):
        office.subscribe(one := office.person(), f"{outside.origin}/{n}")
        office.tell(one, now=now)
    office.send(now)
    first = len(outside.received)
    assert 3 <= first <= 6  # the sends that were under way when it was found out
    office.send(now + timedelta(seconds=20))
    assert len(outside.received) == first
    rest = office.rest(outside.origin)
    assert rest is not None
    for _ in range(3):
        before, at = len(outside.received), rest.rests_until
        office.send(at)
        assert len(outside.received) == before + 1
        assert outside.most_at_once <= 4
        longer = office.rest(outside.origin)
        assert longer is not None
        assert longer.rests_until - at > timedelta(seconds=30)
        rest = longer
    outside.behaviour = answer(201)
    office.send(rest.rests_until)
    office.send(rest.rests_until + timedelta(hours=1))
    assert set(office.states()) == {"sent"}
    mended = office.rest(outside.origin)
    assert mended is not None
    assert mended.failures == 0


def test_urgent_messages_go_before_those_that_have_waited_longer(office: Office, outside: Peer) -> None:
    def slow(one: Peer, got: peer.Received, connection: Any) -> None:
        one.ending.wait(0.05)
        answer(201)(one, got, connection)

    outside.behaviour = slow
    noon = clock.now().astimezone(clock.SHANGHAI).replace(hour=12, minute=0)
    for n in range(16):
        office.subscribe(one := office.person(), f"{outside.origin}/{n}")
        office.tell(one, now=noon + timedelta(seconds=n), urgent=n >= 8)
    office.send(noon + timedelta(minutes=1))
    order = [int(got.path[1:]) for got in sorted(outside.received, key=lambda got: got.at)]
    assert set(order[:4]) <= set(range(8, 16))
    # the last of them may be claimed, and arrive, together with three others
    assert all(order.index(n) <= 10 for n in range(8, 16))


def test_two_workers_send_each_message_once_and_keep_to_the_width_of_a_lane(
    office: Office, outside: Peer
) -> None:
    def slow(one: Peer, got: peer.Received, connection: Any) -> None:
        one.ending.wait(0.03)
        answer(201)(one, got, connection)

    outside.behaviour = slow
    for n in range(30):
        office.subscribe(one := office.person(), f"{outside.origin}/{n}")
        office.tell(one)
    workers = [threading.Thread(target=office.send) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    office.send()
    assert sorted(got.path for got in outside.received) == sorted(f"/{n}" for n in range(30))
    assert outside.most_at_once <= 4
    assert set(office.states()) == {"sent"}


def test_a_worker_killed_between_sending_and_writing_down_sends_again(
    office: Office, outside: Peer, database: str
) -> None:
    """kill -9 while the service holds its answer back: after the lease the same message comes again."""
    arrived = threading.Event()

    def hold(one: Peer, got: peer.Received, connection: Any) -> None:
        arrived.set()
        one.wait_for_end(connection)

    outside.behaviour = hold
    wang = office.person()
    browser = office.subscribe(wang, outside.origin + "/1")
    office.tell(wang)
    environment = os.environ | {"IRONFEET_MODE": "testing", "DATABASE_URL": database}
    worker = subprocess.Popen([sys.executable, "-m", "flask", "worker"], cwd=ROOT, env=environment)
    try:
        assert arrived.wait(30)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
    outside.behaviour = answer(201)
    assert office.states() == ["sending"]
    office.send()
    assert len(outside.received) == 1
    office.send(clock.now() + timedelta(seconds=61))
    assert office.states() == ["sent"]
    first, second = (browser.read(got.body) for got in outside.received)
    assert (first["id"], first["tag"]) == (second["id"], second["tag"])


def test_a_result_that_comes_after_its_lease_is_over_changes_nothing(office: Office, outside: Peer) -> None:
    wang = office.person()
    office.subscribe(wang, outside.origin + "/1")
    now = clock.now()
    office.tell(wang, now=now)
    with office.app.app_context():
        (late,) = outbox.claim(now, 10)
        db.session.commit()
        (again,) = outbox.claim(now + timedelta(minutes=2), 10)
        db.session.commit()
        outbox.record(late, Sent(), now + timedelta(minutes=2))
        db.session.commit()
    assert (late.claim.attempt, again.claim.attempt) == (1, 2)
    assert office.states() == ["sending"]


def test_nothing_new_is_sent_once_the_worker_is_told_to_stop(office: Office, outside: Peer) -> None:
    wang = office.person()
    office.subscribe(wang, outside.origin + "/1")
    office.tell(wang)
    worker = Worker(office.app, ())
    worker.stopping.set()
    worker.tick(SEND)
    assert (office.states(), outside.received) == (["pending"], [])
