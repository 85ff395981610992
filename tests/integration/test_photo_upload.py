"""A photo comes in whole or in parts, twice, late, half, or from two phones at once, and is kept once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from app.core.extensions import db
from app.core.transactions import end_reading
from app.media import intake, parts, storage
from app.media.intake import MAX_PHOTO_BYTES
from app.media.parts import MAX_PART_BYTES
from tests import factories
from tests.integration.photos import GOOD, PHOTOS, PhotoPhone, a_photo, name_of, problem, store_of, stored

ROOT = Path(__file__).resolve().parents[2]
LARGE = GOOD + bytes(2 * 1024 * 1024)  # a phone may hang a film behind its photo


def count(owner_db: Connection, table: str) -> int:
    return int(owner_db.scalar(text(f"select count(*) from {table}")) or 0)


def answers_of(calls: list[Callable[[], object]]) -> None:
    """Do all *calls* at once."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


# ---- whole


def test_a_photo_sent_twice_is_kept_once_with_the_same_answer(
    app: Flask, phone: PhotoPhone, owner_db: Connection
) -> None:
    body = a_photo()
    answers = [phone.put(body) for _ in range(2)]
    told = {"state": "stored", "received": len(body), "problem": None}
    assert [(a.status_code, a.json) for a in answers] == [(200, told)] * 2
    assert phone.state(body) == told
    (key,) = stored(app, body)
    with store_of(app) as store:
        assert store.get(key) == body
    rows = owner_db.execute(text("select state, format, width, height, camera, uploaded_by from photo")).all()
    assert [tuple(row) for row in rows] == [
        ("stored", "jpeg", 1280, 960, "OwnDemo Demo Phone", phone.user.id)
    ]
    actions = owner_db.scalars(text("select action from ledger_row where subject_kind = 'photo'")).all()
    assert actions == ["photo.stored"]


@pytest.mark.parametrize(
    "name", ["landscape_6.jpg", "own_bikes_orient6.jpg", "own_ebike_lift_nogps.jpg", "own_stall.heic"]
)
def test_every_real_photo_is_taken_whatever_its_header_says(phone: PhotoPhone, name: str) -> None:
    answer = phone.put((PHOTOS / name).read_bytes(), **{"Content-Type": "image/png"})
    assert (answer.status_code, answer.json["state"]) == (200, "stored")


def test_two_phones_that_bring_the_same_photo_at_once_get_the_same_answer(
    app: Flask, street: factories.Street, owner_db: Connection
) -> None:
    body = a_photo()
    phones = [PhotoPhone(app, street) for _ in range(4)]
    got: list[tuple[int, object]] = []

    def bring(by: PhotoPhone) -> None:
        answer = by.put(body)
        got.append((answer.status_code, answer.json))

    answers_of([lambda by=by: bring(by) for by in phones])
    assert got == [(200, {"state": "stored", "received": len(body), "problem": None})] * 4
    row = owner_db.execute(text("select storage_key from photo")).one()
    assert row.storage_key in stored(app, body)
    assert count(owner_db, "ledger_row where action = 'photo.stored'") == 1


def test_two_streets_keep_their_own_copies(app: Flask, phone: PhotoPhone, owner_db: Connection) -> None:
    body = a_photo()
    elsewhere = PhotoPhone(app, factories.make_street("310107991", west=121.43))
    phone.put(body)
    assert elsewhere.state(body)["state"] == "missing"
    elsewhere.put(body)
    assert len(stored(app, body)) == count(owner_db, "photo") == 2


@pytest.mark.parametrize("name", ["A" * 64, "g" * 64, "0" * 63 + "/", "0" * 63])
def test_a_name_that_is_no_hash_is_nothing_here(phone: PhotoPhone, name: str) -> None:
    assert problem(phone.put(GOOD, name)) == (404, "not-found")


# ---- what is refused


