"""Every page of the console that is about cases, in both sizes and languages: pictures to be looked at, and what
a machine can judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.cli.phone import wire_fix
from app.core import clock
from app.core.fields import wire_time
from app.core.ids import uuid7
from tests.e2e.conftest import DESKTOP, PICTURES, Stack
from tests.e2e.handset import Handset
from tests.e2e.steps import sign_in
from tests.e2e.test_pages import Album, chinese_data

TRADE, DIRT = "M-09005", "M-06012"
SAID = "货架摆到人行道上，行人只能走车道。"
ADDRESS = "梅岭北路 15 号"
RETURNED = "这一段归市场监管，不归我们。"
ASKED = "要等吊车来，请多给两小时。"
HELD = "店主明早才回来，约好当面处理。"
DONE = "货架收进店里了。"


@pytest.fixture(scope="module")
def cases(stack: Stack) -> dict[str, str]:
    """Cases in the states that look different: their ids by state."""
    spots = stack.call("admin1", "GET", "/api/v1/checkpoints?place=310107005-G1")["items"]
    patrol, handler = Handset(stack, "patrol1"), Handset(stack, "handler1")

    def report(nth: int, class_key: str = TRADE, **more: Any) -> str:
        spot = spots[nth % len(spots)]
        return patrol.report(class_key, spot["lat"], spot["lon"], text=SAID, address=ADDRESS, **more)

    def step(username: str, case_id: str, path: str, **body: Any) -> None:
        stack.call(username, "POST", f"/api/v1/cases/{case_id}/{path}", {"id": str(uuid7())} | body)

    made = {name: report(nth) for nth, name in enumerate(("returned", "asked", "held", "resolved", "raised"))}
    handler.give_back(made["returned"], RETURNED)
    handler.accept(made["asked"])
    handler.send("case_extension_asked", {"case": made["asked"], "text": ASKED, "amount": 2})
    handler.accept(made["held"])
    until = wire_time(clock.now() + timedelta(hours=16))
    step("dispatcher1", made["held"], "hold", text=HELD, until=until)
    handler.accept(made["resolved"])
    handler.resolve(made["resolved"], DONE)
    step("supervisor1", made["raised"], "raising", text=SAID)
    report(5, DIRT, fixed_on_spot=True)
    made["vague"] = report(
        6, DIRT, fix=wire_fix(spots[0]["lat"], spots[0]["lon"], clock.now()) | {"acc": 528.0}
    )
    return made


@pytest.fixture
def album(browser: Browser, stack: Stack, cases: dict[str, str]) -> Iterator[Callable[[], Album]]:
    """Makes an album of the console."""
    contexts: list[BrowserContext] = []
    PICTURES.mkdir(parents=True, exist_ok=True)

    def make() -> Album:
        context = browser.new_context(
            base_url=stack.base_url,
            viewport={"width": DESKTOP["width"], "height": DESKTOP["height"]},
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        return Album("console", context.new_page(), _words_of_data(stack, cases))

    yield make
    for context in contexts:
        context.close()


def _words_of_data(stack: Stack, cases: dict[str, str]) -> set[str]:
    """Chinese texts that have no English: of the catalogue, of cases, of what people wrote."""
    asked = ["/catalogue", "/cases?limit=200", "/cases?view=ended&limit=200", "/policies", "/policies/1"]
    found = chinese_data([stack.call("leader1", "GET", f"/api/v1{path}") for path in asked])
    for case_id in cases.values():
        found |= chinese_data(stack.call("leader1", "GET", f"/api/v1/cases/{case_id}"))
    return found | {ADDRESS}


def _open(page: Page, path: str, shows: str) -> None:
    page.goto(f"/console{path}")
    page.locator(shows).first.wait_for()
    expect(page.locator("canvas")).to_have_count(1 if path.startswith("/cases") else 0)


def test_pages_of_a_dispatcher(stack: Stack, album: Callable[[], Album], cases: dict[str, str]) -> None:
    """The board with its filters, the export, a case with the forms of its steps."""
    pictures = album()
    page = pictures.page
    sign_in(page, "dispatcher1", "/console/")
    page.locator("header.bar nav").wait_for()
    _open(page, "/cases", "[data-test=case]")
    pictures.take("cases")
    page.locator(".filters .row .button").click()
    pictures.take("cases-filters")
    page.get_by_test_id("class-search").fill("jinggai")
    page.get_by_test_id("found-class").first.wait_for()
    pictures.take("cases-class")
    page.get_by_test_id("case-number").fill("0000-0000")
    page.locator(".list .empty").wait_for()
    pictures.take("cases-none")
    _open(page, "/cases?view=ended", "[data-test=case]")
    pictures.take("cases-ended")
    page.get_by_test_id("export").click()
    pictures.take("cases-export")
    _open(page, f"/cases/{cases['asked']}", "[data-test=photo]")
    pictures.take("case")
    page.locator(".head summary").click()
    pictures.take("case-arithmetic")
    for action in ("dispatch", "call_in", "decide", "hold", "link", "void"):
        page.get_by_test_id(f"do-{action}").first.click()
        page.get_by_test_id("step-sure").wait_for()
        expect(page.locator("dialog .ask-state")).to_have_count(0)
        pictures.take(f"step-{action}")
        page.locator("dialog .cross").click()
    page.get_by_test_id("photo").first.click()
    page.locator("dialog img").wait_for()
    pictures.take("case-photo")
    page.locator("dialog .cross").click()
    page.get_by_test_id("bell").click()
    page.get_by_test_id("notice").first.wait_for()
    pictures.take("inbox")
    page.get_by_test_id("how-told").click()
    page.get_by_test_id("quiet-own").check()
    pictures.take("how-told")
    page.locator("dialog .cross").click()
    _open(page, f"/cases/{cases['held']}", "[data-test=photo]")
    pictures.take("case-held")
    _open(page, f"/cases/{cases['resolved']}", "[data-test=photo]")
    page.get_by_test_id("do-verify").click()
    page.get_by_test_id("verdict-no").check()
    pictures.take("step-verify")
    page.locator("dialog .cross").click()
    _open(page, f"/cases/{cases['vague']}", "[data-test=photo]")
    expect(page.get_by_test_id("vague")).to_contain_text("528")
    pictures.take("case-vague")
    pictures.close()


def test_pages_of_a_leader(stack: Stack, album: Callable[[], Album], cases: dict[str, str]) -> None:
    """A return to decide, a case that was raised, the duties, the policy with a dry run and its faults."""
    pictures = album()
    page = pictures.page
    sign_in(page, "leader1", "/console/")
    page.locator("header.bar nav").wait_for()
    _open(page, f"/cases/{cases['returned']}", "[data-test=photo]")
    pictures.take("case-returned")
    page.get_by_test_id("do-arbitrate").click()
    page.get_by_test_id("candidate").last.click()
    page.get_by_test_id("candidate-warning").first.wait_for()
    pictures.take("step-arbitrate")
    page.locator("dialog .cross").click()
    _open(page, f"/cases/{cases['raised']}", "[data-test=photo]")
    pictures.take("case-raised")
    page.get_by_test_id("do-name_watcher").click()
    pictures.take("step-name-watcher")
    page.locator("dialog .cross").click()
    _open(page, "/policies", ".chain")
    pictures.take("policy")
    page.get_by_test_id("try-policy").click()
    page.get_by_test_id("class-search").fill("kmyy")
    page.get_by_test_id("found-class").first.click()
    page.get_by_test_id("dry-run").click()
    page.get_by_test_id("moments").locator("li").first.wait_for()
    pictures.take("policy-dry-run")
    page.get_by_test_id("edit-policy").click()
    text = page.get_by_test_id("policy-text")
    text.fill("\n".join(line for line in text.input_value().splitlines() if '"overdue"' not in line))
    page.get_by_test_id("check-policy").click()
    page.get_by_test_id("faults").wait_for()
    pictures.take("policy-faults")
    pictures.close()


def test_pages_of_duties(stack: Stack, album: Callable[[], Album], cases: dict[str, str]) -> None:
    """The matrix with its form, absences, and what their supervisor sees."""
    pictures = album()
    page = pictures.page
    sign_in(page, "supervisor1", "/console/")
    page.locator("header.bar nav").wait_for()
    _open(page, "/responsibilities", "[data-test=duty]")
    page.get_by_test_id("gaps").wait_for()
    pictures.take("duties")
    page.locator(".absences header .button").click()
    pictures.take("duties-absence")
    page.get_by_test_id("add-duty").click()
    page.locator("dialog").wait_for()
    pictures.take("duties-add")
    pictures.close()
