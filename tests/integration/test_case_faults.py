"""What goes wrong with cases: ids used twice, steps that come late, people who are gone, clocks that are off."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.cases.policy import versions as policies
from app.core import clock
from app.core.extensions import db
from app.core.fields import wire_time
from app.core.ids import uuid7
from app.sync import service as sync
from app.timers import calendars
from tests import factories
from tests.integration.case_sound import unsound
from tests.integration.case_street import (
    DATA,
    SHOP,
    CaseStreet,
    Json,
    Person,
    fix,
    photo,
    report_body,
)
from tests.integration.photos import a_photo, name_of

GRATE = "P-01004"  # 雨水箅子缺损: eight working hours
INTAKE = {"source": "hotline", "source_ref": "12345-77", "class_key": SHOP, "text": "有人投诉占道",
          "lat": factories.LAT, "lon": factories.LON}  # fmt: skip


@pytest.fixture
def street(app) -> CaseStreet:
    return CaseStreet(app)


def slug(result: Any) -> tuple[Any, str | None]:
    """What became of an entry, and why."""
    return result["status"], (result.get("problem") or "").split("/")[-1] or None


def intake(street: CaseStreet, **changes: Any) -> Any:
    body = {"id": str(uuid7()), "found_at": wire_time(clock.now()), **INTAKE, **changes}
    client = street.app.test_client()  # of its own, so that two may ask at once
    return client.post("/api/v1/cases", json=body, headers=street.desk.headers)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run all of *calls* at the same moment."""
    together = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        together.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_the_id_of_a_case_used_again_for_something_else_is_refused_whoever_says_it(street):
    case = street.patrol.file()
    same_id = {"entry_id": UUID(case)}
    other_text = {"text": "另一件事"}
    body = report_body(SHOP, clock.now()) | other_text
    assert slug(street.patrol.report(**same_id, **other_text)) == ("refused", "entry-id-reused")
    second_phone = street.patrol.new_phone()
    entry = second_phone.entry("case_reported", body, clock.now(), entry_id=UUID(case))
    assert slug(street.patrol.send(entry, phone=second_phone)[0]) == ("refused", "entry-id-reused")
    assert slug(street.other_patrol.report(**same_id, **other_text)) == ("refused", "id-reused")
    assert slug(street.other_patrol.say("case_noted", {"case": case, "text": "…!"}))[0] == "refused"
    reused = intake(street, id=case)
    assert (reused.status_code, reused.json["type"].split("/")[-1]) == (409, "id-reused")
    seen = street.patrol.case(case)
    assert (seen["text"], seen["reports"], street.steps(case)) == (
        "店外摆了两张桌子",
        1,
        ["file", "dispatch"],
    )
    assert street.sql("select count(*) n from case_file")[0].n == 1


def test_the_id_of_a_step_used_again_for_another_step_is_refused(street):
    case = street.patrol.file()
    once = {"id": str(uuid7()), "text": "先看看"}
    assert street.desk.ask(f"{case}/notes", once)["version"] == 3
    assert street.desk.ask(f"{case}/notes", once)["version"] == 3
    again = street.desk.ask(f"{case}/notes", once | {"text": "别的话"}, 409)
    assert again["type"].endswith("/id-reused")
    assert street.desk.ask(f"{case}/voiding", once, 409)["type"].endswith("/id-reused")


def test_the_same_report_many_times_at_once_and_in_one_batch_makes_one_case(street):
    phone = street.patrol.phone
    now = clock.now()
    entry = phone.entry("case_reported", report_body(SHOP, now), now)
    assert [r["status"] for r in street.patrol.send(entry, entry)] == ["applied", "already"]
    fresh = phone.entry("case_reported", report_body(SHOP, now), now)
    body = phone.batch([fresh], clock.now())

    def send() -> str:
        answer = street.app.test_client().post("/api/v1/sync", json=body, headers=street.patrol.headers)
        return str(answer.json["results"][0]["status"])

    assert sorted(at_once(*[send] * 4)) == ["already"] * 3 + ["applied"]
    assert street.sql("select count(*) n from case_file")[0].n == 2
    assert unsound(street) == []


