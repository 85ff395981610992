"""What the person who was given a case can say from the phone besides doing it: that it is not theirs, that
they must wait, that they need more time, and that their part of joint work is done; and how they want to be told
of their cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from app.core.ids import uuid7
from tests.e2e.conftest import PHONE, Person, Stack
from tests.e2e.handset import Handset
from tests.e2e.steps import eventually, settings_kept, settings_of, sign_in
from tests.e2e.test_case_console import TRADE, at_console, send, spot_of, state_of, take_step

FOLLOWED_MS = 30_000  # an open case is asked for every 15 s


def given_to(stack: Stack, username: str, nth: int) -> str:
    """A case that the desk has given to *username*."""
    case_id = Handset(stack, "patrol1").report(TRADE, *spot_of(stack, nth))
    owner = stack.call(username, "GET", "/api/v1/me")["id"]
    if state_of(stack, case_id)["owner"]["id"] != owner:
        body = {"id": str(uuid7()), "owner_id": owner, "text": "就近"}
        stack.call("dispatcher1", "POST", f"/api/v1/cases/{case_id}/dispatch", body)
    return case_id


def on_phone(people: Callable[..., Person], username: str, case_id: str) -> Person:
    """*username* signed in on a phone, with the case open."""
    person: Person = people(PHONE, "zh-CN")
    sign_in(person.page, username, f"/field/cases/{case_id}")
    expect(person.page.get_by_test_id("state")).to_be_visible()
    return person


def say(page: Page, text: str) -> None:
    """Fill in the words of a step's form and send it."""
    page.get_by_test_id("step-text").fill(text)
    page.get_by_test_id("step-sure").click()
    expect(page.get_by_test_id("step-sure")).to_have_count(0)


def test_asking_for_a_hold_and_going_on(stack: Stack, people: Any) -> None:
    """The owner must wait, the desk agrees, the clock stands still, and the owner goes on before the day; then the
    desk gives the case to another. The open page follows all of it without a touch."""
    case_id = given_to(stack, "handler1", 4)
    handler = on_phone(people, "handler1", case_id)
    page = handler.page
    page.get_by_test_id("step-accept").click()
    expect(page.get_by_test_id("state")).to_contain_text("已接单")
    page.get_by_test_id("step-ask_hold").click()
    page.locator("input[name=until]").first.check()
    handler.picture("task-1-hold")
    say(page, "店里没人，明天再来")
    waits = page.get_by_test_id("waits")
    expect(waits).to_contain_text("等审批：挂起到明天 09:00")
    eventually(lambda: state_of(stack, case_id)["requests"], "the request")
    page.reload()  # what the phone itself remembers of it is of no matter
    expect(waits).to_be_visible()
    expect(page.get_by_test_id("step-note")).to_be_visible()
    for asking in ("step-ask_hold", "step-ask_extension"):  # a second one would be refused
        expect(page.get_by_test_id(asking)).to_have_count(0)
    handler.picture("task-1b-waits")
    desk = at_console(people, "dispatcher1", f"/cases/{case_id}")
    expect(desk.page.get_by_test_id("request")).to_contain_text("店里没人")
    take_step(desk.page, "decide")
    desk.page.get_by_test_id("verdict-yes").check()
    desk.page.get_by_test_id("step-text").fill("同意")
    send(desk.page)
    assert state_of(stack, case_id)["state"] == "on_hold"
    expect(page.get_by_test_id("state")).to_contain_text("挂起", timeout=FOLLOWED_MS)
    expect(waits).to_have_count(0)
    expect(page.get_by_test_id("held-until")).to_contain_text("9:00 自动恢复")
    handler.picture("task-2-held")
    page.get_by_test_id("step-resume").click()
    say(page, "店主回来了")
    eventually(lambda: state_of(stack, case_id)["state"] == "acknowledged", "going on")
    other = stack.call("handler2", "GET", "/api/v1/me")
    given = {"id": str(uuid7()), "owner_id": other["id"], "text": "换一位"}
    stack.call("dispatcher1", "POST", f"/api/v1/cases/{case_id}/dispatch", given)
    expect(page.get_by_text(f"处置人：{other['display_name']}")).to_be_visible(timeout=FOLLOWED_MS)
    expect(page.get_by_test_id("step-resolve")).to_have_count(0)
    expect(page.get_by_test_id("timeline").locator("li").first).to_contain_text(
        f"交给{other['display_name']}"
    )
    handler.picture("task-2b-given-to-another")


