"""What goes wrong with phones: two tabs, two people, two taps, lost answers, a server that is down, a
session that ended, a browser that was killed, no permission. Nothing is lost, nothing arrives twice."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Request, Route, expect

from tests.e2e.conftest import CHROMIUM_FLAGS, PHONE, Person, Stack, chromium_path
from tests.e2e.sheet_film import film_of_tag
from tests.e2e.steps import Plan, board_round, eventually, plan_round, sign_in

SYNC = "**/api/v1/sync"
OPTIONS: dict[str, Any] = {
    "viewport": PHONE,
    "locale": "zh-CN",
    "timezone_id": "Asia/Shanghai",
    "permissions": ["geolocation", "camera"],
    "has_touch": True,
    "is_mobile": True,
}
COUNT_WAKE_LOCKS = """
window.wakeLocks = 0
navigator.wakeLock.request = async () => { window.wakeLocks += 1; return { released: false, release: async () => {} } }
"""


@dataclass
class Walker:
    """patrol2 on a round of its own, its phone and its stack."""

    stack: Stack
    plan: Plan
    context: BrowserContext
    page: Page

    def arrived(self) -> list[str]:
        """Ids of the round's check-ins that the server has, one for each time it has them."""
        return [check_in["id"] for check_in in board_round(self.stack, self.plan)[1]]

    def open(self) -> None:
        """Load the app and go to the round."""
        self.page.goto("/field/")
        self.page.get_by_test_id("round").filter(has_text=self.plan.name).click()


def begin_round(page: Page, plan: Plan) -> None:
    """On duty where one is not yet, and off on the round."""
    page.get_by_test_id("start-shift").click()
    expect(page.get_by_test_id("recording")).to_contain_text("正在记录位置")
    page.get_by_test_id("round").filter(has_text=plan.name).click()
    page.get_by_test_id("start-round").click()
    expect(page.get_by_test_id("check-in")).to_be_visible()  # it is in the log


def check_in_again(page: Page) -> None:
    """Check in at the first stop, the first time or once more."""
    page.get_by_test_id("stop").first.click()
    page.get_by_test_id("check-in").click()
    page.get_by_test_id("check-in-sure").click()
    expect(page.get_by_test_id("check-in-sure")).to_have_count(0)


def all_sent(page: Page) -> None:
    expect(page.get_by_test_id("unsent")).to_contain_text("全部已上传")


def some_unsent(page: Page) -> None:
    expect(page.get_by_test_id("unsent")).to_contain_text(re.compile(r"[1-9][0-9]* 条"))


def installed(page: Page) -> None:
    """Wait until the app is on the phone and opens without network."""
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")


def unsent_on(page: Page, tmp_path: Path) -> dict[str, Any]:
    """What the app exports as unsent; the page is at the settings afterwards."""
    page.get_by_test_id("unsent").click()
    with page.expect_download() as download:
        page.get_by_test_id("export").click()
    assert download.value.suggested_filename.endswith(".json")
    path = tmp_path / "unsent.json"
    download.value.save_as(path)
    exported: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return exported


@pytest.fixture(scope="module")
def walker(browser: Browser, stack: Stack) -> Iterator[Walker]:
    plan = plan_round(stack, "多事小巡", 3, number=2)
    context = browser.new_context(base_url=stack.base_url, **OPTIONS)
    context.set_default_timeout(15_000)
    context.set_geolocation(
        {"latitude": plan.stops[0]["lat"], "longitude": plan.stops[0]["lon"], "accuracy": 8}
    )
    page = context.new_page()
    page.add_init_script(COUNT_WAKE_LOCKS)
    sign_in(page, "patrol2", "/field/")
    begin_round(page, plan)
    yield Walker(stack, plan, context, page)
    context.close()


def test_screen_stays_on(walker: Walker) -> None:
    """While a round runs the app asks the phone to keep its screen on."""
    eventually(lambda: walker.page.evaluate("window.wakeLocks"), "the request")


