"""Of several clocks the one that runs out first counts: on boards, in lists, and in what people are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import Connection, text

from tests.integration.case_street import MANHOLE, SHOP, CaseStreet

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def street(app: Flask) -> CaseStreet:
    return CaseStreet(app)


def board(street: CaseStreet) -> list[str]:
    return [row["id"] for row in street.desk.get("/cases")["items"]]


def test_a_case_to_be_accepted_soon_stands_before_one_to_be_resolved_sooner(street: CaseStreet) -> None:
    soon, later = street.patrol.file(SHOP), street.patrol.file(MANHOLE)
    rows = {r.id: r for r in street.sql("select id, acknowledge_due_at, due_at, next_due_at from case_file")}
    for row in rows.values():
        assert row.next_due_at == min(row.acknowledge_due_at, row.due_at)
    street.handler.about("case_accepted", soon)
    row = street.sql("select due_at, next_due_at from case_file where id = :id", id=soon)[0]
    assert row.next_due_at == row.due_at
    expected = sorted(
        (soon, later),
        key=lambda case: street.sql("select next_due_at from case_file where id = :id", id=case)[0][0],
    )
    assert board(street) == expected


def test_what_nobody_has_taken_in_time_stands_first(street: CaseStreet) -> None:
    late, taken = street.patrol.file(MANHOLE), street.patrol.file(SHOP)
    street.handler.about("case_accepted", taken)
    with street.app.app_context():
        street.sql(
            "update case_file set acknowledge_due_at = now() - interval '1 minute',"
            " next_due_at = now() - interval '1 minute' where id = :id returning id",
            id=late,
        )
    assert board(street)[0] == late


def test_a_case_given_back_waits_by_its_deadline(street: CaseStreet) -> None:
    case = street.patrol.file()
    street.handler.about("case_returned", case, reason="not_ours", text="不归我们")
    row = street.sql("select acknowledge_due_at, due_at, next_due_at from case_file")[0]
    assert (row.acknowledge_due_at, row.next_due_at) == (None, row.due_at)


def test_who_asked_for_more_time_is_told_the_new_deadline(street: CaseStreet) -> None:
    case = street.patrol.file()
    street.handler.about("case_accepted", case)
    before = street.desk.case(case)["due_at"]
    street.handler.about("case_extension_asked", case, text="等配件", amount=3)
    request = street.desk.case(case)["requests"][0]["id"]
    street.desk.ask(f"{case}/decisions", {"request_id": request, "granted": True, "text": "同意"})
    after = street.desk.case(case)["due_at"]
    assert after > before
    rows = street.sql("select data from notification where kind = 'case.extension_decided'")
    told = [row.data["due_at"] for row in rows]
    assert [clock_of(at) for at in told] == [clock_of(after)]


def clock_of(at: str) -> str:
    """To the second: both sides write the same moment, perhaps with other fractions."""
    return at[:19]


def test_a_closed_case_still_shows_its_arithmetic(street: CaseStreet) -> None:
    case = street.patrol.file()
    before = street.desk.case(case)["deadline"]
    street.desk.ask(f"{case}/voiding", {"text": "不是问题"})
    assert street.desk.case(case)["deadline"] == before
    assert before["steps"]


def test_the_rules_choice_of_a_dispatcher_says_why(street: CaseStreet) -> None:
    case = street.patrol.file()
    street.desk.ask(f"{case}/dispatch", {"owner_id": None})
    events = [e for e in street.desk.case(case)["events"] if e["step"] == "dispatch"]
    assert events[-1]["data"]["why"] in {"responsible", "next"}
    people = [p for p in street.desk.case(case)["people"] if p["part"] == "owner" and p["until"] is None]
    assert people[0]["why"] == events[-1]["data"]["why"]


def test_live_cases_of_before_get_their_place_on_the_board(street: CaseStreet, owner_db: Connection) -> None:
    """What the migration does to rows that were written without the clock for accepting."""
    case = street.patrol.file()
    owner_db.execute(text("update case_file set next_due_at = due_at"))
    scripts = ScriptDirectory.from_config(_config()).get_revision("0006").module
    owner_db.execute(text(scripts.NEXT_DUE))
    row = owner_db.execute(text("select acknowledge_due_at, due_at, next_due_at from case_file")).one()
    assert row.next_due_at == min(row.acknowledge_due_at, row.due_at)
    assert board(street) == [case]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return config
