"""The responsibility matrix: edited line by line or by file, and checked for what is missing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Connection, text

from app.cases.catalogue.importing import import_catalogue
from app.core import clock
from app.core.extensions import db
from app.core.ids import uuid7
from tests import factories
from tests.integration.matrix_office import HEADER, SHOP, Office, at_once, ledger
from tests.integration.test_catalogue import CLASSES


@pytest.fixture
def office(app: Flask) -> Office:
    return Office(app)


# ---- one line


def test_a_line_is_written_once_and_shows_names(office: Office, owner_db: Connection) -> None:
    row_id = uuid7()
    first = office.put(office.body(starts_on="2026-01-01"), row_id)
    assert first.status_code == 200, first.text
    assert (first.json["selector_name"], first.json["selector_name_en"]) == (
        "跨门营业",
        "Trading beyond shop front",
    )
    assert first.json["person"]["display_name"] == office.handler.display_name
    assert first.json["place_name"] == f"测试{office.street.areas[0]}"
    assert office.put(office.body(starts_on="2026-01-01"), row_id).json == first.json
    assert office.items() == [first.json]
    (told,) = ledger(owner_db, "responsibility.set")
    assert told == {
        "duty": "owner",
        "selector_kind": "class",
        "selector": SHOP,
        "user_id": str(office.handler.id),
        "rank": 1,
    }


def test_the_same_id_with_other_content_is_refused(office: Office) -> None:
    row_id = uuid7()
    assert office.put(office.body(), row_id).status_code == 200
    again = office.put(office.body(duty="deputy"), row_id)
    assert (again.status_code, again.json["type"]) == (409, "/problems/id-reused")


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"selector": "M-99999"}, "there is no class 'M-99999' in the catalogue"),
        ({"selector_kind": "department"}, "there is no department 'M-09005'"),
        ({"selector_kind": "any"}, "selector must be empty"),
        ({"starts_on": "2026-02-02", "ends_on": "2026-02-01"}, "ends_on lies before starts_on"),
        ({"user_id": str(uuid7())}, "there is no such person"),
        ({"duty": "watcher"}, "handler-a has no post at 310107990-P1 that lets them be watcher"),
    ],
)
def test_a_line_that_cannot_be_is_refused_with_the_reason(
    office: Office, columns: dict[str, Any], why: str
) -> None:
    answer = office.put(office.body(**columns))
    assert (answer.status_code, answer.json["type"]) == (422, "/problems/invalid")
    assert why in answer.json["detail"]
    assert office.items() == []


def test_who_has_left_cannot_be_named_and_who_comes_later_can(office: Office) -> None:
    today = clock.now().astimezone(clock.SHANGHAI).date()
    left = factories.make_user("handler", office.street.areas[0], ends_on=today - timedelta(days=1))
    comes = factories.make_user("handler", office.street.areas[0], starts_on=today + timedelta(days=9))
    gone = factories.make_user("handler", office.street.areas[0], active=False)
    codes = [office.put(office.body(user_id=str(user.id))).status_code for user in (left, gone, comes)]
    assert codes == [422, 422, 200]


def test_the_same_person_cannot_stand_in_one_cell_twice_on_a_day(office: Office) -> None:
    assert office.put(office.body(ends_on="2026-06-30")).status_code == 200
    twice = office.put(office.body(starts_on="2026-06-30"))
    assert (twice.status_code, twice.json["type"]) == (409, "/problems/conflict")
    assert office.put(office.body(starts_on="2026-07-01")).status_code == 200


def test_a_line_taken_out_is_out_once_and_can_still_be_read(office: Office, owner_db: Connection) -> None:
    row_id = uuid7()
    office.put(office.body(), row_id)
    first = office.call("POST", f"/responsibilities/{row_id}/end")
    assert (first.status_code, first.json["ended_at"] is not None) == (200, True)
    assert office.call("POST", f"/responsibilities/{row_id}/end").json == first.json
    assert office.items() == []
    assert [item["id"] for item in office.items("?ended=true")] == [str(row_id)]
    assert len(ledger(owner_db, "responsibility.ended")) == 1
    assert office.put(office.body()).status_code == 200
    assert office.call("POST", f"/responsibilities/{uuid7()}/end").status_code == 404


def test_nobody_edits_a_place_that_is_not_theirs(office: Office) -> None:
    other = factories.make_user("handler", office.street.code)
    for place in (office.street.areas[1], office.street.code):
        answer = office.put(office.body(place_code=place, user_id=str(other.id)))
        assert answer.status_code == 403, place
    factories.make_user("admin", office.street.code, "admin1")
    admin = factories.sign_in(office.app.test_client(), "admin1")
    row_id = uuid7()
    whole = office.body(place_code=office.street.code, user_id=str(other.id))
    assert office.put(whole, row_id, **admin).status_code == 200
    # it holds in the area, so the supervisor sees it, but cannot take it out
    assert [item["id"] for item in office.items()] == [str(row_id)]
    assert office.call("POST", f"/responsibilities/{row_id}/end").status_code == 403
    below = office.body(place_code=office.street.areas[1], user_id=str(other.id))
    assert office.put(below, **admin).status_code == 200
    assert [item["id"] for item in office.items()] == [str(row_id)]


def test_the_matrix_comes_in_pages_and_can_be_narrowed(office: Office) -> None:
    for selector in (SHOP, "M-09006", "M-09001", "M-09002", "M-09004"):
        assert office.put(office.body(selector=selector)).status_code == 200
    office.put(office.body(place_code=office.street.units[0], duty="handler"))
    seen, cursor = [], ""
    while True:
        answer = office.call("GET", f"/responsibilities?limit=4{cursor}").json
        seen += [item["id"] for item in answer["items"]]
        if answer["cursor"] is None:
            break
        cursor = f"&cursor={answer['cursor']}"
    assert len(seen) == len(set(seen)) == 6
    assert len(office.items(f"?selector={SHOP}")) == 2
    assert len(office.items("?duty=handler")) == 1
    assert len(office.items(f"?place={office.street.units[0]}")) == 1
    assert len(office.items(f"?user={office.supervisor.id}")) == 0
    for cursor in ("WyJhIl0", "WyJhIiwgImIiXQ"):  # ["a"], ["a", "b"]
        assert office.call("GET", f"/responsibilities?cursor={cursor}").status_code == 400


# ---- files


def matrix(office: Office, tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "matrix.csv"
    file.write_text(HEADER + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return file


def test_a_file_goes_in_whole_and_twice_is_once(office: Office, tmp_path: Path, owner_db: Connection) -> None:
    area = office.street.areas[0]
    lines = (f"{area},class,{SHOP},owner,handler-a,,,", f"{area},any,,watcher,super1,2,2026-01-01,")
    file = matrix(office, tmp_path, *lines)
    done = office.flask("responsibility", "import", file)
    assert "2 added, 0 ended, 0 unchanged" in done.output, done.output
    assert "0 added, 0 ended, 2 unchanged" in office.flask("responsibility", "import", file).output
    assert len(ledger(owner_db, "responsibility.%")) == 2
    exported = tmp_path / "exported.csv"
    exported.write_text(office.flask("responsibility", "export").output, encoding="utf-8")
    again = office.flask("responsibility", "import", exported, "--replace")
    assert "0 added, 0 ended, 2 unchanged" in again.output


def test_a_changed_line_takes_the_place_of_the_old_one_and_replace_ends_the_rest(
    office: Office, tmp_path: Path
) -> None:
    area = office.street.areas[0]
    first = (f"{area},class,{SHOP},owner,handler-a,1,,", f"{area},any,,watcher,super1,1,,")
    office.flask("responsibility", "import", matrix(office, tmp_path, *first))
    changed = matrix(office, tmp_path, f"{area},class,{SHOP},owner,handler-a,2,,")
    assert "1 added, 1 ended, 0 unchanged" in office.flask("responsibility", "import", changed).output
    assert sorted((item["duty"], item["rank"]) for item in office.items()) == [("owner", 2), ("watcher", 1)]
    done = office.flask("responsibility", "import", changed, "--replace")
    assert "0 added, 1 ended, 1 unchanged" in done.output


def test_bad_lines_are_named_and_nothing_goes_in(office: Office, tmp_path: Path) -> None:
    area = office.street.areas[0]
    file = matrix(
        office,
        tmp_path,
        f"{area},class,{SHOP},owner,handler-a,1,,",
        f"{area},class,{SHOP},owner,nobody,1,,",
        "nowhere,any,,owner,handler-a,1,,",
        f"{area},class,{SHOP},boss,handler-a,1,,",
        f"{area},class,{SHOP},owner,handler-a,2,,",
        f"{area},class,{SHOP},deputy,handler-a,x,,",
        f"{area},any,,deputy,handler-a,1,tomorrow,",
        f"{area},any,,watcher,handler-a,1,,",
    )
    refused = office.flask("responsibility", "import", file)
    assert refused.exit_code == 1
    assert refused.output.splitlines() == [
        "matrix.csv:3: there is nobody with the user name 'nobody' in the street",
        "matrix.csv:4: there is no place 'nowhere'",
        "matrix.csv:5: duty is 'boss', not one of handler, owner, deputy, watcher, arbiter",
        "matrix.csv:6: says the same as line 2",
        "matrix.csv:7: rank is 'x', not a number",
        "matrix.csv:8: starts_on is not a day like 2026-11-23",
        "matrix.csv:9: handler-a has no post at 310107990-P1 that lets them be watcher",
        "Error: 7 bad line(s); nothing was changed.",
    ]
    assert office.items() == []


# ---- what is missing


def test_an_empty_matrix_has_few_gaps_that_say_a_lot(office: Office) -> None:
    checked = office.flask("responsibility", "check", "--lang", "en")
    assert checked.exit_code == 1
    street = f"Test {office.street.code}"
    told = checked.output.splitlines()
    assert f"{street}: every class: no handler (point). Name one in the matrix." in told
    assert f"{street}: every class: no owner (assign). Name one in the matrix." in told
    assert any(line.startswith(f"{street}: there is no dispatcher") for line in told)
    assert any(line.startswith(f"Test {office.street.areas[1]}: there is no supervisor") for line in told)
    assert len(told) <= 8, checked.output


def test_the_api_tells_the_gaps_of_ones_own_places(office: Office) -> None:
    found = office.call("GET", "/responsibilities/check").json["items"]
    owner = next(gap for gap in found if gap["kind"] == "no_owner")
    assert owner["place_codes"] == [office.street.areas[0]]
    assert len(owner["departments"]) == 21
    assert owner["words"] == f"测试{office.street.areas[0]}：全部类别没有责任人（定到人）。请在责任表中指定。"
    assert {gap["kind"] for gap in found} == {"no_duty_desk", "no_handler", "no_owner", "no_watcher"}


def test_without_a_catalogue_there_is_nothing_to_check(app: Flask) -> None:
    factories.make_street()
    checked = app.test_cli_runner().invoke(args=["responsibility", "check"])
    assert checked.exit_code == 1
    assert "no catalogue yet" in checked.output


# ---- the demonstration street


@pytest.fixture
def demo(app: Flask) -> Callable[..., Result]:
    def run(*args: str) -> Result:
        return app.test_cli_runner().invoke(args=list(args))

    assert run("demo", "load").exit_code == 0
    return run


def test_the_demonstration_street_has_no_gaps(demo: Callable[..., Result]) -> None:
    checked = demo("responsibility", "check")
    assert checked.output == "No gaps: every class has its people everywhere.\n"
    assert checked.exit_code == 0


def user_id(owner_db: Connection, username: str) -> UUID:
    found = owner_db.execute(text("select id from app_user where username = :name"), {"name": username})
    return UUID(str(found.scalar_one()))


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "update app_user set active = false where username = 'handler1'",
            "兰溪片区：陈伟东已离岗或岗位不符，仍列在责任表中（城管执法）。请换人或删去这一行。",
        ),
        (
            "update post set ends_on = current_date - 2 where user_id = (select id from app_user where username = 'supervisor2')",
            "花溪片区：没有片区长。请设岗，否则无人在岗时没有人接手。",
        ),
        (
            "update app_user set active = false where username like 'dispatcher%'",
            "曹杨新村街道：没有派单员（值班台）。请给一名派单员设岗。",
        ),
    ],
)
def test_somebody_who_leaves_leaves_a_gap(
    demo: Callable[..., Result], owner_db: Connection, statement: str, told: str
) -> None:
    owner_db.execute(text(statement))
    checked = demo("responsibility", "check")
    assert checked.exit_code == 1
    assert told in checked.output.splitlines()
    assert len(checked.output.splitlines()) <= 6, checked.output


def test_an_owner_away_has_a_deputy_until_the_deputy_is_away_too(
    demo: Callable[..., Result], owner_db: Connection
) -> None:
    insert = text("""
        insert into absence (street_code, id, user_id, starts_at, ends_at, reason, noted_by, fingerprint)
        values ('310107005', :id, :user, now() - interval '1 day', now() + interval '1 day', '', :user, '')""")
    owner_db.execute(insert, {"id": uuid7(), "user": user_id(owner_db, "handler1")})
    assert demo("responsibility", "check").exit_code == 0
    owner_db.execute(insert, {"id": uuid7(), "user": user_id(owner_db, "handler4")})
    checked = demo("responsibility", "check")
    assert checked.output.splitlines()[:-1] == [
        "兰溪片区：城管执法的责任人陈伟东正在请假，也没有代理人。请指定代理人。"
    ]


# ---- at the same time


def test_the_same_line_sent_six_times_at_once_is_one_line(office: Office, owner_db: Connection) -> None:
    row_id, body = uuid7(), office.body()
    assert at_once(6, lambda _: office.put(body, row_id).status_code) == [200] * 6
    assert len(office.items()) == 1
    assert len(ledger(owner_db, "responsibility.set")) == 1


def test_two_editors_at_once_cannot_name_the_same_person_twice(office: Office) -> None:
    body = office.body()
    assert at_once(4, lambda _: office.put(body).status_code) == [200, 409, 409, 409]
    assert len(office.items()) == 1


def test_the_same_files_imported_at_once_are_one_version(
    office: Office, owner_db: Connection, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.csv"
    changed.write_bytes(CLASSES.read_bytes().replace(b",20,2,false", b",20,3,false"))

    def take(_: int) -> int:
        with office.app.app_context():
            import_catalogue(office.street.code, changed.read_bytes(), name="again", now=clock.now())
            db.session.commit()
        return 0

    assert at_once(3, take) == [0, 0, 0]
    assert owner_db.execute(text("select max(version), count(*) from catalogue")).one() == (2, 2)