def test_a_case_given_back_and_done_together(stack: Stack, people: Any) -> None:
    """Not mine, says one; the arbiter names another, who does it together with a third."""
    case_id = given_to(stack, "handler1", 5)
    handler = on_phone(people, "handler1", case_id)
    handler.page.get_by_test_id("step-return").click()
    handler.picture("task-3-return")
    handler.page.get_by_text("不在我的辖区").click()
    say(handler.page, "这里归隔壁片区")
    eventually(lambda: state_of(stack, case_id)["state"] == "returned", "the return")

    names = {name: stack.call(name, "GET", "/api/v1/me")["id"] for name in ("handler3", "handler4")}
    ruling = {"id": str(uuid7()), "owner_id": names["handler3"], "text": "你来办"}
    stack.call("leader1", "POST", f"/api/v1/cases/{case_id}/arbitration", ruling)
    called = {"id": str(uuid7()), "user_id": names["handler4"]}
    stack.call("dispatcher1", "POST", f"/api/v1/cases/{case_id}/co-handlers", called)
    helper = on_phone(people, "handler4", case_id)
    helper.page.get_by_test_id("step-co_done").click()
    helper.picture("task-4-helper")
    say(helper.page, "我这边的货架搬完了")
    eventually(lambda: "co_done" in [e["step"] for e in state_of(stack, case_id)["events"]], "the help")
    owner = on_phone(people, "handler3", case_id)
    expect(owner.page.get_by_test_id("step-accept")).to_be_visible()
    owner.picture("task-5-new-owner")


def open_how_told(people: Callable[..., Person], username: str) -> Person:
    """*username* on the phone's settings, with the form of how they are told."""
    person: Person = people(PHONE, "zh-CN")
    sign_in(person.page, username, "/field/settings")
    person.page.get_by_test_id("how-told").click()
    expect(person.page.get_by_test_id("quiet-street")).to_be_visible()
    return person


def test_own_quiet_hours_on_the_phone(stack: Stack, people: Any) -> None:
    """Too short is said before it is sent; without network nothing is lost; and back to the street's hours."""
    with settings_kept(stack, "handler2") as before:
        handler = open_how_told(people, "handler2")
        page = handler.page
        expect(page.get_by_text("按街道规定：22:00 到第二天 07:00")).to_be_visible()
        page.get_by_test_id("quiet-own").check()
        page.get_by_test_id("quiet-from").fill("23:00")
        expect(page.get_by_test_id("fault")).to_contain_text("请从 22:00 或更早开始，到 07:00 或更晚结束")
        handler.picture("settings-how-told-short")
        save = page.get_by_test_id("how-told-save")
        save.click()
        page.get_by_test_id("quiet-from").fill("21:30")
        page.get_by_test_id("quiet-until").fill("08:00")
        expect(page.get_by_test_id("means")).to_contain_text("21:30 到第二天 08:00，共 10 小时 30 分")
        page.context.set_offline(True)
        save.click()
        expect(page.get_by_test_id("not-saved")).to_contain_text("您填的还在这里")
        handler.picture("settings-how-told-offline")
        assert settings_of(stack, "handler2") == before
        page.context.set_offline(False)
        save.click()
        expect(save).to_have_count(0)
        expect(page.get_by_test_id("quiet")).to_contain_text("21:30 到第二天 08:00 不打扰")
        own = before | {"quiet": {"from": "21:30", "until": "08:00"}}
        assert settings_of(stack, "handler2") == own

        page.context.set_offline(True)
        page.get_by_test_id("how-told").click()
        expect(page.locator("dialog [role=alert]")).to_contain_text("设置没有变")
        page.context.set_offline(False)
        page.locator("dialog").get_by_text("再试一次", exact=True).click()
        expect(page.get_by_test_id("quiet-from")).to_have_value("21:30")
        page.get_by_test_id("quiet-street").check()
        page.locator("dialog").get_by_text("English", exact=True).click()
        save.click()
        expect(page.get_by_test_id("quiet")).to_contain_text("22:00 到第二天 07:00 不打扰")
        assert settings_of(stack, "handler2") == before | {"language": "en"}
