"""Nothing is lost and nothing is done twice: twenty at once, any order, any shape, a database that dies."""

from __future__ import annotations

import copy
import json
import logging
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, text

from app.core import clock
from app.core.extensions import db
from app.core.ids import uuid7
from app.wiring import create_app
from config import read_settings
from scripts.cluster import APPLICATION, OWNER, Cluster
from tests import factories
from tests.integration.field import Field, state_of

ROOT = Path(__file__).resolve().parent.parent.parent
quiet = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def field(app: Flask) -> Field:
    return Field(app)


def test_twenty_identical_batches_at_once(field: Field, owner_db: Connection) -> None:
    body = field.request(field.whole_walk())

    def send(_: int) -> Any:
        # the pool is smaller than twenty: some wait for a connection, none fails
        return field.post(copy.deepcopy(body), field.app.test_client())

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(20)))
    assert [a.status_code for a in answers] == [200] * 20
    told = []
    for answer in answers:
        told.append(
            [{k: v for k, v in (r.get("was") or r).items() if k != "id"} for r in answer.json["results"]]
        )
    assert all(results == told[0] for results in told)
    first = [a for a in answers if a.json["results"][0]["status"] == "applied"]
    assert len(first) == 1
    state = state_of(owner_db)
    assert [len(state[n]) for n in ("entries", "check_ins", "proofs", "skips", "gaps", "fixes")] == [
        9,
        2,
        2,
        1,
        1,
        3,
    ]
    assert len(state["ledger"]) == 9


def test_two_phones_of_one_person_at_once(field: Field, owner_db: Connection) -> None:
    """Both touch the same shift, round and last position; a deadlock would be tried again."""
    field.results([field.start_shift(), field.start_round()])
    first, second = field.phone, field.new_phone()
    batches = []
    for phone in (first, second):
        field.phone = phone
        batches += [field.request([field.track(n + i, 5) for i in range(3)], phone=phone) for n in (4, 8, 12)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda body: field.post(body, field.app.test_client()), batches))
    assert [a.status_code for a in answers] == [200] * 6
    entries = state_of(owner_db)["entries"]
    assert len(entries) == 20
    assert {row[3] for row in entries} <= {"applied", "held"}
    assert owner_db.execute(text("select count(*) from last_position")).scalar_one() == 1


@pytest.fixture
def walked(app: Flask, owner_db: Connection) -> tuple[Field, list[Any], dict[str, list[Any]]]:
    """A walk with the state that it leads to when sent in order, and the tables without it again."""
    field = Field(app)
    with clock.frozen(field.minute(30)):
        walk = field.whole_walk()
        walk.append(field.phone.entry("teleported", {}, field.minute(15)))
        walk.append(field.phone.entry("shift_ended", {"shift": str(field.shift)}, field.minute(16)))
        field.results(walk)
    expected = state_of(owner_db)
    return field, walk, expected


_WALKED = ("log_entry", "check_in", "proof", "stop_skip", "track_fix", "track_gap", "last_position", "shift")


def forget_walk(database: Connection) -> None:
    database.execute(text("set session_replication_role = replica"))
    for table in _WALKED:
        database.execute(text(f"delete from {table}"))
    database.execute(text("delete from ledger_row where action not in ('user.signed_in', 'log.registered')"))
    database.execute(
        text("update round set state='planned', started_at=null, finished_at=null, end_reason=null")
    )
    database.execute(text("set session_replication_role = origin"))


@quiet
@given(data=st.data())
def test_any_cut_copy_and_order_ends_the_same(
    walked: tuple[Field, list[Any], dict[str, list[Any]]], owner_db: Connection, data: st.DataObject
) -> None:
    field, walk, expected = walked
    forget_walk(owner_db)
    numbers = data.draw(st.permutations(range(len(walk))))
    copies = data.draw(st.lists(st.sampled_from(range(len(walk))), max_size=6))
    sequence = list(numbers) + copies
    moved = data.draw(st.randoms(use_true_random=False))
    if copies:
        moved.shuffle(sequence)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sequence)), max_size=5)))
    for start, end in zip([0, *cuts], [*cuts, len(sequence)], strict=True):
        with clock.frozen(field.minute(30)):  # so that every request measures the same skew
            field.results([walk[n] for n in sequence[start:end]])
    assert state_of(owner_db) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.uuids().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)
KINDS = ("shift_started", "shift_ended", "round_started", "round_finished", "check_in", "stop_skipped", "track",
         "gap", "review_answered", "unheard_of")  # fmt: skip
NAMES = ("shift", "round", "stop", "checkpoint", "fix", "fixes", "tag", "note", "reason", "text", "from", "to",
         "cause", "proof", "outcome", "place", "automatic")  # fmt: skip


