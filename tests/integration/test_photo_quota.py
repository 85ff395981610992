"""Nobody fills the store with photos that no report names; a report's own photos are never kept out by it."""

from __future__ import annotations

import pytest
from flask import Flask

from app.media import intake
from tests import factories
from tests.integration.photo_case import Case, use
from tests.integration.photos import PhotoPhone, a_photo, problem

TOO_MANY = (429, "photo-too-many-unnamed")


@pytest.fixture
def phone(app: Flask, database: str, monkeypatch: pytest.MonkeyPatch) -> PhotoPhone:
    """A phone that may bring three photos that nothing names."""
    monkeypatch.setattr(intake, "MAX_UNNAMED", 3)
    return PhotoPhone(app, factories.make_street())


def test_a_photo_too_many_is_refused_for_now_whole_and_in_parts(phone: PhotoPhone) -> None:
    bodies = [a_photo() for _ in range(3)]
    for body in bodies:
        assert phone.put(body).status_code == 200
    late = a_photo()
    for answer in (phone.put(late), phone.part(late, 0, 99)):
        assert (*problem(answer), answer.headers["Retry-After"]) == (*TOO_MANY, "300")
    assert phone.state(late) == {"state": "missing", "received": 0, "problem": None}
    assert [phone.put(body).status_code for body in bodies] == [200, 200, 200]  # they are here already
    assert PhotoPhone(phone.app, phone.street).put(late).status_code == 200  # somebody else is not meant


def test_photos_begun_count_and_can_be_brought_to_an_end(phone: PhotoPhone) -> None:
    begun = [a_photo() for _ in range(3)]
    for body in begun:
        assert phone.part(body, 0, 99).status_code == 202
    assert problem(phone.part(a_photo(), 0, 99)) == TOO_MANY
    for body in begun:
        assert phone.part(body, 100, len(body) - 1).status_code == 200
    assert problem(phone.put(a_photo())) == TOO_MANY


def test_what_a_report_names_is_always_taken_and_counts_no_longer(phone: PhotoPhone) -> None:
    case = Case(phone.street, phone.user.id)
    bodies = [a_photo() for _ in range(3)]
    for body in bodies:
        phone.put(body)
    named = a_photo()
    use(phone.app, case, named)
    assert phone.put(named).json["state"] == "stored"
    late = a_photo()
    assert problem(phone.put(late)) == TOO_MANY
    use(phone.app, case, bodies[0], ordinal=2)
    assert phone.put(late).json["state"] == "stored"
