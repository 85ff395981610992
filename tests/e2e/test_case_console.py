"""What a supervisor, a dispatcher and a leader do at the console with cases, while people with phones report and
handle them: everything appears by itself, and everybody may do only what is theirs."""

from __future__ import annotations

import csv
import io
import re
import urllib.error
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from app.core.ids import uuid7
from tests.e2e.conftest import DESKTOP, Stack
from tests.e2e.handset import Handset
from tests.e2e.steps import eventually, settings_kept, settings_of, sign_in

TRADE = "M-09005"  # 跨门营业: handler1's in the units of area P1
UNIT = "310107005-G1"


def spot_of(stack: Stack, nth: int) -> tuple[float, float]:
    """A checkpoint of unit G1."""
    spots = stack.call("admin1", "GET", f"/api/v1/checkpoints?place={UNIT}")["items"]
    return spots[nth]["lat"], spots[nth]["lon"]


def state_of(stack: Stack, case_id: str) -> dict[str, Any]:
    return dict(stack.call("leader1", "GET", f"/api/v1/cases/{case_id}"))


def at_console(people: Any, username: str, path: str) -> Any:
    """*username* signed in at the console, on the page of *path*."""
    person = people(DESKTOP)
    sign_in(person.page, username, f"/console{path}")
    person.page.locator("header.bar nav").wait_for()
    return person


def take_step(page: Page, action: str, text: str = "") -> None:
    """Press a button of the case page, say something, and send it."""
    page.get_by_test_id(f"do-{action}").click()
    if text:
        page.get_by_test_id("step-text").fill(text)


def send(page: Page) -> None:
    page.get_by_test_id("step-sure").click()
    page.get_by_test_id("step-sure").wait_for(state="detached")


def test_a_case_from_filed_to_closed(stack: Stack, people: Any) -> None:
    """A case appears on the board by itself; it is given, returned, decided, watched; nobody who had a part in
    the work verifies it, and the watcher can close it only after that."""
    patrol, handler = Handset(stack, "patrol1"), Handset(stack, "handler1")
    supervisor = at_console(people, "supervisor1", "/cases")
    supervisor.page.locator(".list .empty, [data-test=case]").first.wait_for()
    case_id = patrol.report(TRADE, *spot_of(stack, 0), text="货架占了整条人行道")
    row = supervisor.page.locator(f"[data-test=case][href$='{case_id}']")
    expect(row).to_contain_text("跨门营业")  # without a touch
    expect(row).to_contain_text("陈伟东（未接单）")
    row.click()
    number = supervisor.page.get_by_test_id("number").inner_text()
    expect(supervisor.page.get_by_test_id("photo").first).to_be_visible()
    supervisor.page.get_by_text("怎么算出来的").click()
    expect(supervisor.page.get_by_test_id("arithmetic")).to_contain_text("2 紧急工作时")

    handler.give_back(case_id, "这里归市场监管，不归我们。")
    state = supervisor.page.get_by_test_id("state")
    expect(state).to_have_text("已退回，待裁定")
    expect(supervisor.page.get_by_test_id("timeline")).to_contain_text("这里归市场监管")
    expect(supervisor.page.get_by_test_id("do-close")).to_have_count(0)

    assert state_of(stack, case_id)["my_part"] == "arbiter"  # as the demo street has it
    judge = at_console(people, "leader1", f"/cases/{case_id}")
    take_step(judge.page, "arbitrate", "占道归城管，还是您来办。")
    own = judge.page.get_by_test_id("candidate").last
    expect(own).to_contain_text("陈伟东")
    expect(own.get_by_test_id("had-it")).to_have_text("刚退回")
    own.click()
    expect(judge.page.get_by_test_id("candidate-warning").last).to_contain_text("陈伟东退回过这个案件")
    send(judge.page)
    expect(judge.page.get_by_test_id("state")).to_have_text("待接单")
    expect(state).to_have_text("待接单")

    take_step(supervisor.page, "name_watcher")
    me = stack.call("supervisor1", "GET", "/api/v1/me")["id"]
    supervisor.page.locator("dialog select").select_option(me)
    send(supervisor.page)
    handler.accept(case_id)
    lat, lon = spot_of(stack, 0)
    handler.walk(lat + 0.003, lon)  # 330 m to go; no position of theirs is shown, only the distance
    expect(supervisor.page.get_by_test_id("people")).to_contain_text("离现场 330 米", timeout=25_000)
    handler.arrive(case_id, *spot_of(stack, 0))
    expect(state).to_have_text("已到场")
    handler.resolve(case_id, "货架收进店里了")
    expect(state).to_have_text("已处置，待核查")
    assert number in supervisor.page.locator(".title").inner_text()
    verified_then_closed(stack, people, supervisor.page, case_id)


