"""The catalogue as the phone reads it."""

from __future__ import annotations

import pytest
from flask import Flask

from tests import factories
from tests.integration.matrix_office import SHOP, Office


@pytest.fixture
def office(app: Flask) -> Office:
    return Office(app)


def test_the_phone_reads_the_catalogue_once_and_then_only_asks_whether_it_changed(office: Office) -> None:
    factories.make_user("patroller", office.street.units[0], "walker")
    headers = factories.sign_in(office.app.test_client(), "walker")
    answer = office.call("GET", "/catalogue", **headers)
    assert answer.status_code == 200
    assert (answer.json["version"], len(answer.json["classes"]), len(answer.json["departments"])) == (
        1,
        178,
        21,
    )
    shop = next(one for one in answer.json["classes"] if one["key"] == SHOP)
    assert (shop["name"], shop["initials"], shop["conditions"]) == ("跨门营业", "kmyy", [])
    cover = next(one for one in answer.json["classes"] if one["key"] == "P-01001")["conditions"]
    assert (cover[1]["measure"], cover[1]["measure_unit"], cover[1]["threshold"]) == ("破损面积", "cm2", 25.0)
    tag = answer.headers["ETag"]
    again = office.call("GET", "/catalogue", **headers, **{"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    other = office.call("GET", "/catalogue", **headers, **{"If-None-Match": '"1-000000000000"'})
    assert other.status_code == 200


def test_a_street_without_a_catalogue_says_so(app: Flask) -> None:
    street = factories.make_street()
    factories.make_user("patroller", street.units[0], "walker")
    client = app.test_client()
    answer = client.get("/api/v1/catalogue", headers=factories.sign_in(client, "walker"))
    assert (answer.status_code, answer.json["type"]) == (409, "/problems/catalogue-missing")