def test_two_phones_that_use_one_id_at_once_make_one_case_and_the_other_hears_why(street):
    case_id, now = uuid7(), clock.now()
    people = [street.patrol, street.other_patrol]
    entries = [p.phone.entry("case_reported", report_body(SHOP, now), now, entry_id=case_id) for p in people]
    results = at_once(
        *[lambda p=p, e=e: p.send(e)[0] for p, e in zip(people, entries, strict=True)],
        lambda: intake(street, id=str(case_id)).status_code,
    )
    refused = [slug(r) for r in results[:2] if r["status"] == "refused"]
    if results[2] == 503:  # it met the others half-way and was asked to come again
        results[2] = intake(street, id=str(case_id)).status_code
    assert [r["status"] for r in results[:2]].count("applied") == (1 if results[2] == 409 else 0), results
    assert set(refused) <= {("refused", "id-reused"), ("refused", "entry-id-reused")}
    assert street.sql("select count(*) n from case_file")[0].n == 1


def test_a_source_that_says_the_same_number_at_once_under_many_ids_makes_one_case(street):
    answers = at_once(*[lambda: intake(street)] * 4)
    assert [a.status_code for a in answers] == [201] * 4
    assert len({a.json["id"] for a in answers}) == 1
    assert street.sql("select reports from case_file")[0].reports == 1
    assert unsound(street) == []


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_steps_of_two_people_in_any_order_are_legal_late_or_refused_and_never_lost(street, order):
    case = street.patrol.file()
    first, second = street.handler, street.second
    old_phone = first.new_phone()  # forgotten in a drawer, with the return on it
    now = clock.now()
    kinds: list[tuple[Person, Any, str, Json]] = [
        (first, first.phone, "case_accepted", {}),
        (first, old_phone, "case_returned", {"reason": "not_ours", "text": "不归我"}),
        (second, second.phone, "case_resolved", {"photos": [photo("after", now)]}),
        (street.other_patrol, street.other_patrol.phone, "case_verified", {"passed": True}),
    ]
    results = {}
    for number in order:
        person, phone, kind, body = kinds[number]
        result = person.say(kind, {"case": case, **body}, phone=phone)
        results[kind] = result
        assert slug(result) in {("applied", None), ("refused", "step-not-now"), ("refused", "step-not-yours")}
    kept = {str(r.id) for r in street.sql("select id from case_event where case_id = :id", id=case)}
    assert {r["id"] for r in results.values() if r["status"] == "applied"} <= kept
    assert unsound(street) == []


def test_an_acceptance_that_comes_after_somebody_else_was_asked_is_kept_as_late(street):
    case = street.patrol.file()
    entry = street.handler.phone.entry("case_accepted", {"case": case}, clock.now())  # with no network
    street.fire(timedelta(hours=1))
    assert street.patrol.case(case)["owner"]["id"] == str(street.second.id)
    late = street.handler.send(entry)[0]
    assert slug(late) == ("applied", None)
    event = street.desk.case(case)["events"][-1]
    assert (event["step"], event["data"]["step"], event["actor"]["id"]) == (
        "late", "accept", str(street.handler.id),
    )  # fmt: skip
    seen = street.patrol.case(case)
    assert (seen["state"], seen["owner"]["id"]) == ("dispatched", str(street.second.id))
    stranger = street.deputy.about("case_accepted", case)
    assert slug(stranger) == ("refused", "step-not-yours")
    assert unsound(street) == []