def verified_then_closed(stack: Stack, people: Any, watcher: Page, case_id: str) -> None:
    """The watcher finds no way to close it, not even past the page, until somebody else has verified it."""
    state = watcher.get_by_test_id("state")
    expect(watcher.get_by_test_id("hint")).to_contain_text("核查通过以后才能结案")
    expect(watcher.get_by_test_id("do-close")).to_have_count(0)
    assert refused(stack, "supervisor1", f"/api/v1/cases/{case_id}/closing") == 409
    dispatcher = at_console(people, "dispatcher1", f"/cases/{case_id}")
    take_step(dispatcher.page, "verify")
    dispatcher.page.get_by_test_id("verdict-yes").check()
    send(dispatcher.page)
    expect(state).to_have_text("已核实，待结案")
    take_step(watcher, "close", "现场看过，可以结案。")
    send(watcher)
    expect(state).to_have_text("已结案")
    assert state_of(stack, case_id)["state"] == "closed"


def refused(stack: Stack, username: str, path: str) -> int:
    """The status with which a step is refused."""
    try:
        stack.call(username, "POST", path, {"id": str(uuid7()), "text": ""})
    except urllib.error.HTTPError as error:
        return error.code
    raise AssertionError(f"{path} was not refused")


@pytest.mark.parametrize("already_shown", [False, True])
def test_two_dispatchers_at_once(stack: Stack, people: Any, already_shown: bool) -> None:
    """Who comes second hears who was faster, and sees the case as it then is, also where the page behind the
    form has shown it by then; nothing is done twice."""
    case_id = Handset(stack, "patrol1").report(TRADE, *spot_of(stack, 1))
    slow = at_console(people, "dispatcher2", f"/cases/{case_id}")
    take_step(slow.page, "void", "不符合立案条件")
    fast = at_console(people, "dispatcher1", f"/cases/{case_id}")
    take_step(fast.page, "void", "重复上报，作废")
    send(fast.page)
    if already_shown:
        expect(slow.page.get_by_test_id("state")).to_have_text("已作废")
    slow.page.get_by_test_id("step-sure").click()
    expect(slow.page.get_by_test_id("overtaken")).to_contain_text("王静怡刚才先做了一步：作废")
    expect(slow.page.get_by_test_id("state")).to_have_text("已作废")
    steps = [event["step"] for event in state_of(stack, case_id)["events"]]
    assert steps.count("void") == 1


def test_a_request_for_more_time(stack: Stack, people: Any) -> None:
    """A request of the owner appears by itself; granting it moves the deadline."""
    patrol, handler = Handset(stack, "patrol1"), Handset(stack, "handler1")
    case_id = patrol.report(TRADE, *spot_of(stack, 2))
    handler.accept(case_id)
    before = state_of(stack, case_id)["due_at"]
    dispatcher = at_console(people, "dispatcher1", f"/cases/{case_id}")
    dispatcher.page.get_by_test_id("state").wait_for()
    handler.send("case_extension_asked", {"case": case_id, "text": "要等吊车来", "amount": 3})
    expect(dispatcher.page.get_by_test_id("request")).to_contain_text("要等吊车来")
    dispatcher.page.get_by_test_id("do-decide").click()
    dispatcher.page.get_by_test_id("verdict-yes").check()
    dispatcher.page.get_by_test_id("step-text").fill("情况属实")
    send(dispatcher.page)
    expect(dispatcher.page.get_by_test_id("request")).to_have_count(0)
    assert state_of(stack, case_id)["due_at"] > before


def test_the_board_finds_what_is_asked_for(stack: Stack, people: Any) -> None:
    """Filters narrow the list and stand in the address; the way back from a case leads to the same list."""
    Handset(stack, "patrol1").report(TRADE, *spot_of(stack, 3))
    page = at_console(people, "dispatcher1", "/cases").page
    listed = page.get_by_test_id("map-listed")
    expect(page.get_by_test_id("case").first).to_be_visible()
    expect(listed).to_have_count(0)  # without a filter the map shows all that is in sight
    page.get_by_role("button", name=re.compile("更多筛选")).click()
    page.get_by_test_id("class-search").fill("kmyy")
    page.get_by_test_id("found-class").first.click()
    expect(page).to_have_url(re.compile("class=M-09005"))
    rows = page.get_by_test_id("case")
    expect(rows.filter(has_not_text="跨门营业")).to_have_count(0)
    expect(rows.first).to_be_visible()
    page.reload()
    expect(rows.first).to_contain_text("跨门营业")
    rows.first.click()
    last_digits = page.get_by_test_id("number").inner_text()[-4:]
    page.get_by_text("返回案件列表").click()
    expect(page).to_have_url(re.compile("class=M-09005"))
    page.get_by_test_id("case-number").fill(last_digits)
    expect(page).to_have_url(re.compile(f"number={last_digits}"))
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text(f"-{last_digits}")
    expect(listed).to_have_text("地图只显示列表里的 1 件。")


