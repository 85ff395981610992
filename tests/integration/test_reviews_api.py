"""A supervisor decides doubtful check-ins of their own area, page by page, never their own."""

from __future__ import annotations

from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from app.core import clock, geo
from app.core.ids import uuid7
from app.evidence.models import Answer
from tests import factories
from tests.integration.test_board import Day, add_check_in, day, signed_in  # noqa: F401 - a fixture

NOTE = "照片与点位相符"


@pytest.fixture
def supervisor(client: FlaskClient, day: Day) -> dict[str, str]:  # noqa: F811
    """Headers of the supervisor of P1."""
    return signed_in(client, "supervisor", day.street.areas[0])


def pending(day: Day, **columns: object) -> UUID:  # noqa: F811
    """A doubtful check-in in P1 that waits for a decision."""
    columns = {"grade": "doubtful", "review_state": "pending"} | columns
    return add_check_in(day.walked, day.walker, 1, **columns)


def decision(verdict: str = "accepted", note: str = NOTE) -> dict[str, str]:
    """A decision as the console sends it."""
    return {"id": str(uuid7()), "decision": verdict, "note": note}


def pages(client: FlaskClient, headers: dict[str, str], query: str) -> list[str]:
    """The ids of all pages of a queue."""
    seen: list[str] = []
    cursor = None
    while True:
        address = f"/api/v1/reviews?{query}" + (f"&cursor={cursor}" if cursor else "")
        answer = client.get(address, headers=headers)
        assert answer.status_code == 200, answer.text
        seen += [item["proof_id"] for item in answer.json["items"]]
        cursor = answer.json["next_cursor"]
        if cursor is None:
            return seen


def test_the_queue_is_complete_in_order_and_stays_inside_the_area(
    client: FlaskClient,
    day: Day,  # noqa: F811
    supervisor: dict[str, str],
) -> None:
    mine = [str(pending(day)) for _ in range(5)]
    answered = str(pending(day, review_state="answered"))
    decided = [str(pending(day, review_state=state)) for state in ("accepted", "rejected")]
    pending(day, grade="verified", review_state="none")
    far = str(add_check_in(day.elsewhere, day.walker, 1, grade="doubtful", review_state="pending"))
    assert pages(client, supervisor, "limit=2") == [*mine, answered]
    assert pages(client, supervisor, "state=decided&limit=1") == decided[::-1]
    leader = signed_in(client, "leader", day.street.code)
    assert set(pages(client, leader, "limit=3")) == {*mine, answered, far}
    assert pages(client, leader, f"place={day.street.units[1]}") == [far]
    for broken in ("x", "WyJub25lIl0", "WzFd"):
        assert client.get(f"/api/v1/reviews?cursor={broken}", headers=supervisor).status_code == 400


def test_a_position_is_shown_in_wgs84(
    client: FlaskClient,
    day: Day,  # noqa: F811
    supervisor: dict[str, str],
) -> None:
    lat, lon = geo.wgs84_to_gcj02(factories.LAT, factories.LON)
    pending(day, lat=lat, lon=lon, datum="gcj02")
    pending(day, lat=None, lon=None, datum=None, accuracy_m=None, distance_m=None, fixed_at=None)
    shown, without = client.get("/api/v1/reviews", headers=supervisor).json["items"]
    assert geo.distance_m(shown["lat"], shown["lon"], factories.LAT, factories.LON) < 0.01
    assert (without["lat"], without["lon"], without["fixed_at"]) == (None, None, None)


def test_a_decision_is_stored_once_and_told(
    client: FlaskClient,
    day: Day,  # noqa: F811
    owner_db: Connection,
) -> None:
    person = factories.make_user("supervisor", day.street.areas[0])
    headers = factories.sign_in(client, person.username)
    proof_id = pending(day)
    body = decision("rejected")
    path = f"/api/v1/reviews/{proof_id}/decisions"
    first = client.post(path, json=body, headers=headers)
    assert first.status_code == 201, first.text
    assert first.json["review_state"] == "rejected"
    (review,) = first.json["reviews"]
    assert (review["ordinal"], review["decision"], review["note"]) == (1, "rejected", NOTE)
    assert review["decided_by"] == person.display_name
    assert client.post(path, json=body, headers=headers).json == first.json
    assert client.post(path, json=body | {"decision": "accepted"}, headers=headers).status_code == 409
    assert client.post(path, json=decision(), headers=headers).status_code == 409
    (row,) = owner_db.execute(text("select * from ledger_row where action = 'review.decided'")).all()
    assert row.actor_id == person.id
    assert NOTE not in str(row.data), "free text does not belong into a ledger that is kept for ever"


def test_an_answer_opens_the_second_and_last_decision(
    client: FlaskClient,
    day: Day,  # noqa: F811
    supervisor: dict[str, str],
    owner_db: Connection,
) -> None:
    proof_id = pending(day)
    path = f"/api/v1/reviews/{proof_id}/decisions"
    assert client.post(path, json=decision("rejected"), headers=supervisor).status_code == 201
    with factories.writing() as session:
        session.add(
            Answer(
                street_code=day.street.code,
                proof_id=proof_id,
                entry_id=uuid7(),
                text="门锁着，我在院外",
                answered_at=clock.now(),
                received_at=clock.now(),
            )
        )
    owner_db.execute(text("update proof set review_state = 'answered' where id = :id"), {"id": proof_id})
    (item,) = client.get("/api/v1/reviews", headers=supervisor).json["items"]
    assert item["answer"]["text"] == "门锁着，我在院外"
    second = client.post(path, json=decision("accepted"), headers=supervisor)
    assert second.status_code == 201, second.text
    assert [review["ordinal"] for review in second.json["reviews"]] == [1, 2]
    assert client.post(path, json=decision(), headers=supervisor).status_code == 409


def test_nobody_decides_their_own_or_anothers_area(
    client: FlaskClient,
    day: Day,  # noqa: F811
    supervisor: dict[str, str],
) -> None:
    walking = factories.make_user("supervisor", day.street.areas[0])
    own = add_check_in(day.walked, walking, 1, grade="doubtful", review_state="pending")
    headers = factories.sign_in(client, walking.username)
    assert (
        client.post(f"/api/v1/reviews/{own}/decisions", json=decision(), headers=headers).status_code == 403
    )
    far = add_check_in(day.elsewhere, day.walker, 1, grade="doubtful", review_state="pending")
    for proof_id in (far, uuid7()):
        path = f"/api/v1/reviews/{proof_id}/decisions"
        assert client.post(path, json=decision(), headers=supervisor).status_code == 404
    leader = signed_in(client, "leader", day.street.code)
    path = f"/api/v1/reviews/{own}/decisions"
    assert client.post(path, json=decision(), headers=leader).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"note": ""},
        {"note": "x"},
        {"note": "长" * 501},
        {"note": "a\x00b"},
        {"decision": "maybe"},
        {"id": "7"},
        {"extra": 1},
    ],
)
def test_bad_decisions_are_refused(
    client: FlaskClient,
    day: Day,  # noqa: F811
    supervisor: dict[str, str],
    body: dict[str, object],
) -> None:
    path = f"/api/v1/reviews/{pending(day)}/decisions"
    answer = client.post(path, json=decision() | body, headers=supervisor)
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
