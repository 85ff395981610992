"""A patroller walks a round with the network cut for a part of it; everything arrives once; the
supervisor sees it, decides the doubtful check-in; the patroller answers; the second decision is final."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.core import clock
from app.core.geo import distance_m
from app.core.ids import uuid7
from tests.e2e.conftest import DESKTOP, PASSWORD, PHONE, Person, Stack

WITHIN_S = 25


def eventually(question: Callable[[], Any], what: str) -> Any:
    """Ask again until the answer is true; the answer."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what} did not come about"
        time.sleep(0.2)


@dataclass
class Plan:
    """A round of patrol1 whose window is open now, with its stops in walking order."""

    name: str
    stops: list[dict[str, Any]]


def plan_round(stack: Stack, name: str, stops: int) -> Plan:
    """What a supervisor does to have a round walked now: a route and a schedule of one occurrence."""
    spots = stack.call("supervisor1", "GET", "/api/v1/checkpoints?place=310107005-G1")["items"]
    chosen = [spot for spot in spots if spot["kind"] not in {"lift", "basement", "stairwell"}][:stops]
    staff = stack.call("supervisor1", "GET", "/api/v1/staff?place=310107005-G1")["items"]
    walker = next(person for person in staff if person["username"] == "patrol1")
    route_id = str(uuid7())
    stack.call(
        "supervisor1",
        "POST",
        "/api/v1/routes",
        {
            "id": route_id,
            "name": name,
            "name_en": "Evening round",
            "place_code": "310107005-G1",
            "ordered": True,
            "checkpoint_ids": [spot["id"] for spot in chosen],
        },
    )
    opens = clock.now().astimezone(clock.SHANGHAI) - timedelta(minutes=10)
    stack.call(
        "supervisor1",
        "POST",
        "/api/v1/schedules",
        {
            "id": str(uuid7()),
            "route_id": route_id,
            "assignee_id": walker["id"],
            "starts_at_local": f"{opens:%Y-%m-%dT%H:%M}",
            "recurrence": "FREQ=DAILY;COUNT=1",
            "window_minutes": 180,
        },
    )
    return Plan(name, chosen)


def board_round(stack: Stack, plan: Plan) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The round and its check-ins as the supervisor's board has them."""
    days = (clock.now() - timedelta(minutes=10), clock.now())
    for on in {f"{day.astimezone(clock.SHANGHAI):%Y-%m-%d}" for day in days}:
        board = stack.call("supervisor1", "GET", f"/api/v1/board?on={on}")
        for row in board["rounds"]:
            if row["route_name"] == plan.name:
                return row, [c for c in board["check_ins"] if c["round_id"] == row["id"]]
    raise AssertionError("the round is not on the board")


def sign_in(page: Page, username: str, path: str) -> None:
    page.goto(path)
    page.locator("input[name=username]").fill(username)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("form button.primary").click()


def check_in(patroller: Person, stop: dict[str, Any], *, north_m: float = 0.0) -> None:
    if north_m:
        patroller.stand_at(stop["lat"] + north_m / 111_195, stop["lon"])  # doubtful anyhow
    else:
        patroller.ride_to(stop["lat"], stop["lon"])
    page = patroller.page
    page.get_by_test_id("check-in").click()
    where = page.locator(".sheet, dialog, [role=dialog]").first
    said = re.compile(rf"{round(north_m, -1):.0f}\s*(米|m)") if north_m else re.compile(r"\b[0-9]\s*(米|m)")
    expect(where).to_contain_text(said)
    page.get_by_test_id("check-in-sure").click()
    expect(page.get_by_test_id("check-in-sure")).to_have_count(0)


@pytest.fixture(autouse=True)
def _test_ids(playwright: Any) -> None:
    playwright.selectors.set_test_id_attribute("data-test")