def test_double_tap(walker: Walker) -> None:
    """Two taps on one form are one check-in."""
    walker.open()
    before = walker.arrived()
    walker.page.get_by_test_id("check-in").click()
    walker.page.get_by_test_id("check-in-sure").evaluate("button => { button.click(); button.click() }")
    expect(walker.page.get_by_test_id("check-in-sure")).to_have_count(0)
    eventually(lambda: len(walker.arrived()) > len(before), "the check-in")
    all_sent(walker.page)
    assert len(walker.arrived()) == len(before) + 1


def test_answer_lost(walker: Walker) -> None:
    """An answer that never reaches the phone makes it send again, and the check-in counts once."""
    walker.open()
    all_sent(walker.page)
    before = walker.arrived()
    lost: list[int] = []

    def lose(route: Route) -> None:
        lost.append(route.fetch().status)
        route.abort("connectionreset")

    walker.page.route(SYNC, lose, times=1)
    check_in_again(walker.page)
    all_sent(walker.page)
    assert lost == [200]
    assert len(walker.arrived()) == len(before) + 1


def test_server_down(walker: Walker) -> None:
    """While the server is down work goes on and nothing is lost; all of it arrives when it is back."""
    walker.open()
    before = walker.arrived()
    everything = "**/api/**"
    walker.page.route(everything, lambda route: route.fulfill(status=503, body="<h1>Bad gateway</h1>"))
    check_in_again(walker.page)
    check_in_again(walker.page)
    some_unsent(walker.page)
    expect(walker.page.get_by_test_id("last-sync")).to_contain_text("离线")
    walker.page.unroute(everything)
    all_sent(walker.page)
    assert len(walker.arrived()) == len(set(walker.arrived())) == len(before) + 2


