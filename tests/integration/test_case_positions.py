"""What the server keeps of where people were when they said something about a case."""

from __future__ import annotations

import pytest

from app.core import clock
from tests import factories
from tests.integration.case_street import CaseStreet, Person, fix, photo


@pytest.fixture
def street(app) -> CaseStreet:
    return CaseStreet(app)


def payload(street: CaseStreet, entry_id: str) -> str | None:
    (row,) = street.sql("select payload from log_entry where id = :id", id=entry_id)
    return row.payload


@pytest.fixture
def walker(street: CaseStreet) -> Person:
    """A patroller who is not on duty."""
    user = factories.make_user("patroller", street.street.units[0], "walker")
    return Person(street, user, phone=True)


def test_of_a_report_off_duty_only_the_hash_stays_and_the_case_stands(street, walker):
    case = walker.file(address="枣阳路 7 号")
    assert payload(street, case) is None
    seen = walker.case(case)
    assert (seen["state"], seen["address"]) == ("dispatched", "枣阳路 7 号")
    assert (seen["lat"], seen["lon"]) == pytest.approx((factories.LAT, factories.LON))


def test_of_a_report_on_duty_the_text_stays(street):
    assert "枣阳路" in (payload(street, street.patrol.file()) or "")


def test_a_report_without_any_position_of_the_person_stays_off_duty_too(street, walker):
    pin = {"lat": factories.LAT, "lon": factories.LON, "datum": "wgs84"}
    case = walker.file(fix=None, pin=pin)
    assert payload(street, case) is not None


def test_positions_of_photos_count_as_well(street, walker):
    now = clock.now()
    shot = photo("before", now) | {"fix": fix(now)}
    case = walker.file(fix=None, photos=[shot])
    assert payload(street, case) is None


def test_an_arrival_off_duty_is_graded_and_its_position_is_not_kept(street):
    case = street.patrol.file()
    street.desk.ask(f"{case}/dispatch", {"owner_id": str(street.owner.id)})  # who is not on duty
    street.owner.about("case_accepted", case)
    there = street.owner.about("case_arrived", case, fix=fix(clock.now()))
    assert (there["status"], "off_duty" in there["reasons"]) == ("applied", True)
    assert payload(street, there["id"]) is None
    assert street.owner.case(case)["state"] == "on_scene"


def test_an_arrival_on_duty_keeps_its_text(street):
    case = street.patrol.file()
    street.handler.about("case_accepted", case)
    there = street.handler.about("case_arrived", case, fix=fix(clock.now()))
    assert payload(street, there["id"]) is not None
