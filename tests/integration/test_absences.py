"""Absences: noted once, by oneself or by whoever may, and ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection

from app.core import clock
from app.core.ids import uuid7
from tests import factories
from tests.integration.matrix_office import Office, at_once, ledger


@pytest.fixture
def office(app: Flask) -> Office:
    return Office(app)


def absence(hours: float = 24, **columns: Any) -> dict[str, Any]:
    now = clock.now()
    values = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(hours=hours)).isoformat()}
    return values | columns


def test_an_absence_is_noted_once_by_oneself_or_by_the_supervisor(
    office: Office, owner_db: Connection
) -> None:
    own = factories.sign_in(office.app.test_client(), "handler-a")
    mine, theirs = uuid7(), uuid7()
    body = absence(reason="病假")
    first = office.call("PUT", f"/absences/{mine}", body, **own)
    assert (first.status_code, first.json["person"]["id"]) == (200, str(office.handler.id))
    assert office.call("PUT", f"/absences/{mine}", body, **own).json == first.json
    other = office.call("PUT", f"/absences/{mine}", body | {"reason": "事假"}, **own)
    assert (other.status_code, other.json["type"]) == (409, "/problems/id-reused")
    noted = office.call("PUT", f"/absences/{theirs}", absence(user_id=str(office.handler.id)))
    assert noted.status_code == 200, noted.text
    for headers in (own, office.headers):
        listed = office.call("GET", "/absences", **headers).json["items"]
        assert {item["id"] for item in listed} == {str(mine), str(theirs)}
    # what the ledger keeps for ever is who, not why
    assert ledger(owner_db, "absence.noted") == [{"user_id": str(office.handler.id)}] * 2


def test_nobody_notes_or_sees_the_absence_of_people_who_are_not_theirs(office: Office) -> None:
    stranger = factories.make_user("handler", office.street.areas[1], "handler-b")
    elsewhere = factories.make_street("310107991", west=121.43)
    foreign = factories.make_user("handler", elsewhere.areas[0])
    for user in (stranger, foreign):
        answer = office.call("PUT", f"/absences/{uuid7()}", absence(user_id=str(user.id)))
        assert answer.status_code == 403
    row_id = uuid7()
    own = factories.sign_in(office.app.test_client(), "handler-b")
    assert office.call("PUT", f"/absences/{row_id}", absence(), **own).status_code == 200
    assert office.call("GET", "/absences").json["items"] == []
    assert office.call("POST", f"/absences/{row_id}/end").status_code == 403
    assert office.call("POST", f"/absences/{uuid7()}/end").status_code == 404


@pytest.mark.parametrize("hours", [0, -1, 24 * 400])
def test_an_absence_ends_after_it_starts_and_within_a_year(office: Office, hours: float) -> None:
    assert office.call("PUT", f"/absences/{uuid7()}", absence(hours)).status_code == 422


def test_who_is_back_earlier_is_back(office: Office, owner_db: Connection) -> None:
    row_id = uuid7()
    office.call("PUT", f"/absences/{row_id}", absence())
    first = office.call("POST", f"/absences/{row_id}/end")
    assert datetime.fromisoformat(first.json["ends_at"]) <= clock.now()
    assert office.call("POST", f"/absences/{row_id}/end").json == first.json
    assert office.call("GET", "/absences").json["items"] == []
    assert len(ledger(owner_db, "absence.ended")) == 1


def test_an_absence_that_never_began_takes_nobody_away(office: Office) -> None:
    now = clock.now()
    row_id = uuid7()
    body = {
        "starts_at": (now + timedelta(days=1)).isoformat(),
        "ends_at": (now + timedelta(days=2)).isoformat(),
    }
    office.call("PUT", f"/absences/{row_id}", body)
    ended = office.call("POST", f"/absences/{row_id}/end").json
    assert ended["ends_at"] == ended["starts_at"]


def test_the_same_absence_sent_six_times_at_once_is_one(office: Office, owner_db: Connection) -> None:
    row_id, body = uuid7(), absence()
    answers = at_once(6, lambda _: office.call("PUT", f"/absences/{row_id}", body).status_code)
    assert answers == [200] * 6
    assert len(ledger(owner_db, "absence.noted")) == 1