@pytest.mark.parametrize("gone", ["deleted", "left the post", "off duty"])
def test_an_owner_who_is_gone_before_accepting_is_followed_by_the_next(street, gone, owner_db):
    case = street.patrol.file()
    statement = {
        "deleted": "update app_user set active = false where id = :id",
        "left the post": "delete from post where user_id = :id",
        "off duty": "update shift set ended_at = now(), end_kind = 'self' where user_id = :id",
    }[gone]
    owner_db.execute(text(statement), {"id": street.handler.id})
    street.fire(timedelta(hours=1))
    seen = street.patrol.case(case)
    assert (seen["state"], seen["owner"]["id"]) == ("dispatched", str(street.second.id))
    assert street.patrol.file() is not None
    newest = street.sql("select owner_id from case_file order by id desc limit 1")[0]
    assert newest.owner_id == street.second.id
    unfit = {"owner_id": str(street.handler.id)}
    if gone != "off duty":
        refused = street.desk.ask(f"{case}/dispatch", unfit, 409)
        assert refused["type"].endswith("/person-unfit")
    assert unsound(street) == []


@pytest.mark.parametrize("missing", ["case_policy", "work_calendar"])
def test_a_report_before_the_street_is_set_up_is_kept_and_becomes_a_case_afterwards(
    street, missing, owner_db
):
    owner_db.execute(text("delete from work_day"))
    owner_db.execute(text(f"delete from {missing}"))
    result = street.patrol.report()
    assert slug(result)[0] == "held"
    answer = intake(street)
    assert (answer.status_code, answer.json["type"].split("/")[-1]) == (
        409, "policy-missing" if missing == "case_policy" else "calendar-missing",
    )  # fmt: skip
    _set_up(street)
    later = clock.now() + timedelta(minutes=30)
    with street.app.app_context():
        for log_id in sync.logs_to_release(later):
            sync.release_held(log_id, later)
        db.session.commit()
    seen = street.patrol.case(result["id"])
    assert (seen["state"], street.steps(result["id"])) == ("dispatched", ["file", "dispatch"])
    assert unsound(street) == []


def _set_up(street: CaseStreet) -> None:
    code, now = street.street.code, clock.now()
    with street.app.app_context():
        days = (DATA / "workdays_cn.json").read_text(encoding="utf-8")
        calendars.import_days(code, days, now, actor_kind="cli")
        policies.save_policy(
            code, json.loads((DATA / "demo/policy.json").read_text(encoding="utf-8")), None, now
        )
        db.session.commit()


@pytest.mark.parametrize("missing", ["case_policy", "work_calendar"])
def test_a_timer_that_finds_no_policy_or_calendar_is_tried_again_until_there_is_one(
    street, missing, owner_db
):
    case = street.patrol.file()
    owner_db.execute(text("set session_replication_role = replica"))  # days may stand alone for a while
    kept = owner_db.execute(text(f"delete from {missing} returning to_json({missing}.*)")).scalar_one()
    street.fire(timedelta(hours=1))
    row = street.sql("select attempts, state from timer where kind = 'case.acknowledge'")[0]
    assert (row.attempts, row.state) == (1, "pending")
    assert street.steps(case) == ["file", "dispatch"]
    back = f"insert into {missing} select * from json_populate_record(null::{missing}, cast(:row as json))"
    owner_db.execute(text(back), {"row": json.dumps(kept)})
    street.fire(timedelta(hours=1, minutes=10))
    assert street.steps(case)[:4] == ["file", "dispatch", "escalate", "dispatch"]
    assert unsound(street) == []


def test_a_deadline_beyond_the_last_loaded_year_warns_and_still_counts(street, owner_db):
    shorter = "update work_calendar set last_year = 2025, fingerprint = fingerprint || 'x'"
    owner_db.execute(text(shorter))
    seen = street.patrol.case(street.patrol.file(GRATE))
    assert seen["resolve_limit"]["unit"].startswith("work")
    assert seen["deadline"]["warnings"] == ["beyond_calendar"]