def test_other_bytes_than_the_name_says_are_refused_and_the_right_ones_taken_after(
    phone: PhotoPhone, owner_db: Connection
) -> None:
    body = a_photo()
    assert problem(phone.put(body[:-1] + b"x", name_of(body))) == (422, "photo-hash-mismatch")
    assert count(owner_db, "photo") == 0
    assert phone.put(body).status_code == 200


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        ((PHOTOS / "own_truncated.jpg").read_bytes(), "photo-damaged"),
        (b"<!doctype html><script>alert(1)</script>", "photo-wrong-type"),
        (b"GIF89a" + bytes(100), "photo-wrong-type"),
        (b"PK\x03\x04" + bytes(100), "photo-wrong-type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "photo-wrong-type"),
        (b"", "photo-wrong-type"),
    ],
)
def test_what_is_no_picture_is_refused_with_its_reason_each_time_and_not_kept(
    app: Flask, phone: PhotoPhone, owner_db: Connection, body: bytes, slug: str
) -> None:
    assert [problem(phone.put(body)) for _ in range(2)] == [(422, slug)] * 2
    assert phone.state(body) == {
        "state": "rejected",
        "received": len(body),
        "problem": f"/problems/{slug}",
    }
    assert owner_db.execute(text("select state, problem, storage_key from photo")).all() == [
        ("rejected", slug, None)
    ]
    assert stored(app, body) == []
    assert owner_db.scalar(text("select data from ledger_row where action = 'photo.rejected'")) == {
        "problem": slug
    }


def test_eight_megabytes_are_taken_and_no_more(phone: PhotoPhone) -> None:
    fits = a_photo() + bytes(MAX_PHOTO_BYTES)
    assert phone.put(fits[:MAX_PHOTO_BYTES]).status_code == 200
    assert problem(phone.put(fits[: MAX_PHOTO_BYTES + 1])) == (413, "too-large")


def test_elsewhere_the_limit_of_bodies_is_as_it_was(phone: PhotoPhone) -> None:
    answer = phone.client.post(
        "/api/v1/sync",
        data=b" " * (4 * 1024 * 1024 + 1),
        headers=phone.headers,
        content_type="application/json",
    )
    assert problem(answer) == (413, "too-large")


def test_a_body_that_says_it_is_something_else_is_not_read(phone: PhotoPhone) -> None:
    assert problem(phone.put(GOOD, **{"Content-Type": "text/html"})) == (415, "unsupported-media")


# ---- in parts


def test_an_upload_that_was_cut_goes_on_from_where_it_was(
    app: Flask, phone: PhotoPhone, owner_db: Connection
) -> None:
    body = a_photo()
    assert phone.state(body) == {"state": "missing", "received": 0, "problem": None}
    first = phone.part(body, 0, 29_999)
    assert (first.status_code, first.json) == (202, {"state": "missing", "received": 30_000, "problem": None})
    received = phone.state(body)["received"]
    assert received == 30_000
    last = phone.part(body, received, len(body) - 1)
    assert (last.status_code, last.json["state"]) == (200, "stored")
    (key,) = stored(app, body)
    with store_of(app) as store:
        assert store.get(key) == body
    assert count(owner_db, "photo_part") == 0


def test_parts_may_come_twice_overlapping_and_in_any_order(app: Flask, phone: PhotoPhone) -> None:
    body = a_photo()
    end = len(body) - 1
    for first, last, received in ((50_000, end, 0), (0, 999, 1000), (0, 999, 1000), (20_000, 60_000, 1000)):
        assert phone.part(body, first, last).json["received"] == received
    assert phone.part(body, 500, 30_000).json["state"] == "stored"
    (key,) = stored(app, body)
    with store_of(app) as store:
        assert store.get(key) == body


def test_a_large_photo_comes_in_parts_through_any_process(app: Flask, phone: PhotoPhone) -> None:
    """Nothing is kept in a process: between two parts the next one may take over."""
    body = LARGE + os.urandom(8)
    for first in range(0, len(body), MAX_PART_BYTES):
        last = min(first + MAX_PART_BYTES, len(body)) - 1
        answer = phone.part(body, first, last)
        assert answer.status_code == (200 if last == len(body) - 1 else 202)
        phone.client = app.test_client()
    assert phone.state(body)["state"] == "stored"


