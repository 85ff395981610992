"""A supervisor sees the rounds of their own area, with honest figures, and never another area's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, event, text

from app.core import clock, geo
from app.core.extensions import db
from app.core.ids import uuid7
from app.evidence.models import LastPosition, Proof, TrackFix, TrackGap
from app.patrols.models import CheckIn, Round, StopSkip
from app.people.models import Shift, User
from tests import factories
from tests.factories import Street


@dataclass
class Day:
    """A street with a walked round in P1 and a planned one in P2."""

    street: Street
    walker: User
    walked: Round
    elsewhere: Round
    shift: Shift


def add_check_in(
    walked: Round,
    walker: User,
    ordinal: int,
    *,
    grade: str = "verified",
    review_state: str = "none",
    at: datetime | None = None,
    place_code: str | None = None,
    **columns: object,
) -> UUID:
    """A check-in with its proof, straight into the tables."""
    at = at or clock.now()
    check_in_id = uuid7()
    values = {
        "subject_kind": "check_in",
        "place_code": place_code or walked.place_code,
        "log_id": uuid7(),
        "device_id": uuid7(),
        "fixed_at": at - timedelta(seconds=3),
        "received_at": at + timedelta(seconds=5),
        "clock_skew_s": 0.5,
        "lat": factories.LAT,
        "lon": factories.LON,
        "datum": "wgs84",
        "accuracy_m": 8.0,
        "distance_m": 4.0,
        "tag_state": "none",
        "rules_version": 1,
        "reasons": [] if grade == "verified" else ["outside_radius"],
    }
    with factories.writing() as session:
        session.add(
            CheckIn(
                street_code=walked.street_code,
                id=check_in_id,
                round_id=walked.id,
                ordinal=ordinal,
                user_id=walker.id,
                note="",
                captured_at=at,
            )
        )
        session.add(
            Proof(
                street_code=walked.street_code,
                id=check_in_id,
                user_id=walker.id,
                captured_at=at,
                grade=grade,
                review_state=review_state,
                **(values | columns),
            )
        )
    return check_in_id


@pytest.fixture
def day(database: str) -> Day:
    """One day on the street."""
    street = factories.make_street()
    walker = factories.make_user("patroller", street.units[0])
    points = [factories.make_checkpoint(street) for _ in range(4)]
    walked = factories.make_round(
        street, walker, points, state="started", started_at=clock.now() - timedelta(minutes=20)
    )
    other = factories.make_user("patroller", street.units[1])
    far = factories.make_checkpoint(street, lon=121.415)
    elsewhere = factories.make_round(street, other, [far], place_code=street.units[1])
    shift = factories.make_shift(walker, street.units[0])
    with factories.writing() as session:
        for place, person, its_shift in (
            (street.units[0], walker, shift),
            (street.units[1], other, factories.make_shift(other, street.units[1])),
        ):
            assert place == its_shift.place_code
            session.add(
                LastPosition(
                    street_code=street.code,
                    user_id=person.id,
                    shift_id=its_shift.id,
                    fixed_at=clock.now(),
                    accuracy_m=6.0,
                    position=f"SRID=4326;POINT({factories.LON} {factories.LAT})",
                )
            )
    return Day(street, walker, walked, elsewhere, shift)


def signed_in(client: FlaskClient, role: str, place: str) -> dict[str, str]:
    """Headers of a new person with *role* at *place*."""
    return factories.sign_in(client, factories.make_user(role, place).username)


def test_a_supervisor_sees_their_own_area_only(client: FlaskClient, day: Day) -> None:
    add_check_in(day.walked, day.walker, 1)
    for area, mine in zip(day.street.areas, (day.walked, day.elsewhere), strict=True):
        board = client.get("/api/v1/board", headers=signed_in(client, "supervisor", area)).json
        assert [r["id"] for r in board["rounds"]] == [str(mine.id)]
        assert {c["round_id"] for c in board["check_ins"]} <= {str(mine.id)}
        assert [p["user_id"] for p in board["people"]] == [str(mine.assignee_id)]
    other = signed_in(client, "supervisor", day.street.areas[1])
    for path in ("", "/track"):
        answer = client.get(f"/api/v1/rounds/{day.walked.id}{path}", headers=other)
        assert answer.status_code == 403, answer.text


def test_figures_count_stops_not_check_ins(client: FlaskClient, day: Day) -> None:
    add_check_in(day.walked, day.walker, 1)
    add_check_in(day.walked, day.walker, 1, grade="doubtful", review_state="pending")
    add_check_in(day.walked, day.walker, 2, grade="doubtful", review_state="rejected")
    with factories.writing() as session:
        for ordinal in (1, 3):
            session.add(
                StopSkip(
                    street_code=day.street.code,
                    id=uuid7(),
                    round_id=day.walked.id,
                    ordinal=ordinal,
                    reason="locked",
                    text="",
                    captured_at=clock.now(),
                )
            )
    headers = signed_in(client, "supervisor", day.street.areas[0])
    (shown,) = client.get("/api/v1/board", headers=headers).json["rounds"]
    figures = {k: shown[k] for k in shown if k.startswith(("stops", "doubt", "pend", "late"))}
    assert figures == {
        "stops_total": 4,
        "stops_visited": 1,
        "stops_skipped": 1,
        "doubtful": 2,
        "pending_reviews": 1,
        "late": False,
    }
    detail = client.get(f"/api/v1/rounds/{day.walked.id}", headers=headers).json
    assert [len(stop["check_ins"]) for stop in detail["stops"]] == [2, 1, 0, 0]
    assert detail["stops"][2]["skip"] == {"reason": "locked", "text": ""}
    assert detail["stops"][0]["check_ins"][0]["fix_age_s"] == 3.0


def test_positions_are_for_those_who_may_read_tracks(client: FlaskClient, day: Day) -> None:
    """A dispatcher sees rounds but nobody's position; a leader sees both."""
    dispatcher = signed_in(client, "dispatcher", day.street.code)
    board = client.get("/api/v1/board", headers=dispatcher).json
    assert len(board["rounds"]) == 2
    assert board["people"] == []
    assert client.get(f"/api/v1/rounds/{day.walked.id}/track", headers=dispatcher).status_code == 403
    leader = signed_in(client, "leader", day.street.code)
    assert len(client.get("/api/v1/board", headers=leader).json["people"]) == 2


