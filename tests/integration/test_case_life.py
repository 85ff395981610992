"""A case from the photo to the verified end, on the real tables, through the doors that phones and desks use."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.cases import orphans
from app.core import clock
from app.core.extensions import db
from tests import factories
from tests.integration.case_street import BUILDING, MANHOLE, SHOP, CaseStreet, fix, photo


@pytest.fixture
def street(app) -> CaseStreet:
    return CaseStreet(app)


def test_a_common_problem_goes_from_photo_to_person_to_verified_and_closed(street):
    case = street.patrol.file()
    now = clock.now()
    seen = street.patrol.case(case)
    assert (seen["state"], seen["mode"], seen["owner"]["id"]) == (
        "dispatched",
        "point",
        str(street.handler.id),
    )
    assert seen["number"].endswith("-0001")
    assert street.timers(case) == {"case.acknowledge", "case.warn", "case.due"}
    assert street.handler.about("case_accepted", case)["status"] == "applied"
    assert street.timers(case) == {"case.warn", "case.due"}
    shift = str(street.sql("select id from shift where user_id = :u", u=street.handler.id)[0].id)
    there = street.handler.about("case_arrived", case, fix=fix(now), shift=shift)
    assert (there["status"], there["grade"], there["reasons"]) == ("applied", "verified", [])
    after = [photo("after", now)]
    done = street.handler.about("case_resolved", case, photos=after, fix=fix(now), shift=shift)
    assert done["status"] == "applied"
    seen = street.patrol.case(case)
    assert (seen["state"], street.timers(case)) == ("resolved", {"case.verify"})
    verifier = next(p["person"]["id"] for p in seen["people"] if p["part"] == "verifier")
    assert verifier == str(street.other_patrol.id)  # not the one who found it, while another is on duty
    assert seen["verifier"]["id"] == verifier  # whoever else may verify it is told so
    assert street.handler.about("case_verified", case, passed=True)["problem"].endswith("/step-not-yours")
    assert street.other_patrol.about("case_verified", case, passed=True)["status"] == "applied"
    seen = street.patrol.case(case)
    assert (seen["state"], street.timers(case)) == ("closed", set())
    assert street.steps(case) == [
        "file", "dispatch", "accept", "arrive", "resolve", "verify_pass", "close",
    ]  # fmt: skip
    told = street.told(case)
    assert {
        ("handler_a", "case.dispatched"),
        ("patrol_b", "case.to_verify"),
        ("patrol", "case.closed"),
    } <= told


def test_a_message_speaks_of_the_deadline_of_what_it_asks_for(street):
    """Accept by, check by: not by when the problem is to be put right."""
    case = street.patrol.file()
    seen = street.patrol.case(case)
    street.handler.about("case_accepted", case)
    street.handler.about("case_resolved", case, photos=[photo("after", clock.now())])
    checked = street.patrol.case(case)
    told = street.sql(
        "select kind, data->>'due_at' as due_at from notification where subject_id = :c", c=case
    )
    by = {row.kind: row.due_at for row in told}
    assert by["case.dispatched"] == seen["acknowledge_due_at"] != seen["due_at"]
    assert by["case.to_verify"] == checked["verify_due_at"]


def test_a_case_nobody_reacts_to_climbs_from_point_to_assign_to_watch(street):
    case = street.patrol.file()
    modes = ["point"]
    for hours in range(1, 200):
        street.fire(timedelta(hours=hours))
        mode = street.patrol.case(case)["mode"]
        if mode != modes[-1]:
            modes.append(mode)
        if mode == "watch":
            break
    seen = street.patrol.case(case)
    assert modes == ["point", "assign", "watch"]
    people = {p["part"]: p["person"]["id"] for p in seen["people"] if p["until"] is None}
    assert people["watcher"] != people["owner"]
    assert street.sql("select count(*) n from timer where state = 'failed'")[0].n == 0
    owners = [p["person"]["display_name"] for p in seen["people"] if p["part"] == "owner"]
    assert len(owners) > 2, owners


def test_a_watched_case_is_closed_by_its_watcher_alone_and_only_after_a_verification(street):
    case = street.patrol.file(BUILDING)
    seen = street.supervisor.case(case)
    people = {p["part"]: p["person"]["id"] for p in seen["people"]}
    assert people == {"owner": str(street.owner.id), "watcher": str(street.supervisor.id)}
    early = street.supervisor.ask(f"{case}/closing", {}, 409)
    assert early["type"].endswith("/step-not-now")
    street.owner.about("case_accepted", case)
    street.owner.about("case_resolved", case, photos=[photo("after", clock.now())])
    assert street.supervisor.ask(f"{case}/closing", {}, 409)["type"].endswith("/step-not-now")
    assert "verify_pass" not in street.supervisor.case(case)["steps"]
    own = street.supervisor.ask(f"{case}/verification", {"passed": True}, 403)
    assert own["type"].endswith("/step-not-yours")  # the check is what the watcher's word rests on
    found = street.patrol.about("case_verified", case, passed=True)
    assert found["problem"].endswith("/step-not-yours")  # while somebody else is asked
    street.other_patrol.about("case_verified", case, passed=True)
    assert street.patrol.case(case)["state"] == "verified"
    assert street.leader.ask(f"{case}/closing", {}, 403)["type"].endswith("/step-not-yours")
    assert street.supervisor.ask(f"{case}/closing", {"text": "已复核"})["state"] == "closed"
    assert street.timers(case) == set()


def test_who_is_named_to_watch_does_not_check_and_somebody_else_is_asked(street):
    case = street.patrol.file()
    street.handler.about("case_accepted", case)
    street.handler.about("case_resolved", case, photos=[photo("after", clock.now())])
    with factories.writing() as session:  # as if nobody but the supervisor had been there to ask
        head = {"who": street.supervisor.id, "case": case}
        session.execute(text("update case_file set verifier_id = :who where id = :case"), head)
        asked = "update case_person set user_id = :who where case_id = :case and part = 'verifier'"
        session.execute(text(asked), head)
    street.supervisor.ask(f"{case}/watcher", {"user_id": str(street.supervisor.id)})
    parts = {p["part"]: p["person"]["id"] for p in street.desk.case(case)["people"]}
    assert parts["watcher"] == str(street.supervisor.id)
    assert parts["verifier"] == str(street.other_patrol.id)


def test_a_key_problem_has_a_named_owner_and_the_deputy_stands_in(street):
    case = street.patrol.file(MANHOLE)
    seen = street.patrol.case(case)
    assert (seen["mode"], seen["owner"]["id"]) == ("assign", str(street.owner.id))


def test_a_return_keeps_the_clock_running_and_the_arbiters_second_word_is_final(street):
    case = street.patrol.file()
    due = street.patrol.case(case)["due_at"]
    street.handler.about("case_accepted", case)
    back = street.handler.about("case_returned", case, reason="not_ours", text="这是市容的事")
    assert back["status"] == "applied"
    seen = street.leader.case(case)
    assert (seen["state"], seen["due_at"], seen["returns"]) == ("returned", due, 1)
    assert "arbitrate" in seen["steps"]
    assert street.desk.ask(f"{case}/dispatch", {"owner_id": str(street.second.id)}, 409)
    named = {"owner_id": str(street.second.id), "text": "由第二组处理"}
    assert street.leader.ask(f"{case}/arbitration", named)["owner"]["id"] == str(street.second.id)
    street.second.about("case_returned", case, reason="wrong_place", text="不在这个路段")
    seen = street.leader.ask(f"{case}/arbitration", named)
    assert seen["returns"] == 2
    third = street.second.about("case_returned", case, reason="not_ours", text="还是不归我")
    assert (third["status"], third["problem"].split("/")[-1]) == ("refused", "step-not-now")
    assert street.second.about("case_accepted", case)["status"] == "applied"


def test_fixed_on_the_spot_is_filed_and_closed_at_once_with_both_photos(street):
    now = clock.now()
    both = [photo("before", now), photo("after", now)]
    case = street.patrol.file(photos=both, fixed_on_spot=True)
    seen = street.patrol.case(case)
    assert (seen["state"], street.steps(case), street.timers(case)) == ("closed", ["file"], set())
    bad = street.patrol.report(photos=[photo("before", now)], fixed_on_spot=True)
    assert (bad["status"], bad["problem"].split("/")[-1]) == ("refused", "entry-invalid")


def test_work_that_is_not_done_goes_back_to_the_same_handler(street):
    case = street.patrol.file()
    street.handler.about("case_accepted", case)
    street.handler.about("case_resolved", case, photos=[photo("after", clock.now())])
    street.other_patrol.about("case_verified", case, passed=False, text="桌子还在")
    seen = street.handler.case(case)
    assert (seen["state"], seen["owner"]["id"]) == ("acknowledged", str(street.handler.id))
    assert "case.due" in street.timers(case)
    task = street.handler.feed()["tasks"][0]
    assert task["last_note"] == "桌子还在"


def test_a_hold_stops_the_clock_and_its_time_does_not_count(street):
    case = street.patrol.file()
    street.handler.about("case_accepted", case)
    until = (clock.now() + timedelta(hours=3)).isoformat()
    asked = street.handler.about("case_hold_asked", case, text="等配件", until=until)
    assert asked["status"] == "applied"
    request = street.desk.case(case)["requests"][0]
    seen = street.desk.ask(
        f"{case}/decisions", {"request_id": request["id"], "granted": True, "text": "同意"}
    )
    assert (seen["state"], seen["due_at"]) == ("on_hold", None)
    assert street.timers(case) == {"case.hold_end"}
    street.fire(timedelta(hours=3, minutes=1))
    seen = street.desk.case(case)
    assert seen["state"] == "acknowledged"
    assert "case.due" in street.timers(case)
    kinds = [step["kind"] for step in seen["deadline"]["steps"]]
    assert "pause" in kinds


def test_whoever_has_left_loses_the_case_to_somebody_who_is_there(street):
    case = street.patrol.file(BUILDING)
    street.owner.about("case_accepted", case)
    for person in (street.owner, street.supervisor):
        with factories.writing() as session:
            session.execute(text("update app_user set active = false where id = :id"), {"id": person.id})
    with street.app.app_context():
        assert orphans.adopt(clock.now()) == 1
        db.session.commit()
        assert orphans.adopt(clock.now()) == 0
    seen = street.leader.case(case)
    people = {p["part"]: p["person"]["id"] for p in seen["people"] if p["until"] is None}
    assert people["owner"] == str(street.deputy.id)
    assert people["watcher"] == str(street.leader.id)
    assert seen["state"] == "dispatched"


@pytest.mark.parametrize(("above", "becomes"), [("there", "supervisor"), ("away", None)])
def test_a_returned_case_does_not_wait_for_an_arbiter_on_leave(street, above, becomes):
    case = street.patrol.file(BUILDING)
    street.owner.about("case_accepted", case)
    street.owner.about("case_returned", case, reason="not_ours", text="不属于本科室")
    assert arbiter_of(street, case) == str(street.leader.id)
    factories.make_absence(street.leader.user)
    if above == "away":
        factories.make_absence(street.supervisor.user)
    with street.app.app_context():
        assert orphans.adopt(clock.now()) == 1
        db.session.commit()
        assert orphans.adopt(clock.now()) == 0
    assert arbiter_of(street, case) == (becomes and str(getattr(street, becomes).id))
    named = street.supervisor.ask(
        f"{case}/arbitration", {"owner_id": str(street.deputy.id), "text": "由副职处理"}
    )
    assert (named["state"], named["owner"]["id"]) == ("dispatched", str(street.deputy.id))


def arbiter_of(street, case):
    people = street.leader.case(case)["people"]
    return next((p["person"]["id"] for p in people if p["part"] == "arbiter" and p["until"] is None), None)


def test_work_that_failed_its_check_after_the_deadline_still_has_a_clock(street):
    case = street.patrol.file()
    street.handler.about("case_accepted", case)
    street.fire(timedelta(hours=2, minutes=1))
    owner = street.patrol.case(case)["owner"]["id"]
    person = next(p for p in (street.handler, street.second, street.owner) if str(p.id) == owner)
    person.about("case_accepted", case)
    person.about("case_resolved", case, photos=[photo("after", clock.now())])
    street.other_patrol.about("case_verified", case, passed=False, text="没有清理干净")
    assert "case.due" in street.timers(case)


def test_a_supervisor_names_another_watcher_but_nobody_who_did_the_work(street):
    case = street.patrol.file(BUILDING)
    named = street.leader.ask(f"{case}/watcher", {"user_id": str(street.leader.id)})
    people = {p["part"]: p["person"]["id"] for p in named["people"] if p["until"] is None}
    assert people["watcher"] == str(street.leader.id)
    assert street.leader.ask(f"{case}/watcher", {"user_id": str(street.handler.id)}, 409)


def test_an_outside_number_makes_one_case_whatever_id_it_came_with(street):
    ticket = {
        "source": "hotline",
        "source_ref": "SH12345-001",
        "class_key": SHOP,
        "lat": factories.LAT,
        "lon": factories.LON,
        "found_at": clock.now().isoformat(),
        "text": "店铺占道",
    }
    first = street.desk.ask("", ticket, 201)
    assert first["state"] == "dispatched"
    again = street.desk.ask("", ticket, 201)
    assert (again["id"], again["reports"]) == (first["id"], 1)
    reused = {"id": first["id"], **ticket, "text": "别的内容"}
    assert street.desk.ask("", reused, 409)["type"].endswith("/id-reused")


def test_enough_reports_of_one_problem_raise_it_and_each_reporter_is_answered(street):
    case = street.patrol.file()
    third = street._person("patroller", street.street.units[0], "patrol_c")
    for person in (street.other_patrol, third):
        assert person.about("case_joined", case, text="我也看到了")["status"] == "applied"
    seen = street.desk.case(case)
    assert (seen["reports"], seen["mode"]) == (3, "assign")
    street.desk.ask(f"{case}/voiding", {"text": "重复上报"})
    assert {("patrol_b", "case.voided"), ("patrol_c", "case.voided")} <= street.told(case)


def test_a_duplicate_is_linked_and_its_reporter_is_answered_with_the_other_case(street):
    first = street.patrol.file()
    second = street.other_patrol.file()
    linked = street.desk.ask(f"{second}/linking", {"parent_id": first, "text": "同一家店"})
    assert (linked["state"], linked["parent_id"], street.timers(second)) == ("duplicate", first, set())
    seen = street.desk.case(first)
    assert [r["reporter"]["id"] for r in seen["other_reports"]] == [str(street.other_patrol.id)]
    street.desk.ask(f"{first}/voiding", {"text": "不够立案"})
    assert ("patrol_b", "case.voided") in street.told(first)


def test_a_closed_case_that_is_back_gets_a_new_clock_and_the_same_number(street):
    case = street.patrol.file()
    number = street.desk.case(case)["number"]
    street.desk.ask(f"{case}/voiding", {"text": "不够立案"})
    seen = street.desk.ask(f"{case}/reopening", {"text": "又出现了"})
    assert (seen["state"], seen["number"], seen["ended_at"]) == ("dispatched", number, None)
    assert street.timers(case) >= {"case.acknowledge", "case.due"}


def test_the_owner_is_on_scene_when_two_positions_lie_in_the_circle(street):
    case = street.patrol.file()
    street.handler.about("case_accepted", case)
    shift = str(street.sql("select id from shift where user_id = :u", u=street.handler.id)[0].id)
    now = clock.now()
    steps = [fix(now, lat=factories.LAT + 0.003), fix(now + timedelta(milliseconds=1))]
    street.handler.say("track", {"shift": shift, "fixes": steps})
    seen = street.desk.case(case)
    owner = next(p for p in seen["people"] if p["part"] == "owner")
    assert (seen["state"], owner["arrived_at"]) == ("acknowledged", None)
    assert owner["distance_m"] < 30
    street.handler.say("track", {"shift": shift, "fixes": [fix(clock.now())]})
    seen = street.desk.case(case)
    assert seen["state"] == "on_scene"
    assert ("super", "case.arrived") not in street.told(case)  # nobody watches over a common problem


def test_a_case_nobody_is_there_for_is_kept_open_and_found_an_owner_later(app):
    street = CaseStreet(app)
    with factories.writing() as session:
        session.execute(text("update shift set ended_at = now()"))
        session.execute(
            text("update app_user set active = false where username in ('super','desk','super_b')")
        )
    case = street.patrol.file()
    seen = street.leader.case(case)
    assert (seen["state"], seen["owner"]) == ("open", None)
    assert {"case.nobody", "case.look"} <= street.timers(case)
    assert ("leader", "case.nobody_on_duty") in street.told(case)
    factories.make_shift(street.handler.user, street.street.areas[0])
    street.fire(timedelta(days=3))
    assert street.leader.case(case)["owner"] is not None