def test_two_tabs(walker: Walker) -> None:
    """Two tabs of one person: one of them records, what both write arrives once, and the chain holds."""
    walker.open()
    before = walker.arrived()
    second = walker.context.new_page()
    second.goto("/field/")
    second.get_by_test_id("round").filter(has_text=walker.plan.name).click()
    expect(second.get_by_test_id("check-in")).to_be_visible()
    recording = [page.get_by_test_id("recording").inner_text() for page in (walker.page, second)]
    assert sorted(text.strip() == "正在记录位置" for text in recording) == [False, True], recording
    walker.context.set_offline(True)
    check_in_again(walker.page)
    check_in_again(second)
    check_in_again(walker.page)
    some_unsent(second)
    walker.context.set_offline(False)
    all_sent(walker.page)
    all_sent(second)
    eventually(lambda: len(walker.arrived()) >= len(before) + 3, "what both tabs wrote")
    second.close()
    made = board_round(walker.stack, walker.plan)[1]
    assert len({check_in["id"] for check_in in made}) == len(made) == len(before) + 3
    assert not [c for c in made if {"broken_chain", "bad_signature"} & set(c["reasons"])]
    verified = walker.stack.flask("ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_export_and_session_ended_elsewhere(walker: Walker, tmp_path: Path) -> None:
    """Unsent entries can be saved as a file; a session that was ended elsewhere loses none of them: the
    app asks to sign in again and then sends."""
    walker.open()
    all_sent(walker.page)
    before = walker.arrived()
    walker.context.set_offline(True)
    check_in_again(walker.page)
    exported = unsent_on(walker.page, tmp_path)
    payloads = [json.loads(entry["payload"]) for entry in exported["entries"]]
    assert [p["kind"] for p in payloads].count("check_in") == 1
    assert [p["id"] for p in payloads] == [entry["id"] for entry in exported["entries"]]
    assert all(re.fullmatch(r"[\w-]{86}", entry["signature"]) for entry in exported["entries"])
    walker.stack.call("patrol2", "DELETE", "/api/v1/sessions")
    walker.stack.tokens.pop("patrol2")
    walker.context.set_offline(False)
    expect(walker.page.get_by_text("登录已结束，请重新登录。未上传的记录都还在手机里。")).to_be_visible()
    assert walker.arrived() == before
    sign_in(walker.page, "patrol2", "/field/")
    all_sent(walker.page)
    assert len(walker.arrived()) == len(before) + 1


def test_new_version(walker: Walker) -> None:
    """A new version waits until the person takes it; then the app starts again with it, nothing lost."""
    walker.open()
    installed(walker.page)
    all_sent(walker.page)
    before = walker.arrived()
    # Another address is another script to the browser, so that this one is installed and waits
    walker.page.evaluate(
        "navigator.serviceWorker.register('/field/service-worker.js?newer', { scope: '/field/' }).then(() => true)"
    )
    take = walker.page.get_by_role("button", name="立即更新")
    expect(take).to_be_visible()
    walker.context.set_offline(True)
    check_in_again(walker.page)
    with walker.page.expect_navigation():
        take.click()
    some_unsent(walker.page)
    controller = walker.page.evaluate("navigator.serviceWorker.controller.scriptURL")
    assert controller.endswith("?newer")
    walker.context.set_offline(False)
    all_sent(walker.page)
    assert len(walker.arrived()) == len(before) + 1


def test_somebody_else_signs_in(stack: Stack, people: Callable[..., Person]) -> None:
    """Somebody else may use the phone: the first person's entries stay on it, never travel with the
    other's name, and are sent when the first signs in again."""
    phone: Person = people(PHONE)
    phone.stand_at(31.2367, 121.4098)
    page = phone.page
    sent: list[dict[str, Any]] = []

    def note(request: Request) -> None:
        if request.url.endswith("/api/v1/sync"):
            sent.append(request.post_data_json)

    page.on("request", note)
    sign_in(page, "patrol3", "/field/")
    expect(page.get_by_test_id("start-shift")).to_be_visible()
    installed(page)
    phone.context.set_offline(True)
    page.get_by_test_id("start-shift").click()
    some_unsent(page)
    page.goto("/field/settings")
    page.get_by_test_id("sign-out").click()
    page.get_by_test_id("sign-out-sure").click()
    expect(page.locator("input[name=username]")).to_be_visible()
    # The first person's own tries, and what they sent before the network went, are not the matter here
    sent.clear()
    phone.context.set_offline(False)
    sign_in(page, "patrol4", "/field/")
    page.get_by_test_id("start-shift").click()
    page.get_by_test_id("end-shift").wait_for()
    all_sent(page)

    def on_duty() -> set[str]:
        names = {p["id"]: p["username"] for p in stack.call("admin1", "GET", "/api/v1/staff")["items"]}
        return {names[row["user_id"]] for row in stack.call("admin1", "GET", "/api/v1/duty")["items"]}

    eventually(lambda: "patrol4" in on_duty(), "the second person's shift")
    assert "patrol3" not in on_duty()
    assert len({request["log"] for request in sent}) == 1
    page.get_by_test_id("end-shift").click()
    page.get_by_test_id("end-shift-sure").click()
    page.get_by_test_id("start-shift").wait_for()
    all_sent(page)
    page.goto("/field/settings")
    page.get_by_test_id("sign-out").click()
    page.get_by_test_id("sign-out-sure").click()
    expect(page.locator("input[name=username]")).to_be_visible()
    sign_in(page, "patrol3", "/field/")
    eventually(lambda: "patrol3" in on_duty(), "the first person's shift")
    all_sent(page)
    users = {
        request["log"]: {json.loads(e["payload"])["user"] for e in request["entries"]} for request in sent
    }
    assert len(users) == 2
    assert all(len(owners) == 1 for owners in users.values())


def test_browser_killed(playwright: Playwright, stack: Stack, tmp_path: Path) -> None:
    """A browser that was ended and starts again without network has the shift, the round and what is unsent."""
    plan = plan_round(stack, "断网小巡", 3, number=5)

    def launch() -> BrowserContext:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=chromium_path(),
            args=CHROMIUM_FLAGS,
            base_url=stack.base_url,
            geolocation={"latitude": plan.stops[0]["lat"], "longitude": plan.stops[0]["lon"], "accuracy": 8},
            **OPTIONS,
        )
        context.set_default_timeout(15_000)
        return context

    context = launch()
    page = context.pages[0]
    sign_in(page, "patrol5", "/field/")
    expect(page.get_by_test_id("start-shift")).to_be_visible()
    installed(page)
    context.set_offline(True)
    begin_round(page, plan)
    check_in_again(page)
    context.close()

    context = launch()
    context.set_offline(True)
    page = context.pages[0]
    page.goto("/field/")
    some_unsent(page)
    expect(page.get_by_test_id("end-shift")).to_be_visible()
    page.get_by_test_id("round").filter(has_text=plan.name).click()
    expect(page.get_by_test_id("stop").first).to_contain_text("已记在手机")
    assert board_round(stack, plan)[0]["state"] == "planned"
    context.set_offline(False)
    all_sent(page)
    row, check_ins = board_round(stack, plan)
    assert (row["state"], len(check_ins)) == ("started", 1)
    context.close()