def test_the_last_two_parts_at_once_complete_it(phone: PhotoPhone) -> None:
    second = phone.again()

    def bring(body: bytes) -> list[str]:
        got: list[str] = []
        half = len(body) // 2
        answers_of(
            [
                lambda: got.append(phone.part(body, 0, half).json["state"]),
                lambda: got.append(second.part(body, half + 1, len(body) - 1).json["state"]),
            ]
        )
        return sorted(got)

    for _ in range(10):
        body = a_photo()
        assert bring(body) == ["missing", "stored"]
        assert phone.state(body)["state"] == "stored"


def test_parts_that_together_are_something_else_are_dropped_and_it_begins_anew(
    phone: PhotoPhone, owner_db: Connection
) -> None:
    body = a_photo()
    bent = bytes(10) + body[10:]
    phone.put(bent[:40_000], name_of(body), **{"Content-Range": f"bytes 0-39999/{len(body)}"})
    assert problem(phone.part(body, 40_000, len(body) - 1)) == (422, "photo-hash-mismatch")
    assert phone.state(body)["received"] == count(owner_db, "photo_part") == 0
    assert phone.put(body).status_code == 200


def test_nobody_can_spoil_the_parts_of_another(
    app: Flask, phone: PhotoPhone, street: factories.Street
) -> None:
    body, spoiler = a_photo(), PhotoPhone(app, street)
    phone.part(body, 0, 39_999)
    spoiler.put(bytes(40_000), name_of(body), **{"Content-Range": f"bytes 0-39999/{len(body)}"})
    assert spoiler.state(body)["received"] == 40_000
    assert phone.part(body, 40_000, len(body) - 1).json["state"] == "stored"


def test_another_total_begins_the_photo_anew(phone: PhotoPhone, owner_db: Connection) -> None:
    body = a_photo()
    phone.part(body, 0, 9_999, total=len(body) + 5)
    assert phone.part(body, 10_000, 19_999).json["received"] == 0
    assert count(owner_db, "photo_part") == 1
    phone.part(body, 0, 9_999, total=len(body) + 5)
    assert phone.part(body, 0, len(body) - 1).json["state"] == "stored"  # one part that is the whole


def test_endless_tiny_parts_do_not_fill_the_table(phone: PhotoPhone, owner_db: Connection) -> None:
    body = a_photo()
    for at in range(parts.MAX_PARTS + 5):
        assert phone.part(body, 2 * at, 2 * at).status_code == 202
    assert count(owner_db, "photo_part") <= parts.MAX_PARTS
    assert phone.put(body).status_code == 200
    assert count(owner_db, "photo_part") == 0


@pytest.mark.parametrize(
    "said",
    [
        "bytes 0-9/5",
        "bytes 5-4/100",
        "bytes 0-99999999/99999999",
        "bytes */100",
        "bytes 0-8/100",
        "bytes 0-10/100",
        "octets 0-9/100",
        "bytes 0-9/*",
        "bytes -9/100",
        "",
    ],
)
def test_a_part_that_does_not_fit_what_is_said_of_it_is_refused(phone: PhotoPhone, said: str) -> None:
    answer = phone.put(b"0123456789", name_of(GOOD), **{"Content-Range": said})
    assert problem(answer) == (422, "photo-part-wrong")


def test_a_part_is_at_most_one_megabyte(phone: PhotoPhone) -> None:
    assert problem(phone.part(LARGE, 0, MAX_PART_BYTES)) == (422, "photo-part-wrong")


# ---- faults