def test_who_is_off_duty_is_not_on_the_map(client: FlaskClient, day: Day, owner_db: Connection) -> None:
    owner_db.execute(text("update shift set ended_at = now() where id = :id"), {"id": day.shift.id})
    headers = signed_in(client, "supervisor", day.street.areas[0])
    assert client.get("/api/v1/board", headers=headers).json["people"] == []


def test_the_board_can_be_narrowed_but_not_widened(client: FlaskClient, day: Day) -> None:
    leader = signed_in(client, "leader", day.street.code)
    narrowed = client.get(f"/api/v1/board?place={day.street.units[1]}", headers=leader).json
    assert [r["id"] for r in narrowed["rounds"]] == [str(day.elsewhere.id)]
    supervisor = signed_in(client, "supervisor", day.street.areas[0])
    whole = client.get(f"/api/v1/board?place={day.street.code}", headers=supervisor).json
    assert [r["id"] for r in whole["rounds"]] == [str(day.walked.id)]
    for place in (day.street.areas[1], "nowhere"):
        assert client.get(f"/api/v1/board?place={place}", headers=supervisor).status_code == 403
    empty = client.get("/api/v1/board?on=2020-01-01", headers=leader).json
    assert (empty["rounds"], empty["check_ins"]) == ([], [])


def test_the_number_of_queries_does_not_grow_with_the_number_of_rounds(
    client: FlaskClient, day: Day, app: object
) -> None:
    headers = signed_in(client, "supervisor", day.street.areas[0])

    def queries() -> int:
        seen: list[str] = []

        def count(*args: object) -> None:
            seen.append(str(args[2]))

        with client.application.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", count)
        try:
            assert client.get("/api/v1/board", headers=headers).status_code == 200
        finally:
            event.remove(engine, "before_cursor_execute", count)
        return len(seen)

    add_check_in(day.walked, day.walker, 1)
    before = queries()
    points = [factories.make_checkpoint(day.street) for _ in range(3)]
    for _ in range(5):
        more = factories.make_round(day.street, day.walker, points)
        add_check_in(more, day.walker, 1)
    assert queries() == before <= 7