def test_no_permission(stack: Stack, people: Callable[..., Person]) -> None:
    """Without leave to locate one can check in: the app says kindly what that means, the check-in is
    doubtful for want of a fix, and the gap says why."""
    plan = plan_round(stack, "无定位小巡", 2, number=6)
    phone: Person = people(PHONE)
    phone.context.clear_permissions()
    phone.context.grant_permissions(["camera"])
    page = phone.page
    page.clock.install()
    sign_in(page, "patrol6", "/field/")
    page.get_by_test_id("start-shift").click()
    expect(page.get_by_text("没有定位权限。", exact=False)).to_contain_text("仍可签到")
    page.get_by_test_id("round").filter(has_text=plan.name).click()
    page.get_by_test_id("start-round").click()
    page.get_by_test_id("check-in").click()
    page.clock.run_for(16_000)
    expect(page.locator("dialog")).to_contain_text("会标为存疑，由片区长看过再定")
    page.get_by_test_id("check-in-sure").click()
    expect(page.get_by_text("没有定位，片区长会看一下，不用担心。", exact=False)).to_be_visible()
    page.clock.run_for(70_000)
    page.locator("a.back").click()
    page.get_by_test_id("end-shift").click()
    page.get_by_test_id("end-shift-sure").click()
    expect(page.get_by_test_id("start-shift")).to_be_visible()
    page.clock.run_for(2_000)
    all_sent(page)
    row, check_ins = board_round(stack, plan)
    assert [(c["grade"], "no_fix" in c["reasons"]) for c in check_ins] == [("doubtful", True)]
    track = stack.call("leader1", "GET", f"/api/v1/rounds/{row['id']}/track")
    assert [gap["cause"] for gap in track["gaps"]] == ["permission"]


def test_tag_of_the_sheet_is_scanned_offline(playwright: Playwright, stack: Stack, tmp_path: Path) -> None:
    """The camera reads a tag as it is printed on the sheet, without network, and the server knows the tag."""
    plan = plan_round(stack, "扫码小巡", 2, number=7)
    film = film_of_tag(stack, plan.stops[0]["id"], tmp_path / "tag.y4m")
    flags = [*CHROMIUM_FLAGS, f"--use-file-for-fake-video-capture={film}"]
    browser = playwright.chromium.launch(executable_path=chromium_path(), args=flags)
    context = browser.new_context(
        base_url=stack.base_url,
        geolocation={"latitude": plan.stops[0]["lat"], "longitude": plan.stops[0]["lon"], "accuracy": 8},
        **OPTIONS,
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    sign_in(page, "patrol7", "/field/")
    installed(page)
    begin_round(page, plan)
    context.set_offline(True)
    assert not page.evaluate("'BarcodeDetector' in window")  # so that the app's own reader is what is proven
    page.get_by_test_id("check-in").click()
    page.get_by_test_id("scan").click()
    expect(page.get_by_text("已扫点位码")).to_be_visible()
    page.get_by_test_id("check-in-sure").click()
    expect(page.get_by_test_id("check-in-sure")).to_have_count(0)
    context.set_offline(False)
    all_sent(page)
    row, check_ins = board_round(stack, plan)
    assert len(check_ins) == 1
    detail = stack.call("admin1", "GET", f"/api/v1/rounds/{row['id']}")
    assert detail["stops"][0]["check_ins"][0]["tag_state"] == "right"
    browser.close()
