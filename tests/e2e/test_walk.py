"""A patroller walks a round with the network cut for a part of it; everything arrives once; the
supervisor sees it, decides the doubtful check-in; the patroller answers; the second decision is final."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from app.core.geo import distance_m
from tests.e2e.conftest import DESKTOP, PHONE, Person, Stack
from tests.e2e.steps import WITHIN_S, Plan, board_round, eventually, go_on_duty, plan_round, sign_in


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
    go_on_duty(stack, page, "patrol1")
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
    with desk.expect_response(lambda answer: answer.url.endswith("/decisions") and answer.status == 201):
        form.get_by_role("button", name="提交决定").click()
