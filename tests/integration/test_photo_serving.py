"""What is served of a photo, and how its sizes come about whatever happens to the worker or the store."""

from __future__ import annotations

import io
import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import Connection, text

from app.core import clock
from app.core.extensions import db
from app.core.problems import Problem
from app.media import service, sizes, storage
from app.media.serving import photo_response
from tests import factories
from tests.integration.photo_case import Case, shown, tick, use
from tests.integration.photos import GOOD, PHOTOS, PhotoPhone, a_photo, kept, name_of, store_of, stored


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
