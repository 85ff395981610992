"""A policy goes in force sound or not at all, as a new version; a dry run stores nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session, scoped_session

from app.cases.policy import versions as policies
from app.cases.policy.document import document, read_policy
from app.core import problems
from app.core.extensions import db
from app.core.problems import Problem
from tests import factories
from tests.factories import Street

DATA = Path(__file__).parents[2] / "data"
FILE = DATA / "demo" / "policy.json"
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)

Run = Callable[..., Result]
Call = Callable[..., Any]


def content() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return made


@pytest.fixture
def street(database: str) -> Street:
    return factories.make_street()


@pytest.fixture
def run(app: Flask, street: Street) -> Run:
    def run(*args: str | Path) -> Result:
        return app.test_cli_runner().invoke(args=[str(arg) for arg in args])

    return run


@pytest.fixture
def loaded(run: Run) -> Run:
    """A street with policy, calendar and catalogue."""
    for args in (
        ("policy", "import", FILE),
        ("calendar", "import", DATA / "workdays_cn.json"),
        ("catalogue", "import", DATA / "categories.csv"),
    ):
        done = run(*args)
        assert done.exit_code == 0, done.output
    return run


def caller(app: Flask, role: str, place: str) -> Call:
    """Somebody with a post; calling them answers (status, body)."""
    name = f"{role}-{place}".lower()
    factories.make_user(role, place, name)
    client = app.test_client()
    headers = factories.sign_in(client, name)

    def call(method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = client.open(f"/api/v1{path}", method=method, json=body, headers=headers)
        return answer.status_code, answer.json

    return call


def rows(owner_db: Connection) -> list[Any]:
    return list(owner_db.execute(text("select version, created_by from case_policy order by version")))


def ledger(owner_db: Connection) -> list[Any]:
    told = "select actor_kind, subject_id, data from ledger_row where action = 'policy.saved' order by at"
    return list(owner_db.execute(text(told)))


def test_what_is_imported_is_in_force_and_the_same_again_is_no_new_version(
    run: Run, street: Street, session: scoped_session[Session], owner_db: Connection
) -> None:
    for _ in range(2):
        assert "version 1 is in force" in run("policy", "import", FILE).output
    assert rows(owner_db) == [(1, None)]
    ((actor, subject, data),) = ledger(owner_db)
    assert (actor, subject, data["version"], data["rules"]) == ("cli", "1", 1, 52)
    assert policies.current_version(street.code) == 1
    assert document(policies.load_policy(street.code)) == document(read_policy(content()))


def test_an_older_version_stays_as_it_was_and_can_be_put_in_force_again(
    street: Street, session: scoped_session[Session], owner_db: Connection
) -> None:
    first, second = content(), content() | {"many_reports": 5}
    made = [policies.save_policy(street.code, c, None, NOW) for c in (first, second, second, first)]
    assert made == [1, 2, 2, 3]
    assert [policies.load_policy(street.code, v).many_reports for v in (1, 2, 3, None)] == [3, 5, 3, 3]


def test_a_policy_read_before_is_not_mistaken_for_another_of_the_same_number(
    street: Street, session: scoped_session[Session]
) -> None:
    policies.save_policy(street.code, content(), None, NOW)
    assert policies.load_policy(street.code).many_reports == 3
    session.rollback()
    policies.save_policy(street.code, content() | {"many_reports": 9}, None, NOW)
    assert policies.load_policy(street.code, 1).many_reports == 9


@pytest.mark.parametrize("version", [None, 7])
def test_a_missing_policy_is_a_problem_that_says_so(
    street: Street, session: scoped_session[Session], version: int | None
) -> None:
    if version:
        policies.save_policy(street.code, content(), None, NOW)
    with pytest.raises(Problem) as missing:
        policies.load_policy(street.code, version)
    assert missing.value.kind == problems.POLICY_MISSING


def test_two_who_save_at_once_get_two_numbers(app: Flask, street: Street, owner_db: Connection) -> None:
    barrier, made = threading.Barrier(4), []

    def save(number: int) -> None:
        with app.app_context():
            barrier.wait()
            made.append(policies.save_policy(street.code, content() | {"many_reports": number}, None, NOW))
            db.session.commit()

    threads = [threading.Thread(target=save, args=(n,)) for n in (2, 3, 4, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [1, 2, 3, 4]
    assert [version for version, _ in rows(owner_db)] == [1, 2, 3, 4]


def test_a_faulty_policy_is_refused_with_every_fault_and_nothing_is_stored(
    app: Flask, street: Street, owner_db: Connection
) -> None:
    admin = caller(app, "admin", street.code)
    broken = content()
    del broken["rules"][0]
    broken["rules"][5]["raise_to"] = "point"
    status, told = admin("POST", "/policies", {"street_code": street.code, "document": broken})
    assert (status, told["type"]) == (422, "/problems/policy-faulty")
    assert {fault["code"] for fault in told["faults"]} >= {"hole", "not_upward"}
    assert all(fault["zh"] and fault["en"] and "path" in fault for fault in told["faults"])
    assert admin("POST", "/policies/check", {"document": broken})[1] == {"faults": told["faults"]}
    assert admin("POST", "/policies/check", {"document": content()}) == (200, {"faults": []})
    assert rows(owner_db) == ledger(owner_db) == []


def test_an_administrator_of_the_street_saves_and_others_read(
    app: Flask, street: Street, owner_db: Connection
) -> None:
    admin, supervisor = caller(app, "admin", street.code), caller(app, "supervisor", street.areas[0])
    body = {"street_code": street.code, "document": content()}
    assert supervisor("GET", "/policies") == (200, {"items": []})
    assert supervisor("POST", "/policies", body)[0] == 403
    assert caller(app, "admin", street.areas[0])("POST", "/policies", body)[0] == 403
    assert [admin("POST", "/policies", body) for _ in range(2)] == [(201, {"version": 1})] * 2
    body["document"]["many_reports"] = 4
    assert admin("POST", "/policies", body) == (201, {"version": 2})
    newest, oldest = supervisor("GET", "/policies")[1]["items"]
    assert (newest["version"], newest["in_force"], oldest["version"], oldest["in_force"]) == (
        2,
        True,
        1,
        False,
    )
    assert newest["created_by"]
    status, told = supervisor("GET", "/policies/1")
    assert (status, told["document"], told["in_force"]) == (200, document(read_policy(content())), False)
    assert supervisor("GET", "/policies/3")[0] == 404
    assert supervisor("GET", "/policies/99999999999999999999")[0] == 404
    assert [actor for actor, _, _ in ledger(owner_db)] == ["user", "user"]
    assert caller(app, "patroller", street.units[0])("GET", "/policies")[0] == 403


def test_another_street_is_not_ours_to_change(app: Flask, street: Street) -> None:
    other = factories.make_street("310107991", west=121.43)
    admin = caller(app, "admin", street.code)
    assert admin("POST", "/policies", {"street_code": other.code, "document": content()})[0] == 403
    own = caller(app, "admin", other.code)
    assert own("POST", "/policies", {"street_code": other.code, "document": content()})[0] == 201
    assert admin("GET", "/policies/1")[0] == 404


DRY = {"class_key": "M-09005", "starts_at": "2026-11-27T17:30:00+08:00"}
GIVEN = {
    "acknowledge": {"amount": 0.5, "unit": "work_hours"},
    "resolve": {"amount": 4, "unit": "work_hours"},
    "mode": "point",
    "urgent": False,
}


def test_a_dry_run_tells_the_timeline_as_data_and_in_words(
    app: Flask, loaded: Run, street: Street, owner_db: Connection
) -> None:
    supervisor = caller(app, "supervisor", street.areas[0])
    status, told = supervisor("POST", "/policies/dry-run", DRY)
    assert status == 200
    first, last = told["moments"][0], told["moments"][-1]
    assert (first["kind"], first["what"], first["at"]) == ("state", "open", "2026-11-27T09:30:00.000Z")
    assert first["zh"] == "2026-11-27 周五 17:30 立案，点到人。"
    assert last["mode"] == "watch"
    assert last["step"]["last_resort"] is True
    assert told["deadline"]["due_at"].startswith("2026-11-27T")  # two hours on the clock
    given = {"limits": GIVEN, "starts_at": DRY["starts_at"], "version": 1}
    slow = supervisor("POST", "/policies/dry-run", given)[1]["moments"]
    assert slow[1]["due_at"] == "2026-11-30T05:30:00.000Z"
    cared = {"acknowledged_after": 10, "resolved_after": 30, "verified_after": 60}
    well = supervisor("POST", "/policies/dry-run", DRY | {"assumptions": cared})[1]["moments"]
    assert [m["what"] for m in well if m["kind"] == "state"][-1] == "closed"
    assert not [m for m in well if m["kind"] == "trigger"]
    assert len(rows(owner_db)) == 1


def test_a_policy_can_be_tried_before_it_is_in_force(app: Flask, loaded: Run, street: Street) -> None:
    admin = caller(app, "admin", street.code)
    tried = content()
    tried["rules"][0] |= {"raise_to": "watch", "replace": None}
    del tried["rules"][1:3]
    moments = admin("POST", "/policies/dry-run", DRY | {"document": tried})[1]["moments"]
    rung = next(m for m in moments if m["what"] == "not_acknowledged")
    assert rung["step"]["raise_to"] == "watch"
    del tried["rules"][0]
    status, told = admin("POST", "/policies/dry-run", DRY | {"document": tried})
    assert (status, told["type"]) == (422, "/problems/policy-faulty")


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        (DRY | {"class_key": "M-00000"}, 404, "not-found"),
        (DRY | {"class_key": None}, 422, "invalid"),
        (DRY | {"limits": GIVEN}, 422, "invalid"),
        (DRY | {"version": 1, "document": {}}, 422, "invalid"),
        (DRY | {"version": 2}, 409, "policy-missing"),
        (DRY | {"starts_at": "2026-11-27T17:30:00"}, 422, "invalid"),
        (DRY | {"document": {}}, 422, "policy-faulty"),
        (DRY | {"assumptions": {"acknowledged_after": -1}}, 422, "invalid"),
    ],
)
def test_what_a_dry_run_cannot_answer_it_refuses_with_the_reason(
    *, app: Flask, loaded: Run, street: Street, body: dict[str, Any], status: int, slug: str
) -> None:
    answer = caller(app, "supervisor", street.areas[0])("POST", "/policies/dry-run", body)
    assert (answer[0], answer[1]["type"]) == (status, f"/problems/{slug}")


def test_a_street_without_policy_or_calendar_says_which_is_missing(
    app: Flask, run: Run, street: Street
) -> None:
    supervisor = caller(app, "supervisor", street.areas[0])
    given = {"limits": GIVEN, "starts_at": DRY["starts_at"]}
    assert supervisor("POST", "/policies/dry-run", given)[1]["type"] == "/problems/policy-missing"
    assert run("policy", "import", FILE).exit_code == 0
    assert supervisor("POST", "/policies/dry-run", given)[1]["type"] == "/problems/calendar-missing"


def test_the_command_line_checks_imports_and_tries(loaded: Run, tmp_path: Path, owner_db: Connection) -> None:
    good = loaded("policy", "check", FILE)
    assert (good.exit_code, "52 rules, no fault" in good.output) == (0, True)
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(content() | {"rules": content()["rules"][1:]}), encoding="utf-8")
    for command in ("check", "import"):
        refused = loaded("policy", command, broken)
        assert refused.exit_code == 1
        assert "有漏洞：点到人案件第 1 次“无人接单”时没有规则" in refused.output
        assert "A hole: no rule for a case “to the person on duty”" in refused.output
    assert len(rows(owner_db)) == 1
    told = loaded("policy", "dry-run", "--class", "M-09005", "--starts", "2026-11-27T17:30+08:00")
    assert told.output.splitlines()[0] == "2026-11-27 周五 17:30 立案，点到人。"
    local = loaded("policy", "dry-run", "--class", "M-09005", "--starts", "2026-11-27T17:30", "--lang", "en")
    assert local.output.splitlines()[0] == "2026-11-27 Fri 17:30 Filed, to the person on duty."
    well = loaded(
        *("policy", "dry-run", "--class", "M-09005", "--starts", "2026-11-27T17:30", "--file", FILE),
        *("--accepted", "10", "--resolved", "20", "--verified", "30"),
    )
    assert well.output.splitlines()[-1].endswith("结案。")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["dry-run", "--class", "M-09005", "--starts", "yesterday"], "is no time such as"),
        (["dry-run", "--class", "M-09005", "--starts", "1066-01-01T00:00"], "not a time of these centuries"),
        (["dry-run", "--class", "M-1", "--starts", "2026-11-27T17:30"], "has no class M-1"),
    ],
)
def test_a_dry_run_that_makes_no_sense_is_one_sentence(loaded: Run, args: list[str], words: str) -> None:
    refused = loaded("policy", *args)
    assert refused.exit_code in (1, 2)
    assert words in refused.output


def test_a_file_that_is_no_policy_is_one_sentence(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    for raw, words in ((b"\xff", "is not JSON"), (b"{", "is not JSON"), (b" " * 1_100_000, "is larger than")):
        file.write_bytes(raw)
        refused = run("policy", "import", file)
        assert (refused.exit_code, words in refused.output) == (1, True), refused.output


def test_the_rules_in_the_database_are_canonical(
    street: Street, session: scoped_session[Session], owner_db: Connection
) -> None:
    policy = read_policy(content())
    policies.save_policy(street.code, document(replace(policy, name="名称")), None, NOW)
    session.commit()
    (stored,) = owner_db.execute(text("select document, name from case_policy"))
    assert read_policy(stored.document) == replace(policy, name=stored.name)
