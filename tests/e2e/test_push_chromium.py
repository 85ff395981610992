"""A push delivered into the service worker of a real Chromium is shown, one for each case, and a tap on it
opens the case. The server learns that it was shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, CDPSession, Page, Playwright, Worker, expect

from app.core import clock
from app.core.ids import uuid7
from app.core.keys import derive_key
from app.notify import receipts
from app.notify.channels.base import Message
from app.notify.channels.web_push import payload
from app.notify.words import Words
from tests.e2e.conftest import CHROMIUM_FLAGS, DESKTOP, PHONE, Person, Stack, chromium_path
from tests.e2e.handset import Handset
from tests.e2e.steps import eventually, go_on_duty, sign_in

STREET = "310107005"
TAP = """async () => {
  const [shown] = await registration.getNotifications()
  const tap = Object.assign(new Event("notificationclick"), { notification: shown, waitUntil: () => {} })
  self.dispatchEvent(tap)
}"""


def _case_for(stack: Stack, username: str) -> dict[str, Any]:
    """A case from the hotline, which the rules give to *username*; what they were told of it."""
    spots = stack.call("admin1", "GET", "/api/v1/checkpoints?place=310107005-G1")["items"]
    body = {
        "id": str(uuid7()),
        "source": "hotline",
        "source_ref": f"12345-{uuid7()}",
        "class_key": "M-09005",
        "text": "店外摆摊",
        "lat": spots[0]["lat"],
        "lon": spots[0]["lon"],
        "found_at": clock.now().isoformat(),
    }
    case = stack.call("dispatcher1", "POST", "/api/v1/cases", body)

    def told() -> dict[str, Any] | None:
        items = stack.call(username, "GET", "/api/v1/notifications")["items"]
        return next((item for item in items if item["subject_id"] == case["id"]), None)

    found: dict[str, Any] = eventually(told, "the notification")
    return found


def _message(stack: Stack, told: dict[str, Any], username: str) -> Message:
    """The push of a notification, as the server would send it."""
    env = (stack.var / "env").read_text()
    secret = re.search(r"SECRET_KEY=['\"]?([^'\"\n]+)", env)
    assert secret is not None
    me = UUID(stack.call(username, "GET", "/api/v1/me")["id"])
    return Message(
        id=UUID(told["id"]),
        kind=told["kind"],
        subject_kind=told["subject_kind"],
        subject_id=UUID(told["subject_id"]),
        words=Words(told["title"], told["body"]),
        language="zh",
        urgent=told["urgent"],
        told_at=datetime.fromisoformat(told["told_at"]),
        name="",
        receipt=receipts.issue(derive_key(secret[1], "receipt"), STREET, me, UUID(told["id"])),
    )


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Instead of the others' browser, one that shows notifications."""
    launched = playwright.chromium.launch(executable_path=chromium_path(whole=True), args=CHROMIUM_FLAGS)
    yield launched
    launched.close()


def _registration(browser: CDPSession, scope: str = "/field/") -> str:
    """The id of an app's service worker, as the browser tells it."""
    found: list[str] = []

    def updated(event: dict[str, Any]) -> None:
        found.extend(r["registrationId"] for r in event["registrations"] if r["scopeURL"].endswith(scope))

    browser.on("ServiceWorker.workerRegistrationUpdated", updated)
    browser.send("ServiceWorker.enable")
    eventually(lambda: (browser.send("ServiceWorker.enable"), found)[1], "the service worker")
    return found[0]


def _shown(worker: Worker) -> list[dict[str, str]]:
    found: list[dict[str, str]] = worker.evaluate(
        "async () => (await registration.getNotifications()).map(n => ({title: n.title, body: n.body}))"
    )
    return found


def _ready(stack: Stack, person: Person) -> Page:
    """handler1 on duty, with the app's service worker at work."""
    person.context.grant_permissions(["geolocation", "camera", "notifications"])
    spots = stack.call("admin1", "GET", "/api/v1/checkpoints?place=310107005-G1")["items"]
    person.stand_at(spots[0]["lat"], spots[0]["lon"])
    page = person.page
    go_on_duty(stack, page, "handler1")
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    return page


