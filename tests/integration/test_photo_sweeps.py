"""What nobody names goes after a stated time; what somebody names stays."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from app.core import clock
from app.core.extensions import db
from app.media import storage, sweeps
from tests import factories
from tests.integration.photo_case import Case, age, shown, tick, use
from tests.integration.photos import PhotoPhone, a_photo, kept, name_of, store_of


def test_a_photo_that_nobody_names_is_kept_a_week_and_then_swept(
    app: Flask, phone: PhotoPhone, owner_db: Connection
) -> None:
    body = a_photo()
    phone.put(body)
    tick(app, "photos.sizes")
    age(owner_db, "photo", "received_at", 6.9)
    tick(app, "photos.forget_unused")
    assert phone.state(body)["state"] == "ready"
    assert len(kept(app, body)) == 3
    age(owner_db, "photo", "received_at", 0.2)
    tick(app, "photos.forget_unused")
    assert phone.state(body) == {"state": "missing", "received": 0, "problem": None}
    assert kept(app, body) == []
    assert owner_db.execute(
        text("select actor_kind, subject_id, data from ledger_row where action = 'photo.swept'")
    ).one() == ("worker", name_of(body), {"uploaded_by": str(phone.user.id), "state": "ready"})
    assert phone.put(body).json["state"] == "stored"


def test_a_photo_that_is_named_is_kept_however_old_it_is(
    app: Flask, street: factories.Street, phone: PhotoPhone, owner_db: Connection
) -> None:
    body = a_photo()
    phone.put(body)
    use(app, Case(street), body)
    age(owner_db, "photo", "received_at", 4000)
    tick(app, "photos.forget_unused", "photos.remove_orphans")
    assert phone.state(body)["state"] == "stored"


def test_a_photo_that_is_being_named_at_the_moment_of_the_sweep_stays(
    app: Flask, street: factories.Street, phone: PhotoPhone, owner_db: Connection
) -> None:
    case, body = Case(street), a_photo()
    phone.put(body)
    age(owner_db, "photo", "received_at", 8)
    with app.app_context():
        case.use(body)  # not committed yet
        sweeping = threading.Thread(target=tick, args=[app, "photos.forget_unused"])
        sweeping.start()
        sweeping.join(20)
        db.session.commit()
    tick(app, "photos.forget_unused")
    assert [one["state"] for one in shown(app, case)] == ["stored"]


def test_a_photo_that_never_comes_is_told_after_thirty_days_and_taken_even_later(
    app: Flask, street: factories.Street, phone: PhotoPhone, owner_db: Connection
) -> None:
    case, body = Case(street), a_photo()
    use(app, case, body)
    age(owner_db, "photo_use", "used_at", 29.9)
    tick(app, "photos.note_never_came")
    assert [one["state"] for one in shown(app, case)] == ["missing"]
    age(owner_db, "photo_use", "used_at", 0.2)
    tick(app, "photos.note_never_came", "photos.note_never_came")
    assert [one["state"] for one in shown(app, case)] == ["never_came"]
    assert owner_db.execute(text("select claim_lat, claim_lon, claim_accuracy_m from photo_use")).one() == (
        None,
        None,
        None,
    )
    told = owner_db.execute(
        text(
            "select subject_kind, subject_id, place_code, data from ledger_row where action = 'photo.never_came'"
        )
    ).all()
    assert told == [
        (
            "case",
            str(case.id),
            street.units[0],
            {"sha256": name_of(body), "role": "report", "used_by": str(case.used_by)},
        )
    ]
    phone.put(body)
    assert [(one["state"], one["doubts"]) for one in shown(app, case)] == [("stored", ["no_position"])]


def test_parts_of_a_photo_that_was_never_completed_go_after_two_days(
    app: Flask, phone: PhotoPhone, owner_db: Connection
) -> None:
    body = a_photo()
    phone.part(body, 0, 999)
    age(owner_db, "photo_part", "received_at", 1.9)
    tick(app, "photos.forget_parts")
    assert phone.state(body)["received"] == 1000
    age(owner_db, "photo_part", "received_at", 0.2)
    tick(app, "photos.forget_parts")
    assert phone.state(body)["received"] == 0


def sweep_store(app: Flask, start: datetime) -> None:
    """Go once through the whole store as the worker does, one part every five minutes."""
    with app.app_context():
        for number in range(storage.SHARDS):
            (shard,) = sweeps.shard_of(start + timedelta(seconds=number * sweeps.SHARD_EVERY_S))
            db.session.rollback()
            sweeps.remove_orphans(shard)


def test_bytes_that_no_row_tells_of_go_after_thirty_days_and_no_others(
    app: Flask, street: factories.Street, phone: PhotoPhone
) -> None:
    body, ownerless = a_photo(), a_photo()
    phone.put(body)
    tick(app, "photos.sizes")
    other = storage.make_key("310107991", name_of(ownerless))
    with store_of(app) as store:
        store.put(other, ownerless)
        store.put(storage.size_key(other, "small"), ownerless)
    sweep_store(app, clock.now())
    assert len(kept(app, ownerless)) == 2
    sweep_store(app, clock.now() + sweeps.ORPHANS_KEPT)
    assert kept(app, ownerless) == []
    assert len(kept(app, body)) == 3


def test_a_store_of_another_database_is_left_alone(
    app: Flask, street: factories.Street, caplog: pytest.LogCaptureFixture
) -> None:
    body = a_photo()
    with store_of(app) as store:
        keys = [storage.make_key(street.code, name_of(body)) for _ in range(sweeps.SUSPICIOUS + 1)]
        for key in keys:
            store.put(key, b"x")
    sweep_store(app, clock.now() + sweeps.ORPHANS_KEPT)
    assert len(kept(app, body)) == len(keys)
    assert "belong to another database" in caplog.text
    with store_of(app) as store:
        for key in keys:
            store.delete(key)


def test_every_part_of_the_store_has_its_turn_within_a_day() -> None:
    steps = range(int(timedelta(days=1).total_seconds() / sweeps.SHARD_EVERY_S))
    turns = {int(n * sweeps.SHARD_EVERY_S // sweeps.SHARD_EVERY_S) % storage.SHARDS for n in steps}
    assert turns == set(range(storage.SHARDS))
