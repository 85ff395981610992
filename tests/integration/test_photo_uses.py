"""A photo and what names it come in any order and are compared once both are there."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from app.core import clock
from app.core.extensions import db
from app.core.ids import uuid7
from app.media import queries, service
from app.media.service import Claim
from tests import factories
from tests.integration.photo_case import AT, Case, shown, tick, use
from tests.integration.photos import PHOTOS, PhotoPhone, a_photo, name_of


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