def test_while_the_store_is_away_the_phone_is_told_to_come_again_and_nothing_is_half_done(
    app: Flask, phone: PhotoPhone, owner_db: Connection, tmp_path: Path
) -> None:
    settings = app.config["SETTINGS"]
    (tmp_path / "full").write_text("a file where the folder should be")
    body = a_photo()
    half = len(body) // 2
    assert phone.part(body, 0, half - 1).status_code == 202
    app.config["SETTINGS"] = replace(settings, photos=replace(settings.photos, folder=str(tmp_path / "full")))
    try:
        answer = phone.part(body, half, len(body) - 1)
    finally:
        app.config["SETTINGS"] = settings
    assert (*problem(answer), answer.headers["Retry-After"]) == (503, "photo-store-away", "10")
    assert count(owner_db, "photo") == 0
    assert phone.state(body)["received"] == half
    assert phone.part(body, half, len(body) - 1).status_code == 200


KILLED = """
import os, sys
from app.media import storage
from app.wiring import create_app

really = storage.Folder.put
def put(self, key, data):
    really(self, key, data)
    os.kill(os.getpid(), 9)

storage.Folder.put = put
headers = {"Authorization": sys.argv[2], "Content-Type": "image/jpeg"}
create_app().test_client().put("/api/v1/photos/" + sys.argv[1], data=sys.stdin.buffer.read(), headers=headers)
"""


def test_a_process_killed_between_store_and_row_leaves_nothing_that_shows(
    app: Flask, phone: PhotoPhone, owner_db: Connection
) -> None:
    settings = app.config["SETTINGS"]
    body = a_photo()
    environ = os.environ | {
        "IRONFEET_MODE": "testing",
        "DATABASE_URL": settings.database_url.replace("+psycopg", ""),
        "PHOTO_DIR": settings.photos.folder,
    }
    command = [sys.executable, "-c", KILLED, name_of(body), phone.headers["Authorization"]]
    ran = subprocess.run(command, input=body, cwd=ROOT, env=environ, capture_output=True, timeout=60)
    assert ran.returncode == -9, ran.stderr.decode()
    assert len(stored(app, body)) == 1
    assert count(owner_db, "photo") == 0
    assert phone.state(body)["state"] == "missing"
    assert phone.put(body).json["state"] == "stored"
    (key,) = owner_db.scalars(text("select storage_key from photo")).all()
    assert len(stored(app, body)) == 2  # the first one goes as an orphan
    with store_of(app) as store:
        assert store.get(key) == body


def test_no_transaction_is_open_while_the_store_is_waited_for(
    app: Flask, phone: PhotoPhone, owner_db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    really = storage.Folder.put

    def put(self: storage.Folder, key: str, data: bytes) -> None:
        open_ones = (
            "pg_stat_activity where datname = current_database() and state like 'idle in transaction%'"
        )
        seen.append(count(owner_db, open_ones))
        really(self, key, data)

    monkeypatch.setattr(storage.Folder, "put", put)
    body = a_photo()
    phone.part(body, 0, 9)
    assert phone.part(body, 10, len(body) - 1).status_code == 200
    assert phone.put(a_photo()).status_code == 200
    assert seen == [0, 0]


def test_what_was_written_is_never_thrown_away_before_work_outside(app: Flask) -> None:
    with app.app_context():
        end_reading()
        db.session.execute(text("select 1"))
        end_reading()
        assert not db.session().in_transaction()
        db.session.execute(text("delete from photo_part"))
        end_reading()  # nothing was there to delete
        db.session.execute(text("insert into worker_heartbeat values ('x', now())"))
        with pytest.raises(RuntimeError, match="written before"):
            end_reading()
        db.session.rollback()


def test_a_lost_database_is_a_503_and_the_photo_can_come_again(
    app: Flask, phone: PhotoPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = a_photo()

    def record(*_told: object, **_facts: object) -> None:
        raise OperationalError("lost", None, Exception("lost"))

    with monkeypatch.context() as patched:
        patched.setattr(intake.ledger, "record", record)
        assert problem(phone.put(body)) == (503, "unavailable")
    assert phone.put(body).json["state"] == "stored"