def test_a_push_is_shown_and_a_tap_opens_the_case(stack: Stack, people: Callable[..., Person]) -> None:
    person: Person = people(PHONE, "zh-CN")
    page = _ready(stack, person)
    told = _case_for(stack, "handler1")
    message = _message(stack, told, "handler1")
    browser = person.context.new_cdp_session(page)
    registration = _registration(browser)
    worker = eventually(lambda: person.context.service_workers, "the worker")[0]

    def push(one: Message) -> None:
        text = payload(one).decode()
        address = {"origin": stack.base_url, "registrationId": registration, "data": text}
        browser.send("ServiceWorker.deliverPushMessage", address)

    push(message)
    eventually(lambda: _shown(worker) == [{"title": told["title"], "body": told["body"]}], "the notification")
    push(replace(message, words=Words("快到期", "请尽快处置。")))  # of the same case: takes its place
    eventually(lambda: _shown(worker) == [{"title": "快到期", "body": "请尽快处置。"}], "the newer one")

    def row() -> dict[str, Any]:
        items = stack.call("handler1", "GET", "/api/v1/notifications")["items"]
        return next(item for item in items if item["id"] == told["id"])

    eventually(lambda: row()["shown_at"] is not None, "the receipt")
    worker.evaluate(TAP)
    expect(page).to_have_url(re.compile(f"/field/cases/{told['subject_id']}$"))
    expect(page.get_by_test_id("state")).to_contain_text("待接单")
    eventually(lambda: row()["acknowledged_at"] is not None, "the acknowledgement")
    person.picture("case-push-opened")


def test_the_inbox_says_what_is_new_and_opens_it(stack: Stack, people: Callable[..., Person]) -> None:
    person: Person = people(PHONE, "zh-CN")
    page = _ready(stack, person)
    told = _case_for(stack, "handler1")
    page.goto("/field/inbox")
    one = page.get_by_test_id("told").first
    expect(one).to_contain_text(told["title"])
    expect(page.get_by_test_id("read-all")).to_be_visible()
    person.picture("case-inbox")
    one.click()
    expect(page).to_have_url(re.compile("/field/cases/"))


def test_a_new_case_appears_on_an_open_list(stack: Stack, people: Callable[..., Person]) -> None:
    """Without a push and without a touch; the phone asks often what is unread, and then for the rest."""
    page = _ready(stack, people(PHONE, "zh-CN"))
    with page.expect_response("**/api/v1/field/feed"):
        page.goto("/field/cases")
    told = _case_for(stack, "handler1")
    case = stack.call("leader1", "GET", f"/api/v1/cases/{told['subject_id']}")
    row = page.get_by_test_id("tasks").get_by_test_id("case").filter(has_text=case["number"])
    expect(row).to_be_visible(timeout=25_000)


def test_a_push_at_the_desk_opens_the_case_there(stack: Stack, people: Callable[..., Person]) -> None:
    """The console has a worker of its own: what leaders are told opens the console's page, not the phone's."""
    told = _case_for(stack, "handler1")
    Handset(stack, "handler1").give_back(told["subject_id"], "这里归市场监管。")

    def asked() -> dict[str, Any] | None:
        items = stack.call("leader1", "GET", "/api/v1/notifications")["items"]
        return next((item for item in items if item["subject_id"] == told["subject_id"]), None)

    message = _message(stack, eventually(asked, "the arbiter's notification"), "leader1")
    person: Person = people(DESKTOP, "zh-CN")
    person.context.grant_permissions(["notifications"])
    page = person.page
    sign_in(page, "leader1", "/console/")
    page.get_by_test_id("bell").wait_for()
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    browser = person.context.new_cdp_session(page)
    address = {"origin": stack.base_url, "registrationId": _registration(browser, "/console/")}
    browser.send("ServiceWorker.deliverPushMessage", address | {"data": payload(message).decode()})
    worker = eventually(lambda: person.context.service_workers, "the worker")[0]
    shown = [{"title": message.words.title, "body": message.words.body}]
    eventually(lambda: _shown(worker) == shown, "the notification")
    worker.evaluate(TAP)
    expect(page).to_have_url(re.compile(f"/console/cases/{told['subject_id']}$"))
    expect(page.get_by_test_id("state")).to_have_text("已退回，待裁定")