def test_the_walk(stack: Stack, people: Callable[..., Person]) -> None:
    plan = plan_round(stack, "傍晚小巡", 4)
    third = plan.stops[2]
    patroller: Person = people(PHONE, "zh-CN")
    _begin(stack, patroller, plan)
    _walk_without_network(patroller, plan)
    assert len(board_round(stack, plan)[1]) == 1  # nothing has left the phone
    _finish_with_network(stack, patroller, plan)

    supervisor: Person = people(DESKTOP, "zh-CN")
    desk = supervisor.page
    sign_in(desk, "supervisor1", "/console/")
    expect(desk.get_by_text(plan.name).first).to_be_visible()
    supervisor.picture("walk-4-console")
    _decide(desk, third["name"], "不认可", "离点位两百米，请说明。")
    supervisor.picture("walk-5-decided")
    _answer(patroller, third["name"])
    _decide(desk, third["name"], "认可", "情况属实。", final=True)

    def state_of_third() -> str:
        return str(next(c for c in board_round(stack, plan)[1] if c["ordinal"] == 3)["review_state"])

    eventually(lambda: state_of_third() == "accepted", "the final decision")
    verified = stack.flask("ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def _begin(stack: Stack, patroller: Person, plan: Plan) -> None:
    """On duty, the round started, the first check-in sent at once."""
    first, second, third, _ = plan.stops
    assert distance_m(second["lat"], second["lon"], third["lat"], third["lon"]) > 60
    patroller.stand_at(first["lat"], first["lon"])
    page = patroller.page
    sign_in(page, "patrol1", "/field/")
    page.get_by_test_id("start-shift").click()
    expect(page.get_by_test_id("recording")).to_contain_text("正在记录位置")
    patroller.picture("walk-1-on-duty")
    page.get_by_test_id("round").filter(has_text=plan.name).click()
    page.get_by_test_id("start-round").click()
    check_in(patroller, first)
    expect(page.get_by_test_id("unsent")).to_contain_text("全部已上传")
    eventually(lambda: len(board_round(stack, plan)[1]) == 1, "the first check-in")


def _walk_without_network(patroller: Person, plan: Plan) -> None:
    """Two check-ins and a skip with the network cut, a reload and a restart of the app in between."""
    _, second, third, fourth = plan.stops
    page = patroller.page
    patroller.context.set_offline(True)
    check_in(patroller, second)
    expect(page.get_by_test_id("unsent")).to_contain_text("未上传")
    patroller.picture("walk-2-offline")
    page.reload()
    expect(page.get_by_test_id("stop").nth(1)).to_contain_text("已记在手机")
    check_in(patroller, third, north_m=200)
    page.close()
    patroller.page = page = patroller.context.new_page()
    page.goto("/field/")
    page.get_by_test_id("round").filter(has_text=plan.name).click()
    expect(page.get_by_test_id("stop").nth(2)).to_contain_text("已记在手机")
    page.get_by_test_id("map-tab").click()
    expect(page.locator("canvas").first).to_be_visible()
    patroller.picture("walk-3-map-offline")
    page.get_by_role("tab").first.click()
    patroller.stand_at(fourth["lat"], fourth["lon"])
    page.get_by_test_id("skip").click()
    page.get_by_text("门锁着").click()
    page.get_by_test_id("skip-sure").click()
    expect(page.get_by_test_id("skip-sure")).to_have_count(0)


def _finish_with_network(stack: Stack, patroller: Person, plan: Plan) -> None:
    """Back on the network: all of it arrives once, with the grades it deserves; the round ends."""
    page = patroller.page
    patroller.context.set_offline(False)
    expect(page.get_by_test_id("unsent")).to_contain_text("全部已上传", timeout=WITHIN_S * 1000)
    page.get_by_test_id("end-round").click()
    page.get_by_test_id("end-sure").click()
    eventually(lambda: board_round(stack, plan)[0]["state"] == "finished", "the end of the round")
    row, check_ins = board_round(stack, plan)
    assert [c["ordinal"] for c in sorted(check_ins, key=lambda c: c["captured_at"])] == [1, 2, 3]
    assert {c["ordinal"]: c["grade"] for c in check_ins} == {1: "verified", 2: "verified", 3: "doubtful"}
    assert row["stops_skipped"] == 1


def _answer(patroller: Person, checkpoint: str) -> None:
    page = patroller.page
    page.goto("/field/decisions")
    card = page.get_by_test_id("decision").filter(has_text=checkpoint)
    expect(card).to_contain_text("离点位两百米")
    card.get_by_test_id("answer").click()
    page.get_by_test_id("answer-text").fill("北门施工，绕到后面签的。")
    page.get_by_test_id("answer-send").click()
    expect(card).to_contain_text("北门施工")
    expect(page.get_by_test_id("unsent")).to_contain_text("全部已上传")
    patroller.picture("walk-6-answered")


def _decide(desk: Page, checkpoint: str, decision: str, note: str, *, final: bool = False) -> None:
    desk.goto("/console/reviews")
    desk.get_by_text(checkpoint).first.click()
    if final:
        expect(desk.get_by_text("终审决定")).to_be_visible()
    form = desk.locator("form.decision")
    form.get_by_text(decision, exact=True).click()
    form.locator("textarea").fill(note)
    form.get_by_role("button", name="提交决定").click()
    expect(form).to_have_count(0, timeout=WITHIN_S * 1000)