@pytest.mark.parametrize("off", [timedelta(days=-400), timedelta(hours=-9), timedelta(days=30)])
def test_a_phone_whose_clock_is_off_gets_the_clocks_of_the_server(street, off):
    now = clock.now()
    phone = street.patrol.phone
    entry = phone.entry("case_reported", report_body(SHOP, now + off), now + off)
    answer = street.patrol.client.post(
        "/api/v1/sync", json=phone.batch([entry], now + off), headers=street.patrol.headers
    )
    case = answer.json["results"][0]["id"]
    row = street.sql("select * from case_file where id = :id", id=case)[0]
    assert abs(row.filed_at - now) < timedelta(minutes=1)
    assert abs(row.found_at - now) < timedelta(minutes=1)
    assert timedelta(hours=1) < row.due_at - now < timedelta(hours=3)
    used = street.sql("select captured_at from photo_use where subject_id = :id", id=case)[0]
    assert abs(used.captured_at - now) < timedelta(minutes=1)


def test_a_report_is_a_case_before_its_photo_comes_and_a_photo_waits_for_its_report(street):
    body, now = a_photo(), clock.now()
    named = {"sha256": name_of(body), "role": "before", "at": wire_time(now), "fix": fix(now)}
    case = street.patrol.file(photos=[named])
    assert [p["state"] for p in street.desk.case(case)["photos"]] == ["missing"]
    put = street.patrol.client.put(
        f"/api/v1/photos/{name_of(body)}", data=body, content_type="image/jpeg", headers=street.patrol.headers
    )
    assert put.status_code == 200, put.text
    shown = street.desk.case(case)["photos"]
    assert [p["state"] for p in shown] == ["stored"]
    second = street.patrol.file(photos=[named])  # the photo is here, the report comes
    assert street.desk.case(second)["photos"][0]["state"] == "stored"
    assert street.desk.case(second)["photos"][0]["doubts"] != shown[0]["doubts"]  # used before: it shows


def test_a_hold_ends_when_it_was_to_end_even_where_the_worker_was_away(street):
    case = street.patrol.file()
    street.handler.about("case_accepted", case)
    now = clock.now()
    until = now + timedelta(hours=1)
    street.desk.ask(f"{case}/hold", {"until": until.isoformat(), "text": "等配件"})
    due = street.sql("select clock_from from case_file where id = :id", id=case)[0].clock_from
    street.fire(timedelta(hours=30))
    pause = street.sql("select ends_at from case_pause")[0]
    assert pause.ends_at == until
    seen = street.desk.case(case)
    assert seen["due_at"] is not None
    moved = street.sql("select due_at from case_file where id = :id", id=case)[0].due_at - due
    assert timedelta(hours=2, minutes=59) < moved < timedelta(hours=3, minutes=1)
    assert unsound(street) == []


def test_two_dispatchers_at_once_act_in_turns_and_nothing_is_done_twice(street):
    case = street.patrol.file()
    street.handler.about("case_accepted", case)
    street.handler.about("case_returned", case, reason="not_ours", text="不归我")
    body = {"owner_id": str(street.second.id), "text": "由第二组处理"}

    def arbitrate() -> tuple[int, Any]:
        client = street.app.test_client()
        answer = client.post(
            f"/api/v1/cases/{case}/arbitration",
            json={"id": str(uuid7()), **body},
            headers=street.leader.headers,
        )
        return answer.status_code, answer.json["type"] if answer.status_code != 200 else answer.json["state"]

    answers = sorted(at_once(arbitrate, arbitrate))
    assert [status for status, _ in answers] == [200, 409]
    assert answers[1][1].endswith("/step-not-now")
    assert street.steps(case).count("arbitrate") == 1
    assert unsound(street) == []


def test_two_dispatchers_who_link_two_cases_to_each_other_do_not_wait_for_each_other(street):
    for _ in range(4):
        one, other = street.patrol.file(), street.patrol.file()

        def link(case: str, parent: str) -> int:
            return street.app.test_client().post(
                f"/api/v1/cases/{case}/linking",
                json={"id": str(uuid7()), "parent_id": parent, "text": "同一件事"},
                headers=street.desk.headers,
            ).status_code  # fmt: skip

        assert sorted(at_once(lambda a=one, b=other: link(a, b), lambda a=one, b=other: link(b, a))) == [
            200,
            409,
        ]
    assert unsound(street) == []
