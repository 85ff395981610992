"""Where a point is, which checkpoints there are, and tags that are right, wrong, revoked or forged."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reportlab.graphics.barcode.qr import QrCodeWidget
from sqlalchemy import Connection, text
from sqlalchemy.orm import scoped_session

from app.core.geo import wgs84_to_gcj02
from app.core.ids import uuid7
from app.places import queries, service, sheet
from app.places.models import Checkpoint
from tests import factories
from tests.factories import LAT, LON, Street

EDGE = 121.405  # between communities 001 and 002 of the first unit
DEGREE_M = 111_320.0 * 0.855  # of longitude at this latitude


@pytest.fixture
def street(database: str) -> Street:
    return factories.make_street()


def located(client: FlaskClient, headers: dict[str, str], lat: float, lon: float, **more: Any) -> Any:
    answer = client.get(
        "/api/v1/places/locate", query_string={"lat": lat, "lon": lon, **more}, headers=headers
    )
    assert answer.status_code == 200, answer.text
    return answer.json


def test_a_point_is_inside_unclear_or_outside(client: FlaskClient, street: Street) -> None:
    factories.make_user("patroller", street.units[0], "walker")
    headers = factories.sign_in(client, "walker")
    inside = located(client, headers, LAT, LON, accuracy_m=30)
    assert inside["state"] == "inside"
    assert inside["unit_code"] == street.units[0]
    assert inside["community_code"] == street.communities[0]
    unclear = located(client, headers, LAT, EDGE - 20 / DEGREE_M, accuracy_m=30)
    assert unclear["state"] == "unclear"
    assert unclear["unit_code"] == street.units[0]
    assert unclear["community_code"] is None
    assert unclear["candidates"] == [street.units[0], street.communities[0], street.communities[1]]
    assert located(client, headers, LAT, 121.399, accuracy_m=30) == {
        "state": "outside",
        "unit_code": None,
        "community_code": None,
        "candidates": [],
    }
    assert located(client, headers, LAT, 121.399, accuracy_m=200)["state"] == "unclear"


def test_the_datum_counts(client: FlaskClient, street: Street) -> None:
    factories.make_user("patroller", street.units[0], "walker")
    headers = factories.sign_in(client, "walker")
    lat, lon = wgs84_to_gcj02(LAT, LON)
    right = located(client, headers, lat, lon, accuracy_m=10, datum="gcj02")
    assert right["community_code"] == street.communities[0]
    wrong = located(client, headers, lat, lon, accuracy_m=10)
    assert wrong["community_code"] == street.communities[1]


def test_circles_around_an_edge(session: scoped_session[Any], street: Street) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.floats(0.5, 150), st.floats(0, 100), st.sampled_from([-1, 1]))
    def check(distance_m: float, accuracy_m: float, side: int) -> None:
        if abs(distance_m - accuracy_m) < 1:  # the ruler of this test is not that good
            return
        found = queries.locate(street.code, LAT, EDGE + side * distance_m / DEGREE_M, accuracy_m, "wgs84")
        own = street.communities[0 if side < 0 else 1]
        assert found.unit_code == street.units[0]
        if distance_m > accuracy_m:
            assert (found.state, found.community_code) == ("inside", own)
        else:
            assert (found.state, found.community_code) == ("unclear", None)

    check()


@pytest.mark.parametrize(
    "query", ["lat=nan&lon=1", "lat=31", "lat=31&lon=x", "lat=91&lon=1", "lat=1&lon=1&datum=mars"]
)
def test_a_bad_position_is_a_problem(client: FlaskClient, street: Street, query: str) -> None:
    factories.make_user("patroller", street.units[0], "walker")
    answer = client.get(f"/api/v1/places/locate?{query}", headers=factories.sign_in(client, "walker"))
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")


def test_the_tree_and_its_outlines(client: FlaskClient, street: Street) -> None:
    factories.make_street("310107991", west=121.5)
    factories.make_user("patroller", street.units[0], "walker")
    headers = factories.sign_in(client, "walker")
    items = client.get("/api/v1/places", headers=headers).json["items"]
    assert [item["level"] for item in items] == ["street", *["area"] * 2, *["unit"] * 2, *["community"] * 3]
    assert {item["street_code"] for item in items} == {street.code}
    outlines = client.get("/api/v1/places/outlines", headers=headers).json
    assert outlines["type"] == "FeatureCollection"
    assert [f["properties"]["code"] for f in outlines["features"]] == [item["code"] for item in items]
    assert outlines["features"][0]["geometry"]["type"] == "MultiPolygon"


def body(**changes: Any) -> dict[str, Any]:
    good = {
        "id": str(uuid7()),
        "code": "N-1",
        "name": "新点位",
        "kind": "lift",
        "radius_m": 25,
        "lat": LAT,
        "lon": LON,
    }
    return good | changes


def test_a_supervisor_adds_and_changes_checkpoints(
    client: FlaskClient, street: Street, owner_db: Connection
) -> None:
    factories.make_user("supervisor", street.areas[0], "super")
    headers = factories.sign_in(client, "super")
    wanted = body()
    made = client.post("/api/v1/checkpoints", json=wanted, headers=headers)
    assert made.status_code == 201, made.text
    assert made.json["unit_code"] == street.units[0]
    assert made.json["community_code"] == street.communities[0]
    assert client.post("/api/v1/checkpoints", json=wanted, headers=headers).json == made.json
    other = client.post("/api/v1/checkpoints", json=wanted | {"name": "别的"}, headers=headers)
    assert (other.status_code, other.json["type"]) == (409, "/problems/id-reused")
    taken = client.post("/api/v1/checkpoints", json=body(), headers=headers)
    assert (taken.status_code, taken.json["type"]) == (409, "/problems/conflict")
    patched = client.patch(
        f"/api/v1/checkpoints/{wanted['id']}", json={"lon": 121.407, "active": False}, headers=headers
    )
    assert patched.status_code == 200, patched.text
    assert (patched.json["community_code"], patched.json["active"]) == (street.communities[1], False)
    rows = owner_db.execute(
        text("select data from ledger_row where action = 'checkpoint.changed' order by id")
    ).all()
    assert [row.data.get("changed") for row in rows] == [None, ["active", "lon"]]
    assert not any("lat" in row.data or "lon" in row.data for row in rows)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"lon": 121.412}, 403),  # the other area
        ({"lon": 121.3}, 422),  # outside the street
        ({"radius_m": 4}, 422),
        ({"radius_m": 501}, 422),
        ({"radius_m": "25"}, 422),
        ({"kind": "door"}, 422),
        ({"code": "n 1"}, 422),
        ({"code": "N-1\n"}, 422),
        ({"name": "\x00"}, 422),
        ({"more": 1}, 422),
    ],
)
def test_a_checkpoint_that_may_not_be(
    client: FlaskClient, street: Street, owner_db: Connection, changes: dict[str, Any], status: int
) -> None:
    factories.make_user("supervisor", street.areas[0], "super")
    answer = client.post(
        "/api/v1/checkpoints", json=body(**changes), headers=factories.sign_in(client, "super")
    )
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json"), answer.text
    assert owner_db.execute(text("select count(*) from checkpoint")).scalar_one() == 0


def test_a_checkpoint_elsewhere_cannot_be_taken_over(client: FlaskClient, street: Street) -> None:
    theirs = factories.make_checkpoint(street, lon=121.412)
    factories.make_user("supervisor", street.areas[0], "super")
    headers = factories.sign_in(client, "super")
    answer = client.patch(f"/api/v1/checkpoints/{theirs.id}", json={"lon": LON}, headers=headers)
    assert answer.status_code == 403
    assert client.patch(f"/api/v1/checkpoints/{uuid7()}", json={}, headers=headers).status_code == 404


def test_checkpoints_are_listed_in_scope_only(client: FlaskClient, street: Street) -> None:
    mine, theirs = factories.make_checkpoint(street), factories.make_checkpoint(street, lon=121.412)
    factories.make_user("patroller", street.units[0], "walker")
    headers = factories.sign_in(client, "walker")
    items = client.get("/api/v1/checkpoints", headers=headers).json["items"]
    assert [item["id"] for item in items] == [str(mine.id)]
    narrowed = client.get(f"/api/v1/checkpoints?place={street.communities[1]}", headers=headers)
    assert narrowed.json["items"] == []
    assert client.get(f"/api/v1/checkpoints?place={street.units[1]}", headers=headers).status_code == 403
    assert theirs.unit_code == street.units[1]


def tags_of(owner_db: Connection, checkpoint: Checkpoint) -> list[Any]:
    query = text("select id, revoked_at from tag where checkpoint_id = :id order by issued_at, id")
    return list(owner_db.execute(query, {"id": checkpoint.id}))


def state(app: Flask, text_read: str | None, checkpoint_id: UUID, street: Street) -> str:
    with app.app_context():
        return service.tag_state(text_read, checkpoint_id, street.code)


def token(app: Flask, tag_id: UUID) -> str:
    with app.app_context():
        return service.tags.make_token(service.tag_key(), tag_id)


def test_a_sheet_issues_tags_and_revokes_the_old_ones(
    app: Flask, client: FlaskClient, street: Street, owner_db: Connection
) -> None:
    one, two = factories.make_checkpoint(street), factories.make_checkpoint(street, lon=121.407)
    factories.make_user("supervisor", street.areas[0], "super")
    headers = factories.sign_in(client, "super")
    wanted = {"id": str(uuid7()), "place_code": street.units[0], "lang": "zh"}
    first = client.post("/api/v1/tag-sheets", json=wanted, headers=headers)
    assert (first.status_code, first.mimetype) == (200, "application/pdf"), first.text
    assert first.data.startswith(b"%PDF")
    assert client.post("/api/v1/tag-sheets", json=wanted, headers=headers).data == first.data
    assert len(tags_of(owner_db, one)) == 1
    other = client.post("/api/v1/tag-sheets", json=wanted | {"lang": "en"}, headers=headers)
    assert (other.status_code, other.json["type"]) == (409, "/problems/id-reused")
    old = token(app, tags_of(owner_db, one)[0].id)
    assert state(app, old, one.id, street) == "right"
    assert state(app, old, two.id, street) == "wrong"
    assert state(app, old[:-2] + "xx", one.id, street) == "forged"
    assert state(app, token(app, uuid7()), one.id, street) == "forged"
    assert state(app, None, one.id, street) == "none"
    again = {"id": str(uuid7()), "checkpoint_ids": [str(one.id)], "lang": "en"}
    assert client.post("/api/v1/tag-sheets", json=again, headers=headers).status_code == 200
    assert state(app, old, one.id, street) == "revoked"
    assert [row.revoked_at is None for row in tags_of(owner_db, one)] == [False, True]
    assert [row.revoked_at is None for row in tags_of(owner_db, two)] == [True]
    issued = owner_db.execute(text("select data from ledger_row where action = 'tags.issued' order by id"))
    assert [sorted(row.data["checkpoint_ids"]) for row in issued] == [
        sorted([str(one.id), str(two.id)]),
        [str(one.id)],
    ]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 422),
        ({"place_code": "G2"}, 403),
        ({"checkpoint_ids": ["theirs"]}, 403),
        ({"checkpoint_ids": ["nobody's"]}, 404),
        ({"checkpoint_ids": []}, 422),
        ({"place_code": "P1"}, 409),  # nothing there
    ],
)
def test_a_sheet_that_may_not_be(
    client: FlaskClient, street: Street, owner_db: Connection, changes: dict[str, Any], status: int
) -> None:
    theirs = factories.make_checkpoint(street, lon=121.412)
    factories.make_user("supervisor", street.areas[0], "super")
    if "place_code" in changes:
        changes = {"place_code": {"G2": street.units[1], "P1": street.areas[0]}[changes["place_code"]]}
    if changes.get("checkpoint_ids"):
        known = {"theirs": str(theirs.id), "nobody's": str(uuid7())}
        changes = {"checkpoint_ids": [known[word] for word in changes["checkpoint_ids"]]}
    answer = client.post(
        "/api/v1/tag-sheets", json={"id": str(uuid7())} | changes, headers=factories.sign_in(client, "super")
    )
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json"), answer.text
    assert owner_db.execute(text("select count(*) from tag")).scalar_one() == 0


def test_without_a_font_the_sheet_is_refused_and_no_tag_is_revoked(
    client: FlaskClient, street: Street, owner_db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = factories.make_checkpoint(street)
    factories.make_user("supervisor", street.areas[0], "super")
    headers = factories.sign_in(client, "super")
    monkeypatch.setattr(sheet, "FONT_FILES", ("/nowhere/font.ttf",))
    wanted = {"id": str(uuid7()), "place_code": street.units[0]}
    answer = client.post("/api/v1/tag-sheets", json=wanted, headers=headers)
    assert (answer.status_code, answer.json["type"]) == (503, "/problems/sheet-unprintable")
    assert "TAG_SHEET_FONT" in answer.json["detail"]
    assert tags_of(owner_db, one) == []


def test_a_character_without_a_glyph_is_refused(street: Street) -> None:
    card = sheet.Card(("门\U0003ffff", ""), "T-1", "", ("单元", "Unit"), ("", ""), "IF1.x.y")
    with pytest.raises(sheet.SheetError, match=r"U\+3FFFF"):
        sheet.render([card], "zh", sheet.find_font(""))


def test_a_token_fits_a_code_that_a_cheap_camera_reads(app: Flask) -> None:
    widget = QrCodeWidget(token(app, uuid7()), barLevel="Q")
    widget.qr.make()
    assert widget.qr.moduleCount <= 41  # modules of at least 1 mm on the printed sheet
