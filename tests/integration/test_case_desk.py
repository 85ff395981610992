"""What a desk reads to find a case and somebody for it: counts that agree with the rows, the end of a number, and
candidates who say what they have had to do with the case."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import text

from app.core import clock
from tests import factories
from tests.integration.case_street import CaseStreet, Person, fix, photo

NOT_MINE = {"reason": "not_ours", "text": "这是市容的事"}


@pytest.fixture
def street(app: Flask) -> CaseStreet:
    return CaseStreet(app)


def late(street: CaseStreet) -> tuple[int, int]:
    """How many cases the chip counts whose owner should have taken them, and how many rows it shows."""
    board = street.desk.get("/cases?accept_overdue=true")
    return board["counts"]["accept_overdue"], len(board["items"])


def test_who_has_not_taken_a_case_in_time_is_counted_until_somebody_takes_it(street: CaseStreet) -> None:
    case = street.patrol.file()
    street.patrol.file()
    assert late(street) == (0, 0)
    with factories.writing() as session:
        passed = "update case_file set acknowledge_due_at = now() - interval '1 minute' where id = :id"
        session.execute(text(passed), {"id": case})
    assert late(street) == (1, 1)
    street.handler.about("case_accepted", case)
    assert late(street) == (0, 0)


def test_the_end_of_a_number_finds_it_as_its_beginning_does(street: CaseStreet) -> None:
    first, second = street.patrol.file(), street.patrol.file()
    numbers = [street.desk.case(case)["number"] for case in (first, second)]

    def found(asked: str, view: str = "live") -> set[str]:
        return {one["number"] for one in street.desk.get(f"/cases?view={view}&number={asked}")["items"]}

    assert found(numbers[0][-4:]) == {numbers[0]}
    assert found(numbers[1][-1:]) == {numbers[1]}
    assert found(numbers[0][:-4]) == found(numbers[0][:-4].lower()) == set(numbers)
    assert found("9999") == found(numbers[0][-4:], "ended") == set()


def test_candidates_say_what_they_had_to_do_with_the_case_and_then_stand_last(street: CaseStreet) -> None:
    case = street.patrol.file()

    def had_it() -> list[str | None]:
        return [one["had_it"] for one in street.leader.get(f"/cases/{case}/candidates")["items"]]

    assert (had_it()[0], had_it()[-1]) == (None, "owner")
    street.handler.about("case_returned", case, **NOT_MINE)
    people = street.leader.get(f"/cases/{case}/candidates")["items"]
    assert people[-1]["had_it"] == "just_returned"
    assert (people[-1]["person"]["id"], people[-1]["responsible"]) == (str(street.handler.id), True)
    named = {"owner_id": str(street.second.id), "text": "您来办"}
    street.leader.ask(f"{case}/arbitration", named)
    assert had_it()[-2:] in (["owner", "returned"], ["returned", "owner"])
    assert set(had_it()[:-2]) == {None}


def test_the_board_knows_until_when_a_case_is_to_be_verified(street: CaseStreet) -> None:
    case = street.patrol.file()
    assert street.desk.get("/cases")["items"][0]["verify_due_at"] is None
    street.handler.about("case_accepted", case)
    street.handler.about("case_resolved", case, photos=[photo("after", clock.now())])
    shown = street.desk.get("/cases")["items"][0]
    assert (shown["state"], shown["verify_due_at"]) == ("resolved", street.desk.case(case)["verify_due_at"])
    assert shown["verify_due_at"] > shown["filed_at"]


def test_candidates_are_no_way_to_find_out_where_people_are(street: CaseStreet) -> None:
    """A case costs its reporter one touch of the map, and three distances are a position."""
    elsewhere = street._person("handler", street.street.areas[1], "handler_far")
    for person in (street.handler, elsewhere):
        place = street.street.areas[0 if person is street.handler else 1]
        shift = factories.make_shift(person.user, place) if person is elsewhere else None
        of = shift.id if shift else street.sql("select id from shift where user_id = :u", u=person.id)[0].id
        person.say("track", {"shift": str(of), "fixes": [fix(clock.now(), lat=factories.LAT + 0.003)]})
    case = street.other_supervisor.file()  # in the first area, which is not theirs
    path = f"/api/v1/cases/{case}/candidates"
    assert (
        street.other_supervisor.client.get(path, headers=street.other_supervisor.headers).status_code == 403
    )

    def seen(person: Person) -> set[str]:
        items = person.get(f"/cases/{case}/candidates")["items"]
        return {one["person"]["id"] for one in items if one["distance_m"] is not None}

    assert seen(street.leader) == seen(street.desk) == {str(street.handler.id), str(elsewhere.id)}
    assert seen(street.supervisor) == {str(street.handler.id)}
    street.desk.ask(f"{case}/voiding", {"text": "不是问题"})
    assert seen(street.leader) == set()