def test_export_is_a_file_and_is_written_down(stack: Stack, people: Any, tmp_path: Path) -> None:
    """The export holds the cases, opens as a table, and stands in the ledger with who took it."""
    Handset(stack, "patrol1").report(TRADE, *spot_of(stack, 4))
    page = at_console(people, "dispatcher1", "/cases").page
    page.get_by_test_id("export").click()
    expect(page.locator("dialog")).to_contain_text("导出会记入台账")
    page.locator("dialog input[value=csv]").check()
    with page.expect_download() as download:
        page.get_by_test_id("export-go").click()
    target = tmp_path / "cases.csv"
    download.value.save_as(target)
    table = list(csv.reader(io.StringIO(target.read_text(encoding="utf-8-sig"))))
    assert any("跨门营业" in row for row in table[1:])
    rows = eventually(
        lambda: stack.call("leader1", "GET", "/api/v1/ledger?subject_kind=case_export")["items"],
        "the export in the ledger",
    )
    assert rows[0]["actor_name"]


def test_a_policy_with_a_hole_is_refused_in_words(stack: Stack, people: Any) -> None:
    """Who takes a rule out of the policy is told which case would wait for ever; nothing can be saved."""
    page = at_console(people, "admin1", "/policies").page
    page.get_by_test_id("edit-policy").click()
    text = page.get_by_test_id("policy-text")
    lines = text.input_value().splitlines()
    holed = [line for line in lines if not ('"overdue"' in line and '"point"' in line)]
    assert len(holed) == len(lines) - 1
    text.fill("\n".join(holed))
    page.get_by_test_id("check-policy").click()
    expect(page.get_by_test_id("faults")).to_contain_text("有漏洞：点到人案件第 1 次“超时未处置”")
    expect(page.get_by_test_id("save-policy")).to_be_disabled()
    text.fill("\n".join(lines))
    page.get_by_test_id("check-policy").click()
    expect(page.get_by_test_id("save-policy")).to_be_enabled()


def test_a_message_opens_its_case(stack: Stack, people: Any) -> None:
    """The bell counts what is unread; a tap opens the case, and what was read is no longer counted."""
    supervisor = at_console(people, "leader1", "/cases")
    handler = Handset(stack, "handler1")
    case_id = Handset(stack, "patrol1").report(TRADE, *spot_of(stack, 5))
    handler.give_back(case_id, "不在我的辖区。", reason="wrong_place")
    asked = state_of(stack, case_id)["my_part"] == "arbiter"
    assert asked, "the leader is the arbiter of the demo street"
    page = supervisor.page
    expect(page.get_by_test_id("unread")).to_be_visible(timeout=20_000)
    before = int(page.get_by_test_id("unread").inner_text())
    page.get_by_test_id("bell").click()
    page.get_by_test_id("notice").first.click()
    expect(page).to_have_url(re.compile(r"/cases/[0-9a-f-]{36}$"))
    eventually(
        lambda: stack.call("leader1", "GET", "/api/v1/notifications")["unread"] < before, "it was read"
    )


SETTINGS = "**/api/v1/notification-settings"


def _before_the_street_changed(route: Route) -> None:
    """The answer as it was while the street was quiet for a shorter time."""
    answer = route.fetch()
    route.fulfill(response=answer, json=answer.json() | {"street_quiet": {"from": "23:00", "until": "06:00"}})


def test_own_quiet_hours_at_the_desk(stack: Stack, people: Any) -> None:
    """Whoever signs in can choose, even without a page of their own; a refusal shows the hours that hold now."""
    with settings_kept(stack, "patrol2") as before:
        person = people(DESKTOP)
        page = person.page
        sign_in(page, "patrol2", "/console/")
        page.get_by_test_id("bell").click()
        page.route(SETTINGS, _before_the_street_changed, times=1)
        page.get_by_test_id("how-told").click()
        page.get_by_test_id("quiet-own").check()
        page.get_by_test_id("quiet-from").fill("22:30")
        page.get_by_test_id("quiet-until").fill("10:00")
        save = page.get_by_test_id("how-told-save")
        save.click()
        expect(page.get_by_test_id("not-saved")).to_contain_text("有内容填写不正确")
        expect(page.get_by_test_id("fault")).to_contain_text("请从 22:00 或更早开始")
        page.get_by_test_id("quiet-from").fill("16:00")
        page.get_by_test_id("quiet-until").fill("08:00")
        expect(page.get_by_test_id("long")).to_contain_text("16 小时")
        expect(page.get_by_test_id("not-saved")).to_have_count(0)
        person.picture("console-how-told-long")
        page.get_by_test_id("quiet-from").fill("20:00")

        asked: list[Route] = []

        def hold(route: Route) -> None:
            asked.append(route)

        page.route(SETTINGS, hold)
        save.click()
        expect(save).to_be_disabled()
        save.click(force=True)  # pressed twice, it is sent once
        asked[0].continue_()
        expect(page.get_by_test_id("saved")).to_be_visible()
        assert len(asked) == 1
        page.get_by_test_id("quiet-street").check()
        expect(page.get_by_test_id("saved")).to_have_count(0)
        assert settings_of(stack, "patrol2") == before | {"quiet": {"from": "20:00", "until": "08:00"}}
