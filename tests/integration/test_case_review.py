"""What is easily got wrong about cases: who hears of the end, who may do what, what came late, what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from app.cases import orphans
from app.cases.schemas import CaseMapOut
from app.core import clock
from app.core.extensions import db
from tests import factories
from tests.integration.case_street import BUILDING, MANHOLE, SHOP, CaseStreet, Person, fix, photo


@pytest.fixture
def street(app) -> CaseStreet:
    return CaseStreet(app)


def resolve(handler: Person, case: str) -> None:
    """Accept and resolve."""
    done = handler.about("case_resolved", case, photos=[photo("after", clock.now())])
    assert done["status"] == "applied", done


def reached(street: CaseStreet, case: str, kind: str) -> set[str]:
    """Who was told *kind* of the case and still sees it as news."""
    rows = street.sql(
        "select u.username from notification n join app_user u on u.id = n.user_id where n.subject_id = :id "
        "and n.kind = :kind and n.withdrawn_at is null and n.acknowledged_at is null",
        id=case,
        kind=kind,
    )
    return {row.username for row in rows}


@contextmanager
def counted(app: Any) -> Iterator[list[str]]:
    """The statements that run meanwhile."""
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_how_a_case_ended_reaches_everybody_although_older_news_are_withdrawn(street):
    case = street.patrol.file()
    resolve(street.handler, case)
    street.other_patrol.about("case_verified", case, passed=True)
    assert reached(street, case, "case.closed") >= {"patrol", "handler_a"}
    assert not reached(street, case, "case.to_verify")
    voided = street.patrol.file()
    street.desk.ask(f"{voided}/voiding", {"text": "不够立案"})
    assert reached(street, voided, "case.voided") >= {"patrol", "handler_a"}
    assert not reached(street, voided, "case.dispatched")


def test_a_verified_case_is_told_once_to_those_who_hear_that_it_is_closed(street):
    case = street.patrol.file()
    resolve(street.handler, case)
    street.other_patrol.about("case_verified", case, passed=True)
    kinds = [kind for name, kind in street.told(case) if name == "patrol"]
    assert "case.verified" not in kinds
    watched = street.patrol.file(BUILDING)
    resolve(street.owner, watched)
    street.other_patrol.about("case_verified", watched, passed=True)
    assert ("super", "case.verified") in street.told(watched)


def test_who_helped_and_has_finished_does_not_verify(street):
    case = street.patrol.file()
    street.handler.about("case_accepted", case)
    street.desk.ask(f"{case}/co-handlers", {"user_id": str(street.other_patrol.id)})
    street.other_patrol.about("case_co_done", case, text="我的部分好了")
    resolve(street.handler, case)
    seen = street.desk.case(case)
    verifier = next(p["person"]["id"] for p in seen["people"] if p["part"] == "verifier")
    assert verifier != str(street.other_patrol.id)
    assert case not in [card["id"] for card in street.other_patrol.feed()["to_verify"]]
    result = street.other_patrol.about("case_verified", case, passed=True)
    assert (result["status"], result["problem"].split("/")[-1]) == ("refused", "step-not-yours")


def test_the_desk_says_what_is_still_wrong_when_it_sends_work_back(street):
    case = street.patrol.file()
    resolve(street.handler, case)
    street.desk.ask(f"{case}/verification", {"passed": False}, 422)
    sent_back = street.desk.ask(f"{case}/verification", {"passed": False, "text": "桌子还在"})
    assert sent_back["state"] == "acknowledged"
    assert all(p["until"] for p in sent_back["people"] if p["part"] == "verifier")


def test_after_work_was_sent_back_only_a_new_visit_is_an_arrival(street):
    case = street.patrol.file()
    street.handler.about("case_accepted", case)
    shift = str(street.sql("select id from shift where user_id = :u", u=street.handler.id)[0].id)
    now = clock.now()
    street.handler.say("track", {"shift": shift, "fixes": [fix(now), fix(now + timedelta(milliseconds=1))]})
    assert street.desk.case(case)["state"] == "on_scene"
    resolve(street.handler, case)
    street.other_patrol.about("case_verified", case, passed=False, text="没有清理")
    far = fix(clock.now(), lat=factories.LAT + 0.01)
    street.handler.say("track", {"shift": shift, "fixes": [far]})
    assert street.desk.case(case)["state"] == "acknowledged"


def test_a_duplicate_brings_all_who_had_reported_it_along(street):
    first, second = street.patrol.file(), street.other_patrol.file()
    third = street._person("patroller", street.street.units[0], "patrol_c")
    third.about("case_joined", second, text="我也看到了")
    street.desk.ask(f"{second}/linking", {"parent_id": first, "text": "同一家店"})
    seen = street.desk.case(first)
    reporters = {r["reporter"]["id"] for r in seen["other_reports"]}
    assert reporters == {str(street.other_patrol.id), str(third.id)}
    assert (seen["reports"], seen["mode"]) == (3, "assign")  # three reports raise it
    joined = next(e for e in seen["events"] if e["step"] == "join")
    assert joined["actor"]["id"] == str(street.desk.id)
    assert joined["data"] == {"duplicate": street.desk.case(second)["number"]}
    street.desk.ask(f"{first}/voiding", {"text": "不够立案"})
    assert reached(street, first, "case.voided") >= {"patrol_b", "patrol_c"}


def test_nobody_links_a_case_to_one_that_they_may_not_see(street):
    case = street.patrol.file()
    stranger = street._person("supervisor", street.street.areas[1], "super_c")
    there = street.other_patrol.file(fix=fix(clock.now(), lon=factories.LON + 0.2))
    with factories.writing() as session:
        session.execute(
            text("update case_file set place_code = :there where id = :id"),
            {"there": street.street.areas[1], "id": there},
        )
    refused = stranger.ask(f"{there}/linking", {"parent_id": case, "text": "同一家店"}, 409)
    assert refused["type"].endswith("/no-such-case")


def test_a_ticket_reported_again_does_not_make_the_desk_a_reporter(street):
    ticket = {
        "source": "hotline",
        "source_ref": "SH1",
        "class_key": MANHOLE,
        "lat": factories.LAT,
        "lon": factories.LON,
        "found_at": clock.now().isoformat(),
    }
    case = street.desk.ask("", ticket, 201)["id"]
    again = street.desk.ask("", ticket, 201)
    assert (again["other_reports"], [e["step"] for e in again["events"]][-1]) == ([], "join")
    street.leader.ask(f"{case}/raising", {"text": "请快一点"})
    street.supervisor.ask(f"{case}/voiding", {"text": "不够立案"})
    assert ("desk", "case.voided") not in street.told(case)


def test_a_note_of_somebody_replaced_meanwhile_is_kept_with_its_photos_and_changes_nothing(street):
    case = street.patrol.file()
    street.handler.about("case_accepted", case)
    phone = street.handler.phone
    assert phone is not None
    said = {"case": case, "text": "店主不在", "photos": [photo("note", clock.now())]}
    late = phone.entry("case_noted", said, clock.now())
    asked = phone.entry("case_extension_asked", {"case": case, "text": "等人", "amount": 2}, clock.now())
    street.desk.ask(f"{case}/voiding", {"text": "不够立案"})
    assert [r["status"] for r in street.handler.send(late, asked)] == ["applied", "applied"]
    seen = street.desk.case(case)
    kept = [(e["step"], e["data"].get("step"), e["text"]) for e in seen["events"][-2:]]
    assert kept == [("late", "note", "店主不在"), ("late", "ask_extension", "等人")]
    assert (seen["state"], seen["requests"]) == ("void", [])
    assert "note" in {p["role"] for p in seen["photos"]}
    stranger = street.second.about("case_noted", case, text="路过")
    assert stranger["status"] == "refused"


def test_who_returned_a_case_does_not_arbitrate_their_own_return(street):
    with factories.writing() as session:
        session.execute(text("update app_user set active = false where username = 'leader'"))
    case = street.patrol.file()
    street.desk.ask(f"{case}/dispatch", {"owner_id": str(street.supervisor.id)})
    assert (
        street.supervisor.about("case_returned", case, reason="not_ours", text="不归我")["status"]
        == "applied"
    )
    street.supervisor.ask(f"{case}/arbitration", {"owner_id": str(street.handler.id), "text": "给他"}, 403)


def test_a_final_word_about_one_owner_does_not_bind_the_next(street):
    case = street.patrol.file()
    for who in (street.handler, street.second):
        who.about("case_returned", case, reason="not_ours", text="不归我")
        street.leader.ask(f"{case}/arbitration", {"owner_id": str(street.second.id), "text": "由你办"})
    assert street.second.about("case_returned", case, reason="not_ours", text="不")["status"] == "refused"
    street.desk.ask(f"{case}/dispatch", {"owner_id": str(street.deputy.id)})
    assert street.deputy.about("case_returned", case, reason="not_ours", text="不归我")["status"] == "applied"


def test_a_hold_has_an_end_within_a_year(street):
    case = street.patrol.file()
    far = (clock.now() + timedelta(days=400)).isoformat()
    refused = street.desk.ask(f"{case}/hold", {"until": far, "text": "等规划"}, 409)
    assert refused["type"].endswith("/step-not-now")
    street.handler.about("case_accepted", case)
    assert street.handler.about("case_hold_asked", case, until=far, text="等配件")["status"] == "refused"


def test_only_who_answers_for_a_case_sees_how_far_its_owner_is_and_only_on_duty(street):
    case = street.patrol.file()
    street.handler.about("case_accepted", case)
    shift = str(street.sql("select id from shift where user_id = :u", u=street.handler.id)[0].id)
    street.handler.say("track", {"shift": shift, "fixes": [fix(clock.now(), lat=factories.LAT + 0.003)]})

    def away(person: Person) -> object:
        people = person.case(case)["people"]
        return next(p["distance_m"] for p in people if p["part"] == "owner")

    assert [away(p) is not None for p in (street.desk, street.supervisor, street.handler)] == [True] * 3
    assert [away(p) for p in (street.patrol, street.second)] == [None, None]
    assert (street.patrol.case(case)["reach"], bool(street.desk.case(case)["reach"])) == ([], True)
    with factories.writing() as session:
        session.execute(
            text("update shift set ended_at = now(), end_kind = 'person' where id = :id"), {"id": shift}
        )
    assert away(street.desk) is None


def test_who_leaves_while_somebody_else_is_quicker_costs_the_new_one_nothing(street, monkeypatch):
    case = street.patrol.file(BUILDING)
    with factories.writing() as session:
        session.execute(text("update app_user set active = false where username in ('super', 'owner')"))
    locked = orphans._lock

    def someone_is_quicker(street_code, case_id):
        with factories.writing() as session:
            session.execute(
                text("update case_file set owner_id = :o, watcher_id = :w where id = :id"),
                {"o": street.second.id, "w": street.leader.id, "id": case},
            )
        return locked(street_code, case_id)

    monkeypatch.setattr(orphans, "_lock", someone_is_quicker)
    with street.app.app_context():
        orphans.adopt(clock.now())
        db.session.commit()
    rows = street.sql("select owner_id, watcher_id from case_file where id = :id", id=case)
    assert (rows[0].owner_id, rows[0].watcher_id) == (street.second.id, street.leader.id)


def test_what_is_resolved_counts_as_late_no_longer_on_board_map_and_card(street):
    case = street.patrol.file()
    street.handler.about("case_accepted", case)
    street.fire(timedelta(hours=2, minutes=1))
    board = street.desk.get("/cases?overdue=true")
    assert (board["counts"]["overdue"], [c["overdue"] for c in board["items"]]) == (1, [True])
    owner = street.desk.case(case)["owner"]["id"]
    resolve(next(p for p in (street.handler, street.second, street.owner) if str(p.id) == owner), case)
    board = street.desk.get("/cases?overdue=true")
    assert (board["counts"]["overdue"], board["items"]) == (0, [])
    assert not street.desk.get("/cases")["items"][0]["overdue"]


def test_points_of_the_map_are_as_the_contract_says(street):
    case = street.patrol.file()
    answer = street.desk.get("/cases/map?west=121&south=31&east=122&north=32")
    assert CaseMapOut().dump(answer) == answer
    assert not CaseMapOut().validate(answer)
    assert [point["id"] for point in answer["items"]] == [case]


@pytest.mark.parametrize(
    "box", ["west=122&south=31&east=121&north=32", "west=121&south=32&east=122&north=31"]
)
def test_a_rectangle_with_its_edges_swapped_is_refused(street, box):
    answer = street.desk.client.get(f"/api/v1/cases/map?{box}", headers=street.desk.headers)
    assert answer.status_code == 422


def test_board_feed_map_and_page_take_as_many_queries_for_many_cases_as_for_one(street):
    street.patrol.file()
    paths = (
        "/cases",
        "/field/feed",
        "/cases/map?west=121&south=31&east=122&north=32",
        f"/cases/near?lat={factories.LAT}&lon={factories.LON}",
    )

    def cost() -> list[int]:
        found = []
        for path in paths:
            street.patrol.get(path)  # what a process reads once is read by then
            with counted(street.app) as seen:
                street.patrol.get(path)
            found.append(len(seen))
        return found

    one = cost()
    for _ in range(4):
        street.patrol.file(MANHOLE)
    assert cost() == one


def test_a_track_finds_the_cases_of_its_owner_by_their_index_even_in_a_plan_for_any_value(street):
    street.patrol.file()
    street.handler.about("case_accepted", street.patrol.file())
    shift = str(street.sql("select id from shift where user_id = :u", u=street.handler.id)[0].id)
    with counted(street.app) as seen:
        street.handler.say("track", {"shift": shift, "fixes": [fix(clock.now())]})
    (asked,) = [s for s in seen if "case_file.owner_id =" in s and "case_file.state IN" in s]
    assert "NOT IN ('closed', 'void', 'duplicate')" in asked  # as the index says it, not as parameters


def test_one_person_who_reports_a_problem_again_and_again_counts_once(street):
    case = street.patrol.file()
    for person in (street.other_patrol, street.other_patrol, street.patrol):
        assert person.about("case_joined", case, text="还在那里")["status"] == "applied"
    seen = street.desk.case(case)
    assert (seen["reports"], seen["mode"], len(seen["other_reports"])) == (2, "point", 1)
    assert street.steps(case).count("join") == 3


def test_after_a_hold_somebody_is_looked_for_where_nobody_owned_the_case(street):
    case = street.patrol.file()
    with factories.writing() as session:
        session.execute(text("update case_file set owner_id = null where id = :id"), {"id": case})
    until = (clock.now() + timedelta(hours=1)).isoformat()
    street.desk.ask(f"{case}/hold", {"until": until, "text": "等配件"})
    street.desk.ask(f"{case}/resumption", {})
    assert street.timers(case) >= {"case.acknowledge", "case.look", "case.due"}


def test_the_arbiter_hears_of_a_return_once(street):
    case = street.patrol.file()
    street.handler.about("case_returned", case, reason="not_ours", text="不归我")
    rows = street.sql(
        "select 1 from notification where subject_id = :id and user_id = :who and kind = 'case.returned'",
        id=case,
        who=street.leader.id,
    )
    assert len(rows) == 1


def test_tracks_and_steps_of_one_batch_see_each_other(street, caplog):
    case = street.patrol.file()
    street.handler.about("case_accepted", case)
    shift = str(street.sql("select id from shift where user_id = :u", u=street.handler.id)[0].id)
    phone, now = street.handler.phone, clock.now()
    assert phone is not None
    tracks = [
        phone.entry("track", {"shift": shift, "fixes": [fix(now + timedelta(milliseconds=n))]}, now)
        for n in range(3)
    ]
    done = phone.entry("case_resolved", {"case": case, "photos": [photo("after", now)]}, now)
    with caplog.at_level("INFO", logger="app.sync.replay"):
        results = street.handler.send(*tracks, done)
    assert [r["status"] for r in results] == ["applied"] * 4
    assert street.steps(case) == ["file", "dispatch", "accept", "arrive", "resolve"]
    assert "one by one" not in caplog.text


def test_a_number_of_an_outside_source_opens_no_case_at_a_place_that_is_not_ones_own(street):
    ticket = {
        "source": "hotline",
        "source_ref": "SH2",
        "class_key": SHOP,
        "lat": factories.LAT,
        "lon": 121.415,
        "found_at": clock.now().isoformat(),
    }
    there = street.desk.ask("", ticket, 201)
    narrow = Person(street, factories.make_user("dispatcher", street.street.areas[0]), phone=False)
    answer = narrow.ask("", ticket | {"lon": factories.LON}, 403)
    assert there["id"] not in str(answer)
    assert street.desk.case(there["id"])["version"] == there["version"]


def test_a_condition_that_the_class_does_not_have_is_left_out(street):
    case = street.patrol.file(SHOP, condition=98)
    assert street.sql("select condition from case_file where id = :id", id=case)[0].condition is None
