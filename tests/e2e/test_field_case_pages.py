"""Every page of the field app that is about cases, in both sizes and languages and in large text on the
narrowest phone: pictures to be looked at, and what a machine can judge."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from app.core import clock
from app.core.ids import uuid7
from tests.e2e.conftest import PHONE, PICTURES, ROOT, Stack
from tests.e2e.steps import eventually, go_off_duty, go_on_duty, sign_in
from tests.e2e.test_pages import Album, chinese_data

PHOTOS = ROOT / "tests" / "data" / "photos"
SENT = re.compile("全部已上传|All sent")
ADDRESS = "枣阳路 18 号店外"


def _file(stack: Stack, class_key: str, offset: float, **more: Any) -> dict[str, Any]:
    """A case of the hotline in handler1's area."""
    spots = stack.call("admin1", "GET", "/api/v1/checkpoints?place=310107005-G1")["items"]
    body = {
        "id": str(uuid7()),
        "source": "hotline",
        "source_ref": f"12345-{uuid7()}",
        "class_key": class_key,
        "text": "店外摆摊，占用人行道",
        "address": ADDRESS,
        "lat": spots[0]["lat"] + offset,
        "lon": spots[0]["lon"],
        "found_at": clock.now().isoformat(),
    } | more
    case: dict[str, Any] = stack.call("dispatcher1", "POST", "/api/v1/cases", body)
    return case