@quiet
@given(data=st.data())
def test_any_content_gets_a_result(field_for_fuzz: Field, data: st.DataObject, caplog: Any) -> None:
    """Whatever an entry holds, it is answered by itself, stored, and no handler of ours stumbles."""
    field = field_for_fuzz
    entries = []
    for _ in range(data.draw(st.integers(1, 4))):
        kind = data.draw(st.sampled_from(KINDS))
        good = {
            "shift": str(field.shift), "round": str(field.round.id), "stop": 1, "text": "t",
            "checkpoint": str(field.checkpoints[0].id), "fix": field.fix(clock.now()),
            "fixes": [field.fix(clock.now())], "reason": "locked", "outcome": "early", "cause": "unknown",
        }  # fmt: skip
        body = {n: good[n] for n in data.draw(st.sets(st.sampled_from(sorted(good))))}
        body |= data.draw(
            st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), json_values, max_size=3)
        )
        try:
            json.dumps(body).encode()
            entries.append(field.phone.entry(kind, body, clock.now()))
        except UnicodeEncodeError:  # the phone of the test cannot hash a lone surrogate
            continue
    if data.draw(st.booleans()):
        raw = st.fixed_dictionaries({"id": st.builds(lambda: str(uuid7()))}, optional={
            "payload": json_values, "signature": json_values})  # fmt: skip
        entries.append(data.draw(raw))
    caplog.clear()
    body_text = json.dumps(field.request(entries))
    answer = field.client.post(
        "/api/v1/sync", data=body_text, headers=field.headers, content_type="application/json"
    )
    if "NaN" in body_text or "Infinity" in body_text:  # as literals, or inside a text
        assert answer.status_code in {200, 400}
    else:
        assert answer.status_code == 200, answer.text
    if answer.status_code == 200:
        assert [r["id"] for r in answer.json["results"]] == [e["id"] for e in entries]
    assert [r.message for r in caplog.records if r.levelno >= logging.ERROR] == []


@pytest.fixture
def field_for_fuzz(app: Flask) -> Field:
    field = Field(app)
    field.results([field.start_shift(), field.start_round()])
    return field


class Breakable:
    """An application on a server of its own, which may be stopped at any moment."""

    def __init__(self, folder: Path) -> None:
        self.cluster = Cluster(folder)
        self.cluster.start()
        self.cluster.ensure_database("breakable")
        self.app = create_app(
            read_settings(
                {
                    "IRONFEET_MODE": "testing",
                    "DATABASE_URL": self.cluster.url(APPLICATION, "breakable"),
                    "OWNER_DATABASE_URL": self.cluster.url(OWNER, "breakable"),
                }
            )
        )
        with self.app.app_context():
            flask_migrate.upgrade(directory=str(ROOT / "migrations"))
            db.session.remove()

    def engine(self) -> Engine:
        """A connection pool of the owner."""
        return create_engine(self.app.config["SETTINGS"].owner_database_url, pool_pre_ping=True)


@pytest.fixture
def breakable() -> Iterator[Breakable]:
    with tempfile.TemporaryDirectory(prefix="ironfeet-break-") as folder:
        found = Breakable(Path(folder))
        try:
            yield found
        finally:
            with found.app.app_context():
                db.engine.dispose()
            found.cluster.stop()


def test_database_restarted_under_load(breakable: Breakable) -> None:
    """While it is away phones get 503; afterwards they send again and everything is there once."""
    engine = breakable.engine()
    factories.bind(engine)
    field = Field(breakable.app, stops=40)
    field.results([field.start_shift(), field.start_round()])
    batches = [field.request([field.check_in(n, 3 + n / 10)]) for n in range(40)]
    statuses: list[int] = []
    stop = threading.Event()

    def phone() -> None:
        client = breakable.app.test_client()
        picks = random.Random(threading.get_ident())  # noqa: S311
        while not stop.is_set():
            answer = field.post(picks.choice(batches), client)
            statuses.append(answer.status_code)
            if answer.status_code != 200:
                assert answer.mimetype == "application/problem+json"

    with ThreadPoolExecutor(4) as pool:
        phones = [pool.submit(phone) for _ in range(4)]
        for _ in range(3):
            time.sleep(0.4)
            breakable.cluster.stop()
            time.sleep(0.2)
            breakable.cluster.start()
        time.sleep(0.4)
        stop.set()
        for done in phones:
            done.result()
    assert set(statuses) == {200, 503}, sorted(set(statuses))
    for batch in batches:
        answer = field.post(batch)
        assert answer.status_code == 200
        assert answer.json["results"][0]["status"] in {"applied", "already"}
    with engine.connect() as connection:
        state = state_of(connection)
    engine.dispose()
    factories.bind(None)
    assert [len(state[n]) for n in ("entries", "check_ins", "proofs")] == [42, 40, 40]
    assert {row[3] for row in state["entries"]} == {"applied"}
    assert len(state["ledger"]) == 42