def test_a_look_at_a_track_is_written_down(client: FlaskClient, day: Day, owner_db: Connection) -> None:
    """Fixes come in the order of the phone's clock, in WGS-84, whatever order they arrived in."""
    start = clock.now() - timedelta(minutes=10)
    gcj = geo.wgs84_to_gcj02(factories.LAT, factories.LON)
    with factories.writing() as session:
        for late, minute, datum in ((0, 5, "wgs84"), (1, 1, "gcj02"), (2, 3, "wgs84")):
            lat, lon = gcj if datum == "gcj02" else (factories.LAT, factories.LON)
            session.add(
                TrackFix(
                    street_code=day.street.code,
                    received_at=clock.now() + timedelta(seconds=late),
                    entry_id=uuid7(),
                    ordinal=0,
                    user_id=day.walker.id,
                    shift_id=day.shift.id,
                    round_id=day.walked.id,
                    fixed_at=start + timedelta(minutes=minute),
                    lat=lat,
                    lon=lon,
                    datum=datum,
                    accuracy_m=5.0,
                )
            )
        session.add(
            TrackGap(
                street_code=day.street.code,
                id=uuid7(),
                user_id=day.walker.id,
                shift_id=day.shift.id,
                round_id=day.walked.id,
                started_at=start,
                ended_at=start + timedelta(minutes=1),
                cause="screen_off",
            )
        )
    supervisor = factories.make_user("supervisor", day.street.areas[0])
    headers = factories.sign_in(client, supervisor.username)
    track = client.get(f"/api/v1/rounds/{day.walked.id}/track", headers=headers).json
    assert [fix["at"] for fix in track["fixes"]] == sorted(fix["at"] for fix in track["fixes"])
    assert len(track["fixes"]) == 3
    for fix in track["fixes"]:
        assert geo.distance_m(fix["lat"], fix["lon"], factories.LAT, factories.LON) < 0.01
    assert [gap["cause"] for gap in track["gaps"]] == ["screen_off"]
    (row,) = owner_db.execute(text("select * from ledger_row where action = 'track.viewed'")).all()
    assert row.actor_id == supervisor.id
    assert row.data == {
        "user_id": str(day.walker.id),
        "round_id": str(day.walked.id),
        "on_day": day.walked.on_day.isoformat(),
    }
    leader = signed_in(client, "leader", day.street.code)
    page = client.get(f"/api/v1/ledger?subject_kind=round&subject_id={day.walked.id}", headers=leader).json
    assert [item["action"] for item in page["items"]] == ["track.viewed"]
    assert page["items"][0]["actor_name"] == supervisor.display_name


def test_an_unknown_round_is_not_found(client: FlaskClient, day: Day) -> None:
    headers = signed_in(client, "leader", day.street.code)
    for path in (f"/api/v1/rounds/{uuid7()}", f"/api/v1/rounds/{uuid7()}/track"):
        answer = client.get(path, headers=headers)
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_the_ledger_pages_show_every_row_once(client: FlaskClient, day: Day) -> None:
    leader = signed_in(client, "leader", day.street.code)
    for _ in range(6):
        client.get(f"/api/v1/rounds/{day.walked.id}/track", headers=leader)
    seen: list[int] = []
    address = "/api/v1/ledger?subject_kind=round&limit=2"
    cursor = None
    while True:
        page = client.get(address + (f"&cursor={cursor}" if cursor else ""), headers=leader).json
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == 6
    assert seen == sorted(set(seen), reverse=True)
    for broken in ("x", "WyJhIiwgImIiXQ", "W10"):
        answer = client.get(f"/api/v1/ledger?cursor={broken}", headers=leader)
        assert answer.status_code == 400