@pytest.fixture
def album(browser: Browser, stack: Stack) -> Iterator[Callable[[], Album]]:
    """Makes an album of the field app."""
    contexts: list[BrowserContext] = []
    spots = stack.call("admin1", "GET", "/api/v1/checkpoints?place=310107005-G1")["items"]
    PICTURES.mkdir(parents=True, exist_ok=True)

    def make() -> Album:
        context = browser.new_context(
            base_url=stack.base_url,
            viewport={"width": PHONE["width"], "height": PHONE["height"]},
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
            permissions=["geolocation", "camera", "notifications"],
            geolocation={"latitude": spots[0]["lat"], "longitude": spots[0]["lon"], "accuracy": 8},
            has_touch=True,
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        return Album("field", context.new_page(), _words_of_data(stack))

    yield make
    for context in contexts:
        context.close()


def _words_of_data(stack: Stack) -> set[str]:
    """Chinese texts that have no English: of the catalogue, of reports, of what people wrote."""
    found = chinese_data(stack.call("admin1", "GET", "/api/v1/catalogue"))
    for name in ("patrol1", "handler1", "supervisor1"):
        found |= chinese_data(stack.call(name, "GET", "/api/v1/field/feed"))
    for view in ("live", "ended"):  # messages speak of cases that have left the feed
        found |= chinese_data(stack.call("leader1", "GET", f"/api/v1/cases?view={view}&limit=200"))
    return found | {ADDRESS, "店外摆摊，占用人行道", "门口堆着两箱水果", "不在我的责任区"}


def test_pages_of_who_reports(stack: Stack, album: Callable[[], Album]) -> None:
    """The form of a report with its sheets, the receipt, what became of it."""
    pictures = album()
    page = pictures.page
    with page.expect_response("**/api/v1/catalogue"):
        go_on_duty(stack, page, "patrol1")
    page.goto("/field/reports")
    pictures.take("reports-empty")
    page.goto("/field/report")
    page.get_by_test_id("send-report").wait_for()
    pictures.take("report-empty")
    page.get_by_test_id("files-before").set_input_files(
        [PHOTOS / "own_rubbish_gps.jpg", PHOTOS / "own_bikes_orient6.jpg"]
    )
    expect(page.get_by_test_id("taken")).to_have_count(2)
    page.get_by_test_id("pick-class").click()
    page.get_by_test_id("class-search").wait_for()
    pictures.take("report-classes")
    page.get_by_test_id("class-search").fill("jinggai")
    page.get_by_test_id("class").first.wait_for()
    pictures.take("report-search")
    page.get_by_test_id("class-search").fill("01001")
    page.get_by_test_id("class").first.click()
    page.get_by_test_id("condition").nth(1).click()
    page.get_by_test_id("measured").fill("12")
    page.get_by_test_id("below").wait_for()
    page.get_by_test_id("text").fill("门口堆着两箱水果")
    pictures.take("report-filled")
    page.get_by_test_id("pin").click()
    page.locator("canvas").wait_for()
    pictures.take("report-pin")
    page.get_by_test_id("pin-sure").click()
    page.get_by_test_id("fixed").check()
    pictures.take("report-fixed")
    page.get_by_test_id("discard").click()
    pictures.take("report-discard")
    page.get_by_test_id("discard-sure").click()
    _send(pictures, stack)


def _send(pictures: Album, stack: Stack) -> None:
    page = pictures.page
    _file(stack, "M-09005", 0.0)
    page.goto("/field/")
    page.get_by_test_id("report").click()
    page.get_by_test_id("files-before").set_input_files(PHOTOS / "own_stall_far.jpg")
    page.get_by_test_id("pick-class").click()
    page.get_by_test_id("class-search").fill("kmyy")
    page.get_by_test_id("class").first.click()
    expect(page.get_by_test_id("taken")).to_have_count(1)
    page.get_by_test_id("send-report").click()
    page.get_by_test_id("near").first.wait_for()
    pictures.take("report-near")
    page.get_by_test_id("report-anyway").click()
    expect(page.get_by_test_id("receipt")).to_contain_text("CY2")
    pictures.take("report-receipt")
    expect(page.get_by_test_id("unsent")).to_contain_text(SENT)
    page.goto("/field/reports")
    page.get_by_test_id("case").first.wait_for()
    pictures.take("reports")
    go_off_duty(page)
    pictures.close()


def test_pages_of_who_handles(stack: Stack, album: Callable[[], Album]) -> None:
    """Tasks, a case with every sheet, the inbox, the settings."""
    pictures = album()
    page = pictures.page
    go_on_duty(stack, page, "handler1")
    case = _file(stack, "M-09005", 0.0001)
    _file(stack, "M-06001", 0.0002)
    page.goto("/field/inbox")
    page.get_by_test_id("told").first.wait_for()
    pictures.take("inbox")
    page.goto("/field/")
    page.get_by_test_id("home-tasks").wait_for()
    pictures.take("home-tasks")
    page.goto("/field/cases")
    page.get_by_test_id("case").first.wait_for()
    pictures.take("cases")
    page.goto(f"/field/cases/{case['id']}")
    page.get_by_test_id("step-accept").wait_for()
    expect(page.get_by_test_id("timeline").locator("li")).not_to_have_count(0)
    pictures.take("case")
    page.get_by_test_id("due").locator("summary").click()
    pictures.take("case-arithmetic")
    for name in ("return", "ask_hold", "ask_extension", "note"):
        page.get_by_test_id(f"step-{name}").click()
        page.get_by_test_id("step-sure").wait_for()
        pictures.take(f"step-{name}")
        page.locator("dialog .cross").click()
    page.get_by_test_id("way").click()
    pictures.take("case-way")
    page.locator("dialog .cross").click()
    page.get_by_test_id("step-accept").click()
    page.get_by_test_id("step-resolve").wait_for()
    pictures.take("case-accepted")
    page.get_by_test_id("step-resolve").click()
    page.get_by_test_id("files-after").set_input_files(PHOTOS / "own_rubbish_old.jpg")
    expect(page.get_by_test_id("taken")).to_have_count(1)
    pictures.take("step-resolve")
    page.get_by_test_id("step-sure").click()
    expect(page.get_by_test_id("unsent")).to_contain_text(SENT)
    eventually(
        lambda: stack.call("leader1", "GET", f"/api/v1/cases/{case['id']}")["state"] == "resolved", "the end"
    )
    page.goto("/field/settings")
    page.get_by_test_id("push").wait_for()
    pictures.take("settings-push")
    page.get_by_test_id("how-told").click()
    page.get_by_test_id("quiet-own").check()
    pictures.take("settings-how-told")
    page.locator("dialog .cross").click()
    _check(pictures, case["id"])


def _check(pictures: Album, case_id: str) -> None:
    """What the one sees who checks it."""
    page = pictures.page
    page.get_by_test_id("sign-out").click()
    page.get_by_test_id("sign-out-sure").click()
    page.locator("input[name=username]").wait_for()
    sign_in(page, "supervisor1", "/field/")
    page.get_by_test_id("tab-cases").click()
    page.get_by_test_id("to-verify").wait_for()
    pictures.take("cases-to-verify")
    page.goto(f"/field/cases/{case_id}")
    page.get_by_test_id("picture").first.wait_for()
    pictures.take("case-to-verify")
    page.get_by_test_id("case-photos").get_by_role("button").first.click()
    page.locator("dialog").get_by_test_id("picture").wait_for()
    pictures.take("case-photo")
    page.locator("dialog .cross").click()
    for name in ("verify_pass", "verify_fail"):
        page.get_by_test_id(f"step-{name}").click()
        page.get_by_test_id("step-sure").wait_for()
        pictures.take(f"step-{name}")
        page.locator("dialog .cross").click()
    pictures.close()
