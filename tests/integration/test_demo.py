"""The demonstration street loads once, its walks play once, and production has none of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from app.cli import demo_play
from app.core import clock


class InProcess(demo_play.Api):
    """The same API without a socket between."""

    def __init__(self, app: Flask) -> None:
        super().__init__("http://localhost")
        self.client = app.test_client()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = self.client.open(f"/api/v1{path}", method=method, json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        return answer.json


def load(app: Flask) -> Any:
    return app.test_cli_runner().invoke(args=["demo", "load"])


def play(app: Flask) -> Counter[str]:
    return demo_play.play_street(lambda: InProcess(app))


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
    assert set(told) == {"rounds", "entries applied", "people on duty", "check-ins decided"}
    future = "select count(*) from log_entry where captured_at > now()"
    assert owner_db.execute(text(future)).scalar_one() == 0
    after = counts(owner_db)
    assert after["log_entry"] == told["entries applied"]
    assert play(app) == Counter()
    # signing in again is all that a second run leaves behind
    assert {t: n for t, n in counts(owner_db).items() if t != "ledger_row"} == {
        t: n for t, n in after.items() if t != "ledger_row"
    }


@pytest.mark.parametrize("hour", [2, 9, 14, 20])
def test_the_console_shows_people_on_duty_and_every_state_of_a_review(app: Flask, hour: int) -> None:
    today = clock.now().astimezone(clock.SHANGHAI).replace(hour=hour, minute=5)
    with clock.frozen(today.astimezone(UTC)):
        assert load(app).exit_code == 0
        told = play(app)
        assert (told["people on duty"], told["check-ins decided"]) == (2, 2)
        assert_a_living_console(app)
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
