"""The demonstration street loads once, its walks play once, and production has none of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from app.cli import demo_cases, demo_play, demo_story
from app.cli.demo_people import Api, Cast
from app.core import clock


class InProcess(Api):
    """The same API without a socket between."""

    def __init__(self, app: Flask) -> None:
        super().__init__("http://localhost")
        self.client = app.test_client()

    def exchange(
        self, method: str, path: str, data: bytes | None, content_type: str | None
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = self.client.open(
            f"/api/v1{path}", method=method, data=data, content_type=content_type, headers=headers
        )
        return answer.status_code, answer.data


def load(app: Flask) -> Any:
    return app.test_cli_runner().invoke(args=["demo", "load"])


def play(app: Flask) -> Counter[str]:
    return demo_play.play_street(lambda: InProcess(app))


def play_cases(app: Flask) -> Counter[str]:
    return demo_cases.play_cases(lambda: InProcess(app), clock.now())


def counts(owner_db: Connection) -> dict[str, int]:
    tables = (
        "place",
        "checkpoint",
        "app_user",
        "post",
        "catalogue",
        "case_class",
        "filing_condition",
        "department",
        "responsibility",
        "route",
        "schedule",
        "work_calendar",
        "round",
        "log_entry",
        "case_file",
        "case_event",
        "photo",
        "notification",
        "timer",
        "ledger_row",
    )
    return {t: owner_db.execute(text(f"select count(*) from {t}")).scalar_one() for t in tables}


def test_loading_twice_is_loading_once(app: Flask, owner_db: Connection) -> None:
    assert load(app).exit_code == 0
    once = counts(owner_db)
    assert (once["place"], once["checkpoint"], once["app_user"], once["route"]) == (31, 47, 41, 8)
    assert once["work_calendar"] == 1
    assert owner_db.execute(text("select count(*) from app_user where demo")).scalar_one() == 41
    assert load(app).exit_code == 0
    assert counts(owner_db) == once


def test_the_walks_arrive_whole_and_once(app: Flask, owner_db: Connection) -> None:
    assert load(app).exit_code == 0
    told = play(app)
    assert told["rounds"] > 0
    assert set(told) == {
        "rounds",
        "entries applied",
        "people on duty",
        "check-ins decided",
        "cases reported",
        "steps at desks",
        "photos",
        "photos refused",
    }
    future = "select count(*) from log_entry where captured_at > now()"
    assert owner_db.execute(text(future)).scalar_one() == 0
    after = counts(owner_db)
    assert after["log_entry"] == told["entries applied"]
    assert play(app) == Counter()
    # signing in again is all that a second run leaves behind
    assert {t: n for t, n in counts(owner_db).items() if t != "ledger_row"} == {
        t: n for t, n in after.items() if t != "ledger_row"
    }


def test_the_console_shows_people_on_duty_and_every_state_of_a_review_at_night_too(app: Flask) -> None:
    tonight = clock.now().astimezone(clock.SHANGHAI).replace(hour=2, minute=5)
    with clock.frozen(tonight.astimezone(UTC)):
        assert load(app).exit_code == 0
        told = play(app)
        assert (told["people on duty"], told["check-ins decided"]) == (2 + len(demo_cases.STANDING), 2)
        assert_a_living_console(app)
        assert told["cases reported"] == len(demo_story.FINDINGS) + len(demo_story.TICKETS)
        assert "entries refused" not in told
        assert play(app) == Counter()


def assert_a_living_console(app: Flask) -> None:
    leader = InProcess(app)
    leader.sign_in("leader1")
    seen = {person["display_name_en"]: person for person in leader.call("GET", "/board")["people"]}
    assert {"He Yaqin", "Zheng Jianping"} <= set(seen)
    for name in ("He Yaqin", "Zheng Jianping"):
        ago = clock.now() - datetime.fromisoformat(seen[name]["fixed_at"])
        assert timedelta(0) < ago < timedelta(minutes=10)
    reviews = {state: leader.call("GET", f"/reviews?state={state}")["items"] for state in ("open", "decided")}
    (accepted,) = reviews["decided"]
    (answered,) = [item for item in reviews["open"] if item["review_state"] == "answered"]
    assert [r["decision"] for r in (*accepted["reviews"], *answered["reviews"])] == ["accepted", "rejected"]
    assert answered["answer"]["text"] == demo_play.ANSWER
    first = InProcess(app)
    first.sign_in("supervisor1")
    pending = first.call("GET", "/reviews?state=open")["items"]
    assert len(pending) >= 3
    assert {item["review_state"] for item in pending} == {"pending"}


def cases_of(app: Flask) -> dict[str, Any]:
    """Everything about each case of the day by its name in the story, as the leader sees it."""
    leader = InProcess(app)
    leader.sign_in("leader1")
    day = demo_cases.Day(Cast(lambda: InProcess(app)), clock.now())
    names = [one.name for one in (*demo_story.FINDINGS, *demo_story.TICKETS)]
    return {name: leader.call("GET", f"/cases/{day.case(name)}") for name in names}


def test_the_days_cases_stand_in_every_state_with_their_stories_and_pictures(app: Flask) -> None:
    assert load(app).exit_code == 0
    told = play_cases(app)
    assert told["photos refused"] == 1
    cases = cases_of(app)
    assert_every_state(cases)
    assert_stories(cases)
    assert_pictures({name: case["photos"] for name, case in cases.items()})


def assert_every_state(cases: dict[str, Any]) -> None:
    assert {name: case["state"] for name, case in cases.items()} == {
        "stall": "dispatched",
        "rubbish": "on_scene",
        "shop": "closed",
        "bikes": "acknowledged",
        "old": "returned",
        "far": "resolved",
        "manhole": "acknowledged",
        "road": "acknowledged",
        "step": "on_hold",
        "roof": "acknowledged",
        "shed": "verified",
        "lift": "dispatched",
        "lane": "dispatched",
        "cut": "dispatched",
        "stairs": "closed",
        "second": "dispatched",
        "flood": "acknowledged",
        "twin": "duplicate",
        "unfit": "void",
    }
    assert {case["mode"] for case in cases.values()} == {"point", "assign", "watch"}
    assert {case["source"] for case in cases.values()} == {"patrol", "hotline"}
    # server clocks start at arrival, so nothing can be late yet
    assert not [name for name, case in cases.items() if case["overdue"]]
    found = {name: datetime.fromisoformat(case["events"][0]["at"]) for name, case in cases.items()}
    filed = {name: datetime.fromisoformat(case["filed_at"]) for name, case in cases.items()}
    assert all(timedelta(minutes=1) < filed[name] - found[name] < timedelta(hours=2) for name in cases)


def assert_stories(cases: dict[str, Any]) -> None:
    owners = {name: case["owner"]["display_name_en"] for name, case in cases.items() if case["owner"]}
    assert owners["stall"] == "Jiang Wenbin"  # handler3, on duty in the area
    assert owners["cut"] == "Han Weiguo"  # named by the arbiter
    assert (
        owners["second"] == "Gao Zhiyuan"
    )  # to whom the desk gave it, although the first accepted, too late
    steps = {name: [event["step"] for event in case["events"]] for name, case in cases.items()}
    assert "late" in steps["second"]
    assert steps["shop"] == [
        "file", "dispatch", "accept", "join", "arrive", "resolve", "verify_pass", "close",
    ]  # fmt: skip
    assert (cases["shop"]["reports"], cases["stall"]["reports"]) == (2, 2)  # joined; linked by the desk
    assert cases["stairs"]["fixed_on_spot"]
    assert "verify_fail" in steps["bikes"]
    assert cases["bikes"]["last_note"] == "还有五辆没有清走"
    arrived = next(event for event in cases["rubbish"]["events"] if event["step"] == "arrive")
    assert arrived["data"]["by_position"]
    graded = [e["data"]["grade"] for c in cases.values() for e in c["events"] if e["step"] == "resolve"]
    assert graded == ["verified"] * 4
    assert [request["decision"] for request in cases["step"]["requests"]] == ["granted"]
    assert [request["decision"] for request in cases["road"]["requests"]] == [None]
    watchers = {p["person"]["display_name_en"] for p in cases["roof"]["people"] if p["part"] == "watcher"}
    assert watchers == {"Zhang Huimin"}
    assert (cases["road"]["measured"], cases["road"]["measure_unit"]) == (0.8, "m2")


def assert_pictures(photos: dict[str, Any]) -> None:
    cut = photos.pop("cut")[0]
    assert (cut["state"], cut["problem"]) == ("rejected", "photo-damaged")
    assert {p["state"] for shown in photos.values() for p in shown} <= {"stored", "ready"}
    doubts = {name: sorted({d for p in shown for d in p["doubts"]}) for name, shown in photos.items()}
    assert {name: found for name, found in doubts.items() if found} == {
        "old": ["exif_time_far"],
        "far": ["exif_place_far", "exif_time_far"],
        "lift": ["no_position"],
        "lane": ["used_before"],
    }


def test_a_play_that_was_broken_off_is_completed_by_the_next_one(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(app).exit_code == 0
    findings = demo_cases.FINDINGS
    monkeypatch.setattr(demo_cases, "FINDINGS", findings[:5])
    monkeypatch.setattr(demo_cases, "TICKETS", ())
    first = play_cases(app)
    monkeypatch.undo()
    second = play_cases(app)
    assert first["cases reported"] == 5
    assert second["cases reported"] == len(findings) + len(demo_story.TICKETS) - 5
    assert "entries refused" not in first + second
    assert play_cases(app) == Counter()


def test_production_has_no_demo(app: Flask, owner_db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "SETTINGS", replace(app.config["SETTINGS"], mode="production"))
    for command in (["demo", "load"], ["demo", "play"]):
        result = app.test_cli_runner().invoke(args=command)
        assert result.exit_code == 1
        assert "do not exist in production" in result.output
    assert counts(owner_db)["app_user"] == 0


def test_a_server_that_is_not_there_is_one_sentence(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["demo", "play", "--base-url", "http://127.0.0.1:9"])
    assert result.exit_code == 1
    assert "http://127.0.0.1:9 does not answer" in result.output
    assert len(result.output.splitlines()) == 1
