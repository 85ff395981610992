"""A photo and what names it come in any order, are compared once both are there, and are shown honestly."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import Connection, text

from app.core import clock
from app.core.extensions import db
from app.core.ids import uuid7
from app.core.problems import Problem
from app.media import queries, service, sizes, storage, sweeps
from app.media.service import Claim
from app.media.serving import photo_response
from app.worker import JOBS, Worker
from tests import factories
from tests.integration.photos import GOOD, PHOTOS, PhotoPhone, a_photo, kept, name_of, store_of, stored

AT = datetime(2026, 11, 16, 1, 41, 20, tzinfo=UTC)  # what GOOD says of itself
LAT, LON = 31.244417, 121.402865


@dataclass
class Case:
    """Something that names photos."""

    street: factories.Street
    used_by: UUID = field(default_factory=uuid7)
    id: UUID = field(default_factory=uuid7)

    def use(self, body: bytes, role: str = "report", now: datetime | None = None, **claim: Any) -> None:
        """Name the photo; the transaction stays open."""
        values: dict[str, Any] = {
            "ordinal": 1,
            "captured_at": AT,
            "lat": LAT,
            "lon": LON,
            "accuracy_m": 8.0,
        }
        service.use_photos(
            street_code=self.street.code,
            place_code=self.street.units[0],
            subject_kind="case",
            subject_id=self.id,
            entry_id=uuid7(),
            used_by=self.used_by,
            claims=[Claim(sha256=name_of(body), role=role, **(values | claim))],
            now=now or clock.now(),
        )

    def shown(self) -> list[dict[str, Any]]:
        """What a page would show."""
        return queries.photos_of(self.street.code, "case", [self.id])[self.id]


@pytest.fixture
def street(database: str) -> factories.Street:
    return factories.make_street()


@pytest.fixture
def phone(app: Flask, street: factories.Street) -> PhotoPhone:
    return PhotoPhone(app, street)


def use(app: Flask, case: Case, body: bytes, **more: Any) -> None:
    """Name a photo in a transaction of its own."""
    with app.app_context():
        case.use(body, **more)
        db.session.commit()


def shown(app: Flask, case: Case) -> list[dict[str, Any]]:
    with app.app_context():
        return case.shown()


def tick(app: Flask, *names: str) -> None:
    """Let a worker do some jobs once."""
    worker = Worker(app, ())
    for job in JOBS:
        if job.name in names:
            worker.tick(job)


def age(owner_db: Connection, table: str, column: str, days: float) -> None:
    owner_db.execute(text(f"update {table} set {column} = {column} - interval '{days * 24} hours'"))


# ---- in any order


@pytest.mark.parametrize("photo_first", [True, False])
def test_photo_and_report_are_joined_whichever_comes_last(
    app: Flask, street: factories.Street, phone: PhotoPhone, owner_db: Connection, photo_first: bool
) -> None:
    case, body = Case(street), a_photo((PHOTOS / "own_stall_far.jpg").read_bytes())
    if photo_first:
        phone.put(body)
    use(app, case, body)
    if not photo_first:
        (one,) = shown(app, case)
        assert (one["state"], one["doubts"], one["width"]) == ("missing", [], None)
        phone.put(body)
    (one,) = shown(app, case)
    assert {
        key: one[key] for key in ("state", "problem", "doubts", "width", "height", "role", "ordinal")
    } == {
        "state": "stored",
        "problem": None,
        "doubts": ["exif_place_far"],
        "width": 1280,
        "height": 960,
        "role": "report",
        "ordinal": 1,
    }
    assert (one["captured_at"], one["used_by"]) == (AT, case.used_by)
    kept_of_claim = owner_db.execute(
        text("select claim_lat, claim_lon, claim_accuracy_m, round(distance_m / 1000) from photo_use")
    ).one()
    assert tuple(kept_of_claim) == (None, None, None, 9)  # the distance, no longer the position
    assert owner_db.scalar(text("select used from photo")) is True


@pytest.mark.parametrize(
    ("name", "claim", "doubts"),
    [
        ("own_rubbish_gps.jpg", {}, []),
        ("own_rubbish_gps.jpg", {"lat": None, "lon": None, "accuracy_m": None}, ["no_position"]),
        ("own_ebike_lift_nogps.jpg", {"captured_at": AT + timedelta(hours=9)}, []),
        ("own_rubbish_old.jpg", {"lat": 31.2398, "lon": 121.3971}, ["exif_time_far"]),
        ("own_stall.heic", {}, ["exif_time_far", "exif_place_far"]),
        ("landscape_6.jpg", {}, []),
        ("own_truncated.jpg", {}, []),
    ],
)
def test_the_file_is_checked_against_what_the_phone_said(
    phone: PhotoPhone, name: str, claim: dict[str, Any], doubts: list[str]
) -> None:
    app, case, body = phone.app, Case(phone.street), (PHOTOS / name).read_bytes()
    use(app, case, body, **claim)
    phone.put(body)
    assert [one["doubts"] for one in shown(app, case)] == [doubts]


def test_a_refused_photo_shows_its_reason_on_the_case(
    app: Flask, street: factories.Street, phone: PhotoPhone
) -> None:
    case, body = Case(street), (PHOTOS / "own_truncated.jpg").read_bytes()
    use(app, case, body)
    assert phone.put(body).status_code == 422
    assert [(one["state"], one["problem"]) for one in shown(app, case)] == [("rejected", "photo-damaged")]


@pytest.mark.parametrize("photo_first", [True, False])
def test_a_picture_that_was_used_before_is_doubted_the_second_time_only(
    app: Flask, street: factories.Street, phone: PhotoPhone, photo_first: bool
) -> None:
    first, second, body = Case(street), Case(street), a_photo()
    if photo_first:
        phone.put(body)
    now = clock.now()
    use(app, first, body, now=now)
    use(app, second, body, now=now + timedelta(seconds=1))
    use(app, second, body, role="after", now=now + timedelta(seconds=2))
    if not photo_first:
        phone.put(body)
    assert [one["doubts"] for one in shown(app, first)] == [[]]
    assert [(one["role"], one["doubts"]) for one in shown(app, second)] == [
        ("report", ["used_before"]),
        ("after", ["used_before"]),
    ]
    with app.app_context():
        assert sorted(queries.subjects_of(street.code, name_of(body))) == sorted(
            [("case", first.id), ("case", second.id)]
        )


def test_the_same_use_again_changes_nothing(
    app: Flask, street: factories.Street, phone: PhotoPhone, owner_db: Connection
) -> None:
    case, body = Case(street), a_photo()
    phone.put(body)
    for _ in range(2):
        use(app, case, body)
    assert [one["doubts"] for one in shown(app, case)] == [[]]
    assert owner_db.scalar(text("select count(*) from photo_use")) == 1


def test_a_use_that_is_taken_back_with_its_transaction_leaves_no_trace(
    app: Flask, street: factories.Street, phone: PhotoPhone, owner_db: Connection
) -> None:
    case, body = Case(street), a_photo()
    phone.put(body)
    with app.app_context():
        case.use(body)
        db.session.rollback()
    assert shown(app, case) == []
    assert owner_db.scalar(text("select used from photo")) is False


def test_a_photo_and_a_report_of_the_very_same_moment_are_joined_by_the_worker(
    app: Flask, street: factories.Street, phone: PhotoPhone, owner_db: Connection
) -> None:
    case, body = Case(street), a_photo()
    with app.app_context():
        case.use(body)  # not committed: the upload cannot see it, nor it the upload
        uploading = threading.Thread(target=phone.put, args=[body])
        uploading.start()
        uploading.join(20)
        db.session.commit()
    assert owner_db.execute(text("select doubts from photo_use")).scalar() is None
    tick(app, "photos.join")
    assert owner_db.execute(text("select doubts from photo_use")).scalar() == []
    assert owner_db.scalar(text("select used from photo")) is True


def test_photos_of_answers_for_every_subject_in_order(
    app: Flask, street: factories.Street, phone: PhotoPhone
) -> None:
    case, other = Case(street), Case(street)
    bodies = [a_photo() for _ in range(4)]
    use(app, case, bodies[0], role="after")
    use(app, case, bodies[1], ordinal=2)
    use(app, case, bodies[2], role="before", ordinal=1)
    with app.app_context():
        found = queries.photos_of(street.code, "case", [case.id, other.id])
        assert queries.photos_of(street.code, "case", []) == {}
    assert [one["role"] for one in found[case.id]] == ["report", "before", "after"]
    assert found[other.id] == []


def test_nine_photos_are_shown_in_the_order_of_the_report(app: Flask, street: factories.Street) -> None:
    case = Case(street)
    names = [f"{n:064x}" for n in range(9, 0, -1)]
    claims = [Claim(name, "report", n, AT, None, None, None) for n, name in enumerate(names, 1)]
    with app.app_context():
        service.use_photos(
            street_code=street.code,
            place_code=street.code,
            subject_kind="case",
            subject_id=case.id,
            entry_id=uuid7(),
            used_by=case.used_by,
            claims=claims,
            now=clock.now(),
        )
        service.use_photos(
            street_code=street.code,
            place_code=street.code,
            subject_kind="case",
            subject_id=case.id,
            entry_id=uuid7(),
            used_by=case.used_by,
            claims=[],
            now=clock.now(),
        )
        assert [one["sha256"] for one in case.shown()] == names


# ---- sizes and serving


def served(app: Flask, street: factories.Street, body: bytes, size: Any = "small") -> service.Served:
    with app.app_context():
        return service.photo_for(street.code, name_of(body), size)


def not_served(app: Flask, street: factories.Street, body: bytes) -> dict[str, Any]:
    with pytest.raises(Problem) as refused:
        served(app, street, body)
    return {"slug": refused.value.kind.slug} | refused.value.members


@pytest.mark.parametrize("worker_first", [True, False])
def test_a_photo_can_be_looked_at_before_and_after_its_sizes_are_drawn(
    app: Flask, street: factories.Street, phone: PhotoPhone, owner_db: Connection, worker_first: bool
) -> None:
    body = a_photo((PHOTOS / "own_bikes_orient6.jpg").read_bytes())
    phone.put(body)
    if worker_first:
        tick(app, "photos.sizes")
        (key,) = stored(app, body)
        assert kept(app, body) == sorted([key, f"{key}.large.jpg", f"{key}.small.jpg"])
    assert owner_db.scalar(text("select state from photo")) == ("ready" if worker_first else "stored")
    for size, edge in (("large", 1280), ("small", 320)):
        picture = served(app, street, body, size)
        assert picture.content_type == "image/jpeg"
        image = Image.open(io.BytesIO(picture.body))
        assert max(image.size) == edge
        assert b"Exif" not in picture.body
        assert dict(image.getexif()) == {}


def test_a_drawn_size_that_was_lost_is_drawn_again(
    app: Flask, street: factories.Street, phone: PhotoPhone
) -> None:
    body = a_photo()
    phone.put(body)
    tick(app, "photos.sizes")
    with store_of(app) as store:
        for key in kept(app, body):
            if key.endswith(".jpg"):
                store.delete(key)
    assert served(app, street, body).body.startswith(b"\xff\xd8")


def test_what_is_not_here_says_in_which_way(app: Flask, street: factories.Street, phone: PhotoPhone) -> None:
    assert not_served(app, street, a_photo()) == {"slug": "photo-not-here", "state": "missing"}
    truncated = (PHOTOS / "own_truncated.jpg").read_bytes()
    phone.put(truncated)
    assert not_served(app, street, truncated) == {
        "slug": "photo-not-here",
        "state": "rejected",
        "problem": "photo-damaged",
    }
    lost = a_photo()
    phone.put(lost)
    with store_of(app) as store:
        store.delete(stored(app, lost)[0])
    assert not_served(app, street, lost) == {"slug": "photo-not-here", "state": "missing"}


def test_the_answer_with_a_photo_can_be_kept_by_the_browser_alone_and_not_guessed_at(
    app: Flask, street: factories.Street, phone: PhotoPhone
) -> None:
    body = a_photo()
    phone.put(body)
    picture = served(app, street, body)
    with app.test_request_context():
        answer = photo_response(picture)
        assert (answer.status_code, answer.get_data()) == (200, picture.body)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == "inline"
    assert answer.headers["Cache-Control"].startswith("private, ")
    with app.test_request_context(headers={"If-None-Match": answer.headers["ETag"]}):
        assert photo_response(picture).status_code == 304


ROTTEN = GOOD[: len(GOOD) // 2] + b"\xff\xc4" * 40 + GOOD[len(GOOD) // 2 + 80 :]


def test_a_photo_that_cannot_be_decoded_after_all_is_refused_later_with_its_reason(
    app: Flask, street: factories.Street, phone: PhotoPhone, owner_db: Connection
) -> None:
    case, body = Case(street), a_photo(ROTTEN)
    assert phone.put(body).json["state"] == "stored"
    use(app, case, body)
    tick(app, "photos.sizes")
    assert [(one["state"], one["problem"]) for one in shown(app, case)] == [("rejected", "photo-damaged")]
    assert phone.put(body).status_code == 422
    assert owner_db.execute(
        text("select actor_kind, data from ledger_row where action = 'photo.rejected'")
    ).one() == ("worker", {"problem": "photo-damaged"})


def test_a_worker_that_is_killed_while_drawing_leaves_the_photo_to_the_next(
    app: Flask, phone: PhotoPhone, owner_db: Connection
) -> None:
    now = clock.now() + timedelta(seconds=1)
    phone.put(a_photo())
    with app.app_context():
        (lent,) = sizes.borrow(now)
        db.session.commit()
        assert sizes.borrow(now) == []  # then it is killed
        later = now + sizes.LENT_FOR
        (again,) = sizes.borrow(later)
        assert (again.sha256, again.tries) == (lent.sha256, 2)
        sizes.note([sizes.draw(again)], later)
        db.session.commit()
        sizes.note([sizes.Drawn(lent, "photo-damaged")], later)  # the first one was only slow
        db.session.commit()
    assert owner_db.scalar(text("select state from photo")) == "ready"


def test_a_picture_that_ended_many_workers_is_given_up(
    app: Flask, phone: PhotoPhone, owner_db: Connection
) -> None:
    phone.put(a_photo())
    owner_db.execute(text(f"update photo set sizes_tries = {sizes.MAX_TRIES}"))
    tick(app, "photos.sizes")
    assert owner_db.execute(text("select state, problem from photo")).one() == ("rejected", "photo-damaged")


def test_two_workers_never_draw_the_same_photo_at_once(app: Flask, phone: PhotoPhone) -> None:
    for _ in range(3):
        phone.put(a_photo())
    now = clock.now() + timedelta(seconds=1)
    with app.app_context():
        first = sizes.borrow(now)  # not committed yet
        got: list[sizes.Lent] = []

        def other() -> None:
            with app.app_context():
                got.extend(sizes.borrow(now))
                db.session.rollback()

        second = threading.Thread(target=other)
        second.start()
        second.join(20)
        db.session.rollback()
    assert (len(first), got) == (3, [])


def test_while_the_store_is_away_photos_wait_and_are_not_given_up(
    app: Flask, phone: PhotoPhone, owner_db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.put(a_photo())

    def away(_self: storage.Folder, _key: str) -> bytes:
        raise storage.StoreError("away")

    with monkeypatch.context() as patched:
        patched.setattr(storage.Folder, "get", away)
        for _ in range(sizes.MAX_TRIES + 2):
            owner_db.execute(text("update photo set sizes_due_at = now() - interval '1 second'"))
            tick(app, "photos.sizes")
    waiting = text("select state, sizes_tries, sizes_due_at > now() as rests from photo")
    assert tuple(owner_db.execute(waiting).one()) == ("stored", 0, True)
    owner_db.execute(text("update photo set sizes_due_at = now() - interval '1 second'"))
    tick(app, "photos.sizes")
    assert owner_db.scalar(text("select state from photo")) == "ready"


def test_bytes_that_the_store_has_lost_may_come_again(
    app: Flask, street: factories.Street, phone: PhotoPhone, owner_db: Connection
) -> None:
    case, body = Case(street), a_photo()
    phone.put(body)
    use(app, case, body)
    with store_of(app) as store:
        store.delete(stored(app, body)[0])
    tick(app, "photos.sizes")
    assert [one["state"] for one in shown(app, case)] == ["missing"]
    assert owner_db.scalar(text("select count(*) from ledger_row where action = 'photo.lost'")) == 1
    assert phone.put(body).json["state"] == "stored"
    assert [one["state"] for one in shown(app, case)] == ["stored"]


# ---- sweeps


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
